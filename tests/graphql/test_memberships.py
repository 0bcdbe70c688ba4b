"""Groups and roles through the door: their links in pages, made and ended by officers."""

from __future__ import annotations

import pytest

from dms.base.ids import Kind, global_id
from dms.models.users import PrincipalKind
from tests.recorded import last_of
from tests.statements import change_policy, counted

ERRORS = "errors { __typename code message path }"
LINK = "membership { id member { name } group { name } validity validUntil reason grantedBy { name } }"
CHANGES = {
    name: f"mutation ($input: {name[0].upper()}{name[1:]}Input!) "
    f"{{ {name}(input: $input) {{ {ERRORS} {LINK} }} }}"
    for name in ("groupMemberAdd", "groupMemberRemove", "roleAssign", "roleWithdraw")
}
CREATE = (
    "mutation ($input: GroupCreateInput!) { groupCreate(input: $input) "
    f"{{ {ERRORS} group {{ id name displayName members(first: 1) {{ totalCount }} }} }} }}"
)
GROUPS = """
query ($filter: GroupFilter, $first: Int = 20, $validity: Validity) {
  groups(first: $first, filter: $filter) { totalCount nodes { name members(first: 10, validity: $validity) {
    totalCount nodes { validity member { name kind ... on Group { members(first: 10) {
      nodes { member { name } } } } } }
  } } }
}
"""
ROLES = """
{ roles(first: 100) { totalCount nodes {
  name displayName duties actions excludes holders(first: 10) { nodes { member { name } } }
} } }
"""


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("members-officer")


def group_id(group):
    return global_id(Kind.GROUP, group)


def person(user):
    return global_id(Kind.USER, user)


def send(api, who, field, /, **values):
    text = CREATE if field == "groupCreate" else CHANGES[field]
    (answer,) = api.ask(text, {"input": values}, as_user=who).data.values()
    return answer


def groups(api, who, starts, **more):
    return api.ask(GROUPS, {"filter": {"nameStartsWith": starts}, **more}, as_user=who).data["groups"][
        "nodes"
    ]


def add(api, who, group, user, **more):
    given = {"groupId": group_id(group), "memberId": person(user), "reason": "works there"}
    return send(api, who, "groupMemberAdd", **{**given, **more})


def test_officer_makes_a_group_and_fills_it(api, world, officer):
    user = world.user("first-member")

    made = send(api, officer, "groupCreate", name="newly-made", displayName="Newly made")
    until = "2099-01-01T00:00:00.000000Z"
    given = {"groupId": made["group"]["id"], "memberId": person(user), "reason": "works there"}
    added = send(api, officer, "groupMemberAdd", **given, validUntil=until)

    assert made["group"] == {
        "id": made["group"]["id"],
        "name": "newly-made",
        "displayName": "Newly made",
        "members": {"totalCount": 0},
    }
    assert added["errors"] == []
    assert added["membership"] == {
        "id": added["membership"]["id"],
        "member": {"name": "first-member"},
        "group": {"name": "newly-made"},
        "validity": "LIVE",
        "validUntil": until,
        "reason": "works there",
        "grantedBy": {"name": "members-officer"},
    }
    assert last_of(api.house, officer)["op"] == "group.member_add"


def test_member_is_taken_out_and_the_ended_link_answers(api, world, officer):
    group, user = world.principal(PrincipalKind.GROUP), world.user()
    added = add(api, officer, group, user)
    given = {"groupId": group_id(group), "memberId": person(user), "reason": "left"}

    removed = send(api, officer, "groupMemberRemove", **given)
    again = send(api, officer, "groupMemberRemove", **given)

    assert removed["membership"]["id"] == added["membership"]["id"]
    assert removed["membership"]["validity"] == "REVOKED"
    assert [error["code"] for error in again["errors"]] == ["STATE"]


