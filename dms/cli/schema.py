"""`dms schema`: the committed SDL, written or compared."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from dms.cli import trusteddocuments
from dms.cli.frame import REFUSED
from dms.graphql import releases
from dms.graphql.schema import print_sdl

SDL = Path("schema/schema.graphql")
RELEASED = SDL.with_name("released.graphql")
CHANGES = SDL.with_name("changes.toml")


@click.group(invoke_without_command=True)
@click.option("--write", is_flag=True, help=f"Write {SDL}.")
@click.option("--check", is_flag=True, help=f"Fail if {SDL} is not what the code says, or breaks a release.")
@click.option("--release", is_flag=True, help=f"Write {RELEASED} too, and begin {CHANGES} anew.")
@click.pass_context
def command(ctx: click.Context, *, write: bool, check: bool, release: bool) -> None:
    """Print the GraphQL schema, write it, or compare it with the committed one and the last release."""
    if ctx.invoked_subcommand is not None:
        return
    text = print_sdl()
    if release:
        RELEASED.write_text(text, encoding="utf-8")
        CHANGES.write_text(releases.NO_CHANGES, encoding="utf-8")
        write = True
    if write:
        SDL.parent.mkdir(exist_ok=True)
        SDL.write_text(text, encoding="utf-8")
        return
    if not check:
        click.echo(text, nl=False)
        return
    _check_committed(text)
    _check_released(text)


def _check_committed(text: str) -> None:
    committed = SDL.read_text(encoding="utf-8") if SDL.exists() else ""
    if committed == text:
        return
    changes = difflib.unified_diff(committed.splitlines(), text.splitlines(), str(SDL), "code", lineterm="")
    click.echo("\n".join(list(changes)[:40]))
    click.echo("the SDL is not current: run `make schema` and commit it")
    raise click.exceptions.Exit(REFUSED)


def _check_released(text: str) -> None:
    released, listed = RELEASED.read_text(encoding="utf-8"), CHANGES.read_text(encoding="utf-8")
    found = releases.compare(released, text, changes=listed)
    for each in found.unlisted:
        click.echo(f"breaks the last release: {each}")
    for each in found.stale:
        click.echo(f"listed, but breaks nothing: {each}")
    if found.unlisted or found.stale:
        click.echo(f"deprecate instead of removing, or list it in {CHANGES} with its reason")
        raise click.exceptions.Exit(REFUSED)


command.add_command(trusteddocuments.command)
