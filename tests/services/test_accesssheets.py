"""Access lists as CSV: what a file may say, what each refused line is told, and that nothing is half done."""

from __future__ import annotations

import csv
import io

import pytest

from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY, system_clock, to_iso
from dms.base.ids import Kind, global_id, new_id
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.schemes import RecordClass
from dms.models.users import Principal, PrincipalKind
from dms.rules import accesssheets as rules
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesssheets import Change
from dms.rules.security import Mark
from dms.rules.sheets import safe_cell
from dms.services import accessexports, accesslists, accesssheets
from dms.services.accessexports import Wish
from dms.stores.work import session_of
from tests.factories import actor


@pytest.fixture
def fonds(world):
    return world.aggregation()


@pytest.fixture
def grant_line(desk, fonds, user):
    """Cells of a line that grants reading of the fonds to the user."""
    code = desk.look(Aggregation, fonds).reference_code
    name = desk.look(Principal, user).name

    def line(**cells):
        return {
            "principal_kind": "user",
            "principal": name,
            "node_kind": "aggregation",
            "node_code": code,
            "action": "READ_METADATA",
            "effect": "allow",
            "reason": "works on it",
            **cells,
        }

    return line


def sheet(*lines, columns=None):
    names = columns or list(dict.fromkeys(name for line in lines for name in line))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, restval="")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def load(desk, who, text, *, is_dry=False):
    return desk.do(who, accesssheets.load, text, is_dry=is_dry)


def entries(desk):
    def body(work):
        rows = session_of(work).query(AccessEntry).all()
        return {(row.id, row.revision_to) for row in rows}

    return desk.house.works.read(system_actor("test"), body)


def export(desk, who, wish):
    return list(desk.see(who, accessexports.part, wish, after=None).records)


def on(node, kind=NodeKind.AGGREGATION, **chosen):
    return Wish((kind, node), **chosen)


def told(report):
    """Line, code, column, message and remedy of each problem."""
    return [
        (each.line, problem.error.code, problem.column, problem.error.message, problem.remedy)
        for each in report.lines
        for problem in each.problems
    ]


def refusal(desk, who, line):
    """What stands against a file of one line, which writes nothing and is recorded."""
    before = entries(desk)
    report = load(desk, who, sheet(line))
    assert not report.is_written
    assert entries(desk) == before
    event = desk.event(who)
    assert (event["changed"], event["refused"][-1][:2]) == ([], [None, "accesslist.import"])
    return [problem[1:] for problem in told(report)]


def test_grants_of_a_file_act_at_the_next_operation(desk, officer, fonds, user, grant_line):
    document = desk.world.document(fonds)

    report = load(desk, officer, sheet(grant_line(), grant_line(action="EDIT")))

    assert (report.is_written, report.count(Change.GRANT), report.refused) == (True, 2, 0)
    assert [each.line for each in report.lines] == [2, 3]
    assert desk.sees(user, document)
    event = desk.event(officer)
    assert (event["op"], event["outcome"]) == ("accesslist.import", "committed")
    assert [change[0] for change in event["changed"]] == [each.entry_id.hex for each in report.lines]


def test_dry_run_tells_the_same_and_writes_nothing(desk, officer, fonds, user, grant_line):
    document, before = desk.world.document(fonds), entries(desk)

    report = load(desk, officer, sheet(grant_line()), is_dry=True)

    assert (report.is_dry, report.is_written, report.count(Change.GRANT)) == (True, False, 1)
    assert [(each.line, each.entry_id, each.problems) for each in report.lines] == [(2, None, ())]
    assert entries(desk) == before
    assert not desk.sees(user, document)
    event = desk.event(officer)
    assert (event["op"], event["changed"]) == ("accesslist.import", [])


def test_dry_run_leaves_the_revision_where_it_was(desk, officer, grant_line):
    load(desk, officer, sheet(grant_line(action="FILE")))
    before = desk.event(officer)["policy"]["revision"]

    load(desk, officer, sheet(grant_line()), is_dry=True)

    assert desk.event(officer)["policy"]["revision"] == before


def test_one_refused_line_refuses_the_file(desk, officer, grant_line):
    before = entries(desk)

    report = load(
        desk, officer, sheet(grant_line(), grant_line(action="read_content"), grant_line(action="EDIT"))
    )

    assert (report.is_written, report.refused, report.count(Change.GRANT)) == (False, 1, 2)
    assert [each.entry_id for each in report.lines] == [None, None, None]
    assert entries(desk) == before
    event = desk.event(officer)
    assert event["changed"] == []
    assert event["refused"] == [[None, "accesslist.import", "validation", True]]


