"""The same question by every way: id, code, list, place, filter, total and inventory.

A small archive with what makes decisions differ, and somebody for each: whatever one way shows, all of them
show with the same values, and what one hides, none of them shows or counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import pytest

from dms.base.ids import Kind, global_id
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.services import versions
from dms.services.versions import NamedUpload
from tests.desk import Desk
from tests.factories import World, make_aggregation, make_class, make_document, make_entry
from tests.graphql.front import Front, opened_front

ASKERS = (
    "reader",
    "discoverer",
    "nested",
    "everyone",
    "uncleared",
    "refused",
    "guest",
    "clerk",
    "classed",
    "technician",
    "security_officer",
    "auditor",
    "administrator",
)

DOCUMENT = """
  id revision createdAt referenceCode title medium state dates firstDay lastDay authors addressees description
  sourceSystem originalName declaredAt updatedAt availableTransitions viewerActions
  recordClass { id code } securityClassification { marking } currentVersion { id digest fileName }
  aggregation { id referenceCode title } createdBy { name }
"""
AGGREGATION = """
  id revision createdAt level referenceCode isCodeGenerated title dates scopeAndContent state updatedAt
  availableTransitions viewerActions recordClass { id code } securityClassification { marking }
  parent { id } ancestors { id } createdBy { name } documentCount
"""
VERSION = "id documentId number note createdAt fileName mediaType sizeBytes digest contentPath"
CLASS = "id code title schemeId parentId"

FRAGMENTS = {
    Kind.DOCUMENT: f"""fragment T on Document {{
      {DOCUMENT} versions(first: 5) {{ totalCount nodes {{ {VERSION} }} }}
    }}""",
    Kind.AGGREGATION: f"fragment T on Aggregation {{ {AGGREGATION} }}",
    Kind.VERSION: f"fragment T on Version {{ {VERSION} }}",
    Kind.RECORD_CLASS: f"fragment T on RecordClass {{ {CLASS} }}",
}
NODES = "query ($ids: [ID!]!) { found: nodes(ids: $ids) { ...T } }"
ONE = "query ($id: ID!) { found: node(id: $id) { ...T } }"
BY = {
    Kind.DOCUMENT: "query ($by: DocumentBy!) { found: document(by: $by) { ...T } }",
    Kind.AGGREGATION: "query ($by: AggregationBy!) { found: aggregation(by: $by) { ...T } }",
    Kind.VERSION: "query ($id: ID!) { found: version(by: {id: $id}) { ...T } }",
}
LISTS = {
    Kind.DOCUMENT: """query ($first: Int, $after: String, $filter: DocumentFilter) {
      found: documents(first: $first, after: $after, filter: $filter) {
        totalCount totalIsExact edges { node { ...T } } nodes { ...T } pageInfo { hasNextPage endCursor }
      }
    }""",
    Kind.AGGREGATION: """query ($first: Int, $after: String, $filter: AggregationFilter) {
      found: aggregations(first: $first, after: $after, filter: $filter) {
        totalCount totalIsExact edges { node { ...T } } nodes { ...T } pageInfo { hasNextPage endCursor }
      }
    }""",
    Kind.RECORD_CLASS: """query ($first: Int, $after: String) {
      found: recordClasses(first: $first, after: $after) {
        totalCount totalIsExact edges { node { ...T } } nodes { ...T } pageInfo { hasNextPage endCursor }
      }
    }""",
}


def eight(value: str, part: str) -> str:
    """A text that asks the same for eight values; `#` stands for the number of each."""
    head = ", ".join(f"$v{number}: {value}" for number in range(8))
    return f"query ({head}) {{ {' '.join(part.replace('#', str(number)) for number in range(8))} }}"


CODES = {
    Kind.DOCUMENT: eight(
        "String!",
        """a#: documents(first: 2, filter: {referenceCode: {eq: $v#}}) { totalCount nodes { ...T } }
        b#: document(by: {referenceCode: $v#}) { ...T }""",
    ),
    Kind.AGGREGATION: eight(
        "String!",
        """a#: aggregations(first: 2, filter: {referenceCode: {eq: $v#}}) { totalCount nodes { ...T } }
        b#: aggregation(by: {referenceCode: $v#}) { ...T }""",
    ),
}
PLACES = eight(
    "ID!",
    """a#: node(id: $v#) { ... on Aggregation { children(first: 20) { totalCount nodes { ...T } } } }
    b#: documents(first: 50, filter: {aggregation: {eq: $v#}}) { totalCount nodes { id } }""",
)
CONTENTS = eight(
    "ID!",
    """a#: versions(documentId: $v#, first: 5) { totalCount nodes { ...T } }
    b#: document(by: {id: $v#}) { title versions(first: 5) { totalCount nodes { ...T } } }""",
)
INVENTORY = """{ found: inventory {
  documentCount aggregationCount lines(first: 100) { totalCount nodes { nodeId kind title referenceCode } }
} }"""

