"""Editions of a classification scheme: what a class says in one, and how two of them differ.

Source: `SchemeEdition`, `ClassEntry` and `ClassMapping` of the records glossary; ISO 15489-1, 8.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.base.canonical import Canonical, digest

MAX_DEPTH = 20
"""So many classes may stand above each other."""


class ClassStatus(StrEnum):
    """Whether Documents can be classed as it now: what the edition in force says of it."""

    PROPOSED = "proposed"
    ACTIVE = "active"
    CLOSED = "closed"


class MappingKind(StrEnum):
    """How a class that is closed goes on in another one."""

    EXACT = "exact"
    BROADER = "broader"
    NARROWER = "narrower"
    SPLIT = "split"
    MERGED = "merged"


class Difference(StrEnum):
    """What became of a class from one edition to another."""

    ADDED = "added"
    CLOSED = "closed"
    MOVED = "moved"
    RECODED = "recoded"
    RETITLED = "retitled"
    REWORDED = "reworded"


class Wording(NamedTuple):
    """What a class says in an edition."""

    class_id: UUID
    parent_id: UUID | None
    code: str
    title: str
    scope_note: str | None
    includes: str | None
    excludes: str | None
    primary_office: str | None
    is_closed: bool


class Successor(NamedTuple):
    """That a closed class goes on in another one."""

    class_id: UUID
    target_id: UUID
    kind: MappingKind


class Comparison(NamedTuple):
    """A class that differs between two editions, with what it says in each; None where it is absent."""

    class_id: UUID
    differences: tuple[Difference, ...]
    before: Wording | None
    after: Wording | None


def edition_digest(
    wordings: Iterable[Wording], successors: Iterable[Successor], *, heading: Sequence[Canonical]
) -> str:
    """Return what an approval is bound to: every class, every mapping, and the heading of the edition."""
    classes: list[Canonical] = [[_plain(value) for value in row] for row in sorted(wordings)]
    mappings: list[Canonical] = [[_plain(value) for value in row] for row in sorted(successors)]
    return digest([list(heading), classes, mappings])


def line_above(parents: Mapping[UUID, UUID | None], class_id: UUID | None) -> tuple[UUID, ...]:
    """Return a class and all above it, the lowest first; it ends where a circle would begin again."""
    line: list[UUID] = []
    while class_id is not None and class_id not in line:
        line.append(class_id)
        class_id = parents.get(class_id)
    return tuple(line)


def height(parents: Mapping[UUID, UUID | None], class_id: UUID | None) -> int:
    """Return how many levels a class and what lies below it take; 1 for a new one."""
    lines = (line_above(parents, each) for each in parents)
    return max((line.index(class_id) + 1 for line in lines if class_id in line), default=1)


def from_the_top(wordings: Iterable[Wording]) -> tuple[Wording, ...]:
    """Return the classes so that each follows the one it is a part of."""
    rows = {row.class_id: row for row in wordings}
    parents = {row.class_id: row.parent_id for row in rows.values()}
    depth = {class_id: len(line_above(parents, class_id)) for class_id in rows}
    return tuple(sorted(rows.values(), key=lambda row: (depth[row.class_id], row.code, row.class_id)))


def orphans(wordings: Iterable[Wording]) -> tuple[Wording, ...]:
    """Return the open classes whose parent is closed, or not in the edition, by code."""
    rows = {row.class_id: row for row in wordings}
    return tuple(
        sorted(
            (row for row in rows.values() if not row.is_closed and _is_gone(rows, row.parent_id)),
            key=lambda row: row.code,
        )
    )


def compare(before: Iterable[Wording], after: Iterable[Wording]) -> tuple[Comparison, ...]:
    """Return the classes that differ, by the code they have after or else had before."""
    old, new = ({row.class_id: row for row in rows} for rows in (before, after))
    found = [
        Comparison(class_id, differences, old.get(class_id), new.get(class_id))
        for class_id in old.keys() | new.keys()
        if (differences := _differences(old.get(class_id), new.get(class_id)))
    ]
    return tuple(sorted(found, key=_by_code))


def placed_otherwise(before: Iterable[Wording], after: Iterable[Wording]) -> frozenset[UUID]:
    """Return the classes that lie below another one, or have another primary office, than before.

    On these, and on those below, other rules of retention may bear. A closed class stays where it was.
    """
    old = {row.class_id: (row.parent_id, row.primary_office) for row in before}
    new = {row.class_id: (row.parent_id, row.primary_office) for row in after if not row.is_closed}
    return frozenset(each for each in new.keys() & old.keys() if new[each] != old[each])


def _is_gone(rows: Mapping[UUID, Wording], parent_id: UUID | None) -> bool:
    return parent_id is not None and (parent_id not in rows or rows[parent_id].is_closed)


def _differences(old: Wording | None, new: Wording | None) -> tuple[Difference, ...]:
    if old is None or old.is_closed:
        return (Difference.ADDED,) if new is not None and not new.is_closed else ()
    if new is None or new.is_closed:
        return (Difference.CLOSED,)
    told = (
        (Difference.MOVED, old.parent_id, new.parent_id),
        (Difference.RECODED, old.code, new.code),
        (Difference.RETITLED, old.title, new.title),
        (Difference.REWORDED, old[4:], new[4:]),
    )
    return tuple(difference for difference, was, is_now in told if was != is_now)


def _by_code(found: Comparison) -> tuple[str, UUID]:
    shown = found.after or found.before
    return (shown.code if shown else "", found.class_id)


def _plain(value: object) -> Canonical:
    match value:
        case UUID():
            return value.hex
        case None | bool() | str():
            return value
        case _:
            raise TypeError(f"a value of type `{type(value).__name__}` says nothing of a class")
