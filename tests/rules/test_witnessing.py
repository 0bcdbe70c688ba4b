"""What a witness reads, and when it agrees: only to what continues what it has seen."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import tree, witnessing
from dms.rules.checkpoints import Checkpoint
from dms.rules.witnessing import Addition, Verdict

LEAVES = [hashlib.sha256(bytes([number])).digest() for number in range(40)]
ORIGIN = "archive.example/log/1"


def root_of(first, end):
    return tree.Frontier().extended(LEAVES[first:end]).root


def checkpoint(size):
    return Checkpoint(ORIGIN, size, root_of(0, size))


def addition(old, size):
    proof = tuple(root_of(*span) for span in tree.consistency_path(old, size)) if old else ()
    return Addition(old, proof, "note")


@given(old=st.integers(0, 40), more=st.integers(0, 40))
def test_what_continues_is_cosigned_and_reads_back(old, more):
    size = min(old + more, 40)
    asked = addition(old, size)

    assert witnessing.read(str(asked)) == asked
    known = checkpoint(old) if old else None
    assert witnessing.judge(asked, checkpoint(size), known=known) is Verdict.COSIGNED


@given(old=st.integers(1, 39), claimed=st.integers(0, 40), size=st.integers(1, 40))
def test_another_size_than_the_witness_knows_is_told(old, claimed, size):
    asked = Addition(claimed, (), "note")
    expected = Verdict.MALFORMED if claimed > size else Verdict.OTHER_SIZE

    if claimed != old:
        assert witnessing.judge(asked, checkpoint(size), known=checkpoint(old)) is expected


def test_another_root_of_the_same_size_is_refused():
    forked = Checkpoint(ORIGIN, 7, LEAVES[0])

    assert witnessing.judge(Addition(7, (), "note"), forked, known=checkpoint(7)) is Verdict.OTHER_SIZE


@pytest.mark.parametrize("known", [None, checkpoint(7)])
def test_proof_that_does_not_lead_there_is_refused(known):
    asked = Addition(7 if known else 0, (LEAVES[3],), "note")

    assert witnessing.judge(asked, checkpoint(12), known=known) is Verdict.NOT_CONSISTENT


@pytest.mark.parametrize(
    "text",
    [
        "",
        "old 1\nnote",
        "old 01\n\nnote",
        "old -1\n\nnote",
        "old 1\nAAAA\n\nnote",
        "old 1\né\n\nnote",
        "size 1\n\nnote",
        "old 1\n" + "x\n" * 64 + "\nnote",
    ],
)
def test_other_text_is_no_request(text):
    with pytest.raises(ValueError, match="."):
        witnessing.read(text)