def test_role_is_given_and_taken_back(api, world, officer):
    user = world.user("new-reader")
    given = {"roleId": global_id(Kind.ROLE, world.role("reader")), "memberId": person(user)}

    assigned = send(api, officer, "roleAssign", **given, reason="card 417")
    roles = api.ask("{ viewer { roles { name } } }", as_user=user).data["viewer"]["roles"]
    withdrawn = send(api, officer, "roleWithdraw", **given, reason="card returned")

    assert assigned["membership"]["group"] == {"name": "reader"}
    assert roles == [{"name": "reader"}]
    assert withdrawn["membership"]["validity"] == "REVOKED"
    assert api.ask("{ viewer { roles { name } } }", as_user=user).data == {"viewer": {"roles": []}}


def test_role_with_duties_is_not_given_by_one_officer(api, world, officer):
    user = world.user()
    given = {"roleId": global_id(Kind.ROLE, world.role("technician")), "memberId": person(user)}

    assigned = send(api, officer, "roleAssign", **given, reason="appointed")

    (error,) = assigned["errors"]
    assert error["code"] == "SECOND_PERSON"
    assert error["message"] == (
        "the role `technician`, which has duties, needs two officers: propose it with `accessChangePropose`"
    )


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"reason": " "}, "VALIDATION"),
        ({"memberId": "nonsense"}, "NOT_FOUND"),
        ({"groupId": "nonsense"}, "NOT_FOUND"),
        ({"validFrom": "2031-01-01T00:00:00Z", "validUntil": "2030-01-01T00:00:00Z"}, "VALIDATION"),
    ],
)
def test_bad_input_is_told_and_nothing_is_linked(api, world, officer, more, code):
    group = world.principal(PrincipalKind.GROUP)

    answer = add(api, officer, group, world.user(), **more)

    assert ([error["code"] for error in answer["errors"]], answer["membership"]) == ([code], None)


def test_circle_of_groups_is_refused(api, world, officer):
    inner, outer = world.principal(PrincipalKind.GROUP), world.principal(PrincipalKind.GROUP)
    world.link(inner, outer)

    answer = add(api, officer, inner, outer, memberId=group_id(outer))

    assert [(error["code"], error["path"]) for error in answer["errors"]] == [("CONFLICT", ["memberId"])]


def test_officer_changes_nothing_that_reaches_himself(api, world, officer):
    group = world.principal(PrincipalKind.GROUP)
    world.link(officer, group)

    own = add(api, officer, world.principal(PrincipalKind.GROUP), officer)
    nested = add(api, officer, world.principal(PrincipalKind.GROUP), officer, memberId=group_id(group))

    assert [e["code"] for e in (*own["errors"], *nested["errors"])] == ["SECOND_PERSON"] * 2


@pytest.mark.parametrize("role", [None, "administrator", "auditor"])
def test_links_are_made_by_officers_only(api, world, officer, role):
    who = world.officer(role=role) if role else world.user()
    group = world.principal(PrincipalKind.GROUP)

    answer = add(api, who, group, world.user())
    given = {"roleId": global_id(Kind.ROLE, world.role("technician")), "memberId": person(world.user())}
    assigned = send(api, who, "roleAssign", **given, reason="appointed")

    assert [e["__typename"] for e in (*answer["errors"], *assigned["errors"])] == ["DutyError"] * 2


def test_nested_members_show_and_are_read_together(api, world, officer):
    def build(name):
        outer, inner = (world.principal(PrincipalKind.GROUP, f"{name}-{part}") for part in ("outer", "inner"))
        world.link(world.user(f"{name}-user"), inner)
        world.link(inner, outer)

    build("nest-a")
    groups(api, officer, "nest-")  # what a process reads once it has read now
    change_policy(api.house)
    with counted(api.house) as few:
        (_, outer) = groups(api, officer, "nest-")
    for letter in "bcd":
        build(f"nest-{letter}")
    with counted(api.house) as many:
        found = groups(api, officer, "nest-")

    (member,) = outer["members"]["nodes"]
    inner = member["member"]
    assert (inner["name"], inner["kind"]) == ("nest-a-inner", "GROUP")
    assert inner["members"]["nodes"] == [{"member": {"name": "nest-a-user"}}]
    assert len(found) == 8
    assert len(many) == len(few)


