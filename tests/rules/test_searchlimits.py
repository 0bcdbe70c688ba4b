"""Limits of a search as they are typed."""

from __future__ import annotations

import pytest

from dms.rules.searchlimits import MediaKind, Span, media_kind, span


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("2019", Span("2019", "2019~")),
        ("2019-05", Span("2019-05", "2019-05~")),
        (" 2019-05-17 ", Span("2019-05-17", "2019-05-17~")),
        ("2019..2021", Span("2019", "2021~")),
        ("2019/2021-03", Span("2019", "2021-03~")),
        ("..1900", Span(None, "1900~")),
        ("1900..", Span("1900", None)),
        ("2019..2019-05", Span("2019", "2019-05~")),
        ("2021..2019", None),
        ("20192021", None),
        ("2019-13", None),
        ("2019-05-32", None),
        ("..", None),
        ("", None),
        ("soon", None),
        ("٢٠١٩", None),
    ],
)
def test_period_is_read_as(typed, expected):
    assert span(typed) == expected


def test_media_kind_is_whole_or_a_part():
    assert media_kind(" Application/PDF ") == MediaKind("application/pdf")
    assert media_kind("application/pdf").is_whole
    assert not media_kind("pdf").is_whole
    assert not media_kind("image/").is_whole
