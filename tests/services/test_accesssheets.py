"""Access lists as CSV: what a file may say, what each refused line is told, and that nothing is half done."""

from __future__ import annotations

import csv
import io

import pytest

from dms.access import gate
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import DAY, system_clock, to_iso
from dms.base.ids import Kind, global_id, new_id
from dms.models.accesslists import AccessEntry
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import RecordClass
from dms.models.users import Principal, PrincipalKind
from dms.rules import accesssheets as rules
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesssheets import Change, Column
from dms.rules.periods import Validity
from dms.rules.security import Mark
from dms.rules.sheets import safe_cell
from dms.services import accessexports, accesslists, accesssheets
from dms.services.accessexports import Wish
from dms.stores.work import session_of
from tests.factories import actor
from tests.recorded import last_of


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("sheet-officer")


@pytest.fixture
def fonds(world):
    return world.aggregation()


def name_of(house, model, row_id, column):
    def body(work):
        return getattr(session_of(work).get(model, row_id), column)

    return house.works.read(system_actor("test"), body)


@pytest.fixture
def grant_line(house, fonds, user):
    """Cells of a line that grants reading of the fonds to the user."""
    code = name_of(house, Aggregation, fonds, "reference_code")
    name = name_of(house, Principal, user, "name")

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


def load(house, who, text, *, is_dry=False):
    return house.works.write(actor(who), lambda work: accesssheets.load(work, text, is_dry=is_dry))


def entries(house):
    def body(work):
        rows = session_of(work).query(AccessEntry).all()
        return {(row.id, row.revision_to) for row in rows}

    return house.works.read(system_actor("test"), body)


def export(house, who, wish):
    return list(house.works.read(actor(who), lambda work: accessexports.part(work, wish, after=None)).records)


def on(node, kind=NodeKind.AGGREGATION, **chosen):
    return Wish((kind, node), **chosen)


def sees(house, who, document):
    return house.works.read(
        actor(who),
        lambda work: document in gate.visible(work, Document, Action.READ_METADATA).many([document]),
    )


def told(report):
    """Line, code, column, message and remedy of each problem."""
    return [
        (each.line, problem.error.code, problem.column, problem.error.message, problem.remedy)
        for each in report.lines
        for problem in each.problems
    ]


def refusal(house, who, line):
    """What stands against a file of one line, which writes nothing and is recorded."""
    before = entries(house)
    report = load(house, who, sheet(line))
    assert not report.is_written
    assert entries(house) == before
    event = last_of(house, who)
    assert (event["changed"], event["refused"][-1][:2]) == ([], [None, "accesslist.import"])
    return [problem[1:] for problem in told(report)]


def test_grants_of_a_file_act_at_the_next_operation(world, officer, fonds, user, grant_line):
    house = world.house
    document = world.document(fonds)

    report = load(house, officer, sheet(grant_line(), grant_line(action="EDIT")))

    assert (report.is_written, report.count(Change.GRANT), report.refused) == (True, 2, 0)
    assert [each.line for each in report.lines] == [2, 3]
    assert sees(house, user, document)
    event = last_of(house, officer)
    assert (event["op"], event["outcome"]) == ("accesslist.import", "committed")
    assert [change[0] for change in event["changed"]] == [each.entry_id.hex for each in report.lines]


def test_dry_run_tells_the_same_and_writes_nothing(world, officer, fonds, user, grant_line):
    house = world.house
    document, before = world.document(fonds), entries(house)

    report = load(house, officer, sheet(grant_line()), is_dry=True)

    assert (report.is_dry, report.is_written, report.count(Change.GRANT)) == (True, False, 1)
    assert [(each.line, each.entry_id, each.problems) for each in report.lines] == [(2, None, ())]
    assert entries(house) == before
    assert not sees(house, user, document)
    event = last_of(house, officer)
    assert (event["op"], event["changed"]) == ("accesslist.import", [])


