"""Folders taken in: every file answered for, each filed once, under the gate, and on record."""

from __future__ import annotations

import pytest

from dms.base import errors
from dms.base.actor import Actor, ActorKind
from dms.base.ids import Kind, global_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium
from dms.models.imports import RunEnding
from dms.models.schemes import RecordClass
from dms.models.versions import Blob, Version
from dms.rules.access import Action
from dms.rules.imports import Duplicates
from dms.rules.states import AggregationState, DocumentState
from dms.services import documents
from dms.services.imports import ALREADY_FILED
from dms.services.security import AskedMark

READ = Action.READ_METADATA


def test_files_become_drafts_with_their_content_names_and_dates(dock):
    dock.put("2019/Letter of May.txt", b"Dear Sir,\n", day="2019-05-17")
    dock.put("plan.pdf", b"%PDF-1.4\n%%EOF", day="2004-02-29")

    done = dock.take_in()

    assert done.counts == (2, 0, 0, 0)
    assert (done.report.filed_bytes, done.report.read_bytes) == (24, 24)
    assert (done.report.ending, done.remarks) == (RunEnding.COMPLETE, [])
    letter, plan = (dock.documents()[name] for name in ("2019/Letter of May.txt", "plan.pdf"))
    assert (letter.title, letter.dates, letter.date_key) == ("Letter of May", "2019-05-17", "2019-05-17")
    assert (plan.title, plan.dates, plan.medium) == ("plan", "2004-02-29", Medium.DIGITAL)
    assert (letter.state, letter.current_version, letter.revision) == (DocumentState.DRAFT, 1, 1)
    assert letter.created_by == dock.clerk
    assert dock.versions(letter) == [(1, b"Dear Sir,\n")]
    (version,) = dock.rows(Version, Version.document_id == plan.id)
    body = dock.body(version)
    assert (body.name, body.media_type, body.size_bytes) == ("plan.pdf", "application/pdf", 14)


def test_implausible_dates_are_left_out(dock):
    dock.put("old", day="1979-12-31")
    dock.put("future", day="2999-01-01")

    dock.take_in()

    assert {row.dates for row in dock.documents().values()} == {None}


def test_class_and_mark_are_those_of_the_aggregation_unless_others_are_wished(dock, world):
    dock.put("file")
    world.level(90)
    chosen = world.record_class()
    (row,) = dock.rows(RecordClass, RecordClass.id == chosen)

    dock.take_in()
    (plain,) = dock.documents().values()
    dock.put("other", b"y")
    dock.take_in(class_code=row.code, mark=AskedMark("level90"))

    other = dock.documents()["other"]
    (target,) = dock.rows(Aggregation, Aggregation.id == dock.target)
    assert plain.security_id == target.security_id
    assert other.security_id != target.security_id
    assert other.record_class_id == chosen != plain.record_class_id


def test_second_run_files_nothing_and_says_so_of_each(dock):
    dock.put("a/1", b"one")
    dock.put("a/2", b"two")
    dock.take_in()
    before = dock.counted()

    again = dock.take_in()

    assert again.counts == (0, 0, 2, 0)
    assert again.remarks == [("a/1", "skipped", ALREADY_FILED), ("a/2", "skipped", ALREADY_FILED)]
    assert dock.counted() == [*before[:-2], before[-2] + 1, before[-1] + 2]


def test_empty_files_are_filed_and_are_no_duplicates_of_each_other(dock):
    for name in ("a", "b"):
        dock.put(name, b"")

    done = dock.take_in(duplicates=Duplicates.SKIP)

    assert (done.counts, done.report.duplicates, done.remarks) == ((2, 0, 0, 0), 0, [])
    assert [dock.versions(row) for row in dock.documents().values()] == [[(1, b"")], [(1, b"")]]


def test_changed_file_is_the_next_version_of_its_draft(dock):
    dock.put("a", b"first")
    dock.take_in()
    dock.put("a", b"second")

    done = dock.take_in()

    (row,) = dock.documents().values()
    assert (done.counts, done.remarks) == ((0, 1, 0, 0), [])
    assert (row.current_version, row.revision) == (2, 2)
    assert dock.versions(row) == [(1, b"first"), (2, b"second")]
    assert dock.take_in().counts == (0, 0, 1, 0)


