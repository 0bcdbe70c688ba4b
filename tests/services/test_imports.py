"""Folders taken in: every file answered for, each filed once, under the gate, and on record."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import func, select

from dms.base import errors
from dms.base.actor import Actor, ActorKind, Source
from dms.base.clock import system_clock
from dms.base.ids import Kind, global_id
from dms.jobs import imports as job
from dms.jobs.imports import Ground, Report, Wish
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium
from dms.models.imports import FindingKind, ImportFinding, ImportLine, ImportRun, RunEnding
from dms.models.schemes import RecordClass
from dms.models.versions import Blob, BlobKey, ContentFile, Version
from dms.rules.access import Action, Effect
from dms.rules.imports import Duplicates
from dms.rules.states import AggregationState, DocumentState
from dms.services import documents
from dms.services.imports import ALREADY_FILED, ImportOrder, Outcome
from dms.services.security import AskedMark
from dms.stores.blobs import StoredDigest
from dms.stores.scratch import Scratch
from dms.stores.vault import SealedBlob
from dms.stores.work import session_of
from tests.recorded import events_of

READ = Action.READ_METADATA


@dataclass
class Imported:
    """What an import came to, with its remarks as (path, kind, reason)."""

    report: Report
    remarks: list[tuple[str, str, str]]

    @property
    def counts(self):
        """Counts of filed, new Versions, skipped, refused."""
        return tuple(self.report.outcomes[outcome] for outcome in Outcome)


@dataclass
class Dock:
    """Where folders come in: an Aggregation of a clerk, and a folder."""

    world: object
    clerk: UUID
    target: UUID
    code: str
    root: Path

    def put(self, path, content=b"x", *, day="2019-05-17"):
        """A file of the folder."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        noon = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
        os.utime(file, (noon, noon))
        return file

    def take_in(self, *, user=None, tell=None, is_stopped=None, vault=None, **wish):
        """Import the folder."""
        house = self.world.house
        who = Actor(ActorKind.USER, user or self.clerk, None, "import", Source(operator="porter"))
        ground = Ground(
            house.works,
            vault or house.vault,
            who,
            system_clock,
            tell=tell or (lambda *_: None),
            is_stopped=is_stopped or (lambda: False),
        )
        order = {name: wish.pop(name) for name in ("mark", "class_code") if name in wish}
        wanted = Wish(
            ImportOrder(self.code, str(self.root), **order),
            self.root,
            **{"duplicates": Duplicates.FILE, **wish},
        )
        with Scratch() as scratch:
            return Imported(job.run(ground, wanted, scratch=scratch), list(scratch.remarks()))

    def rows(self, model, *conditions):
        """Rows past the gate."""
        statement = select(model).where(*conditions)
        return self.world.build(lambda work: session_of(work).execute(statement).scalars().all())

    def documents(self):
        """The Documents of the target by the name they came with, which is there once."""
        rows = self.rows(Document, Document.aggregation_id == self.target)
        assert len({row.original_name for row in rows}) == len(rows)
        return {row.original_name: row for row in rows}

    def versions(self, document):
        """The Versions of a Document, oldest first, as (number, content)."""
        rows = self.rows(Version, Version.document_id == document.id)
        return [(row.number, self.content(row)) for row in sorted(rows, key=lambda row: row.number)]

    def body(self, version):
        """The file of a Version."""
        (row,) = self.rows(ContentFile, ContentFile.version_id == version.id)
        return row

    def content(self, version):
        """The bytes of a Version, out of the vault."""
        (blob,) = self.rows(Blob, Blob.id == self.body(version).blob_id)
        (key,) = self.rows(BlobKey, BlobKey.blob_id == blob.id)
        sealed = SealedBlob(
            blob.id,
            StoredDigest(blob.stored_digest),
            blob.stored_bytes,
            blob.plain_sha256,
            blob.plain_bytes,
            key.kek,
            key.wrapped,
        )
        vault = self.world.house.vault
        vault.verify(sealed)
        return b"".join(vault.read(sealed, start=0, length=blob.plain_bytes))

    def counted(self):
        """How many rows there are of all that an import writes."""
        models = (Document, Version, Blob, BlobKey, ContentFile, ImportLine, ImportRun, ImportFinding)
        return self.world.build(
            lambda work: [
                session_of(work).execute(select(func.count()).select_from(model)).scalar_one()
                for model in models
            ]
        )

    def events(self, user=None):
        """The events of imports, oldest first."""
        found = events_of(self.world.house, user or self.clerk)
        return [event for event in found if event["op"].startswith("import.")]


