"""The relative index: everyday terms that lead to classes, and what is wrong with them.

Source: relative index of the records glossary; ISO 999:1996, clauses 7.5 and 8, for cross references.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.rules.concepts import label_key


class IndexEntryKind(StrEnum):
    """Where a term leads."""

    ENTRY = "entry"
    SEE = "see"
    SEE_ALSO = "see_also"


class IndexFault(StrEnum):
    """What is wrong with an entry."""

    ORPHAN = "orphan"
    DOUBLE = "double"
    BLIND = "blind"


class Line(NamedTuple):
    """An entry as it is judged."""

    id: UUID
    term: str
    qualifier: str
    kind: IndexEntryKind
    class_id: UUID | None
    target: str | None
    """The other term, of a reference."""


class Faulty(NamedTuple):
    """An entry with what is wrong with it."""

    fault: IndexFault
    entry_id: UUID


def faults(lines: Iterable[Line], active: Collection[UUID]) -> tuple[Faulty, ...]:
    """Return what is wrong, sorted by the terms.

    An orphan leads to a class that is not in force; of doubles the later ones say what an earlier one says;
    a blind reference leads to no term that leads anywhere.
    """
    rows = sorted(map(_judged, lines), key=lambda row: (row.key, row.qualifier, row.line.id))
    leading = _leading(rows, active)
    seen: set[tuple[object, ...]] = set()
    found = []
    for row in rows:
        said = (row.key, row.qualifier, row.line.kind, row.line.class_id, row.target)
        if said in seen:
            found.append(Faulty(IndexFault.DOUBLE, row.line.id))
        seen.add(said)
        if row.line.kind is IndexEntryKind.ENTRY:
            if row.line.class_id not in active:
                found.append(Faulty(IndexFault.ORPHAN, row.line.id))
        elif row.target not in leading:
            found.append(Faulty(IndexFault.BLIND, row.line.id))
    return tuple(found)


class _Judged(NamedTuple):
    line: Line
    key: str
    qualifier: str
    target: str


def _judged(line: Line) -> _Judged:
    return _Judged(line, label_key(line.term), label_key(line.qualifier), label_key(line.target or ""))


def _leading(rows: Iterable[_Judged], active: Collection[UUID]) -> set[str]:
    """Return the terms that lead to a class in force, be it by way of others."""
    by: dict[str, set[str]] = {}
    waiting = []
    for row in rows:
        if row.line.class_id in active:
            waiting.append(row.key)
        elif row.target:
            by.setdefault(row.target, set()).add(row.key)
    found: set[str] = set()
    while waiting:
        key = waiting.pop()
        if key not in found:
            found.add(key)
            waiting.extend(by.get(key, ()))
    return found
