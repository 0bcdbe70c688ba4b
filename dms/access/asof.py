"""The policy as it stood at an instant, or through a stretch of time: read as values, from history.

The only place that reads history for decisions. Entries, links and clearances carry the revisions that
began and ended them; the state at an instant is that of the greatest revision dated at or before it, so a
change counts from its own instant on, and of several at one instant all count. Where things lay, how they
were marked, how Aggregations hung together and whether accounts counted was kept at each change. For the
present and the future the rows count as they stand now, each in its own period.

Not kept, and therefore as it is now: what the policy files give to roles, and the tree of classes. An
operation is dated by its beginning; what another one read while it was under way was still older.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, func, literal, or_, select

from dms.access import marks
from dms.access.nodes import UNMARKED
from dms.access.standing import of_actor, policy_of
from dms.models.accesslists import AccessEntry, PolicyRevision
from dms.models.aggregations import Aggregation, ParentHistory
from dms.models.documents import Document, PlacementHistory
from dms.models.schemes import RecordClass
from dms.models.security import Clearance
from dms.models.users import (
    EVERYONE_ID,
    Principal,
    PrincipalKind,
    PrincipalLink,
    PrincipalStatus,
    PrincipalStatusHistory,
)
from dms.rules import asof as dates
from dms.rules import reaches
from dms.rules.access import Effect, Line, NodeKind
from dms.rules.asof import FIRST, Dated
from dms.rules.explanations import Spot
from dms.rules.reaches import Figure, Link, Society
from dms.rules.security import Mark
from dms.stores.records import is_a
from dms.stores.work import Work, session_of

AT_ONCE = 500
"""Ids named in one statement."""

_ACCOUNTS = (PrincipalKind.USER, PrincipalKind.SERVICE)

T = TypeVar("T")

Row: TypeAlias = Document | Aggregation
Revised: TypeAlias = AccessEntry | Clearance | PrincipalLink


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of time, and the revisions that it saw."""

    first: int
    last: int
    """Its last instant, not the one after it."""
    low: int
    """The revision in force at the first instant."""
    high: int
    """The revision in force at the last."""
    starts: Mapping[int, int] = field(default_factory=dict)
    """From when each revision after `low` counted."""
    is_present: bool = False
    """Nothing of it lies before now: rows count as they stand."""

    def is_open(self, model: type[Revised]) -> ColumnElement[bool]:
        """Return the SQL of the rows that nobody had ended, at some instant of the span."""
        if self.is_present:
            return model.revision_to.is_(None)
        ended = or_(model.revision_to.is_(None), model.revision_to > self.low)
        return (model.revision_from <= self.high) & ended

    def period(self, row: Any) -> tuple[int, int | None]:  # a row with dates and revisions
        """Return when a row counted: within its own period, not before it was written nor after its end."""
        since, until = row.valid_from, row.valid_until
        if row.revision_from > self.low and row.revision_from in self.starts:
            since = max(since, self.starts[row.revision_from])
        if row.revision_to in self.starts:
            end = self.starts[row.revision_to]
            until = end if until is None else min(until, end)
        return since, until


@dataclass(frozen=True, slots=True)
class Thing:
    """What is asked about: a node, with its row if it has one."""

    kind: NodeKind
    id: UUID
    row: Row | None


@dataclass(slots=True)
class Trees:
    """Both trees in a span; grows as things are asked about."""

    span: Span
    parents: dict[UUID, tuple[Dated[UUID | None], ...]] = field(default_factory=dict)
    _ways: dict[tuple[UUID | None, int], tuple[UUID, ...]] = field(default_factory=dict)

    def way_up(self, start: UUID | None, *, at: int) -> tuple[UUID, ...]:
        """Return a node with all above it at an instant, upwards; known nodes only."""
        known = self._ways.get((start, at))
        if known is not None:
            return known
        way: list[UUID] = []
        node = start
        while node is not None and node not in way:
            way.append(node)
            node = dates.held(self.parents.get(node, ()), at)
        return self._ways.setdefault((start, at), tuple(way))


