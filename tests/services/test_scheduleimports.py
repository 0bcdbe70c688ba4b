"""Imports of schedules: every row answered for, the same row never twice, broken off and gone on with."""

from __future__ import annotations

import json

import pytest

from dms.base import errors
from dms.jobs import scheduleimports, schedulesources
from dms.jobs.scheduleimports import Ground
from dms.jobs.schedulesources import FolderSource, SentSource
from dms.models.imports import RunEnding
from dms.models.scheduleimports import ScheduleImport, ScheduleImportFinding
from dms.rules.states import EditionState, RuleEntryState
from dms.services import ruleentries, scheduleeditions
from dms.services.ruleentries import RuleWords
from dms.services.scheduleimports import RowOutcome
from dms.stores.work import session_of
from tests.duewordings import track
from tests.factories import actor
from tests.schedulerows import ours
from tests.services.schedules import Book, Draft, Office

KINDS = tuple(RowOutcome)


@pytest.fixture(scope="module")
def office(desk):
    return Office(desk)


@pytest.fixture
def book(office, request):
    """An empty schedule of this test."""
    return office.schedule(request.node.name[:90])


def rows(*said, start=1):
    """Rows `K1`, `K2` and so on that say this."""
    return [ours(each, code=f"K{number}", title=f"T{number}") for number, each in enumerate(said, start)]


def sent(made, name="a.json"):
    return SentSource(name, made if isinstance(made, bytes) else json.dumps(made).encode())


