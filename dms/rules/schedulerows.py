"""Rows of a retention schedule as they stand in the source, each whole, as one text in which places count.

The text of a row is JSON in the order of the source, without blanks between its parts; numbers stand as they
were typed, and nothing is left out. A row of a table is an object by column.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from json.encoder import encode_basestring
from typing import NamedTuple

from dms.base import strictjson
from dms.base.errors import DmsError, Invalid

MAX_BYTES = 32 * 1024 * 1024
MAX_DEPTH = 8
MAX_ROWS = 100_000
MAX_VALUES = 4_000_000
MAX_ROW_CHARS = 200_000
EXCERPT_CHARS = 200

_BOOLEANS = ("false", "true")

_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_MERGE_MARKER = re.compile(r"^(?:<{7}|>{7}|\|{7})(?: |$)", re.MULTILINE)
_ESCAPE = re.compile(r"\\(?:u[0-9a-f]{4}|.)", re.DOTALL)


class Layout(StrEnum):
    """How a source is written; each has its own columns."""

    DMS = "dms"
    TEXAS = "tx"
    NORTH_CAROLINA = "nc"
    ALABAMA = "al"
    OHIO = "oh"
    OLDER = "older"
    """One sentence a rule, as North Carolina and Ohio wrote it before."""


class Role(StrEnum):
    """What a field of a row says of its rule."""

    LETTERS = "letters"
    EVENT = "event"
    STATEMENT = "statement"
    YEARS = "years"
    MONTHS = "months"
    WEEKS = "weeks"
    DAYS = "days"
    ACTION = "action"
    REMARK = "remark"
    ABOUT = "about"


class FindingCode(StrEnum):
    """What an import says of a row beside its reading."""

    UNREADABLE_ROW = "unreadable_row"
    DUPLICATE = "duplicate"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands: in which file, as which row from 1; 0 is the file as a whole."""

    file: str
    row: int = 0

    def __str__(self) -> str:
        """Write it for people."""
        return f"{self.file}, row {self.row}" if self.row else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """A remark on one row or file, with so much of it as helps to find it."""

    code: FindingCode
    place: Place
    message: str
    excerpt: str
    same_as: Place | None = None
    """Of a duplicate: where the first stands."""
    is_equal: bool | None = None
    """Of a duplicate: whether it asks for the same."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A field that the rule is read from, and where it stands in the text of the row."""

    role: Role
    text: str
    start: int
    end: int
    opening: int
    """Where its key begins."""

    def where(self, position: int, raw_text: str) -> int:
        """Return the place in the text of the row of a place in this passage."""
        if self.end - self.start == len(self.text):
            return self.start + position
        for escape in _ESCAPE.finditer(raw_text, self.start, self.end):
            if escape.start() - self.start >= position:
                break
            position += len(escape[0]) - 1
        return self.start + position


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A row of a schedule: what it is called, its whole text, and the passages that hold its rule."""

    key: str
    """Equal in each edition of the same schedule: what the row is recognised by."""
    place: Place
    layout: Layout
    schedule: str
    code: str
    title: str
    description: str
    citations: tuple[str, ...]
    raw_text: str
    is_confidential: bool
    is_vital: bool
    is_archival: bool
    passages: tuple[Passage, ...]

    def passage(self, role: Role) -> Passage | None:
        """Return the first passage of a role that is not empty."""
        return next((each for each in self.passages if each.role is role and each.text.strip()), None)


class Number(str):
    """A number as it was typed."""

    __slots__ = ()


class Doubled(dict[str, object]):
    """An object in which a key stands twice, so that one of its values would be lost."""


class Leaf(NamedTuple):
    """A value inside a row: its text, and where it stands in the text of the row."""

    text: str
    start: int
    end: int
    opening: int


def decoded(data: bytes) -> str:
    """Return the text of a file; `Invalid` says why it has none that can be trusted."""
    if len(data) > MAX_BYTES:
        raise Invalid(f"the file is larger than {MAX_BYTES // 1024 // 1024} MB: import it in parts")
    if data.startswith(_BYTE_ORDER_MARKS):
        raise Invalid("the file begins with a byte order mark: save it as UTF-8 without one")
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Invalid(f"byte {error.start + 1} is not UTF-8: save the file in UTF-8") from error
    if marker := _MERGE_MARKER.search(text):
        line = text.count("\n", 0, marker.start()) + 1
        raise Invalid(f"line {line} is a merge marker: import the file once the merge is resolved")
    return text


def parsed(data: bytes) -> tuple[object, bool]:
    """Read a file of JSON, and tell whether an object in it has a key twice; numbers stay as typed.

    `Invalid` unless it is strict JSON within the bounds.
    """
    text = decoded(data)
    try:
        strictjson.decode(data, max_depth=MAX_DEPTH, max_list=MAX_ROWS, max_values=MAX_VALUES)
    except DmsError as error:
        raise Invalid(error.message.replace("the body", "the file")) from error
    doubled: list[str] = []

    def read(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
        made = dict(pairs)
        if len(made) == len(pairs):
            return made
        doubled.append(pairs[0][0])
        return Doubled(made)

    value: object = json.loads(text, parse_int=Number, parse_float=Number, object_pairs_hook=read)
    return value, bool(doubled)


def canonical(row: Mapping[str, object]) -> tuple[str, Mapping[tuple[str, ...], Leaf]]:
    """Return the whole text of a row, and its values by their path with their places."""
    writer = _Writer()
    writer.write(row, (), opening=0)
    return "".join(writer.parts), writer.leaves


def excerpt(text: str) -> str:
    """Return the beginning of a text, short enough for a report."""
    return text if len(text) <= EXCERPT_CHARS else f"{text[:EXCERPT_CHARS]}…"


def has_doubled_key(value: object) -> bool:
    """Tell whether a key stands twice anywhere in a row."""
    return isinstance(value, Doubled) or any(has_doubled_key(part) for part in _parts(value))


def _parts(value: object) -> Iterator[object]:
    if isinstance(value, dict):
        return iter(value.values())
    return iter(value if isinstance(value, list) else ())


@lru_cache(maxsize=1_000)
def _key(name: str) -> str:
    return f"{encode_basestring(name)}:"


class _Writer:
    # Writes a value of JSON and notes where each part of it stands; the depth is bounded by `parsed`.
    __slots__ = ("at", "leaves", "parts")

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.leaves: dict[tuple[str, ...], Leaf] = {}
        self.at = 0

    def write(self, value: object, path: tuple[str, ...], *, opening: int) -> None:
        start = self.at
        if type(value) is str:
            self._put(encode_basestring(value))
            self.leaves[path] = Leaf(value, start + 1, self.at - 1, opening)
        elif isinstance(value, dict):
            self._write_all(((_key(name), name, each) for name, each in value.items()), path, "{}")
        elif isinstance(value, list):
            self._write_all((("", str(number), each) for number, each in enumerate(value)), path, "[]")
        elif value is None:
            self._put("null")
        else:
            written = value if isinstance(value, Number) else _BOOLEANS[value is True]
            self._put(written)
            self.leaves[path] = Leaf(written, start, self.at, opening)

    def _write_all(
        self, members: Iterable[tuple[str, str, object]], path: tuple[str, ...], brackets: str
    ) -> None:
        self._put(brackets[0])
        comma = ""
        for key, name, member in members:
            opening = self.at + len(comma)
            self._put(comma + key)
            self.write(member, (*path, name), opening=opening)
            comma = ","
        self._put(brackets[1])

    def _put(self, text: str) -> None:
        self.parts.append(text)
        self.at += len(text)
