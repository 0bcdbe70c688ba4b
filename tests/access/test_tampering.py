"""Whatever the owner of database or files does to the log, verification names it, and the first bad event."""

from __future__ import annotations

import dataclasses

import orjson
import pytest

from dms.access.log import keys, offline
from dms.access.log.continuity import Trust
from dms.access.log.findings import Verdict
from dms.access.log.offline import FolderGround
from dms.base.ids import new_id
from dms.rules import eventseals, signednotes, tiles
from dms.rules.checkpoints import Checkpoint
from dms.rules.signednotes import Note
from dms.rules.tiles import Tile
from tests.access import chronicle
from tests.access.chronicle import KEY, LATER, OTHER, SIZE, STOPPED_AT

AT = 300
"""The event that most tests damage."""


@pytest.fixture(scope="module")
def original(installation, engine_kind, tmp_path_factory):
    """The log that tests copy."""
    with installation(engine_kind) as settings:
        yield chronicle.make(settings, tmp_path_factory.mktemp("chronicle") / "log")


@pytest.fixture
def log(original, tmp_path, request):
    """A copy to damage."""
    server = None if original.settings.is_sqlite else request.getfixturevalue("postgres_server")
    return chronicle.copied(original, tmp_path, server)


def of_files(log, *, known=(KEY.verifier,)):
    """Verify the files alone."""
    return offline.verify_folder(FolderGround(log.folder, Trust(list(known)), 4, lambda *_: None))


def codes(found, verdict=Verdict.CHANGED):
    return {finding.code for finding in found.findings.kept if finding.verdict is verdict}


def first(found):
    return found.findings.first.code, found.findings.first.leaf_index, found.findings.first.event_id


def unhex(text):
    return bytes.fromhex(text)


def body_of(log, index):
    return log.events[index].values["body"]


def test_log_that_nobody_touched_is_sound(original):
    found, files = original.audit(), of_files(original)

    assert (found.verdict, files.verdict) == (Verdict.SOUND, Verdict.SOUND)
    assert found.findings.total == files.findings.total == 0
    assert (found.size, found.signed_size, found.waiting) == (SIZE, SIZE, 9)
    assert found.root == files.root
    assert (found.events, files.events) == (SIZE + 9, SIZE)
    assert found.checkpoints == 3


def test_changed_body_is_named(log):
    changed = body_of(log, AT).replace(b'"kind":"user"', b'"kind":"robo"')
    with log.owner() as execute:
        execute("UPDATE access_event SET body = ? WHERE event_id = ?", changed, log.id(AT))

    found = log.audit()

    assert first(found) == ("event_body", AT, log.events[AT].event_id)
    assert codes(found) == {"event_body"}


def rewritten(log, execute, body):
    """Change an event as thoroughly as the owner of the database can."""
    digest = unhex(eventseals.leaf_hash(body))
    for table in ("access_event", "access_leaf"):
        execute(f"UPDATE {table} SET leaf_hash = ? WHERE event_id = ?", digest, log.id(AT))
    execute("UPDATE access_event SET body = ? WHERE event_id = ?", body, log.id(AT))
    leaves = log.leaves()[:SIZE]
    log.grow(execute, [*leaves[:AT], digest, *leaves[AT + 1 :]])


def test_event_rewritten_with_all_its_hashes_is_named_by_the_files(log):
    with log.owner() as execute:
        rewritten(log, execute, body_of(log, AT).replace(b'"kind":"user"', b'"kind":"robo"'))

    found = log.audit()

    assert first(found) == ("leaf_replaced", AT, log.events[AT].event_id)
    assert codes(found) == {"leaf_replaced", "checkpoint_differs"}


def test_event_rewritten_with_all_its_hashes_shows_by_the_checkpoint_alone(log):
    with log.owner() as execute:
        rewritten(log, execute, body_of(log, AT).replace(b'"kind":"user"', b'"kind":"robo"'))
    for file in (log.folder.root / "tile").rglob("*"):
        if file.is_file():
            file.unlink()

    found = log.audit()

    assert codes(found) == {"checkpoint_differs"}
    (finding,) = found.findings.kept
    assert "something from leaf 0 to 499 is not what was signed" in finding.message