class Importer:
    """Imports into a schedule as its manager."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.office = book.office
        self.code = self.office.desk.world.build(
            lambda work: session_of(work).get(scheduleeditions.RetentionSchedule, book.id).code
        )

    def ground(self, **options) -> Ground:
        return Ground(self.office.desk.house.works, actor(self.office.manager), **options)

    def order(self, source, **options):
        return scheduleimports.order(source, code=self.code, name="a source", **{"title": None, **options})

    def run(self, source, **options):
        return scheduleimports.run(self.ground(**options), self.order(source), source)

    def judge(self, source):
        return scheduleimports.judge(self.ground(), self.order(source), source)

    def draft(self, report) -> Draft:
        return Draft(self.office, report.edition_id)

    def entries(self, report):
        return {row.code: row for row in self.draft(report).entries()}


@pytest.fixture
def importer(book):
    return Importer(book)


def counts(report):
    return {kind.value: report.outcomes[kind] for kind in KINDS if report.outcomes[kind]}


def test_rows_become_rules_of_a_new_draft_with_their_whole_text(importer):
    made = rows("5 years after closed", "until the moon is blue", "permanent")

    report = importer.run(sent(made))

    assert counts(report) == {"added": 3}
    assert (report.tally.parsed, report.tally.needs_review) == (2, 1)
    entries = importer.entries(report)
    assert entries["K1"].tracks == ruleentries.store.tracks.written([track("closed, P5Y review")])
    assert [entries[f"K{n}"].raw_text for n in (1, 2, 3)] == [
        json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in made
    ]
    assert (entries["K2"].state, entries["K2"].source_file, entries["K2"].source_row) == (
        RuleEntryState.NEEDS_REVIEW,
        "a.json",
        2,
    )
    assert importer.draft(report).row.state is EditionState.DRAFT


def test_dry_run_reports_the_same_and_writes_nothing(importer):
    source = sent([*rows("5 years after closed", "blue"), "no row", *rows("5 years after closed")])

    dry = importer.judge(source)
    wet = importer.run(source)

    assert counts(dry) == counts(wet) == {"added": 2, "duplicates": 1, "refused": 1}
    assert [each.message for each in dry.remarks] == [each.message for each in wet.remarks]
    assert (dry.run_id, dry.edition_id) == (None, None)
    assert dry.tally == wet.tally


def test_same_source_again_changes_nothing_and_begins_nothing(importer, book):
    source = sent(rows("5 years after closed", "blue"))
    first = importer.run(source)
    draft = importer.draft(first)
    draft.do(scheduleeditions.update, scheduleeditions.Heading(mandate="Decision 1"))
    draft.activate()
    before = draft.entries()

    again = importer.run(source)

    assert counts(again) == {"unchanged": 2}
    assert again.edition_id is None
    assert [row.revision for row in draft.entries()] == [row.revision for row in before]


def test_what_persons_did_outlives_the_same_row(importer, office):
    source = sent(rows("blue", "5 years after closed"))
    first = importer.run(source)
    entries = importer.entries(first)
    office.resolve(entries["K1"].id, track("closed, P5Y destroy"), periods_from="the law")
    importer.draft(first).do(
        ruleentries.update, entries["K2"].id, RuleWords(retention="7 years after closed")
    )

    again = importer.run(source)

    assert counts(again) == {"unchanged": 2}
    after = importer.entries(first)
    assert after["K1"].state is RuleEntryState.PROPOSED
    assert "7 years" in after["K2"].raw_text


def test_other_text_of_a_row_replaces_it_and_says_so(importer, office):
    first = importer.run(sent(rows("blue", "1 year after closed")))
    office.resolve(importer.entries(first)["K1"].id, track("closed, P5Y destroy"), periods_from="the law")

    report = importer.run(sent(rows("6 years after closed", "2 years after closed")))

    assert counts(report) == {"changed": 2}
    assert [(each.code, str(each.place)) for each in report.remarks] == [("replaced", "a.json, row 1")]
    entry = importer.entries(report)["K1"]
    assert (entry.state, entry.proposed_by, entry.note) == (RuleEntryState.PARSED, None, None)
    assert entry.tracks == ruleentries.store.tracks.written([track("closed, P6Y review")])


def test_rows_that_contradict_each_other_both_need_review(importer):
    report = importer.run(sent([*rows("5 years after closed"), *rows("6 years after closed")]))

    assert counts(report) == {"added": 2}
    assert (report.tally.parsed, report.tally.needs_review) == (0, 2)
    found = importer.draft(report).entries()
    assert {row.reasons for row in found} == {"contradicted"}
    assert {row.tracks for row in found} == {"[]"}
    (remark,) = report.remarks
    assert (remark.code, remark.severity) == ("contradicted", "warning")
    assert remark.message == "`17/K1` stands already in a.json, row 1, and differs"


def test_contradiction_reaches_a_rule_of_an_earlier_slice(importer, monkeypatch):
    monkeypatch.setattr(scheduleimports, "SLICE", 1)

    report = importer.run(sent([*rows("5 years after closed"), *rows("6 years after closed")]))

    assert {row.reasons for row in importer.draft(report).entries()} == {"contradicted"}


def test_file_with_merge_markers_is_refused_and_its_repair_gives_what_the_clean_one_gives(
    importer, office, tmp_path
):
    made = json.dumps(rows("5 years after closed", "blue"), indent=1)
    torn = f"<<<<<<< ours\n{made}\n=======\n{made}\n>>>>>>> theirs\n"
    (tmp_path / "k.json").write_text(torn)
    (tmp_path / "repository.json").write_text("{}")
    (tmp_path / "notes.txt").write_text("nothing")
    refused = importer.run(FolderSource(tmp_path))
    (tmp_path / "k.json").write_text(made)
    repaired = importer.run(FolderSource(tmp_path))
    clean = Importer(office.schedule(f"{importer.code} clean"[-90:]))
    twin = clean.run(sent(made.encode(), "k.json"))

    assert counts(refused) == {"refused": 1}
    assert [(each.code, each.message) for each in refused.remarks] == [
        ("unreadable_row", "line 1 is a merge marker: import the file once the merge is resolved")
    ]
    assert refused.edition_id is None
    assert counts(repaired) == counts(twin) == {"added": 2}
    told = ("raw_text", "code", "state", "reasons", "tracks", "periods", "source_file", "source_row")
    assert [[getattr(row, name) for name in told] for row in importer.draft(repaired).entries()] == [
        [getattr(row, name) for name in told] for row in clean.draft(twin).entries()
    ]


def test_table_with_a_byte_order_mark_is_read(importer):
    table = b"\xef\xbb\xbfcode,title,retention\r\nA,Plans,5 years after closed\r\n"

    report = importer.run(sent(table, "a.csv"))

    assert (counts(report), report.tally.parsed) == ({"added": 1}, 1)


def test_import_that_was_broken_off_goes_on_behind_what_it_took(importer, monkeypatch, desk):
    monkeypatch.setattr(scheduleimports, "SLICE", 2)
    source = sent(
        [*rows("5 years after closed", "blue", "permanent"), "no row", *rows("1 year after closed")]
    )

    first = importer.run(source, is_stopped=lambda: True)
    second = importer.run(source)

    assert (first.ending, first.rows) == (RunEnding.INTERRUPTED, 2)
    assert (second.run_id, second.went_on_behind, second.rows) == (first.run_id, 2, 5)
    assert counts(second) == {"added": 4, "refused": 1}
    kept = desk.look(ScheduleImport, second.run_id)
    assert (kept.rows, kept.added, kept.refused, kept.parsed, kept.needs_review) == (5, 4, 1, 1, 3)
    assert kept.ending is RunEnding.COMPLETE


def test_slice_that_fails_leaves_the_import_where_it_was(importer, monkeypatch, desk):
    monkeypatch.setattr(scheduleimports, "SLICE", 1)
    source = sent(rows("permanent", "permanent"))

    def withdrawn(behind):
        if behind == 1:
            Draft(importer.office, _edition(desk, importer)).do(scheduleeditions.withdraw, reason="overtaken")

    report = importer.run(source, tell=withdrawn)

    assert (report.ending, report.rows) == (RunEnding.FAILED, 1)
    assert report.problem == "an edition in state `withdrawn` does not permit `update`"


def _edition(desk, importer):
    return desk.world.build(
        lambda work: (
            session_of(work)
            .query(ScheduleImport.edition_id)
            .filter(ScheduleImport.schedule_id == importer.book.id)
            .scalar()
        )
    )


def test_two_imports_of_one_source_do_not_double_it(importer):
    source = sent(rows("permanent"))
    started = importer.office.desk.do(
        importer.office.manager, scheduleimports.scheduleimports.start, importer.order(source)
    )
    report = importer.run(source)

    with pytest.raises(errors.Conflict, match="^another import of the same source is under way"):
        importer.office.desk.do(
            importer.office.manager,
            scheduleimports.scheduleimports.take,
            started.id,
            [],
            behind=0,
            tally=report.tally,
        )


def test_whoever_imported_never_approves(importer, office, desk):
    report = importer.run(sent(rows("permanent")))

    assert office.manager.hex in importer.draft(report).row.editors
    assert desk.event(office.manager)["op"] == "schedule.import"


def test_reader_imports_nothing(importer, user, desk):
    source = sent(rows("permanent"))
    ground = Ground(desk.house.works, actor(user))

    for act in (scheduleimports.judge, scheduleimports.run):
        with pytest.raises(errors.Duty, match=r"schedules\.manage"):
            act(ground, importer.order(source), source)


def test_schedule_is_made_only_by_its_title(desk, office):
    source = sent(rows("permanent"))
    ground = Ground(desk.house.works, actor(office.manager))

    def order(title):
        return scheduleimports.order(source, code="UNHEARD", name="s", title=title)

    with pytest.raises(errors.NotFound, match="^there is no schedule `UNHEARD`"):
        scheduleimports.run(ground, order(None), source)
    dry = scheduleimports.judge(ground, order("Unheard of"), source)
    wet = scheduleimports.run(ground, order("Unheard of"), source)

    assert counts(dry) == counts(wet) == {"added": 1}


def test_remarks_of_a_run_are_kept_with_place_code_severity_and_row(importer, desk):
    report = importer.run(sent(["no row", *rows("permanent"), *rows("permanent")]))

    kept = desk.world.build(
        lambda work: (
            session_of(work)
            .query(ScheduleImportFinding)
            .filter_by(run_id=report.run_id)
            .order_by(ScheduleImportFinding.id)
            .all()
        )
    )
    assert [(row.file, row.row, row.code, row.severity) for row in kept] == [
        ("a.json", 1, "unreadable_row", "error"),
        ("a.json", 3, "duplicate", "info"),
    ]
    assert kept[0].raw == '"no row"'
    assert kept[1].raw == next(iter(importer.entries(report).values())).raw_text


def test_folder_names_what_it_cannot_open(tmp_path):
    (tmp_path / "link.json").symlink_to(tmp_path / "a.json")
    (tmp_path / "big.json").touch()
    with (tmp_path / "big.json").open("wb") as file:
        file.truncate(33 * 1024 * 1024)

    found = list(FolderSource(tmp_path).files())

    assert [(each.name, each.refusal) for each in found] == [
        ("big.json", "the file is larger than 32 MB: import it in parts"),
        ("link.json", "a symbolic link: import what it points to from where it lies"),
    ]
    one = schedulesources.FileSource(tmp_path / "link.json")
    assert [each.refusal for each in one.files()] == [found[1].refusal]
