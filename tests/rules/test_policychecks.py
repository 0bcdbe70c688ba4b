"""What is wrong with the lines of a policy as a whole."""

from __future__ import annotations

import itertools
from uuid import UUID

import pytest

from dms.base.ids import Kind, global_id
from dms.rules.access import Action, Duty, Effect, NodeKind
from dms.rules.periods import Period
from dms.rules.policychecks import Policy, Severity, examine, is_sound
from dms.rules.policylines import EntryLine, LinkLine, PrincipalLine

NOW = 1_000
ROOF, SCHEME, F1, F2, D1 = (UUID(int=number) for number in (1, 2, 3, 4, 5))
ABOVE = {
    ROOF: frozenset({ROOF, SCHEME}),
    SCHEME: frozenset({ROOF, SCHEME}),
    F1: frozenset({F1, ROOF, SCHEME}),
    F2: frozenset({F2, F1, ROOF, SCHEME}),
    D1: frozenset({D1, F2, F1, ROOF, SCHEME}),
}
KINDS = {ROOF: NodeKind.REPOSITORY, SCHEME: NodeKind.CLASS, D1: NodeKind.DOCUMENT}
DUTIES = {
    "administrator": frozenset({Duty.USERS_MANAGE}),
    "security_officer": frozenset({Duty.CLEARANCES_MANAGE}),
    "auditor": frozenset({Duty.LOG_READ}),
}
EXCLUSIVE = frozenset({frozenset({"security_officer", "auditor"})})
EVERYONE = UUID(int=99)


class Desk:
    """Builds a policy; two administrators and two officers are there, so that it is sound."""

    def __init__(self):
        self.numbers = itertools.count(100)
        self.principals, self.links, self.entries = {}, [], []
        self.principals[EVERYONE] = PrincipalLine(EVERYONE, "everyone", "everyone", True)
        self.roles = {name: self.principal("role", name) for name in DUTIES}
        self.staff = [self.user(name) for name in ("ada", "adam", "olga", "otto")]
        for user, role in zip(self.staff, ["administrator"] * 2 + ["security_officer"] * 2, strict=True):
            self.link(user, self.roles[role])

    def principal(self, kind, name, *, is_active=True):
        key = UUID(int=next(self.numbers))
        self.principals[key] = PrincipalLine(key, kind, name, is_active)
        return key

    def user(self, name, **state):
        return self.principal("user", name, **state)

    def group(self, name, **state):
        return self.principal("group", name, **state)

    def link(self, member, group, *, since=0, until=None):
        self.links.append(LinkLine(UUID(int=next(self.numbers)), member, group, Period(since, until)))

    def entry(self, who, node=F1, action=Action.READ_CONTENT, *, effect=Effect.ALLOW, since=0, until=None):
        key = UUID(int=next(self.numbers))
        kind = KINDS.get(node, NodeKind.AGGREGATION)
        self.entries.append(EntryLine(key, who, kind, node, action, effect, Period(since, until)))
        return global_id(Kind.ACCESS_ENTRY, key)

    def policy(self):
        return Policy(NOW, self.principals, self.links, self.entries, DUTIES, EXCLUSIVE, EVERYONE, SCHEME)

    def found(self):
        return examine(self.policy(), above=ABOVE)

    def codes(self):
        return [(each.severity.value, each.code, each.subject) for each in self.found()]

    def shown(self, key):
        return self.principals[key].global_id


@pytest.fixture
def desk():
    return Desk()


def folder(node=F1):
    return f"aggregation {global_id(Kind.AGGREGATION, node)}"


def test_plain_policy_has_no_finding(desk):
    ana, staff = desk.user("ana"), desk.group("staff")
    desk.link(ana, staff)
    desk.entry(staff)
    desk.entry(ana, F2, Action.EDIT)

    assert desk.found() == []
    assert is_sound([])


def test_circle_of_groups_is_named_once_without_what_leads_into_it(desk):
    ana, one, two, three, top = (
        desk.user("ana"),
        *(desk.group(name) for name in ("one", "two", "three", "top")),
    )
    for member, group in ((ana, one), (one, two), (two, three), (three, two), (three, top)):
        desk.link(member, group)

    (finding,) = desk.found()

    assert (finding.severity, finding.code) == (Severity.FAULT, "link_circle")
    assert finding.subject == desk.shown(two)
    assert finding.message == (
        "groups lie in each other: group `two` > group `three` > group `two`; end one of these memberships"
    )
    assert not is_sound([finding])


