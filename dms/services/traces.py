"""Whether rows and events name each other: each change has its event, and what an event changed is there.

A row and its event are one transaction and bear one instant, so little of the log need be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from dms.access import revisions
from dms.access.log import changes as logged
from dms.access.log import verify
from dms.services.inspections import SLICE, Finding, Ground, Slice, chunks, fault, slices
from dms.stores import inspection
from dms.stores.inspection import Line
from dms.stores.work import Work


def unrecorded(work: Work, kind: str, made: Mapping[UUID, int]) -> Iterator[Finding]:
    """Yield a fault of each thing that no event of the instant in which it was made says it made."""
    for some in chunks(iter(made.items())):
        for thing, _ in sorted(verify.unnamed(work, some)):
            yield fault("made_without_event", kind, thing, "no event of the log says who made it")


def things(ground: Ground) -> Iterator[Slice]:
    """Look for the event of each thing that somebody made, beside Documents and Versions."""
    for kind in inspection.MADE:

        def body(work: Work, after: UUID | None, kind: str = kind) -> tuple[Sequence[UUID], list[Finding]]:
            made = inspection.made(work, kind, after=after, limit=SLICE)
            return list(made), list(unrecorded(work, kind, made))

        for ids, found in slices(ground, body, lambda thing: thing):
            yield len(ids), found


def lines(ground: Ground) -> Iterator[Slice]:
    """Look for the events that gave and ended each entry, clearance, link and change of a mark."""
    for kind in inspection.LINES:

        def body(work: Work, after: UUID | None, kind: str = kind) -> tuple[Sequence[Line], list[Finding]]:
            rows = inspection.lines(work, kind, after=after, limit=SLICE)
            given = [(row.names, row.given_at) for row in rows]
            ended = [(row.names, row.ended_at) for row in rows if row.ended_at is not None]
            unsaid = verify.unnamed(work, [*given, *ended])
            return rows, [_unsaid(kind, row, unsaid) for row in rows if not unsaid.isdisjoint(row.instants)]

        for rows, found in slices(ground, body, lambda row: row.line_id):
            yield len(rows), found


def events(ground: Ground) -> Iterator[Slice]:
    """Look for what each event says it changed: it is there, unless a later event says it is gone."""
    gone: set[UUID] = set()
    absent: dict[UUID, UUID] = {}

    def body(work: Work, after: UUID | None) -> tuple[Sequence[UUID], None]:
        found = logged.page(work, after=after, limit=SLICE)
        named = {thing: each.event_id for each in found for thing in each.present}
        gone.update(thing for each in found for thing in each.gone)
        there = inspection.existing(work, named)
        absent.update((thing, event_id) for thing, event_id in named.items() if thing not in there)
        return [each.event_id for each in found], None

    for ids, _ in slices(ground, body, lambda event_id: event_id):
        yield len(ids), []
    yield (
        0,
        [
            fault("changed_thing_gone", "event", event_id, f"what it changed is not there: {thing}")
            for thing, event_id in absent.items()
            if thing not in gone
        ],
    )


def _unsaid(kind: str, row: Line, unsaid: frozenset[tuple[UUID, int]]) -> Finding:
    what = "gave it" if (row.names, row.given_at) in unsaid else "ended it"
    return fault("line_without_event", kind, row.line_id, f"no event of the log says who {what}")


def changes(ground: Ground) -> Iterator[Slice]:
    """Look for the event of each change that names one."""
    last = 0
    while rows := ground.read(inspection.revisions, after=last, limit=SLICE):
        found = [*_gaps(rows, after=last), *_revisions_without_event(ground, rows)]
        last = rows[-1][0]
        yield len(rows), found
    head = ground.read(revisions.head)[0]
    if head > last:
        yield 0, [Finding("revision_gap", f"revision:{head}", "the newest policy revisions are missing")]
    lines = ground.read(inspection.lines_without_revision)
    yield 0, [fault("line_without_revision", kind, i, "it names no policy revision") for kind, i in lines]
    named = ground.read(inspection.history_events)
    for ids in chunks(iter(named)):
        absent = ground.read(verify.absent, ids)
        yield (
            len(ids),
            [fault("change_without_event", named[i], i, "the log holds no such event") for i in absent],
        )


def _gaps(rows: Sequence[tuple[int, UUID | None]], *, after: int) -> Iterator[Finding]:
    for number, _ in rows:
        if number != after + 1:
            yield Finding(
                "revision_gap", f"revision:{number}", f"the policy revisions after {after} are missing"
            )
        after = number


def _revisions_without_event(ground: Ground, rows: Sequence[tuple[int, UUID | None]]) -> Iterator[Finding]:
    ids = {event_id for _, event_id in rows if event_id is not None}
    absent = ground.read(verify.absent, ids)
    for number, event_id in rows:
        if event_id is None or event_id in absent:
            yield Finding(
                "revision_without_event", f"revision:{number}", "the log holds no event of this change"
            )
