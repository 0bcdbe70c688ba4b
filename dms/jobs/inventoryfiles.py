"""Inventories as files: CSV, JSON and XLSX with the same head and the same lines.

Equal lines at an equal instant give equal bytes, whatever the machine.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, BinaryIO, TypeAlias

import orjson
import xlsxwriter

from dms.base.clock import Instant, to_datetime, to_iso
from dms.models.documents import Document
from dms.rules.sheets import safe_cell
from dms.services.inventory import Holdings, Line
from dms.stores.records import is_a

Record: TypeAlias = Mapping[str, Any]  # JSON values

NOTE = "It holds only what this account may read: there may be more."

MAX_SHEET_LINES = 1_048_575
"""Rows of an xlsx sheet below the row of titles."""

_MAX_PRINTED = 200
"""Characters of a marking in the header of a printed page, which takes 255 with its codes."""


class Format(StrEnum):
    """What kind of file it becomes."""

    CSV = "csv"
    JSON = "json"
    XLSX = "xlsx"


@dataclass(frozen=True, slots=True)
class Head:
    """What stands above the lines."""

    aggregation_id: str | None
    reference_code: str | None
    title: str | None
    """These three are None for the whole Repository."""
    account: str
    made_at: Instant
    holdings: Holdings

    @property
    def marking(self) -> str | None:
        """Return the marking that displays and prints of the file carry."""
        return None if self.holdings.highest is None else self.holdings.highest.marking


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the lines: its name in JSON, its title, and its width in characters."""

    key: str
    title: str
    width: int


COLUMNS = (
    _Column("referenceCode", "Reference code", 20),
    _Column("homeReferenceCode", "In", 20),
    _Column("kind", "Kind", 12),
    _Column("level", "Level", 12),
    _Column("title", "Title", 60),
    _Column("dates", "Dates", 16),
    _Column("firstDay", "First day", 12),
    _Column("lastDay", "Last day", 12),
    _Column("medium", "Medium", 10),
    _Column("state", "State", 10),
    _Column("marking", "Marking", 16),
    _Column("contentBytes", "Content bytes", 14),
    _Column("id", "Id", 26),
)


def record_of(line: Line, *, shown_id: str) -> Record:
    """Return a line as every format writes it."""
    row = line.row
    if is_a(row, Document):
        own = {"kind": "document", "level": None, "medium": row.medium.value}
    else:
        own = {"kind": "aggregation", "level": row.other_level or row.level.value, "medium": None}
    return {
        "referenceCode": row.reference_code,
        "homeReferenceCode": line.home_code,
        **own,
        "title": row.title,
        "dates": row.dates,
        "firstDay": None if row.first_day is None else row.first_day.isoformat(),
        "lastDay": None if row.last_day is None else row.last_day.isoformat(),
        "state": row.state.value,
        "marking": line.marking,
        "contentBytes": line.content_bytes,
        "id": shown_id,
    }


def write(format: Format, target: BinaryIO, *, head: Head, records: Iterable[Record]) -> None:
    """Write an inventory into a seekable file."""
    _WRITERS[format](target, head, records)


def _write_csv(target: BinaryIO, head: Head, records: Iterable[Record]) -> None:
    text = io.TextIOWrapper(target, encoding="utf-8", newline="")
    sheet = csv.writer(text)
    for label, value in _summary(head):
        sheet.writerow([label, _cell(value)])
    sheet.writerow([])
    sheet.writerow([column.title for column in COLUMNS])
    for record in records:
        sheet.writerow([_cell(record[column.key]) for column in COLUMNS])
    text.flush()
    text.detach()  # or it would close the file with itself


def _write_json(target: BinaryIO, head: Head, records: Iterable[Record]) -> None:
    target.write(orjson.dumps(_as_json(head))[:-1] + b',"lines":[')
    separator = b"\n"
    for record in records:
        target.write(separator + orjson.dumps(record))
        separator = b",\n"
    target.write(b"\n]}\n")


