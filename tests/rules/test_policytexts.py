"""A policy test file that says something impossible is refused by its key, with what to write."""

from __future__ import annotations

from copy import deepcopy

import pytest

from dms.base.errors import Invalid
from dms.rules import policytexts
from dms.rules.access import Action, Duty, NodeKind, Reason
from dms.rules.periods import Period
from dms.rules.policytests import (
    Account,
    Classified,
    Cleared,
    DutyExpectation,
    Entry,
    Expectation,
    Membership,
    Subjects,
)

ROLES = {"auditor": frozenset(), "security_officer": frozenset({Action.MANAGE_ACCESS})}
NOW = 1_795_251_600_000_000

PLAIN = {
    "now": "2026-11-21T09:00:00Z",
    "principals": {"ana": ["staff"], "staff": None},
    "clearances": {"ana": ["secret", ["crypto"]]},
    "classes": {"adm": None},
    "aggregations": {"F1/S1": "F1", "F1": None},
    "documents": {"D1": {"in": "F1/S1", "class": "adm", "security": ["open", []]}, "D2": {"in": "F1"}},
    "entries": {"1": {"principal": "staff", "node": "F1", "action": "READ_CONTENT", "effect": "allow"}},
    "expect": [{"who": "ana", "action": "DISCOVER", "may": ["D1", "D2"]}],
}


def read(**changes):
    told = {**deepcopy(PLAIN), **changes}
    return policytexts.read({key: value for key, value in told.items() if value != "-"}, roles=ROLES)


def refused(told, *, roles=ROLES):
    with pytest.raises(Invalid) as caught:
        policytexts.read(told, roles=roles)
    return ".".join(caught.value.path), caught.value.message


def test_plain_file_is_read_with_parents_before_children():
    test = read()

    assert test.now == NOW
    assert test.accounts == {"ana": Account((Cleared(_mark("secret", "crypto"), Period(0)),), False)}
    assert test.groups == ("staff",)
    assert test.roles == {"role:auditor", "role:security_officer"}
    assert test.memberships == (Membership("ana", "staff", Period(0)),)
    assert list(test.folders) == ["F1", "F1/S1"]
    assert test.documents["D1"].record_class == "adm"
    assert test.documents["D2"].record_class is None
    assert test.documents["D2"].mark == _mark("open")
    assert test.compartments == {"crypto"}
    assert test.entries["1"].node_kind is NodeKind.AGGREGATION
    assert test.expect == (
        Expectation(
            "expect.1", "ana", Action.DISCOVER, Subjects.DOCUMENTS, NOW, frozenset({"D1", "D2"}), None, {}
        ),
    )


def _mark(level, *compartments):
    return Classified(level, frozenset(compartments))


def test_line_of_expectations_speaks_of_each_account_and_action():
    line = {"who": ["ana", "ben"], "action": ["DISCOVER", "EDIT"], "may": []}

    test = read(
        principals={"ana": [], "ben": []},
        clearances={"ana": None, "ben": "open"},
        entries=None,
        expect=[line],
    )

    assert [(each.who, each.action) for each in test.expect] == [
        ("ana", Action.DISCOVER),
        ("ana", Action.EDIT),
        ("ben", Action.DISCOVER),
        ("ben", Action.EDIT),
    ]
    assert test.accounts["ana"].clearances == ()


def test_offset_counts_in_an_instant():
    line = {"who": "ana", "action": "DISCOVER", "at": "2026-11-21T10:00:00+01:00", "may": []}

    assert read(expect=[line]).expect[0].at == NOW


def test_reason_and_lines_are_told_apart():
    because = {"D1": "clearance", "D2": ["1", "role:security_officer:MANAGE_ACCESS"]}

    (expected,) = read(expect=[{"who": "ana", "action": "EDIT", "because": because}]).expect

    assert expected.because == {
        "D1": Reason.CLEARANCE,
        "D2": frozenset({"1", "role:security_officer:MANAGE_ACCESS"}),
    }
    assert expected.may is None


def test_duties_are_an_expectation_of_their_own():
    (expected,) = read(expect=[{"who": "ana", "duties": ["log.read"]}]).expect

    assert expected == DutyExpectation("expect.1", "ana", NOW, frozenset({Duty.LOG_READ}))


