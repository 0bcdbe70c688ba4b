"""The tree agrees with the definitions of RFC 9162, and with proofs that others made."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import tree
from dms.rules.tree import EMPTY_ROOT, Frontier, Range

VECTORS = Path(__file__).parents[3] / "shared" / "data" / "merkle"
FILES = sorted(VECTORS.rglob("*.json"))

LEAVES = [tree.leaf_hash(bytes([number])) for number in range(70)]


def naive_root(leaves):
    """The root as RFC 9162 defines it."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = naive_root(leaves[:split]), naive_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def hash_of(span):
    """The hash of a range, put together from perfect subtrees."""
    return tree.joined(
        [
            naive_root(LEAVES[node.number << node.level : (node.number + 1) << node.level])
            for node in tree.nodes(span)
        ]
    )


sizes = st.integers(1, len(LEAVES))


@given(st.integers(0, len(LEAVES)), st.integers(0, len(LEAVES)))
def test_frontier_tells_the_root_however_it_was_reached(first, second):
    begun = Frontier().extended(LEAVES[: min(first, second)])

    grown = begun.extended(LEAVES[min(first, second) : max(first, second)])

    assert grown == Frontier().extended(LEAVES[: max(first, second)])
    assert grown.root == naive_root(LEAVES[: max(first, second)])
    assert begun.size == min(first, second)


def test_empty_tree_has_the_root_of_nothing():
    assert Frontier().root == hashlib.sha256(b"").digest()


def test_frontier_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="^a frontier of size 3 has 2 hashes$"):
        Frontier(3, (LEAVES[0],))


@given(sizes, st.data())
def test_inclusion_is_proved_for_the_leaf_and_no_other(size, data):
    index = data.draw(st.integers(0, size - 1))
    root = naive_root(LEAVES[:size])

    proof = [hash_of(span) for span in tree.inclusion_path(index, size)]

    def proves(leaf=LEAVES[index], index=index, size=size, proof=proof, root=root):
        return tree.is_included(leaf, index=index, size=size, proof=proof, root=root)

    assert proves()
    assert not proves(leaf=tree.leaf_hash(b"other"))
    assert not proves(root=tree.leaf_hash(b"other"))
    assert not proves(proof=[*proof, LEAVES[0]])
    assert not any(proves(index=other) for other in range(-1, size + 1) if other != index)
    if proof:
        assert not proves(proof=proof[:-1])
        assert not proves(proof=proof[1:])


@given(sizes, sizes)
def test_consistency_is_proved_for_the_older_tree_and_no_other(first, second):
    old_size, size = sorted((first, second))
    old_root, root = naive_root(LEAVES[:old_size]), naive_root(LEAVES[:size])

    proof = [hash_of(span) for span in tree.consistency_path(old_size, size)]

    def proves(old_root=old_root, root=root, old_size=old_size, size=size, proof=proof):
        return tree.is_consistent(old_root, root, old_size=old_size, size=size, proof=proof)

    assert proves()
    assert not proves(old_root=tree.leaf_hash(b"other"))
    assert not proves(root=tree.leaf_hash(b"other"))
    assert not proves(proof=[*proof, LEAVES[0]])
    assert not proves(size=old_size - 1)
    if proof:
        assert not proves(proof=proof[:-1])
        assert not proves(proof=[])


def test_proofs_from_nothing_and_beyond_the_end_are_refused():
    assert not tree.is_consistent(EMPTY_ROOT, LEAVES[0], old_size=0, size=1, proof=[])
    for old_size, size in ((0, 1), (2, 1), (-1, 1)):
        with pytest.raises(ValueError, match="^no proof leads from a tree of"):
            tree.consistency_path(old_size, size)
    for index, size in ((0, 0), (1, 1), (-1, 1)):
        with pytest.raises(ValueError, match="^a tree of . leaves has no leaf"):
            tree.inclusion_path(index, size)


def test_seven_leaves_have_the_paths_of_the_rfc():
    """The example of RFC 9162 section 2.1.5."""
    assert tree.inclusion_path(0, 7) == [Range(1, 2), Range(2, 4), Range(4, 7)]
    assert tree.inclusion_path(6, 7) == [Range(4, 6), Range(0, 4)]
    assert tree.consistency_path(3, 7) == [Range(2, 3), Range(3, 4), Range(0, 2), Range(4, 7)]
    assert tree.consistency_path(4, 7) == [Range(4, 7)]
    assert tree.consistency_path(6, 7) == [Range(4, 6), Range(6, 7), Range(0, 4)]


@pytest.mark.skipif(not FILES, reason="the proofs of others lie in ../shared/data")
@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(VECTORS)))
def test_proof_that_others_made_is_judged_as_they_say(file):
    found = json.loads(file.read_text())
    proof = [base64.b64decode(each) for each in found["proof"] or ()]

    if "leafIdx" in found:
        leaf, root = (base64.b64decode(found[key] or "") for key in ("leafHash", "root"))
        good = tree.is_included(leaf, index=found["leafIdx"], size=found["treeSize"], proof=proof, root=root)
    else:
        old_root, root = (base64.b64decode(found[key] or "") for key in ("root1", "root2"))
        good = tree.is_consistent(old_root, root, old_size=found["size1"], size=found["size2"], proof=proof)

    assert good is not found["wantErr"]
