"""Scalars and ids of the API."""

from datetime import date

import pytest

from dms.base.clock import Instant
from dms.base.ids import Kind, new_id
from dms.graphql.scalars import ABSENT, SCALARS, BigInt, Digest, Edtf, MediaType, asked_id, shown_id

SHA = "ab" * 32

GOOD = [
    (Instant, "1970-01-01T00:00:01Z", 1_000_000),
    (Instant, "1970-01-01T02:00:00.000005+02:00", 5),
    (date, "2031-05-04", date(2031, 5, 4)),
    (BigInt, 2**63 - 1, 2**63 - 1),
    (BigInt, "-9223372036854775808", -(2**63)),
    (Digest, SHA.upper(), SHA),
    (Edtf, "1890~/..", "1890~/.."),
    (MediaType, "Application/PDF", "application/pdf"),
]

BAD = [
    *(
        (Instant, value)
        for value in ("", "yesterday", "2031-05-04", "2031-05-04T10:00:00", 5, None, "9999-13-01T00:00:00Z")
    ),
    *((date, value) for value in ("2031-02-30", "20310504", "2031-W01-1", "2031-05-04T00:00:00Z", 5)),
    *((BigInt, value) for value in (1.0, "1.0", "", True, 2**63, "9" * 20, "٣", [1])),
    *((Digest, value) for value in ("", "ab", SHA + "00", "zz" * 32, 5)),
    *((Edtf, value) for value in (1890, None, True, ["1890"])),
    *((MediaType, value) for value in ("pdf", "application/", "text/html; charset=utf-8", "a b/c", 5)),
]


@pytest.mark.parametrize(("kind", "written", "read"), GOOD)
def test_scalar_reads_what_it_names(kind, written, read):
    assert SCALARS[kind].parse_value(written) == read


@pytest.mark.parametrize(("kind", "value"), BAD)
def test_scalar_refuses_anything_else_and_says_what_is_needed(kind, value):
    with pytest.raises(ValueError, match="needed"):
        SCALARS[kind].parse_value(value)


def test_instant_is_written_in_utc_with_its_offset():
    assert SCALARS[Instant].serialize(1_700_000_000_000_001) == "2023-11-14T22:13:20.000001Z"


@pytest.mark.parametrize("kind", SCALARS)
def test_scalar_is_specified_somewhere(kind):
    assert SCALARS[kind].specified_by_url.startswith("https://")
    assert SCALARS[kind].description


def test_scalars_pass_through_the_endpoint(probe):
    reply = probe.ask(
        "query ($at: DateTime!, $big: BigInt!, $sha: Digest!)"
        " { scalars(at: $at, big: $big, digest: $sha, small: 3) }",
        {"at": "1970-01-01T00:00:00.000007Z", "big": 2**40, "sha": SHA},
    )

    assert reply.data == {"scalars": f"7 {2**40} {SHA} 3"}


def test_id_reads_back_as_the_thing_it_was_written_for():
    value = new_id()

    assert asked_id(Kind.DOCUMENT, shown_id(Kind.DOCUMENT, value)) == value


@pytest.mark.parametrize("text", ["", "nonsense", "A" * 24, "ä" * 24])
def test_malformed_id_reads_as_absent(text):
    assert asked_id(Kind.DOCUMENT, text) == ABSENT


def test_id_of_another_kind_reads_as_absent():
    assert asked_id(Kind.DOCUMENT, shown_id(Kind.USER, new_id())) == ABSENT
