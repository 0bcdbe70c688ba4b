"""The job that carries out a list of disposal, and the one that removes the bytes of what is gone."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from uuid import UUID

from dms.base.actor import Actor, ActorKind
from dms.base.errors import DmsError, DoorError, Unauthenticated, Unavailable
from dms.jobs.holding import Ground, Held, InVain
from dms.services import blobs, disposalruns


def execute(_ground: Ground, held: Held) -> None:
    """Carry out a list in the name of who started it, slice by slice; its last slice ends it."""
    batch_id = UUID(hex=held.taken.payload["batch"])
    actor = Actor(ActorKind.USER, UUID(hex=held.taken.payload["by"]), None, held.taken.id.hex)
    while _carry_out(held, actor, batch_id):
        held.tell(*held.works.read(actor, partial(disposalruns.progress, batch_id=batch_id)))
    held.finish(partial(disposalruns.finish, batch_id=batch_id))


def remove(ground: Ground, held: Held) -> None:
    """Remove stored bytes that nobody can read any more."""
    digests = held.taken.payload["digests"]
    gone = held.works.read(held.actor, partial(blobs.shredded, digests=digests))
    if gone:
        held.works.read(held.actor, partial(blobs.remove, things=gone))
    for digest in gone:
        held.check()
        with suppress(Unavailable):  # the sweep finds what stays
            ground.vault.store.delete(digest)


def _carry_out(held: Held, actor: Actor, batch_id: UUID) -> int:
    """Carry out a slice; if it cannot be as a whole, one line by itself, so that it holds up no other."""
    held.check()
    try:
        return held.works.write(actor, partial(disposalruns.carry_out, batch_id=batch_id))
    except Unauthenticated as error:
        raise InVain(error.code, "who started the list has no account any more: start it again") from error
    except DoorError:
        raise
    except DmsError:
        pass
    try:
        return held.works.write(actor, partial(disposalruns.carry_out, batch_id=batch_id, limit=1))
    except DoorError:
        raise
    except DmsError as error:
        held.works.write(actor, partial(disposalruns.fail_next, batch_id=batch_id, error=error))
        return 1
