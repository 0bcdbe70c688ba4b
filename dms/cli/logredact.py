"""`dms log redact`: remove the detail of one event."""

from __future__ import annotations

from functools import partial
from uuid import UUID

import click

from dms.access.log import redaction
from dms.cli.acting import acting, as_option
from dms.cli.frame import emit, json_option, opened
from dms.cli.logprune import ID, reason_option
from dms.jobs import logexporting
from dms.services import logretention


@click.command()
@click.argument("event_id", metavar="EVENT_ID", type=ID)
@reason_option
@as_option
@json_option
@click.pass_context
def redact(ctx: click.Context, *, event_id: UUID, reason: str, account: str | None, as_json: bool) -> None:
    """Remove the detail of an event: address, user agent, search words, old and new values, reasons.

    Needs the duty `log.prune`. The event itself stays, with the digest of what was there, so that it can be
    proved as before; another event says which and why. Exports that the server keeps are withdrawn, since
    they may hold it. Run again, it does what was left undone.
    """
    with opened(ctx) as house:
        body = partial(logretention.order_redaction, event_id=event_id, reason=reason)
        house.works.write(acting(house, account), body)
        was_there = redaction.carry_out(house.database, event_id)
        withdrawn = logexporting.withdraw(house.works, house.settings.home)
    done = "removed" if was_there else "was gone already"
    emit(
        {"event": str(event_id), "removed": was_there, "exportsWithdrawn": withdrawn},
        as_json=as_json,
        lines=[
            f"the detail of {event_id} {done}",
            *([f"withdrawn: {withdrawn} exports that may hold it"] if withdrawn else []),
        ],
    )
