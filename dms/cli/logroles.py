"""`dms log roles`: the SQL of the roles under which nobody can do more with the log than he must."""

from __future__ import annotations

import re

import click

from dms.access.log import prevention

_PREFIX = re.compile(r"[a-z][a-z0-9_]{0,40}")


@click.command()
@click.option("--prefix", default="dms", show_default=True, help="How the names of the roles begin.")
def roles(*, prefix: str) -> None:
    """Print the SQL that makes PostgreSQL's roles for the access log; it changes nothing.

    Read it, run it as the owner of the database after `dms migrate`, give the roles a way to log in, and name
    them in DMS_DATABASE_URL, DMS_LOG_READER_URL and DMS_LOG_KEEPER_URL. Only `dms migrate` needs the owner.
    """
    if not _PREFIX.fullmatch(prefix):
        raise click.UsageError("`--prefix` takes small letters, digits and `_`, and begins with a letter")
    for statement in prevention.statements(prefix):
        click.echo(statement)
