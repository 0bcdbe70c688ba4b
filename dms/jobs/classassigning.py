"""The job that classes many things for whoever asked, in slices that each are kept or not at all."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from dms.access.scopes import PLACES
from dms.base.actor import Actor
from dms.base.clock import monotonic_s
from dms.base.errors import Denied, Duty, Forbidden, Invalid, NotFound, State, Unauthenticated
from dms.jobs.holding import Ground, Held, InVain
from dms.rules.classassignruns import FIRST, next_size
from dms.services import classassignruns, classassignslices

_FOR_GOOD = (Denied, Duty, Forbidden, Invalid, NotFound, State, Unauthenticated)
"""What another try would meet again: an account that counts no more, a class that is closed."""


def assign(ground: Ground, held: Held) -> None:  # noqa: ARG001  every handler is given the ground
    """Go on with an order until it has ended; who asked is asked about anew in each slice."""
    run_id = UUID(hex=held.taken.payload["run"])
    account, kind = held.works.read(held.actor, partial(classassignruns.asker, run_id=run_id))
    actor = Actor(kind, account, None, held.taken.id.hex)
    size, is_over = FIRST, False
    while not is_over:
        began_s = monotonic_s()
        slice_ = partial(classassignslices.step, run_id=run_id, size=size)
        try:
            told = held.keep(actor, slice_, locks=(PLACES,))
        except _FOR_GOOD as error:
            ended = partial(classassignruns.fail, run_id=run_id, problem=error.message)
            held.keep(held.actor, ended)
            raise InVain(error.code, error.message) from error
        held.tell(told.done, told.total)
        size, is_over = next_size(size, took_s=monotonic_s() - began_s), told.is_over