def test_two_circles_are_two_findings_and_one_that_is_over_is_none(desk):
    groups = [desk.group(f"g{number}") for number in range(6)]
    for one, other, until in ((0, 1, None), (2, 3, None), (4, 5, NOW)):
        desk.link(groups[one], groups[other])
        desk.link(groups[other], groups[one], until=until)

    assert [code for _, code, _ in desk.codes()] == ["link_circle", "link_circle", "link_expired"]


def test_conflict_of_roles_is_found_through_any_nesting(desk):
    ana, inner, outer = desk.user("ana"), desk.group("inner"), desk.group("outer")
    desk.link(ana, desk.roles["security_officer"])
    desk.link(ana, inner)
    desk.link(inner, outer)
    desk.link(outer, desk.roles["auditor"])

    assert desk.codes() == [("fault", "roles_conflict", desk.shown(ana))]
    assert desk.found()[0].message == (
        "user `ana` has roles that exclude each other, `auditor`, `security_officer`: "
        "none of them counts now; withdraw one"
    )


def test_conflict_that_periods_may_bring_is_a_warning(desk):
    ana = desk.user("ana")
    desk.link(ana, desk.roles["security_officer"])
    desk.link(ana, desk.roles["auditor"], since=NOW + 1)

    assert desk.codes() == [("warning", "roles_conflict", desk.shown(ana))]
    assert desk.found()[0].message.endswith("their periods may meet; withdraw one")
    assert is_sound(desk.found())


def test_conflict_through_a_group_that_is_disabled_does_not_count_now(desk):
    ana, group = desk.user("ana"), desk.group("closed", is_active=False)
    desk.link(ana, desk.roles["security_officer"])
    desk.link(ana, group)
    desk.link(group, desk.roles["auditor"])

    assert desk.codes() == [("warning", "roles_conflict", desk.shown(ana))]


def test_office_that_nobody_holds_is_a_fault(desk):
    desk.links = [link for link in desk.links if link.group_id != desk.roles["security_officer"]]

    assert desk.codes() == [("fault", "duty_unheld", "clearances.manage")]
    assert desk.found()[0].message == (
        "nobody holds the duty `clearances.manage`, so nobody can give it: see `dms policy show` for its role"
    )


def test_office_counts_only_for_active_people_whose_roles_count(desk):
    ada, _, olga, otto = desk.staff
    desk.principals[ada] = PrincipalLine(ada, "user", "ada", False)
    desk.link(olga, desk.roles["auditor"])
    robot = desk.principal("service", "robot")
    desk.link(robot, desk.roles["security_officer"])

    assert [each for each in desk.codes() if each[1].startswith("duty")] == [
        ("note", "duty_held_once", "clearances.manage"),
        ("note", "duty_held_once", "users.manage"),
    ]
    notes = [each.message for each in desk.found() if each.code == "duty_held_once"]
    assert notes[0].startswith("`otto` alone holds the duty `clearances.manage`")
    assert otto in desk.principals


def test_role_that_roles_toml_no_longer_defines_is_a_warning_while_lines_name_it(desk):
    unused, linked, named = (desk.principal("role", name) for name in ("old", "gone", "lost"))
    desk.link(desk.user("ana"), linked)
    desk.link(desk.user("ben"), named, until=NOW)
    desk.entry(named)

    codes = [each for each in desk.codes() if each[1] == "role_undefined"]
    assert codes == sorted(
        [("warning", "role_undefined", desk.shown(linked)), ("warning", "role_undefined", desk.shown(named))]
    )
    assert desk.shown(unused) not in {subject for _, _, subject in desk.codes()}


def test_membership_that_is_over_is_a_note(desk):
    ana, staff = desk.user("ana"), desk.group("staff")
    desk.link(ana, staff, until=NOW)
    desk.link(desk.user("ben"), staff, until=NOW + 1)

    assert desk.codes() == [("note", "link_expired", desk.shown(ana))]
    assert desk.found()[0].message == "user `ana` is in group `staff` no longer: end the membership"