@pytest.fixture
def dock(world, tmp_path):
    clerk = world.user()
    code = f"I{clerk.hex}"
    target = world.aggregation(reference_code=code)
    for action in (Action.FILE, Action.EDIT):
        world.entry(clerk, target, action)
    root = tmp_path / "in"
    root.mkdir()
    return Dock(world, clerk, target, code, root)


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
    other = world.user()
    world.entry(other, elsewhere, Action.EDIT)
    world.entry(other, elsewhere, Action.FILE)
    dock.put("a", b"twin")
    replaced = dock.code
    dock.code = f"H{dock.code}"
    dock.take_in(user=other)
    dock.code = replaced

    done = dock.take_in(duplicates=Duplicates.SKIP)

    assert (done.counts, done.remarks) == ((1, 0, 0, 0), [])


def test_twin_elsewhere_shows_to_whom_its_metadata_shows(dock, world):
    elsewhere = world.aggregation(reference_code=f"E{dock.code}")
    other = world.user()
    world.entry(other, elsewhere, Action.FILE)
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


def test_events_name_account_operator_and_every_document(dock):
    dock.put("a", b"a")
    dock.put("b", b"b")
    dock.take_in()

    events = [event for event in dock.events() if event["changed"]]

    assert [event["op"] for event in events] == ["import.start", "import.file", "import.finish"]
    assert {event["outcome"] for event in events} == {"committed"}
    assert {event["request"] for event in events} == {"import"}
    changed = {line[0] for line in events[1]["changed"]}
    assert {row.id.hex for row in dock.documents().values()} <= changed
    (run,) = dock.rows(ImportRun, ImportRun.started_by == dock.clerk)
    assert run.id.hex in changed
    assert "document.register" in events[1]["also"]


def test_run_keeps_its_counts_its_findings_and_its_end(dock):
    dock.put("a", b"a")
    dock.put("b", b"a")
    os.mkfifo(dock.root / "pipe")

    done = dock.take_in()

    (run,) = dock.rows(ImportRun, ImportRun.id == done.report.run_id)
    assert (run.filed, run.new_versions, run.skipped, run.refused, run.duplicates) == (2, 0, 0, 1, 1)
    assert (run.ending, run.filed_bytes, run.source) == (RunEnding.COMPLETE, 2, str(dock.root))
    assert run.finished_at >= run.started_at
    findings = dock.rows(ImportFinding, ImportFinding.run_id == run.id)
    assert [(row.path, row.kind, row.reason) for row in sorted(findings, key=lambda row: row.id)] == [
        ("b", FindingKind.DUPLICATE, "the same content as `a` of this folder"),
        ("pipe", FindingKind.REFUSED, "a named pipe, not a file"),
    ]


def test_more_files_than_a_group_holds_are_filed_in_several(dock):
    for number in range(300):
        dock.put(f"{number:03}", b"%d" % number)

    done = dock.take_in()

    assert done.counts == (300, 0, 0, 0)
    assert [dock.versions(row) for name, row in sorted(dock.documents().items())][299] == [(1, b"299")]


def test_file_that_moves_is_refused_and_the_others_are_filed(dock):
    for name in ("a", "b", "c"):
        dock.put(name, name.encode())

    def meddle(files, _bytes):
        if files == 1:
            (dock.root / "b").unlink(missing_ok=True)

    done = dock.take_in(tell=meddle)

    assert done.counts == (2, 0, 0, 1)
    assert done.remarks == [("b", "refused", "vanished before it was read")]
    assert sorted(dock.documents()) == ["a", "c"]


