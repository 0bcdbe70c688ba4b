"""An edition of a schedule as a file: every rule with its whole text, read back before it leaves.

A line per rule, in the columns of `COLUMNS`, as JSON or as a table. Imported again it gives the same rules:
`rawText` is what the import reads. What persons read in a rule stands beside it, and is not carried over:
nobody there has approved it.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Final, NamedTuple

from dms.rules import schedulesources, tracks
from dms.rules.retention import Bound
from dms.rules.schedulerows import SourceRow
from dms.rules.sheets import safe_cell
from dms.rules.states import RuleEntryState


class SheetFormat(StrEnum):
    """How the file is written."""

    JSON = "json"
    CSV = "csv"


class RuleLine(NamedTuple):
    """A rule of the edition."""

    number: str
    code: str
    title: str
    description: str | None
    citations: str | None
    bound: Bound
    is_vital: bool
    has_personal_information: bool
    is_confidential: bool
    state: RuleEntryState
    reasons: str
    tracks: str
    raw_text: str


COLUMNS: Final = (
    "number",
    "code",
    "title",
    "description",
    "citations",
    "bound",
    "isVital",
    "hasPersonalInformation",
    "isConfidential",
    "state",
    "reasons",
    "tracks",
    "rawText",
)


class Unfaithful(Exception):
    """The file would not give the rules that it was made of: a defect, so nothing leaves."""


def written(lines: Sequence[RuleLine], kind: SheetFormat) -> bytes:
    """Write an edition; `Unfaithful` unless an import of the file would give the same rules."""
    data = _as_json(lines) if kind is SheetFormat.JSON else _as_table(lines)
    read = schedulesources.read(data, name=f"export.{kind.value}")
    found = [(row.key, row.raw_text) for row in read if isinstance(row, SourceRow)]
    if found != [(line.number, line.raw_text) for line in lines]:
        raise Unfaithful("the written edition differs from what was to be written")
    return data


def _as_json(lines: Iterable[RuleLine]) -> bytes:
    rows = [dict(zip(COLUMNS, _values(line), strict=True)) for line in lines]
    return json.dumps(rows, ensure_ascii=False, indent=1).encode() + b"\n"


def _as_table(lines: Iterable[RuleLine]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(COLUMNS)
    for line in lines:
        table.writerow([safe_cell(_cell(value)) for value in _values(line)])
    return text.getvalue().encode()


def _values(line: RuleLine) -> tuple[object, ...]:
    made = json.loads(line.tracks) if line.tracks != tracks.NONE else []
    return (
        *(str(value) if isinstance(value, StrEnum) else value for value in line[:10]),
        line.reasons.split(),
        made,
        line.raw_text,
    )


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else ""
        case list():
            return json.dumps(value, ensure_ascii=False, separators=(",", ":")) if value else ""
        case _:
            return str(value)
