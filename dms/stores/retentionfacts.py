"""What the retention of things rests on, gathered for many at once, whoever asks: never a row to show.

A handful of statements for any number of things. Source: the records design, section 2, `retention`; what
is derived where nobody recorded a TriggerEvent is told in decision 0034.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import select, update

from dms.base.clock import civil_day
from dms.models.documents import Medium
from dms.models.retention import (
    BindingKind,
    LineState,
    RetentionAct,
    RetentionAssignment,
    RetentionCalendar,
    Target,
    TriggerEvent,
)
from dms.models.schemes import ClassEntry, SchemeEdition
from dms.rules import duefacts
from dms.rules.calendars import FiscalYear
from dms.rules.duefacts import Act, Thing
from dms.rules.duerules import Assignment, AssignmentKind, Origin, RuleWording
from dms.rules.retention import Bound, OfficeRole, TrackMedium, Trigger
from dms.rules.states import EditionState
from dms.stores import retentionplaces, ruleentries
from dms.stores.retentionplaces import Place, Places
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch, session_of

NOT_IN_FORCE = "not_in_force"
"""Why a rule that no edition in force words gives no day."""

_MEDIA: Mapping[Medium, tuple[TrackMedium, ...]] = {
    Medium.DIGITAL: (TrackMedium.ELECTRONIC,),
    # Paper, film or anything else: until its pieces say so, no track is taken where that would decide.
    Medium.PHYSICAL: (TrackMedium.ANY,),
    Medium.HYBRID: (TrackMedium.ELECTRONIC, TrackMedium.ANY),
}


class Calendar(NamedTuple):
    """How the Repository counts days, and which one it is."""

    fiscal_year: FiscalYear
    zone: str
    today: date


class Line(NamedTuple):
    """A rule bound to a Document, an Aggregation or a class: it counts there and below."""

    id: UUID
    target_id: UUID
    rule_id: UUID
    kind: BindingKind
    effective_at: int


class Gathered(NamedTuple):
    """What the outcome of one thing rests on."""

    kind: Target
    thing: Thing
    assignments: tuple[Assignment, ...]
    class_id: UUID | None
    """The class whose rules bear on it."""
    places: tuple[tuple[Origin, UUID], ...]
    """The thing and all above it, the nearest first; its class and those above that come last."""


@dataclass(slots=True)
class Supposed:
    """What would hold if something were changed: previews gather with it, nothing is written."""

    wordings: Mapping[UUID, RuleWording] = field(default_factory=dict)
    """Instead of what is in force."""
    unworded: frozenset[UUID] = frozenset()
    """Rules that no edition would word."""
    class_parents: Mapping[UUID, UUID | None] = field(default_factory=dict)
    offices: Mapping[UUID, str | None] = field(default_factory=dict)
    """Primary offices of classes."""
    added: tuple[Line, ...] = ()
    ended: frozenset[UUID] = frozenset()
    """Lines that would count no more."""


NOTHING = Supposed()


def calendar(work: Work) -> Calendar:
    """Return how days are counted; an operation that writes shares a lock on that (outcome-fence)."""
    columns = (RetentionCalendar.fiscal_month, RetentionCalendar.fiscal_day, RetentionCalendar.zone)
    statement = select(*columns)
    if work.writes:
        statement = statement.with_for_update(read=True)
    (month, day, zone), *_ = fetch(work, statement)
    return Calendar(FiscalYear(month, day), zone, civil_day(work.now, zone))


def set_calendar(work: Work, begins: FiscalYear, zone: str) -> Calendar:
    """Count days so from now on."""
    said = {"fiscal_month": begins.begin_month, "fiscal_day": begins.begin_day, "zone": zone}
    session_of(work).connection().execute(update(RetentionCalendar).values(**said))
    return calendar(work)


def is_any_bound(work: Work) -> bool:
    """Tell whether any rule was ever bound to anything."""
    return bool(fetch(work, select(RetentionAssignment.id).limit(1)))


def gathered(
    work: Work, ids: Collection[UUID], *, days: Calendar, supposed: Supposed = NOTHING
) -> Mapping[UUID, Gathered]:
    """Return what the outcomes of Documents and Aggregations rest on, by id; what is neither is absent."""
    nodes = retentionplaces.places_of(work, ids)
    classes = retentionplaces.classes_above(work, nodes.classes(), supposed.class_parents)
    places = {thing: nodes.places(thing, classes) for thing in nodes.asked}
    lines = _lines(work, {place for each in places.values() for _, place in each}, supposed)
    if not lines:
        return {thing: _bare(nodes, thing, places[thing]) for thing in nodes.asked}
    around = _Around(
        wordings=_wordings(work, {line.rule_id for line in lines}, supposed),
        lines=_by_target(lines),
        offices=_offices(work, classes.keys(), supposed),
        events=_events(work, {place for each in places.values() for _, place in each}),
        acts=_acts(work, {place for each in places.values() for _, place in each}),
        zone=days.zone,
    )
    return {thing: _full(nodes, thing, places[thing], around) for thing in nodes.asked}


class _Around(NamedTuple):
    wordings: Mapping[UUID, RuleWording]
    lines: Mapping[UUID, Sequence[Line]]
    offices: Mapping[UUID, str | None]
    events: Mapping[UUID, Sequence[duefacts.TriggerEvent]]
    acts: Mapping[UUID, Sequence[Act]]
    zone: str


def _lines(work: Work, places: Collection[UUID], supposed: Supposed) -> list[Line]:
    """Return the lines that count at these places, in the order in which they came in effect."""
    rows = fetch(work, _ASSIGNED, {"ids": places})
    ended = {row.ends_id for row in rows} | supposed.ended
    found = [
        Line(row.id, row.target_id, row.rule_id, row.kind, row.effective_at)
        for row in rows
        if row.ends_id is None and row.id not in ended
    ]
    found += [line for line in supposed.added if line.target_id in places]
    return sorted(found, key=lambda line: (line.effective_at, line.id))


_ASSIGNED = select(
    RetentionAssignment.id,
    RetentionAssignment.target_id,
    RetentionAssignment.rule_id,
    RetentionAssignment.kind,
    RetentionAssignment.ends_id,
    RetentionAssignment.effective_at,
).where(in_ids(RetentionAssignment.target_id, "ids"), RetentionAssignment.state == LineState.IN_EFFECT)


BOUND_TO = (
    select(RetentionAssignment.target_kind, RetentionAssignment.target_id)
    .where(
        in_ids(RetentionAssignment.rule_id, "ids"),
        RetentionAssignment.state == LineState.IN_EFFECT,
        RetentionAssignment.ends_id.is_(None),
    )
    .distinct()
)
"""Where rules are bound; where they were once and are no more, too."""


def _by_target(lines: Iterable[Line]) -> Mapping[UUID, Sequence[Line]]:
    found = defaultdict[UUID, list[Line]](list)
    for line in lines:
        found[line.target_id].append(line)
    return found


def _wordings(work: Work, rule_ids: Collection[UUID], supposed: Supposed) -> Mapping[UUID, RuleWording]:
    known = {each: wording for each, wording in supposed.wordings.items() if each in rule_ids}
    asked = rule_ids - known.keys() - supposed.unworded
    found = {**(ruleentries.wordings(work, asked) if asked else {}), **known}
    return {each: found.get(each) or unworded(each) for each in rule_ids}


def unworded(rule_id: UUID) -> RuleWording:
    """Return what is held of a rule that no edition in force words: it still keeps, and gives no day."""
    return RuleWording(rule_id, "", rule_id, Bound.MINIMUM, (), (NOT_IN_FORCE,))


def _offices(work: Work, classes: Collection[UUID], supposed: Supposed) -> Mapping[UUID, str | None]:
    rows = fetch(work, _PRIMARY_OFFICES, {"ids": classes})
    return {**{row[0]: row[1] for row in rows}, **supposed.offices}


_PRIMARY_OFFICES = (
    select(ClassEntry.class_id, ClassEntry.primary_office)
    .join(SchemeEdition, SchemeEdition.id == ClassEntry.edition_id)
    .where(in_ids(ClassEntry.class_id, "ids"), SchemeEdition.state == EditionState.IN_FORCE)
)


def _events(work: Work, places: Collection[UUID]) -> Mapping[UUID, Sequence[duefacts.TriggerEvent]]:
    found = defaultdict[UUID, list[duefacts.TriggerEvent]](list)
    for row in fetch(work, _RECORDED, {"ids": places}):
        event = duefacts.TriggerEvent(
            row.trigger, row.first_day, row.last_day, row.evidence_id, row.is_revocation
        )
        found[row.target_id].append(event)
    return found


_RECORDED = (
    select(
        TriggerEvent.target_id,
        TriggerEvent.trigger,
        TriggerEvent.first_day,
        TriggerEvent.last_day,
        TriggerEvent.evidence_id,
        TriggerEvent.is_revocation,
    )
    .where(in_ids(TriggerEvent.target_id, "ids"))
    .order_by(TriggerEvent.recorded_at, TriggerEvent.id)
)


def _acts(work: Work, places: Collection[UUID]) -> Mapping[UUID, Sequence[Act]]:
    found = defaultdict[UUID, list[Act]](list)
    for row in fetch(work, _CARRIED_OUT, {"ids": places}):
        found[row.target_id].append(Act(row.action, row.done_on, row.medium))
    return found


_CARRIED_OUT = select(
    RetentionAct.target_id, RetentionAct.action, RetentionAct.done_on, RetentionAct.medium
).where(in_ids(RetentionAct.target_id, "ids"))


def _bare(nodes: Places, thing: UUID, places: tuple[tuple[Origin, UUID], ...]) -> Gathered:
    """Return what there is of a thing on which no rule bears: nothing else matters then."""
    bare = Thing(_media(nodes.node(thing)), OfficeRole.ANY)
    return Gathered(_kind(nodes, thing), bare, (), nodes.class_of(thing), places)


def _full(nodes: Places, thing: UUID, places: tuple[tuple[Origin, UUID], ...], around: _Around) -> Gathered:
    assignments = tuple(_assignments(places, around))
    if not assignments:
        return _bare(nodes, thing, places)
    facts = Thing(
        media=_media(nodes.node(thing)),
        office_role=_office_role(nodes, thing, places, around.offices),
        events=tuple(_history(nodes, thing, around)),
        acts=tuple(act for node in nodes.above(thing) for act in around.acts.get(node.id, ())),
    )
    return Gathered(_kind(nodes, thing), facts, assignments, nodes.class_of(thing), places)


def _kind(nodes: Places, thing: UUID) -> Target:
    return Target.DOCUMENT if thing in nodes.documents else Target.AGGREGATION


def _media(node: Place) -> tuple[TrackMedium, ...]:
    return (TrackMedium.ANY,) if node.medium is None else _MEDIA[node.medium]


def _assignments(places: Sequence[tuple[Origin, UUID]], around: _Around) -> Iterable[Assignment]:
    bound = [
        (distance, origin, line)
        for distance, (origin, place) in enumerate(places)
        for line in around.lines.get(place, ())
    ]
    # Numbered among those of this thing: others' lines shall not change what it rests on.
    order = sorted((line.effective_at, line.id) for _, _, line in bound)
    for distance, origin, line in bound:
        kind = AssignmentKind.MANUAL if origin is Origin.THING else AssignmentKind.INHERITED
        if line.kind is BindingKind.OVERRIDE:
            kind = AssignmentKind.OVERRIDE
        number = order.index((line.effective_at, line.id))
        yield Assignment(around.wordings[line.rule_id], kind, origin, line.target_id, distance, number)


def _office_role(
    nodes: Places,
    thing: UUID,
    places: Sequence[tuple[Origin, UUID]],
    offices: Mapping[UUID, str | None],
) -> OfficeRole:
    """Tell whether the office that keeps the thing is the one that answers for its class."""
    keeps = next((node.office for node in nodes.above(thing) if node.office), None)
    classes = (place for origin, place in places if origin is Origin.RECORD_CLASS)
    answers = next((found for each in classes if (found := offices.get(each))), None)
    if not keeps or not answers:
        return OfficeRole.ANY
    return OfficeRole.PRIMARY if _folded(keeps) == _folded(answers) else OfficeRole.OTHER


def _folded(office: str) -> str:
    return " ".join(office.casefold().split())


def _history(nodes: Places, thing: UUID, around: _Around) -> Iterable[duefacts.TriggerEvent]:
    """Return what the rows of the thing say, and then, of each trigger, what was recorded the nearest."""
    yield from _derived(nodes.node(thing), around.zone, is_document=thing in nodes.documents)
    told = set[str]()
    for node in nodes.above(thing):
        recorded = [event for event in around.events.get(node.id, ()) if event.trigger not in told]
        told |= {event.trigger for event in recorded}
        yield from recorded


def _derived(node: Place, zone: str, *, is_document: bool) -> Iterable[duefacts.TriggerEvent]:
    registered = civil_day(node.created_at, zone)
    yield duefacts.TriggerEvent(Trigger.REGISTERED, registered, registered)
    if node.is_dated:
        yield duefacts.TriggerEvent(Trigger.DATED, node.first_day, node.last_day)
        yield duefacts.TriggerEvent(Trigger.CREATED, node.first_day, node.last_day)
    elif is_document:  # what is registered was made by then
        yield duefacts.TriggerEvent(Trigger.CREATED, None, registered)
    if is_document:
        yield duefacts.TriggerEvent(Trigger.RECEIVED, None, registered)


def raise_fence(work: Work) -> None:
    """Let whoever computes outcomes beside this operation begin again with its change in view."""
    session = session_of(work)
    session.flush()
    session.connection().execute(_RAISE)


_RAISE = update(RetentionCalendar).values(changes=RetentionCalendar.changes + 1)
