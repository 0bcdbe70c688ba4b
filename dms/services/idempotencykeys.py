"""Idempotency keys: who does not know whether a request arrived sends it again, and it is done once."""

from __future__ import annotations

from uuid import UUID

from dms.access import gate
from dms.base.canonical import Canonical, digest, sha256
from dms.base.errors import Idempotency, Invalid
from dms.stores import idempotencykeys
from dms.stores.idempotencykeys import Use
from dms.stores.work import Work

MAX_KEY = 200

_PATH = ("idempotencyKey",)


def claim(work: Work, key: str, *, mutation: str, body: Canonical) -> Use | UUID:
    """Take a key for what is to be made; if it was made before, return its id instead.

    Keys are those of an account, for 24 hours. `Idempotency` if this one was used for anything else. Whoever
    shows what was made before reads it anew through the gate: it may be hidden by now.
    """
    if not (1 <= len(key) <= MAX_KEY and key.isprintable()):
        raise Invalid(f"a key is 1 to {MAX_KEY} printable characters, such as a random UUID", path=_PATH)
    use = Use(gate.account_id(work), sha256(key.encode()).hex(), mutation, digest(body))
    former = idempotencykeys.claim(work, use)
    if former is None:
        return use
    if former.thing_id is None or (former.mutation, former.body_sha256) != (use.mutation, use.body_sha256):
        message = (
            "this key was used for something else: repeat the first request as it was, or take a new key"
        )
        raise Idempotency(message, path=_PATH)
    work.notes.detail["repeated"] = [*work.notes.detail.get("repeated", ()), mutation]
    return former.thing_id


def keep(work: Work, use: Use, thing_id: UUID) -> None:
    """Write down what a claimed key made; the end of the transaction keeps both or neither."""
    idempotencykeys.keep(work, use, thing_id)
