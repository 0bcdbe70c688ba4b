"""Who may do what: every root field for everybody, held against the table in `permissions.txt`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest

from dms.access.revisions import LOCK
from dms.base.ids import Kind
from dms.graphql.schema import whole_schema
from dms.services import users
from tests.graphql.front import Front, opened_front
from tests.graphql.minimal import Minimal, Operation
from tests.graphql.things import GONE, WORK, Things

TABLE = Path(__file__).with_name("permissions.txt")
OFFICES = {
    "admin": "administrator",
    "officer": "security_officer",
    "auditor": "auditor",
    "custodian": "log_custodian",
    "manager": "records_manager",
    "approver": "disposal_approver",
    "technician": "technician",
    "reader": "reader",
}
COLUMNS = (*OFFICES, "stranger", "disabled", "nobody")
KINDS = (
    Kind.DOCUMENT,
    Kind.AGGREGATION,
    Kind.VERSION,
    Kind.GROUP,
    Kind.COMPARTMENT,
    Kind.SECURITY_CHANGE,
    Kind.ACCESS_REVIEW,
    Kind.ACCESS_PROPOSAL,
    Kind.LOG_EXPORT,
    Kind.LOG_ALERT_HIT,
    Kind.CLASS_RULE,
    Kind.REGISTER_ENTRY,
    Kind.RETENTION_ASSIGNMENT,
    Kind.TRIGGER_EVENT,
    Kind.CROSS_REFERENCE,
    Kind.RELATIVE_INDEX_ENTRY,
    Kind.DISPOSAL_BATCH,
)
"""What there must be one of, so that no list is empty for want of things."""

SCHEMA = whole_schema()
FIELDS = [*SCHEMA.query_rules, *SCHEMA.mutation_rules]


@dataclass
class Scene:
    """An installation with somebody for each column of the table, and things to name."""

    front: Front
    things: Things
    people: dict[str, UUID] = field(default_factory=dict)
    tokens: dict[str, str | None] = field(default_factory=dict)

    def fill(self) -> None:
        world = self.things.world
        for column, role in OFFICES.items():
            self.people[column] = world.officer(f"table-{column}", role=role)
        for column in ("stranger", "disabled"):
            self.people[column] = world.user(f"table-{column}", rank=400)
        self.things.employ(self.people["reader"], *WORK)
        self.tokens = {column: self.front.issue(user).token for column, user in self.people.items()}
        world.build(lambda work: users.disable(work, self.people["disabled"], **GONE))
        for kind in KINDS:
            self.things.make(kind)
        self.things.import_run(self.people["reader"])
        self.things.index_term()
        for column in ("manager", "reader"):
            self.things.job(self.people[column])
        people = {column: user for column, user in self.people.items() if column != "disabled"}
        saved = {column: self.things.saved_query(user) for column, user in people.items()}
        self.things.kept = saved["reader"]
        orders = {column: self.things.class_assign_run(user) for column, user in people.items()}
        self.things.kept_order = orders["reader"]
        for user in people.values():
            self.things.search_list(user)
            self.things.hold_notice(user)

    def operation(self, name: str, sender: UUID) -> Operation:
        """The smallest operation of a root field, with things of its own to name."""
        minimal = Minimal(SCHEMA.core, self.things.make, depth=1)
        return minimal.operation(name, self.things.case(name, sender))

    def send(self, column: str, operation: Operation) -> str:
        """What somebody gets for it, in the words of the table."""
        reply = self.front.ask(self.tokens.get(column), operation.text, operation.variables)
        return outcome(reply, operation.name)

    def policy_revision(self) -> int:
        with self.front.house.database.engine.connect() as connection:
            return connection.exec_driver_sql("SELECT revision FROM policy_head").scalar_one()


def outcome(reply, name: str) -> str:
    """One word for an answer."""
    if "errors" in reply.body:
        (code,) = {error["extensions"]["code"] for error in reply.body["errors"]}
        return code
    match reply.body["data"][name]:
        case None | [None]:
            return "null"
        case {"errors": [error, *_]}:
            return error["__typename"]
        case {"nodes": []}:
            return "empty"
        case _:
            return "yes"


def rows() -> dict[str, dict[str, str]]:
    """The table: what everybody gets of each field."""
    lines = [line.split() for line in TABLE.read_text().splitlines() if line and not line.startswith("#")]
    (_, *head), *body = lines
    assert len(body) == len({name for name, *_ in body})
    return {name: dict(zip(head, words, strict=True)) for name, *words in body}


def line(name: str, found: dict[str, str]) -> str:
    """A row as it is written, to be put into the table once it is right."""
    words = "".join(found[column].ljust(16) for column in COLUMNS)
    return f"{name.ljust(23)} {words}".rstrip()


@pytest.fixture(scope="module")
def scene(house, world):
    with opened_front(house) as front:
        made = Scene(front, Things(front, world))
        made.fill()
        yield made


def test_every_root_field_has_a_row_and_everybody_a_column():
    assert sorted(rows()) == sorted(FIELDS)
    assert all(tuple(row) == COLUMNS for row in rows().values())


def test_every_root_field_is_answered_to_somebody():
    assert [name for name, row in rows().items() if "yes" not in row.values()] == []


@pytest.mark.parametrize("name", FIELDS)
def test_permissions_are_as_the_table_says(scene, name):
    row = rows().get(name, {})
    able = [column for column in COLUMNS if row.get(column) == "yes"]

    # Whoever is refused changes nothing, so that one thing serves for all of them.
    shared = scene.operation(name, scene.things.clerk)
    found = {column: scene.send(column, shared) for column in COLUMNS if column not in able}
    for column in able:
        own = scene.operation(name, scene.people[column]) if name in SCHEMA.mutation_rules else shared
        found[column] = scene.send(column, own)

    assert found == row, line(name, found)


@pytest.mark.parametrize("name", SCHEMA.mutation_rules)
def test_what_moves_the_policy_takes_its_lock_first(scene, name):
    if not scene.front.house.database.is_sqlite:
        pytest.skip("what a mutation moves is the same on both")
    able = next(column for column, word in rows()[name].items() if word == "yes")
    operation = scene.operation(name, scene.people[able])
    before = scene.policy_revision()

    assert scene.send(able, operation) == "yes"

    assert scene.policy_revision() == before or LOCK in SCHEMA.mutation_rules[name].locks