def _write_xlsx(target: BinaryIO, head: Head, records: Iterable[Record]) -> None:
    book = xlsxwriter.Workbook(target, {"constant_memory": True})
    book.set_properties({"title": _named(head), "created": to_datetime(head.made_at).replace(tzinfo=None)})
    bold = book.add_format({"bold": True})
    summary = book.add_worksheet("Summary")
    _mark_prints(summary, head)
    summary.set_column(0, 0, 30)
    summary.set_column(1, 1, 60)
    for number, (label, value) in enumerate(_summary(head)):
        summary.write_string(number, 0, label, bold)
        _write_cell(summary, number, 1, value)
    sheet = book.add_worksheet("Lines")
    _mark_prints(sheet, head)
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(COLUMNS):
        sheet.set_column(place, place, column.width)
        sheet.write_string(0, place, column.title, bold)
    for number, record in enumerate(records, start=1):
        for place, column in enumerate(COLUMNS):
            _write_cell(sheet, number, place, record[column.key])
    book.close()


_WRITERS: Mapping[Format, Callable[[BinaryIO, Head, Iterable[Record]], None]] = {
    Format.CSV: _write_csv,
    Format.JSON: _write_json,
    Format.XLSX: _write_xlsx,
}


def _write_cell(sheet: Any, row: int, column: int, value: str | int | None) -> None:  # a worksheet
    # Text is written as text: never as a formula, a number or a link.
    if isinstance(value, int):
        sheet.write_number(row, column, value)
    elif value is not None:
        sheet.write_string(row, column, value)


def _mark_prints(sheet: Any, head: Head) -> None:  # a worksheet, of a library without types
    marking = head.marking or ""
    cut = marking if len(marking) <= _MAX_PRINTED else f"{marking[:_MAX_PRINTED]}.. (see sheet 1)"
    sheet.set_header("&C" + cut.replace("&", "&&"))
    sheet.set_footer("&C" + cut.replace("&", "&&") + "&R&P / &N")


def _cell(value: str | int | None) -> str | int:
    if value is None:
        return ""
    return safe_cell(value) if isinstance(value, str) else value


def _named(head: Head) -> str:
    if head.reference_code is None:
        return "Inventory of the whole Repository"
    return f"Inventory of {head.reference_code} {head.title}"


def _summary(head: Head) -> list[tuple[str, str | int | None]]:
    found = head.holdings
    return [
        ("Marking", head.marking),
        ("Inventory", _named(head)),
        ("Made at", to_iso(head.made_at)),
        ("Made for", head.account),
        ("Note", NOTE),
        ("Aggregations", found.aggregations),
        ("Documents", found.documents),
        ("First day", None if found.first_day is None else found.first_day.isoformat()),
        ("Last day", None if found.last_day is None else found.last_day.isoformat()),
        ("Content bytes", found.content_bytes),
        *((f"Aggregations of level {kind.value}", count) for kind, count in found.levels),
        *((f"Aggregations {state.value}", count) for state, count in found.aggregation_states),
        *((f"Documents {kind.value}", count) for kind, count in found.media),
        *((f"Documents {state.value}", count) for state, count in found.document_states),
        *((f"Marked {shown.marking}", count) for shown, count in found.classifications),
    ]


def _as_json(head: Head) -> dict[str, Any]:  # JSON values
    found = head.holdings
    of = {"id": head.aggregation_id, "referenceCode": head.reference_code, "title": head.title}
    return {
        "marking": head.marking,
        "of": None if head.aggregation_id is None else of,
        "madeAt": to_iso(head.made_at),
        "madeFor": head.account,
        "note": NOTE,
        "aggregations": found.aggregations,
        "documents": found.documents,
        "firstDay": None if found.first_day is None else found.first_day.isoformat(),
        "lastDay": None if found.last_day is None else found.last_day.isoformat(),
        "contentBytes": found.content_bytes,
        "levels": {kind.value: count for kind, count in found.levels},
        "aggregationStates": {state.value: count for state, count in found.aggregation_states},
        "media": {kind.value: count for kind, count in found.media},
        "documentStates": {state.value: count for state, count in found.document_states},
        "markings": {shown.marking: count for shown, count in found.classifications},
    }
