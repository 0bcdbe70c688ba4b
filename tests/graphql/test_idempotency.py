"""Idempotency keys through the API: what makes a thing makes it once, however often it is asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

import pytest

from dms.base.ids import Kind, global_id, new_id, parse_global_id
from dms.graphql.schema import whole_schema
from dms.models.users import EVERYONE_ID
from dms.rules.access import Action, Effect
from tests.graphql.front import Front, opened_front
from tests.graphql.minimal import Minimal
from tests.graphql.things import WORK, Things
from tests.logged import logged
from tests.recorded import last_of

SCHEMA = whole_schema()
MUTATIONS = SCHEMA.core.mutation_type.fields
INPUTS = {name: each.args["input"].type.of_type.fields for name, each in MUTATIONS.items()}
CREATIONS = sorted(name for name, fields in INPUTS.items() if "idempotencyKey" in fields)
MAKES = ("Create", "Register", "Add", "Grant", "Propose", "Start", "Assign", "Export", "Import")

KEYLESS = {
    "classRuleOrder": "an order that is given twice is the same",
    "aggregationClassAssign": "it names the revision that was seen",
    "accessListImport": "a line that says what an open entry says already is left as it is",
    "accessNodePrepare": "a node that is prepared twice is prepared",
    "classEntryClose": "it names the revision of the draft that was seen",
    "classEntryMove": "the same",
    "classEntryUpdate": "the same",
    "disposalBatchAdd": "it names the revision of the draft that was seen",
    "disposalBatchPropose": "the same",
    "documentClassAssign": "it names the revision that was seen",
    "retentionCalendarSet": "the same said twice is the same",
    "groupMemberRemove": "a link that ended has ended",
    "holdLiftPropose": "it names the revision of the Hold that was seen",
    "roleWithdraw": "the same",
    "userResetStart": "its code is kept nowhere, so it could not be shown again; a new one ends the former",
}
"""What looks as if it made something, and takes no key, with the reason."""

ROLES = {
    "userCreate": "administrator",
    "classEntryAdd": "records_manager",
    "disposalBatchCreate": "records_manager",
    "retentionScheduleCreate": "records_manager",
    "ruleEntryAdd": "records_manager",
    "scheduleEditionCreate": "records_manager",
    "schemeEditionCreate": "records_manager",
    "thesaurusCreate": "technician",
    "conceptCreate": "technician",
    "relativeIndexEntryAdd": "technician",
    "indexTermAdd": None,
    "holdPlace": "records_manager",
    "accessEventExport": "auditor",
    "logAlertCreate": "auditor",
    "retentionAssign": "records_manager",
    "triggerEventRecord": None,
    "documentRegister": None,
    "aggregationCreate": None,
    "documentClassAssignMany": None,
    "classRuleAdd": "records_manager",
    "classRulesApply": None,
    "aggregationClassAssignMany": None,
    "versionAdd": None,
    "crossReferenceAdd": None,
    "registerCreate": None,
    "registerEntryAdd": None,
    "registerEntryCorrect": None,
}
"""Who makes what: the security officer whatever is not named, and somebody at work."""


@dataclass
class Desk:
    """Somebody for everything that can be made."""

    front: Front
    things: Things
    people: dict[str | None, UUID]
    tokens: dict[str | None, str]

    def variables(self, name, key):
        """What the smallest operation of a mutation asks for, with a key."""
        user = self.people[ROLES.get(name, "security_officer")]
        minimal = Minimal(SCHEMA.core, self.things.make, depth=1)
        given = self.things.case(name, user)
        given = {"input": {**given.get("input", {}), "idempotencyKey": key}}
        return minimal.operation(name, given)

    def send(self, operation, *, role="by name"):
        asker = ROLES.get(operation.name, "security_officer") if role == "by name" else role
        reply = self.front.ask(self.tokens[asker], operation.text, operation.variables)
        return reply.data[operation.name]

    def register(self, key, *, role=None, **values):
        """Ask somebody to register a Document in the room."""
        text = """mutation ($input: DocumentRegisterInput!) {
          documentRegister(input: $input) {
            document { id title } errors { __typename message path }
          }
        }"""
        room = global_id(Kind.AGGREGATION, self.things.room)
        given = {"aggregationId": room, "title": "Letter", "idempotencyKey": key, **values}
        found = self.front.ask(self.tokens[role], text, {"input": given}).data["documentRegister"]
        return found["document"] and found["document"]["id"], [each["__typename"] for each in found["errors"]]

    def count(self):
        """How many Documents are in the room."""
        text = "query ($id: ID!) { documents(filter: {aggregation: {eq: $id}}, first: 1) { totalCount } }"
        room = global_id(Kind.AGGREGATION, self.things.room)
        return self.front.ask(self.tokens[None], text, {"id": room}).data["documents"]["totalCount"]


def key_of(shown_id):
    """What an id names."""
    return parse_global_id(shown_id)[1]


@pytest.fixture(scope="module")
def desk_(house, world):
    with opened_front(house) as front:
        things = Things(front, world)
        roles = {*ROLES.values(), "security_officer"} - {None}
        people = {role: world.officer(f"once-{role}", role=role) for role in roles}
        people[None] = world.user(rank=400)
        things.employ(people[None], *WORK)
        yield Desk(front, things, people, {role: front.issue(user).token for role, user in people.items()})


def test_whatever_makes_a_thing_takes_a_key():
    changes = {name for name, fields in INPUTS.items() if "id" in fields}
    named = {name for name in INPUTS if name.endswith(MAKES)}

    assert (INPUTS.keys() - changes | named) - set(CREATIONS) == KEYLESS.keys()
    assert changes & set(CREATIONS) == set()


@pytest.mark.parametrize("name", CREATIONS)
def test_request_that_is_sent_again_gets_what_was_made_the_first_time(desk_, name):
    operation = desk_.variables(name, f"{name} {new_id()}")

    first, second = desk_.send(operation), desk_.send(operation)

    assert first["errors"] == []
    if name == "userCreate":  # its code is shown once
        assert (first.pop("oneTimeCode") is not None, second.pop("oneTimeCode")) == (True, None)
    assert second == first


def test_nothing_is_made_twice_when_many_ask_at_once(desk_):
    before, key = desk_.count(), str(new_id())

    with ThreadPoolExecutor(6) as threads:
        found = list(threads.map(lambda _: desk_.register(key), range(6)))

    assert len({id_ for id_, _ in found}) == 1
    assert all(errors == [] for _, errors in found)
    assert desk_.count() == before + 1


def test_two_fields_of_one_operation_with_one_key_make_one_thing(desk_):
    text = """mutation ($input: DocumentRegisterInput!) {
      one: documentRegister(input: $input) { document { id } errors { message } }
      two: documentRegister(input: $input) { document { id } errors { message } }
    }"""
    room = global_id(Kind.AGGREGATION, desk_.things.room)
    given = {"aggregationId": room, "title": "Letter", "idempotencyKey": str(new_id())}
    before = desk_.count()

    found = desk_.front.ask(desk_.tokens[None], text, {"input": given}).data

    assert found["one"] == found["two"]
    assert desk_.count() == before + 1


@pytest.mark.parametrize("changed", [{"title": "Another letter"}, {"authors": "Somebody"}])
def test_key_with_another_body_is_refused(desk_, changed):
    key = str(new_id())
    desk_.register(key)
    before = desk_.count()

    assert desk_.register(key, **changed) == (None, ["IdempotencyError"])
    assert desk_.count() == before


def test_what_is_left_out_is_the_same_as_its_default(desk_):
    key = str(new_id())

    assert desk_.register(key) == desk_.register(key, medium="DIGITAL", authors=None)


def test_key_of_another_mutation_is_refused(desk_):
    operation = desk_.variables("aggregationCreate", str(new_id()))
    desk_.send(operation)

    found = desk_.register(operation.variables["input"]["idempotencyKey"])

    assert found == (None, ["IdempotencyError"])


def test_failed_attempt_may_be_repeated_with_its_key(desk_):
    key = str(new_id())

    assert desk_.register(key, recordClassId="nonsense") == (None, ["ValidationError"])
    assert desk_.register(key)[1] == []


def test_key_that_is_no_key_is_refused_at_its_place(desk_):
    text = """mutation ($input: GroupCreateInput!) {
      groupCreate(input: $input) { errors { __typename message path } }
    }"""
    given = {"name": "keyless", "displayName": "Keyless", "idempotencyKey": "tab\t"}

    found = desk_.front.ask(desk_.tokens["security_officer"], text, {"input": given}).data["groupCreate"]

    assert found["errors"] == [
        {
            "__typename": "ValidationError",
            "message": "a key is 1 to 200 printable characters, such as a random UUID",
            "path": ["idempotencyKey"],
        }
    ]


def test_thing_that_is_hidden_by_now_is_not_found(desk_):
    key = str(new_id())
    document, _ = desk_.register(key)
    made = key_of(document)
    desk_.things.world.entry_on_document(EVERYONE_ID, made, Action.DISCOVER, effect=Effect.DENY)

    assert desk_.register(key) == (None, ["NotFoundError"])


def test_repetition_is_recorded_as_a_reading_of_what_was_made(desk_):
    user, key = desk_.people[None], str(new_id())
    made = key_of(desk_.register(key)[0]).hex
    first = last_of(desk_.front.house, user)

    desk_.register(key)

    again = last_of(desk_.front.house, user)
    (event,) = logged(desk_.front.house.database, request=again["request"])
    assert (first["op"], first["outcome"]) == ("document.register", "committed")
    assert (again["op"], again["outcome"]) == ("document.register", "released")
    assert ([line[0] for line in first["changed"]], again["changed"]) == ([made], [])
    assert [line[0] for lines in again["released"]["metadata"].values() for line in lines] == [made]
    assert event.detail["repeated"] == ["documentRegister"]
