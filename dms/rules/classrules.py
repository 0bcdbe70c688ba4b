"""Which class a new Document gets: by hand, by the first rule that fits, by its place, or none (1253-3).

Pure, and bounded: words and globs are looked at in steps that grow with their length alone, so no rule that
somebody writes can hold registration up. Nothing here is a regular expression.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple
from uuid import UUID

from dms.base.canonical import Canonical
from dms.base.errors import Invalid

MAX_RULES = 500
MAX_VALUES = 50
"""Values of one condition, of which one must fit."""

MAX_VALUE = 200
MAX_STARS = 8
"""Wildcards `*` of one pattern."""


class ClassedBy(StrEnum):
    """How a Document came by its class."""

    HAND = "hand"
    RULE = "rule"
    PARENT = "parent"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Conditions:
    """What must fit of a Document: of each condition that has values, one of them."""

    title_words: tuple[str, ...] = ()
    """Words, all of which stand in the title."""
    source_systems: tuple[str, ...] = ()
    name_patterns: tuple[str, ...] = ()
    """Globs of the name at the source: `*` is anything, `?` one character."""
    authors: tuple[str, ...] = ()
    """Globs of the authors."""
    document_types: frozenset[UUID] = frozenset()
    aggregations: frozenset[UUID] = frozenset()
    """Aggregations at or below one of which it lies."""

    @property
    def is_empty(self) -> bool:
        """Tell whether there is no condition, so that all would fit."""
        return not any(getattr(self, name) for name in (*_TEXTS, *_IDS))


class Subject(NamedTuple):
    """What rules look at of a Document."""

    title: str
    source_system: str | None
    original_name: str | None
    authors: str | None
    document_type_id: UUID | None
    places: frozenset[UUID]
    """The Aggregation in which it lies, and all above it."""


class Rule(NamedTuple):
    """A rule that counts: its class is in force."""

    id: UUID
    class_id: UUID
    conditions: Conditions


class Classed(NamedTuple):
    """The class of a Document, and how it came by it."""

    class_id: UUID
    by: ClassedBy
    rule_id: UUID | None = None


_TEXTS = ("title_words", "source_systems", "name_patterns", "authors")
_IDS = ("document_types", "aggregations")


def first(rules: Iterable[Rule], subject: Subject) -> Rule | None:
    """Return the first rule that fits; None if none does."""
    return next((rule for rule in rules if fits(rule.conditions, subject)), None)


def fits(conditions: Conditions, subject: Subject) -> bool:
    """Tell whether a Document fits all conditions; what it lacks fits none."""
    return (
        (not conditions.document_types or subject.document_type_id in conditions.document_types)
        and (not conditions.aggregations or not conditions.aggregations.isdisjoint(subject.places))
        and (not conditions.source_systems or _is_one(conditions.source_systems, subject.source_system))
        and (not conditions.title_words or _has_words(conditions.title_words, subject.title))
        and (not conditions.name_patterns or _is_like(conditions.name_patterns, subject.original_name))
        and (not conditions.authors or _is_like(conditions.authors, subject.authors))
    )


def is_like(pattern: str, text: str) -> bool:
    """Tell whether a text is like a glob, whatever the case of its letters.

    What stands between two `*` is looked for once, from where the part before it ended: at most as many steps
    as both lengths multiplied.
    """
    head, *parts = pattern.casefold().split("*")
    given = text.casefold()
    if not parts:
        return len(head) == len(given) and _stands(head, given, 0)
    tail = parts.pop()
    at, end = len(head), len(given) - len(tail)
    if at > end or not _stands(head, given, 0) or not _stands(tail, given, end):
        return False
    for part in parts:
        found = _find(part, given, at, end=end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _find(part: str, text: str, start: int, *, end: int) -> int:
    """Return where a part of a glob first stands between two places of a text; -1 for nowhere."""
    if "?" not in part:
        return text.find(part, start, end)
    return next((at for at in range(start, end - len(part) + 1) if _stands(part, text, at)), -1)


def _stands(part: str, text: str, at: int) -> bool:
    if "?" not in part:
        return text.startswith(part, at)
    there = text[at : at + len(part)]
    return len(there) == len(part) and all(
        wanted in {"?", char} for wanted, char in zip(part, there, strict=True)
    )


def words(text: str) -> frozenset[str]:
    """Return the words of a text: runs of letters, digits and marks, folded."""
    kept = "".join(char if char.isalnum() or char in "_'" else " " for char in text.casefold())
    return frozenset(kept.split())


def plain(conditions: Conditions) -> dict[str, Canonical]:
    """Return conditions as they are kept; `read` reads them back."""
    said: dict[str, Canonical] = {name: list(getattr(conditions, name)) for name in _TEXTS}
    said |= {name: sorted(each.hex for each in getattr(conditions, name)) for name in _IDS}
    return {name: values for name, values in said.items() if values}


def read(said: Mapping[str, Sequence[str]]) -> Conditions:
    """Read conditions that were kept."""
    texts = {name: tuple(said.get(name, ())) for name in _TEXTS}
    ids = {name: frozenset(UUID(hex=each) for each in said.get(name, ())) for name in _IDS}
    return Conditions(**texts, **ids)  # type: ignore[arg-type]  # by the names of their fields


def check(conditions: Conditions) -> None:
    """Raise `Invalid` unless there is a condition, and each has few and short values."""
    if conditions.is_empty:
        raise Invalid("say at least one condition: a rule that always fits is no rule", path=("conditions",))
    for name in (*_TEXTS, *_IDS):
        if len(getattr(conditions, name)) > MAX_VALUES:
            raise Invalid(f"give at most {MAX_VALUES} values", path=("conditions", _shown(name)))
    for name in _TEXTS:
        for at, value in enumerate(getattr(conditions, name)):
            _check_text(name, at, value)


def _check_text(name: str, at: int, value: str) -> None:
    path = ("conditions", _shown(name), str(at))
    if not value.strip() or len(value) > MAX_VALUE:
        raise Invalid(f"give 1 to {MAX_VALUE} characters", path=path)
    if name == "title_words" and not words(value):
        raise Invalid(f"there is no word in `{value}`", path=path)
    if name in {"name_patterns", "authors"} and value.count("*") > MAX_STARS:
        raise Invalid(f"use at most {MAX_STARS} wildcards `*`", path=path)


def _shown(name: str) -> str:
    head, *tail = name.split("_")
    return head + "".join(part.title() for part in tail)


def _is_one(values: Sequence[str], given: str | None) -> bool:
    return given is not None and given.casefold() in {value.casefold() for value in values}


def _has_words(values: Sequence[str], title: str) -> bool:
    there = words(title)
    return any(words(value) <= there for value in values)


def _is_like(patterns: Sequence[str], given: str | None) -> bool:
    return given is not None and any(is_like(pattern, given) for pattern in patterns)