def test_revoke_takes_the_id_from_an_export(desk, world, officer, fonds, user):
    entry, document = world.entry(user, fonds, Action.READ_METADATA), world.document(fonds)
    (line,) = export(desk, officer, on(fonds))

    report = load(desk, officer, sheet({**line, "change": "revoke", "revoke_reason": "over"}))

    assert [(each.change, each.entry_id) for each in report.lines] == [(Change.REVOKE, entry)]
    assert not desk.sees(user, document)


def test_revoke_needs_only_the_id_and_a_reason(desk, officer, fonds, user, grant_line):
    entry = desk.world.entry(user, fonds, Action.READ_METADATA)
    columns = [*grant_line(), "change", "entry_id", "revoke_reason"]
    line = {"change": "revoke", "entry_id": global_id(Kind.ACCESS_ENTRY, entry)}

    assert [problem[2:4] for problem in told(load(desk, officer, sheet(line, columns=columns)))] == [
        ("reason", "a reason is needed")
    ]
    assert load(desk, officer, sheet({**line, "revoke_reason": "over"}, columns=columns)).is_written


def test_exported_file_brought_in_again_changes_nothing(desk, world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT, until=system_clock() + DAY)
    world.entry_on_document(user, world.document(fonds), Action.DISCOVER, effect=Effect.DENY)
    lines = export(desk, officer, on(fonds))
    before = entries(desk)

    report = load(desk, officer, sheet(*lines))

    assert (report.is_written, report.count(Change.KEEP), report.refused) == (True, 2, 0)
    assert entries(desk) == before


@pytest.mark.parametrize(
    "changed",
    [
        ("valid_until", "2031-05-04T10:00:00Z", "the entry says nothing here"),
        ("effect", "deny", "the entry says `allow` here"),
        ("reason", "another", "the entry says `factory` here"),
    ],
)
def test_changed_cell_of_a_kept_entry_is_no_change_in_silence(desk, officer, fonds, user, changed):
    column, typed, message = changed
    desk.world.entry(user, fonds, Action.EDIT)
    (line,) = export(desk, officer, on(fonds))

    assert refusal(desk, officer, {**line, column: typed}) == [
        (
            "VALIDATION",
            column,
            message,
            "an entry never changes: mark it `revoke`, and add a line without id",
        )
    ]


def test_end_taken_from_a_kept_entry_is_no_change_in_silence(desk, world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT, until=system_clock() + DAY)
    (line,) = export(desk, officer, on(fonds))

    ((code, column, *_),) = refusal(desk, officer, {**line, "valid_until": ""})

    assert (code, column) == ("VALIDATION", "valid_until")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (("effect", "Deny"), ("VALIDATION", "`Deny` is no effect", "write `deny`")),
        (("effect", "deny "), ("VALIDATION", "`deny ` is no effect", "write `deny`")),
        (("effect", "forbid"), ("VALIDATION", "`forbid` is no effect", "write `allow`, `deny`")),
        (("action", "read_content"), ("VALIDATION", "`read_content` is no action", "write `READ_CONTENT`")),
        (("principal_kind", "User"), ("VALIDATION", "`User` is no principal kind", "write `user`")),
        (("change", "delete"), ("VALIDATION", "`delete` is no change", "write `grant`, `revoke`, `keep`")),
        (
            ("valid_until", "0000-01-01T00:00:00Z"),
            ("VALIDATION", "`0000-01-01T00:00:00Z` is no instant", None),
        ),
        (
            ("valid_until", "10000-01-01T00:00:00Z"),
            ("VALIDATION", "`10000-01-01T00:00:00Z` is no instant", None),
        ),
        (
            ("valid_until", "2026-02-30T00:00:00Z"),
            ("VALIDATION", "`2026-02-30T00:00:00Z` is no instant", None),
        ),
        (("valid_from", "2026-02-03"), ("VALIDATION", "`2026-02-03` is no instant", None)),
        (("valid_from", "0001-01-01T00:00:00+14:00"), ("VALIDATION", None, None)),
        (("reason", " "), ("VALIDATION", "a reason is needed", "correct the cell")),
        (("entry_id", "nonsense"), ("NOT_FOUND", "not found", None)),
    ],
)
def test_cell_that_cannot_be_meant_is_a_typed_error_of_its_column(desk, officer, grant_line, cell, expected):
    (column, typed), (code, message, remedy) = cell, expected
    found = refusal(desk, officer, grant_line(**{column: typed}))

    assert [problem[:2] for problem in found] == [(code, column)]
    assert message is None or found[0][2] == message
    assert remedy is None or found[0][3] == remedy


