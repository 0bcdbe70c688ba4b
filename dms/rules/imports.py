"""Files of a bulk import: what is kept of their paths and dates, and how a file without a name is called.

A path at the source is bytes. It is kept whole in `shown`, which is plain text and can be read back.
"""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from enum import StrEnum

from dms.base.canonical import sha256
from dms.base.clock import utc_day
from dms.base.errors import Invalid
from dms.rules import text

FIRST_DAY = date(1980, 1, 1)
"""Earlier dates of files come from clocks that were never set."""

UNNAMED = "unnamed"

LONG_S, SHORT_S = 0.15, 0.06
"""A transaction that takes longer is followed by a smaller one, one that is shorter by a larger one."""

LEAST, MOST = 64, 2_048
"""Sizes of transactions, in remarks on files."""

FILED_WEIGHT = 8
"""Filing a file costs a transaction as much as this many remarks on files."""

_ENDING = re.compile(r"(?=.*[a-z])[a-z0-9]{1,10}", re.ASCII | re.IGNORECASE)  # not the `2` of `Draft 1.2`
_SEPARATORS = frozenset({"Zl", "Zp"})


class Duplicates(StrEnum):
    """What becomes of a file whose content the importing account can see elsewhere."""

    FILE = "file"
    SKIP = "skip"


def shown(path: bytes) -> str:
    r"""Return a path as text: no UTF-8, what controls the display, and blanks at the ends escaped by `\`."""
    decoded = path.replace(b"\\", rb"\\").decode("utf-8", "backslashreplace")
    kept = decoded.strip()
    if decoded == kept and kept.isprintable():
        return decoded
    start = decoded.index(kept)
    return "".join(
        _escaped(char) if _is_hidden(char) or not start <= at < start + len(kept) else char
        for at, char in enumerate(decoded)
    )


def path_digest(path: bytes) -> str:
    """Return the digest by which a path is found again."""
    return sha256(path).hex()


def file_name(path: bytes) -> str:
    """Return the last part of a path as it may be offered for download."""
    try:
        return text.file_name(_last(path).decode("utf-8", "replace"))
    except Invalid:
        return UNNAMED


def title(path: bytes) -> str:
    """Return the title of a file: its name without ending; the escaped name if nothing of it can be shown."""
    try:
        name = text.file_name(_last(path).decode("utf-8", "replace"))
    except Invalid:
        return shown(_last(path)) or UNNAMED
    stem, _, ending = name.rpartition(".")
    return stem.strip() or name if _ENDING.fullmatch(ending) else name


def dates(modified_at: int, *, now: int) -> str | None:
    """Return the day (UTC) of the last change as EDTF; None for one before 1980 or in the future."""
    try:
        day = utc_day(modified_at)
    except OverflowError:
        return None
    return day.isoformat() if day >= FIRST_DAY and modified_at <= now else None


def next_size(size: int, *, took_s: float) -> int:
    """Return how much the next transaction takes in, so that others beside it wait 250 ms at most."""
    if took_s > LONG_S:
        return max(LEAST, size // 2)
    return min(MOST, size * 2) if took_s < SHORT_S else size


def _last(path: bytes) -> bytes:
    return path.rpartition(b"/")[2]


def _is_hidden(char: str) -> bool:
    return text.is_control(char) or unicodedata.category(char) in _SEPARATORS


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}"
