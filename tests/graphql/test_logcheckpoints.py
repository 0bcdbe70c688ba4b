"""Proofs and checkpoints through the door: what an auditor hands to an outsider."""

from __future__ import annotations

import pytest

from dms.access.log import keys, sequencer
from dms.base.ids import Kind, global_id, new_id
from dms.rules import checkpoints, signednotes, tree
from tests.factories import actor
from tests.graphql.conftest import Probe
from tests.recorded import last_of
from tests.signing import signed

PROOF = """
query ($id: ID!) { accessEventProof(id: $id) {
  eventId state body leafHash leafIndex proof
  checkpoint { origin size root signedAt note signatures { name keyId isOwn cosignedAt } } } }
"""
CHECKPOINTS = """
query ($first: Int, $after: String, $last: Int, $before: String) {
  logCheckpoints(first: $first, after: $after, last: $last, before: $before) {
    totalCount totalIsExact pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    nodes { origin size root signedAt note } } }
"""
HEAD = "{ accessLogHead { sequenced signed waiting lagMs checkpoint { size } } }"


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer("proving-auditor", role="auditor", rank=200)


@pytest.fixture
def event(api, world):
    """An event of somebody that waits for its place."""
    return api.house.works.read(actor(world.user()), lambda work: work.notes.event_id)


def prove(api: Probe, event_id, auditor):
    reply = api.ask(PROOF, {"id": global_id(Kind.ACCESS_EVENT, event_id)}, as_user=auditor)
    return reply.data["accessEventProof"]


def test_event_is_proved_to_whoever_knows_the_key(api, auditor, event):
    signed(api.house)

    found = prove(api, event, auditor)

    proof = checkpoints.read_proof(found["proof"])
    note = signednotes.read(proof.checkpoint)
    checkpoint = checkpoints.read(note.text)
    leaf = tree.leaf_hash(found["body"].encode())
    [key] = api.house.log_place.known_keys()
    assert keys.is_signed(note, key)
    assert tree.is_included(
        leaf, index=proof.index, size=checkpoint.size, proof=proof.path, root=checkpoint.root
    )
    assert (found["state"], found["leafIndex"], found["leafHash"]) == ("PROVED", proof.index, leaf.hex())
    assert found["checkpoint"] == {
        "origin": checkpoint.origin,
        "size": checkpoint.size,
        "root": checkpoint.root.hex(),
        "signedAt": found["checkpoint"]["signedAt"],
        "note": proof.checkpoint,
        "signatures": [{"name": key.name, "keyId": key.id.hex(), "isOwn": True, "cosignedAt": None}],
    }
    assert found["checkpoint"]["signedAt"] is not None


def test_state_tells_how_far_an_event_has_come(api, auditor, event):
    signed(api.house)
    waiting = api.house.works.read(actor(auditor), lambda work: work.notes.event_id)

    first = prove(api, waiting, auditor)
    sequencer.drain(api.house.database)
    second = prove(api, waiting, auditor)

    assert (first["state"], first["leafIndex"], first["proof"], first["checkpoint"]) == (
        "NOT_SEQUENCED",
        None,
        None,
        None,
    )
    assert first["body"] == second["body"]
    assert (second["state"], second["proof"]) == ("NOT_SIGNED", None)
    assert second["leafIndex"] > 0


def test_proof_is_recorded_and_absent_events_are_null(api, auditor, event):
    prove(api, event, auditor)
    own = last_of(api.house, auditor)

    gone = [
        api.ask(PROOF, {"id": text}, as_user=auditor)
        for text in (global_id(Kind.ACCESS_EVENT, new_id()), "nonsense", global_id(Kind.DOCUMENT, event))
    ]

    assert own["op"] == "log.prove"
    assert [reply.data for reply in gone] == [{"accessEventProof": None}] * len(gone)


def test_damaged_tiles_are_told_as_unavailable(api, auditor, event):
    signed(api.house)
    folder = api.house.log_place.shard().root / "tile" / "0"
    kept = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    for file in kept:
        file.write_bytes(b"short")

    reply = api.ask(PROOF, {"id": global_id(Kind.ACCESS_EVENT, event)}, as_user=auditor)

    for file, content in kept.items():
        file.write_bytes(content)
    assert reply.codes == ["UNAVAILABLE"]


@pytest.mark.parametrize("backward", [False, True])
def test_checkpoints_are_listed_newest_first(api, world, auditor, backward):
    for _ in range(3):
        api.house.works.read(actor(auditor), lambda work: None)
        signed(api.house)
    expected = [each.note for each in api.house.log_place.shard().history(newest_first=True)]
    notes, cursor = [], None
    size, place = ("last", "before") if backward else ("first", "after")

    while True:
        found = api.ask(CHECKPOINTS, {size: 2, place: cursor}, as_user=auditor).data["logCheckpoints"]
        page = [line["note"] for line in found["nodes"]]
        notes = [*page, *notes] if backward else [*notes, *page]
        info = found["pageInfo"]
        if not info["hasPreviousPage" if backward else "hasNextPage"]:
            break
        cursor = info["startCursor" if backward else "endCursor"]

    assert notes == expected
    assert (found["totalCount"], found["totalIsExact"]) == (len(expected), True)


def test_head_tells_what_waits_and_how_long(api, auditor, event):
    signed(api.house)
    done = api.ask(HEAD, as_user=auditor).data["accessLogHead"]
    api.house.works.read(actor(auditor), lambda work: None)
    waiting = api.ask(HEAD, as_user=auditor).data["accessLogHead"]

    assert done["sequenced"] == done["signed"] == done["checkpoint"]["size"]
    assert (done["waiting"], done["lagMs"]) == (0, 0)
    assert (waiting["sequenced"], waiting["signed"], waiting["waiting"]) == (
        done["sequenced"],
        done["signed"],
        2,
    )
    assert waiting["lagMs"] >= 0


def test_log_that_was_never_signed_has_no_checkpoints(api, auditor, event, monkeypatch):
    monkeypatch.setattr(type(api.house.log_place), "shards", lambda self: [])

    head = api.ask(HEAD, as_user=auditor).data["accessLogHead"]
    found = api.ask(CHECKPOINTS, {"first": 5}, as_user=auditor).data["logCheckpoints"]

    assert (head["signed"], head["checkpoint"]) == (0, None)
    assert (found["nodes"], found["totalCount"]) == ([], 0)
    assert prove(api, event, auditor)["state"] in {"NOT_SEQUENCED", "NOT_SIGNED"}
