"""What access scopes are measured against, and what says whether their answers are right.

Two ways to filter in SQL without them: for each row, climb both trees and look for entries (`EachRow`); or
walk down from the nodes that the reader's lines name, as our first release did (`FromLines`). Then Casbin as
it comes, over the whole policy, in a loop. The decision of each Document in plain Python is no peer: it
tells which rows and how many are right.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import casbin
from sqlalchemy import Connection, TextClause, bindparam, text
from sqlalchemy.exc import DBAPIError

from benchmarks import accessplan
from benchmarks.accessplan import BEGIN, Entry, Plan, Reader, entry_id, node_id, other_id, principal_id
from dms.house import House
from dms.models.types import Id
from dms.rules import access as rules
from dms.rules.access import Action, Effect, NodeKind, Subject, Target
from dms.rules.security import Mark, dominates

PATIENCE_S = 5.0

_LIVE = "e.revision_to IS NULL AND e.valid_from <= :now AND (e.valid_until IS NULL OR e.valid_until > :now)"

_BEARS = """(e.effect = 'allow' AND e.action IN :allowing OR e.effect = 'deny' AND e.action IN :refusing)"""

_EACH_ROW = f"""
SELECT {{what}} FROM document d
JOIN security_classification s ON s.id = d.security_id
WHERE s.id IN :marks
AND EXISTS (SELECT 1 FROM access_entry e WHERE e.effect = 'allow' AND e.action IN :allowing
    AND e.principal_id IN :principals AND {_LIVE} AND e.node_id IN ({{chain}}))
AND NOT EXISTS (SELECT 1 FROM access_entry e WHERE e.effect = 'deny' AND e.action IN :refusing
    AND e.principal_id IN :principals AND {_LIVE} AND e.node_id IN ({{chain}}))
"""  # noqa: S608  constants of this module

_CHAIN = """
    SELECT d.id UNION ALL SELECT a.id FROM (WITH RECURSIVE up(id, parent_id) AS (
        SELECT f.id, f.parent_id FROM aggregation f WHERE f.id = d.aggregation_id
        UNION ALL SELECT f.id, f.parent_id FROM aggregation f JOIN up ON f.id = up.parent_id)
        SELECT id FROM up) a
    UNION ALL SELECT c.id FROM (WITH RECURSIVE up(id, parent_id) AS (
        SELECT f.id, f.parent_id FROM record_class f WHERE f.id = d.record_class_id
        UNION ALL SELECT f.id, f.parent_id FROM record_class f JOIN up ON f.id = up.parent_id)
        SELECT id FROM up) c