def test_dry_run_leaves_the_revision_where_it_was(house, officer, grant_line):
    load(house, officer, sheet(grant_line(action="FILE")))
    before = last_of(house, officer)["policy"]["revision"]

    load(house, officer, sheet(grant_line()), is_dry=True)

    assert last_of(house, officer)["policy"]["revision"] == before


def test_one_refused_line_refuses_the_file(house, officer, grant_line):
    before = entries(house)

    report = load(
        house, officer, sheet(grant_line(), grant_line(action="read_content"), grant_line(action="EDIT"))
    )

    assert (report.is_written, report.refused, report.count(Change.GRANT)) == (False, 1, 2)
    assert [each.entry_id for each in report.lines] == [None, None, None]
    assert entries(house) == before
    event = last_of(house, officer)
    assert event["changed"] == []
    assert event["refused"] == [[None, "accesslist.import", "validation", True]]


def test_revoke_takes_the_id_from_an_export(house, world, officer, fonds, user):
    entry, document = world.entry(user, fonds, Action.READ_METADATA), world.document(fonds)
    (line,) = export(house, officer, on(fonds))

    report = load(house, officer, sheet({**line, "change": "revoke", "revoke_reason": "over"}))

    assert [(each.change, each.entry_id) for each in report.lines] == [(Change.REVOKE, entry)]
    assert not sees(house, user, document)


def test_revoke_needs_only_the_id_and_a_reason(world, officer, fonds, user, grant_line):
    house = world.house
    entry = world.entry(user, fonds, Action.READ_METADATA)
    columns = [*grant_line(), "change", "entry_id", "revoke_reason"]
    line = {"change": "revoke", "entry_id": global_id(Kind.ACCESS_ENTRY, entry)}

    assert [problem[2:4] for problem in told(load(house, officer, sheet(line, columns=columns)))] == [
        ("reason", "a reason is needed")
    ]
    assert load(house, officer, sheet({**line, "revoke_reason": "over"}, columns=columns)).is_written


def test_exported_file_brought_in_again_changes_nothing(house, world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT, until=system_clock() + DAY)
    world.entry_on_document(user, world.document(fonds), Action.DISCOVER, effect=Effect.DENY)
    lines = export(house, officer, on(fonds))
    before = entries(house)

    report = load(house, officer, sheet(*lines))

    assert (report.is_written, report.count(Change.KEEP), report.refused) == (True, 2, 0)
    assert entries(house) == before


@pytest.mark.parametrize(
    "changed",
    [
        ("valid_until", "2031-05-04T10:00:00Z", "the entry says nothing here"),
        ("effect", "deny", "the entry says `allow` here"),
        ("reason", "another", "the entry says `factory` here"),
    ],
)
def test_changed_cell_of_a_kept_entry_is_no_change_in_silence(world, officer, fonds, user, changed):
    house = world.house
    column, typed, message = changed
    world.entry(user, fonds, Action.EDIT)
    (line,) = export(house, officer, on(fonds))

    assert refusal(house, officer, {**line, column: typed}) == [
        (
            "VALIDATION",
            column,
            message,
            "an entry never changes: mark it `revoke`, and add a line without id",
        )
    ]


def test_end_taken_from_a_kept_entry_is_no_change_in_silence(house, world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT, until=system_clock() + DAY)
    (line,) = export(house, officer, on(fonds))

    ((code, column, *_),) = refusal(house, officer, {**line, "valid_until": ""})

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
def test_cell_that_cannot_be_meant_is_a_typed_error_of_its_column(house, officer, grant_line, cell, expected):
    (column, typed), (code, message, remedy) = cell, expected
    found = refusal(house, officer, grant_line(**{column: typed}))

    assert [problem[:2] for problem in found] == [(code, column)]
    assert message is None or found[0][2] == message
    assert remedy is None or found[0][3] == remedy