def test_line_on_a_thing_that_is_gone_is_a_fault(desk):
    line = desk.entry(desk.staff[0], UUID(int=77))

    (finding,) = desk.found()

    assert (finding.severity, finding.code, finding.subject) == (Severity.FAULT, "node_gone", line)
    assert finding.message == (
        f"allow READ_CONTENT to user `ada` on {folder(UUID(int=77))}: "
        "there is no such thing; revoke it, and run `dms check`"
    )


def test_line_whose_period_is_over_is_a_note_at_its_very_end(desk):
    over = desk.entry(desk.staff[0], until=NOW)
    desk.entry(desk.staff[1], until=NOW + 1)

    assert desk.codes() == [("note", "entry_expired", over)]


def test_line_for_who_is_disabled_is_a_warning_and_for_who_is_nobody_a_note(desk):
    gone, empty, closed = desk.user("gone", is_active=False), desk.group("empty"), desk.group("inner")
    desk.link(gone, closed)
    lines = [desk.entry(who) for who in (gone, empty, closed)]

    assert desk.codes() == [
        ("warning", "principal_disabled", lines[0]),
        ("note", "principal_empty", lines[1]),
        ("note", "principal_empty", lines[2]),
    ]
    assert desk.found()[1].message.endswith("nobody with an account belongs to the group")


def test_allow_under_a_deny_on_the_repository_is_a_warning(desk):
    ana, staff = desk.user("ana"), desk.group("staff")
    desk.link(ana, staff)
    idle = desk.entry(ana, F2)
    deny = desk.entry(staff, ROOF, Action.READ_METADATA, effect=Effect.DENY)
    desk.entry(ana, F1, Action.DISCOVER)

    assert desk.codes() == [("warning", "allow_denied", idle)]
    assert desk.found()[0].message == (
        f"allow READ_CONTENT to user `ana` on {folder(F2)}: "
        f"line {deny} (deny READ_METADATA to group `staff` on the Repository) refuses it; "
        "revoke it, or place the deny lower"
    )


def test_allow_under_a_deny_that_ends_or_begins_otherwise_is_not_idle(desk):
    ana, staff = desk.user("ana"), desk.group("staff")
    desk.link(ana, staff, until=NOW + 5)
    desk.entry(ana, F2)
    desk.entry(staff, ROOF, effect=Effect.DENY)
    desk.entry(ana, ROOF, effect=Effect.DENY, since=NOW + 1)

    assert desk.codes() == []


def test_line_that_a_wider_one_repeats_is_a_note(desk):
    ana, staff = desk.user("ana"), desk.group("staff")
    desk.link(ana, staff)
    wide = desk.entry(staff, F1, Action.EXPORT)
    idle = desk.entry(ana, D1, Action.READ_CONTENT, until=NOW + 9)
    deny = desk.entry(EVERYONE, F1, Action.EDIT, effect=Effect.DENY)
    again = desk.entry(EVERYONE, F1, Action.EDIT, effect=Effect.DENY)

    assert desk.codes() == [("note", "allow_repeated", idle), ("note", "deny_repeated", again)]
    first, second = desk.found()
    assert (
        f"line {wide} (allow EXPORT to group `staff` on {folder()}) gives as much; revoke one of the two"
        in (first.message)
    )
    assert f"line {deny} (deny EDIT to everyone `everyone` on {folder()}) refuses as much" in second.message


def test_line_on_the_scheme_is_named_as_the_api_names_it(desk):
    desk.entry(desk.user("gone", is_active=False), SCHEME)

    assert f"on class {global_id(Kind.SCHEME, SCHEME)}" in desk.found()[0].message


def test_worst_findings_stand_first(desk):
    desk.entry(desk.staff[0], until=NOW)
    desk.entry(desk.user("gone", is_active=False))
    desk.entry(desk.staff[0], UUID(int=77))

    assert [each.severity for each in desk.found()] == [Severity.FAULT, Severity.WARNING, Severity.NOTE]


def test_thousand_groups_in_a_row_are_no_circle(desk):
    groups = [desk.group(f"g{number}") for number in range(1_000)]
    desk.link(desk.user("ana"), groups[0])
    for lower, upper in itertools.pairwise(groups):
        desk.link(lower, upper)

    assert desk.codes() == []
