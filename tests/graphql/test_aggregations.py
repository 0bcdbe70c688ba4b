"""The arrangement tree through the door."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.graphql import aggregations
from dms.graphql.schema import whole_schema
from dms.rules.access import Action, NodeKind
from dms.rules.security import Mark
from dms.stores import facts
from tests.factories import at_once
from tests.statements import counted

ERRORS = """
errors {
  __typename message code path
  ... on ConflictError { currentRevision } ... on StateError { state available } ... on DeniedError { action }
}
"""
SHOWN = """
aggregation {
  id revision level otherLevel referenceCode isCodeGenerated title dates firstDay lastDay scopeAndContent
  state parent { id } recordClass { id } securityClassification { marking } availableTransitions
}
"""


def mutation(name):
    kind = f"{name[0].upper()}{name[1:]}Input!"
    return f"mutation ($input: {kind}) {{ {name}(input: $input) {{ {ERRORS} {SHOWN} }} }}"


TREE = """
query ($first: Int!, $filter: AggregationFilter, $orderBy: AggregationOrderBy) {
  aggregations(first: $first, filter: $filter, orderBy: $orderBy) {
    totalCount
    nodes {
      id referenceCode
      parent { id referenceCode parent { id } }
      ancestors { referenceCode }
      children(first: 2) {
        totalCount
        nodes { referenceCode parent { id } children(first: 1) { nodes { referenceCode } } }
        pageInfo { hasNextPage endCursor }
      }
      inside: documentCount
      below: documentCount(below: true)
      createdBy { name } recordClass { code } securityClassification { marking } viewerActions
    }
  }
}
"""


@pytest.fixture
@at_once
def fonds(world, clerk):
    made = world.aggregation(level="fonds")
    for action in (Action.FILE, Action.EDIT):
        world.entry(clerk, made, action)
    return made


def id_of(aggregation):
    return global_id(Kind.AGGREGATION, aggregation)


def change(api, user, name, **given):
    reply = api.ask(mutation(name), {"input": given}, as_user=user)
    return reply.data[name]


def test_a_series_is_made_under_a_fonds(api, clerk, fonds):
    payload = change(
        api,
        clerk,
        "aggregationCreate",
        parentId=id_of(fonds),
        level="OTHER",
        otherLevel="bundle",
        referenceCode="GA/7",
        title="Letters",
        dates="1890/..",
        scopeAndContent="Received.",
    )

    assert payload["errors"] == []
    shown = payload["aggregation"]
    assert shown == {
        "id": shown["id"],
        "revision": 1,
        "level": "OTHER",
        "otherLevel": "bundle",
        "referenceCode": "GA/7",
        "isCodeGenerated": False,
        "title": "Letters",
        "dates": "1890/..",
        "firstDay": "1890-01-01",
        "lastDay": None,
        "scopeAndContent": "Received.",
        "state": "OPEN",
        "parent": {"id": id_of(fonds)},
        "recordClass": None,
        "securityClassification": {"marking": "OPEN"},
        "availableTransitions": ["classAssign", "close", "file", "rearrange", "update"],
    }


def test_the_life_of_a_file(api, clerk, fonds, world):
    record_class = global_id(Kind.RECORD_CLASS, world.record_class())
    target = world.aggregation(fonds)
    made = change(api, clerk, "aggregationCreate", parentId=id_of(fonds), level="FILE", title="Letters")
    made = made["aggregation"]

    described = change(
        api,
        clerk,
        "aggregationUpdate",
        id=made["id"],
        expectedRevision=1,
        title="Papers",
        dates="1890",
        recordClassId=record_class,
    )["aggregation"]
    emptied = change(
        api, clerk, "aggregationUpdate", id=made["id"], expectedRevision=2, dates=None, recordClassId=None
    )["aggregation"]
    moved = change(
        api,
        clerk,
        "aggregationRearrange",
        id=made["id"],
        parentId=id_of(target),
        expectedRevision=3,
        reason="misplaced",
    )["aggregation"]
    closed = change(api, clerk, "aggregationClose", id=made["id"], expectedRevision=4, reason="done")
    refused = change(api, clerk, "aggregationClose", id=made["id"], expectedRevision=5, reason="again")
    opened = change(api, clerk, "aggregationReopen", id=made["id"], expectedRevision=5, reason="more came")

    assert made["isCodeGenerated"] is True
    assert (described["title"], described["dates"], described["recordClass"]) == (
        "Papers",
        "1890",
        {"id": record_class},
    )
    assert (emptied["title"], emptied["dates"], emptied["recordClass"]) == ("Papers", None, None)
    assert moved["parent"] == {"id": id_of(target)}
    assert closed["aggregation"]["availableTransitions"] == ["classAssign", "reopen"]
    assert refused["errors"] == [
        {
            "__typename": "StateError",
            "message": "a thing in state `closed` does not permit `close`",
            "code": "STATE",
            "path": [],
            "state": "closed",
            "available": ["classAssign", "reopen", "securitySet"],
        }
    ]
    assert (opened["aggregation"]["state"], opened["aggregation"]["revision"]) == ("OPEN", 6)


def test_the_top_needs_filing_on_the_repository(api, clerk, world):
    refused = change(api, clerk, "aggregationCreate", level="FONDS", title="Fonds")
    archivist = world.user()
    repository = world.build(facts.repository_id)
    world.entry(archivist, repository, Action.FILE, kind=NodeKind.REPOSITORY)

    made = change(api, archivist, "aggregationCreate", level="FONDS", title="Fonds", referenceCode="GTOP")

    assert refused["errors"][0]["__typename"] == "DeniedError"
    assert (made["errors"], made["aggregation"]["parent"]) == ([], None)


def test_a_circle_is_refused_at_its_field(api, clerk, fonds, world):
    folder = world.aggregation(fonds)
    inner = world.aggregation(folder)

    payload = change(
        api,
        clerk,
        "aggregationRearrange",
        id=id_of(folder),
        parentId=id_of(inner),
        expectedRevision=1,
        reason="no",
    )

    assert payload == {
        "errors": [
            {
                "__typename": "ValidationError",
                "message": "an Aggregation cannot lie under itself or under what lies below it",
                "code": "VALIDATION",
                "path": ["parentId"],
            }
        ],
        "aggregation": None,
    }


def test_a_taken_code_and_a_stale_revision_are_conflicts(api, clerk, fonds, world):
    world.aggregation(reference_code="GX/1")
    given = {"parentId": id_of(fonds), "level": "FILE", "title": "T", "referenceCode": "GX/1"}

    taken = change(api, clerk, "aggregationCreate", **given)["errors"]
    stale = change(api, clerk, "aggregationUpdate", id=id_of(fonds), expectedRevision=9, title="T")["errors"]

    assert [
        (each[0]["__typename"], each[0]["path"], each[0]["currentRevision"]) for each in (taken, stale)
    ] == [
        ("ConflictError", ["referenceCode"], None),
        ("ConflictError", ["expectedRevision"], 1),
    ]


def test_hidden_absent_and_malformed_answer_alike(api, fonds, world):
    stranger = world.user()
    look = "query ($id: ID!) { aggregation(by: {id: $id}) { id } node(id: $id) { id } }"
    asked = [id_of(fonds), id_of(new_id()), "nonsense", global_id(Kind.DOCUMENT, fonds)]

    reads = {api.ask(look, {"id": each}, as_user=stranger).timeless for each in asked}
    writes = [
        change(api, stranger, "aggregationClose", id=each, expectedRevision=1, reason="") for each in asked
    ]

    (read,) = reads
    assert read.startswith(b'{"data":{"aggregation":null,"node":null}')
    assert [payload["errors"][0]["__typename"] for payload in writes] == ["NotFoundError"] * 4
    assert all(payload == writes[0] for payload in writes)


def test_a_reference_code_finds_its_aggregation(api, clerk, world, fonds):
    folder = world.aggregation(fonds, reference_code="GFind/1")
    look = "query ($code: String!) { aggregation(by: {referenceCode: $code}) { id } }"

    assert api.ask(look, {"code": "GFind/1"}, as_user=clerk).data == {"aggregation": {"id": id_of(folder)}}
    for who, code in ((clerk, "GFind/2"), (world.user(), "GFind/1")):
        assert api.ask(look, {"code": code}, as_user=who).data == {"aggregation": None}


@pytest.fixture
def tree(world, fonds):
    """Under the fonds: A (with a hidden parent above A/1), B with two, and a document here and there."""
    world.level(300)
    number = fonds.int % 10**9

    def make(parent, code, **values):
        full = f"T{number}/{code}"
        return world.aggregation(parent, reference_code=full, **values)

    made = {"A": make(fonds, "a"), "B": make(fonds, "b"), "C": make(fonds, "c")}
    made["hidden"] = make(made["A"], "ah", mark=Mark(300))
    made["under"] = make(made["hidden"], "ahu")
    made["B1"], made["B2"], made["B3"] = (make(made["B"], f"b{n}") for n in (1, 2, 3))
    for place in ("A", "under", "B1", "B1"):
        world.document(made[place])
    made["number"] = number
    return made


def test_the_tree_shows_what_is_visible_above_and_below(api, clerk, fonds, tree):
    given = {"first": 20, "filter": {"parent": {"below": id_of(fonds)}}}

    shown = api.ask(TREE, given, as_user=clerk).data["aggregations"]

    prefix = f"T{tree['number']}/"
    by_code = {node["referenceCode"].removeprefix(prefix): node for node in shown["nodes"]}
    assert list(by_code) == ["a", "ahu", "b", "b1", "b2", "b3", "c"]
    assert (by_code["ahu"]["parent"], len(by_code["ahu"]["ancestors"])) == (None, 2)
    assert [each["referenceCode"] for each in by_code["ahu"]["ancestors"]][1] == prefix + "a"
    assert by_code["b1"]["parent"] == {
        "id": id_of(tree["B"]),
        "referenceCode": prefix + "b",
        "parent": {"id": id_of(fonds)},
    }
    assert by_code["a"]["children"]["totalCount"] == 0
    children = by_code["b"]["children"]
    assert [node["referenceCode"] for node in children["nodes"]] == [prefix + "b1", prefix + "b2"]
    assert (children["totalCount"], children["pageInfo"]["hasNextPage"]) == (3, True)
    assert children["nodes"][0]["parent"] == {"id": id_of(tree["B"])}
    counts = {code: (node["inside"], node["below"]) for code, node in by_code.items()}
    assert (counts["a"], counts["ahu"], counts["b"], counts["b1"], counts["c"]) == (
        (1, 2),
        (1, 1),
        (0, 2),
        (2, 2),
        (0, 0),
    )


def test_later_children_belong_to_their_parent(api, clerk, tree):
    look = """query ($id: ID!, $after: String) { aggregation(by: {id: $id}) {
      children(first: 2, after: $after) { nodes { id } pageInfo { endCursor } } } }"""

    first = api.ask(look, {"id": id_of(tree["B"])}, as_user=clerk).data["aggregation"]["children"]
    cursor = first["pageInfo"]["endCursor"]
    rest = api.ask(look, {"id": id_of(tree["B"]), "after": cursor}, as_user=clerk).data["aggregation"]
    foreign = api.ask(look, {"id": id_of(tree["A"]), "after": cursor}, as_user=clerk)

    assert [node["id"] for node in rest["children"]["nodes"]] == [id_of(tree["B3"])]
    assert foreign.codes == ["CURSOR_INVALID"]


def test_a_tree_costs_the_same_number_of_statements_whatever_its_size(api, desk, clerk, fonds, tree):
    costs = []
    for first in (1, 7):
        with counted(desk.house) as statements:
            given = {"first": first, "filter": {"parent": {"below": id_of(fonds)}}}
            shown = api.ask(TREE, given, as_user=clerk).data["aggregations"]["nodes"]
        costs.append((len(shown), len(statements)))

    assert [shown for shown, _ in costs] == [1, 7]
    # The first one alone has no children, so nothing is read of what lies below those.
    assert costs[1][1] - costs[0][1] <= 4


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        ({"parent": {"isNull": True}}, []),
        ({"level": {"eq": "FILE"}}, ["a", "ahu", "b", "b1", "b2", "b3", "c"]),
        ({"level": {"in": ["FONDS"]}, "state": {"eq": "OPEN"}}, []),
        ({"not": {"state": {"in": ["OPEN"]}}}, []),
        ({"securityLevel": {"in": ["open"]}, "recordClass": {"isNull": False}}, []),
        ({"or": [{"referenceCode": {"isNull": True}}, {"title": {"eq": "none"}}]}, []),
    ],
)
def test_filters_keep_what_they_say(api, clerk, tree, found, codes):
    prefix = f"T{tree['number']}/"
    given = {"first": 20, "filter": {"and": [{"referenceCode": {"startsWith": prefix}}, found]}}

    shown = api.ask(TREE, given, as_user=clerk).data["aggregations"]["nodes"]

    assert [node["referenceCode"].removeprefix(prefix) for node in shown] == codes


def test_titles_order_the_list(api, clerk, tree):
    given = {
        "first": 20,
        "filter": {"parent": {"eq": id_of(tree["B"])}},
        "orderBy": {"field": "TITLE", "direction": "DESC"},
    }

    shown = api.ask(TREE, given, as_user=clerk).data["aggregations"]["nodes"]

    assert [node["id"] for node in shown] == [id_of(tree[name]) for name in ("B3", "B2", "B1")]


def test_what_may_only_be_discovered_is_masked(api, fonds, world):
    stranger = world.holder(fonds, Action.DISCOVER)
    plain = aggregations.METADATA - aggregations.PEOPLE - {"retention"}
    fields = " ".join([*sorted(plain), "retention { state }"])
    look = f"""query ($id: ID!) {{ aggregation(by: {{id: $id}}) {{
      level referenceCode {fields} recordClass {{ id }} createdBy {{ id }} updatedBy {{ id }}
      availableTransitions viewerActions }} }}"""

    shown = api.ask(look, {"id": id_of(fonds)}, as_user=stranger).data["aggregation"]

    assert {shown[name] for name in (*aggregations.METADATA, "recordClass")} == {None}
    assert (shown["level"], shown["availableTransitions"], shown["viewerActions"]) == (
        "FONDS",
        [],
        ["DISCOVER"],
    )


def test_every_field_of_an_aggregation_is_either_open_or_masked():
    fields = whole_schema().core.type_map["Aggregation"].fields
    open_fields = {
        "id",
        "revision",
        "createdAt",
        "level",
        "otherLevel",
        "referenceCode",
        "isCodeGenerated",
        "securityClassification",
        "parent",
        "ancestors",
        "children",
        "documentCount",
        "viewerActions",
    }
    apart = {"recordClass", "availableTransitions"}

    assert set(fields) == open_fields | apart | aggregations.METADATA
    for name in {*aggregations.METADATA, "recordClass"}:
        assert not str(fields[name].type).endswith("!"), name
        assert "READ_METADATA" in fields[name].description, name
