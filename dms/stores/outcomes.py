"""Outcomes of retention: computed from what they rest on, kept for lists, marked where much changes at once.

What changes one thing computes it in its own transaction. What changes many leaves a `RetentionChange`,
which a job goes through in slices; so the cost is that of what changed. INVARIANT (never-stale-shown): who
shows or acts upon an outcome computes it (`computed`), whatever is kept.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date
from functools import cache
from typing import Any, Final, NamedTuple
from uuid import UUID

from sqlalchemy import delete, func, insert, literal_column, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite

from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.retention import RetentionChange, RetentionOutcome, Target
from dms.models.schemes import RecordClass
from dms.rules import duedays
from dms.rules.duedays import MediumOutcome
from dms.rules.jobs import JobKind
from dms.stores import jobs, retentionfacts
from dms.stores.jobs import Order
from dms.stores.records import is_a
from dms.stores.retentionfacts import NOTHING, Calendar, Gathered, Supposed
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch, session_of

DUE_YEAR = func.substr(RetentionOutcome.due_key, literal_column("1"), literal_column("4"))
"""The year of the due day, to group by: without parameters, which PostgreSQL would not know again."""

_RESTED_ON = frozenset(
    {
        "medium",
        "dates",
        "first_day",
        "last_day",
        "aggregation_id",
        "record_class_id",
        "parent_id",
        "office",
    }
)
"""Columns of things on which their outcomes rest."""

_FELT_BELOW = frozenset({"record_class_id", "parent_id", "office"})
"""Columns of Aggregations on which the outcomes of what lies in them rest."""

THINGS = (Document, Aggregation)
"""What has an outcome."""

_AT_ONCE: Final = 500
"""Things that are gathered together."""


class Computed(NamedTuple):
    """The outcome of one thing with what it rests on."""

    gathered: Gathered
    outcome: duedays.RetentionOutcome


class Marked(NamedTuple):
    """What is to be computed anew: an Aggregation with all in it, or a class with those below it."""

    kind: Target
    id: UUID | None = None


EVERYTHING = Marked(Target.EVERYTHING)


def computed(work: Work, ids: Collection[UUID], *, supposed: Supposed = NOTHING) -> Mapping[UUID, Computed]:
    """Compute the outcomes of Documents and Aggregations from nothing; what is neither is absent."""
    if not ids:
        return {}
    days = retentionfacts.calendar(work)
    found = retentionfacts.gathered(work, ids, days=days, supposed=supposed)
    return {thing: _computed(each, days) for thing, each in found.items()}


def _computed(each: Gathered, days: Calendar) -> Computed:
    return Computed(
        each,
        duedays.outcome(each.thing, each.assignments, fiscal_year=days.fiscal_year, today=days.today),
    )


def enter(work: Work, rows: Sequence[Document | Aggregation]) -> None:
    """Keep the outcomes of new things."""
    keep(work, [row.id for row in rows])


def follow(work: Work, row: Document | Aggregation, changed: Collection[str]) -> None:
    """Let outcomes follow a change of these columns of a thing."""
    if _RESTED_ON.isdisjoint(changed):
        return
    if is_a(row, Aggregation) and not _FELT_BELOW.isdisjoint(changed):
        mark(work, [Marked(Target.AGGREGATION, row.id)])
    keep(work, [row.id])


def forget(work: Work, ids: Collection[UUID]) -> None:
    """Forget the outcomes of things that are no more: nothing follows for them."""
    if not ids:
        return
    session = session_of(work)
    session.flush()
    session.connection().execute(delete(RetentionOutcome).where(in_ids(RetentionOutcome.id, ids)))


def keep(work: Work, ids: Collection[UUID]) -> int:
    """Compute outcomes and keep those that became other ones; returns how many that are."""
    written = 0
    wanted = list(ids)
    for start in range(0, len(wanted), _AT_ONCE):
        written += _keep(work, wanted[start : start + _AT_ONCE])
    return written


def _keep(work: Work, ids: Sequence[UUID]) -> int:
    days = retentionfacts.calendar(work)
    found = retentionfacts.gathered(work, ids, days=days)
    kept = {row.id: row for row in fetch(work, _KEPT, {"ids": ids})}
    forget(work, kept.keys() - found.keys())
    rows = []
    for thing, each in found.items():
        digest = duedays.digest(each.thing, each.assignments, fiscal_year=days.fiscal_year)
        known = kept.get(thing)
        if known is None or not _is_current(known, digest, each.class_id, today=days.today):
            rows.append(values(thing, _computed(each, days), digest=digest, now=work.now))
    if rows:
        connection = session_of(work).connection()
        connection.execute(_keeping(connection.dialect.name), rows)
    return len(rows)


_KEPT = select(
    RetentionOutcome.id, RetentionOutcome.digest, RetentionOutcome.class_id, RetentionOutcome.turns_on
).where(in_ids(RetentionOutcome.id, "ids"))


def _is_current(known: Any, digest: str, class_id: UUID | None, *, today: date) -> bool:  # a row of `_KEPT`
    has_turned = known.turns_on is not None and known.turns_on <= today
    return known.digest == digest and known.class_id == class_id and not has_turned


def values(thing: UUID, each: Computed, *, digest: str, now: int) -> dict[str, Any]:
    """Return the row of an outcome, as values of its columns."""
    decisive: MediumOutcome = each.outcome.decisive
    standing = decisive.standing
    return {
        "id": thing,
        "kind": each.gathered.kind,
        "state": standing.state,
        "due_on": standing.due_on,
        "due_key": "" if standing.due_on is None else standing.due_on.isoformat(),
        "waits_for": " ".join(standing.waits_for),
        "reason": None if standing.reason is None else standing.reason.value,
        "phase": decisive.phase,
        "lifecycle_phase": decisive.lifecycle_phase,
        "action": decisive.action,
        "detail": decisive.detail,
        "rule_id": None if decisive.rule is None else decisive.rule.rule_id,
        "class_id": each.gathered.class_id,
        "latest_on": decisive.latest_on,
        "turns_on": each.outcome.turns_on,
        "is_conflict": each.outcome.conflict is not None,
        "digest": digest,
        "computed_at": now,
    }


@cache
def _keeping(dialect: str) -> sqlite.Insert | postgresql.Insert:
    put: sqlite.Insert | postgresql.Insert
    put = sqlite.insert(RetentionOutcome) if dialect == "sqlite" else postgresql.insert(RetentionOutcome)
    columns = [column for column in RetentionOutcome.__table__.columns if column.name != "id"]
    return put.on_conflict_do_update(
        index_elements=[RetentionOutcome.id],
        set_={column.name: put.excluded[column.name] for column in columns},
    )


def mark(work: Work, targets: Iterable[Marked]) -> None:
    """Note that the outcomes of all that these cover rest on something else now, and queue the job for it.

    A Document is computed at once.
    """
    found = list(dict.fromkeys(targets))
    if not found:
        return
    retentionfacts.raise_fence(work)
    keep(work, [each.id for each in found if each.kind is Target.DOCUMENT and each.id is not None])
    classes = [each.id for each in found if each.kind is Target.CLASS and each.id is not None]
    rows: list[tuple[Target, UUID | None]]
    rows = [(each.kind, each.id) for each in found if each.kind in {Target.AGGREGATION, Target.EVERYTHING}]
    rows += [(Target.CLASS, each) for each in _with_those_below(work, classes)]
    _note(work, rows)
    if rows:
        jobs.queue(work, [Order(JobKind.RETENTION_RECOMPUTE, dedupe_key=JobKind.RETENTION_RECOMPUTE.value)])


def _note(work: Work, rows: Sequence[tuple[Target, UUID | None]]) -> None:
    if rows:
        noted = [
            {"target_kind": kind, "target_id": key, "part": 0, "made_at": work.now} for kind, key in rows
        ]
        session_of(work).connection().execute(insert(RetentionChange), noted)


def _with_those_below(work: Work, classes: Collection[UUID]) -> Sequence[UUID]:
    if not classes:
        return ()
    down = select(RecordClass.id).where(in_ids(RecordClass.id, classes)).cte("down", recursive=True)
    down = down.union(select(RecordClass.id).where(RecordClass.parent_id == down.c.id))
    return [row[0] for row in fetch(work, select(down.c.id))]


def examined(work: Work, *, after: UUID | None, limit: int) -> tuple[Sequence[UUID], Sequence[UUID]]:
    """Return a slice of the things of which outcomes are kept, and those of them that follow otherwise.

    What time alone has turned is none of these.
    """
    statement = select(RetentionOutcome).order_by(RetentionOutcome.id).limit(limit)
    if after is not None:
        statement = statement.where(RetentionOutcome.id > after)
    rows = {row.id: row for row in session_of(work).execute(statement).scalars()}
    days = retentionfacts.calendar(work)
    found = retentionfacts.gathered(work, list(rows), days=days)
    wrong = [thing for thing, row in rows.items() if thing not in found or _differs(row, found[thing], days)]
    return list(rows), wrong


def _differs(row: RetentionOutcome, each: Gathered, days: Calendar) -> bool:
    digest = duedays.digest(each.thing, each.assignments, fiscal_year=days.fiscal_year)
    told = values(row.id, _computed(each, days), digest=digest, now=row.computed_at)
    if row.turns_on is not None and row.turns_on <= days.today:
        return row.digest != digest
    return any(getattr(row, name) != value for name, value in told.items())


def is_current(work: Work) -> bool:
    """Tell whether nothing waits to be computed anew, but for what time alone has turned."""
    return not fetch(work, select(RetentionChange.id).limit(1))


def advance(work: Work, *, limit: int) -> int:
    """Compute a slice of what was marked anew, about so many things; returns how many, 0 when none are left.

    How far it came is kept in the same transaction. INVARIANT (outcome-fence): whoever computed a thing from
    what was there before a change either committed before it, and is found here, or failed.
    """
    done = 0
    while done < limit:
        change = session_of(work).execute(_OLDEST).scalars().first()
        if change is None:
            return done
        done += max(_go_on(work, change, limit=limit - done), 1)
    return done


_OLDEST = select(RetentionChange).order_by(RetentionChange.id).limit(1)


def _go_on(work: Work, change: RetentionChange, *, limit: int) -> int:
    parts = _PARTS[change.target_kind]
    ids = [row[0] for row in fetch(work, parts[change.part](change).limit(limit))]
    if change.target_kind is Target.AGGREGATION and change.part == _CHILDREN:
        _note(work, [(Target.AGGREGATION, child) for child in ids])
    else:
        keep(work, ids)
    if len(ids) == limit:
        change.cursor = ids[-1]
    elif change.part + 1 < len(parts):
        change.part, change.cursor = change.part + 1, None
    else:
        session_of(work).delete(change)
    work.flush()
    return len(ids)


def _itself(change: RetentionChange) -> Any:  # a Select
    return select(Aggregation.id).where(Aggregation.id == change.target_id)


def _documents_in(change: RetentionChange) -> Any:  # a Select
    place = tuple_(Document.created_at, Document.id)
    found = select(Document.id).where(Document.aggregation_id == change.target_id).order_by(*place.clauses)
    if change.cursor is None:
        return found
    last = select(Document.created_at).where(Document.id == change.cursor).scalar_subquery()
    return found.where(place > tuple_(last, change.cursor))


def _children_of(change: RetentionChange) -> Any:  # a Select
    return _after(Aggregation, change).where(Aggregation.parent_id == change.target_id)


def _of_class(change: RetentionChange) -> Any:  # a Select
    return _after(RetentionOutcome, change).where(RetentionOutcome.class_id == change.target_id)


def _all_documents(change: RetentionChange) -> Any:  # a Select
    return _after(Document, change)


def _all_aggregations(change: RetentionChange) -> Any:  # a Select
    return _after(Aggregation, change)


def _after(
    model: type[Document | Aggregation | RetentionOutcome], change: RetentionChange
) -> Any:  # a Select
    found = select(model.id).order_by(model.id)
    return found if change.cursor is None else found.where(model.id > change.cursor)


_PARTS: Mapping[Target, tuple[Any, ...]] = {  # functions of a change
    Target.AGGREGATION: (_itself, _documents_in, _children_of),
    Target.CLASS: (_of_class,),
    Target.EVERYTHING: (_all_documents, _all_aggregations),
}
_CHILDREN = 2


def turn(work: Work, *, limit: int) -> int:
    """Compute a slice of what time alone has turned; returns how many, 0 when nothing is left."""
    today = retentionfacts.calendar(work).today
    turned = select(RetentionOutcome.id).where(RetentionOutcome.turns_on <= today)
    ids = [row[0] for row in fetch(work, turned.order_by(RetentionOutcome.turns_on).limit(limit))]
    keep(work, ids)
    return len(ids)


def marked_by_rules(work: Work, rule_ids: Collection[UUID]) -> Sequence[Marked]:
    """Return what these rules are bound to."""
    rows = fetch(work, retentionfacts.BOUND_TO, {"ids": rule_ids})
    return [Marked(row.target_kind, row.target_id) for row in rows]
