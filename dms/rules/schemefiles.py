"""Classes of a scheme as files hold them: read leniently with a remark on each oddity, written strictly.

One row or object for each class; its parent is named by its code. Nothing is guessed: a class whose code or
place is in doubt is left out, with a finding that names its line, and so is what lies below it.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from dms.base.errors import Invalid
from dms.rules import sheets, text
from dms.rules.schemes import MAX_DEPTH, Wording

MAX_BYTES = 32 * 1024 * 1024
MAX_CLASSES = 50_000


class Remark(StrEnum):
    """What is odd about a line; the value is written into reports."""

    UNREADABLE = "unreadable"
    NO_CODE = "no_code"
    CODE_REFUSED = "code_refused"
    CODE_DOUBLED = "code_doubled"
    TITLE_REFUSED = "title_refused"
    NOTE_REFUSED = "note_refused"
    PARENT_MISSING = "parent_missing"
    CYCLE = "cycle"
    TOO_DEEP = "too_deep"
    TWO_PLACES = "two_places"
    OVERLAP = "overlap"
    RESERVED = "reserved"
    CLOSED = "closed"


REMARKS_ONLY = frozenset({Remark.OVERLAP})
"""What is said of classes that are taken all the same."""


class ClassRow(NamedTuple):
    """A class as a file says it."""

    line: int
    """Of the file, or the place in its list; from 1 on."""
    code: str
    title: str
    parent_code: str | None = None
    scope_note: str | None = None
    includes: str | None = None
    excludes: str | None = None
    primary_office: str | None = None


class Finding(NamedTuple):
    """A remark on one line."""

    line: int
    remark: Remark
    code: str
    message: str


class Rows(NamedTuple):
    """What a file holds: classes so that each follows the one it is a part of, and what is odd."""

    classes: tuple[ClassRow, ...]
    findings: tuple[Finding, ...]


COLUMNS = ("code", "title", "parent", "scope_note", "includes", "excludes", "primary_office")
_NOTES = ("scope_note", "includes", "excludes")
_FOUNDING = "unassigned"


def read_csv(source: bytes, known: Collection[str] = ()) -> Rows:
    """Read CSV with a head line that names columns; unknown columns are left, `code` and `title` must be.

    `known` are codes that a parent may have beside those of the file.
    """
    try:
        lines = csv.reader(io.StringIO(_decoded(source), newline=""), strict=True)
        head = [name.strip().casefold() for name in next(lines, [])]
    except csv.Error as error:
        raise Invalid(f"the file is no CSV: {error}", path=("file",)) from error
    for name in ("code", "title"):
        if name not in head:
            raise Invalid(f"the first line names no column `{name}`", path=("file",))
    said: list[tuple[int, Mapping[str, Any]]] = []
    findings: list[Finding] = []
    while True:
        try:
            cells = next(lines)
        except StopIteration:
            break
        except csv.Error as error:
            findings.append(Finding(lines.line_num, Remark.UNREADABLE, "", str(error)))
            break
        values = [sheets.plain_cell(cell) for cell in cells]
        if any(cell.strip() for cell in cells):
            said.append((lines.line_num, dict(zip(head, values, strict=False))))
    return _checked(said, findings, known)


def read_json(source: bytes, known: Collection[str] = ()) -> Rows:
    """Read a JSON list of objects, or an object with the list `classes`; `known` as in `read_csv`."""
    try:
        found = orjson.loads(_decoded(source))
    except orjson.JSONDecodeError as error:
        raise Invalid(f"the file is no JSON: {error.msg} in line {error.lineno}", path=("file",)) from error
    listed = found.get("classes") if isinstance(found, dict) else found
    if not isinstance(listed, list):
        raise Invalid("the file holds no list of classes", path=("file",))
    said: list[tuple[int, Mapping[str, Any]]] = []
    findings: list[Finding] = []
    for line, item in enumerate(listed, start=1):
        if isinstance(item, dict) and all(isinstance(value, str | None) for value in item.values()):
            said.append((line, item))
        else:
            findings.append(Finding(line, Remark.UNREADABLE, "", "it is no object of texts"))
    return _checked(said, findings, known)


def write_csv(wordings: Iterable[Wording]) -> bytes:
    """Write open classes as CSV, from the top down; `read_csv` gives them back."""
    target = io.StringIO(newline="")
    sheet = csv.writer(target, lineterminator="\r\n")
    sheet.writerow(COLUMNS)
    for row in _plain(wordings):
        sheet.writerow([sheets.safe_cell(row[name] or "") for name in COLUMNS])
    return target.getvalue().encode()


def write_json(wordings: Iterable[Wording]) -> bytes:
    """Write open classes as JSON, from the top down; `read_json` gives them back."""
    return orjson.dumps({"classes": _plain(wordings)}, option=orjson.OPT_INDENT_2) + b"\n"


def checked(
    rows: Iterable[ClassRow], findings: Iterable[Finding] = (), *, known: Collection[str] = ()
) -> Rows:
    """Return the rows that can be taken, each after its parent, with what is odd about the others."""
    told = list(findings)
    once = _once(rows, told)
    kept = {row.code: row for row in _placed(once, told, known)}
    told += _overlaps(kept.values())
    depth = {code: len(_line(kept, code)) for code in kept}
    classes = sorted(kept.values(), key=lambda row: (depth[row.code], row.line))
    return Rows(tuple(classes), tuple(sorted(told)))


def _decoded(source: bytes) -> str:
    if len(source) > MAX_BYTES:
        raise Invalid(f"the file is larger than {MAX_BYTES // 1024**2} MiB", path=("file",))
    try:
        return source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid("the file is not written in UTF-8", path=("file",)) from error


def _checked(
    said: Sequence[tuple[int, Mapping[str, Any]]], findings: Iterable[Finding], known: Collection[str]
) -> Rows:
    if len(said) > MAX_CLASSES:
        raise Invalid(f"the file holds more than {MAX_CLASSES} classes", path=("file",))
    told = list(findings)
    rows = [row for line, values in said if (row := _row(line, values, told)) is not None]
    return checked(rows, told, known=known)


def _row(line: int, values: Mapping[str, Any], told: list[Finding]) -> ClassRow | None:
    code = str(values.get("code") or "").strip()
    if not code:
        told.append(Finding(line, Remark.NO_CODE, "", "it has no code"))
        return None
    try:
        code = text.code(code)
    except Invalid as error:
        told.append(Finding(line, Remark.CODE_REFUSED, code, error.message))
        return None
    try:
        title = text.line(str(values.get("title") or ""), ("title",))
    except Invalid as error:
        told.append(Finding(line, Remark.TITLE_REFUSED, code, f"its title {error.message}"))
        return None
    try:
        notes = {name: text.block(str(values.get(name) or ""), (name,)) or None for name in _NOTES}
        office = str(values.get("primary_office") or "").strip()
        unit = text.line(office, ("primaryOffice",)) if office else None
    except Invalid as error:
        told.append(Finding(line, Remark.NOTE_REFUSED, code, f"`{error.path[0]}` {error.message}"))
        return None
    parent = str(values.get("parent") or "").strip() or None
    return ClassRow(line, code, title, parent, **notes, primary_office=unit)


def _once(rows: Iterable[ClassRow], told: list[Finding]) -> dict[str, ClassRow]:
    """Leave out every class whose code stands twice: which of them is meant, nobody knows."""
    found = list(rows)
    counts = Counter(row.code for row in found)
    for row in found:
        if row.code == _FOUNDING:
            told.append(Finding(row.line, Remark.RESERVED, row.code, "this class is the intake: it stays"))
        elif counts[row.code] > 1:
            message = f"its code stands {counts[row.code]} times"
            told.append(Finding(row.line, Remark.CODE_DOUBLED, row.code, message))
    return {row.code: row for row in found if counts[row.code] == 1 and row.code != _FOUNDING}


def _placed(rows: Mapping[str, ClassRow], told: list[Finding], known: Collection[str]) -> Iterable[ClassRow]:
    """Leave out classes in circles, too deep, or below what is left out."""
    for row in rows.values():
        line = _line(rows, row.code)
        above = rows[line[-1]].parent_code
        if above in line:
            told.append(Finding(row.line, Remark.CYCLE, row.code, "it lies in or below a circle of classes"))
        elif len(line) > MAX_DEPTH:
            message = f"more than {MAX_DEPTH} classes stand above each other"
            told.append(Finding(row.line, Remark.TOO_DEEP, row.code, message))
        elif above is not None and above not in known:
            message = f"`{above}`, above it, is not in the file or was left out"
            told.append(Finding(row.line, Remark.PARENT_MISSING, row.code, message))
        else:
            yield row


def _line(rows: Mapping[str, ClassRow], code: str) -> list[str]:
    """Return a code and those above it as far as there are rows, until a circle closes or it is too deep."""
    line: list[str] = [code]
    while (above := rows[line[-1]].parent_code) in rows and above not in line and len(line) <= MAX_DEPTH:
        line.append(str(above))
    return line


def _overlaps(rows: Iterable[ClassRow]) -> Iterable[Finding]:
    """Tell of classes that stand beside each other under one title."""
    first: dict[tuple[str | None, str], ClassRow] = {}
    for row in rows:
        other = first.setdefault((row.parent_code, row.title.casefold()), row)
        if other is not row:
            message = f"it has the title of `{other.code}`, which stands beside it"
            yield Finding(row.line, Remark.OVERLAP, row.code, message)


def _plain(wordings: Iterable[Wording]) -> list[dict[str, str | None]]:
    rows = {row.class_id: row for row in wordings if not row.is_closed and row.code != _FOUNDING}
    return [
        {
            "code": row.code,
            "title": row.title,
            "parent": None if row.parent_id is None else rows[row.parent_id].code,
            **{name: getattr(row, name) for name in (*_NOTES, "primary_office")},
        }
        for row in sorted(rows.values(), key=lambda row: (_depth(rows, row), row.code))
    ]


def _depth(rows: Mapping[UUID, Wording], row: Wording) -> int:
    depth, above = 0, row.parent_id
    while above is not None and depth <= MAX_DEPTH:
        depth, above = depth + 1, rows[above].parent_id
    return depth
