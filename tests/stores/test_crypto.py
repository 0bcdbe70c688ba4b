"""Sealed bytes: whatever is done to them is found, and any range of them opens alone."""

from __future__ import annotations

import random
import struct
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from dms.stores.crypto import (
    HEADER_BYTES,
    SEALED_SEGMENT_BYTES,
    SEGMENT_BYTES,
    Opener,
    SealBroken,
    Sealer,
    new_content_key,
    sealed_size,
)

KEY = bytes(range(32))
BLOB = UUID("01890000-0000-7000-8000-000000000001")
OTHER = UUID("01890000-0000-7000-8000-000000000002")
NOISE = random.Random(7).randbytes(4 * SEGMENT_BYTES)

borders = [n * SEGMENT_BYTES + d for n in range(4) for d in (-1, 0, 1) if n or d >= 0]
sizes = st.one_of(st.sampled_from(borders), st.integers(0, 4 * SEGMENT_BYTES))


def seal(plain, *, key=KEY, blob_id=BLOB, pieces=()):
    sealer = Sealer(key, blob_id=blob_id)
    stored = b""
    for size in pieces:
        stored += sealer.seal(plain[:size])
        plain = plain[size:]
    return stored + sealer.seal(plain) + sealer.finish()


def open_all(stored, *, key=KEY, blob_id=BLOB):
    opener = Opener(key, blob_id=blob_id, header=stored[:HEADER_BYTES], stored_bytes=len(stored))
    return opener.open(0, stored[HEADER_BYTES:])


def segments(stored):
    body = stored[HEADER_BYTES:]
    return [body[at : at + SEALED_SEGMENT_BYTES] for at in range(0, len(body), SEALED_SEGMENT_BYTES)]


@given(sizes, st.lists(st.integers(0, 2 * SEGMENT_BYTES), max_size=6))
def test_content_comes_back_however_it_was_cut(size, pieces):
    stored = seal(NOISE[:size], pieces=pieces)

    assert len(stored) == sealed_size(size)
    assert open_all(stored) == NOISE[:size]


@given(sizes, st.data())
def test_range_equals_slice_and_takes_only_its_segments(size, data):
    stored = seal(NOISE[:size])
    start = data.draw(st.integers(0, size))
    length = data.draw(st.integers(0, size - start))
    opener = Opener(KEY, blob_id=BLOB, header=stored[:HEADER_BYTES], stored_bytes=len(stored))

    span = opener.span(start, length)
    plain = opener.open(span.first, stored[span.start : span.start + span.length])

    skip = start - span.first * SEGMENT_BYTES
    assert plain[skip : skip + length] == NOISE[start : start + length]
    assert len(plain) <= length + 2 * SEGMENT_BYTES


@given(sizes, st.data())
def test_cut_off_end_is_found(size, data):
    stored = seal(NOISE[:size])
    left = data.draw(st.one_of(st.integers(0, len(stored) - 1), st.just(len(stored) - SEALED_SEGMENT_BYTES)))

    with pytest.raises(SealBroken):
        open_all(stored[: max(0, left)])


@given(sizes, st.binary(min_size=1, max_size=SEALED_SEGMENT_BYTES + 1))
def test_added_bytes_are_found(size, more):
    stored = seal(NOISE[:size])

    with pytest.raises(SealBroken):
        open_all(stored + more)


@given(sizes, st.data())
def test_flipped_bit_is_found(size, data):
    stored = bytearray(seal(NOISE[:size]))
    at = data.draw(st.integers(0, len(stored) - 1))
    stored[at] ^= 1 << data.draw(st.integers(0, 7))

    with pytest.raises(SealBroken):
        open_all(bytes(stored))


@given(st.integers(2 * SEGMENT_BYTES, 4 * SEGMENT_BYTES), st.data())
def test_swapped_segments_are_found(size, data):
    stored = seal(NOISE[:size])
    parts = segments(stored)
    full = [n for n, part in enumerate(parts) if len(part) == SEALED_SEGMENT_BYTES]
    one, two = data.draw(st.lists(st.sampled_from(full), min_size=2, max_size=2, unique=True))
    parts[one], parts[two] = parts[two], parts[one]

    with pytest.raises(SealBroken):
        open_all(stored[:HEADER_BYTES] + b"".join(parts))


@given(st.integers(2 * SEGMENT_BYTES + 1, 4 * SEGMENT_BYTES), st.data())
def test_removed_segment_is_found(size, data):
    stored = seal(NOISE[:size])
    parts = segments(stored)
    del parts[data.draw(st.integers(0, len(parts) - 1))]

    with pytest.raises(SealBroken):
        open_all(stored[:HEADER_BYTES] + b"".join(parts))


@given(sizes, st.data())
def test_segment_of_another_sealing_is_found_even_under_the_same_key(size, data):
    stored = seal(NOISE[:size])
    parts, foreign = segments(stored), segments(seal(NOISE[:size]))
    at = data.draw(st.integers(0, len(parts) - 1))
    parts[at] = foreign[at]

    with pytest.raises(SealBroken):
        open_all(stored[:HEADER_BYTES] + b"".join(parts))


@given(sizes)
def test_bytes_of_another_blob_or_key_are_found(size):
    stored = seal(NOISE[:size])

    with pytest.raises(SealBroken, match="belongs to another Blob"):
        open_all(stored, blob_id=OTHER)
    with pytest.raises(SealBroken, match="does not match its key"):
        open_all(stored, key=new_content_key())


def test_renamed_owner_in_the_header_is_found():
    stored = seal(b"minutes of the council")
    forged = stored[:16] + OTHER.bytes + stored[32:]

    with pytest.raises(SealBroken, match="does not match its key"):
        open_all(forged, blob_id=OTHER)


def test_same_content_is_sealed_differently_each_time():
    first, second = seal(NOISE), seal(NOISE)

    assert not set(segments(first)) & set(segments(second))


def test_empty_content_is_one_empty_segment():
    stored = seal(b"")

    assert len(stored) == sealed_size(0) == 48
    assert open_all(stored) == b""


def test_range_outside_the_content_is_refused():
    stored = seal(b"0123456789")
    opener = Opener(KEY, blob_id=BLOB, header=stored[:HEADER_BYTES], stored_bytes=len(stored))

    for start, length in ((-1, 2), (0, 11), (11, 0), (5, -1)):
        with pytest.raises(ValueError, match="are not within 10"):
            opener.span(start, length)


def test_file_and_key_alone_can_be_read_without_our_code():
    stored = seal(NOISE[: SEGMENT_BYTES + 5])

    magic, form, segment, prefix, blob = struct.unpack(">4sBI7s16s", stored[:32])
    cipher = AESGCM(KEY)
    first = cipher.decrypt(prefix + b"\0\0\0\0" + b"\0", stored[32 : 32 + 65_552], stored[:32])
    last = cipher.decrypt(prefix + b"\0\0\0\1" + b"\1", stored[32 + 65_552 :], stored[:32])

    assert (magic, form, segment, blob) == (b"dmsB", 1, 65_536, BLOB.bytes)
    assert first + last == NOISE[: SEGMENT_BYTES + 5]


def test_plain_text_is_not_in_the_stored_bytes():
    canary = b"the mayor's secret"

    assert canary not in seal(canary * 10_000)
