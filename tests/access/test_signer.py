"""The signer writes tiles that hold the whole log, and signs nothing that does not continue them."""

from __future__ import annotations

import pytest

from dms.access import gate
from dms.access.log import keys, sequencer, signer
from dms.access.log.tilestore import TileFolder
from dms.models.documents import Document
from dms.rules import checkpoints, signednotes, tiles, tree
from dms.rules.access import Action
from dms.rules.signednotes import KeyKind, Note
from tests.factories import World, actor

# The example in the documentation of Go's package for signed notes.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "\N{EM DASH} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1"
    "FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)

KEYS = [keys.made("archive.example/log/1")]


@pytest.fixture
def place(fresh_house, tmp_path):
    world = World(fresh_house)
    folder = TileFolder(tmp_path / "log")
    signer.begin(folder, KEYS)
    return fresh_house, world.user(), folder


def read_much(house, user, count):
    for _ in range(count):
        house.works.read(actor(user), lambda work: gate.visible(work, Document, Action.DISCOVER).count())


def sequence(house):
    sequencer.drain(house.database)


def signed(folder):
    note = signednotes.read(folder.checkpoint())
    assert keys.is_signed(note, KEYS[0].verifier)
    return checkpoints.read(note.text)


def test_signature_of_the_example_is_verified_and_a_changed_text_is_not():
    key, note = signednotes.read_key(KEY), signednotes.read(NOTE)

    assert keys.is_signed(note, key)
    assert not keys.is_signed(Note(note.text.replace("answer", "question"), note.signatures), key)


def test_witness_signs_the_instant_too():
    witness = keys.made("witness.example", KeyKind.COSIGNATURE)
    note = Note("text\n", (witness.sign("text\n", at_s=1_700_000_000),))

    assert keys.is_signed(note, witness.verifier)
    assert not keys.is_signed(Note("other\n", note.signatures), witness.verifier)


def test_checkpoint_is_the_tree_over_the_bodies_however_often_it_was_signed(place):
    house, user, folder = place

    for count in (3, 300, 1):
        read_much(house, user, count)
        sequence(house)
        while signer.sign(house.database, folder, KEYS, limit=100):
            pass

    found = signed(folder)
    reached = sequencer.reached(house.database)
    assert (found.size, found.root) == (reached.size, reached.root)
    assert found.size > 300
    bodies = [body for tile in tiles.of(found.size) if tile.level == 0 for body in folder.bodies(tile)]
    frontier = tree.Frontier().extended(map(tree.leaf_hash, bodies))
    assert frontier.root == found.root
    path = [
        tiles.subtree_hash(span, size=found.size, read=folder.hashes)
        for span in tree.inclusion_path(7, found.size)
    ]
    leaf = tree.leaf_hash(bodies[7])
    assert tree.is_included(leaf, index=7, size=found.size, proof=path, root=found.root)
