"""The shapes in which events of the access log leave: JSON Lines of the exact bytes, and CSV as a view.

JSON Lines prove themselves: the first line carries the checkpoint, each event its bytes and, unless all
events are there, the hashes that lead to the checkpoint; the last line binds all before it.
"""

from __future__ import annotations

import base64
import csv
import io
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from uuid import UUID

import orjson

from dms.base.canonical import Canonical
from dms.base.clock import to_iso
from dms.rules.accessevents import Body, Share
from dms.rules.sheets import safe_cell

FORMAT = "dms-access-log/1"

SOURCE = ("address", "user_agent", "operator")
"""What of a detail shows to everybody who may read the log."""


RELATIONS = ("released", "changed", "refused")
"""How an event may name an object."""


class ExportFormat(StrEnum):
    """What kind of file an export becomes."""

    JSONL = "jsonl"
    CSV = "csv"
    OCSF = "ocsf"


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers that a writer must have used and the log does not show."""

    writer: UUID
    first: int
    count: int


@dataclass(frozen=True, slots=True)
class Statement:
    """How complete an export is: the events `first` to `last` by their index were looked through."""

    origin: str
    checkpoint: str
    """The signed note."""
    size: int
    first: int
    last: int
    """One less than `first` if there was nothing to look through."""
    newer: int
    """Events of the selection that no checkpoint covered yet: they are not in the export."""
    pruned: int = 0
    """Indices whose events are gone by rule, or by force: nothing tells which of them were selected."""
    gaps: Sequence[Gap] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """An event on its way out."""

    index: int
    event_id: UUID
    body: bytes
    leaf_hash: str
    told: Body | None = None
    """What the body says; None for bytes that this program did not write."""
    fault: str | None = None
    """A code for what the event shows of tampering or damage."""
    sealed: tuple[bytes, bytes] | None = None
    """Salt and detail, if the account may read all of it."""
    source: Mapping[str, str | None] = field(default_factory=dict)
    actor_name: str | None = None
    markings: Mapping[int, str] = field(default_factory=dict)
    """What the marks by which objects are named are called."""


@dataclass(frozen=True, slots=True)
class Named:
    """An object that an event names, and how."""

    object_id: UUID | None
    relation: str
    disclosure: str | None = None
    security_id: int | None = None
    class_id: UUID | None = None
    before: int | None = None
    after: int | None = None
    action: str | None = None
    reason: str | None = None
    exists: bool | None = None


def header(statement: Statement, *, selection: Mapping[str, Canonical], count: int) -> bytes:
    """Return the first line of JSON Lines."""
    gaps = [[gap.writer.hex, gap.first, gap.count] for gap in statement.gaps]
    return _line(
        {
            "format": FORMAT,
            "origin": statement.origin,
            "checkpoint": statement.checkpoint,
            "size": statement.size,
            "first": statement.first,
            "last": statement.last,
            "selection": dict(selection),
            "count": count,
            "newer": statement.newer,
            "pruned": statement.pruned,
            "gaps": gaps,
        }
    )


def event_line(entry: Entry, path: Sequence[bytes] | None) -> bytes:
    """Return the line of an event; `path` leads from its leaf to the checkpoint."""
    found: dict[str, Any] = {"index": entry.index, "body": _text(entry.body), "detail": None}
    if entry.sealed is not None:
        salt, detail = entry.sealed
        found["detail"] = {"salt": salt.hex(), "detail": _text(detail)}
    if path is not None:
        found["path"] = [base64.b64encode(each).decode("ascii") for each in path]
    return _line(found)


def trailer(count: int, sha256_hex: str) -> bytes:
    """Return the last line of JSON Lines: the digest is that of all bytes before it."""
    return _line({"end": True, "count": count, "sha256": sha256_hex})


_COLUMNS = (
    *("index", "event_id", "at", "op", "also", "outcome", "reason"),
    *("actor_id", "actor", "actor_kind", "session_id", "request_id", "roles", "policy_revision"),
    *("released", "changed", "refused", "withheld", "aggregates", "bytes_sent"),
    *("address", "user_agent", "operator", "writer", "number", "part", "parts", "leaf_hash", "fault"),
)
_OBJECT_COLUMNS = (
    *("object_id", "relation", "disclosure", "marking", "class_id"),
    *("revision_before", "revision_after", "action", "refusal_reason", "exists"),
)

Cell = str | int | bool | None


def sheet_header(*, with_objects: bool) -> bytes:
    """Return the line of column names."""
    return _rows([_COLUMNS + _OBJECT_COLUMNS if with_objects else _COLUMNS])


def sheet_rows(entry: Entry, *, with_objects: bool) -> bytes:
    """Return the row of an event, or with objects a row for each of them (one for an event without)."""
    objects = list(named(entry.told))
    own = _event_cells(entry, Counter(each.relation for each in objects))
    if not with_objects:
        return _rows([own])
    shown = [_object_cells(each, entry.markings) for each in objects]
    return _rows([(*own, *cells) for cells in shown or [(None,) * len(_OBJECT_COLUMNS)]])


def named(told: Body | None) -> Iterator[Named]:
    """Yield the objects that a body names: what it shows, what it changed, what it refused."""
    share = Share() if told is None else told.share
    for line in share.released:
        yield Named(
            line.object_id,
            "released",
            line.disclosure.name.lower(),
            line.security_id,
            line.class_id,
            after=line.revision,
        )
    for change in share.changed:
        yield Named(change.object_id, "changed", before=change.before, after=change.after)
    for refusal in share.refused:
        yield Named(
            refusal.object_id,
            "refused",
            action=refusal.action,
            reason=refusal.reason,
            exists=refusal.exists,
        )


def _event_cells(entry: Entry, relations: Counter[str]) -> tuple[Cell, ...]:
    counts = [relations[each] for each in RELATIONS]
    told = _told_cells(entry.told, entry.actor_name) if entry.told else _UNTOLD
    source = (entry.source.get(key) for key in SOURCE)
    return (
        *(entry.index, entry.event_id.hex),
        *(*told[0], *counts, *told[1]),
        *(*source, *told[2], entry.leaf_hash, entry.fault),
    )


_UNTOLD: tuple[tuple[Cell, ...], ...] = ((None,) * 12, (None,) * 3, (None,) * 4)


def _told_cells(told: Body, actor_name: str | None) -> tuple[tuple[Cell, ...], ...]:
    head, place = told.head, told.place
    said = (
        to_iso(head.at),
        head.ops[0],
        " ".join(head.ops[1:]),
        head.outcome.value,
        head.reason,
        _hex(head.actor_id),
        actor_name,
        head.actor_kind,
        _hex(head.session),
        head.request,
        " ".join(head.roles),
        head.policy_revision,
    )
    sent = (head.withheld, head.aggregates, head.bytes_sent)
    return said, sent, (head.writer.hex, place.n, place.part, place.parts)


def _object_cells(each: Named, markings: Mapping[int, str]) -> tuple[Cell, ...]:
    marking = None if each.security_id is None else markings.get(each.security_id)
    return (
        _hex(each.object_id),
        each.relation,
        each.disclosure,
        marking,
        _hex(each.class_id),
        each.before,
        each.after,
        each.action,
        each.reason,
        each.exists,
    )


def _hex(found: UUID | None) -> str | None:
    return None if found is None else found.hex


def _rows(rows: Sequence[Sequence[Cell]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[_cell(value) for value in row] for row in rows])
    return text.getvalue().encode()


def _cell(value: Cell) -> str | int:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case str():
            return safe_cell(value)
        case _:
            return value


def _line(found: Mapping[str, Any]) -> bytes:  # JSON values
    return orjson.dumps(found, option=orjson.OPT_APPEND_NEWLINE)


def _text(raw: bytes) -> str:
    # Bytes that are no UTF-8 were never written by this program: the digest will show it.
    return raw.decode("utf-8", errors="replace")


def merged(runs: Sequence[tuple[int, int]], numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return runs of whole numbers, both ends in them, with more numbers put in."""
    found: list[tuple[int, int]] = []
    for low, high in sorted([*runs, *((number, number) for number in numbers)]):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return found


def holes(runs: Sequence[tuple[int, int]], *, low: int, high: int) -> list[tuple[int, int]]:
    """Return what runs leave out between two of their numbers: the first of each hole, and how many."""
    found = []
    for (_, end), (begin, _) in itertools.pairwise(runs):
        if low <= end and begin <= high:
            found.append((end + 1, begin - end - 1))
    return found
