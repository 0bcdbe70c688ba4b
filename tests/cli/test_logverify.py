"""`dms log verify` and `dms log proof` as an auditor runs them: with the installation, and far from it."""

from __future__ import annotations

import shutil

import orjson
import pytest

from dms.access.log import keys
from dms.rules import checkpoints, signednotes
from tests.cli.damages import Town, behind_the_back
from tests.logged import logged
from tests.signing import signed


@pytest.fixture
def town(fresh_settings, fresh_house):
    made = Town(fresh_settings, fresh_house)
    made.document(b"one", b"two")
    signed(fresh_house)
    return made


@pytest.fixture
def shard(town):
    """The folder with the files of the log."""
    return town.house.log_place.shard().root


@pytest.fixture
def key(town):
    """The public key of the log, as it is published."""
    (known,) = town.house.log_place.known_keys()
    return str(known)


def test_untouched_log_is_sound_and_the_command_is_recorded_with_what_it_found(dms, town):
    ran = dms("log", "verify")

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "sound")
    (event,) = [each for each in logged(town.house.database) if each.columns["op"] == "log.verify"]
    told = event.detail["verify"]
    assert (told["verdict"], told["findings"], told["first"]) == ("sound", 0, None)
    assert told["size"] == told["signed"] > 0


def test_json_tells_size_root_and_keys(dms, town, shard, key):
    last = checkpoints.read(signednotes.read((shard / "checkpoint").read_text()).text)

    found = dms("log", "verify", "--json").json()

    assert (found["verdict"], found["found"], found["keys"]) == ("sound", [], [key])
    assert (found["size"], found["signed"], found["root"]) == (last.size, last.size, last.root.hex())


def test_first_bad_event_is_named_with_exit_code_1(dms, town):
    event = town.event_of(town.world.compartment())
    size = signed(town.house)
    with behind_the_back(town.settings) as execute:
        execute("UPDATE access_event SET op = 'log.read' WHERE event_id = ?", town.key(event.id))

    ran, as_json = dms("log", "verify"), dms("log", "verify", "--json")

    assert (ran.code, as_json.code) == (1, 1)
    assert ran.out.splitlines()[-2:] == [f"first bad event: leaf {size - 1}, event {event.id}", "changed"]
    assert as_json.json()["first"]["event"] == str(event.id)


def test_records_without_their_event_are_named_too(dms, town):
    made = town.world.aggregation()
    signed(town.house)
    with behind_the_back(town.settings) as execute:
        execute("UPDATE aggregation SET created_at = created_at + 1 WHERE id = ?", town.key(made))

    ran = dms("log", "verify")

    assert ran.code == 1
    assert f"changed: made_without_event: aggregation:{made}: no event" in ran.out


def test_derived_tables_are_compared_where_that_is_asked_for(dms, town):
    sound = dms("log", "verify", "--derived", "--json").json()
    with behind_the_back(town.settings) as execute:
        execute("DELETE FROM access_seen WHERE leaf_index = 3")
        execute("UPDATE access_daily SET n_events = n_events + 1")

    quick, whole = dms("log", "verify"), dms("log", "verify", "--derived", "--json").json()

    assert (sound["verdict"], quick.code) == ("sound", 0)
    assert {each["code"] for each in whole["found"]} == {"postings_differ", "statistics_differ"}
    assert whole["first"]["leaf"] == 0


def test_events_that_no_checkpoint_covers_yet_are_told(dms, town):
    town.world.compartment()

    ran = dms("log", "verify")

    assert ran.code == 0
    assert "events wait for their place" in ran.out


def test_folder_needs_neither_database_nor_settings(dms_on, town, shard, key, tmp_path):
    shutil.copytree(shard, tmp_path / "copy")
    elsewhere = type(town.settings)(home=tmp_path / "nowhere")

    with dms_on(elsewhere) as dms:
        ran, unknown = (
            dms("log", "verify", str(tmp_path / "copy"), "--key", key),
            dms("log", "verify", str(tmp_path / "copy")),
        )

    assert (ran.code, ran.out.splitlines()[-1]) == (0, "sound")
    assert (unknown.code, unknown.err) == (3, "dms: no key of the log is known: give one with `--key`\n")
    assert not elsewhere.home.exists()