Things = Mapping[str, Any]
"""What something is shown with, by its id."""


@dataclass
class Archive:
    """What there is, who asks, and the answers of each."""

    front: Front
    tokens: dict[str, str]
    of: dict[Kind, list[str]]
    """The ids of all things of a kind, whoever may see them."""
    _known: dict[tuple[str, Kind], Things] = field(default_factory=dict)

    def ask(self, asker: str, text: str, kind: Kind | None = None, **variables) -> Any:
        """What somebody gets under the name `found`; `T` is what shows of things of the kind."""
        query = text if kind is None else text + FRAGMENTS[kind]
        return self.front.ask(self.tokens[asker], query, variables).data["found"]

    def nodes(self, asker: str, kind: Kind) -> Things:
        """What `nodes` shows of all things of a kind; asked once."""
        if (asker, kind) not in self._known:
            found = self.ask(asker, NODES, kind, ids=self.of[kind])
            self._known[asker, kind] = {each["id"]: each for each in found if each is not None}
        return self._known[asker, kind]

    def each(self, asker: str, text: str, kind: Kind, values: Sequence[str]) -> Iterator[Any]:
        """What the parts of a text of eight parts show, for each of these values."""
        for start in range(0, len(values), 8):
            some = values[start : start + 8]
            padded = [*some, *[some[-1]] * (8 - len(some))]
            given = {f"v{number}": value for number, value in enumerate(padded)}
            found = self.front.ask(self.tokens[asker], text + FRAGMENTS[kind], given).data
            yield from ((value, found[f"a{n}"], found[f"b{n}"]) for n, value in enumerate(some))

    def listed(self, asker: str, kind: Kind, **filter_) -> Things:
        """What a list shows, page by page, with its total held against what it shows."""
        shown: dict[str, Any] = {}
        given: dict[str, Any] = {"filter": filter_} if filter_ else {}
        while True:
            page = self.ask(asker, LISTS[kind], kind, first=17, **given)
            assert page["nodes"] == [edge["node"] for edge in page["edges"]]
            shown |= {each["id"]: each for each in page["nodes"]}
            if not page["pageInfo"]["hasNextPage"]:
                assert (page["totalCount"], page["totalIsExact"]) == (len(shown), True)
                return shown
            given["after"] = page["pageInfo"]["endCursor"]