def test_entry_may_name_everyone_a_role_the_scheme_and_the_repository():
    rows = {
        "a": {"principal": "everyone", "node": "repository", "action": "DISCOVER", "effect": "deny"},
        "b": {
            "principal": "role:auditor",
            "node": "scheme",
            "action": "DISCOVER",
            "effect": "allow",
            "until": "2026-11-21T09:00:00Z",
        },
    }

    test = read(entries=rows)

    assert test.entries["a"].node_kind is NodeKind.REPOSITORY
    assert test.entries["b"] == Entry(
        "role:auditor", NodeKind.CLASS, "scheme", Action.DISCOVER, "allow", Period(0, NOW)
    )


ENTRY = PLAIN["entries"]["1"]
KEYS = ", ".join(sorted([*PLAIN, "disabled", "levels"]))
PRINCIPALS = "ana, everyone, role:auditor, role:security_officer, staff"
ACTIONS = ", ".join(sorted(Action))
LINE = PLAIN["expect"][0]


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ({"now": None}, "now", "is missing"),
        (
            {"now": "2026-11-21T09:00:00"},
            "now",
            "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`",
        ),
        (
            {"now": "2026-11-21"},
            "now",
            "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`",
        ),
        ({"now": "soon"}, "now", "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`"),
        (
            {"now": "0000-11-21T09:00:00Z"},
            "now",
            "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`",
        ),
        (
            {"now": "0001-01-01T00:00:00+23:00"},
            "now",
            "lies before 1970: write an instant of this installation's time",
        ),
        ({"now": ["x"]}, "now", "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`"),
        (
            {"wrold": {}},
            "wrold",
            f"unknown key: write one of {KEYS}",
        ),
        ({"entry": {}}, "entry", "unknown key: did you mean `entries`?"),
        ({"principals": None}, "principals", "is missing"),
        ({"principals": ["ana"]}, "principals", "must be a table (`name: ...`), not a list"),
        (
            {"principals": {"ana": "staff", "staff": []}},
            "principals.ana",
            "must be a list (`[a, b]`), not `staff`",
        ),
        (
            {"principals": {"ana": ["stuff"], "staff": []}},
            "principals.ana.1",
            "there is no group or role `stuff`: did you mean `staff`?",
        ),
        (
            {"principals": {"ana": ["role:officer"], "staff": []}},
            "principals.ana.1",
            "there is no group or role `role:officer`: did you mean `role:security_officer`?",
        ),
        (
            {"principals": {"ana": ["auditor"], "staff": []}},
            "principals.ana.1",
            "there is no group or role `auditor`: did you mean `role:auditor`?",
        ),
        (
            {"principals": {"ana": [], "staff": ["ana"]}},
            "principals.staff.1",
            "there is no group or role `ana`: write one of role:auditor, role:security_officer, staff",
        ),
        (
            {"principals": {"ana": [], "staff": ["staff"]}},
            "principals.staff.1",
            "a group cannot be its own member",
        ),
        (
            {"principals": {"ana": ["staff", "staff"], "staff": []}},
            "principals.ana.2",
            "`staff` stands here twice: one membership at a time",
        ),
        (
            {"principals": {"ana": [{"group": "staff", "to": "x"}], "staff": []}},
            "principals.ana.1.to",
            "unknown key: write one of group, since, until",
        ),
        ({"principals": {"ana": [{"since": "x"}], "staff": []}}, "principals.ana.1.group", "is missing"),
        (
            {"principals": {"ana": [], "everyone": []}},
            "principals.everyone",
            "this name is the product's own: choose another",
        ),
        (
            {"principals": {"ana": [], "role:auditor": []}},
            "principals.role:auditor",
            "this name is the product's own: choose another",
        ),
        ({"principals": {"ana": [], "": []}}, "principals", "a name must not be empty"),
        (
            {"principals": {"ana": [], "a\nb": []}},
            "principals",
            "a name holds a control character (U+000A): remove it",
        ),
        ({"principals": {"ana": [], " b": []}}, "principals", "write the name as `b`"),
        (
            {"clearances": {"eva": "open"}},
            "clearances.eva",
            "there is no principal `eva`: write one of ana, staff",
        ),
        (
            {"clearances": {"ana": "Secret"}},
            "clearances.ana",
            "there is no level `Secret`: did you mean `secret`?",
        ),
        (
            {"clearances": {"ana": ["secret"]}},
            "clearances.ana",
            "must be a level with its compartments, such as `[secret, [crypto]]` or `[open, []]`",
        ),
        (
            {"clearances": {"ana": ["secret", "crypto"]}},
            "clearances.ana",
            "must be a list (`[a, b]`), not `crypto`",
        ),
        (
            {"clearances": {"ana": {"mark": "open", "until": "never"}}},
            "clearances.ana.until",
            "must be a date and time with its offset, such as `2026-11-21T09:00:00Z`",
        ),
        (
            {"clearances": {"ana": {"level": "open"}}},
            "clearances.ana.level",
            "unknown key: write one of mark, since, until",
        ),
        (
            {"clearances": {"ana": [{"mark": "open"}, {"mark": "secret", "since": "2026-11-21T09:00:00Z"}]}},
            "clearances.ana.2",
            "overlaps another clearance of this account: one at a time",
        ),
        (
            {"disabled": ["staff"]},
            "disabled",
            "`staff` is a group: only an account, which has a line in `clearances`, is disabled",
        ),
        ({"disabled": ["eva"]}, "disabled.1", "there is no principal `eva`: write one of ana, staff"),
        ({"levels": {"open": "1.5"}}, "levels.open", "must be a whole number, such as 0 or 12"),
        ({"levels": {"open": "0"}}, "levels.open", "must be a rank from 1 to 32767"),
        ({"levels": {"open": "40000"}}, "levels.open", "must be a rank from 1 to 32767"),
        (
            {"levels": {"open": "1", "secret": "1"}},
            "levels.secret",
            "two levels of one rank could not be told apart: choose another",
        ),
        ({"aggregations": {"F1": "F1"}}, "aggregations.F1", "`F1` lies below itself: F1 > F1"),
        (
            {"aggregations": {"F1": "F3", "F2": "F1", "F3": "F2"}},
            "aggregations.F1",
            "`F1` lies below itself: F1 > F2 > F3 > F1",
        ),
        (
            {"aggregations": {"F1": "F9"}},
            "aggregations.F1",
            "there is no `F9` among the aggregations to lie below",
        ),
        (
            {"aggregations": {"F1": {"in": "F1", "clas": "adm"}}},
            "aggregations.F1.clas",
            "unknown key: did you mean `class`?",
        ),
        (
            {"aggregations": {"scheme": None}},
            "aggregations.scheme",
            "this name is the product's own: choose another",
        ),
        ({"classes": {"adm": "adm"}}, "classes.adm", "`adm` lies below itself: adm > adm"),
        (
            {"classes": {"adm": None, "D1": None}},
            "documents.D1",
            "this name is in `classes` too: an entry could not tell them apart",
        ),
        ({"documents": {"D1": "F1"}}, "documents.D1", "must be a table (`name: ...`), not `F1`"),
        ({"documents": {"D1": {}}}, "documents.D1.in", "is missing"),
        (
            {"documents": {"D1": {"in": "F9"}}},
            "documents.D1.in",
            "there is no Aggregation `F9`: write one of F1, F1/S1",
        ),
        (
            {"documents": {"D1": {"in": "F1", "class": "admin"}}},
            "documents.D1.class",
            "there is no class `admin`: did you mean `adm`?",
        ),
        (
            {"documents": {"D1": {"in": "F1", "security": ["open", [["x"]]]}}},
            "documents.D1.security.1",
            "must be a name, not a list",
        ),
        (
            {"entries": {"1": {**ENTRY, "effect": "Deny"}}},
            "entries.1.effect",
            "`Deny` is not one of these words: did you mean `deny`?",
        ),
        (
            {"entries": {"1": {**ENTRY, "effect": "permit"}}},
            "entries.1.effect",
            "`permit` is not one of these words: write one of allow, deny",
        ),
        (
            {"entries": {"1": {**ENTRY, "action": "read_content"}}},
            "entries.1.action",
            "`read_content` is not one of these words: did you mean `READ_CONTENT`?",
        ),
        (
            {"entries": {"1": {**ENTRY, "principal": "eva"}}},
            "entries.1.principal",
            f"there is no principal `eva`: write one of {PRINCIPALS}",
        ),
        (
            {"entries": {"1": {**ENTRY, "node": "F3"}}},
            "entries.1.node",
            "there is no node `F3`: write one of D1, D2, F1, F1/S1, adm, repository, scheme",
        ),
        ({"entries": {"1": {**ENTRY, "note": "x"}}}, "entries.1.note", "unknown key: did you mean `node`?"),
        ({"entries": {"1": {**ENTRY, "action": None}}}, "entries.1.action", "is missing"),
        (
            {"entries": {"1": {**ENTRY, "since": "2026-11-21T09:00:00Z", "until": "2026-11-21T09:00:00Z"}}},
            "entries.1.until",
            "must lie after the start of the period",
        ),
        ({"expect": []}, "expect", "expects nothing: write at least one line"),
        ({"expect": [{}]}, "expect.1.who", "is missing"),
        (
            {"expect": [{"who": "staff", "action": "EDIT", "may": []}]},
            "expect.1.who",
            "there is no account (a principal with a line in `clearances`) `staff`: write one of ana",
        ),
        ({"expect": [{"who": "ana", "may": []}]}, "expect.1.action", "is missing"),
        (
            {"expect": [{"who": "ana", "action": ["EDIT", "FLY"], "may": []}]},
            "expect.1.action.2",
            f"`FLY` is not one of these words: write one of {ACTIONS}",
        ),
        (
            {"expect": [{"who": "ana", "action": "EDIT"}]},
            "expect.1",
            "expects nothing: write `may`, `count` or `because`",
        ),
        (
            {"expect": [{**LINE, "may": ["D3"]}]},
            "expect.1.may.1",
            "there is no name among the documents `D3`: write one of D1, D2",
        ),
        (
            {"expect": [{**LINE, "of": "folders"}]},
            "expect.1.of",
            "`folders` is not one of these words: write one of aggregations, documents",
        ),
        (
            {"expect": [{**LINE, "of": "aggregations"}]},
            "expect.1.may.1",
            "there is no name among the aggregations `D1`: write one of F1, F1/S1",
        ),
        ({"expect": [{**LINE, "count": "3"}]}, "expect.1.count", "contradicts `may`, which has 2 names"),
        ({"expect": [{**LINE, "count": "-1"}]}, "expect.1.count", "must be a whole number, such as 0 or 12"),
        (
            {"expect": [{**LINE, "because": {"D1": "Denied"}}]},
            "expect.1.because.D1",
            "`Denied` is not one of these words: did you mean `denied`?",
        ),
        (
            {"expect": [{**LINE, "because": {"D1": ["2"]}}]},
            "expect.1.because.D1.1",
            "there is no entry `2`: write one of 1, role:security_officer:MANAGE_ACCESS",
        ),
        (
            {"expect": [{**LINE, "because": {"F1": []}}]},
            "expect.1.because",
            "there is no name among the documents `F1`: write one of D1, D2",
        ),
        (
            {"expect": [{"who": "ana", "duties": ["log.write"]}]},
            "expect.1.duties.1",
            "`log.write` is not one of these words: did you mean `log.read`?",
        ),
        (
            {"expect": [{**LINE, "duties": []}]},
            "expect.1.action",
            "does not go together with `duties`: write two lines",
        ),
        ({"expect": [{**LINE, "who": [None]}]}, "expect.1.who.1", "must be a name, not nothing"),
        ({"expect": "none"}, "expect", "must be a list (`[a, b]`), not `none`"),
    ],
)
def test_impossible_file_is_refused_by_its_key(changes, path, message):
    assert refused({**deepcopy(PLAIN), **changes}) == (path, message)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (None, ("now", "is missing")),
        ([], ("", "must be a table (`name: ...`), not a list")),
        ("x", ("", "must be a table (`name: ...`), not `x`")),
    ],
)
def test_file_that_is_no_table_is_refused(told, message):
    assert refused(told) == message


def test_things_without_any_known_word_are_refused_too():
    told = {**deepcopy(PLAIN), "principals": {"ana": ["x"]}, "entries": None}

    assert refused(told, roles={}) == ("principals.ana.1", "there is no group or role `x`: there are none")


def test_refusal_lists_no_more_words_than_one_reads():
    names = {f"g{number:02}": [] for number in range(30)}
    told = {**deepcopy(PLAIN), "principals": {"ana": ["x"], **names}, "entries": None}

    shown = ", ".join(f"g{number:02}" for number in range(20))
    assert refused(told, roles={})[1] == f"there is no group or role `x`: write one of {shown}, ..."


def test_circle_is_named_without_what_merely_hangs_below_it():
    told = {**deepcopy(PLAIN), "aggregations": {"F0": "F1", "F1": "F2", "F2": "F1"}}

    assert refused(told) == ("aggregations.F1", "`F1` lies below itself: F1 > F2 > F1")


def test_member_of_an_everyone_group_is_refused():
    told = {**deepcopy(PLAIN), "principals": {"ana": ["everyone"], "staff": []}}

    assert refused(told)[0] == "principals.ana.1"