def moment(work: Work, at: int | None) -> Span:
    """Return one instant as a span; None is now."""
    chosen = work.now if at is None else dates.checked(at)
    return span(work, chosen, chosen)


def span(work: Work, first: int, last: int) -> Span:
    """Return the span from one instant to another, both included."""
    if first >= work.now:
        head = _revision(work, None)
        return Span(first, last, head, head, is_present=True)
    low = _revision(work, first)
    high = low if first == last else _revision(work, None if last >= work.now else last)
    return Span(first, last, low, high, _starts(work, low, high))


def society_above(work: Work, account_ids: Collection[UUID], span: Span) -> Society:
    """Return accounts with all that they belong to over links of any period, at any depth."""
    return _society(work, account_ids, span, upward=True)


def society_below(work: Work, principal_ids: Collection[UUID], span: Span) -> Society:
    """Return principals with all that belongs to them over links of any period, at any depth."""
    return _society(work, principal_ids, span, upward=False)


def clearances(work: Work, account_ids: Collection[UUID], span: Span) -> dict[UUID, tuple[Dated[Mark], ...]]:
    """Return the clearances of accounts with their periods."""
    found: dict[UUID, list[Dated[Mark]]] = {}
    for ids in batches(account_ids):
        statement = select(Clearance).where(Clearance.user_id.in_(ids), span.is_open(Clearance))
        for row in _rows(work, statement.order_by(Clearance.id)):
            mark = Mark(row.level_rank, marks.decode(row.compartments))
            found.setdefault(row.user_id, []).append(Dated(mark, *span.period(row)))
    return {account: tuple(rows) for account, rows in found.items()}


def lines(
    work: Work, node_ids: Collection[UUID], span: Span, *, principal_ids: Collection[UUID] | None = None
) -> list[Line]:
    """Return the lines on nodes with their periods, of these principals or of all."""
    chosen = None if principal_ids is None else list(batches(principal_ids))
    found = []
    for ids in batches(node_ids):
        statement = select(AccessEntry).where(AccessEntry.node_id.in_(ids), span.is_open(AccessEntry))
        for some in [None] if chosen is None else chosen:
            narrow = statement if some is None else statement.where(AccessEntry.principal_id.in_(some))
            found += [_line(row, span) for row in _rows(work, narrow.order_by(AccessEntry.id))]
    return found


def role_lines(work: Work, around: Society) -> list[Line]:
    """Return what the policy files now in force let the roles among these principals do."""
    definitions = policy_of(work).files.roles
    return [
        Line(
            id=f"role:{figure.role}:{action}",
            principal_id=figure.id,
            node_id=of_actor(work).roof.repository_id,
            action=action,
            effect=Effect.ALLOW,
            valid_from=0,
            valid_until=None,
        )
        for figure in around.figures.values()
        if figure.role is not None and figure.role in definitions
        for action in sorted(definitions[figure.role].actions)
    ]


def roles(work: Work) -> dict[str, UUID]:
    """Return the principals of all roles by name."""
    statement = select(Principal.name, Principal.id).where(Principal.kind == PrincipalKind.ROLE)
    return {row[0]: row[1] for row in session_of(work).execute(statement)}


def accounts(work: Work) -> list[UUID]:
    """Return all people and service accounts that there are or were."""
    return list(_rows(work, select(Principal.id).where(Principal.kind.in_(_ACCOUNTS))))


def figures(work: Work, principal_ids: Collection[UUID], span: Span) -> dict[UUID, Figure]:
    """Return principals with when they counted."""
    found: dict[UUID, Figure] = {}
    for ids in batches(principal_ids):
        changes: dict[UUID, list[tuple[int, bool]]] = {}
        if not span.is_present:
            history = PrincipalStatusHistory
            statement = select(history).where(history.principal_id.in_(ids)).order_by(history.id)
            for kept in _rows(work, statement):
                was_active = kept.status is PrincipalStatus.ACTIVE
                changes.setdefault(kept.principal_id, []).append((kept.valid_until, was_active))
        for row in _rows(work, select(Principal).where(Principal.id.in_(ids))):
            is_active = row.status is PrincipalStatus.ACTIVE
            found[row.id] = Figure(
                row.id,
                dates.chapters(row.created_at, changes.get(row.id, ()), current=is_active, now=work.now),
                role=row.name if row.kind is PrincipalKind.ROLE else None,
                is_account=row.kind in _ACCOUNTS,
            )
    return found


