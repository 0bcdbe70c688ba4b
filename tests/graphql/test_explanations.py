"""Questions to the policy through the door: explained, listed, refused."""

from __future__ import annotations

from uuid import UUID

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect
from dms.rules.security import Mark

EXPLAIN = """
query ($principalId: ID!, $nodeId: ID!, $action: Action!, $at: DateTime) {
  accessExplain(principalId: $principalId, nodeId: $nodeId, action: $action, at: $at) {
    principal { id } nodeKind nodeId action at existed may reason
    mandatory {
      reaches lacksLevel lacksCompartments { code }
      clearance { marking } securityClassification { marking }
    }
    lines { decides line { ...Line } }
    nearMisses { defects line { lineId } } nearMissCount
    whatWouldChange {
      obstacle
      anyOf { kind lineIds roles at clearance { level { rank } } links { member { id } group { id } } }
    }
    changesAt
  }
}
fragment Line on ExplainedLine {
  lineId effect action principal { id } principalPath { name } nodeKind nodeId
  nodePath { nodeKind nodeId code } validFrom validUntil
}
"""
WHO = """
query ($nodeId: ID!, $action: Action!, $at: DateTime, $first: Int, $after: String) {
  whoCanSee(nodeId: $nodeId, action: $action, at: $at, first: $first, after: $after) {
    totalCount totalIsExact nodes { principal { id } lineIds } pageInfo { hasNextPage endCursor }
  }
}
"""
WHAT = """
query ($principalId: ID!, $action: Action!, $kind: MarkedKind!, $at: DateTime) {
  whatCanSee(principalId: $principalId, action: $action, kind: $kind, at: $at, first: 10) {
    totalCount nodes { kind nodeId referenceCode marking lineIds }
  }
}
"""
COULD = """
query ($nodeId: ID!, $action: Action!, $since: DateTime!, $until: DateTime!) {
  couldHaveSeen(nodeId: $nodeId, action: $action, since: $since, until: $until, first: 10) {
    totalCount nodes { principal { id } periods { since until lineIds } }
  }
}
"""


@pytest.fixture
def file(world):
    return world.aggregation()


def aggregation(node):
    return global_id(Kind.AGGREGATION, node)


def person(user):
    return global_id(Kind.USER, user)


def entry_id(entry):
    return global_id(Kind.ACCESS_ENTRY, entry)


def test_explanation_is_shown_whole(api, world, officer, file):
    user, group = world.user(), world.principal(PrincipalKind.GROUP, "question-group")
    world.link(user, group)
    allow = world.entry(group, file, Action.READ_CONTENT)
    deny = world.entry(user, file, Action.READ_METADATA, effect=Effect.DENY)
    world.entry(user, file, Action.DISCOVER)

    asked = {"principalId": person(user), "nodeId": aggregation(file), "action": "READ_METADATA"}
    found = api.ask(EXPLAIN, asked, as_user=officer).data["accessExplain"]

    assert (found["may"], found["reason"], found["existed"]) == (False, "DENIED", True)
    assert found["mandatory"]["clearance"] == {"marking": "OPEN"}
    assert found["mandatory"]["lacksLevel"] is False
    lines = {each["line"]["lineId"]: each for each in found["lines"]}
    assert {key: each["decides"] for key, each in lines.items()} == {
        entry_id(allow): False,
        entry_id(deny): True,
    }
    assert [each["name"] for each in lines[entry_id(allow)]["line"]["principalPath"]][1:] == [
        "question-group"
    ]
    assert [each["nodeId"] for each in lines[entry_id(deny)]["line"]["nodePath"]] == [aggregation(file)]
    assert [each["defects"] for each in found["nearMisses"]] == [["OTHER_ACTION"]]
    (step,) = found["whatWouldChange"]
    assert (step["obstacle"], step["anyOf"][0]["kind"]) == ("DENIED", "END_LINES")
    assert step["anyOf"][0]["lineIds"] == [entry_id(deny)]


def test_role_on_the_repository_is_explained(api, world, officer):
    answer = api.ask("{ serverInfo { repositoryId } }", as_user=officer).data["serverInfo"]["repositoryId"]

    asked = {"principalId": person(officer), "nodeId": answer, "action": "MANAGE_ACCESS"}
    found = api.ask(EXPLAIN, asked, as_user=officer).data["accessExplain"]

    assert [each["line"]["lineId"] for each in found["lines"]] == ["role:security_officer:MANAGE_ACCESS"]
    assert found["mandatory"]["securityClassification"] is None
    assert found["lines"][0]["line"]["nodePath"][0]["code"] == "Test archive"


def test_hidden_absent_and_malformed_things_are_null_alike(api, world, officer):
    hidden = world.aggregation(mark=Mark(900))
    user = person(world.user())
    for node in (aggregation(hidden), aggregation(new_id()), "nonsense", ""):
        asked = {"principalId": user, "nodeId": node, "action": "DISCOVER"}
        assert api.ask(EXPLAIN, asked, as_user=officer).data == {"accessExplain": None}
        assert api.ask(WHO, {**asked, "first": 1}, as_user=officer).data == {"whoCanSee": None}


