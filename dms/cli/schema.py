"""`dms schema`: the committed SDL, written or compared."""

from __future__ import annotations

import difflib
from pathlib import Path

import click

from dms.cli import trusteddocuments
from dms.cli.frame import REFUSED
from dms.graphql.schema import print_sdl

SDL = Path("schema/schema.graphql")


@click.group(invoke_without_command=True)
@click.option("--write", is_flag=True, help=f"Write {SDL}.")
@click.option("--check", is_flag=True, help=f"Fail if {SDL} is not what the code says.")
@click.pass_context
def command(ctx: click.Context, *, write: bool, check: bool) -> None:
    """Print the GraphQL schema, write it, or compare it with the committed one."""
    if ctx.invoked_subcommand is not None:
        return
    text = print_sdl()
    if write:
        SDL.parent.mkdir(exist_ok=True)
        SDL.write_text(text, encoding="utf-8")
        return
    if not check:
        click.echo(text, nl=False)
        return
    committed = SDL.read_text(encoding="utf-8") if SDL.exists() else ""
    if committed == text:
        return
    changes = difflib.unified_diff(committed.splitlines(), text.splitlines(), str(SDL), "code", lineterm="")
    click.echo("\n".join(list(changes)[:40]))
    click.echo("the SDL is not current: run `make schema` and commit it")
    raise click.exceptions.Exit(REFUSED)


command.add_command(trusteddocuments.command)
