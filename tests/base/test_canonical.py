"""Canonical JSON: one value, one sequence of bytes."""

from __future__ import annotations

import hashlib
import json
from enum import IntEnum, StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.canonical import _written_slowly, canonical_bytes, digest, sha256

words = st.text(st.characters(codec="utf-8"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | words,
    lambda inner: st.lists(inner) | st.dictionaries(words, inner),
    max_leaves=20,
)


@given(values)
def test_canonical_bytes_read_back_as_the_value(value):
    assert json.loads(canonical_bytes(value)) == value


@given(st.dictionaries(words, values))
def test_order_of_insertion_leaves_no_trace(value):
    turned = dict(reversed(value.items()))

    assert canonical_bytes(turned) == canonical_bytes(value)


@given(values)
def test_bytes_of_what_was_read_back_are_the_same_bytes(value):
    once = canonical_bytes(value)

    assert canonical_bytes(json.loads(once)) == once


@given(values)
def test_both_writers_write_the_same_bytes(value):
    assert canonical_bytes(value) == _written_slowly(value)


def test_integers_of_more_than_64_bits_are_written_in_full():
    assert canonical_bytes([2**64, -(2**63) - 1]) == b"[18446744073709551616,-9223372036854775809]"


def test_keys_are_sorted_and_nothing_is_spaced_or_escaped():
    value = {"b": [1, None, True], "a": 'Straße "7"', "é": {}}

    assert canonical_bytes(value) == '{"a":"Straße \\"7\\"","b":[1,null,true],"é":{}}'.encode()


def test_tuples_and_lists_are_the_same_list():
    assert canonical_bytes((1, (2,))) == canonical_bytes([1, [2]])


def test_enums_are_written_as_their_values():
    class Size(IntEnum):
        BIG = 3

    class Word(StrEnum):
        YES = "yes"

    assert canonical_bytes([Size.BIG, Word.YES]) == b'[3,"yes"]'


@pytest.mark.parametrize("value", [1.0, float("nan"), b"x", {1: 2}, {"a": [object()]}, {1, 2}, [{"a": 0.5}]])
def test_what_two_writers_could_print_differently_is_refused(value):
    with pytest.raises(
        TypeError, match="^canonical JSON holds text, integers, booleans, null, lists and objects"
    ):
        canonical_bytes(value)


def test_digest_is_sha256_of_the_canonical_bytes_in_hexadecimal():
    value = {"b": 1, "a": 2}

    assert digest(value) == hashlib.sha256(b'{"a":2,"b":1}').hexdigest()
    assert sha256(b"").hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