@pytest.mark.parametrize(
    "change",
    [
        "op = 'document.list'",
        "at = at + 1",
        "outcome = 'refused'",
        "n_objects = 7",
        "lasting = NOT lasting",
        "reason = 'x'",
        "n = n + 1",
        "actor_id = NULL",
        "object_id = writer",
        "writer = event_id",
    ],
)
def test_changed_column_is_named(log, change):
    with log.owner() as execute:
        execute(f"UPDATE access_event SET {change} WHERE event_id = ?", log.id(AT))

    found = log.audit()

    assert first(found) == ("event_columns", AT, log.events[AT].event_id)


def test_changed_detail_is_named(log):
    with log.owner() as execute:
        execute("UPDATE access_event_detail SET detail = ? WHERE event_id = ?", b"{}", log.id(AT))

    assert first(log.audit()) == ("event_detail", AT, log.events[AT].event_id)


def test_redacted_detail_is_sound(log):
    with log.owner() as execute:
        execute("DELETE FROM access_event_detail WHERE event_id = ?", log.id(AT))

    assert log.audit().verdict is Verdict.SOUND


def test_changed_leaf_is_named(log):
    with log.owner() as execute:
        execute("UPDATE access_leaf SET leaf_hash = ? WHERE leaf_index = ?", b"\1" * 32, AT)

    found = log.audit()

    assert first(found) == ("leaf_differs", AT, log.events[AT].event_id)
    assert codes(found) == {"leaf_differs", "leaf_replaced", "checkpoint_differs", "head_differs"}


def test_deleted_event_is_named(log):
    with log.owner() as execute:
        execute("DELETE FROM access_event WHERE event_id = ?", log.id(AT))

    found = log.audit()

    assert first(found) == ("event_missing", AT, log.events[AT].event_id)
    assert "writer_gap" in codes(found)


def test_deleted_leaf_is_named(log):
    with log.owner() as execute:
        execute("DELETE FROM access_leaf WHERE event_id = ?", log.id(AT))

    found = log.audit()

    assert found.findings.first.leaf_index == AT
    assert {"leaf_missing", "event_unplaced"} <= codes(found)


def test_deletion_that_closes_the_gap_is_named(log):
    with log.owner() as execute:
        for table in ("access_event", "access_leaf"):
            execute(f"DELETE FROM {table} WHERE event_id = ?", log.id(AT))
        for index in range(AT + 1, SIZE):
            execute("UPDATE access_leaf SET leaf_index = ? WHERE leaf_index = ?", index - 1, index)
        leaves = log.leaves()[:SIZE]
        log.grow(execute, leaves[:AT] + leaves[AT + 1 :])

    found = log.audit()

    assert first(found) == ("leaf_replaced", AT, log.events[AT + 1].event_id)
    assert codes(found) == {"leaf_replaced", "checkpoint_differs", "log_cut", "writer_gap"}


def test_swapped_events_are_named(log):
    with log.owner() as execute:
        for index, to in ((AT, -1), (AT + 1, AT), (-1, AT + 1)):
            execute("UPDATE access_leaf SET leaf_index = ? WHERE leaf_index = ?", to, index)
        leaves = log.leaves()[:SIZE]
        leaves[AT], leaves[AT + 1] = leaves[AT + 1], leaves[AT]
        log.grow(execute, leaves)

    found = log.audit()

    assert first(found) == ("leaf_replaced", AT, log.events[AT + 1].event_id)


def foreign(log, execute, *, before):
    """Put an event into the table that no program wrote, before or after all others."""
    writer = new_id()
    (made, *_) = chronicle.parts(writer, first=1)
    with log.database() as database:
        chronicle.insert(database, [made])
    key = made.event_id.bytes if log.settings.is_sqlite else made.event_id
    if before:
        early = "seq = 0" if log.settings.is_sqlite else "xid = '4'"
        execute(f"UPDATE access_event SET {early} WHERE event_id = ?", key)
    return made, key


