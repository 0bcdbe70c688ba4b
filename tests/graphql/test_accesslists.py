"""Access lists through the door: written, ended, listed and asked about."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.models.users import EVERYONE_ID, PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.stores import facts
from tests.recorded import last_of
from tests.statements import counted, forget_decisions

GRANT = """
mutation ($input: AccessEntryGrantInput!) {
  accessEntryGrant(input: $input) {
    errors { __typename message path ... on DeniedError { action } ... on DutyError { duty } }
    accessEntry {
      id nodeKind nodeId action effect validity validFrom validUntil reason
      principal { id kind name } grantedBy { id } revokedBy { id }
    }
  }
}
"""
REVOKE = """
mutation ($input: AccessEntryRevokeInput!) {
  accessEntryRevoke(input: $input) {
    errors { __typename message }
    accessEntry { id validity revokedBy { id } revokedAt revokeReason }
  }
}
"""
ENTRIES = """
query ($first: Int!, $after: String, $filter: AccessEntryFilter) {
  accessEntries(first: $first, after: $after, filter: $filter) {
    totalCount nodes { id nodeId nodeKind action effect validity } pageInfo { hasNextPage endCursor }
  }
}
"""
WHO = """
query ($filter: AccessEntryFilter) {
  accessEntries(first: 9, filter: $filter) { nodes { principal { __typename id kind name displayName } } }
}
"""
NODE = "query ($id: ID!) { node(id: $id) { __typename id ... on Principal { kind name displayName } } }"
CHECK = """
query ($nodeId: ID!, $action: Action!, $principalId: ID) {
  accessCheck(nodeId: $nodeId, action: $action, principalId: $principalId) {
    principal { id } nodeKind nodeId action may reason isExplained
    lines { lineId principal { name } nodeKind nodeId action effect validFrom validUntil }
  }
}
"""


@pytest.fixture(scope="module")
def fonds(world):
    return world.aggregation()


def aggregation(node):
    return global_id(Kind.AGGREGATION, node)


def person(user):
    return global_id(Kind.USER, user)


def send(api, who, text, **values):
    (answer,) = api.ask(text, {"input": values}, as_user=who).data.values()
    return answer


def grant(api, who, user, node, action="READ_METADATA", **values):
    chosen = {"principalId": person(user), "nodeId": aggregation(node), "reason": "works on it", **values}
    return send(api, who, GRANT, action=action, **chosen)


def check(api, who, node_id, action="READ_METADATA", principal=None):
    asked = {"nodeId": node_id, "action": action, "principalId": principal}
    return api.ask(CHECK, asked, as_user=who)


def may(api, user, node):
    answer = check(api, user, aggregation(node)).data["accessCheck"]
    return answer is not None and answer["may"]


def test_grant_and_revoke_act_at_the_next_request(api, officer, fonds, user):
    assert not may(api, user, fonds)

    entry = grant(api, officer, user, fonds)["accessEntry"]
    assert may(api, user, fonds)

    ended = send(api, officer, REVOKE, id=entry["id"], reason="over")
    assert not may(api, user, fonds)
    assert ended["errors"] == []
    assert ended["accessEntry"]["validity"] == "REVOKED"
    assert ended["accessEntry"]["revokedBy"] == {"id": person(officer)}
    assert ended["accessEntry"]["revokeReason"] == "over"


def test_granted_entry_is_shown_as_it_is_kept(api, officer, fonds, user):
    until = "2099-01-01T00:00:00.000000Z"

    answer = grant(api, officer, user, fonds, "READ_CONTENT", effect="DENY", validUntil=until)

    assert answer["errors"] == []
    entry = answer["accessEntry"]
    assert (entry["nodeKind"], entry["nodeId"]) == ("AGGREGATION", aggregation(fonds))
    assert (entry["action"], entry["effect"], entry["validity"]) == ("READ_CONTENT", "DENY", "LIVE")
    assert (entry["principal"]["id"], entry["validUntil"]) == (person(user), until)
    assert (entry["grantedBy"], entry["revokedBy"]) == ({"id": person(officer)}, None)


@pytest.mark.parametrize(
    ("kind", "api_kind"),
    [
        (PrincipalKind.GROUP, Kind.GROUP),
        (PrincipalKind.SERVICE, Kind.SERVICE),
        (PrincipalKind.EVERYONE, Kind.EVERYONE),
        (PrincipalKind.ROLE, Kind.ROLE),
    ],
)
def test_principals_of_every_kind_can_be_named(api, world, officer, kind, api_kind):
    named = {PrincipalKind.EVERYONE: EVERYONE_ID, PrincipalKind.ROLE: world.role("reader")}
    principal = named.get(kind) or world.principal(kind)

    asked = {"principalId": global_id(api_kind, principal), "effect": "DENY"}

    entry = grant(api, officer, principal, world.aggregation(), **asked)["accessEntry"]

    assert (entry["principal"]["id"], entry["principal"]["kind"]) == (
        global_id(api_kind, principal),
        kind.name,
    )


@pytest.mark.parametrize(
    ("kind", "type_name"),
    [
        (PrincipalKind.USER, "User"),
        (PrincipalKind.GROUP, "Group"),
        (PrincipalKind.SERVICE, "ServiceAccount"),
        (PrincipalKind.EVERYONE, "Everyone"),
        (PrincipalKind.ROLE, "Role"),
    ],
)
def test_id_of_a_principal_is_of_one_type_wherever_it_shows(api, world, officer, kind, type_name):
    named = {PrincipalKind.EVERYONE: EVERYONE_ID, PrincipalKind.ROLE: world.role("auditor")}
    principal = named.get(kind) or world.principal(kind)
    node = world.aggregation()
    world.entry(principal, node, Action.DISCOVER)

    listed = api.ask(WHO, {"filter": {"nodeId": aggregation(node)}}, as_user=officer)
    (shown,) = [each["principal"] for each in listed.data["accessEntries"]["nodes"]]
    found = api.ask(NODE, {"id": shown["id"]}, as_user=officer).data["node"]

    assert shown["__typename"] == type_name
    assert found == shown


def test_nodes_of_every_kind_can_be_named(api, world, officer, fonds, user):
    nodes = {
        "DOCUMENT": global_id(Kind.DOCUMENT, world.document(fonds)),
        "AGGREGATION": aggregation(fonds),
        "CLASS": global_id(Kind.RECORD_CLASS, world.record_class()),
        "REPOSITORY": global_id(Kind.REPOSITORY, world.build(facts.repository_id)),
    }
    nodes_and_scheme = [*nodes.items(), ("CLASS", global_id(Kind.SCHEME, world.build(facts.scheme_id)))]

    for kind, node in nodes_and_scheme:
        entry = grant(api, officer, user, fonds, "LEND", nodeId=node)["accessEntry"]
        assert (entry["nodeKind"], entry["nodeId"]) == (kind, node)


@pytest.mark.parametrize(
    "principal", [global_id(Kind.USER, UUID(int=7)), global_id(Kind.GROUP, EVERYONE_ID), "malformed"]
)
def test_unknown_principal_is_not_found(api, officer, fonds, principal):
    answer = send(
        api,
        officer,
        GRANT,
        principalId=principal,
        nodeId=aggregation(fonds),
        action="EDIT",
        reason="works on it",
    )

    assert answer == {
        "errors": [{"__typename": "NotFoundError", "message": "not found", "path": []}],
        "accessEntry": None,
    }


def test_unknown_action_or_effect_never_reaches_the_table(api, officer, fonds, user):
    base = {"principalId": person(user), "nodeId": aggregation(fonds), "reason": "works on it"}

    for wrong in ({"action": "edit"}, {"action": "EDIT", "effect": "Deny"}, {"action": "OWN"}):
        reply = api.ask(GRANT, {"input": {**base, **wrong}}, as_user=officer)
        assert reply.codes == ["ARGUMENT_INVALID"]


def test_entry_that_ends_before_it_starts_names_the_field(api, officer, fonds, user):
    (error,) = grant(
        api,
        officer,
        user,
        fonds,
        validFrom="2030-01-02T00:00:00Z",
        validUntil="2030-01-01T00:00:00Z",
    )["errors"]

    assert (error["__typename"], error["path"]) == ("ValidationError", ["validUntil"])
    assert error["message"] == "must lie after the start of the period"


def test_manager_who_is_no_officer_stays_within_his_own_rights(api, world, fonds, user):
    manager = world.holder(fonds, Action.MANAGE_ACCESS, Action.READ_METADATA)

    given = grant(api, manager, user, fonds)
    beyond = grant(api, manager, user, fonds, "EDIT")
    managing = grant(api, manager, user, fonds, "MANAGE_ACCESS")
    own = grant(api, manager, manager, fonds)

    assert given["errors"] == []
    assert [(e["__typename"], e["action"]) for e in beyond["errors"]] == [("DeniedError", "EDIT")]
    assert [(e["__typename"], e["duty"]) for e in managing["errors"]] == [("DutyError", "CLEARANCES_MANAGE")]
    assert [e["__typename"] for e in own["errors"]] == ["SecondPersonError"]
    assert last_of(api.house, manager)["outcome"] == "refused"


def test_list_of_a_node_is_paged_counted_and_narrowed(api, world, officer, user):
    place = world.aggregation()
    made = [
        global_id(Kind.ACCESS_ENTRY, world.entry(user, place, action, effect=effect))
        for action in (Action.EDIT, Action.FILE)
        for effect in Effect
    ]
    chosen = {"nodeId": aggregation(place)}

    first = api.ask(ENTRIES, {"first": 3, "filter": chosen}, as_user=officer).data["accessEntries"]
    rest = api.ask(
        ENTRIES,
        {"first": 3, "filter": chosen, "after": first["pageInfo"]["endCursor"]},
        as_user=officer,
    ).data["accessEntries"]
    denies = api.ask(
        ENTRIES, {"first": 3, "filter": {**chosen, "effect": "DENY", "action": "EDIT"}}, as_user=officer
    ).data["accessEntries"]

    assert [node["id"] for node in (*first["nodes"], *rest["nodes"])] == made[::-1]
    assert (first["totalCount"], first["pageInfo"]["hasNextPage"]) == (4, True)
    assert rest["pageInfo"]["hasNextPage"] is False
    assert [node["id"] for node in denies["nodes"]] == [made[1]]


def test_list_of_all_entries_is_forbidden_without_the_duty_of_review(api, user):
    reply = api.ask(ENTRIES, {"first": 5}, as_user=user)

    assert reply.codes == ["FORBIDDEN"]
    assert reply.messages == ["this needs the duty `access.review`"]
    assert last_of(api.house, user)["outcome"] == "refused"


def test_reviewer_filters_all_entries_by_principal(api, world, officer, fonds, user):
    entry = world.entry(user, fonds, Action.FILE)
    classed = world.entry(user, world.record_class(), Action.FILE, kind=NodeKind.CLASS)

    chosen = {"first": 10, "filter": {"principalId": person(user), "validity": "LIVE"}}
    listed = api.ask(ENTRIES, chosen, as_user=officer).data["accessEntries"]

    assert [node["id"] for node in listed["nodes"]] == [
        global_id(Kind.ACCESS_ENTRY, classed),
        global_id(Kind.ACCESS_ENTRY, entry),
    ]
    assert listed["totalCount"] == 2


def test_list_of_a_hidden_node_is_answered_like_that_of_an_absent_one(api, fonds, user):
    answers = {
        api.ask(ENTRIES, {"first": 5, "filter": {"nodeId": node}}, as_user=user).timeless
        for node in (aggregation(fonds), aggregation(new_id()), "malformed")
    }

    (answer,) = answers
    assert answer.startswith(b'{"data":{"accessEntries":null}')


def test_officer_sees_the_lines_that_decide(api, world, officer, fonds, user):
    entry = world.entry(user, fonds, Action.READ_CONTENT)
    document = world.document(fonds)

    found = check(api, officer, global_id(Kind.DOCUMENT, document), principal=person(user)).data[
        "accessCheck"
    ]

    assert (found["may"], found["reason"], found["isExplained"]) == (True, "ALLOWED", True)
    assert found["principal"] == {"id": person(user)}
    (line,) = found["lines"]
    assert line["lineId"] == global_id(Kind.ACCESS_ENTRY, entry)
    assert (line["nodeKind"], line["nodeId"]) == ("AGGREGATION", aggregation(fonds))
    assert (line["action"], line["effect"]) == ("READ_CONTENT", "ALLOW")


def test_officer_sees_that_it_is_his_office_that_decides(api, officer, fonds):
    found = check(api, officer, aggregation(fonds), "MANAGE_ACCESS").data["accessCheck"]

    (line,) = found["lines"]
    assert line["lineId"] == "role:security_officer:MANAGE_ACCESS"
    assert (line["principal"], line["validFrom"]) == ({"name": "security_officer"}, None)


def test_user_learns_of_himself_the_answer_but_not_the_lines(api, world, fonds, user):
    world.entry(user, fonds, Action.READ_METADATA)

    found = check(api, user, aggregation(fonds), "EDIT").data["accessCheck"]

    assert (found["may"], found["reason"], found["isExplained"], found["lines"]) == (
        False,
        "NO_ENTRY",
        False,
        [],
    )


def test_check_of_a_hidden_node_is_answered_like_one_of_an_absent_node(api, fonds, user, world):
    other = world.user()

    for principal in (None, person(user), person(other)):
        answers = {
            check(api, user, node, principal=principal).timeless
            for node in (aggregation(fonds), aggregation(new_id()), "malformed")
        }
        (answer,) = answers
        assert answer.startswith(b'{"data":{"accessCheck":null}')


def test_check_about_another_is_forbidden_to_who_does_not_manage(api, world, fonds, user):
    world.entry(user, fonds, Action.READ_METADATA)

    reply = check(api, user, aggregation(fonds), principal=person(world.user()))

    assert reply.codes == ["FORBIDDEN"]
    assert last_of(api.house, user)["refused"] == [[fonds.hex, "MANAGE_ACCESS", "no_entry", True]]


def test_same_entry_from_two_officers_at_once_is_written_once(api, world, officer, user):
    other, place = world.officer(), world.aggregation()
    answers = []
    ready = threading.Barrier(2)

    def run(who):
        ready.wait()
        answers.append(grant(api, who, user, place))

    threads = [threading.Thread(target=run, args=(who,)) for who in (officer, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    kinds = sorted(error["__typename"] for answer in answers for error in answer["errors"])
    assert kinds == ["ConflictError"]
    listed = api.ask(ENTRIES, {"first": 5, "filter": {"nodeId": aggregation(place)}}, as_user=officer)
    assert listed.data["accessEntries"]["totalCount"] == 1


def test_list_costs_the_same_number_of_statements_whatever_its_length(api, world, officer, user):
    short, long = world.aggregation(), world.aggregation()
    for place, actions in ((short, [Action.EDIT]), (long, list(Action))):
        for action in actions:
            world.entry(world.user(), place, action)

    counts = []
    for place in (short, long):
        forget_decisions(api.house)
        with counted(api.house) as statements:
            chosen = {"first": 50, "filter": {"nodeId": aggregation(place)}}
            listed = api.ask(ENTRIES, chosen, as_user=officer).data["accessEntries"]
        counts.append((len(listed["nodes"]), len(statements)))

    assert [length for length, _ in counts] == [1, len(Action)]
    assert counts[0][1] == counts[1][1]