@dataclass
class Plan:
    """Makes the archive: one transaction for its things, one for its lines."""

    world: World
    people: dict[str, UUID] = field(default_factory=dict)
    groups: list[UUID] = field(default_factory=list)
    folders: list[UUID] = field(default_factory=list)
    documents: list[UUID] = field(default_factory=list)
    classes: list[UUID] = field(default_factory=list)
    secret: UUID | None = None

    def fill(self) -> None:
        world = self.world
        self.secret = world.compartment()
        world.build(self._things)
        self._employ()
        world.build(self._lines)

    def _things(self, work) -> None:
        self.classes = [make_class(work) for _ in range(2)]
        self.classes.append(make_class(work, self.classes[1]))
        top = [make_aggregation(work, reference_code=f"S{n}", title=f"Same {n}") for n in range(3)]
        marks = (Mark(100), Mark(200), Mark(300), Mark(200, frozenset({self.secret})))
        below = [
            make_aggregation(work, each, reference_code=f"S{n}/{m}", title=f"Same {n} part {m}", mark=mark)
            for n, each in enumerate(top[:2])
            for m, mark in enumerate(marks)
        ]
        deep = [make_aggregation(work, each, reference_code=f"S9/{n}") for n, each in enumerate(below[:2])]
        self.folders = [*top, *below, *deep]
        self.documents = [
            make_document(
                work,
                folder,
                reference_code=f"D{n}-{m}",
                title=f"Letter {n} of {m}",
                mark=mark,
                record_class_id=self.classes[(n + m) % 3],
            )
            for n, folder in enumerate(self.folders)
            for m, mark in enumerate(marks[: 1 + n % 4])
        ]

    def _employ(self) -> None:
        world = self.world
        ranks = {"uncleared": None, "discoverer": 200}
        for name in ASKERS[:9]:
            held = {self.secret} if name in {"reader", "clerk"} else ()
            self.people[name] = world.user(rank=ranks.get(name, 300), compartments=held)
        for role in ASKERS[9:]:
            self.people[role] = world.officer(role=role, rank=300)
        self.groups = [world.principal(PrincipalKind.GROUP) for _ in range(4)]
        for member, group in zip(self.groups, self.groups[1:], strict=False):
            world.link(member, group)
        world.link(self.people["nested"], self.groups[0])
        world.link(self.people["refused"], self.groups[0])

    def _lines(self, work) -> None:
        top, people = self.folders[:3], self.people
        for name in ("reader", "uncleared"):
            for node in top:
                make_entry(work, people[name], node, Action.READ_CONTENT)
        for node in top:
            make_entry(work, people["discoverer"], node, Action.DISCOVER)
        make_entry(work, self.groups[-1], top[1], Action.READ_METADATA)
        make_entry(work, self.groups[1], top[0], Action.DISCOVER)
        make_entry(work, EVERYONE_ID, self.folders[5], Action.READ_METADATA)
        deny = {"effect": Effect.DENY}
        make_entry(work, people["refused"], self.folders[8], Action.DISCOVER, **deny)
        make_entry(work, people["refused"], self.folders[11], Action.READ_METADATA, **deny)
        make_entry(work, self.groups[0], self.folders[4], Action.DISCOVER, **deny)
        for number in (0, 7, 12):
            one = self.documents[number]
            make_entry(work, people["guest"], one, Action.READ_METADATA, kind=NodeKind.DOCUMENT)
            make_entry(work, people["reader"], one, Action.READ_METADATA, kind=NodeKind.DOCUMENT, **deny)
        for action in (Action.READ_CONTENT, Action.EDIT, Action.FILE, Action.MARK):
            make_entry(work, people["clerk"], top[0], action)
        make_entry(work, people["clerk"], self.folders[4], Action.EDIT, **deny)
        make_entry(work, people["classed"], self.classes[1], Action.READ_METADATA, kind=NodeKind.CLASS)
        make_entry(work, people["classed"], top[2], Action.DISCOVER)
        make_entry(work, people["technician"], self.classes[0], Action.DISCOVER, kind=NodeKind.CLASS, **deny)

    def versions(self) -> Iterator[UUID]:
        """Give some Documents contents."""
        desk = Desk(self.world.house, self.world)
        for number in (0, 6, 7):
            for revision in (1, 2):
                upload = NamedUpload(desk.upload(self.people["clerk"]), f"letter {revision}.txt")
                yield desk.do(
                    self.people["clerk"],
                    versions.add,
                    self.documents[number],
                    expected_revision=revision,
                    upload=upload,
                )


@pytest.fixture(scope="module")
def archive(house, world):
    plan = Plan(world)
    plan.fill()
    contents = list(plan.versions())
    with opened_front(house) as front:
        tokens = {name: front.issue(user).token for name, user in plan.people.items()}
        made = {
            Kind.DOCUMENT: plan.documents,
            Kind.AGGREGATION: plan.folders,
            Kind.VERSION: contents,
            Kind.RECORD_CLASS: plan.classes,
        }
        ids = {kind: [global_id(kind, each) for each in things] for kind, things in made.items()}
        yield Archive(front, tokens, ids)


def test_archive_shows_everybody_something_else(archive):
    seen = {asker: frozenset(archive.nodes(asker, Kind.DOCUMENT)) for asker in ASKERS}

    assert len(set(seen.values())) >= 9
    assert (seen["uncleared"], len(seen["guest"] - seen["everyone"])) == (frozenset(), 2)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("kind", [Kind.DOCUMENT, Kind.AGGREGATION, Kind.RECORD_CLASS])
def test_what_has_an_id_is_in_the_list_and_counted_and_nothing_else(archive, asker, kind):
    listed = archive.listed(asker, kind)
    others = {key for key in listed if key not in archive.of[kind]}

    assert archive.nodes(asker, kind) == {key: each for key, each in listed.items() if key not in others}


