"""Which keys of content are wrapped under which key-encryption key: rows and counts, no content.

The one caller is `services.keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from dms.models.versions import BlobKey, PartialUpload, Upload
from dms.stores.crypto import KeyUnavailable, WrappedKey
from dms.stores.work import Work, session_of

Rewrap: TypeAlias = Callable[[WrappedKey], WrappedKey]

_Keyed: TypeAlias = BlobKey | Upload | PartialUpload

_FIRST = UUID(int=0)
_PLACES: Sequence[tuple[Any, InstrumentedAttribute[UUID]]] = (
    (BlobKey, BlobKey.blob_id),
    (Upload, Upload.id),
    (PartialUpload, PartialUpload.id),
)


@dataclass(frozen=True, slots=True)
class Slice:
    """Keys that were wrapped anew; `after` is None once there are no more, `lost` do not open."""

    after: tuple[int, UUID] | None
    rewrapped: int
    lost: int


def counts(work: Work) -> Mapping[str, int]:
    """Count the keys of content, filed and waiting, by the key-encryption key they are wrapped under."""
    found: dict[str, int] = {}
    for model, _ in _PLACES:
        kek = model.kek
        rows = session_of(work).execute(select(kek, func.count()).where(kek != "").group_by(kek))
        for name, count in rows:
            found[name] = found.get(name, 0) + count
    return found


def rewrap(work: Work, active: str, *, after: tuple[int, UUID] | None, limit: int, by: Rewrap) -> Slice:
    """Wrap the next keys anew that are not under the active one: filed contents first, then uploads."""
    place, start = after or (0, _FIRST)
    model, key = _PLACES[place]
    chosen = select(model).where(key > start, model.kek.not_in(["", active])).order_by(key).limit(limit)
    rows = session_of(work).execute(chosen).scalars().all()
    lost = sum(not _anew(row, by) for row in rows)
    if rows:
        return Slice((place, getattr(rows[-1], key.key)), len(rows) - lost, lost)
    return Slice((place + 1, _FIRST) if place + 1 < len(_PLACES) else None, 0, 0)


def _anew(row: _Keyed, by: Rewrap) -> bool:
    try:
        fresh = by(WrappedKey(row.kek, row.wrapped))
    except KeyUnavailable:
        return False
    row.kek, row.wrapped = fresh.kek, fresh.wrapped
    return True
