"""What of an event's detail shows to a reader of the log who may not see all that the event names.

The duty to read the log gives no sight of Documents (F34), but old and new values, variables and search
words may repeat what stands in them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dms.base.canonical import canonical_bytes

CHANGES = "changes"

_OPEN_KEYS = frozenset(
    {
        "account",
        "address",
        "asked",
        "check",
        "imported",
        "last",
        "log_export",
        "log_read",
        "method",
        "name_sha256",
        "operator",
        "repeated",
        "session",
        "user_agent",
        "writer",
    }
)
"""What never repeats anything of a Document."""

_OPEN_NOUNS = frozenset(
    {
        "access",
        "accessfinding",
        "accesslist",
        "accessreview",
        "account",
        "clearance",
        "compartment",
        "group",
        "log",
        "logalert",
        "policy",
        "recordclass",
        "role",
        "scheme",
        "securitylevel",
        "session",
        "system",
        "user",
        "viewer",
    }
)
"""Nouns of operations that are about no Document or Aggregation, even when they name none."""


@dataclass(frozen=True, slots=True)
class Detail:
    """A detail as it is shown: JSON text, and the names of what is left out of it."""

    text: str
    withheld: tuple[str, ...]


def is_about_things(ops: Iterable[str]) -> bool:
    """Tell whether an operation may have to do with Documents or Aggregations."""
    return any(op.partition(".")[0] not in _OPEN_NOUNS for op in ops)


def shown(detail: Mapping[str, Any], *, hidden: Collection[str], is_open: bool) -> Detail:
    """Return what shows of a detail.

    `hidden` are ids (hexadecimal) of things that the reader may not see: their values are left out.
    Unless `is_open`, so is everything else that may repeat what stands in a thing.
    """
    kept: dict[str, Any] = {}
    withheld: list[str] = []
    for key, value in sorted(detail.items()):
        if key == CHANGES:
            kept[key] = [_change(line, hidden, withheld) for line in value]
        elif is_open or key in _OPEN_KEYS:
            kept[key] = value
        else:
            withheld.append(key)
    return Detail(canonical_bytes(kept).decode(), tuple(withheld))


def _change(line: list[Any], hidden: Collection[str], withheld: list[str]) -> list[Any]:
    object_id, old, new = line
    if object_id not in hidden:
        return line
    withheld.append(f"{CHANGES}.{object_id}")
    return [object_id, sorted(old), sorted(new)]
