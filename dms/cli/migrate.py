"""`dms migrate`: make an installation, or bring it up to date."""

from __future__ import annotations

import click

from dms.cli.frame import emit, json_option, settings_of
from dms.house import install
from dms.stores import migrations


@click.command()
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Make the installation, or bring database, roles and folders up to date.

    Safe to run again: what is there stays. Run it after each update of dms.
    """
    settings = settings_of(ctx)
    before = migrations.current_revision(settings)
    is_new = install(settings)
    after = migrations.current_revision(settings)
    state = "made" if is_new else ("unchanged" if before == after else "updated")
    emit(
        {"home": str(settings.home), "state": state, "revision": after, "keyFile": str(settings.key_path)},
        as_json=as_json,
        lines=[
            f"{state}: {settings.home} (revision {after})",
            *([f"keys: {settings.key_path}  back this file up, apart from the data"] if is_new else []),
        ],
    )
