"""A set of changes of who may what, rehearsed and proposed together: its limits, its text, its digest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import Enum, StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from dms.base.canonical import Canonical, canonical_bytes, digest
from dms.base.clock import DAY
from dms.base.errors import Invalid
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.periods import Period, checked, overlap

MAX_CHANGES = 500

PROPOSAL_LASTS = 7 * DAY
"""How long a proposed set waits for its second person."""

_EVER = -(1 << 62)
"""Stands for the start of a period that begins when it is written."""


@dataclass(frozen=True, slots=True)
class EntryGrant:
    """Write an access entry; without `valid_from` it begins when it is written."""

    principal_id: UUID
    node_kind: NodeKind
    node_id: UUID
    action: Action
    effect: Effect
    valid_from: int | None = None
    valid_until: int | None = None


@dataclass(frozen=True, slots=True)
class EntryRevoke:
    """End an access entry."""

    entry_id: UUID


@dataclass(frozen=True, slots=True)
class LinkMake:
    """Put an account or group into a group, or give it a role."""

    member_id: UUID
    group_id: UUID
    valid_from: int | None = None
    valid_until: int | None = None


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """Take an account or group out of a group, or a role away from it."""

    member_id: UUID
    group_id: UUID


@dataclass(frozen=True, slots=True)
class ClearanceGrant:
    """Give a clearance."""

    user_id: UUID
    level: str
    compartments: tuple[str, ...] = ()
    valid_from: int | None = None
    valid_until: int | None = None


@dataclass(frozen=True, slots=True)
class ClearanceRevoke:
    """End a clearance."""

    clearance_id: UUID


@dataclass(frozen=True, slots=True)
class MarkSet:
    """Give a Document or an Aggregation another mark, if it is still at this revision."""

    object_kind: NodeKind
    object_id: UUID
    level: str
    compartments: tuple[str, ...]
    expected_revision: int


Change: TypeAlias = EntryGrant | EntryRevoke | LinkMake | LinkEnd | ClearanceGrant | ClearanceRevoke | MarkSet


class ChangeKind(StrEnum):
    """What a change does."""

    ENTRY_GRANT = "entry_grant"
    ENTRY_REVOKE = "entry_revoke"
    LINK_MAKE = "link_make"
    LINK_END = "link_end"
    CLEARANCE_GRANT = "clearance_grant"
    CLEARANCE_REVOKE = "clearance_revoke"
    MARK_SET = "mark_set"


_KINDS: Mapping[str, type[Change]] = {
    ChangeKind.ENTRY_GRANT: EntryGrant,
    ChangeKind.ENTRY_REVOKE: EntryRevoke,
    ChangeKind.LINK_MAKE: LinkMake,
    ChangeKind.LINK_END: LinkEnd,
    ChangeKind.CLEARANCE_GRANT: ClearanceGrant,
    ChangeKind.CLEARANCE_REVOKE: ClearanceRevoke,
    ChangeKind.MARK_SET: MarkSet,
}
_NAMES = {kind: ChangeKind(name) for name, kind in _KINDS.items()}

_READ: Mapping[str, type[Enum]] = {
    "node_kind": NodeKind,
    "object_kind": NodeKind,
    "action": Action,
    "effect": Effect,
}


def check(changes: Sequence[Change]) -> None:
    """Raise `Invalid`, with the number of the change, for a set that can never be written as it stands.

    That is: none or too many changes, a period without an instant, one change said twice, or two of which
    one undoes the other.
    """
    if not changes:
        raise Invalid("say at least one change", path=("changes",))
    if len(changes) > MAX_CHANGES:
        raise Invalid(
            f"{len(changes)} changes are too many: send at most {MAX_CHANGES} at a time", path=("changes",)
        )
    said: dict[tuple[object, ...], list[tuple[int, Change]]] = {}
    for number, change in enumerate(changes):
        period = _period(change, number)
        same = said.setdefault(_about(change), [])
        for earlier, other in same:
            if overlap(period, _period(other, earlier)):
                raise Invalid(_clash(change, other, earlier=earlier), path=_path(number))
        same.append((number, change))


def kind_of(change: Change) -> ChangeKind:
    """Return what a change does."""
    return _NAMES[type(change)]


def written(changes: Iterable[Change]) -> list[Canonical]:
    """Write a set as canonical JSON takes it."""
    return [{"change": kind_of(change).value, **_values(change)} for change in changes]


def text(changes: Iterable[Change]) -> str:
    """Write a set as it is kept."""
    return canonical_bytes(written(changes)).decode()


def read(found: Iterable[Mapping[str, Any]]) -> tuple[Change, ...]:  # Any: JSON read back
    """Read a set back from what `written` gave."""
    return tuple(_read(each) for each in found)


def digest_of(changes: Iterable[Change], *, reason: str, basis_sha256: str) -> str:
    """Return what an approval is bound to: the whole set, its reason, and what its effects rest on."""
    return digest([reason, basis_sha256, *written(changes)])


def _about(change: Change) -> tuple[object, ...]:
    """Return what a change is about: of that, one set says one thing."""
    match change:
        case EntryGrant():
            return "entry", change.principal_id, change.node_id, change.action
        case EntryRevoke():
            return "revoke", change.entry_id
        case LinkMake() | LinkEnd():
            return "link", change.member_id, change.group_id
        case ClearanceGrant():
            return "clearance", change.user_id
        case ClearanceRevoke():
            return "withdrawal", change.clearance_id
        case MarkSet():
            return "mark", change.object_id


def _clash(change: Change, other: Change, *, earlier: int) -> str:
    if change == other:
        return f"change {earlier} says the same: leave one of them out"
    return f"change {earlier} says something else about the same: leave one of them out"


def _period(change: Change, number: int) -> Period:
    if not isinstance(change, EntryGrant | LinkMake | ClearanceGrant):
        return Period(_EVER)
    since = _EVER if change.valid_from is None else change.valid_from
    return checked(since, change.valid_until, path=(*_path(number), "valid_until"))


def _path(number: int) -> tuple[str, ...]:
    return "changes", str(number)


def _values(change: Change) -> dict[str, Canonical]:
    return {name: _value(value) for name, value in asdict(change).items()}


def _value(value: object) -> Canonical:
    match value:
        case UUID():
            return value.hex
        case Enum():
            return str(value.value)
        case tuple():
            return sorted({str(each) for each in value})
        case int() | str() | None:
            return value
        case _:
            raise TypeError(f"a change holds no `{type(value).__name__}`")


def _read(found: Mapping[str, Any]) -> Change:
    kind = _KINDS[found["change"]]
    return kind(**{each.name: _read_value(each.name, found[each.name]) for each in fields(kind)})


def _read_value(name: str, value: Any) -> Any:  # as the field of this name
    if name in _READ:
        return _READ[name](value)
    if isinstance(value, list):
        return tuple(value)
    return UUID(hex=value) if name.endswith("_id") else value