def test_foreign_event_that_the_sequencer_never_saw_is_named(log):
    with log.owner() as execute:
        made, _ = foreign(log, execute, before=True)

    found = log.audit()

    assert "event_unplaced" in codes(found)
    assert [each.event_id for each in found.findings.kept if each.code == "event_unplaced"] == [made.event_id]


def test_foreign_leaf_is_named(log):
    with log.owner() as execute:
        made, key = foreign(log, execute, before=False)
        values = {"leaf_index": SIZE, "event_id": key, "leaf_hash": unhex(made.values["leaf_hash"])}
        if not log.settings.is_sqlite:
            values |= {"at": made.values["at"], "lasting": False}
        marks = ", ".join("?" * len(values))
        execute(f"INSERT INTO access_leaf ({', '.join(values)}) VALUES ({marks})", *values.values())

    found = log.audit()

    assert ("leaf_beyond_head", SIZE) in {(each.code, each.leaf_index) for each in found.findings.kept}


def test_leaf_that_names_another_month_is_named(log):
    if log.settings.is_sqlite:
        pytest.skip("only PostgreSQL has months")
    with log.owner() as execute:
        execute("UPDATE access_leaf SET at = at + 1 WHERE leaf_index = ?", AT)

    found = log.audit()

    assert first(found) == ("leaf_differs", AT, log.events[AT].event_id)
    assert found.findings.total == 1


def test_cut_tail_is_named(log):
    with log.owner() as execute:
        for event in log.events[SIZE - 20 :]:
            key = event.event_id.bytes if log.settings.is_sqlite else event.event_id
            for table in ("access_event", "access_leaf"):
                execute(f"DELETE FROM {table} WHERE event_id = ?", key)
        log.grow(execute, log.leaves()[: SIZE - 20])

    found = log.audit()

    assert codes(found) == {"log_cut"}
    assert found.findings.first.leaf_index == SIZE - 20
    assert f"speaks of {SIZE} events, but only {SIZE - 20} are there" in found.findings.kept[0].message


def test_older_copy_of_the_database_is_named(log, tmp_path, request):
    server = None if log.settings.is_sqlite else request.getfixturevalue("postgres_server")
    older = chronicle.copied(log, tmp_path / "older", server)
    with log.database() as database:
        chronicle.sequencer.drain(database)
        chronicle.signer.sign(database, log.folder, [KEY])

    restored = dataclasses.replace(older, folder=log.folder).audit()

    assert log.audit().verdict is Verdict.SOUND
    assert codes(restored) == {"log_cut"}
    assert restored.findings.first.leaf_index == SIZE


def published(log, checkpoint, *signers):
    note = Note(str(checkpoint), tuple(each.sign(str(checkpoint)) for each in signers))
    log.folder.publish(str(note), at=LATER)


def test_checkpoint_of_another_key_is_named_live_and_in_the_files(log):
    published(log, Checkpoint("archive.example/log/1", SIZE, b"\7" * 32), OTHER)

    found, files = log.audit(), of_files(log)

    assert codes(found) == codes(files) == {"checkpoint_unsigned"}


def test_checkpoint_of_two_histories_under_one_key_is_named(log):
    published(log, Checkpoint("archive.example/log/1", SIZE, b"\7" * 32), KEY)

    found, files = log.audit(), of_files(log)

    assert codes(found) == codes(files) == {"checkpoint_differs"}


def test_history_that_goes_back_is_named(log):
    (day,) = (log.folder.root / "checkpoints").glob("*.jsonl")
    lines = day.read_bytes().splitlines(keepends=True)
    day.write_bytes(b"".join([*lines, lines[1]]))

    found = log.audit()

    assert codes(found) == {"checkpoint_backwards"}


def test_history_with_a_changed_line_is_named(log):
    (day,) = (log.folder.root / "checkpoints").glob("*.jsonl")
    text = day.read_text(encoding="utf-8")
    day.write_text(text.replace("\\n500\\n", "\\n501\\n"), encoding="utf-8")

    assert codes(log.audit()) == {"checkpoint_unsigned"}


