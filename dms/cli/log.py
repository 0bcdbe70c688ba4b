"""`dms log`: the tree over the access log: its order, its signatures, its proofs."""

from __future__ import annotations

from functools import partial

import click

from dms.access.log import adopting, founding, sequencer, shards
from dms.base import logging as operational_log
from dms.base.clock import to_iso
from dms.base.errors import ConfigurationError
from dms.cli import (
    logexport,
    loghold,
    logkeys,
    logproof,
    logprune,
    logredact,
    logroles,
    logverify,
    logwitness,
)
from dms.cli.following import database_of, only_server, told_to_stop
from dms.cli.frame import emit, json_option, note, opened, settings_of
from dms.cli.logsigning import authority_of, signing_of
from dms.cli.progress import Progress
from dms.jobs import sequencing
from dms.rules.accessevents import Op

_STILL_WAITING = (
    "events still wait: a transaction that is older has not ended, in whatever database of this PostgreSQL "
    "(look at pg_stat_activity and pg_prepared_xacts); run this again afterwards"
)

PATIENCE_S = 10.0
"""How long `dms log run` waits for transactions that are older than an event."""

_follow = click.option("--follow", is_flag=True, help="Go on until told to stop.")


@click.group()
def command() -> None:
    """Order, sign, verify, prove and export the access log."""


for _each in (
    logexport.export,
    loghold.hold,
    logkeys.rotate,
    logkeys.restart,
    logproof.proof,
    logprune.keep,
    logprune.prune,
    logredact.redact,
    logroles.roles,
    logverify.verify,
    logwitness.witness,
):
    command.add_command(_each)


@command.command()
@json_option
@click.pass_context
def init(ctx: click.Context, *, as_json: bool) -> None:
    """Make the key that signs, and the first checkpoint; what is there already stays.

    `dms migrate` does the same unless DMS_LOG_APART is set: then run this as the user who shall sign. The
    printed key is public: publish it where nobody can change it afterwards.
    """
    settings = settings_of(ctx)
    place = shards.place_of(settings)
    is_new = founding.found(place)
    # Before there is an installation, `dms migrate` tells it; a signer apart may write no event.
    if is_new and not settings.log_apart and settings.key_path.exists():
        with opened(ctx) as house:
            note(house, Op.LOG_INIT, **founding.told(place))
    folder, known = place.shard(), [str(key) for key in place.known_keys()]
    emit(
        {"new": is_new, "folder": str(folder.root), "keyFile": str(place.key_path), "keys": known},
        as_json=as_json,
        lines=[
            f"{'made' if is_new else 'unchanged'}: {folder.root}",
            f"keys: {place.key_path}  readable for who signs alone",
            *(f"public key: {key}" for key in known),
        ],
    )


@command.command()
@_follow
@json_option
@click.pass_context
def run(ctx: click.Context, *, follow: bool, as_json: bool) -> None:
    """Give the events that were committed their place in the tree.

    A server does it by itself. Several may run: whoever comes first does it.
    """
    settings = settings_of(ctx)
    operational_log.configure(settings.log_level)
    with database_of(settings) as database:
        if follow:
            sequencing.follow(database, shards.place_of(settings), stopped=told_to_stop())
        is_whole = sequencer.drain(database, patience_s=PATIENCE_S)
        reached = sequencer.reached(database)
    lines = [f"{reached.size:,} events have their place, root {reached.root.hex()}"]
    if not is_whole:
        lines.append(_STILL_WAITING)
    emit(
        {"size": reached.size, "root": reached.root.hex(), "waiting": not is_whole},
        as_json=as_json,
        lines=lines,
    )


@command.command()
@_follow
@click.option("--until-eof", is_flag=True, help="With --follow: stop when standard input ends too.")
@json_option
@click.pass_context
def sign(ctx: click.Context, *, follow: bool, until_eof: bool, as_json: bool) -> None:
    """Write what has its place as tiles, and sign how much there is.

    Exit code 1: the log does not continue what was signed, so nothing was. `dms serve` runs this with
    --follow unless DMS_LOG_APART is set; then run it as a user of its own, who alone can read the key file.
    """
    settings = settings_of(ctx)
    operational_log.configure(settings.log_level)
    with database_of(settings) as database:
        signing = signing_of(settings, database)
        if follow:
            signing.follow(stopped=told_to_stop(until_eof=until_eof))
            return
        count = signing.catch_up()
        agreed = signing.witness()
    folder = signing.place.shard().root
    emit(
        {"signed": count, "cosigned": agreed, "folder": str(folder)},
        as_json=as_json,
        lines=[f"signed {count:,} more events in {folder}", *([f"cosigned by {agreed}"] if agreed else [])],
    )


@command.command()
@click.option("--verify", is_flag=True, help="Verify the stamps that are there instead of asking for one.")
@json_option
@click.pass_context
def stamp(ctx: click.Context, *, verify: bool, as_json: bool) -> None:
    """Have the newest checkpoint stamped by the authority of DMS_LOG_STAMP_URL, or verify all stamps.

    The signer asks for one each day. Exit code 1: no answer, or a stamp is not right.
    """
    settings = settings_of(ctx)
    authority = authority_of(settings)
    if authority is None:
        raise ConfigurationError("no authority is named: set `DMS_LOG_STAMP_URL` and `DMS_LOG_STAMP_ROOTS`")
    folder = shards.place_of(settings).shard()
    found = authority.verify(folder) if verify else [authority.stamp(folder)]
    emit(
        {"stamps": [{"size": each.size, "at": to_iso(each.at)} for each in found]},
        as_json=as_json,
        lines=[f"{each.size:,} events at {to_iso(each.at)}" for each in found] or ["there are no stamps"],
    )


@command.command()
@json_option
@click.pass_context
def rebuild(ctx: click.Context, *, as_json: bool) -> None:
    """Make the tables that answer who saw what anew from the events; all of it, or nothing.

    On SQLite the server must be stopped. On PostgreSQL no new events get their place meanwhile.
    """
    settings = settings_of(ctx)
    progress = Progress()
    with only_server(settings), opened(ctx) as house:
        note(house, Op.LOG_REBUILD)
        size = sequencer.rebuild(house.database, tell=partial(progress.tell, "events"))
    progress.end()
    emit({"events": size}, as_json=as_json, lines=[f"made anew from {size:,} events"])


@command.command()
@json_option
@click.pass_context
def adopt(ctx: click.Context, *, as_json: bool) -> None:
    """Go on with a log that was restored into another PostgreSQL cluster; no server may run.

    Servers do not start before. Transaction ids begin anew there, and the order of the events rests on them.
    """
    with database_of(settings_of(ctx)) as database:
        is_due = adopting.is_displaced(database)
        placed = adopting.adopt(database) if is_due else 0
    if is_due:  # only now: an event of before would be ordered by the ids of the wrong cluster
        with opened(ctx) as house:
            note(house, Op.LOG_ADOPT, placed=placed)
    emit(
        {"adopted": is_due, "placed": placed},
        as_json=as_json,
        lines=[f"adopted: {placed:,} events got their place" if is_due else "nothing to adopt"],
    )
