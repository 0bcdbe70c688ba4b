"""Files of retention schedules, each layout with its own columns: bytes in, rows and findings out.

Source of the layouts: the schedules of Texas, North Carolina, Alabama and Ohio as their collectors publish
them, and one of our own, for schedules that are made by hand: a table in CSV, or a list of objects in JSON,
with the columns of `COLUMNS`. Nothing is repaired: what can't be read is a finding.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from dms.base.errors import Invalid
from dms.rules.schedulerows import (
    MAX_ROW_CHARS,
    MAX_ROWS,
    Finding,
    FindingCode,
    Layout,
    Leaf,
    Passage,
    Place,
    Role,
    SourceRow,
    canonical,
    decoded,
    excerpt,
    has_doubled_key,
    parsed,
)
from dms.rules.sheets import plain_cell

COLUMNS: Final = (
    "schedule",
    "code",
    "title",
    "description",
    "citation",
    "retention",
    "disposal",
    "remarks",
    "confidential",
    "vital",
    "archival",
)
"""Our own layout. `title` and `retention` must be there; `retention` is a sentence like `until superseded`,
`5 years after closed`, `AC + 3`, `permanent`, or one for each medium: `Paper: ...; Electronic: ...`.
`disposal` is what is done then: `destroy`, `transfer to archives`, `review`. The last three hold `yes` or
nothing. Other columns are kept with the row, and not read."""

_REQUIRED = {"title", "retention"}
_EXPORTED = {"number", "rawText"}
_YES = frozenset({"true", "yes", "y", "x", "1"})
_NESTED = "retention_rules"
_STATES = {
    layout.value: layout for layout in (Layout.TEXAS, Layout.NORTH_CAROLINA, Layout.ALABAMA, Layout.OHIO)
}
_CITATION_JOINT = re.compile(r"\s*[;\n]\s*")
_STANDALONE = r"(?:^|[.,;/]|x\s?=)\s{0,3}(?:considered\s{1,3})?%s(?:\s{1,3}records?)?\s{0,3}(?:[.,;/]|$)"
_VITAL = re.compile(_STANDALONE % "vital", re.IGNORECASE | re.MULTILINE)
_CONFIDENTIAL = re.compile(_STANDALONE % "confidential", re.IGNORECASE | re.MULTILINE)
_ARCHIVAL = re.compile(r"\(archival\)", re.IGNORECASE)

_Path = tuple[str, ...]
_RULES = (_NESTED,)
_NESTED_ROLES: Mapping[_Path, Role] = {
    ("retention_code",): Role.LETTERS,
    (*_RULES, "trigger_event"): Role.EVENT,
    (*_RULES, "duration_years"): Role.YEARS,
    (*_RULES, "duration_months"): Role.MONTHS,
    ("retention_weeks",): Role.WEEKS,
    ("retention_days",): Role.DAYS,
    (*_RULES, "disposition_method"): Role.ACTION,
    ("tracking_data", "comments"): Role.REMARK,
    ("series_metadata", "series_title"): Role.ABOUT,
    ("series_metadata", "series_description"): Role.ABOUT,
}
_ROLES: Mapping[Layout, Mapping[_Path, Role]] = {
    Layout.DMS: {
        ("retention",): Role.STATEMENT,
        ("disposal",): Role.ACTION,
        ("remarks",): Role.REMARK,
        ("title",): Role.ABOUT,
        ("description",): Role.ABOUT,
    },
    Layout.TEXAS: _NESTED_ROLES,
    Layout.NORTH_CAROLINA: _NESTED_ROLES,
    Layout.OHIO: _NESTED_ROLES,
    Layout.ALABAMA: {
        # The letters are the collector's: the sentence rules, and they speak where it is silent.
        **_NESTED_ROLES,
        (*_RULES, "trigger_event"): Role.LETTERS,
        (*_RULES, "disposition"): Role.STATEMENT,
    },
    Layout.OLDER: {
        ("retention_code",): Role.LETTERS,
        ("retention_statement",): Role.STATEMENT,
        ("retention_years",): Role.YEARS,
        ("retention_months",): Role.MONTHS,
        ("retention_weeks",): Role.WEEKS,
        ("retention_days",): Role.DAYS,
        ("disposition",): Role.ACTION,
        ("comments",): Role.REMARK,
        ("series_title",): Role.ABOUT,
        ("series_description",): Role.ABOUT,
    },
}


@dataclass(frozen=True, slots=True)
class _Torn:
    shown: str


def read(data: bytes, *, name: str) -> Iterator[SourceRow | Finding]:
    """Read a file of any layout, in its order: of each row either the row or why it can't be read.

    `name` is how findings call the file; one that ends in `.csv` is a table, all others are JSON. A file
    that can't be read as a whole gives one finding. Never raises for what stands in a file.
    """
    try:
        rows = _table(data) if name.lower().endswith(".csv") else _objects(data)
    except Invalid as error:
        yield _unreadable(Place(name), error.message, data[:800].decode("utf-8", "backslashreplace"))
        return
    times: dict[str, int] = {}
    for number, value in enumerate(rows, 1):
        found = _row(value, Place(name, number))
        if isinstance(found, SourceRow) and not found.code:
            # Rows without a code may share a title, and are different rules all the same.
            times[found.key] = times.get(found.key, 0) + 1
            if times[found.key] > 1:
                found = replace(found, key=f"{found.key}~{times[found.key]}")
        yield found


def reread(raw_text: str, *, place: Place, key: str) -> SourceRow:
    """Return the row again whose whole text was kept; `Invalid` if the text is of no known layout."""
    value, _ = parsed(raw_text.encode())
    found = _row(value, place)
    if isinstance(found, Finding):
        raise Invalid(found.message)
    return replace(found, key=key)


def _objects(data: bytes) -> list[object]:
    value, has_doubled_keys = parsed(data)
    rows = value if isinstance(value, list) else [value]
    return [_whole(row) for row in rows] if has_doubled_keys else rows


def _whole(row: object) -> object:
    # A row that lost a value to a key that stands twice is none that could be kept whole.
    return _Torn(canonical({"": row})[0]) if has_doubled_key(row) else row


def _table(data: bytes) -> list[object]:
    text = decoded(data.removeprefix(codecs.BOM_UTF8))  # programs for tables put one there by themselves
    try:
        lines = [line for line in csv.reader(io.StringIO(text, newline=""), strict=True) if line]
    except csv.Error as error:
        raise Invalid(f"the file is no table of comma-separated values: {error}") from error
    if not lines:
        raise Invalid("the file is empty: its first line names the columns")
    if len(lines) > MAX_ROWS:
        raise Invalid(f"the file holds more than {MAX_ROWS} rows: import it in parts")
    head = lines[0]
    if len(set(head)) < len(head):
        raise Invalid("a column stands twice in the first line: give each a name of its own")
    if set(head) >= _EXPORTED:
        return [_filled(head, [plain_cell(cell) for cell in line]) for line in lines[1:]]
    if missing := sorted(_REQUIRED - set(head)):
        raise Invalid(f"the column `{missing[0]}` is missing in the first line")
    return [_filled(head, line) for line in lines[1:]]


def _filled(head: list[str], line: list[str]) -> object:
    return dict(zip(head, line, strict=True)) if len(line) == len(head) else line


def _row(value: object, place: Place) -> SourceRow | Finding:
    if isinstance(value, _Torn):
        return _unreadable(place, "a field stands twice in the row", value.shown)
    if not isinstance(value, dict):
        shown = canonical({"": value})[0][len('{"":') : -1]
        return _unreadable(place, "the row has not the fields of its layout", shown)
    if value.keys() >= _EXPORTED:
        return _of_export(value, place)
    raw_text, leaves = canonical(value)
    if len(raw_text) > MAX_ROW_CHARS:
        return _unreadable(place, f"the row is longer than {MAX_ROW_CHARS} characters", raw_text)
    layout = _layout(value, leaves)
    if layout is None:
        return _unreadable(place, "the row is of no known layout", raw_text)
    return (
        _nested(place, layout, raw_text, leaves)
        if _NESTED in value
        else _flat(place, layout, raw_text, leaves)
    )


def _of_export(value: Mapping[str, object], place: Place) -> SourceRow | Finding:
    """Return the row that an export of ours holds whole; what stands beside its text is not read."""
    raw_text, number = value["rawText"], value["number"]
    if not isinstance(raw_text, str) or not isinstance(number, str) or len(raw_text) > MAX_ROW_CHARS:
        return _unreadable(place, "`rawText` and `number` are no text", canonical(value)[0])
    try:
        return reread(raw_text, place=place, key=number)
    except Invalid as error:
        return _unreadable(place, f"`rawText`: {error.message}", raw_text)


def _layout(value: Mapping[str, object], leaves: Mapping[_Path, Leaf]) -> Layout | None:
    if _NESTED in value:
        state = leaves.get(("schedule_metadata", "state"))
        return _STATES.get(state.text) if state else None
    if "retention_statement" in value:
        return Layout.OLDER
    return Layout.DMS if set(value) >= _REQUIRED else None


def _nested(place: Place, layout: Layout, raw_text: str, leaves: Mapping[_Path, Leaf]) -> SourceRow:
    schedule = _text(leaves, "schedule_metadata", "schedule_id")
    code, title = (
        _text(leaves, "series_metadata", "series_id"),
        _text(leaves, "series_metadata", "series_title"),
    )
    remarks = _text(leaves, "tracking_data", "comments")
    return SourceRow(
        key=_key(schedule, code, title),
        place=place,
        layout=layout,
        schedule=schedule,
        code=code,
        title=title,
        description=_text(leaves, "series_metadata", "series_description"),
        citations=_citations(_text(leaves, "series_metadata", "legal_citation")),
        raw_text=raw_text,
        is_confidential=_is_yes(leaves, *_RULES, "confidential_flag") or bool(_CONFIDENTIAL.search(remarks)),
        is_vital=bool(_VITAL.search(remarks)),
        is_archival=bool(_ARCHIVAL.search(_text(leaves, *_RULES, "trigger_event"))),
        passages=_passages(_ROLES[layout], leaves),
    )


def _flat(place: Place, layout: Layout, raw_text: str, leaves: Mapping[_Path, Leaf]) -> SourceRow:
    older = layout is Layout.OLDER
    schedule = _text(leaves, "schedule_id" if older else "schedule")
    code = _text(leaves, "series_id" if older else "code")
    title = _text(leaves, "series_title" if older else "title")
    remarks = _text(leaves, "comments" if older else "remarks")
    return SourceRow(
        key=_key(schedule, code, title),
        place=place,
        layout=layout,
        schedule=schedule,
        code=code,
        title=title,
        description=_text(leaves, "series_description" if older else "description"),
        citations=_citations(_text(leaves, "legal_citation" if older else "citation")),
        raw_text=raw_text,
        is_confidential=_is_yes(leaves, "confidential") or bool(_CONFIDENTIAL.search(remarks)),
        is_vital=_is_yes(leaves, "vital") or bool(_VITAL.search(remarks)),
        is_archival=_is_yes(leaves, "archival")
        or bool(_ARCHIVAL.search(_text(leaves, "retention_statement" if older else "retention"))),
        passages=_passages(_ROLES[layout], leaves),
    )


def _text(leaves: Mapping[_Path, Leaf], *path: str) -> str:
    leaf = leaves.get(path)
    return leaf.text if leaf else ""


def _is_yes(leaves: Mapping[_Path, Leaf], *path: str) -> bool:
    return _text(leaves, *path).strip().lower() in _YES


def _key(schedule: str, code: str, title: str) -> str:
    return f"{schedule}/{code}" if code else f"{schedule}#{' '.join(title.split()).lower()}"


def _citations(text: str) -> tuple[str, ...]:
    return tuple(part for part in _CITATION_JOINT.split(text.strip()) if part)


def _passages(roles: Mapping[_Path, Role], leaves: Mapping[_Path, Leaf]) -> tuple[Passage, ...]:
    return tuple(
        Passage(role, leaf.text, leaf.start, leaf.end, leaf.opening)
        for path, role in roles.items()
        if (leaf := leaves.get(path))
    )


def _unreadable(place: Place, message: str, text: str) -> Finding:
    return Finding(FindingCode.UNREADABLE_ROW, place, message, excerpt(text))