@pytest.mark.parametrize(
    "name",
    ["role:administrator", "security_officer", "*", "../ana", "a,b", "a\nb", "g", "nul\0", "", "x" * 5_000],
)
def test_name_that_nobody_has_is_nobody_whatever_it_looks_like(house, officer, grant_line, name):
    ((code, column, message, _),) = refusal(house, officer, grant_line(principal=name))

    assert (code, column) == ("NOT_FOUND", "principal")
    assert "\n" not in message
    assert len(message) < 100


@pytest.mark.parametrize("code", ["../A1", "*", "a,b", "a\nb", "nul\0", "x" * 5_000])
def test_code_that_nothing_has_is_absent_whatever_it_looks_like(house, officer, grant_line, code):
    assert refusal(house, officer, grant_line(node_code=code)) == [
        (
            "NOT_FOUND",
            "node_code",
            "not found",
            "check kind and spelling; what you may not know of is answered like what does not exist",
        )
    ]


def test_user_named_like_a_role_gets_what_is_for_him_and_the_role_nothing(
    house, world, officer, fonds, grant_line
):
    namesake = world.user("disposal_approver")
    world.role("disposal_approver")

    report = load(house, officer, sheet(grant_line(principal="disposal_approver", action="FILE")))

    (line,) = export(house, officer, on(fonds))
    assert report.is_written
    assert (line["principal_kind"], line["principal"]) == ("user", "disposal_approver")
    assert house.works.read(
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


def test_hidden_node_is_answered_like_an_absent_one_by_code_and_by_id(house, world, fonds, grant_line):
    stranger = world.user()
    world.aggregation(mark=Mark(300), reference_code="SECRET1")
    by_code = [refusal(house, stranger, grant_line(node_code=code)) for code in ("SECRET1", "NEVER1")]
    by_id = [
        refusal(house, stranger, grant_line(node_code="", node_id=global_id(Kind.AGGREGATION, node)))
        for node in (fonds, new_id())
    ]

    assert by_code[0] == by_code[1]
    assert by_id[0] == by_id[1] == [("NOT_FOUND", None, "not found", by_code[0][0][3])]


def test_attempt_on_a_hidden_node_is_recorded_by_its_id(house, world, grant_line):
    stranger = world.user()
    hidden = world.aggregation(reference_code="SECRET2")

    refusal(house, stranger, grant_line(node_code="SECRET2"))

    assert last_of(house, stranger)["refused"][0] == [hidden.hex, "DISCOVER", "no_entry", True]


def test_entry_of_another_list_is_answered_like_an_absent_one(house, world, fonds, user, grant_line):
    manager = world.user()
    world.entry(manager, fonds, Action.MANAGE_ACCESS)
    foreign = world.entry(user, world.aggregation(), Action.EDIT)

    answers = [
        refusal(
            house,
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


def test_each_line_is_under_the_rules_of_a_single_change(house, world, fonds, user, grant_line):
    manager = world.user("sheet-manager")
    world.entry(manager, fonds, Action.MANAGE_ACCESS)
    world.entry(manager, fonds, Action.READ_METADATA)

    report = load(
        house,
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


def test_line_that_stands_there_twice_is_refused_once(house, officer, grant_line):
    report = load(house, officer, sheet(grant_line(), grant_line(action="EDIT"), grant_line()))

    assert told(report) == [(4, "CONFLICT", None, "says the same as line 2", "remove one of them")]


def test_line_that_an_open_entry_says_already_is_a_conflict(world, officer, fonds, user, grant_line):
    house = world.house
    world.entry(user, fonds, Action.READ_METADATA)

    assert refusal(house, officer, grant_line()) == [
        (
            "CONFLICT",
            None,
            "an open entry says the same for this whole period already",
            "leave the line out, or change it",
        )
    ]


def test_all_cells_of_a_line_that_cannot_be_meant_are_told_at_once(house, officer, grant_line):
    found = refusal(house, officer, grant_line(effect="Deny", action="x", principal="nobody-at-all"))

    assert [problem[1] for problem in found] == ["principal", "action", "effect"]


def test_node_is_named_by_id_by_code_or_by_both_if_they_agree(house, world, officer, fonds, grant_line):
    own, other = (global_id(Kind.AGGREGATION, each) for each in (fonds, world.aggregation()))

    assert load(house, officer, sheet(grant_line(node_id=own)), is_dry=True).refused == 0
    assert load(house, officer, sheet(grant_line(node_id=own, node_code="")), is_dry=True).refused == 0
    assert [problem[:3] for problem in refusal(house, officer, grant_line(node_id=other))] == [
        ("VALIDATION", "node_id", "kind or code name another node than the id")
    ]
    assert [problem[:2] for problem in refusal(house, officer, grant_line(node_code=""))] == [
        ("VALIDATION", "node_code")
    ]


@pytest.mark.parametrize("word", ["repository", "scheme"])
def test_roofs_need_no_code(house, officer, grant_line, word):
    line = grant_line(node_kind=word, node_code="", valid_until=to_iso(system_clock() + DAY))

    assert load(house, officer, sheet(line), is_dry=True).refused == 0


def test_class_is_named_by_its_code(house, world, officer, user, grant_line):
    row = world.record_class()
    code = name_of(house, RecordClass, row, "code")

    assert load(house, officer, sheet(grant_line(node_kind="class", node_code=code))).is_written
    assert [line["node_code"] for line in export(house, officer, on(row, NodeKind.CLASS))] == [code]


def test_byte_order_mark_and_spreadsheet_apostrophes_are_no_part_of_a_cell(house, officer, fonds, grant_line):
    text = sheet({**grant_line(), "reason": safe_cell("=1+1")})

    report = load(house, officer, rules.decoded(("\ufeff" + text).encode()))

    assert report.is_written
    assert [line["reason"] for line in export(house, officer, on(fonds))] == ["=1+1"]


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
def test_file_that_cannot_be_read_as_a_whole_is_refused(house, officer, text, message):
    with pytest.raises(errors.Invalid) as caught:
        load(house, officer, text)

    assert caught.value.path == ("csv",)
    assert message is None or caught.value.message == message


def test_too_many_lines_are_refused_before_any_is_looked_at(house, officer, grant_line):
    text = sheet(*[grant_line(reason=f"reason {number}") for number in range(10_000)])

    with pytest.raises(errors.Invalid) as caught:
        load(house, officer, text)

    assert caught.value.message == "a file holds at most 500 lines, not 10000: split it into several"


def test_file_in_another_encoding_is_refused():
    with pytest.raises(errors.Invalid, match="^the file is not in UTF-8: save it as `CSV UTF-8`$"):
        rules.decoded("größer".encode("latin-1"))


def test_line_with_a_cell_too_many_says_so_and_the_others_are_still_judged(house, officer, grant_line):
    text = sheet(grant_line()) + "user,a,b,c,d,e,f,g\n" + sheet(grant_line(action="x")).split("\r\n")[1]

    report = load(house, officer, text)

    assert [(line, code, message) for line, code, _, message, _ in told(report)] == [
        (3, "VALIDATION", "has 8 cells, and the head 7"),
        (4, "VALIDATION", "`x` is no action"),
    ]


def test_line_numbers_are_those_of_an_editor(house, officer, grant_line):
    text = sheet(grant_line(reason="two\nlines"), grant_line(action="x"))

    assert [line for line, *_ in told(load(house, officer, text))] == [4]


def test_export_of_a_node_holds_what_is_below_and_nothing_beside(house, world, officer, fonds, user):
    inner = world.aggregation(fonds)
    document = world.document(inner)
    expected = [
        world.entry(user, fonds, Action.EDIT),
        world.entry(user, inner, Action.EDIT),
        world.entry_on_document(user, document, Action.EDIT),
    ]
    world.entry(user, world.aggregation(), Action.EDIT)

    lines = export(house, officer, on(fonds))

    assert [line["entry_id"] for line in lines] == [global_id(Kind.ACCESS_ENTRY, each) for each in expected]
    assert [line["node_kind"] for line in lines] == ["aggregation", "aggregation", "document"]
    assert lines[2]["node_id"] == global_id(Kind.DOCUMENT, document)


def test_export_of_a_class_holds_what_is_classed_below(house, world, officer, fonds, user):
    upper = world.record_class()
    lower = world.record_class(upper)
    document = world.document(fonds, record_class_id=lower)
    expected = [
        world.entry(user, lower, Action.EDIT, kind=NodeKind.CLASS),
        world.entry_on_document(user, document, Action.EDIT),
    ]

    lines = export(house, officer, on(upper, NodeKind.CLASS))

    assert [line["entry_id"] for line in lines] == [global_id(Kind.ACCESS_ENTRY, each) for each in expected]


def test_export_says_where_each_entry_stands(house, world, officer, fonds, user):
    now = system_clock()
    world.entry(user, fonds, Action.EDIT, until=now - DAY)
    world.entry(user, fonds, Action.FILE, since=now + DAY)
    ended = world.entry(user, fonds, Action.LEND)
    house.works.write(
        actor(officer), lambda work: accesslists.revoke(work, entry_id=ended, reason="over, done")
    )

    lines = export(house, officer, on(fonds))

    assert [line["validity"] for line in lines] == ["expired", "future", "revoked"]
    assert lines[0]["valid_until"] == to_iso(now - DAY)
    assert (lines[2]["revoked_by"], lines[2]["revoke_reason"]) == ("sheet-officer", "over, done")
    assert len(export(house, officer, on(fonds, stands=Validity.EXPIRED))) == 1


def test_export_of_all_is_for_reviewers(house, world, user):
    with pytest.raises(errors.Duty, match="^this needs the duty `access.review`$"):
        export(house, user, Wish(None))


def test_export_of_a_node_is_for_who_manages_it(house, world, fonds, user):
    manager, inner = world.user(), world.aggregation(fonds)
    managing = world.entry(manager, fonds, Action.MANAGE_ACCESS)
    world.entry(user, inner, Action.EDIT)
    hidden = world.aggregation(fonds, mark=Mark(300))
    world.entry(user, hidden, Action.EDIT)
    world.entry(user, fonds, Action.DISCOVER)

    lines = export(house, manager, on(fonds))

    assert global_id(Kind.ACCESS_ENTRY, managing) == lines[0]["entry_id"]
    assert len(lines) == 3
    with pytest.raises(errors.Denied):
        export(house, user, on(fonds))


def test_manager_exports_no_list_below_that_he_does_not_manage(house, world, fonds, user):
    manager, inner = world.user(), world.aggregation(fonds)
    world.entry(manager, fonds, Action.MANAGE_ACCESS)
    world.entry(manager, inner, Action.MANAGE_ACCESS, effect=Effect.DENY)

    assert len(export(house, manager, on(fonds))) == 1


def test_export_goes_on_where_a_part_ended(world, officer, fonds, user, monkeypatch):
    house = world.house
    made = [world.entry(user, world.aggregation(fonds), Action.EDIT) for _ in range(105)]
    monkeypatch.setattr(accessexports, "PART", 1)

    first = house.works.read(actor(officer), lambda work: accessexports.part(work, on(fonds), after=None))
    second = house.works.read(
        actor(officer), lambda work: accessexports.part(work, on(fonds), after=first.beyond)
    )

    found = [line[Column.ENTRY_ID] for part in (first, second) for line in part.records]
    assert found == [global_id(Kind.ACCESS_ENTRY, each) for each in made]
    assert (len(first.records), second.beyond) == (100, None)


def test_group_and_everyone_are_named_by_kind(house, world, officer, grant_line):
    world.principal(PrincipalKind.GROUP, "sheet-group")
    lines = [
        grant_line(principal_kind="group", principal="sheet-group"),
        grant_line(principal_kind="everyone", principal="everyone", effect="deny"),
    ]

    assert load(house, officer, sheet(*lines), is_dry=True).refused == 0