@pytest.mark.parametrize(
    "name",
    ["role:administrator", "security_officer", "*", "../ana", "a,b", "a\nb", "g", "nul\0", "", "x" * 5_000],
)
def test_name_that_nobody_has_is_nobody_whatever_it_looks_like(desk, officer, grant_line, name):
    ((code, column, message, _),) = refusal(desk, officer, grant_line(principal=name))

    assert (code, column) == ("NOT_FOUND", "principal")
    assert "\n" not in message
    assert len(message) < 100


@pytest.mark.parametrize("code", ["../A1", "*", "a,b", "a\nb", "nul\0", "x" * 5_000])
def test_code_that_nothing_has_is_absent_whatever_it_looks_like(desk, officer, grant_line, code):
    assert refusal(desk, officer, grant_line(node_code=code)) == [
        (
            "NOT_FOUND",
            "node_code",
            "not found",
            "check kind and spelling; what you may not know of is answered like what does not exist",
        )
    ]


def test_user_named_like_a_role_gets_what_is_for_him_and_the_role_nothing(
    desk, world, officer, fonds, grant_line
):
    namesake = world.user("disposal_approver")
    world.role("disposal_approver")

    report = load(desk, officer, sheet(grant_line(principal="disposal_approver", action="FILE")))

    (line,) = export(desk, officer, on(fonds))
    assert report.is_written
    assert (line["principal_kind"], line["principal"]) == ("user", "disposal_approver")
    assert desk.house.works.read(
        actor(officer),
        lambda work: (
            accesslists.entries(
                work,
                accesslists.PageRequest(1),
                node=(NodeKind.AGGREGATION, fonds),
                chosen=accesslists.EntryFilter(principal_id=namesake),
            ).rows
        ),
    )


def test_hidden_node_is_answered_like_an_absent_one_by_code_and_by_id(desk, world, fonds, grant_line):
    stranger = world.user()
    world.aggregation(mark=Mark(300), reference_code="SECRET1")
    by_code = [refusal(desk, stranger, grant_line(node_code=code)) for code in ("SECRET1", "NEVER1")]
    by_id = [
        refusal(desk, stranger, grant_line(node_code="", node_id=global_id(Kind.AGGREGATION, node)))
        for node in (fonds, new_id())
    ]

    assert by_code[0] == by_code[1]
    assert by_id[0] == by_id[1] == [("NOT_FOUND", None, "not found", by_code[0][0][3])]


def test_attempt_on_a_hidden_node_is_recorded_by_its_id(desk, world, grant_line):
    stranger = world.user()
    hidden = world.aggregation(reference_code="SECRET2")

    refusal(desk, stranger, grant_line(node_code="SECRET2"))

    assert desk.event(stranger)["refused"][0] == [hidden.hex, "DISCOVER", "no_entry", True]


def test_entry_of_another_list_is_answered_like_an_absent_one(desk, world, fonds, user, grant_line):
    manager = world.holder(fonds, Action.MANAGE_ACCESS)
    foreign = world.entry(user, world.aggregation(), Action.EDIT)

    answers = [
        refusal(
            desk,
            manager,
            {
                **dict.fromkeys(grant_line(), ""),
                "change": "revoke",
                "entry_id": global_id(Kind.ACCESS_ENTRY, entry),
            },
        )
        for entry in (foreign, new_id())
    ]

    assert answers[0] == answers[1]
    assert answers[0][0][:2] == ("NOT_FOUND", "entry_id")


def test_each_line_is_under_the_rules_of_a_single_change(desk, world, fonds, user, grant_line):
    manager = world.user("sheet-manager")
    world.entry(manager, fonds, Action.MANAGE_ACCESS)
    world.entry(manager, fonds, Action.READ_METADATA)

    report = load(
        desk,
        manager,
        sheet(
            grant_line(),
            grant_line(action="EDIT"),
            grant_line(action="MANAGE_ACCESS"),
            grant_line(principal="sheet-manager"),
        ),
    )

    assert [(line, code) for line, code, *_ in told(report)] == [
        (3, "DENIED"),
        (4, "DUTY"),
        (5, "SECOND_PERSON"),
    ]


def test_line_that_stands_there_twice_is_refused_once(desk, officer, grant_line):
    report = load(desk, officer, sheet(grant_line(), grant_line(action="EDIT"), grant_line()))

    assert told(report) == [(4, "CONFLICT", None, "says the same as line 2", "remove one of them")]


def test_line_that_an_open_entry_says_already_is_a_conflict(desk, officer, fonds, user, grant_line):
    desk.world.entry(user, fonds, Action.READ_METADATA)

    assert refusal(desk, officer, grant_line()) == [
        (
            "CONFLICT",
            None,
            "an open entry says the same for this whole period already",
            "leave the line out, or change it",
        )
    ]