def test_file_that_went_back_to_earlier_content_is_already_filed(dock):
    for content in (b"first", b"second"):
        dock.put("a", content)
        dock.take_in()
    dock.put("a", b"first")

    assert dock.take_in().counts == (0, 0, 1, 0)


def test_declared_document_takes_no_version_and_the_attempt_is_recorded(dock, world):
    dock.put("a", b"first")
    dock.take_in(class_code=dock.rows(RecordClass, RecordClass.id == world.record_class())[0].code)
    (row,) = dock.documents().values()
    who = Actor(ActorKind.USER, dock.clerk)
    world.house.works.write(who, lambda work: documents.declare(work, row.id, expected_revision=1))
    dock.put("a", b"second")

    done = dock.take_in()

    reason = "has other content than its Document, which is declared: import it under another path"
    assert (done.counts, done.remarks) == ((0, 0, 0, 1), [("a", "refused", reason)])
    assert dock.versions(row) == [(1, b"first")]
    refused = [line for event in dock.events() for line in event["refused"]]
    assert refused == [[row.id.hex, "versionAdd", "import", True]]


def test_who_may_only_file_changes_nothing_of_what_was_filed(dock, world):
    porter = world.user()
    world.entry(porter, dock.target, Action.FILE)
    dock.put("a", b"first")
    dock.take_in(user=porter)
    dock.put("a", b"second")

    done = dock.take_in(user=porter)

    reason = "has other content than its Document, which the access list does not let you `EDIT`"
    assert (done.counts, done.remarks) == ((0, 0, 0, 1), [("a", "refused", reason)])
    (row,) = dock.documents().values()
    assert dock.versions(row) == [(1, b"first")]
    assert dock.take_in(user=dock.clerk).counts == (0, 1, 0, 0)


def test_hidden_document_under_the_same_path_is_not_betrayed(dock, world):
    officer = world.user(rank=300)
    for action in (Action.FILE, Action.EDIT):
        world.entry(officer, dock.target, action)
    dock.put("a", b"known to both")
    dock.take_in(user=officer, mark=AskedMark("level300"))

    first = dock.take_in()
    again = dock.take_in()
    dock.put("a", b"changed")
    changed = dock.take_in()

    assert [each.counts for each in (first, again, changed)] == [(1, 0, 0, 0), (0, 0, 1, 0), (0, 1, 0, 0)]
    assert (first.remarks, changed.remarks) == ([], [])
    rows = dock.rows(Document, Document.aggregation_id == dock.target)
    assert {row.created_by: row.current_version for row in rows} == {officer: 1, dock.clerk: 2}
    hidden = next(row.id.hex for row in rows if row.created_by == officer)
    assert [event for event in dock.events() if hidden in str(event)] == []


def test_duplicates_are_filed_with_a_finding_that_names_the_first(dock, world):
    world.entry(dock.clerk, dock.target, READ)
    dock.put("a", b"same")
    dock.take_in()
    (row,) = dock.documents().values()
    dock.put("b", b"same")
    dock.put("c", b"same")

    done = dock.take_in()

    assert (done.counts, done.report.duplicates) == ((2, 0, 1, 0), 2)
    assert done.remarks == [
        ("a", "skipped", ALREADY_FILED),
        ("b", "duplicate", "the same content as `a` of this folder"),
        ("c", "duplicate", "the same content as `a` of this folder"),
    ]
    assert len(dock.rows(Blob, Blob.document_id.in_([each.id for each in dock.documents().values()]))) == 3
    (dock.root / "a").unlink()
    for name in ("b", "c"):
        (dock.root / name).unlink()
    dock.put("d", b"same")
    named = f"the same content as the Document `{global_id(Kind.DOCUMENT, row.id)}`"
    assert dock.take_in().remarks[-1] == ("d", "duplicate", named)


def test_duplicates_are_skipped_on_wish(dock):
    for name in ("a", "b"):
        dock.put(name, b"same")

    first = dock.take_in(duplicates=Duplicates.SKIP)
    again = dock.take_in(duplicates=Duplicates.SKIP)

    assert (first.counts, first.report.duplicates) == ((1, 0, 1, 0), 1)
    assert first.remarks == [("b", "skipped", "the same content as `a` of this folder")]
    assert again.counts == (0, 0, 2, 0)
    assert list(dock.documents()) == ["a"]


