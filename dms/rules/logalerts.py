"""Alerts about the access log: plain rules, each of which says with figures why it raised one.

Events come in the order of the tree, some at a time. What a rule needs to know of earlier ones is a `Memory`;
however the events are cut into batches, memory and findings come out the same. No rule speaks of the system
itself, and none of events that say that an answer never left.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from statistics import median_low
from typing import assert_never
from uuid import UUID

from dms.base.canonical import Canonical
from dms.base.clock import DAY, HOUR, MINUTE, SECOND, to_datetime
from dms.rules.accessevents import Body, Disclosure, Op, Outcome
from dms.rules.alertterms import (
    AfterRevocation,
    Denials,
    FirstAccess,
    OfOperation,
    OutOfHours,
    Terms,
    Volume,
    Withheld,
    zone,
)

USUAL_HOURS = 30 * 24
"""Hours whose median is what somebody usually sees in one."""

LONGEST_WINDOW = DAY
"""Refusals older than this are in no window."""

IN_FLIGHT = 10 * SECOND
"""So long an operation may run that began before its session ended."""

MOST_EVENTS = 50
"""Events that a hit names at most."""

NOBODY = UUID(int=0)
"""Stands for whoever has not logged in."""

_SLICED = frozenset(
    {Op.ACCESSLIST_EXPORT.value, Op.INVENTORY_EXPORT.value, Op.LOG_EXPORT.value, Op.POLICY_EXPORT.value}
)
"""Operations that leave an event for each slice."""

_READS = {
    "DISCOVER": Disclosure.EXISTENCE,
    "READ_METADATA": Disclosure.METADATA,
    "READ_RESTRICTED": Disclosure.RESTRICTED,
    "READ_CONTENT": Disclosure.CONTENT,
}


class Known(StrEnum):
    """What is remembered of an account or session until something undoes it."""

    MARK = "mark"
    RECORD_CLASS = "class"
    DISABLED = "disabled"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Lost:
    """A refusal of what the account had been shown before."""

    object_id: UUID
    reason: str
    shown_at: int


@dataclass(frozen=True, slots=True)
class Fact:
    """What rules look at of an event."""

    index: int
    event_id: UUID
    body: Body
    lost: Sequence[Lost] = ()

    @property
    def at(self) -> int:
        """Return when it happened."""
        return self.body.head.at

    @property
    def actor(self) -> UUID:
        """Return who acted."""
        return self.body.head.actor_id or NOBODY

    @property
    def hour(self) -> int:
        """Return the hour in which it happened."""
        return self.at // HOUR


@dataclass(frozen=True, slots=True)
class Rule:
    """A saved rule, and the leaf from which on it looks."""

    id: UUID
    terms: Terms
    since_index: int = 0


@dataclass(frozen=True, slots=True)
class Refused:
    """A refusal that is remembered."""

    index: int
    at: int
    event_id: UUID


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a rule raises an alert; of one subject it raises one only."""

    rule_id: UUID
    subject: str
    actor_id: UUID | None
    first_at: int
    last_at: int
    event_ids: tuple[UUID, ...]
    figures: Mapping[str, Canonical]


@dataclass(slots=True)
class Memory:
    """What is known of earlier events, of the accounts that act in a batch at least."""

    hours: dict[UUID, dict[int, int]] = field(default_factory=dict)
    """How many objects each account was shown in an hour."""
    known: dict[tuple[UUID, Known, str], int] = field(default_factory=dict)
    """With the instant at which it became known; sessions under `NOBODY`."""
    refusals: dict[UUID, list[Refused]] = field(default_factory=dict)
    struck: set[tuple[UUID, str]] = field(default_factory=set)
    """Rules with the subjects of which they have raised an alert."""


@dataclass(slots=True)
class Learned:
    """What a batch adds to the memory, and what it found."""

    shown: dict[tuple[UUID, int], int] = field(default_factory=dict)
    known: dict[tuple[UUID, Known, str], int] = field(default_factory=dict)
    forgotten: set[tuple[UUID, Known, str]] = field(default_factory=set)
    refusals: list[tuple[UUID, Refused]] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def lost_reads(body: Body) -> Iterator[tuple[UUID, Disclosure, str]]:
    """Yield the things that a body says were there and refused to be read: how much was asked, and why."""
    for line in body.share.refused:
        if line.exists and line.object_id is not None and line.action in _READS:
            yield line.object_id, _READS[line.action], line.reason


def look(rules: Collection[Rule], memory: Memory, facts: Sequence[Fact]) -> Learned:
    """Judge events in their order; the memory becomes that after them."""
    learned = Learned()
    for fact in facts:
        if fact.body.head.outcome is Outcome.OVER_CLAIMED or fact.body.head.actor_kind == "system":
            continue
        new = _remember(memory, learned, fact)
        for rule in rules:
            if fact.index >= rule.since_index:
                _strike(memory, learned, _findings(rule, memory, fact, new))
    return learned


