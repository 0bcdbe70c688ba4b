"""Access lists as CSV (RFC 4180): the columns, and the lines of a file before they are looked up."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from dms.base.clock import Instant, from_iso
from dms.base.errors import Conflict, DmsError, Invalid
from dms.rules.sheets import plain_cell

S = TypeVar("S", bound=StrEnum)

MAX_LINES = 500
"""Lines of one import: it is one transaction of some seconds, and others who write wait for it."""
MAX_CHARS = 2_000_000
_MAX_SHOWN = 60


class Column(StrEnum):
    """The columns of an export, in their order; an import may leave out what `NEEDED` does not name."""

    CHANGE = "change"
    ENTRY_ID = "entry_id"
    PRINCIPAL_KIND = "principal_kind"
    PRINCIPAL = "principal"
    NODE_KIND = "node_kind"
    NODE_CODE = "node_code"
    NODE_ID = "node_id"
    ACTION = "action"
    EFFECT = "effect"
    VALID_FROM = "valid_from"
    VALID_UNTIL = "valid_until"
    REASON = "reason"
    GRANTED_BY = "granted_by"
    GRANTED_AT = "granted_at"
    VALIDITY = "validity"
    REVOKED_BY = "revoked_by"
    REVOKED_AT = "revoked_at"
    REVOKE_REASON = "revoke_reason"


NEEDED = (
    Column.PRINCIPAL_KIND,
    Column.PRINCIPAL,
    Column.NODE_KIND,
    Column.ACTION,
    Column.EFFECT,
    Column.REASON,
)

SAYING = (
    *NEEDED,
    Column.NODE_CODE,
    Column.NODE_ID,
    Column.VALID_FROM,
    Column.VALID_UNTIL,
)
"""What an entry says; it never changes once it is written."""

INSTANTS = (Column.VALID_FROM, Column.VALID_UNTIL)


class Change(StrEnum):
    """What a line asks for."""

    GRANT = "grant"
    REVOKE = "revoke"
    KEEP = "keep"


class NodeWord(StrEnum):
    """How a file names the kinds of nodes: the scheme has a word of its own, since it has no code."""

    REPOSITORY = "repository"
    AGGREGATION = "aggregation"
    SCHEME = "scheme"
    CLASS = "class"
    DOCUMENT = "document"


_REMEDIES = {
    "NOT_FOUND": "check kind and spelling; what you may not know of is answered like what does not exist",
    "DENIED": "leave the line to somebody who has the action there",
    "DUTY": "leave the line to somebody who holds the duty",
    "SECOND_PERSON": "leave the line to another officer",
    "CONFLICT": "leave the line out, or change it",
    "STATE": "leave the line out",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a line is refused, and what to do about it."""

    error: DmsError
    remedy: str

    @property
    def column(self) -> str | None:
        """Return the column that it speaks of; None for the whole line."""
        return self.error.path[-1] if self.error.path else None


class Misread(Exception):
    """A cell that can never be accepted."""

    def __init__(self, column: Column, message: str, remedy: str) -> None:
        super().__init__(message)
        self.problem = Problem(Invalid(message, path=(column.value,)), remedy)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a file; `number` is where it begins, as an editor counts."""

    number: int
    cells: Mapping[Column, str]
    problem: Problem | None = None
    """None unless the line has not as many cells as the head."""

    def cell(self, column: Column) -> str:
        """Return a cell; empty if the file does not have the column."""
        return self.cells.get(column, "")

    def choice(self, column: Column, words: type[S]) -> S:
        """Return the word of a closed set that a cell holds; `Misread` for any other spelling."""
        typed = self.cell(column)
        if typed in set(words):
            return words(typed)
        near = [word for word in words if word.lower() == typed.strip().lower()]
        known = ", ".join(f"`{word}`" for word in near or words)
        raise Misread(column, f"{shown(typed)} is no {column.replace('_', ' ')}", f"write {known}")

    def instant(self, column: Column) -> Instant | None:
        """Return the instant that a cell holds, None for an empty one; `Misread` for any other text."""
        typed = self.cell(column)
        if not typed:
            return None
        try:
            return from_iso(typed)
        except ValueError as error:
            raise Misread(
                column,
                f"{shown(typed)} is no instant",
                "write date, time and offset, such as `2031-05-04T10:00:00Z`",
            ) from error

    @property
    def change(self) -> Change:
        """Return what the line asks for: unless it says so, what has an id is kept, and all else is new."""
        if self.cell(Column.CHANGE):
            return self.choice(Column.CHANGE, Change)
        return Change.KEEP if self.cell(Column.ENTRY_ID) else Change.GRANT


def problem_of(error: DmsError) -> Problem:
    """Return what somebody who sent the line can do about an expected failure."""
    return Problem(error, _REMEDIES.get(error.code, "correct the cell"))


def decoded(content: bytes) -> str:
    """Return the text of a file; `Invalid` unless it is UTF-8, with or without a byte order mark."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("the file is not in UTF-8: save it as `CSV UTF-8`", path=("csv",)) from error


