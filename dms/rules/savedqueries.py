"""Conditions of a saved search, written down and read again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from dms.base.canonical import Canonical, canonical_bytes
from dms.rules.searchlimits import Condition, MediaKind, Span

_NAMING = frozenset({"aggregation", "below", "recordClass"})


def written(conditions: Sequence[Condition]) -> str:
    """Write conditions down as canonical JSON."""
    return canonical_bytes(
        [[each.of, each.is_not, [_written(value) for value in each.values]] for each in conditions]
    ).decode()


def read(text: str) -> tuple[Condition, ...]:
    """Return the conditions that were written down."""
    return tuple(
        Condition(of, tuple(_read(of, value) for value in values), is_not)
        for of, is_not, values in json.loads(text)
    )


def _written(value: str | UUID | Span | MediaKind) -> Canonical:
    match value:
        case UUID():
            return value.hex
        case Span():
            return [value.first, value.last]
        case MediaKind():
            return value.text
        case _:
            return value


def _read(of: str, value: Any) -> str | UUID | Span | MediaKind:  # as `of` has it
    if of in _NAMING:
        return UUID(hex=value)
    if of == "date":
        return Span(*value)
    return MediaKind(value) if of == "mediaType" else str(value)
