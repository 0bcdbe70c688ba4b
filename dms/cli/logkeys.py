"""`dms log rotate` and `restart`: other keys for the access log, or a new beginning."""

from __future__ import annotations

import click

from dms.access.log import founding
from dms.cli.frame import emit, json_option, note, opened
from dms.rules.accessevents import Op


@click.command()
@click.option("--finish", is_flag=True, help="Let the older of two keys sign no more.")
@json_option
@click.pass_context
def rotate(ctx: click.Context, *, finish: bool, as_json: bool) -> None:
    """Let a new key sign beside the present one; with --finish the older one signs no more.

    Between the two give everybody the new public key. The access log names it; what the old key has signed
    can be verified with the old public key for ever.
    """
    with opened(ctx) as house:
        place = house.log_place
        if finish:
            key = founding.retired_key(place)
            note(house, Op.LOG_KEY_RETIRE, key=str(key))
            founding.retire_key(place)
        else:
            made = founding.new_key(place)
            key = made.verifier
            note(house, Op.LOG_KEY_ADD, key=str(key))
            founding.add_key(place, made)
    done = "signs no more" if finish else "signs from now on, beside the present one"
    emit({"key": str(key), "finished": finish}, as_json=as_json, lines=[f"{key} {done}"])


@click.command()
@click.option("--reason", required=True, help="Why the log cannot go on; it stands in the access log.")
@json_option
@click.pass_context
def restart(ctx: click.Context, *, reason: str, as_json: bool) -> None:
    """Close the log's shard and open the next one, under a new key: for a lost key or a restored database.

    All events that the database holds are signed anew, from the first on. The first event after it names
    the last checkpoint of the closed shard: what that one covered and the database no longer holds is gone.
    """
    if not reason.strip():
        raise click.UsageError("`--reason` must say why")
    with opened(ctx) as house:
        plan = founding.restart(house.log_place)
        note(
            house,
            Op.LOG_RESTART,
            reason=reason.strip(),
            closed=plan.last.origin,
            size=plan.last.size,
            root=plan.last.root.hex(),
            key=str(plan.key.verifier),
        )
        founding.carry_out(house.log_place, plan)
    emit(
        {"closed": plan.closed, "size": plan.last.size, "opened": plan.opened, "key": str(plan.key.verifier)},
        as_json=as_json,
        lines=[
            f"closed: shard {plan.closed} with {plan.last.size:,} events",
            f"opened: shard {plan.opened}; public key: {plan.key.verifier}",
        ],
    )
