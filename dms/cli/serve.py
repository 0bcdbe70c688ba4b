"""`dms serve`: answer requests until told to stop."""

from __future__ import annotations

import click

from dms.cli import server
from dms.cli.frame import settings_of


@click.command()
@click.option("--workers", type=int, default=1, show_default=True, help="Server processes; SQLite takes one.")
@click.pass_context
def command(ctx: click.Context, *, workers: int) -> None:
    """Serve the GraphQL API, uploads and downloads.

    Address and port come from DMS_HOST and DMS_PORT. SIGTERM or Ctrl-C ends it within 20 seconds;
    what was accepted is finished first.
    """
    server.run(settings_of(ctx), workers=workers, on_ready=lambda address: click.echo(f"serving {address}"))