def _strike(memory: Memory, learned: Learned, findings: Iterable[Finding]) -> None:
    for finding in findings:
        key = (finding.rule_id, finding.subject)
        if key not in memory.struck:
            memory.struck.add(key)
            learned.findings.append(finding)


def usual(memory: Memory, actor: UUID, hour: int) -> tuple[int, int]:
    """Return what an account is shown in the median of its hours before this one, and how many those are."""
    shown = memory.hours.get(actor, {})
    past = [count for when, count in shown.items() if hour - USUAL_HOURS <= when < hour and count]
    return (median_low(past) if past else 0), len(past)


def _remember(memory: Memory, learned: Learned, fact: Fact) -> Mapping[Known, list[str]]:
    """Add an event to the memory; returns which marks and classes its actor had not been shown before."""
    share, actor = fact.body.share, fact.actor
    if share.released and fact.body.head.actor_id is not None:
        key, hours = (actor, fact.hour), memory.hours.setdefault(actor, {})
        hours[fact.hour] = hours.get(fact.hour, 0) + len(share.released)
        learned.shown[key] = learned.shown.get(key, 0) + len(share.released)
    if share.refused and fact.body.place.part == 1:
        refused = Refused(fact.index, fact.at, fact.event_id)
        memory.refusals.setdefault(actor, []).append(refused)
        learned.refusals.append((actor, refused))
    _remember_ends(memory, learned, fact)
    return _remember_shown(memory, learned, fact)


def _remember_shown(memory: Memory, learned: Learned, fact: Fact) -> Mapping[Known, list[str]]:
    opened = [line for line in fact.body.share.released if line.disclosure >= Disclosure.METADATA]
    met = {
        Known.MARK: {str(line.security_id) for line in opened if line.security_id is not None},
        Known.RECORD_CLASS: {line.class_id.hex for line in opened if line.class_id is not None},
    }
    new: dict[Known, list[str]] = {}
    for kind, names in met.items():
        for name in sorted(names):
            key = (fact.actor, kind, name)
            if fact.body.head.actor_id is not None and key not in memory.known:
                memory.known[key] = learned.known[key] = fact.at
                new.setdefault(kind, []).append(name)
    return new


def _remember_ends(memory: Memory, learned: Learned, fact: Fact) -> None:
    """Remember which accounts were disabled and which sessions ended, until an account counts again."""
    head, changed = fact.body.head, [change.object_id for change in fact.body.share.changed]
    if Op.SESSION_END in head.ops:
        ended = changed or ([] if head.session is None else [head.session])
        _know(memory, learned, [(NOBODY, Known.ENDED, each.hex) for each in ended], at=fact.at)
    if Op.USER_DISABLE in head.ops:
        _know(memory, learned, [(each, Known.DISABLED, "") for each in changed], at=fact.at)
    if Op.USER_ENABLE in head.ops:
        for each in changed:
            key = (each, Known.DISABLED, "")
            memory.known.pop(key, None)
            learned.known.pop(key, None)
            learned.forgotten.add(key)


def _know(memory: Memory, learned: Learned, keys: Collection[tuple[UUID, Known, str]], *, at: int) -> None:
    for key in keys:
        memory.known[key] = learned.known[key] = at
        learned.forgotten.discard(key)


def _findings(rule: Rule, memory: Memory, fact: Fact, new: Mapping[Known, list[str]]) -> Iterator[Finding]:
    match rule.terms:
        case Volume():
            yield from _volume(rule, rule.terms, memory, fact=fact)
        case FirstAccess():
            yield from _first_access(rule, Known(rule.terms.of.value), fact, names=new)
        case OutOfHours():
            yield from _out_of_hours(rule, rule.terms, fact)
        case Denials():
            yield from _denials(rule, rule.terms, memory, fact=fact)
        case AfterRevocation():
            yield from _after_revocation(rule, memory, fact)
        case Withheld() | OfOperation():
            yield from _single(rule, rule.terms, fact)
        case _:
            assert_never(rule.terms)


def _first_access(
    rule: Rule, kind: Known, fact: Fact, *, names: Mapping[Known, list[str]]
) -> Iterator[Finding]:
    for name in names.get(kind, ()):
        yield _finding(rule, fact, f"{kind}:{fact.actor.hex}:{name}", {kind.value: name})


def _single(rule: Rule, terms: Withheld | OfOperation, fact: Fact) -> Iterator[Finding]:
    """Judge an event by itself; of several parts the first speaks for all."""
    head = fact.body.head
    figures: dict[str, Canonical] = {}
    if isinstance(terms, OfOperation):
        figures = {"op": sorted(done)} if (done := terms.ops.intersection(head.ops)) else {}
    elif head.withheld:
        figures = {"withheld": head.withheld}
    if figures and fact.body.place.part == 1:
        yield _finding(rule, fact, _occasion(fact), figures)


