"""Signed notes and checkpoints are read as C2SP writes them, and nothing else is."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import checkpoints, signednotes
from dms.rules.checkpoints import Checkpoint, EventProof
from dms.rules.signednotes import KeyKind, Note, Signature, VerifierKey

# The example in the documentation of Go's package for signed notes.
KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
HASH = bytes(range(32))


def test_key_of_the_example_is_read_and_written_alike():
    key = signednotes.read_key(KEY)

    assert (key.name, key.kind, key.id.hex()) == ("PeterNeumann", KeyKind.ED25519, "c74f20a3")
    assert str(key) == KEY


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("", "written `name"),
        ("name+00000000", "written `name"),
        ("name+00000000+", "kind"),
        ("name+00000000+Bw==", "kind"),
        ("name+00000000+" + base64.b64encode(b"\x01" + HASH).decode(), "id of the verifier key"),
        ("name+00000000+" + base64.b64encode(b"\x01" + HASH[1:]).decode(), "32 bytes"),
        ("a name+00000000+" + base64.b64encode(b"\x01" + HASH).decode(), "no spaces"),
    ],
)
def test_key_that_is_none_is_refused_and_said_why(text, wrong):
    with pytest.raises(ValueError, match=wrong):
        signednotes.read_key(text)


names = st.from_regex(r"[a-z0-9./-]{1,20}", fullmatch=True)
signatures = st.lists(
    st.builds(Signature, names, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80)),
    min_size=1,
    max_size=5,
)
lines = st.lists(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=20), min_size=1, max_size=5)


@given(lines, signatures)
def test_note_is_read_as_it_was_written(text, signed):
    note = Note("".join(f"{line}\n" for line in text), tuple(signed))

    assert signednotes.read(str(note)) == note


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("text\n", "an empty line, and signatures"),
        ("text\n\n", "an empty line, and signatures"),
        ("text\n\n\N{EM DASH} name AAAAAAA=", "an empty line, and signatures"),
        ("text\n\n- name AAAAAAA=\n", "a signature is written"),
        ("text\n\n\N{EM DASH} name AAAA\n", "a signature is written"),
        ("text\n\n\N{EM DASH} name AAAA*AAA\n", "a signature is written"),
        ("te\txt\n\n\N{EM DASH} name AAAAAAA=\n", "no control characters"),
        ("text\n\n" + "\N{EM DASH} name AAAAAAA=\n" * 101, "at most 100 signatures"),
        ("t" * 1_000_001, "at most 1,000,000 bytes"),
    ],
)
def test_note_that_is_none_is_refused_and_said_why(text, wrong):
    with pytest.raises(ValueError, match=wrong):
        signednotes.read(text)


def test_signatures_are_found_by_name_and_key_and_not_by_either_alone():
    key = VerifierKey("log", KeyKind.ED25519, HASH)
    note = Note(
        "text\n",
        (
            Signature("log", b"\0\0\0\0", b"other key"),
            Signature("other", key.id, b"other name"),
            Signature("log", key.id, b"mine"),
        ),
    )

    assert note.by(key) == (b"mine",)


@given(
    st.from_regex(r"[a-z./]{1,30}", fullmatch=True),
    st.integers(0, 2**60),
    st.binary(min_size=32, max_size=32),
)
def test_checkpoint_is_read_as_it_was_written(origin, size, root):
    found = Checkpoint(origin, size, root)

    assert checkpoints.read(str(found)) == found


GOOD = str(Checkpoint("log", 7, HASH))


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (GOOD[:-1], "three lines"),
        (GOOD + "more\n", "three lines"),
        (GOOD[3:], "three lines"),
        (GOOD.replace("\n7\n", "\n07\n"), "decimal number"),
        (GOOD.replace("\n7\n", "\n-7\n"), "decimal number"),
        (GOOD.replace("\n7\n", "\n\n"), "decimal number"),
        (GOOD.replace("AAEC", "AAE"), "32 bytes in base64"),
        (GOOD.replace("AAEC", "\N{CIRCLED DIGIT ONE}AEC"), "32 bytes in base64"),
    ],
)
def test_checkpoint_that_is_none_is_refused_and_said_why(text, wrong):
    with pytest.raises(ValueError, match=wrong):
        checkpoints.read(text)


@given(st.integers(0, 2**60), st.lists(st.binary(min_size=32, max_size=32), max_size=8))
def test_proof_is_read_as_it_was_written(index, path):
    proof = EventProof(index, tuple(path), "log\n1\nroot\n\n\N{EM DASH} log AAAAAAA=\n")

    assert checkpoints.read_proof(str(proof)) == proof


@pytest.mark.parametrize("text", ["", "c2sp.org/tlog-proof@v1\n\n", "other\nindex 1\n\nlog\n"])
def test_proof_that_is_none_is_refused(text):
    with pytest.raises(ValueError, match="^a proof begins with"):
        checkpoints.read_proof(text)


def test_cosignature_holds_its_instant():
    raw = checkpoints.cosignature(1_700_000_000, b"signature")

    assert checkpoints.read_cosignature(raw) == (1_700_000_000, b"signature")
    assert checkpoints.cosigned("log\n", 5) == b"cosignature/v1\ntime 5\nlog\n"
    with pytest.raises(ValueError, match="^a cosignature is"):
        checkpoints.read_cosignature(raw[:8])
