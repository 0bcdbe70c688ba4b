"""`dms blobs`: stored content is checked, and what nothing names is removed."""

from __future__ import annotations

from threading import Event
from typing import Any

import click

from dms.base.clock import DAY, Instant
from dms.cli.frame import REFUSED, emit, json_option, opened, operator
from dms.cli.progress import Progress
from dms.jobs.scrubbing import Manner, Scrub, Tally
from dms.jobs.sweeping import Broom, Swept
from dms.services.blobs import Choice

SHOWN = 20
"""Unsound contents that are printed; `--json` prints all."""

_STATES = {
    "content_missing": "its stored bytes are gone: restore them",
    "content_damaged": "its stored bytes are not the ones that were put there: restore them",
    "content_key": "its key does not open: restore the key file",
}


@click.group()
def command() -> None:
    """Keep stored content: check it against damage, remove what nothing names."""


@command.command("scrub")
@click.option("--older-than", type=click.IntRange(0), metavar="DAYS", help="Check what was not for so long.")
@click.option("--all", "is_all", is_flag=True, help="Check everything, whenever that was done last.")
@click.option("--unsound", is_flag=True, help="Check only what was found damaged or missing, after a repair.")
@click.option("--deep", is_flag=True, help="Open the content too and compare its digest; needs the keys.")
@click.option("--rate", type=click.IntRange(0), default=0, metavar="MB", help="Read so many MB a second.")
@json_option
@click.pass_context
def scrub(
    ctx: click.Context,
    *,
    older_than: int | None,
    is_all: bool,
    unsound: bool,
    deep: bool,
    rate: int,
    as_json: bool,
) -> None:
    """Read stored content again, the longest unchecked first, and record what was found.

    Repairs nothing. May run beside the server; a run that was interrupted goes on where it was.
    """
    progress = Progress()
    with opened(ctx) as house:
        now, every = house.works.clock(), house.settings.scrub_every_s * DAY // 86_400
        age = 0 if is_all or unsound else every if older_than is None else older_than * DAY
        choice = Choice(Instant(now - age), is_unsound_only=unsound)
        manner = Manner(choice, is_deep=deep, bytes_per_s=rate * 1_000_000)
        run = Scrub(house.works, house.vault, operator(), manner=manner, rest=_rest)
        try:
            run.run(progress.tell)
        finally:
            progress.end()
    _report(run.tally, as_json=as_json)


@command.command("sweep")
@click.option("--dry-run", is_flag=True, help="Only tell what would be removed.")
@json_option
@click.pass_context
def sweep(ctx: click.Context, *, dry_run: bool, as_json: bool) -> None:
    """Remove uploads that have expired, and stored bytes that nothing names any more.

    Such bytes stay for `DMS_SWEEP_GRACE_S` first. The server does the same once a day.
    """
    progress = Progress()
    with opened(ctx) as house:
        broom = Broom(
            house.works,
            house.vault,
            operator(),
            grace_s=house.settings.sweep_grace_s,
            is_rehearsal=dry_run,
            is_stopped=lambda: False,
        )
        swept = broom.sweep(progress.tell)
    progress.end()
    emit(_swept(swept, dry_run=dry_run), as_json=as_json, lines=_swept_lines(swept, dry_run=dry_run))


def _rest(wait_s: float) -> bool:
    if wait_s > 0:
        Event().wait(wait_s)
    return False


def _report(tally: Tally, *, as_json: bool) -> None:
    emit(_values(tally), as_json=as_json, lines=_lines(tally))
    if tally.unsound or tally.put_off:
        raise click.exceptions.Exit(REFUSED)


def _values(tally: Tally) -> dict[str, Any]:  # JSON values
    return {
        "sound": not tally.unsound,
        "checked": tally.checked,
        "storedBytes": tally.stored_bytes,
        "putOff": tally.put_off,
        "unsound": [
            {
                "code": verdict.note,
                "blob": str(verdict.blob.blob_id),
                "document": str(verdict.blob.document_id),
                "storedDigest": verdict.blob.stored_digest,
            }
            for verdict in tally.unsound
        ],
    }


def _lines(tally: Tally) -> list[str]:
    lines = [f"checked: {tally.checked} contents, {tally.stored_bytes} bytes"]
    for verdict in tally.unsound[:SHOWN]:
        code = verdict.note or ""
        lines.append(f"  {code} blob:{verdict.blob.blob_id}: {_STATES[code]}")
    if len(tally.unsound) > SHOWN:
        lines.append(f"  and {len(tally.unsound) - SHOWN} more: `--json` shows all")
    if tally.put_off:
        lines.append(f"put off: {tally.put_off}, which the store did not give: run it again")
    lines.append(f"not sound: {len(tally.unsound)} contents" if tally.unsound else "sound")
    return lines


def _swept(swept: Swept, *, dry_run: bool) -> dict[str, Any]:  # JSON values
    return {
        "dryRun": dry_run,
        "uploads": swept.uploads,
        "staged": swept.staged,
        "contents": swept.contents,
        "storedBytes": swept.stored_bytes,
    }


def _swept_lines(swept: Swept, *, dry_run: bool) -> list[str]:
    verb = "would remove" if dry_run else "removed"
    half = f"{swept.uploads} uploads, {swept.staged} half-written"
    return [f"{verb}: {half}, {swept.contents} contents that nothing names, {swept.stored_bytes} bytes"]