def spots(work: Work, things: Sequence[Thing], trees: Trees) -> dict[UUID, tuple[Dated[Spot], ...]]:
    """Return where each thing hung and how it was marked, one after the other within the span."""
    placed = _placements(work, things, trees.span)
    wanted = {each for rows in placed.values() for row in rows for each in row.value.starts()}
    _climb(work, trees, wanted)
    return {thing.id: _spots(work, thing, placed[thing.id], trees) for thing in things}


def batches(ids: Iterable[UUID]) -> Iterator[list[UUID]]:
    """Yield the ids in portions that a statement takes."""
    ordered = sorted(set(ids))
    for start in range(0, len(ordered), AT_ONCE):
        yield ordered[start : start + AT_ONCE]


@dataclass(frozen=True, slots=True)
class _Placement:
    """Where a thing hangs, and its mark."""

    aggregation_id: UUID | None
    class_id: UUID | None
    security_id: int | None

    def starts(self) -> Iterator[UUID]:
        """Yield where its ways upward begin."""
        yield from (each for each in (self.aggregation_id, self.class_id) if each is not None)


def _revision(work: Work, at: int | None) -> int:
    statement = select(func.coalesce(func.max(PolicyRevision.id), 0))
    if at is not None:
        statement = statement.where(PolicyRevision.at <= at)
    return session_of(work).execute(statement).scalar_one()


def _starts(work: Work, low: int, high: int) -> dict[int, int]:
    statement = select(PolicyRevision.id, PolicyRevision.at).where(
        PolicyRevision.id > low, PolicyRevision.id <= high
    )
    rows = [] if low == high else session_of(work).execute(statement.order_by(PolicyRevision.id)).all()
    instants = dates.effective([row[1] for row in rows], now=work.now)
    return {row[0]: instant for row, instant in zip(rows, instants, strict=True)}


def _society(work: Work, starts: Collection[UUID], span: Span, *, upward: bool) -> Society:
    near, far = PrincipalLink.member_id, PrincipalLink.group_id
    if not upward:
        near, far = far, near
    links: dict[UUID, Link] = {}
    known, waiting = set(starts), set(starts)
    while waiting:
        met = set()
        for ids in batches(waiting):
            statement = select(PrincipalLink).where(near.in_(ids), span.is_open(PrincipalLink))
            for row in _rows(work, statement):
                links[row.id] = Link(row.id, row.member_id, row.group_id, *span.period(row))
                met.add(getattr(row, far.key))
        waiting = met - known
        known |= waiting
        work.check_deadline()
    exclusive = policy_of(work).files.exclusive
    found = figures(work, known, span).values()
    return reaches.society(found, links.values(), everyone=EVERYONE_ID, exclusive=exclusive)


def _line(row: AccessEntry, span: Span) -> Line:
    since, until = span.period(row)
    return Line(row.id, row.principal_id, row.node_id, row.action, row.effect, since, until)


def _placements(work: Work, things: Sequence[Thing], span: Span) -> dict[UUID, tuple[Dated[_Placement], ...]]:
    changes: dict[UUID, list[tuple[int, _Placement]]] = {}
    rows = {thing.id: thing.row for thing in things if thing.row is not None}
    for ids in batches(() if span.is_present else rows):
        history = PlacementHistory
        statement = select(history).where(history.object_id.in_(ids)).order_by(history.id)
        for kept in _rows(work, statement):
            is_document = is_a(rows[kept.object_id], Document)
            place = kept.aggregation_id if is_document else kept.object_id
            was = _Placement(place, kept.class_id, kept.security_id)
            changes.setdefault(kept.object_id, []).append((kept.valid_until, was))
    return {
        thing.id: dates.chapters(
            FIRST if thing.row is None else thing.row.created_at,
            changes.get(thing.id, ()),
            current=_placement(thing),
            now=work.now,
        )
        for thing in things
    }


