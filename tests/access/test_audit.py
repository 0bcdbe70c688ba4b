"""An export verifies by itself: all events of a log prove each other, a choice of them brings its paths."""

from __future__ import annotations

import hashlib

import orjson
import pytest

from dms.access.log import auditrows, exported, offline, proofs
from dms.access.log.continuity import Stated, Trust
from dms.access.log.exported import ExportGround
from dms.access.log.findings import Verdict
from dms.rules import checkpoints, logexports, signednotes
from dms.rules.logexports import Entry, Statement
from tests.access import chronicle
from tests.access.chronicle import KEY, OTHER, SIZE

CHOSEN = (3, 255, 256, 300, 599)


@pytest.fixture(scope="module")
def log(installation, tmp_path_factory):
    with installation("sqlite") as settings:
        yield chronicle.make(settings, tmp_path_factory.mktemp("chronicle") / "log")


@pytest.fixture(scope="module")
def lines(log):
    """Builds the lines of an export, as its writer does."""

    def made(indices, *, with_paths):
        note = log.folder.checkpoint()
        statement = Statement("archive.example/log/1", note, SIZE, min(indices), max(indices), newer=0)
        head = logexports.header(statement, selection={}, count=len(indices))
        body = [logexports.event_line(entry(log, at), path(log, at, with_paths)) for at in indices]
        digest = hashlib.sha256(b"".join([head, *body])).hexdigest()
        return [head, *body, logexports.trailer(len(indices), digest)]

    whole, chosen = made(range(SIZE), with_paths=False), made(CHOSEN, with_paths=True)
    return {"whole": whole, "chosen": chosen, "unproved": made(CHOSEN, with_paths=False)}


@pytest.fixture
def verified(tmp_path):
    """Verifies lines as a file."""

    def verify(lines, *, known=KEY, besides=()):
        path = tmp_path / "export.jsonl"
        path.write_bytes(b"".join(lines))
        trust = Trust([known.verifier])
        return exported.verify_export(ExportGround(path, trust, 4, lambda *_: None, besides))

    return verify


def entry(log, index):
    values = log.events[index].values
    sealed = (values["salt"], values["detail"])
    return Entry(index, log.events[index].event_id, values["body"], values["leaf_hash"], sealed=sealed)


def path(log, index, with_paths):
    return proofs.inclusion(log.folder, index, size=SIZE) if with_paths else None


def resealed(lines):
    """The same lines with a last one that fits: who changes an export would write it."""
    digest = hashlib.sha256(b"".join(lines[:-1])).hexdigest()
    return [*lines[:-1], logexports.trailer(len(lines) - 2, digest)]


def replaced(lines, number, old, new):
    assert old in lines[number]
    return [*lines[:number], lines[number].replace(old, new), *lines[number + 1 :]]


def codes(found):
    return {finding.code for finding in found.findings.kept}


def test_whole_log_is_sound_without_any_path(verified, lines):
    found = verified(lines["whole"])

    assert (found.verdict, found.findings.total) == (Verdict.SOUND, 0)
    assert (found.events, found.size, found.signed_size) == (SIZE, SIZE, SIZE)


def test_choice_is_sound_by_its_paths(verified, lines):
    found = verified(lines["chosen"])

    assert (found.verdict, found.findings.total) == (Verdict.SOUND, 0)
    assert (found.events, found.size) == (len(CHOSEN), SIZE)


def test_choice_without_paths_is_incomplete(verified, lines):
    found = verified(lines["unproved"])

    assert (found.verdict, codes(found)) == (Verdict.INCOMPLETE, {"event_unproved"})


def test_changed_event_of_a_choice_is_named(log, verified, lines):
    changed = resealed(replaced(lines["chosen"], 4, b'\\"kind\\":\\"user', b'\\"kind\\":\\"robo'))

    found = verified(changed)

    assert codes(found) == {"event_replaced"}
    assert found.findings.first.leaf_index == 300
    assert found.findings.first.event_id == log.events[300].event_id


def test_changed_event_of_a_whole_log_shows(verified, lines):
    changed = resealed(replaced(lines["whole"], 301, b'\\"kind\\":\\"user', b'\\"kind\\":\\"robo'))

    assert codes(verified(changed)) == {"checkpoint_differs"}


def test_changed_detail_is_named(verified, lines):
    found = verified(resealed(replaced(lines["chosen"], 4, b"192.0.2.7", b"192.0.2.8")))

    assert codes(found) == {"event_detail"}
    assert found.findings.first.leaf_index == 300


