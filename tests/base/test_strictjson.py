from __future__ import annotations

import pytest

from dms.base import strictjson
from dms.base.errors import ArgumentInvalid, Limit


def decode(body, *, max_depth=4, max_list=3, max_values=12):
    return strictjson.decode(body, max_depth=max_depth, max_list=max_list, max_values=max_values)


def test_a_plain_object_is_read():
    body = '{"a": [1, true, null], "b": {"c": "grün"}}'.encode()

    assert decode(body) == {"a": [1, True, None], "b": {"c": "grün"}}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"{",
        b'{"a": 1,}',
        b"{'a': 1}",
        b'{"a": 1} {"b": 2}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"[1e999]",
        b'["\\ud800"]',
        b'["\xed\xa0\x80"]',
        b'["\xff"]',
        b"\xef\xbb\xbf{}",
        b'"a\nb"',
        b"[01]",
        b"[" * 100_000,
        b"[" * 2_000 + b"]" * 2_000,
        b'{"a":' * 100_000,
    ],
)
def test_what_is_not_strict_json_is_refused_with_its_place(body):
    with pytest.raises(ArgumentInvalid, match=r"^the body is not valid JSON"):
        decode(body)


def test_the_refusal_never_repeats_the_body():
    with pytest.raises(ArgumentInvalid) as caught:
        decode(b'{"password": "hidden-canary" x}')

    assert caught.value.message == "the body is not valid JSON at line 1, column 30"


def test_nesting_is_allowed_up_to_its_limit_and_refused_above_it():
    assert decode(b"[[[[1]]]]") == [[[[1]]]]

    with pytest.raises(Limit) as caught:
        decode(b"[[[[[]]]]]")

    assert caught.value.message == "the body is nested more than 4 deep"


def test_a_list_is_allowed_up_to_its_limit_and_refused_above_it():
    assert decode(b"[1,2,3]") == [1, 2, 3]

    with pytest.raises(Limit) as caught:
        decode(b'{"ids": [1,2,3,4]}')

    assert caught.value.message == "the body holds a list of more than 3 items: send less at a time"


def test_the_number_of_values_is_bounded_whatever_their_shape():
    wide = b"{" + b",".join(b'"k%d":0' % n for n in range(11)) + b"}"
    wider = b"{" + b",".join(b'"k%d":0' % n for n in range(12)) + b"}"

    assert len(decode(wide)) == 11
    with pytest.raises(Limit) as caught:
        decode(wider)

    assert caught.value.message == "the body holds more than 12 values: send less at a time"


def test_a_whole_number_beyond_64_bits_is_no_whole_number():
    assert isinstance(decode(b"[18446744073709551616]")[0], float)
