"""Runs of imports: what they leave on record, how they end, and what is kept of them."""

from __future__ import annotations

import os
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from dms.models.imports import FindingKind, ImportFinding, ImportRun, RunEnding
from dms.rules.access import Action, Effect
from dms.services.imports import Outcome


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
    assert dock.versions(dock.documents()["299"]) == [(1, b"299")]


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
            monkeypatch.setattr(store._staging, "_reserve_bytes", 0)
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
