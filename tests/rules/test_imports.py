"""What an import keeps of names and dates: nothing lost, nothing that deceives."""

from __future__ import annotations

import codecs
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.clock import DAY, Instant
from dms.rules import imports, text

PATHS = st.binary(min_size=1, max_size=60).filter(lambda path: b"\0" not in path)
NAMES = st.text(min_size=1, max_size=40).map(lambda name: name.encode("utf-8", "surrogatepass"))
FIRST = 315_532_800_000_000
NOW = Instant(1_790_000_000_000_000)


def read_back(shown: str) -> bytes:
    """The bytes that a shown path stands for."""
    parts = re.split(r"(\\\\|\\x[0-9a-f]{2}|\\u[0-9a-f]{4})", shown)
    return b"".join(one_back(part) for part in parts)


def one_back(part: str) -> bytes:
    if part.startswith("\\x"):
        return bytes.fromhex(part[2:])
    if part.startswith("\\u"):
        return codecs.decode(part, "unicode_escape").encode()
    return b"\\" if part == "\\\\" else part.encode()


@given(PATHS | NAMES)
def test_shown_path_can_be_read_back_to_the_byte(path):
    assert read_back(imports.shown(path)) == path


@given(PATHS | NAMES)
def test_shown_path_controls_nothing_and_keeps_its_ends(path):
    shown = imports.shown(path)

    assert [char for char in shown if text.is_control(char)] == []
    assert text.line(shown, ("path",), limit=10_000) == unicodedata.normalize("NFC", shown)


@given(PATHS | NAMES)
def test_title_and_file_name_can_always_be_kept(path):
    title, name = imports.title(path), imports.file_name(path)

    assert text.line(title, ("title",)) == unicodedata.normalize("NFC", title)
    assert text.file_name(name) == name


@pytest.mark.parametrize(
    ("path", "shown", "title", "name"),
    [
        (b"/", "/", "unnamed", "unnamed"),
        (b"a/Letter of May.pdf", "a/Letter of May.pdf", "Letter of May", "Letter of May.pdf"),
        (b"README", "README", "README", "README"),
        (b".profile", ".profile", "profile", "profile"),
        (b"Draft 1.2", "Draft 1.2", "Draft 1.2", "Draft 1.2"),
        (b"To Mr. Smith", "To Mr. Smith", "To Mr. Smith", "To Mr. Smith"),
        (b"archive.tar.gz", "archive.tar.gz", "archive.tar", "archive.tar.gz"),
        (b"R\xe9sum\xe9.doc", r"R\xe9sum\xe9.doc", "R\ufffdsum\ufffd", "R\ufffdsum\ufffd.doc"),
        ("gpj.\u202etxt.exe".encode(), r"gpj.\u202etxt.exe", "gpj.txt", "gpj.txt.exe"),
        (b"two\nlines.txt", r"two\u000alines.txt", "twolines", "twolines.txt"),
        (rb"..\..\etc\passwd", r"..\\..\\etc\\passwd", "passwd", "passwd"),
        (b"x/...", "x/...", "...", "unnamed"),
        ("\u202e\u202e".encode(), r"\u202e\u202e", r"\u202e\u202e", "unnamed"),
        (b" blank ", r"\u0020blank\u0020", "blank", "blank"),
        (b" .txt", r"\u0020.txt", "txt", "txt"),
        ("a\u2028b.md".encode(), r"a\u2028b.md", "a\u2028b", "a\u2028b.md"),
        (b"n" * 300 + b".txt", "n" * 300 + ".txt", "n" * 251, "n" * 251 + ".txt"),
    ],
)
def test_names_are_cleaned_for_show_and_kept_for_proof(path, shown, title, name):
    assert (imports.shown(path), imports.title(path), imports.file_name(path)) == (shown, title, name)


@pytest.mark.parametrize(
    ("modified_at", "expected"),
    [
        (NOW, "2026-09-21"),
        (NOW + 1, None),
        (FIRST, "1980-01-01"),
        (FIRST - 1, None),
        (0, None),
        (-(10**30), None),
        (10**30, None),
    ],
)
def test_implausible_dates_are_no_dates(modified_at, expected):
    assert imports.dates(modified_at, now=NOW) == expected


@given(st.integers(min_value=FIRST, max_value=NOW))
def test_plausible_date_is_the_day_in_utc(modified_at):
    assert imports.dates(modified_at, now=NOW) == imports.dates(modified_at // DAY * DAY, now=NOW)


@given(st.integers(min_value=imports.LEAST, max_value=imports.MOST), st.floats(min_value=0, max_value=100))
def test_slow_transactions_shrink_fast_ones_grow_within_bounds(size, took_s):
    following = imports.next_size(size, took_s=took_s)

    assert imports.LEAST <= following <= imports.MOST
    if took_s > imports.LONG_S:
        assert following == max(imports.LEAST, size // 2)
    elif took_s < imports.SHORT_S:
        assert following == min(imports.MOST, size * 2)
    else:
        assert following == size