def test_folder_is_believed_by_the_keys_beside_it(dms, shard):
    assert dms("log", "verify", str(shard)).code == 0


def test_folder_under_another_key_is_refused(dms, shard):
    other = keys.made("archive.example/log/1").verifier

    ran = dms("log", "verify", str(shard), "--key", str(other))

    assert ran.code == 1
    assert "checkpoint_unsigned" in ran.out


def test_log_continues_a_checkpoint_that_somebody_kept(dms, town, shard, tmp_path):
    kept = tmp_path / "kept"
    shutil.copyfile(shard / "checkpoint", kept)
    town.world.compartment()
    signed(town.house)

    live, files = (
        dms("log", "verify", "--since", str(kept)),
        dms("log", "verify", str(shard), "--since", str(kept)),
    )

    assert (live.code, files.code) == (0, 0)


def test_restored_database_is_noticed_by_a_checkpoint_that_somebody_kept(dms, town, shard, key, tmp_path):
    older = tmp_path / "older"
    shutil.copytree(shard, older)
    town.world.compartment()
    signed(town.house)
    shutil.copyfile(shard / "checkpoint", tmp_path / "kept")

    ran = dms("log", "verify", str(older), "--since", str(tmp_path / "kept"), "--key", key)

    assert ran.code == 1
    assert "log_cut" in ran.out


def test_witness_that_saw_nothing_makes_it_incomplete(dms, shard):
    witness = keys.made("witness.example", keys.KeyKind.COSIGNATURE).verifier

    ran = dms("log", "verify", str(shard), "--witness", str(witness))

    assert ran.code == 2
    assert "incomplete: witness_missing: no checkpoint bears a signature of the witness" in ran.out


@pytest.mark.parametrize("arguments", [["--key", "x"], ["--proof", "pyproject.toml"], ["nowhere"]])
def test_wrong_usage_says_so(dms, arguments):
    ran = dms("log", "verify", *arguments)

    assert (ran.code, ran.err[:6]) == (2, "Usage:")


def test_folder_without_a_checkpoint_cannot_be_read(dms, key, tmp_path):
    ran = dms("log", "verify", str(tmp_path), "--key", key)

    assert ran.code == 3
    assert "unreadable: no_checkpoint" in ran.out


def test_proof_is_a_receipt_that_verifies_far_from_the_log(dms, dms_on, town, key, tmp_path):
    event = town.event_of(town.world.compartment())
    signed(town.house)
    proof, body = tmp_path / "event.tlog-proof", tmp_path / "event.json"
    made = dms("log", "proof", str(event.id), "-o", str(proof), "--body", str(body))

    with dms_on(type(town.settings)(home=tmp_path / "nowhere")) as far:
        asked = ["log", "verify", "--proof", str(proof), "--body", str(body), "--key", key]
        good = far(*asked)
        body.write_bytes(body.read_bytes().replace(b"committed", b"refused"))
        bad = far(*asked)

    assert (made.code, good.code, bad.code) == (0, 0, 1)
    assert body.read_bytes() == event.body.replace(b"committed", b"refused")
    assert "proof_refused" in bad.out
    (recorded,) = [each for each in logged(town.house.database) if each.columns["op"] == "log.prove"]
    assert recorded.detail["proved"] == {"event": event.id.hex, "body": True}


def test_event_that_nothing_covers_yet_has_no_proof(dms, town):
    event = town.event_of(town.world.compartment())

    ran, absent = dms("log", "proof", str(event.id)), dms("log", "proof", "x")

    assert (ran.code, absent.code) == (3, 1)
    assert ran.err == "dms: the event has no place in the log yet: run `dms log run` and `dms log sign`\n"
    assert absent.err == "dms: there is no event `x`\n"


def test_export_is_verified_by_itself(dms, tmp_path, key):
    export = tmp_path / "export.jsonl"
    export.write_bytes(orjson.dumps({"format": "other"}))

    ran = dms("log", "verify", str(export), "--key", key)

    assert ran.code == 3
    assert "is no export of the access log: its format is `other`" in ran.out