def test_history_that_nobody_can_read_is_named(log):
    (day,) = (log.folder.root / "checkpoints").glob("*.jsonl")
    day.write_bytes(day.read_bytes().replace(b"{", b"<", 1))

    assert "history_unreadable" in codes(log.audit())


def test_checkpoint_set_back_is_named_by_the_history(log):
    history = [signednotes.read(each.note) for each in log.folder.history()]
    for size in (SIZE, SIZE):
        checkpoint = next(each for each in history if f"\n{size}\n" in each.text)
        log.folder.publish(str(checkpoint), at=LATER)
    older = next(str(each) for each in history if "\n500\n" in each.text)
    (log.folder.root / "checkpoint").write_text(older, encoding="utf-8")

    found = of_files(log)

    assert codes(found) == {"log_cut"}


def changed_byte(path, at):
    raw = bytearray(path.read_bytes())
    raw[at] ^= 1
    path.write_bytes(raw)


def test_changed_tile_is_named_with_its_first_event(log):
    changed_byte(log.folder.root / Tile(0, 1, 256).path, (AT - 256) * 32)

    found = of_files(log)

    assert first(found) == ("tile_differs", AT, log.events[AT].event_id)
    assert codes(found) == {"tile_differs"}
    assert codes(log.audit()) == set()