@pytest.mark.parametrize("principal", ["", "role:security_officer", "nonsense", person(UUID(int=1))])
def test_unknown_principal_is_null(api, officer, file, principal):
    asked = {"principalId": principal, "nodeId": aggregation(file), "action": "DISCOVER"}

    assert api.ask(EXPLAIN, asked, as_user=officer).data == {"accessExplain": None}
    assert api.ask(WHAT, {**asked, "kind": "DOCUMENT"}, as_user=officer).data == {"whatCanSee": None}


def test_role_is_no_account_even_with_its_right_id(api, world, officer, file):
    role = global_id(Kind.ROLE, world.role("technician"))
    asked = {"principalId": role, "nodeId": aggregation(file), "action": "DISCOVER"}

    reply = api.ask(EXPLAIN, asked, as_user=officer)

    assert reply.codes == ["ARGUMENT_INVALID"]
    assert reply.messages == ["only people and service accounts are decided about: name a member of it"]


@pytest.mark.parametrize("at", ["yesterday", "2026-01-01", "10000-01-01T00:00:00Z", "2026-01-01T00:00:00"])
def test_instant_in_the_wrong_spelling_is_refused(api, officer, file, at):
    asked = {"nodeId": aggregation(file), "action": "DISCOVER", "first": 1, "at": at}

    assert api.ask(WHO, asked, as_user=officer).codes == ["ARGUMENT_INVALID"]


def test_action_in_the_wrong_spelling_is_refused(api, officer, file):
    asked = {"nodeId": aggregation(file), "action": "discover", "first": 1}

    assert api.ask(WHO, asked, as_user=officer).codes == ["ARGUMENT_INVALID"]


def test_lists_are_paged_by_sealed_cursors_with_an_exact_total(api, world, officer, file):
    people = [world.user(f"paged-{n}") for n in range(3)]
    entries = [world.entry(user, file, Action.READ_CONTENT) for user in people]
    asked = {"nodeId": aggregation(file), "action": "READ_METADATA", "first": 2}

    first = api.ask(WHO, asked, as_user=officer).data["whoCanSee"]
    after = first["pageInfo"]["endCursor"]
    second = api.ask(WHO, {**asked, "after": after}, as_user=officer).data["whoCanSee"]

    told = [*first["nodes"], *second["nodes"]]
    assert [each["principal"]["id"] for each in told] == [person(user) for user in people]
    assert [each["lineIds"] for each in told] == [[entry_id(entry)] for entry in entries]
    assert (first["totalCount"], first["totalIsExact"]) == (3, True)
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)


def test_cursor_of_another_question_is_refused(api, world, officer, file):
    for n in range(2):
        world.entry(world.user(f"cursor-{n}"), file, Action.READ_CONTENT)
    asked = {"nodeId": aggregation(file), "action": "READ_METADATA", "first": 1}
    after = api.ask(WHO, asked, as_user=officer).data["whoCanSee"]["pageInfo"]["endCursor"]

    other = {**asked, "action": "READ_CONTENT", "after": after}

    assert api.ask(WHO, other, as_user=officer).codes == ["CURSOR_INVALID"]


def test_things_are_listed_by_kind(api, world, officer, file):
    user = world.user()
    document = world.document(file, reference_code="Q/1")
    entry = world.entry(user, file, Action.READ_CONTENT)
    asked = {"principalId": person(user), "action": "READ_CONTENT"}

    documents = api.ask(WHAT, {**asked, "kind": "DOCUMENT"}, as_user=officer).data["whatCanSee"]
    files = api.ask(WHAT, {**asked, "kind": "AGGREGATION"}, as_user=officer).data["whatCanSee"]

    assert documents["nodes"] == [
        {
            "kind": "DOCUMENT",
            "nodeId": global_id(Kind.DOCUMENT, document),
            "referenceCode": "Q/1",
            "marking": "OPEN",
            "lineIds": [entry_id(entry)],
        }
    ]
    assert [each["nodeId"] for each in files["nodes"]] == [aggregation(file)]
    assert (documents["totalCount"], files["totalCount"]) == (1, 1)


def test_period_is_shown_with_its_parts(api, world, officer, file):
    user = world.user()
    entry = world.entry(user, file, Action.READ_CONTENT)
    asked = {"nodeId": aggregation(file), "action": "READ_CONTENT", "since": "2020-01-01T00:00:00Z"}

    found = api.ask(COULD, {**asked, "until": "2090-01-01T00:00:00Z"}, as_user=officer).data["couldHaveSeen"]

    (holder,) = found["nodes"]
    assert holder["principal"]["id"] == person(user)
    assert [each["lineIds"] for each in holder["periods"]] == [[entry_id(entry)]]
    assert holder["periods"][0]["until"] == "2090-01-01T00:00:00.000000Z"


def test_period_that_ends_before_it_begins_is_refused(api, officer, file):
    asked = {"nodeId": aggregation(file), "action": "READ_CONTENT", "since": "2020-01-01T00:00:00Z"}

    reply = api.ask(COULD, {**asked, "until": "2019-01-01T00:00:00Z"}, as_user=officer)

    assert (reply.codes, reply.messages) == (
        ["ARGUMENT_INVALID"],
        ["must lie after the start of the period"],
    )
