"""Levels, compartments and clearances through the door."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest

from dms.base.clock import to_iso
from dms.base.ids import Kind, global_id
from tests.recorded import last_of

_numbers = itertools.count(1)

LEVEL_CREATE = """
mutation ($input: SecurityLevelCreateInput!) {
  securityLevelCreate(input: $input) {
    errors { __typename message code path ... on DutyError { duty } ... on ConflictError { currentRevision } }
    securityLevel { id rank code name marking revision }
  }
}
"""
LEVEL_UPDATE = """
mutation ($input: SecurityLevelUpdateInput!) {
  securityLevelUpdate(input: $input) {
    errors { __typename message path ... on ConflictError { currentRevision } }
    securityLevel { code name marking rank revision }
  }
}
"""
COMPARTMENT_CREATE = """
mutation ($input: CompartmentCreateInput!) {
  compartmentCreate(input: $input) {
    errors { __typename message path } compartment { id code status revision }
  }
}
"""
COMPARTMENT_RETIRE = """
mutation ($input: CompartmentRetireInput!) {
  compartmentRetire(input: $input) {
    errors { __typename message ... on StateError { state } }
    compartment { status revision }
  }
}
"""
CLEARANCE_GRANT = """
mutation ($input: ClearanceGrantInput!) {
  clearanceGrant(input: $input) {
    errors { __typename message path }
    clearance {
      id user { id kind name } level { code } compartments { code }
      validFrom validUntil validity reason grantedBy { id }
    }
  }
}
"""
CLEARANCE_REVOKE = """
mutation ($input: ClearanceRevokeInput!) {
  clearanceRevoke(input: $input) { errors { __typename message } clearance { validity } }
}
"""
CLEARANCES = """
query ($first: Int!, $after: String, $filter: ClearanceFilter) {
  clearances(first: $first, after: $after, filter: $filter) {
    totalCount nodes { id user { id } validity } pageInfo { hasNextPage endCursor }
  }
}
"""


@pytest.fixture(scope="module")
def clerk(world):
    return world.user("graphql-level-clerk")


def user_id(user):
    return global_id(Kind.USER, user)


def send(api, who, text, **values):
    """Send a mutation and return what its one field answers."""
    (answer,) = api.ask(text, {"input": values}, as_user=who).data.values()
    return answer


def level(**changes):
    number = next(_numbers)
    return {
        "rank": 5000 + number,
        "code": f"g{number}",
        "name": f"G {number}",
        "marking": f"MARK {number}",
        **changes,
    }


def test_officer_makes_a_level_and_everybody_lists_it_in_order(api, officer, clerk):
    asked = level()

    made = send(api, officer, LEVEL_CREATE, **asked)

    assert made["errors"] == []
    assert {key: made["securityLevel"][key] for key in asked} == asked
    text = "{ securityLevels(first: 100) { totalCount nodes { id rank } edges { cursor node { code } } } }"
    listed = api.ask(text, as_user=clerk).data["securityLevels"]
    ranks = [node["rank"] for node in listed["nodes"]]
    assert ranks == sorted(ranks)
    assert listed["totalCount"] == len(ranks)
    assert made["securityLevel"]["id"] in {node["id"] for node in listed["nodes"]}


def test_level_by_a_clerk_is_a_duty_error_and_nothing_is_kept(api, clerk):
    asked = level()
    count = "{ securityLevels(first: 1) { totalCount } }"
    before = api.ask(count, as_user=clerk).data

    answer = send(api, clerk, LEVEL_CREATE, **asked)

    assert answer == {
        "errors": [
            {
                "__typename": "DutyError",
                "message": "this needs the duty `securitylevels.manage`",
                "code": "DUTY",
                "path": [],
                "duty": "SECURITYLEVELS_MANAGE",
            }
        ],
        "securityLevel": None,
    }
    assert last_of(api.house, clerk)["outcome"] == "refused"
    assert api.ask(count, as_user=clerk).data == before


def test_taken_rank_names_its_field(api, officer):
    asked = level()
    send(api, officer, LEVEL_CREATE, **asked)

    (error,) = send(api, officer, LEVEL_CREATE, **level(rank=asked["rank"]))["errors"]

    assert (error["__typename"], error["path"]) == ("ConflictError", ["rank"])


def test_update_changes_what_is_given_and_keeps_the_rest(api, officer):
    asked = level()
    made = send(api, officer, LEVEL_CREATE, **asked)["securityLevel"]

    answer = send(api, officer, LEVEL_UPDATE, id=made["id"], expectedRevision=1, name="Other")

    assert answer["errors"] == []
    assert answer["securityLevel"] == {**asked, "name": "Other", "revision": 2}


def test_update_of_a_stale_revision_shows_the_current_one(api, officer):
    made = send(api, officer, LEVEL_CREATE, **level())["securityLevel"]
    send(api, officer, LEVEL_UPDATE, id=made["id"], expectedRevision=1, name="Other")

    (error,) = send(api, officer, LEVEL_UPDATE, id=made["id"], expectedRevision=1, name="Third")["errors"]

    assert (error["__typename"], error["currentRevision"]) == ("ConflictError", 2)


def test_null_is_no_name_for_a_level(api, officer):
    made = send(api, officer, LEVEL_CREATE, **level())["securityLevel"]

    reply = api.ask(
        LEVEL_UPDATE, {"input": {"id": made["id"], "expectedRevision": 1, "name": None}}, as_user=officer
    )

    assert reply.body["errors"]


@pytest.mark.parametrize(
    "asked",
    [
        global_id(Kind.SECURITY_LEVEL, UUID(int=7)),
        global_id(Kind.DOCUMENT, UUID(int=7)),
        "nonsense",
        "ä" * 24,
    ],
)
def test_level_of_an_absent_malformed_or_foreign_id_is_not_found(api, officer, asked):
    answer = send(api, officer, LEVEL_UPDATE, id=asked, expectedRevision=1, name="Other")

    assert answer["errors"] == [{"__typename": "NotFoundError", "message": "not found", "path": []}]


def test_compartment_is_made_and_retired_once(api, officer):
    code = f"gk{next(_numbers)}"
    made = send(api, officer, COMPARTMENT_CREATE, code=code, name="Crypto")["compartment"]
    assert (made["code"], made["status"], made["revision"]) == (code, "ACTIVE", 1)

    retired = send(api, officer, COMPARTMENT_RETIRE, id=made["id"], expectedRevision=1, reason="over")
    again = send(api, officer, COMPARTMENT_RETIRE, id=made["id"], expectedRevision=2, reason="over")

    assert retired["compartment"] == {"status": "RETIRED", "revision": 2}
    assert again["errors"] == [
        {
            "__typename": "StateError",
            "message": f"the compartment `{code}` is retired already",
            "state": "retired",
        }
    ]


def test_compartments_are_listed_page_by_page(api, officer):
    codes = [
        send(api, officer, COMPARTMENT_CREATE, code=f"gl{next(_numbers):04}", name="Page")["compartment"][
            "code"
        ]
        for _ in range(3)
    ]
    text = """query ($after: String) { compartments(first: 2, after: $after) {
      nodes { code } pageInfo { hasNextPage endCursor } } }"""

    found, after, more = [], None, True
    while more:
        page = api.ask(text, {"after": after}, as_user=officer).data["compartments"]
        found += [node["code"] for node in page["nodes"]]
        after, more = page["pageInfo"]["endCursor"], page["pageInfo"]["hasNextPage"]

    assert found == sorted(found)
    assert set(codes) <= set(found)


def test_clearance_is_given_shown_and_ended(api, world, officer):
    user = world.user(rank=None)
    code = f"gk{next(_numbers)}"
    send(api, officer, COMPARTMENT_CREATE, code=code, name="Crypto")

    given = send(
        api,
        officer,
        CLEARANCE_GRANT,
        userId=user_id(user),
        level="open",
        compartments=[code],
        validUntil="2099-01-01T01:00:00+01:00",
        reason="inspection",
    )

    assert given["errors"] == []
    clearance = given["clearance"]
    assert (clearance["user"]["id"], clearance["user"]["kind"]) == (user_id(user), "USER")
    assert (clearance["level"], clearance["compartments"]) == ({"code": "open"}, [{"code": code}])
    assert (clearance["validUntil"], clearance["validity"]) == ("2099-01-01T00:00:00.000000Z", "LIVE")
    assert clearance["grantedBy"] == {"id": user_id(officer)}
    ended = send(api, officer, CLEARANCE_REVOKE, id=clearance["id"], reason="over")
    assert ended["clearance"] == {"validity": "REVOKED"}


def test_clearance_for_a_group_or_oneself_is_refused(api, officer, world):
    grant = {"level": "open", "reason": "why not"}

    own = send(api, officer, CLEARANCE_GRANT, userId=user_id(officer), **grant)
    role = send(
        api, officer, CLEARANCE_GRANT, userId=global_id(Kind.ROLE, world.role("security_officer")), **grant
    )

    assert [error["__typename"] for error in own["errors"]] == ["SecondPersonError"]
    assert [error["path"] for error in role["errors"]] == [["userId"]]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"level": "cosmic"}, ["level"]),
        ({"compartments": ["nowhere"]}, ["compartments"]),
        ({"validFrom": "2030-01-02T00:00:00Z", "validUntil": "2030-01-01T00:00:00Z"}, ["validUntil"]),
        ({"reason": ""}, ["reason"]),
        ({"reason": "x" * 2001}, ["reason"]),
    ],
)
def test_bad_clearance_names_the_field(api, world, officer, values, path):
    user = world.user(rank=None)

    (error,) = send(
        api,
        officer,
        CLEARANCE_GRANT,
        **{"userId": user_id(user), "level": "open", "reason": "inspection", **values},
    )["errors"]

    assert (error["__typename"], error["path"]) == ("ValidationError", path)


def test_clearances_of_others_are_absent_for_users(api, world, officer):
    user, other = world.user(), world.user()
    asked = {"first": 10, "filter": {"userId": user_id(other)}}

    own = api.ask(CLEARANCES, {"first": 10}, as_user=user).data["clearances"]
    others = api.ask(CLEARANCES, asked, as_user=user).data["clearances"]
    seen = api.ask(CLEARANCES, asked, as_user=officer).data["clearances"]

    assert [node["user"]["id"] for node in own["nodes"]] == [user_id(user)]
    assert (others["nodes"], others["totalCount"]) == ([], 0)
    assert [node["user"]["id"] for node in seen["nodes"]] == [user_id(other)]


def test_cursor_of_one_filter_does_not_open_another(api, world, officer):
    user = world.user()
    page = api.ask(CLEARANCES, {"first": 1}, as_user=officer).data["clearances"]

    reply = api.ask(
        CLEARANCES,
        {"first": 1, "after": page["pageInfo"]["endCursor"], "filter": {"userId": user_id(user)}},
        as_user=officer,
    )

    assert reply.codes == ["CURSOR_INVALID"]


def test_instants_are_shown_in_utc(api, world, officer):
    user = world.user(rank=None)
    since = to_iso(1_900_000_000_000_000)

    given = send(
        api,
        officer,
        CLEARANCE_GRANT,
        userId=user_id(user),
        level="open",
        validFrom=since,
        reason="later",
    )["clearance"]

    assert (given["validFrom"], given["validity"]) == (since, "FUTURE")
