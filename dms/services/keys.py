"""Keys that wrap the keys of content: which is used, wrapping the living anew, destroying what is old.

Contents are not touched: a key-encryption key is replaced by rewrapping 40 bytes for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from dms.base.clock import SECOND, Instant
from dms.base.errors import NotFound, State
from dms.rules.accessevents import Op
from dms.stores import wraps
from dms.stores.crypto import KeyEntry, KeyState, KeyStore, WrappedKey
from dms.stores.work import Work
from dms.stores.wraps import Slice

SLICE = 500
"""Keys that are wrapped anew in one transaction."""

LOCKS = wraps.HOLDING_OFF
"""Locks under which a key is destroyed."""

_ADVICE = {
    KeyState.ACTIVE: "run `dms keys rotate` first",
    KeyState.DESTROYED: "nothing is left of it",
}


def counts(work: Work) -> Mapping[str, int]:
    """Count the keys of content by the key-encryption key they are wrapped under."""
    work.performs(Op.KEYS_LIST)
    return wraps.counts(work)


def rewrap(work: Work, keys: KeyStore, *, after: tuple[int, UUID] | None) -> Slice:
    """Wrap the next keys of content under the active key-encryption key; goes on after the last slice."""
    work.performs(Op.KEYS_REWRAP)
    active = active_of(keys).kek

    def anew(key: WrappedKey) -> WrappedKey:
        return keys.wrap(keys.unwrap(key))

    done = wraps.rewrap(work, active, after=after, limit=SLICE, by=anew)
    work.notes.detail["keys"] = {"kek": active, "rewrapped": done.rewrapped, "lost": done.lost}
    return done


def destroy(work: Work, keys: KeyStore, *, kek: str, waits_s: int) -> None:
    """Destroy a retired key under which nothing is; run it with `LOCKS`, after `require_idle` is on record.

    Whoever brings a key in under it meanwhile waits for the end of this operation, and then finds it gone.
    """
    require_idle(work, keys, kek=kek, waits_s=waits_s)
    keys.destroy(kek)


def require_idle(work: Work, keys: KeyStore, *, kek: str, waits_s: int) -> KeyEntry:
    """Return a retired key that may be destroyed: nothing is under it, and nobody on his way; else `State`.

    Bytes that were on their way when it was retired bring their key in when they have arrived.
    """
    work.performs(Op.KEYS_DESTROY)
    entry = _find(keys, kek)
    if entry.state is not KeyState.RETIRED:
        advice = _ADVICE[entry.state]
        raise State(f"`{entry.kek}` is {entry.state}: {advice}", state=entry.state)
    under = wraps.counts(work).get(entry.kek, 0)
    if under:
        raise State(
            f"{under} contents are still wrapped under `{entry.kek}`: run `dms keys rotate`",
            state=entry.state,
        )
    free_at = Instant((entry.retired_at or 0) + waits_s * SECOND)
    if work.now < free_at:
        left_h = -(-(free_at - work.now) // (3_600 * SECOND))
        raise State(
            f"`{entry.kek}` was retired a short time ago, and uploads that began before may still bring "
            f"keys under it: try again in {left_h} hours",
            state=entry.state,
        )
    work.notes.detail["keys"] = {"kek": entry.kek, "state": entry.state.value}
    return entry


def active_of(keys: KeyStore) -> KeyEntry:
    """Return the key-encryption key that wraps what is new."""
    return next(entry for entry in keys.list() if entry.state is KeyState.ACTIVE)


def _find(keys: KeyStore, kek: str) -> KeyEntry:
    for entry in keys.list():
        if entry.kek == kek:
            return entry
    raise NotFound(f"no key-encryption key `{kek}`: see `dms keys list`")