def test_all_cells_of_a_line_that_cannot_be_meant_are_told_at_once(desk, officer, grant_line):
    found = refusal(desk, officer, grant_line(effect="Deny", action="x", principal="nobody-at-all"))

    assert [problem[1] for problem in found] == ["principal", "action", "effect"]


def test_node_is_named_by_id_by_code_or_by_both_if_they_agree(desk, world, officer, fonds, grant_line):
    own, other = (global_id(Kind.AGGREGATION, each) for each in (fonds, world.aggregation()))

    assert load(desk, officer, sheet(grant_line(node_id=own)), is_dry=True).refused == 0
    assert load(desk, officer, sheet(grant_line(node_id=own, node_code="")), is_dry=True).refused == 0
    assert [problem[:3] for problem in refusal(desk, officer, grant_line(node_id=other))] == [
        ("VALIDATION", "node_id", "kind or code name another node than the id")
    ]
    assert [problem[:2] for problem in refusal(desk, officer, grant_line(node_code=""))] == [
        ("VALIDATION", "node_code")
    ]


@pytest.mark.parametrize("word", ["repository", "scheme"])
def test_roofs_need_no_code(desk, officer, grant_line, word):
    line = grant_line(node_kind=word, node_code="", valid_until=to_iso(system_clock() + DAY))

    assert load(desk, officer, sheet(line), is_dry=True).refused == 0


def test_class_is_named_by_its_code(desk, world, officer, user, grant_line):
    row = world.record_class()
    code = desk.look(RecordClass, row).code

    assert load(desk, officer, sheet(grant_line(node_kind="class", node_code=code))).is_written
    assert [line["node_code"] for line in export(desk, officer, on(row, NodeKind.CLASS))] == [code]


def test_byte_order_mark_and_spreadsheet_apostrophes_are_no_part_of_a_cell(desk, officer, fonds, grant_line):
    text = sheet({**grant_line(), "reason": safe_cell("=1+1")})

    report = load(desk, officer, rules.decoded(("\ufeff" + text).encode()))

    assert report.is_written
    assert [line["reason"] for line in export(desk, officer, on(fonds))] == ["=1+1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("principal_kind;principal\nuser;ana\n", "the cells are separated by ';': save it with commas"),
        ("principal_kind\tprincipal\n", "the cells are separated by '\\t': save it with commas"),
        ("principal_kind,principal\n", "columns are missing: node_kind, action, effect, reason, node_code"),
        ("", "columns are missing: principal_kind, principal, node_kind, action, effect, reason, node_code"),
        ("valid_untill\n", None),
        ("action,action\n", "a column stands there twice: remove one"),
        ('"action\n', "line 1 cannot be read: check its quotation marks and its length"),
        ("nul\0", None),
        ("x" * 2_000_001, "the file has more than 2000000 characters: split it into several"),
    ],
)
def test_file_that_cannot_be_read_as_a_whole_is_refused(desk, officer, text, message):
    with pytest.raises(errors.Invalid) as caught:
        load(desk, officer, text)

    assert caught.value.path == ("csv",)
    assert message is None or caught.value.message == message


def test_too_many_lines_are_refused_before_any_is_looked_at(desk, officer, grant_line):
    text = sheet(*[grant_line(reason=f"reason {number}") for number in range(10_000)])

    with pytest.raises(errors.Invalid) as caught:
        load(desk, officer, text)

    assert caught.value.message == "a file holds at most 500 lines, not 10000: split it into several"


def test_file_in_another_encoding_is_refused():
    with pytest.raises(errors.Invalid, match="^the file is not in UTF-8: save it as `CSV UTF-8`$"):
        rules.decoded("größer".encode("latin-1"))


def test_line_with_a_cell_too_many_says_so_and_the_others_are_still_judged(desk, officer, grant_line):
    text = sheet(grant_line()) + "user,a,b,c,d,e,f,g\n" + sheet(grant_line(action="x")).split("\r\n")[1]

    report = load(desk, officer, text)

    assert [(line, code, message) for line, code, _, message, _ in told(report)] == [
        (3, "VALIDATION", "has 8 cells, and the head 7"),
        (4, "VALIDATION", "`x` is no action"),
    ]


def test_line_numbers_are_those_of_an_editor(desk, officer, grant_line):
    text = sheet(grant_line(reason="two\nlines"), grant_line(action="x"))

    assert [line for line, *_ in told(load(desk, officer, text))] == [4]


def test_group_and_everyone_are_named_by_kind(desk, world, officer, grant_line):
    world.principal(PrincipalKind.GROUP, "sheet-group")
    lines = [
        grant_line(principal_kind="group", principal="sheet-group"),
        grant_line(principal_kind="everyone", principal="everyone", effect="deny"),
    ]

    assert load(desk, officer, sheet(*lines), is_dry=True).refused == 0
