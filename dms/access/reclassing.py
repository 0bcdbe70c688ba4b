"""Where many things hang once they have another class: may the actor file them so, and their scopes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.orm import attributes

from dms.access import marks, scopes, slices
from dms.access.reading import note_lines
from dms.access.scopes import PLACES, Row, Triple
from dms.access.slices import Place
from dms.access.standing import of_actor
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.access import Action, Decision
from dms.stores import fulltext
from dms.stores.records import is_a
from dms.stores.sets import in_ids
from dms.stores.work import Work, fetch, session_of

_READ_NODES = select(Aggregation.id, Aggregation.access_node_id).where(in_ids(Aggregation.id, "homes"))


def places(work: Work, rows: Sequence[Row], class_id: UUID) -> Mapping[UUID, Triple]:
    """Return where rows will hang once they have this class, by id."""
    work.needs_lock(PLACES)
    class_node = scopes.place(work, None, class_id)[1]
    homes = {row.aggregation_id for row in rows if is_a(row, Document)}
    nodes = dict(fetch(work, _READ_NODES, {"homes": homes})) if homes else {}
    return {
        row.id: Triple(
            nodes[row.aggregation_id] if is_a(row, Document) else row.access_node_id,
            class_node,
            row.security_id,
        )
        for row in rows
    }


def decide(work: Work, planned: Mapping[UUID, Triple]) -> Mapping[UUID, Decision]:
    """Decide whether the actor may file things where they will hang, by id."""
    known = marks.all_marks(work)
    wanted = [Place(key, each[0], each[1], known[each.security_id]) for key, each in planned.items()]
    decided = slices.decide(work, slices.slices_of(work, of_actor(work)), wanted, action=Action.FILE)
    note_lines(work, [each for each in decided.values() if each.may])
    return decided


def follow(work: Work, rows: Sequence[Row], planned: Mapping[UUID, Triple]) -> None:
    """Give rows of one kind, which have their class by now, their scopes, and count them there."""
    numbers = scopes.intern(work, {planned[row.id] for row in rows})
    counted: Counter[tuple[int, type[Row]]] = Counter()
    moved: dict[int, list[Row]] = {}
    model = Document if is_a(rows[0], Document) else Aggregation
    for row in rows:
        new = numbers[planned[row.id]]
        if new != row.scope_id:
            counted[row.scope_id, model] -= 1
            counted[new, model] += 1
            moved.setdefault(new, []).append(row)
    connection = session_of(work).connection()
    for scope_id, each in moved.items():
        ids = [row.id for row in each]
        connection.execute(update(model).where(in_ids(model.id, ids)).values(scope_id=scope_id))
        fulltext.move(connection, ids, scope_id=scope_id)
        for row in each:
            attributes.set_committed_value(row, "scope_id", scope_id)
    scopes.count(work, counted)
