"""One slice of an order to class many things: decided as who asked, at the moment of the slice.

What is done, what is said of each thing and how far the order came are one transaction and one event.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.ids import derived_id
from dms.models.aggregations import Aggregation
from dms.models.classassignruns import ClassAssignRun
from dms.models.documents import Document
from dms.models.search import SubjectKind
from dms.rules.access import Action
from dms.rules.classassignruns import Chosen, LineOutcome, RunState
from dms.rules.classrules import Classed, ClassedBy
from dms.services import classassignruns, classing, reclassing, schemes
from dms.services.classassignruns import OPS
from dms.services.reclassing import Thing
from dms.stores import classassignruns as lines_of
from dms.stores.records import is_a
from dms.stores.work import Work

_PAGE = 100
_NAMED = frozenset({Chosen.THINGS, Chosen.SEARCH_LIST})
_UNEDITABLE = f"the access list does not give you `{Action.EDIT}` on it"


@dataclass(frozen=True, slots=True)
class Told:
    """How far an order has come."""

    done: int
    total: int | None
    is_over: bool


class _Line(NamedTuple):
    """What became of a thing."""

    object_id: UUID
    outcome: LineOutcome
    refusal: str | None = None
    former_class_id: UUID | None = None
    class_id: UUID | None = None


def step(work: Work, run_id: UUID, *, size: int) -> Told:
    """Go on with an order of the actor's by so many things at most; without effect once it has ended.

    `Invalid` if its class is not in force any more. On PostgreSQL the operation holds `scopes.PLACES`.
    """
    run = classassignruns.own(work).one(run_id)
    work.performs(OPS[run.kind])
    if run.state is not RunState.OPEN:
        return Told(_done(run), run.total, is_over=True)
    if run.record_class_id is not None:
        schemes.class_of(work, run.record_class_id, path=())
    is_named = run.chosen in _NAMED
    lines = _named(work, run, size=size) if is_named else _scanned(work, run, size=size)
    _keep(work, run, lines, is_named=is_named)
    if len(lines) < size:
        classassignruns.end(work, run, RunState.DONE)
    return Told(_done(run), run.total, is_over=len(lines) < size)


def _named(work: Work, run: ClassAssignRun, *, size: int) -> Sequence[_Line]:
    """Class the next of the things that are named; what is hidden by now is gone like what is absent."""
    ids = lines_of.waiting(work, run.id, limit=size)
    rows = classassignruns.visible(work, run.kind, Action.DISCOVER).each(ids)
    decided = gate.may(work, rows.values(), Action.EDIT)
    told = _assigned(work, run, [row for key, row in rows.items() if decided[key].may])
    for key in rows.keys() - told.keys():
        work.refuses(key, action=Action.EDIT, reason=decided[key].reason, exists=True)
        told[key] = _Line(key, LineOutcome.REFUSED, _UNEDITABLE)
    return [told.get(key) or _Line(key, LineOutcome.GONE) for key in ids]


def _scanned(work: Work, run: ClassAssignRun, *, size: int) -> Sequence[_Line]:
    """Class the next of the things that a class or place holds, and who asked may edit, by their ids."""
    model = Document if run.kind is SubjectKind.DOCUMENT else Aggregation
    there = model.created_at <= run.asked_at
    chosen = classassignruns.chosen_by(work, run)
    reading = classassignruns.visible(work, run.kind, Action.EDIT).where(*chosen, there)
    if run.reached is not None:
        reading = reading.where(model.id > run.reached)
    found: Iterator[Thing] = reading.order_by(Order(model.id)).scan(min(size, _PAGE))
    rows = list(islice(found, size))
    if rows:
        run.reached = rows[-1].id
    told = _assigned(work, run, rows)
    return [told[row.id] for row in rows]


def _assigned(work: Work, run: ClassAssignRun, rows: Sequence[Thing]) -> dict[UUID, _Line]:
    """Class rows that who asked may edit, and tell of each what became of it."""
    former = {row.id: row.record_class_id for row in rows}
    given: dict[Classed, list[Thing]] = {}
    for row, classed in zip(rows, _classes(work, run, rows), strict=True):
        if classed.class_id != row.record_class_id:
            given.setdefault(classed, []).append(row)
    told = {key: _Line(key, LineOutcome.UNCHANGED) for key in former}
    note = {"reason": run.reason, "run": run.id.hex}
    for classed, others in given.items():
        refusals = reclassing.assign(work, others, classed, note=note)
        for key in (row.id for row in others):
            told[key] = _Line(key, LineOutcome.CHANGED, None, former[key], classed.class_id)
            if key in refusals:
                told[key] = _Line(key, LineOutcome.REFUSED, refusals[key])
    return told


def _classes(work: Work, run: ClassAssignRun, rows: Sequence[Thing]) -> Sequence[Classed]:
    """Return the class that each thing shall have: that of the order, or what rules and places say."""
    if run.record_class_id is not None:
        return [Classed(run.record_class_id, ClassedBy.HAND)] * len(rows)
    chooser = classing.Chooser(work)
    return [chooser.choose(classing.wording(row), row.aggregation_id) for row in rows if is_a(row, Document)]


def _keep(work: Work, run: ClassAssignRun, lines: Sequence[_Line], *, is_named: bool) -> None:
    if not lines:
        return
    if is_named:
        told = [{**each._asdict(), "line_id": derived_id(run.id, each.object_id)} for each in lines]
        lines_of.tell_lines(work, told)
    else:
        first = _done(run) + 1
        made = [
            {"id": derived_id(run.id, each.object_id), "run_id": run.id, "position": at, **each._asdict()}
            for at, each in enumerate(lines, start=first)
        ]
        lines_of.keep_lines(work, made)
    outcomes = Counter(each.outcome for each in lines)
    run.changed += outcomes[LineOutcome.CHANGED]
    run.unchanged += outcomes[LineOutcome.UNCHANGED]
    run.refused += outcomes[LineOutcome.REFUSED]
    run.gone += outcomes[LineOutcome.GONE]
    run.revision += 1
    work.flush()
    counts = {name: getattr(run, name) for name in ("changed", "unchanged", "refused", "gone")}
    work.changed(run.id, before=run.revision - 1, after=run.revision, old={}, new=counts)


def _done(run: ClassAssignRun) -> int:
    return run.changed + run.unchanged + run.refused + run.gone