def test_hidden_twin_is_no_duplicate(dock, world):
    elsewhere = world.aggregation(reference_code=f"H{dock.code}")
    other = world.holder(elsewhere, Action.EDIT, Action.FILE)
    dock.put("a", b"twin")
    replaced = dock.code
    dock.code = f"H{dock.code}"
    dock.take_in(user=other)
    dock.code = replaced

    done = dock.take_in(duplicates=Duplicates.SKIP)

    assert (done.counts, done.remarks) == ((1, 0, 0, 0), [])


def test_twin_elsewhere_shows_to_whom_its_metadata_shows(dock, world):
    elsewhere = world.aggregation(reference_code=f"E{dock.code}")
    other = world.holder(elsewhere, Action.FILE)
    dock.put("a", b"twin")
    replaced, dock.code = dock.code, f"E{dock.code}"
    dock.take_in(user=other)
    dock.code = replaced
    world.entry(dock.clerk, elsewhere, Action.DISCOVER)
    (twin,) = dock.rows(Document, Document.aggregation_id == elsewhere)

    unseen = dock.take_in(is_dry=True)
    world.entry(dock.clerk, elsewhere, READ)
    seen = dock.take_in(is_dry=True)

    named = f"the same content as the Document `{global_id(Kind.DOCUMENT, twin.id)}`"
    assert (unseen.remarks, seen.remarks) == ([], [("a", "duplicate", named)])
    assert dock.events()[-1]["released"]["metadata"]


def test_dry_run_says_what_a_run_would_do_and_does_nothing(dock):
    dock.put("kept", b"kept")
    dock.put("changed", b"before")
    dock.take_in()
    dock.put("changed", b"after")
    dock.put("new", b"new")
    dock.put("twin", b"new")
    (dock.root / "link").symlink_to("kept")
    before = dock.counted()

    rehearsed = dock.take_in(is_dry=True)
    unchanged = dock.counted()
    done = dock.take_in()

    assert unchanged == before
    assert rehearsed.report.run_id is None
    assert rehearsed.counts == done.counts == (2, 1, 1, 1)
    assert rehearsed.remarks == done.remarks
    assert rehearsed.report.filed_bytes == done.report.filed_bytes == 11


@pytest.mark.parametrize(
    ("wish", "kind", "message"),
    [
        ({"mark": AskedMark("level300")}, errors.Clearance, "the mark is above your own clearance"),
        ({"mark": AskedMark("nothing")}, errors.Invalid, "there is no level `nothing`"),
        ({"mark": AskedMark("open", ("x",))}, errors.Invalid, "there is no compartment `x`"),
        ({"class_code": "nothing"}, errors.Invalid, "there is no class `nothing`: choose one"),
    ],
)
def test_what_cannot_be_filed_so_is_refused_before_any_file_is_read(dock, wish, kind, message):
    dock.world.level(300)
    dock.put("a")
    before = dock.counted()

    for is_dry in (True, False):
        with pytest.raises(kind) as refused:
            dock.take_in(**wish, is_dry=is_dry)
        assert refused.value.message.startswith(message)

    assert dock.counted() == before
    assert [event["changed"] for event in dock.events()] == [[], []]


def test_hidden_target_answers_like_an_absent_one(dock, world):
    stranger = world.user()
    dock.put("a")

    with pytest.raises(errors.NotFound) as hidden:
        dock.take_in(user=stranger)
    dock.code = "absent"
    with pytest.raises(errors.NotFound) as absent:
        dock.take_in(user=stranger)

    assert hidden.value.message == absent.value.message
    assert [event["outcome"] for event in dock.events(stranger)] == ["refused", "refused"]


def test_reader_of_the_target_may_not_file_there(dock, world):
    reader = world.user()
    world.entry(reader, dock.target, READ)
    dock.put("a")

    with pytest.raises(errors.Denied, match="does not give you `FILE` here"):
        dock.take_in(user=reader)

    assert dock.documents() == {}


def test_closed_aggregation_takes_nothing(dock, world):
    closed = world.aggregation(reference_code=f"C{dock.code}", state=AggregationState.CLOSED)
    world.entry(dock.clerk, closed, Action.FILE)
    dock.code = f"C{dock.code}"

    with pytest.raises(errors.State):
        dock.take_in()
