"""Which keys of content are wrapped under which key-encryption key: rows and counts, no content.

The one caller is `services.keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import func, select

from dms.models.versions import BlobKey, Upload
from dms.stores.crypto import KeyUnavailable, WrappedKey
from dms.stores.work import Work, session_of

Rewrap: TypeAlias = Callable[[WrappedKey], WrappedKey]

_FIRST = UUID(int=0)
_PLACES = (BlobKey.kek, Upload.kek)


@dataclass(frozen=True, slots=True)
class Slice:
    """Keys that were wrapped anew; `after` is None once there are no more, `lost` do not open."""

    after: tuple[int, UUID] | None
    rewrapped: int
    lost: int


def counts(work: Work) -> Mapping[str, int]:
    """Count the keys of content, filed and waiting, by the key-encryption key they are wrapped under."""
    found: dict[str, int] = {}
    for kek in _PLACES:
        rows = session_of(work).execute(select(kek, func.count()).where(kek != "").group_by(kek))
        for name, count in rows:
            found[name] = found.get(name, 0) + count
    return found


def rewrap(work: Work, active: str, *, after: tuple[int, UUID] | None, limit: int, by: Rewrap) -> Slice:
    """Wrap the next keys anew that are not under the active one: filed contents first, then uploads."""
    place, start = after or (0, _FIRST)
    rows = _filed(work, active, start, limit) if place == 0 else _waiting(work, active, start, limit)
    lost = 0
    for row in rows:
        try:
            fresh = by(WrappedKey(row.kek, row.wrapped))
        except KeyUnavailable:
            lost += 1
        else:
            row.kek, row.wrapped = fresh.kek, fresh.wrapped
    if rows:
        last = rows[-1]
        at = last.blob_id if isinstance(last, BlobKey) else last.id
        return Slice((place, at), len(rows) - lost, lost)
    return Slice((1, _FIRST) if place == 0 else None, 0, 0)


def _filed(work: Work, active: str, start: UUID, limit: int) -> list[BlobKey | Upload]:
    chosen = select(BlobKey).where(BlobKey.blob_id > start, BlobKey.kek != active)
    return list(session_of(work).execute(chosen.order_by(BlobKey.blob_id).limit(limit)).scalars())


def _waiting(work: Work, active: str, start: UUID, limit: int) -> list[BlobKey | Upload]:
    chosen = select(Upload).where(Upload.id > start, Upload.kek.not_in(["", active]))
    return list(session_of(work).execute(chosen.order_by(Upload.id).limit(limit)).scalars())