def test_export_without_its_last_line_is_incomplete(verified, lines):
    found = verified(lines["chosen"][:-1])

    assert (found.verdict, codes(found)) == (Verdict.INCOMPLETE, {"export_cut"})


@pytest.mark.parametrize(
    "change",
    [
        lambda lines: [*lines[:2], *lines[3:]],
        lambda lines: [*lines[:-1], lines[-1].replace(b'"sha256":"', b'"sha256":"0')],
        lambda lines: [*lines, b"{}\n"],
        lambda lines: [lines[0].replace(b'"newer":0', b'"newer":1'), *lines[1:]],
    ],
    ids=["line gone", "digest changed", "line after the end", "first line changed"],
)
def test_export_that_its_last_line_does_not_fit_is_changed(verified, lines, change):
    found = verified(change(lines["chosen"]))

    assert codes(found) == {"export_differs"}


def test_event_left_out_of_a_whole_log_shows_even_with_a_last_line_that_fits(verified, lines):
    left = [*lines["whole"][:100], *lines["whole"][101:]]

    found = verified(resealed(left))

    assert "order_differs" in codes(found)
    assert found.findings.first.leaf_index == 100


def test_events_in_another_order_are_named(verified, lines):
    head, first, second, *rest = lines["chosen"]

    found = verified(resealed([head, second, first, *rest]))

    assert codes(found) == {"order_differs"}


def test_line_that_nobody_can_read_is_named(verified, lines):
    head, _, *rest = lines["chosen"]

    found = verified(resealed([head, b'{"index":\n', *rest]))

    assert "line_unreadable" in codes(found)
    assert found.verdict is Verdict.CHANGED


def test_export_signed_by_another_key_is_named(verified, lines):
    found = verified(lines["chosen"], known=OTHER)

    assert (found.verdict, codes(found)) == (Verdict.CHANGED, {"checkpoint_unsigned"})


@pytest.mark.parametrize("first", [b"", b"index,event_id\r\n", b'{"format":"other"}\n', b"\xff\n"])
def test_other_file_cannot_be_read(verified, first):
    found = verified([first])

    assert (found.verdict, codes(found)) == (Verdict.UNREADABLE, {"export_unreadable"})


def stated(log, size, root=None):
    note = next(each.note for each in log.folder.history() if f"\n{size}\n" in each.note)
    checkpoint = checkpoints.read(signednotes.read(note).text)
    if root is not None:
        checkpoint = checkpoints.Checkpoint(checkpoint.origin, checkpoint.size, root)
    return Stated(checkpoint, "`old`")


def test_whole_log_continues_an_older_checkpoint(log, verified, lines):
    found = verified(lines["whole"], besides=[stated(log, 500)])

    assert (found.verdict, found.checkpoints) == (Verdict.SOUND, 2)


def test_whole_log_that_forked_from_an_older_checkpoint_is_named(log, verified, lines):
    found = verified(lines["whole"], besides=[stated(log, 500, root=b"\5" * 32)])

    assert codes(found) == {"checkpoint_differs"}


def test_choice_cannot_be_held_against_an_older_checkpoint(log, verified, lines):
    found = verified(lines["chosen"], besides=[stated(log, 500)])

    assert (found.verdict, codes(found)) == (Verdict.INCOMPLETE, {"since_not_covered"})


def test_proof_of_an_event_verifies_without_the_log(log):
    proof, body = str(proofs.prove(log.folder, 300)), log.events[300].values["body"]
    trust = Trust([KEY.verifier])

    good, bad = (offline.verify_proof(proof, each, trust) for each in (body, body + b" "))
    cut = offline.verify_proof(proof[:20], body, trust)

    assert (good.verdict, good.signed_size) == (Verdict.SOUND, SIZE)
    assert (bad.verdict, codes(bad)) == (Verdict.CHANGED, {"proof_refused"})
    assert (cut.verdict, codes(cut)) == (Verdict.UNREADABLE, {"proof_unreadable"})


@pytest.mark.parametrize("index", range(SIZE, SIZE + 9))
def test_first_look_compares_what_the_columns_copy(log, index):
    values = log.events[index].values
    unhex = {"event_id", "actor_id", "object_id", "writer"}
    names = ("event_id", "at", "lasting", "actor_id", "op", "outcome", "reason", "object_id", "n_objects")
    expected = [
        bytes.fromhex(values[name]) if name in unhex and values[name] else values[name]
        for name in (*names, "writer", "n")
    ]

    assert list(auditrows.copied(orjson.loads(values["body"]))) == expected