def test_path_longer_than_can_be_kept_is_refused(dock):
    deep = "/".join(["d" * 200] * 24)
    at = os.open(dock.root, os.O_RDONLY)
    for part in deep.split("/"):
        os.mkdir(part, dir_fd=at)
        below = os.open(part, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)

    done = dock.take_in()

    reason = "the path is longer than 4096 characters: import a folder further down"
    assert done.remarks == [(f"{deep}/file", "refused", reason)]


def test_wish_to_stop_files_what_was_read_and_a_second_run_the_rest(dock):
    for number in range(10):
        dock.put(str(number), b"%d" % number)
    seen = []

    stopped = dock.take_in(tell=lambda files, _: seen.append(files), is_stopped=lambda: 4 in seen)
    rest = dock.take_in()

    assert (stopped.report.ending, stopped.counts) == (RunEnding.INTERRUPTED, (4, 0, 0, 0))
    assert rest.counts == (6, 0, 4, 0)
    endings = {run.id: run.ending for run in dock.rows(ImportRun, ImportRun.started_by == dock.clerk)}
    assert endings[stopped.report.run_id] is RunEnding.INTERRUPTED


def test_wish_to_stop_within_a_file_leaves_nothing_of_it(dock):
    dock.put("a", b"a")
    dock.put("large", b"x" * 3_000_000)
    seen = []

    stopped = dock.take_in(
        tell=lambda _, read: seen.append(read), is_stopped=lambda: max(seen, default=0) > 2
    )

    assert (stopped.counts, stopped.report.ending) == ((1, 0, 0, 0), RunEnding.INTERRUPTED)
    assert dock.take_in().counts == (1, 0, 1, 0)


def test_full_disk_ends_the_run_and_keeps_what_is_whole(dock, monkeypatch):
    for number in range(6):
        dock.put(str(number), b"%d" % number)
    store = dock.world.house.vault.store

    def fill(files, _bytes):
        if files == 3:
            monkeypatch.setattr(store, "_reserve_bytes", 0)
            monkeypatch.setattr(os, "fstatvfs", full)

    def full(_descriptor):
        return os.statvfs_result((4096, 4096, 0, 0, 0, 0, 0, 0, 0, 255))

    done = dock.take_in(tell=fill)
    monkeypatch.undo()

    problem = "the Blob store has no room for this content: free some space on its disk and try again"
    assert (done.report.ending, done.report.problem) == (RunEnding.FAILED, problem)
    assert done.counts == (3, 0, 0, 0)
    assert dock.take_in().counts == (3, 0, 3, 0)


def test_rights_revoked_in_the_middle_end_the_run_and_keep_what_was_filed(dock, world):
    for number in range(300):
        dock.put(f"{number:03}", b"%d" % number)

    def revoke(files, _bytes):
        if files == 280:
            world.entry(dock.clerk, dock.target, Action.FILE, effect=Effect.DENY)

    done = dock.take_in(tell=revoke)

    assert (done.report.ending, done.counts) == (RunEnding.FAILED, (256, 0, 0, 0))
    assert done.report.problem == "the access list does not give you `FILE` here"
    assert len(dock.documents()) == 256


def test_two_imports_of_one_folder_at_once_file_each_file_once(dock):
    for number in range(60):
        dock.put(f"{number:02}", b"%d" % number)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda _: dock.take_in(), range(2)))

    assert {each.report.problem for each in both} == {None}
    total = Counter(both[0].report.outcomes) + Counter(both[1].report.outcomes)
    assert (total[Outcome.FILED], total[Outcome.SKIPPED]) == (60, 60)
    assert [dock.versions(row) for _, row in sorted(dock.documents().items())] == [
        [(1, b"%d" % number)] for number in range(60)
    ]
