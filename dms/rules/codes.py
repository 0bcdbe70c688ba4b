"""Reference codes and the keys by which codes and titles are sorted and found."""

from __future__ import annotations

import re
import unicodedata

from dms.base.errors import Invalid
from dms.rules import text

MAX_KEY_BYTES = 2_000
"""Longest sort key in UTF-8: one entry of a PostgreSQL index holds about 2,700 bytes."""

_SEPARATOR = "/"
_BELOW = "\x01"  # sorts before every character of a code, so what lies below a code follows it at once
_NUMBER = re.compile(r"[0-9]+")
_LONGEST_NUMBER = 99
_NUMBER_AT_START = re.compile(r"[0-9]{2}([0-9]+)")


def fold(typed: str) -> str:
    """Return text without case, accents and double spaces: what sorting and finding compare."""
    plain = text.without_heaps(typed)
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", plain).casefold())
    bare = "".join(char for char in decomposed if unicodedata.category(char) != "Mn")
    return " ".join(bare.split())


def title_key(title: str) -> str:
    """Return the sort key of a title; what it cannot hold of a very long one is not searched."""
    return fold(title).encode()[:MAX_KEY_BYTES].decode(errors="ignore")


def code_key(reference_code: str) -> str:
    """Return the natural sort key of a reference code: `F1/S2` comes before `F1/S10`.

    A code follows the one it lies below, and its key begins with that one's key.
    """
    return _NUMBER.sub(_numbered, fold(reference_code)).replace(_SEPARATOR, _BELOW)


def numbers_below(parent_code: str | None) -> tuple[str, str]:
    """Return the half-open range of keys of the codes that go on after the parent with a digit."""
    below = "" if parent_code is None else code_key(parent_code) + _BELOW
    return below + "0", below + ":"


def number_below(parent_code: str | None, key: str) -> int:
    """Return the number with which a key of `numbers_below` goes on after the parent."""
    start, _ = numbers_below(parent_code)
    found = _NUMBER_AT_START.match(key, len(start) - 1)
    return int(found[1]) if found else 0


def made_below(parent_code: str | None, number: int) -> str:
    """Return the code that the server makes: the parent's, `/`, and a number."""
    made = str(number) if parent_code is None else f"{parent_code}{_SEPARATOR}{number}"
    if len(made) > text.MAX_CODE:
        raise Invalid(
            f"a code made below `{parent_code}` would be longer than {text.MAX_CODE} characters: give one",
            path=("referenceCode",),
        )
    return made


def _numbered(found: re.Match[str]) -> str:
    digits = found[0].lstrip("0") or "0"
    return f"{min(len(digits), _LONGEST_NUMBER):02}{digits}"
