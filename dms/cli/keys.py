"""`dms keys`: keys that an installation makes for itself and that nothing is lost with."""

from __future__ import annotations

import click

from dms.base.errors import ConfigurationError
from dms.cli.frame import emit, json_option, note, opened, settings_of
from dms.rules.accessevents import Op
from dms.stores import cursor_keys


@click.group()
def command() -> None:
    """Keys of the installation itself; those of content and log have commands of their own."""


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
