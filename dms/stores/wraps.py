"""Which keys of content are wrapped under which key-encryption key: rows and counts, no content.

What counts and rewraps has one caller, `services.keys`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute

from dms.models.versions import BlobKey, PartialUpload, Upload
from dms.stores.crypto import KeyState, KeyUnavailable, WrappedKey
from dms.stores.texts import VAULT
from dms.stores.vault import Vault
from dms.stores.work import Work, session_of

Rewrap: TypeAlias = Callable[[WrappedKey], WrappedKey]

_Keyed: TypeAlias = BlobKey | Upload | PartialUpload

_FIRST = UUID(int=0)
_PLACES: Sequence[tuple[Any, InstrumentedAttribute[UUID]]] = (
    (BlobKey, BlobKey.blob_id),
    (Upload, Upload.id),
    (PartialUpload, PartialUpload.id),
)


HOLDING_OFF = ("partial_upload", "upload", "blob")
"""Tables that are locked to destroy a key, in the order in which those who bring keys in write them."""


@dataclass(frozen=True, slots=True)
class Slice:
    """Keys that were wrapped anew; `after` is None once there are no more, `lost` do not open."""

    after: tuple[int, UUID] | None
    rewrapped: int
    lost: int


def require_living(work: Work, keks: Collection[str]) -> None:
    """Raise `KeyUnavailable` if one of these key-encryption keys was destroyed: asked by who brings keys in.

    INVARIANT (no key under a destroyed one): ask once the first row is written that `HOLDING_OFF` keeps
    others from; then either the row is there when a destruction counts, or its key is gone here.
    """
    work.flush()
    vault: Vault | None = work.memory.get(VAULT)
    entries = [] if vault is None else vault.keys.list()
    if any(entry.kek in keks and entry.state is KeyState.DESTROYED for entry in entries):
        raise KeyUnavailable("the key of this content was destroyed while it came: send it again")


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