def _occasion(fact: Fact) -> str:
    """Return what stands for an event; the slices of an export are one occasion in an hour.

    A request's id would not do: whoever sends it chooses it.
    """
    head = fact.body.head
    if head.outcome is Outcome.RELEASED and head.ops[0] in _SLICED:
        return f"slices:{fact.actor.hex}:{head.ops[0]}:{fact.hour}"
    return f"event:{fact.event_id.hex}"


def _volume(rule: Rule, terms: Volume, memory: Memory, *, fact: Fact) -> Iterator[Finding]:
    if fact.body.head.actor_id is None or not fact.body.share.released:
        return
    shown, subject = memory.hours[fact.actor][fact.hour], f"volume:{fact.actor.hex}:{fact.hour}"
    if shown <= terms.floor or (rule.id, subject) in memory.struck:
        return
    median, hours = usual(memory, fact.actor, fact.hour)
    if shown > terms.factor * median:
        figures: dict[str, Canonical] = {
            "shown": shown,
            "usual": median,
            "hours": hours,
            "factor": terms.factor,
            "floor": terms.floor,
        }
        yield _finding(rule, fact, subject, figures, first_at=fact.hour * HOUR)


def _out_of_hours(rule: Rule, terms: OutOfHours, fact: Fact) -> Iterator[Finding]:
    share, head = fact.body.share, fact.body.head
    is_use = share.released or share.changed or Op.SESSION_START in head.ops
    if head.actor_id is None or not is_use or terms.covers(fact.at):
        return
    local = to_datetime(fact.at).astimezone(zone(terms.time_zone))
    figures: dict[str, Canonical] = {
        "local": local.replace(tzinfo=None).isoformat(" ", "minutes"),
        "time_zone": terms.time_zone,
        "opens": terms.opens,
        "closes": terms.closes,
    }
    yield _finding(rule, fact, f"hours:{fact.actor.hex}:{local.date()}", figures)


def _denials(rule: Rule, terms: Denials, memory: Memory, *, fact: Fact) -> Iterator[Finding]:
    if not fact.body.share.refused or fact.body.place.part != 1:
        return
    since = fact.at - terms.minutes * MINUTE
    within = [each for each in memory.refusals[fact.actor] if since < each.at <= fact.at]
    if len(within) >= terms.count:
        # One alert for each stretch of the length of the window, however long the refusals go on.
        subject = f"denials:{fact.actor.hex}:{fact.at // (terms.minutes * MINUTE)}"
        figures: dict[str, Canonical] = {
            "refused": len(within),
            "count": terms.count,
            "minutes": terms.minutes,
        }
        events = tuple(each.event_id for each in within[-MOST_EVENTS:])
        first_at = min(each.at for each in within)
        yield _finding(rule, fact, subject, figures, first_at=first_at, event_ids=events)


def _after_revocation(rule: Rule, memory: Memory, fact: Fact) -> Iterator[Finding]:
    head, day = fact.body.head, fact.at // DAY
    for line in fact.body.share.refused:
        if Op.SESSION_REFUSED in head.ops and line.reason == "disabled" and line.object_id is not None:
            subject = f"login:{line.object_id.hex}:{day}"
            yield _finding(rule, fact, subject, {"what": "log_in"}, actor_id=line.object_id)
    for lost in fact.lost:
        figures: dict[str, Canonical] = {
            "what": "lost",
            "object": lost.object_id.hex,
            "shown_at": lost.shown_at,
            "reason": lost.reason,
        }
        yield _finding(rule, fact, f"lost:{fact.actor.hex}:{lost.object_id.hex}:{day}", figures)
    disabled = memory.known.get((fact.actor, Known.DISABLED, ""))
    if _is_past(disabled, fact):
        yield _finding(
            rule, fact, f"disabled:{fact.actor.hex}:{day}", {"what": "disabled", "since": disabled}
        )
    session = head.session
    ended = None if session is None else memory.known.get((NOBODY, Known.ENDED, session.hex))
    if session is not None and _is_past(ended, fact):
        yield _finding(rule, fact, f"session:{session.hex}", {"what": "session", "since": ended})


def _is_past(end: int | None, fact: Fact) -> bool:
    """Tell whether something was used after its end, and after all that had begun before could run."""
    return end is not None and fact.at > end + IN_FLIGHT


def _finding(
    rule: Rule,
    fact: Fact,
    subject: str,
    figures: Mapping[str, Canonical],
    *,
    actor_id: UUID | None = None,
    first_at: int | None = None,
    event_ids: tuple[UUID, ...] | None = None,
) -> Finding:
    return Finding(
        rule_id=rule.id,
        subject=subject,
        actor_id=actor_id or fact.body.head.actor_id,
        first_at=fact.at if first_at is None else first_at,
        last_at=fact.at,
        event_ids=event_ids or (fact.event_id,),
        figures=figures,
    )