"""

_LINES = f"""
SELECT e.node_id, e.effect FROM access_entry e
WHERE e.principal_id IN :principals AND {_LIVE} AND {_BEARS}
"""  # noqa: S608  the same

_FROM_LINES = """
SELECT {what} FROM document d WHERE {plus}d.security_id IN :marks AND {allowed} AND NOT {denied}
"""

_NAMED = """({{plus}}d.aggregation_id IN (WITH RECURSIVE down(id) AS (
        SELECT id FROM aggregation WHERE id IN :{0}
        UNION SELECT f.id FROM aggregation f JOIN down ON f.parent_id = down.id) SELECT id FROM down)
    OR {{plus}}d.record_class_id IN (WITH RECURSIVE down(id) AS (
        SELECT id FROM record_class WHERE id IN :{0}
        UNION SELECT f.id FROM record_class f JOIN down ON f.parent_id = down.id) SELECT id FROM down)
    OR {{plus}}d.id IN :{0})"""

_PAGE = "ORDER BY d.created_at DESC, d.id DESC LIMIT 51"

_SETS = {
    "principals": Id(),
    "allowed": Id(),
    "denied": Id(),
    "allowing": None,
    "refusing": None,
    "marks": None,
}
"""Parameters that are sets, and what they hold where a driver would not know."""


class Peer(Protocol):
    """A way to list without scopes."""

    name: str

    def page(self, connection: Connection, reader: Reader) -> list[UUID]:
        """Return the ids of the first 51 Documents, the newest first."""

    def count(self, connection: Connection, reader: Reader) -> int:
        """Return how many Documents show."""


@dataclass(frozen=True, slots=True)
class EachRow:
    """For each row, climb both trees and look for entries."""

    marks: Sequence[int]
    name: str = "EXISTS for each row"

    def page(self, connection: Connection, reader: Reader) -> list[UUID]:
        """Return the ids of the first page."""
        statement = _EACH_ROW.format(what="d.id", chain=_CHAIN) + _PAGE
        return list(connection.execute(_bound(statement), self._values(reader)).scalars())

    def count(self, connection: Connection, reader: Reader) -> int:
        """Return how many show."""
        statement = _EACH_ROW.format(what="count(*)", chain=_CHAIN)
        return int(connection.execute(_bound(statement, rows=False), self._values(reader)).scalar_one())

    def _values(self, reader: Reader) -> dict[str, object]:
        return {**_asked(reader), "marks": list(self.marks)}


@dataclass(frozen=True, slots=True)
class FromLines:
    """Read the reader's lines, and walk both trees down from the nodes that they name."""

    marks: Sequence[int]
    name: str = "walk below the lines"

    def page(self, connection: Connection, reader: Reader) -> list[UUID]:
        """Return the ids of the first page."""
        statement, values = self._filter(connection, reader, what="d.id")
        return list(connection.execute(_bound(statement + _PAGE), values).scalars())

    def count(self, connection: Connection, reader: Reader) -> int:
        """Return how many show."""
        statement, values = self._filter(connection, reader, what="count(*)")
        return int(connection.execute(_bound(statement, rows=False), values).scalar_one())

    def _filter(self, connection: Connection, reader: Reader, *, what: str) -> tuple[str, dict[str, object]]:
        lines = _expanding(text(_LINES).columns(node_id=Id()), _LINES)
        found = connection.execute(lines, _asked(reader)).all()
        # Without statistics SQLite would rather take the index of an `IN` list than that of the order.
        plus = "+" if connection.dialect.name == "sqlite" else ""
        allowed, denied = (_NAMED.format(name).format(plus=plus) for name in ("allowed", "denied"))
        statement = _FROM_LINES.format(what=what, plus=plus, allowed=allowed, denied=denied)
        return statement, {
            "marks": list(self.marks),
            "allowed": [row[0] for row in found if row[1] == "allow"],
            "denied": [row[0] for row in found if row[1] == "deny"],
        }


def visible_marks(plan: Plan) -> list[int]:
    """Return the numbers of the marks that the readers' clearance dominates."""
    clearance = Mark(accessplan.CLEARANCE[0], _compartments(accessplan.CLEARANCE[1]))
    return [
        number
        for number, (rank, held) in enumerate(plan.marks, start=1)
        if dominates(clearance, Mark(rank, _compartments(held)))
    ]


def timed(house: House, body: Callable[[Connection], object]) -> tuple[float, object | None]:
    """Return the seconds that a peer took and its answer; None where patience ran out."""
    with house.database.engine.connect() as connection:
        began = time.perf_counter()
        raw = connection.connection.driver_connection
        stop = threading.Timer(PATIENCE_S, raw.interrupt if house.database.is_sqlite else raw.cancel)
        stop.start()
        try:
            answer = body(connection)
        except DBAPIError as error:
            if not {"interrupted", "canceling"} & set(str(error.orig).split()):
                raise
            return PATIENCE_S, None
        finally:
            stop.cancel()
        return time.perf_counter() - began, answer


class StockCasbin:
    """Casbin as it comes: every line of the policy, and nothing kept between decisions."""

    def __init__(self, house: House, plan: Plan) -> None:
        model = casbin.Model()
        model.load_model_from_text(house.policy.files.model_text)
        self._plan = plan
        self._enforcer = casbin.Enforcer(model)
        for function in (rules.bears, rules.live, dominates):
            self._enforcer.add_function(function.__name__, function)
        self._enforcer.get_model()["p"]["p"].policy = [_row(n, entry) for n, entry in enumerate(plan.entries)]

    def decision_s(self, reader: Reader, documents: Sequence[int], *, now: int) -> tuple[float, list[bool]]:
        """Return the seconds of one decision, and what was decided."""
        subject = subject_of(reader)
        began = time.perf_counter()
        found = [
            bool(self._enforcer.enforce(subject, target_of(self._plan, n), Action.READ_METADATA, now))
            for n in documents
        ]
        return (time.perf_counter() - began) / len(documents), found


