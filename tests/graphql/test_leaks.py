"""What is hidden is absent: byte for byte, and statement for statement, wherever it can be named.

The places are found in the schema: a new argument that takes an id is tested as soon as it is there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.graphql.schema import whole_schema
from dms.models.users import EVERYONE_ID
from dms.rules.access import Action, Effect
from dms.rules.security import Mark
from tests.graphql.front import Front, Reply, opened_front
from tests.graphql.minimal import Minimal, Operation, Slot
from tests.graphql.things import Things, absent
from tests.statements import counted, forget_decisions

HIDEABLE = (
    Kind.DOCUMENT,
    Kind.AGGREGATION,
    Kind.VERSION,
    Kind.SECURITY_CHANGE,
    Kind.ACCESS_ENTRY,
    Kind.ACCESS_REVIEW,
    Kind.ACCESS_REVIEW_LINE,
    Kind.SESSION,
)
"""Kinds of things that can be hidden; all others are open words, or stand behind a duty."""

ASKERS = ("stranger", "uncleared", "refused", "officer")
MALFORMED = ("", "AAM=", "nul\0", "A" * 24, "A" * 10_000, absent(Kind.SECURITY_LEVEL))

SCHEMA = whole_schema()
SLOTS = [
    replace(slot, kinds=(kind,))
    for slot in Minimal(SCHEMA.core, absent).slots()
    for kind in slot.kinds
    if kind in HIDEABLE
]
UNTAKEN = ("nul\0", "x" * 60_000, "%\U0010ffff")
PLACES = list(Minimal(SCHEMA.core, absent).places("String"))
QUERIES = [name for name in SCHEMA.query_rules if name not in {"node", "nodes", "version", "accessEvent"}]
PLACE = "(the id in question)"


@dataclass
class Ground:
    """A room that nobody who asks may know of, and one where all of them are at work."""

    front: Front
    hidden: Things
    open: Things
    people: Mapping[str, UUID]
    tokens: Mapping[str, str]

    def operation(self, slot: Slot) -> Operation:
        """A valid operation on things that all may see, but for the one that the slot names."""
        minimal = Minimal(SCHEMA.core, self.open.make, depth=1)
        case = self.open.case(slot.root, self.people["stranger"])
        return minimal.operation(slot.root, merged(case, slot.filled(PLACE)))

    def ask(self, asker: str, operation: Operation) -> Reply:
        return self.front.ask(self.tokens[asker], operation.text, operation.variables)

    def asked(self, asker: str, operation: Operation) -> tuple[bytes, int, int]:
        """The answer, and how many statements it took: before anything was decided, and after."""
        forget_decisions(self.front.house)
        counts = []
        for _ in ("cold", "warm"):
            with counted(self.front.house) as statements:
                reply = self.ask(asker, operation)
            # Once a minute the middleware notes that a token is in use.
            counts.append(sum(not statement.startswith("UPDATE bearer_token") for statement in statements))
        return reply.bare, counts[0], counts[1]

    def query(self, asker: str, text: str, **variables) -> Reply:
        return self.front.ask(self.tokens[asker], text, variables)

    def hide(self, document: UUID) -> UUID:
        """Refuse everybody a Document, whoever may see what is around it."""
        self.open.world.entry_on_document(EVERYONE_ID, document, Action.DISCOVER, effect=Effect.DENY)
        return document


def people_of(hidden: Things, around: Things) -> dict[str, UUID]:
    """Four who may not know of the hidden room, each for another reason."""
    world = around.world
    people = {
        "stranger": world.user(rank=400),
        "uncleared": world.user(rank=200),
        "refused": world.user(rank=400),
        "officer": world.officer(rank=200),
    }
    for user in people.values():
        around.employ(user, *Action)
    for name in ("uncleared", "refused"):
        hidden.employ(people[name], *Action)
    world.entry(people["refused"], hidden.room, Action.DISCOVER, effect=Effect.DENY)
    return people


def merged(one: Any, other: Any) -> Any:
    """Both sets of arguments; where they meet, the second."""
    if isinstance(one, dict) and isinstance(other, dict):
        return {key: merged(one.get(key), other.get(key)) for key in {**one, **other}}
    return one if other is None else other


def naming(operation: Operation, value: str) -> Operation:
    """The operation with an id in its place."""

    def put(part: Any) -> Any:
        match part:
            case dict():
                return {key: put(each) for key, each in part.items()}
            case list():
                return [put(each) for each in part]
            case _:
                return value if part == PLACE else part

    return replace(operation, variables=put(operation.variables))


def both_ways(operation: Operation) -> list[Operation]:
    """The operation, and with its filter the other way round where the list can do that."""
    root = SCHEMA.core.query_type.fields.get(operation.name)
    asked = operation.variables.get("filter")
    if root is None or asked is None or "not" not in root.args["filter"].type.fields:
        return [operation]
    return [operation, replace(operation, variables={**operation.variables, "filter": {"not": asked}})]


def name_of(slot: Slot) -> str:
    return f"{slot}-{slot.kinds[0].name.lower()}"


@pytest.fixture(scope="module")
def ground(house, world):
    world.level(200)
    world.level(400)
    with opened_front(house) as front:
        hidden, around = Things(front, world, mark=Mark(300)), Things(front, world)
        people = people_of(hidden, around)
        tokens = {name: front.issue(user).token for name, user in people.items()}
        yield Ground(front, hidden, around, people, tokens)


@pytest.fixture(scope="module")
def secrets(ground):
    """A hidden thing of each kind."""
    return {kind: ground.hidden.make(kind) for kind in HIDEABLE}


@pytest.mark.parametrize("slot", SLOTS, ids=name_of)
def test_hidden_thing_is_answered_and_read_as_an_absent_one(ground, secrets, slot):
    (kind,) = slot.kinds
    # Whoever asks is decided by the same code on both databases: on one of them half of them ask, in turns.
    first = SLOTS.index(slot) % 2
    askers = ASKERS if ground.front.house.database.is_sqlite else ASKERS[first::2]
    if kind is Kind.SESSION:
        askers = tuple(asker for asker in askers if asker != "officer")  # who may know
    for each in both_ways(ground.operation(slot)):
        hidden = {asker: ground.asked(asker, naming(each, secrets[kind])) for asker in askers}

        assert hidden == {asker: ground.asked(asker, naming(each, absent(kind))) for asker in askers}


@pytest.mark.parametrize("slot", SLOTS, ids=name_of)
def test_malformed_id_is_answered_as_an_absent_one(ground, slot):
    for each in both_ways(ground.operation(slot)):
        missing = ground.ask("stranger", naming(each, absent(slot.kinds[0]))).bare

        # What is no id at all is refused before a database is asked.
        texts = MALFORMED if ground.front.house.database.is_sqlite else MALFORMED[2:4]
        answers = {text: ground.ask("stranger", naming(each, text)).bare for text in texts}

        assert {text for text, answer in answers.items() if answer != missing} == set()


def test_every_kind_that_can_be_hidden_is_named_somewhere():
    assert {kind for slot in SLOTS for kind in slot.kinds} == set(HIDEABLE)


@pytest.mark.parametrize("asker", ASKERS)
def test_no_answer_changes_when_hidden_things_come(ground, asker):
    fixed = {}
    minimal = Minimal(SCHEMA.core, lambda kind: fixed.setdefault(kind, ground.open.make(kind)), depth=1)
    ends = {name: {"last": 100} for name in QUERIES if "last" in SCHEMA.core.query_type.fields[name].args}
    given = {
        "accessExplain": {"at": "2031-05-04T10:00:00Z"},
        "versions": {"documentId": ground.open.versioned(), "last": 100},
        "aggregation": {"by": {"id": global_id(Kind.AGGREGATION, ground.open.room)}},
    }
    operations = [minimal.operation(name, given.get(name, ends.get(name))) for name in QUERIES]
    before = {each.name: _untimed(ground.ask(asker, each).bare) for each in operations}

    for kind in (Kind.DOCUMENT, Kind.AGGREGATION, Kind.VERSION, Kind.SECURITY_CHANGE):
        ground.hidden.make(kind)
    ground.open.world.entry(ground.hidden.clerk, ground.hidden.room, Action.LEND)
    ground.hide(ground.open.document())
    after = {each.name: _untimed(ground.ask(asker, each).bare) for each in operations}

    # Who may read the policy is told its revisions, and a line on a hidden thing is one too.
    told = {"viewer", "policyRevisions"} if asker == "officer" else set()
    assert {name for name in before if before[name] != after[name]} - told == set()
    assert b"NOT_FOUND" not in b"".join(after.values())


def _untimed(answer):
    """The answer without when a session was last used, and the points left: both go on by themselves."""
    return re.sub(rb'"(lastUsedAt|restoredAt|remaining)": ?("[^"]*"|[0-9]+)', b"", answer)


PAGE = """query ($filter: DocumentFilter, $first: Int, $after: String, $last: Int, $before: String) {
  documents(filter: $filter, first: $first, after: $after, last: $last, before: $before) {
    totalCount totalIsExact nodes { id }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""


def test_pages_and_their_ends_speak_of_visible_things_only(ground):
    shelf = ground.open.aggregation()
    shown = []
    for _ in range(3):
        ground.hide(ground.open.world.document(shelf))
        shown.append(global_id(Kind.DOCUMENT, ground.open.world.document(shelf)))
    ground.hide(ground.open.world.document(shelf))
    inside = {"aggregation": {"eq": global_id(Kind.AGGREGATION, shelf)}}

    def page(**size):
        found = ground.query("stranger", PAGE, filter=inside, **size).data["documents"]
        info = found["pageInfo"]
        ids = [node["id"] for node in found["nodes"]]
        return ids, found["totalCount"], info["hasPreviousPage"], info["hasNextPage"], info["endCursor"]

    first, third = page(first=2), page(last=1)
    second = page(first=2, after=first[-1])

    assert first[:-1] == (shown[:2], 3, False, True)
    assert second[:-1] == (shown[2:], 3, True, False)
    assert third[:-1] == (shown[2:], 3, True, False)


def test_cursor_of_another_person_is_as_good_as_none(ground):
    clerk = ground.front.issue(ground.hidden.clerk).token
    own = ground.front.ask(clerk, PAGE, {"first": 1}).data["documents"]["pageInfo"]["endCursor"]

    answers = [ground.query("stranger", PAGE, first=1, after=cursor).bare for cursor in (own, "x", own[:-2])]

    assert b"CURSOR_INVALID" in answers[0]
    assert len(set(answers)) == 1


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("room", ["document", "aggregation"])
def test_hidden_reference_code_is_as_unknown_as_any(ground, room, asker):
    code = f"{room} {asker} 7"
    getattr(ground.hidden, room)(reference_code=code, code_key=f"{room} {asker} 000000007", title=code)
    by = (
        f"query ($by: {room.title()}By!) {{ {room}(by: $by) {{ id }} }}",
        lambda text: {"by": {"referenceCode": text}},
    )
    listed = f"""query ($filter: {room.title()}Filter) {{
      {room}s(filter: $filter, first: 100) {{ totalCount nodes {{ id }} }}
    }}"""
    asked = [
        by,
        (listed, lambda text: {"filter": {"referenceCode": {"eq": text}}}),
        (listed, lambda text: {"filter": {"referenceCode": {"in": [text]}}}),
        (listed, lambda text: {"filter": {"referenceCode": {"startsWith": text}}}),
        (listed, lambda text: {"filter": {"not": {"referenceCode": {"eq": text}}}}),
        (listed, lambda text: {"filter": {"title": {"contains": text}}}),
    ]

    for text, variables in asked:
        answers = {
            each: ground.query(asker, text, **variables(each)).bare for each in (code, f"{room} unknown 9")
        }
        assert len(set(answers.values())) == 1, variables(code)


@pytest.mark.parametrize("code", ["", "nul\0", "x" * 10_000, "\u202e7", "'; --"])
@pytest.mark.parametrize("room", ["document", "aggregation"])
def test_reference_code_that_cannot_be_is_as_unknown_as_any(ground, room, code):
    text = f"query ($by: {room.title()}By!) {{ {room}(by: $by) {{ id }} }}"

    assert ground.query("stranger", text, by={"referenceCode": code}).data == {room: None}


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_text_that_no_database_takes_is_answered_and_breaks_nothing(ground, place):
    minimal = Minimal(SCHEMA.core, ground.open.make, depth=0)
    case = ground.open.case(place.root, ground.people["officer"])
    operation = minimal.operation(place.root, merged(case, place.filled(PLACE)))

    answers = {text[:10]: ground.ask("officer", naming(operation, text)) for text in UNTAKEN}

    assert {text: reply.body for text, reply in answers.items() if reply.status >= 500} == {}


def test_conflict_of_codes_says_nothing_of_who_bears_it(ground):
    ground.hidden.document(reference_code="taken by a hidden one", code_key="taken by a hidden one")
    ground.open.document(reference_code="taken by a shown one", code_key="taken by a shown one")
    minimal = Minimal(SCHEMA.core, ground.open.make, depth=1)
    room = global_id(Kind.AGGREGATION, ground.open.room)

    def register(code):
        given = {"input": {"aggregationId": room, "referenceCode": code}}
        return ground.ask("stranger", minimal.operation("documentRegister", given)).bare

    assert register("taken by a hidden one") == register("taken by a shown one")


@pytest.mark.parametrize("name", ["documentRegister", "versionAdd"])
def test_upload_of_another_is_as_absent_as_none(ground, name):
    minimal = Minimal(SCHEMA.core, ground.open.make, depth=1)
    base = minimal.operation(name, ground.open.case(name, ground.people["stranger"]))

    def ask(upload):
        given = merged(base.variables, {"input": {"upload": {"id": str(upload), "fileName": "letter.txt"}}})
        return ground.ask("stranger", replace(minimal.operation(name, given), variables=given)).bare

    foreign = ask(ground.open.desk.upload(ground.open.clerk))

    assert b"there is no such upload of yours" in foreign
    assert foreign == ask(new_id()) == ask("nonsense")
