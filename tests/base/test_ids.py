"""Ids: sortable inside, opaque and unambiguous outside."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base import ids
from dms.base.ids import Kind, global_id, new_id, parse_global_id, parse_id_of

kinds = st.sampled_from(Kind)
A_UUID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def test_new_id_is_a_uuid_of_version_7_and_the_rfc_variant():
    made = new_id()

    assert made.version == 7
    assert made.variant == RFC_4122


def test_new_id_begins_with_the_millisecond_it_was_made():
    before = time.time_ns() // 1_000_000
    made = new_id()
    after = time.time_ns() // 1_000_000

    # A burst of ids may run ahead of the clock, so the upper bound has room.
    assert before <= made.int >> 80 <= after + 1_000


def test_ids_of_one_thread_sort_in_the_order_they_were_made():
    made = [new_id() for _ in range(10_000)]

    assert made == sorted(made)


def test_ids_of_many_threads_never_collide():
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [new_id() for _ in range(2_000)], range(8)))

    assert len({made for batch in batches for made in batch}) == 16_000


def test_more_ids_than_the_sequence_counts_in_a_millisecond_still_sort(monkeypatch):
    monkeypatch.setattr(ids, "_last_ms", ids._last_ms)  # restored afterwards
    monkeypatch.setattr(ids.time, "time_ns", lambda: 4_000_000_000_000_000_000)

    made = [new_id() for _ in range(10_000)]

    assert made == sorted(made)
    assert len(set(made)) == 10_000


@given(kinds, st.uuids())
def test_global_id_names_its_kind_and_thing_in_24_characters(kind, value):
    text = global_id(kind, value)

    assert len(text) == 24
    assert parse_global_id(text) == (kind, value)
    assert parse_id_of(kind, text) == value


def test_global_id_is_written_the_same_in_every_release():
    assert global_id(Kind.DOCUMENT, A_UUID) == "AAMBiQpdrJZ3S7zOswIJmoBX"


@given(st.text(max_size=30) | st.text(st.sampled_from("AB01+/-_="), min_size=24, max_size=24))
def test_text_is_an_id_only_if_we_would_write_it_so(text):
    parsed = parse_global_id(text)

    assert parsed is None or global_id(*parsed) == text


@pytest.mark.parametrize("text", ["AAMBiQpdrJZ3S7zOswIJm+++", "AAMBiQpdrJZ3S7zOswIJm///"])
def test_the_other_base64_alphabet_is_no_second_spelling_of_an_id(text):
    twin = text.replace("+", "-").replace("/", "_")

    assert parse_global_id(twin) is not None
    assert parse_global_id(text) is None


@pytest.mark.parametrize(
    "text",
    ["", "x", "A" * 23, "A" * 25, "AAMBiQpdrJZ3S7zOswIJmoB ", "AAMBiQpdrJZ3S7zOswIJmo==", "Ä" * 24],
)
def test_malformed_text_is_no_id(text):
    assert parse_global_id(text) is None


def test_an_unknown_kind_number_is_no_id():
    assert parse_global_id(global_id(Kind.DOCUMENT, A_UUID).replace("AAM", "___", 1)) is None


def test_an_id_of_another_kind_is_not_taken():
    assert parse_id_of(Kind.VERSION, global_id(Kind.DOCUMENT, A_UUID)) is None


def test_a_derived_id_is_the_same_of_the_same_and_of_version_eight():
    other = UUID(int=7)

    assert ids.derived_id(A_UUID, other) == ids.derived_id(A_UUID, other)
    assert len({ids.derived_id(A_UUID, other), ids.derived_id(other, A_UUID), ids.derived_id(A_UUID)}) == 3
    assert (ids.derived_id(A_UUID).version, ids.derived_id(A_UUID).variant) == (8, RFC_4122)


def test_random_bytes_are_as_many_as_asked_for_and_differ():
    assert len(ids.random_bytes(32)) == 32
    assert ids.random_bytes(32) != ids.random_bytes(32)
