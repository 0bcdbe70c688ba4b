"""`dms keys`: the keys that wrap those of content, and the keys that seal cursors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import click

from dms.base.clock import DAY, Instant, to_iso, utc_day
from dms.base.errors import ConfigurationError
from dms.cli.frame import REFUSED, emit, json_option, note, opened, operator, settings_of
from dms.cli.progress import Progress
from dms.house import House
from dms.rules.accessevents import Op
from dms.services import keys
from dms.stores import cursor_keys
from dms.stores.crypto import KeyEntry


@click.group()
def command() -> None:
    """Keys of the installation itself; those of the access log have commands of their own."""


@command.command("list")
@json_option
@click.pass_context
def list_keys(ctx: click.Context, *, as_json: bool) -> None:
    """List the key-encryption keys, oldest first, and how many contents each one protects."""
    with opened(ctx) as house:
        counts = house.works.read(operator(), keys.counts)
        entries = house.vault.keys.list()
    shown = [_shown(entry, counts) for entry in entries]
    lines = [f"{one['kek']}  {one['state']:9}  {one['contents']:>9} contents  {_dates(one)}" for one in shown]
    emit({"keys": shown}, as_json=as_json, lines=lines)


@command.command("rotate")
@json_option
@click.pass_context
def rotate(ctx: click.Context, *, as_json: bool) -> None:
    """Make a new key-encryption key, and wrap the keys of all content under it; contents stay as they are.

    May run beside servers, which use the new key at once. Interrupted, it goes on when it is run again.
    """
    progress = Progress()
    with opened(ctx) as house:
        goes_on = _begin(house)
        active = keys.active_of(house.vault.keys).kek
        rewrapped, lost = _rewrap(house, active, progress)
    progress.end()
    result = {"kek": active, "wentOn": goes_on, "rewrapped": rewrapped, "lost": lost}
    lines = [
        f"{'went on with' if goes_on else 'new key'}: {active}",
        f"wrapped anew: {rewrapped} contents",
        f"back up the key file: {house.settings.key_path}",
    ]
    if lost:
        lines.append(f"not opened: {lost}, whose key is gone: run `dms check`")
    emit(result, as_json=as_json, lines=lines)
    if lost:
        raise click.exceptions.Exit(REFUSED)


@command.command("destroy")
@click.argument("kek")
@click.option("--yes", is_flag=True, help="Do it: without this the command only tells what it would mean.")
@json_option
@click.pass_context
def destroy(ctx: click.Context, kek: str, *, yes: bool, as_json: bool) -> None:
    """Destroy a retired key-encryption key; what backups still hold under it cannot be read any more.

    Refused while any content is wrapped under it, and for as long after it was retired as an upload may
    take.
    """
    with opened(ctx) as house:
        settings, store = house.settings, house.vault.keys
        waits_s = settings.upload_expiry_s
        entry = house.works.read(
            operator(), lambda work: keys.require_idle(work, store, kek=kek, waits_s=waits_s)
        )
        if yes:
            house.works.write(
                operator(),
                lambda work: keys.destroy(work, store, kek=kek, waits_s=waits_s),
                locks=keys.LOCKS,
            )
        told = _meaning(entry, now=house.works.clock(), kept_days=settings.backup_kept_days)
    emit({"kek": kek, "destroyed": yes, **told.values}, as_json=as_json, lines=told.lines(kek, done=yes))
    if not yes:
        raise click.exceptions.Exit(REFUSED)


@command.command("rotate-cursors")
@json_option
@click.pass_context
def rotate_cursors(ctx: click.Context, *, as_json: bool) -> None:
    """Seal the cursors of lists with a new key; servers that run take it within ten seconds.

    Cursors of the former key are good until the next rotation, older ones no more.
    """
    home = settings_of(ctx).home
    path = home / cursor_keys.FILE_NAME
    if not path.exists():
        raise ConfigurationError(f"there are no cursor keys in `{home}`: a server makes them when it starts")
    with opened(ctx) as house:
        note(house, Op.KEYS_ROTATE)
    cursor_keys.rotate(home)
    emit({"keys": str(path)}, as_json=as_json, lines=[f"rotated: {path}"])


def _begin(house: House) -> bool:
    """Make a new key, unless an earlier rotation was not finished; True if it goes on."""
    active = keys.active_of(house.vault.keys).kek
    counts = house.works.read(operator(), keys.counts)
    if any(count for kek, count in counts.items() if kek != active):
        return True
    note(house, Op.KEYS_ROTATE, retires=active)
    house.vault.keys.retire(active)
    return False


def _rewrap(house: House, active: str, progress: Progress) -> tuple[int, int]:
    counts = house.works.read(operator(), keys.counts)
    total = sum(count for kek, count in counts.items() if kek != active)
    done = house.works.write(operator(), partial(keys.rewrap, keys=house.vault.keys, after=None))
    rewrapped, lost = done.rewrapped, done.lost
    while done.after is not None:
        progress.tell("keys", rewrapped + lost, total)
        done = house.works.write(operator(), partial(keys.rewrap, keys=house.vault.keys, after=done.after))
        rewrapped, lost = rewrapped + done.rewrapped, lost + done.lost
    return rewrapped, lost


class _Meaning:
    """What destroying a key means for copies of it and of the database."""

    def __init__(self, entry: KeyEntry, *, until: str | None) -> None:
        self._since = str(utc_day(entry.made_at))
        self._until = until
        self.values: dict[str, Any] = {"keyFilesSince": self._since, "backupsHoldUntil": until}  # JSON values

    def lines(self, kek: str, *, done: bool) -> Sequence[str]:
        """Return it for a person."""
        last = f"until {self._until}" if self._until else "until the last of them is gone"
        unset = [] if self._until else ["set `DMS_BACKUP_KEPT_DAYS` and this command names the day"]
        return [
            f"{'destroyed' if done else 'would destroy'}: {kek}",
            f"copies of the key file made since {self._since} still hold it, {last}: with one of them and a",
            "backup of the database from before, content that was destroyed meanwhile can still be read",
            "a backup of the database from before the rotation cannot be restored without such a copy",
            *unset,
            *([] if done else ["nothing was done: say `--yes` to destroy it"]),
        ]


def _meaning(entry: KeyEntry, *, now: Instant, kept_days: int) -> _Meaning:
    until = str(utc_day(Instant(now + kept_days * DAY))) if kept_days else None
    return _Meaning(entry, until=until)


def _shown(entry: KeyEntry, counts: Mapping[str, int]) -> dict[str, Any]:  # JSON values
    return {
        "kek": entry.kek,
        "state": entry.state.value,
        "contents": counts.get(entry.kek, 0),
        "madeAt": to_iso(entry.made_at),
        "retiredAt": entry.retired_at and to_iso(entry.retired_at),
        "destroyedAt": entry.destroyed_at and to_iso(entry.destroyed_at),
    }


def _dates(shown: Mapping[str, Any]) -> str:
    words = {"made": shown["madeAt"], "retired": shown["retiredAt"], "destroyed": shown["destroyedAt"]}
    return ", ".join(f"{word} {at[:10]}" for word, at in words.items() if at)
