"""Accounts through the door: looked up by all, made and ended by administrators."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id, new_id
from dms.models.users import PrincipalKind
from tests.recorded import last_of

ERRORS = """errors {
  __typename code message path
  ... on DutyError { duty } ... on ConflictError { currentRevision } ... on StateError { state available }
}"""
USER = "id name displayName status revision"
CREATE = (
    f"mutation ($input: UserCreateInput!) {{ userCreate(input: $input) {{ {ERRORS} "
    f"user {{ {USER} }} oneTimeCode {{ code expiresAt }} }} }}"
)
CHANGES = {
    name: f"mutation ($input: {name[0].upper()}{name[1:]}Input!) "
    f"{{ {name}(input: $input) {{ {ERRORS} user {{ {USER} }} }} }}"
    for name in ("userUpdate", "userDisable", "userEnable")
}
RESET = (
    "mutation ($input: UserResetStartInput!) "
    f"{{ userResetStart(input: $input) {{ {ERRORS} oneTimeCode {{ code }} }} }}"
)
BY = f"query ($by: UserBy!) {{ user(by: $by) {{ {USER} }} }}"
LIST = (
    "query ($filter: UserFilter, $first: Int, $after: String) "
    "{ users(first: $first, after: $after, filter: $filter) "
    "{ totalCount nodes { name status } pageInfo { hasNextPage endCursor } } }"
)
BELONGS = """
query ($filter: UserFilter) { users(first: 100, filter: $filter) { nodes {
  name memberships(first: 5) { totalCount nodes {
    member { name } group { kind name } validity reason grantedBy { name }
  } }
} } }
"""


@pytest.fixture(scope="module")
def administrator(world):
    world.officer("users-officer")
    return world.officer("users-administrator", role="administrator")


def send(api, who, text, **values):
    (answer,) = api.ask(text, {"input": values}, as_user=who).data.values()
    return answer


def person(user):
    return global_id(Kind.USER, user)


def listed(api, who, **chosen):
    return api.ask(LIST, {"first": 100, "filter": chosen}, as_user=who).data["users"]


def test_new_account_comes_with_a_code_that_is_shown_once_and_recorded_nowhere(api, administrator):
    made = send(api, administrator, CREATE, name="mara", displayName="Mara Hollerbach")

    assert made["errors"] == []
    assert made["user"] == {
        "id": made["user"]["id"],
        "name": "mara",
        "displayName": "Mara Hollerbach",
        "status": "ACTIVE",
        "revision": 1,
    }
    code = made["oneTimeCode"]["code"]
    assert code.startswith("dms_c_")
    for table in ("access_event", "access_event_detail", "one_time_code"):
        assert code.encode() not in repr(api.read(f"SELECT * FROM {table}")).encode()


def test_name_that_is_taken_or_no_name_is_told_in_the_payload(api, administrator):
    send(api, administrator, CREATE, name="twice", displayName="First")

    taken = send(api, administrator, CREATE, name="twice", displayName="Second")
    wrong = send(api, administrator, CREATE, name="../twice\0", displayName="Second")

    assert (taken["user"], taken["oneTimeCode"]) == (None, None)
    assert [(e["code"], e["path"]) for e in (*taken["errors"], *wrong["errors"])] == [
        ("CONFLICT", ["name"]),
        ("VALIDATION", ["name"]),
    ]


def test_account_is_found_by_id_and_by_name_by_everybody(api, world):
    user, reader = world.user("found-by-all"), world.user()

    by_id = api.ask(BY, {"by": {"id": person(user)}}, as_user=reader).data["user"]
    by_name = api.ask(BY, {"by": {"name": "found-by-all"}}, as_user=reader).data["user"]

    assert by_id == by_name
    assert (by_id["id"], by_id["displayName"], by_id["status"]) == (person(user), "Found-By-All", "ACTIVE")


@pytest.mark.parametrize(
    "by",
    [
        {"id": "nonsense"},
        {"id": global_id(Kind.USER, new_id())},
        {"id": global_id(Kind.GROUP, new_id())},
        {"name": "nobody"},
        {"name": "nul\0"},
        {"name": ""},
    ],
)
def test_account_that_is_not_there_is_null(api, by):
    assert api.ask(BY, {"by": by}).data == {"user": None}


def test_role_or_group_is_no_account(api, world):
    group = world.principal(PrincipalKind.GROUP, "no-account")

    assert api.ask(BY, {"by": {"id": global_id(Kind.USER, group)}}).data == {"user": None}
    assert api.ask(BY, {"by": {"name": "no-account"}}).data == {"user": None}


def test_accounts_are_listed_by_name_and_narrowed(api, world, administrator):
    names = [f"page-{letter}" for letter in "cab"]
    ids = {name: world.user(name) for name in names}
    reason = {"expectedRevision": 1, "reason": "left"}
    send(api, administrator, CHANGES["userDisable"], id=person(ids["page-b"]), **reason)

    found = listed(api, world.user(), nameStartsWith="PAGE-")
    disabled = listed(api, world.user(), nameStartsWith="page-", status="DISABLED")

    assert [row["name"] for row in found["nodes"]] == sorted(names)
    assert (found["totalCount"], disabled["nodes"]) == (3, [{"name": "page-b", "status": "DISABLED"}])
    assert listed(api, world.user(), nameStartsWith="nul\0")["totalCount"] == 0


def test_pages_of_accounts_join(api, world):
    for letter in "abc":
        world.user(f"join-{letter}")
    first = api.ask(LIST, {"first": 2, "filter": {"nameStartsWith": "join-"}}).data["users"]

    cursor = first["pageInfo"]["endCursor"]
    second = api.ask(LIST, {"first": 2, "after": cursor, "filter": {"nameStartsWith": "join-"}}).data["users"]

    assert [row["name"] for row in (*first["nodes"], *second["nodes"])] == ["join-a", "join-b", "join-c"]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    other = api.ask(LIST, {"first": 2, "after": cursor, "filter": {"nameStartsWith": "join"}})
    assert other.codes == ["CURSOR_INVALID"]


def test_account_is_renamed_disabled_and_enabled_with_its_revision(api, world, administrator):
    user = world.user()
    given = {"id": person(user)}

    renamed = send(
        api, administrator, CHANGES["userUpdate"], **given, expectedRevision=1, displayName="New Name"
    )
    disabled = send(
        api, administrator, CHANGES["userDisable"], **given, expectedRevision=2, reason="on leave"
    )
    refused = api.ask("{ viewer { duties } }", as_user=user)
    enabled = send(api, administrator, CHANGES["userEnable"], **given, expectedRevision=3, reason="back")

    assert (renamed["user"]["displayName"], renamed["user"]["revision"]) == ("New Name", 2)
    assert (disabled["user"]["status"], disabled["user"]["revision"]) == ("DISABLED", 3)
    assert (refused.status, refused.codes) == (401, ["UNAUTHENTICATED"])
    assert (enabled["user"]["status"], enabled["user"]["revision"]) == ("ACTIVE", 4)
    assert api.ask("{ viewer { duties } }", as_user=user).data == {"viewer": {"duties": []}}


@pytest.mark.parametrize("name", ["userUpdate", "userDisable", "userEnable"])
def test_stale_revision_changes_nothing_and_tells_the_present_one(api, world, administrator, name):
    user = world.user()
    more = {"displayName": "Other"} if name == "userUpdate" else {"reason": "because"}

    answer = send(api, administrator, CHANGES[name], id=person(user), expectedRevision=7, **more)

    assert answer["user"] is None
    assert [(e["code"], e["currentRevision"], e["path"]) for e in answer["errors"]] == [
        ("CONFLICT", 1, ["expectedRevision"])
    ]
    assert api.ask(BY, {"by": {"id": person(user)}}).data["user"]["revision"] == 1


def test_what_is_so_already_is_told_with_what_is_possible(api, world, administrator):
    given = {"id": person(world.user()), "expectedRevision": 1, "reason": "again"}

    (error,) = send(api, administrator, CHANGES["userEnable"], **given)["errors"]

    assert (error["code"], error["state"], error["available"]) == ("STATE", "active", ["disable"])


def test_nobody_disables_or_resets_himself(api, administrator):
    own = {"id": person(administrator)}

    disabled = send(api, administrator, CHANGES["userDisable"], **own, expectedRevision=1, reason="bye")
    reset = send(api, administrator, RESET, **own)

    assert [e["code"] for e in (*disabled["errors"], *reset["errors"])] == ["SECOND_PERSON"] * 2


def test_reset_gives_a_code(api, world, administrator):
    answer = send(api, administrator, RESET, id=person(world.user()))

    assert answer["errors"] == []
    assert answer["oneTimeCode"]["code"].startswith("dms_c_")


@pytest.mark.parametrize("role", [None, "security_officer", "auditor"])
def test_accounts_are_made_by_administrators_only(api, world, role):
    who = world.officer(role=role) if role else world.user()

    (error,) = send(api, who, CREATE, name="by-others", displayName="X")["errors"]

    assert (error["__typename"], error["duty"]) == ("DutyError", "USERS_MANAGE")
    assert (last_of(api.house, who)["op"], last_of(api.house, who)["outcome"]) == ("user.create", "refused")
    assert api.ask(BY, {"by": {"name": "by-others"}}).data == {"user": None}


def test_memberships_show_to_officers_and_to_whom_they_name(api, world, administrator):
    users = [world.user(f"belong-{n}") for n in range(3)]
    group = world.principal(PrincipalKind.GROUP, "belong-group")
    for user in users:
        world.link(user, group)
    auditor = world.officer(role="auditor")

    def seen(who):
        found = api.ask(BELONGS, {"filter": {"nameStartsWith": "belong-"}}, as_user=who).data["users"][
            "nodes"
        ]
        return [(row["name"], row["memberships"]["totalCount"]) for row in found]

    everything = [(f"belong-{n}", 1) for n in range(3)]
    assert seen(administrator) == seen(auditor) == everything
    assert seen(users[1]) == [("belong-0", 0), ("belong-1", 1), ("belong-2", 0)]
    assert seen(world.user()) == [(name, 0) for name, _ in everything]


def test_membership_tells_group_dates_and_reason(api, world, administrator):
    user = world.user("member-of-one")
    world.link(user, world.role("technician"))

    found = api.ask(BELONGS, {"filter": {"nameStartsWith": "member-of-one"}}, as_user=administrator)

    assert found.data["users"]["nodes"][0]["memberships"]["nodes"] == [
        {
            "member": {"name": "member-of-one"},
            "group": {"kind": "ROLE", "name": "technician"},
            "validity": "LIVE",
            "reason": "factory",
            "grantedBy": None,
        }
    ]