def read(text: str) -> list[Line]:
    """Return the lines of a file without empty ones; `Invalid` if the file as a whole cannot be read."""
    if len(text) > MAX_CHARS:
        raise Invalid(f"the file has more than {MAX_CHARS} characters: split it into several", path=("csv",))
    records = _records(text.removeprefix("\ufeff"))
    _, head = next(records, (1, []))
    columns = _columns(head)
    lines = [_line(number, columns, cells) for number, cells in records if any(cells)]
    if len(lines) > MAX_LINES:
        raise Invalid(
            f"a file holds at most {MAX_LINES} lines, not {len(lines)}: split it into several", path=("csv",)
        )
    return lines


def twins(lines: Sequence[Line]) -> dict[int, Problem]:
    """Return why a line is refused that says what an earlier one says already, by its number."""
    first: dict[tuple[str, ...], int] = {}
    found: dict[int, Problem] = {}
    for line in lines:
        entry_id = line.cell(Column.ENTRY_ID)
        key = (entry_id,) if entry_id else tuple(line.cell(column) for column in SAYING)
        earlier = first.setdefault(key, line.number)
        if earlier != line.number:
            error = Conflict(f"says the same as line {earlier}")
            found[line.number] = Problem(error, "remove one of them")
    return found


def shown(typed: str) -> str:
    """Return what somebody typed as a message may quote it: short, on one line, without controls."""
    clean = "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in typed)
    return f"`{clean[:_MAX_SHOWN]}..`" if len(clean) > _MAX_SHOWN else f"`{clean}`"


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    while True:
        number = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise Invalid(
                f"line {number} cannot be read: check its quotation marks and its length", path=("csv",)
            ) from error
        yield number, [plain_cell(cell) for cell in cells]


def _columns(head: Sequence[str]) -> list[Column]:
    for mark in (";", "\t", "|"):
        if len(head) == 1 and mark in head[0]:
            raise Invalid(f"the cells are separated by {mark!r}: save it with commas", path=("csv",))
    unknown = [name for name in head if name not in set(Column)]
    if unknown:
        raise Invalid(
            f"there is no column {shown(unknown[0])}: the columns are {', '.join(Column)}", path=("csv",)
        )
    if len(set(head)) < len(head):
        raise Invalid("a column stands there twice: remove one", path=("csv",))
    needed = [*NEEDED, *([] if Column.NODE_ID in head else [Column.NODE_CODE])]
    missing = [name for name in needed if name not in head]
    if missing:
        raise Invalid(f"columns are missing: {', '.join(missing)}", path=("csv",))
    return [Column(name) for name in head]


def _line(number: int, columns: Sequence[Column], cells: Sequence[str]) -> Line:
    if len(cells) == len(columns):
        return Line(number, dict(zip(columns, cells, strict=True)))
    error = Invalid(f"has {len(cells)} cells, and the head {len(columns)}")
    problem = Problem(error, "put text with commas or line feeds in quotation marks")
    return Line(number, dict(zip(columns, cells, strict=False)), problem)