@pytest.mark.parametrize("asker", ASKERS)
def test_one_thing_is_answered_as_many_are(archive, asker):
    for kind in (Kind.DOCUMENT, Kind.AGGREGATION, Kind.VERSION):
        shown = archive.nodes(asker, kind)
        for key in archive.of[kind][::7]:
            by = {"id": key} if kind is Kind.VERSION else {"by": {"id": key}}
            named = archive.ask(asker, BY[kind], kind, **by)
            assert archive.ask(asker, ONE, kind, id=key) == shown.get(key) == named


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize("kind", [Kind.DOCUMENT, Kind.AGGREGATION])
def test_code_finds_what_shows_and_nothing_else(archive, asker, kind):
    shown = {each["referenceCode"]: each for each in archive.nodes(asker, kind).values()}
    others = {each["referenceCode"] for each in archive.nodes("technician", kind).values()}
    codes = sorted(shown.keys() | others)

    for code, found, named in archive.each(asker, CODES[kind], kind, codes[::2]):
        expected = [shown[code]] if code in shown else []
        assert (found["totalCount"], found["nodes"]) == (len(expected), expected)
        assert named == shown.get(code)


@pytest.mark.parametrize("asker", ASKERS)
@pytest.mark.parametrize(
    ("kind", "beginning"),
    [(Kind.DOCUMENT, "letter 1"), (Kind.DOCUMENT, "Letter"), (Kind.AGGREGATION, "SAME")],
)
def test_title_finds_what_shows_with_its_title_and_nothing_else(archive, asker, kind, beginning):
    shown = archive.nodes(asker, kind)

    assert archive.listed(asker, kind, title={"startsWith": beginning}) == {
        key: each
        for key, each in shown.items()
        if each["title"] is not None and each["title"].lower().startswith(beginning.lower())
    }


@pytest.mark.parametrize("asker", ASKERS)
def test_what_lies_in_a_place_is_what_shows_of_it(archive, asker):
    places, documents = archive.nodes(asker, Kind.AGGREGATION), archive.nodes(asker, Kind.DOCUMENT)

    for key, place, inside in archive.each(asker, PLACES, Kind.AGGREGATION, archive.of[Kind.AGGREGATION]):
        own = {each: found for each, found in places.items() if found["parent"] == {"id": key}}
        held = {each for each, found in documents.items() if (found["aggregation"] or {}).get("id") == key}
        assert (inside["totalCount"], {each["id"] for each in inside["nodes"]}) == (len(held), held)
        if key not in places:
            assert (place, own, held) == (None, {}, set())
            continue
        assert place["children"]["totalCount"] == len(own)
        assert {each["id"]: each for each in place["children"]["nodes"]} == own
        assert places[key]["documentCount"] == len(held)
        assert {each["id"] for each in places[key]["ancestors"]} <= places.keys()


@pytest.mark.parametrize("asker", ASKERS)
def test_contents_show_with_the_metadata_of_their_document_and_never_without(archive, asker):
    documents, contents = archive.nodes(asker, Kind.DOCUMENT), archive.nodes(asker, Kind.VERSION)
    nested = {}

    for key, listed, document in archive.each(asker, CONTENTS, Kind.VERSION, archive.of[Kind.DOCUMENT]):
        shown = documents.get(key, {"versions": None, "title": None})
        assert listed == shown["versions"] == (document or shown)["versions"]
        assert (listed is None) == (shown["title"] is None)
        nested |= {each["id"]: each for each in (listed or {"nodes": []})["nodes"]}
        assert not shown.get("currentVersion") or shown["currentVersion"]["id"] in nested

    assert contents == nested


@pytest.mark.parametrize("asker", ASKERS)
def test_inventory_counts_what_shows_with_its_metadata(archive, asker):
    found = archive.ask(asker, INVENTORY)
    shown = {kind: archive.listed(asker, kind) for kind in (Kind.DOCUMENT, Kind.AGGREGATION)}
    readable = {
        kind: {key: (each["title"], each["referenceCode"]) for key, each in things.items() if each["title"]}
        for kind, things in shown.items()
    }

    counted = (found["documentCount"], found["aggregationCount"])
    assert counted == (len(readable[Kind.DOCUMENT]), len(readable[Kind.AGGREGATION]))
    assert found["lines"]["totalCount"] == sum(counted)
    lines = {each["nodeId"]: (each["title"], each["referenceCode"]) for each in found["lines"]["nodes"]}
    assert len(lines) == min(100, sum(counted))
    assert lines.items() <= (readable[Kind.DOCUMENT] | readable[Kind.AGGREGATION]).items()