class Truth:
    """Which Documents a reader may see, decided one by one from the plan alone."""

    def __init__(self, plan: Plan, reader: Reader) -> None:
        self._plan = plan
        nodes: dict[Effect, set[tuple[NodeKind, int]]] = {effect: set() for effect in Effect}
        for entry in plan.entries:
            if entry.principal in reader.principals and not entry.is_expired and _bears(entry):
                nodes[entry.effect].add((entry.kind, entry.node))
        self._named = nodes
        marks = set(visible_marks(plan))
        trees = [
            (NodeKind.AGGREGATION, plan.parents, plan.places),
            (NodeKind.CLASS, plan.class_parents, plan.document_classes),
        ]
        reached = {
            (kind, effect): self._below(kind, parents, effect)
            for kind, parents, _ in trees
            for effect in Effect
        }
        self.shown = [
            number
            for number in range(plan.size.documents)
            if plan.document_marks[number] + 1 in marks
            and self._is_reached(number, Effect.ALLOW, reached, trees)
            and not self._is_reached(number, Effect.DENY, reached, trees)
        ]

    def _below(self, kind: NodeKind, parents: Sequence[int], effect: Effect) -> bytearray:
        found = bytearray(len(parents))
        for number, parent in enumerate(parents):
            found[number] = (kind, number) in self._named[effect] or (parent >= 0 and found[parent])
        return found

    def _is_reached(self, number, effect, reached, trees) -> bool:
        return (NodeKind.DOCUMENT, number) in self._named[effect] or any(
            reached[kind, effect][places[number]] for kind, _, places in trees
        )


def subject_of(reader: Reader) -> Subject:
    """Return who asks."""
    clearance = Mark(accessplan.CLEARANCE[0], _compartments(accessplan.CLEARANCE[1]))
    return Subject(frozenset(map(principal_id, reader.principals)), clearance)


def target_of(plan: Plan, number: int) -> Target:
    """Return a Document with everything above it."""
    nodes = {node_id(NodeKind.DOCUMENT, number)}
    nodes |= {node_id(NodeKind.AGGREGATION, n) for n in accessplan.chain(plan.parents, plan.places[number])}
    above = accessplan.chain(plan.class_parents, plan.document_classes[number])
    nodes |= {node_id(NodeKind.CLASS, n) for n in above}
    rank, held = plan.marks[plan.document_marks[number]]
    return Target(frozenset(nodes), Mark(rank, _compartments(held)))


def _row(number: int, entry: Entry) -> tuple[object, ...]:
    """Return a line as the model of `policies/model.conf` wants it."""
    return (
        entry_id(number),
        principal_id(entry.principal),
        node_id(entry.kind, entry.node),
        entry.action,
        0,
        BEGIN if entry.is_expired else None,
        entry.effect,
    )


def _bears(entry: Entry) -> bool:
    return rules.bears(entry.action, entry.effect, Action.READ_METADATA)


def _compartments(held: frozenset[int]) -> frozenset[UUID]:
    return frozenset(other_id(number) for number in held)


def _asked(reader: Reader) -> dict[str, object]:
    return {
        "principals": list(map(principal_id, reader.principals)),
        "allowing": [action.value for action in rules.ALLOWED_BY[Action.READ_METADATA]],
        "refusing": [action.value for action in rules.REFUSED_BY[Action.READ_METADATA]],
        "now": BEGIN + 1,
    }


def _bound(statement: str, *, rows: bool = True) -> TextClause:
    clause = text(statement)
    return _expanding(clause.columns(id=Id()) if rows else clause, statement)


def _expanding(clause, statement: str):
    named = [name for name in _SETS if f":{name}" in statement]
    return clause.bindparams(*(bindparam(name, expanding=True, type_=_SETS[name]) for name in named))