def _placement(thing: Thing) -> _Placement:
    if thing.row is None:
        return _Placement(None, thing.id if thing.kind is NodeKind.CLASS else None, None)
    place = thing.row.aggregation_id if is_a(thing.row, Document) else thing.row.id
    return _Placement(place, thing.row.record_class_id, thing.row.security_id)


def _climb(work: Work, trees: Trees, starts: Collection[UUID]) -> None:
    waiting = set(starts) - trees.parents.keys()
    while waiting:
        found: dict[UUID, tuple[Dated[UUID | None], ...]] = {}
        for ids in batches(waiting):
            found |= _parents(work, ids, trees.span)
        trees.parents.update(dict.fromkeys(waiting, ()) | found)
        above = {row.value for rows in found.values() for row in rows if row.value is not None}
        waiting = above - trees.parents.keys()


def _parents(work: Work, ids: Collection[UUID], span: Span) -> dict[UUID, tuple[Dated[UUID | None], ...]]:
    changes: dict[UUID, list[tuple[int, UUID | None]]] = {}
    if not span.is_present:
        history = ParentHistory
        for kept in _rows(work, select(history).where(history.node_id.in_(ids)).order_by(history.id)):
            changes.setdefault(kept.node_id, []).append((kept.valid_until, kept.parent_id))
    aggregations = select(Aggregation.id, Aggregation.parent_id, Aggregation.created_at)
    classes = select(RecordClass.id, RecordClass.parent_id, literal(FIRST))
    arranged = aggregations.where(Aggregation.id.in_(ids)).union_all(classes.where(RecordClass.id.in_(ids)))
    return {
        row[0]: dates.chapters(row[2], changes.get(row[0], ()), current=row[1], now=work.now)
        for row in session_of(work).execute(arranged)
    }


def _spots(
    work: Work, thing: Thing, placed: Sequence[Dated[_Placement]], trees: Trees
) -> tuple[Dated[Spot], ...]:
    """Cut the span wherever the place or the tree above it changed."""
    span = trees.span
    is_moment = span.first == span.last
    cuts = () if is_moment else [each for each in _cuts(placed, trees) if span.first < each <= span.last]
    told: list[tuple[int, Spot | None]] = []
    for since in sorted({span.first, *cuts}):
        place = dates.held(placed, since)
        spot = None if place is None else _spot(work, thing, place, trees, at=since)
        if not told or told[-1][1] != spot:
            told.append((since, spot))
    ends = [*(since for since, _ in told[1:]), None]
    return tuple(
        Dated(spot, since, end) for (since, spot), end in zip(told, ends, strict=True) if spot is not None
    )


def _cuts(placed: Sequence[Dated[_Placement]], trees: Trees) -> set[int]:
    found = dates.boundaries(placed)
    waiting = {each for row in placed for each in row.value.starts()}
    seen: set[UUID] = set()
    while waiting:
        node = waiting.pop()
        seen.add(node)
        parents = trees.parents.get(node, ())
        found |= dates.boundaries(parents)
        waiting |= {row.value for row in parents if row.value is not None} - seen
    return found


def _spot(work: Work, thing: Thing, place: _Placement, trees: Trees, *, at: int) -> Spot:
    roof = of_actor(work).roof
    own = () if thing.kind in {NodeKind.REPOSITORY, NodeKind.CLASS} else (thing.id,)
    above = trees.way_up(place.aggregation_id, at=at)
    arrangement = (*own, *(each for each in above if each not in own), roof.repository_id)
    classes = [each for each in trees.way_up(place.class_id, at=at) if each != roof.scheme_id]
    security = UNMARKED if place.security_id is None else marks.mark_of(work, place.security_id)
    return Spot(thing.id, arrangement, (*classes, roof.scheme_id), security)


def _rows(work: Work, statement: Select[T]) -> Sequence[T]:
    return session_of(work).execute(statement).scalars().all()
