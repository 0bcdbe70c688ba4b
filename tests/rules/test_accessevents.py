"""The body of an access event: its bytes, the columns that copy it, and how much one part takes."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.canonical import canonical_bytes
from dms.rules import accessevents as rules
from dms.rules import eventparts, eventseals
from dms.rules.accessevents import (
    MAX_BODY_BYTES,
    MAX_OBJECTS,
    Change,
    Disclosure,
    Head,
    Op,
    Outcome,
    Place,
    Refusal,
    Release,
    Share,
)

DETAIL = "0" * 64

HEAD = Head(
    at=1_900_000_000_000_000,
    writer=UUID(int=1),
    request="request-1",
    actor_id=UUID(int=2),
    actor_kind="user",
    session=UUID(int=3),
    roles=["reader", "auditor"],
    clearance="100",
    ops=["document.list", "viewer.read"],
    text_sha256="ab" * 32,
    outcome=Outcome.RELEASED,
    reason=None,
    policy_revision=7,
    policy_files="cd" * 32,
    withheld=0,
    bytes_sent=None,
    aggregates=1,
)

PLACE = Place(UUID(int=4), n=9)

numbers = st.integers(0, 2**31)
words = st.text(st.characters(codec="utf-8"), max_size=40)
releases = st.builds(
    Release,
    st.uuids(),
    numbers,
    st.sampled_from(Disclosure),
    st.none() | st.integers(1, 2**31),
    st.none() | st.uuids(),
)
changes = st.builds(Change, st.uuids(), st.none() | numbers, st.none() | numbers, st.just("ef" * 32))
refusals = st.builds(Refusal, st.none() | st.uuids(), words, words, st.booleans())
wholes = st.builds(
    Share,
    st.lists(releases, max_size=5),
    st.lists(changes, max_size=5),
    st.lists(refusals, max_size=5),
    st.lists(words, max_size=5),
)


def many(count: int, **values) -> list[Release]:
    chosen = {"revision": 1, "disclosure": Disclosure.METADATA, "security_id": 1, **values}
    return [Release(UUID(int=number), **chosen) for number in range(count)]


def written(head: Head, share: Share) -> bytes:
    return rules.body(rules.fields(head, share, place=PLACE, detail_sha256=DETAIL))


def joined(parts: list[Share]) -> Share:
    kinds = ("released", "changed", "refused", "deciding")
    return Share(**{kind: [item for part in parts for item in getattr(part, kind)] for kind in kinds})


@given(wholes)
def test_columns_made_before_writing_are_those_read_from_the_body(whole):
    found = rules.fields(HEAD, whole, place=PLACE, detail_sha256=DETAIL)

    assert rules.columns(found) == rules.columns(json.loads(rules.body(found)))


@given(wholes)
def test_body_is_canonical_although_nobody_checks_it(whole):
    found = rules.fields(HEAD, whole, place=PLACE, detail_sha256=DETAIL)

    assert rules.body(found) == canonical_bytes(found)


@given(wholes)
def test_what_is_read_back_is_what_was_written(whole):
    body = rules.read(json.loads(written(HEAD, whole)))
    share = body.share

    assert (body.head, body.place) == (replace(HEAD, roles=sorted(HEAD.roles)), PLACE)
    assert replace(share, released=[]) == replace(whole, released=[])
    assert sorted(share.released, key=repr) == sorted(whole.released, key=repr)


@given(wholes)
def test_body_of_the_first_format_is_read_without_classes(whole):
    found = json.loads(written(HEAD, whole))
    del found["classes"]
    for by_mark in found["released"].values():
        for lines in by_mark.values():
            lines[:] = [line[:2] for line in lines]

    share = rules.read({**found, "v": 1}).share

    expected = [item._replace(class_id=None) for item in whole.released]
    assert sorted(share.released, key=repr) == sorted(expected, key=repr)


@given(wholes)
def test_body_names_exactly_what_was_released_changed_or_refused(whole):
    found = json.loads(written(HEAD, whole))
    named = {item.object_id for item in (*whole.released, *whole.changed, *whole.refused)} - {None}

    assert all(rules.names(found, object_id.hex) for object_id in named)
    assert not rules.names(found, UUID(int=2).hex)


@given(wholes)
def test_small_operation_is_one_part(whole):
    assert eventparts.shares(HEAD, whole) == [whole]


@given(
    st.integers(0, 6_000), st.integers(0, 900), st.integers(0, 700), st.integers(0, 900), st.integers(0, 3)
)
def test_parts_keep_everything_in_order_and_each_fits_a_body(released, changed, refused, deciding, wide):
    revision = 10 ** (3 * wide)
    whole = Share(
        [
            item._replace(security_id=item.object_id.int % 50, class_id=UUID(int=item.object_id.int % 70))
            for item in many(released, revision=revision)
        ],
        [Change(UUID(int=n), revision, revision, "ef" * 32) for n in range(changed)],
        [Refusal(UUID(int=n), "READ_METADATA", "é" * 10, exists=True) for n in range(refused)],
        [UUID(int=n).hex for n in range(deciding)],
    )

    parts = eventparts.shares(HEAD, whole)

    assert joined(parts) == Share(
        *(list(items) for items in (whole.released, whole.changed)), whole.refused, whole.deciding
    )
    assert all(len(part.released) <= MAX_OBJECTS for part in parts)
    assert all(len(written(HEAD, part)) <= MAX_BODY_BYTES for part in parts)


@pytest.mark.parametrize(
    ("count", "parts"), [(0, 1), (1_499, 1), (1_500, 1), (1_501, 2), (3_000, 2), (3_001, 3)]
)
def test_part_holds_fifteen_hundred_objects(count, parts):
    assert len(eventparts.shares(HEAD, Share(released=many(count)))) == parts


def test_more_than_a_body_takes_is_refused_rather_than_cut():
    crowded = replace(HEAD, roles=["r" * 100] * 700)

    parts = eventparts.shares(crowded, Share(released=many(1_000)))

    assert len(joined(parts).released) == 1_000
    with pytest.raises(ValueError, match="^the body of an access event would have [0-9]{5} bytes$"):
        written(crowded, parts[-1])


@pytest.mark.parametrize(
    ("whole", "first"),
    [
        (Share(), None),
        (Share(refused=[Refusal(None, "a", "b", exists=False)]), None),
        (Share(refused=[Refusal(UUID(int=5), "a", "b", exists=True)]), UUID(int=5).hex),
        (Share(many(2), refused=[Refusal(UUID(int=5), "a", "b", exists=True)]), UUID(int=0).hex),
        (Share(many(2), [Change(UUID(int=6), 1, 2, "ef" * 32)]), UUID(int=6).hex),
    ],
)
def test_event_is_found_by_what_it_changed_else_released_else_refused(whole, first):
    found = rules.fields(HEAD, whole, place=PLACE, detail_sha256=DETAIL)

    assert rules.columns(found)["object_id"] == first


@pytest.mark.parametrize("outcome", Outcome)
def test_only_changes_last(outcome):
    found = rules.fields(replace(HEAD, outcome=outcome), Share(), place=PLACE, detail_sha256=DETAIL)

    assert rules.columns(found)["lasting"] is (outcome is Outcome.COMMITTED)


def test_leaf_hash_is_that_of_a_merkle_tree_leaf():
    assert eventseals.leaf_hash(b"body") == hashlib.sha256(b"\x00body").hexdigest()
    # RFC 6962: the leaf hash of the empty entry.
    assert eventseals.leaf_hash(b"") == "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"


def test_detail_is_bound_by_salt_and_bytes():
    assert eventseals.seal_detail(b"salt", b"detail") == hashlib.sha256(b"saltdetail").hexdigest()


def test_every_op_is_a_noun_and_a_verb():
    assert [op for op in Op if op.value.count(".") != 1 or op.value != op.value.lower()] == []