def test_changed_tile_at_the_right_edge_is_named(log):
    tile = tiles.at(0, SIZE // 256, size=SIZE)
    changed_byte(log.folder.root / tile.path, 5 * 32)

    assert first(of_files(log)) == ("tile_differs", 517, log.events[517].event_id)


def test_changed_bundle_is_named_with_its_first_event(log):
    path = log.folder.root / Tile(0, 1, 256).bundle_path
    path.write_bytes(path.read_bytes().replace(body_of(log, AT), body_of(log, AT).replace(b"user", b"robo")))

    found = of_files(log)

    assert first(found) == ("bundle_differs", AT, log.events[AT].event_id)
    assert codes(found) == {"bundle_differs"}


def test_changed_tile_of_a_higher_level_is_named_with_the_leaves_below(log):
    tile = tiles.at(1, 0, size=SIZE)
    changed_byte(log.folder.root / tile.path, 32)

    found = of_files(log)

    assert (found.findings.first.code, found.findings.first.leaf_index) == ("tile_differs", 256)
    assert "the 256 leaves from 256 on" in found.findings.first.message


def test_missing_tile_is_named_though_its_bundle_tells_the_rest(log):
    (log.folder.root / Tile(0, 1, 256).path).unlink()

    found = of_files(log)

    assert codes(found) == {"tile_missing"}
    assert found.findings.first.leaf_index == 256
    assert found.signed_size == SIZE


def test_files_without_the_oldest_bundles_are_sound(log):
    (log.folder.root / Tile(0, 0, 256).bundle_path).unlink()

    found = of_files(log)

    assert (found.verdict, codes(found, Verdict.SOUND)) == (Verdict.SOUND, {"bundles_pruned"})
    assert (found.events, found.signed_size) == (SIZE - 256, SIZE)


def test_files_without_any_bundle_are_sound(log):
    for path in (log.folder.root / "tile" / "entries").rglob("*"):
        if path.is_file():
            path.unlink()

    found = of_files(log)

    assert (found.verdict, found.events, found.signed_size) == (Verdict.SOUND, 0, SIZE)


def test_bundle_missing_among_others_is_incomplete(log):
    (log.folder.root / Tile(0, 1, 256).bundle_path).unlink()

    found = of_files(log)

    assert (found.verdict, codes(found, Verdict.INCOMPLETE)) == (Verdict.INCOMPLETE, {"bundle_missing"})


def test_sequencer_that_would_go_on_from_another_tree_is_named(log):
    with log.owner() as execute:
        hashes = b"".join(chronicle.Frontier().extended(log.leaves()[:SIZE][::-1]).hashes)
        execute("UPDATE access_log_head SET frontier = ?", hashes)

    assert codes(log.audit()) == {"head_differs"}


def test_event_that_never_got_its_place_is_missed_by_its_writer_number(log):
    with log.owner() as execute:
        execute("DELETE FROM access_event WHERE event_id = ?", log.id(SIZE + 2))

    lenient, strict = log.audit(threads=1), log.audit(threads=0)

    assert (lenient.verdict, codes(lenient, Verdict.SOUND)) == (Verdict.SOUND, {"writer_gap"})
    assert (strict.verdict, codes(strict, Verdict.INCOMPLETE)) == (Verdict.INCOMPLETE, {"writer_gap"})
    assert "lacks 1 of its numbers: 202" in strict.findings.kept[0].message


def test_part_of_an_event_that_is_gone_is_named(log):
    with log.owner() as execute:
        execute("DELETE FROM access_event WHERE event_id = ?", log.id(SIZE + 7))

    found = log.audit()

    assert codes(found) == {"parts_missing"}
    assert found.findings.kept[-1].message == "2 of its 3 parts are there"


def test_events_that_wait_too_long_are_incomplete(log):
    found = log.audit(now=LATER)

    assert (found.verdict, codes(found, Verdict.INCOMPLETE)) == (Verdict.INCOMPLETE, {"event_waiting"})
    assert found.findings.total == 1
    assert found.findings.kept[0].message.startswith("9 events wait for their place since ")


def test_damaged_event_that_waits_is_named(log):
    with log.owner() as execute:
        execute("UPDATE access_event SET op = 'x' WHERE event_id = ?", log.id(SIZE + 2))

    found = log.audit()

    assert [(each.code, each.event_id) for each in found.findings.kept] == [
        ("event_columns", log.events[SIZE + 2].event_id)
    ]


def prune(log, execute, below):
    execute("UPDATE access_log_head SET minimum_index = ?", below)
    lasting = "1" if log.settings.is_sqlite else "true"
    for event in log.events[:below]:
        key = event.event_id.bytes if log.settings.is_sqlite else event.event_id
        execute(f"DELETE FROM access_event WHERE event_id = ? AND lasting <> {lasting}", key)
        execute("DELETE FROM access_event_detail WHERE event_id = ?", key)


def test_pruned_log_is_sound(log):
    with log.owner() as execute:
        prune(log, execute, 350)

    found = log.audit()

    assert (found.verdict, found.findings.total) == (Verdict.SOUND, 0)
    assert found.events == SIZE + 9 - 315


def test_event_gone_above_the_minimum_index_is_named(log):
    with log.owner() as execute:
        prune(log, execute, 350)
        execute("DELETE FROM access_event WHERE event_id = ?", log.id(350))

    found = log.audit()

    assert first(found) == ("event_missing", 350, log.events[350].event_id)


def test_stopped_writer_without_its_last_events_is_named(log):
    with log.owner() as execute:
        for index in range(STOPPED_AT - 3, STOPPED_AT):
            execute("DELETE FROM access_event WHERE event_id = ?", log.id(index))

    found = log.audit()

    gaps = [each.message for each in found.findings.kept if each.code == "writer_gap"]
    assert len(gaps) == 1
    assert gaps[0].endswith("lacks 3 of its numbers: 398-400; it had stopped in order")


def test_findings_stay_few_in_memory_and_all_are_counted(log, monkeypatch):
    monkeypatch.setattr("dms.access.log.findings.KEPT", 5)
    with log.owner() as execute:
        execute("UPDATE access_event SET op = 'x'")

    found = log.audit()

    assert (len(found.findings.kept), found.findings.total) == (5, SIZE + 9)
    assert first(found) == ("event_columns", 0, log.events[0].event_id)


def test_key_that_is_not_known_makes_every_checkpoint_a_finding(original):
    found = original.audit(known=[keys.made("archive.example/log/1").verifier])

    assert codes(found) == {"checkpoint_unsigned"}
    assert found.findings.total == 3


def test_history_is_json_lines(original):
    (day,) = (original.folder.root / "checkpoints").glob("*.jsonl")

    assert all(orjson.loads(line) for line in day.read_bytes().splitlines())