def test_one_list_shown_in_two_ways_keeps_both(api, world, officer):
    group = world.principal(PrincipalKind.GROUP, "two-ways")
    for _ in range(3):
        world.link(world.user(), group)
    text = """{ groups(first: 1, filter: {nameStartsWith: "two-ways"}) {
      nodes { members(first: 1) { nodes { id } } } edges { node { members(first: 3) { nodes { id } } } }
    } }"""

    found = api.ask(text, as_user=officer).data["groups"]

    assert len(found["nodes"][0]["members"]["nodes"]) == 1
    assert len(found["edges"][0]["node"]["members"]["nodes"]) == 3


def test_later_page_of_members_belongs_to_one_group(api, world, officer):
    group, _ = (world.principal(PrincipalKind.GROUP, name) for name in ("leafed", "blank"))
    names = [f"leaf-{n}" for n in range(3)]
    for name in names:
        world.link(world.user(name), group)
    text = """query ($after: String) { groups(first: 1, filter: {nameStartsWith: "leafed"}) { nodes {
      members(first: 2, after: $after) { nodes { member { name } } pageInfo { endCursor hasNextPage } }
    } } }"""

    first = api.ask(text, as_user=officer).data["groups"]["nodes"][0]["members"]
    after = first["pageInfo"]["endCursor"]
    second = api.ask(text, {"after": after}, as_user=officer).data["groups"]["nodes"][0]["members"]
    foreign = api.ask(text.replace("leafed", "blank"), {"after": after}, as_user=officer)

    assert [n["member"]["name"] for n in (*first["nodes"], *second["nodes"])] == names[::-1]
    assert (first["pageInfo"]["hasNextPage"], second["pageInfo"]["hasNextPage"]) == (True, False)
    assert foreign.codes == ["CURSOR_INVALID"]


def test_members_can_be_narrowed_to_those_that_count(api, world, officer):
    group = world.principal(PrincipalKind.GROUP, "dated")
    world.link(world.user("over"), group, until=1)
    world.link(world.user("here"), group)

    (row,) = groups(api, officer, "dated", validity="LIVE")

    assert [node["member"]["name"] for node in row["members"]["nodes"]] == ["here"]
    assert row["members"]["totalCount"] == 1


def test_readers_see_groups_and_their_own_links_only(api, world, officer):
    group, user = world.principal(PrincipalKind.GROUP, "half-shown"), world.user("half-shown-user")
    world.link(user, group)
    world.link(world.user("half-hidden-user"), group)

    def seen(who):
        (row,) = groups(api, who, "half-shown")
        return row["members"]["totalCount"], [node["member"]["name"] for node in row["members"]["nodes"]]

    assert seen(officer) == (2, ["half-hidden-user", "half-shown-user"])
    assert seen(user) == (1, ["half-shown-user"])
    assert seen(world.user()) == (0, [])


def test_roles_show_what_the_policy_files_say_and_their_holders(api, world, officer):
    auditor = world.officer("roles-auditor", role="auditor")

    found = api.ask(ROLES, as_user=auditor).data["roles"]
    plain = api.ask(ROLES, as_user=world.user()).data["roles"]

    by_name = {row["name"]: row for row in found["nodes"]}
    assert list(by_name) == sorted(by_name)
    assert found["totalCount"] == len(by_name) == 8
    assert by_name["auditor"]["duties"] == ["LOG_EXPORT", "LOG_READ", "POLICY_READ"]
    assert by_name["security_officer"]["actions"] == ["MANAGE_ACCESS"]
    assert by_name["disposal_approver"]["excludes"] == ["records_manager"]
    assert {"member": {"name": "roles-auditor"}} in by_name["auditor"]["holders"]["nodes"]
    assert all(row["holders"]["nodes"] == [] for row in plain["nodes"])
