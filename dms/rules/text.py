"""Text that people type: what is refused, and in which words."""

from __future__ import annotations

import re
import unicodedata

from dms.base.errors import Invalid

MAX_TITLE = 1_000
MAX_NAME = 100
MAX_CODE = 100
MAX_REASON = 2_000
MAX_NOTE = 10_000
MAX_FILE_NAME = 255

_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_CODE = re.compile(r"[^\s/](?:[^\s]|[ ](?! ))*[^\s]|[^\s/]")
# With the few that become marks only when text is normalised.
_MARKS = "".join(chr(code) for code in range(0x300, 0x1F000) if unicodedata.combining(chr(code)))
_MARK = f"[{_MARKS}\u0f73\u0f75\u0f81\uff9e\uff9f]"
_HEAP = re.compile(f"({_MARK}{{30}}){_MARK}+")


def line(text: str, path: tuple[str, ...], *, limit: int = MAX_TITLE) -> str:
    """Return one line of text, NFC and stripped; `Invalid` if empty, too long or with controls."""
    clean = _checked(text, path, limit=limit, allowed="")
    if not clean:
        raise Invalid("must not be empty", path=path)
    return clean


def block(text: str, path: tuple[str, ...], *, limit: int = MAX_NOTE) -> str:
    """Return text of several lines, NFC and stripped; tabs and line feeds are the only controls."""
    return _checked(text.replace("\r\n", "\n"), path, limit=limit, allowed="\n\t")


def reason(text: str, path: tuple[str, ...] = ("reason",)) -> str:
    """Return a reason; it is never optional, since it is what an auditor reads later."""
    clean = block(text, path, limit=MAX_REASON)
    if not clean:
        raise Invalid("a reason is needed", path=path)
    return clean


def name(text: str, path: tuple[str, ...]) -> str:
    """Return an account, group, role or level name: lower-case letters, digits, `.`, `-`, `_`."""
    clean = _checked(text, path, limit=MAX_NAME, allowed="")
    if not _NAME.fullmatch(clean):
        raise Invalid(
            "must be lower-case letters, digits, `.`, `-` or `_`, and begin with a letter or digit",
            path=path,
        )
    return clean


def code(text: str, path: tuple[str, ...] = ("referenceCode",)) -> str:
    """Return a reference code: visible characters, single spaces inside, no slash in front."""
    clean = line(text, path, limit=MAX_CODE)
    if not _CODE.fullmatch(clean):
        raise Invalid("must hold no double spaces and not begin with `/`", path=path)
    return clean


def file_name(text: str, path: tuple[str, ...] = ("fileName",)) -> str:
    """Return the last part of a file name as it may be shown and offered for download.

    Folders, controls, bidirectional marks and trailing dots go; what is left is cut to 255 UTF-8
    bytes with its ending kept. Never used as a path on the server.
    """
    last = re.split(r"[\\/]", unicodedata.normalize("NFC", without_heaps(text)))[-1]
    kept = "".join(c for c in last if not is_control(c))
    clean = kept.strip().strip(".").strip()
    if not clean:
        raise Invalid("the file name holds nothing that can be shown", path=path)
    return _cut(clean)


def without_heaps(text: str) -> str:
    """Return text in which no letter bears more than 30 marks: no script needs more (UAX #15, stream-safe).

    Normalising sorts the marks of a letter, which takes the square of their number.
    """
    return text if text.isascii() else _HEAP.sub(r"\1", text)


def sought(typed: str, *, limit: int) -> str:
    """Return text to look something up by; what nothing stored can be stays so.

    PostgreSQL takes no NUL, and SQLite no pattern of more than 50,000 bytes.
    """
    return typed[: limit + 1].replace("\0", "\x02")


def is_control(char: str) -> bool:
    """Tell whether a character controls how others are shown, or is none: never kept in typed text."""
    return unicodedata.category(char) in {"Cc", "Cs"} or char in _BIDI


def _cut(clean: str) -> str:
    if len(clean.encode()) <= MAX_FILE_NAME:
        return clean
    stem, dot, ending = clean.rpartition(".")
    if not dot or len(ending.encode()) > 20:
        stem, dot, ending = clean, "", ""
    room = MAX_FILE_NAME - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending


def _checked(text: str, path: tuple[str, ...], *, limit: int, allowed: str) -> str:
    clean = unicodedata.normalize("NFC", without_heaps(text)).strip()
    if len(clean) > limit:
        raise Invalid(f"must be at most {limit} characters, not {len(clean)}", path=path)
    for char in clean:
        if char in allowed:
            continue
        if is_control(char):
            raise Invalid(f"holds a control character (U+{ord(char):04X}): remove it", path=path)
    return clean
