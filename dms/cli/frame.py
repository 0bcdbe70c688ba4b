"""What every command stands on: finding it, opening the installation, failing clearly.

Exit codes: 0 done, 1 refused or something was found, 2 the command line is wrong, 3 it cannot run
(settings, database, files), 130 interrupted.
"""

from __future__ import annotations

import contextlib
import importlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn

import click
import orjson
from sqlalchemy.exc import InterfaceError, OperationalError

import dms
from dms.base import logging as operational_log
from dms.base import memory
from dms.base import settings as configuration
from dms.base.actor import Actor, system_actor
from dms.base.clock import Clock, system_clock
from dms.base.errors import ConfigurationError, DmsError, DoorError
from dms.base.ids import new_id
from dms.base.settings import Settings
from dms.house import House, open_house
from dms.house import note as house_note
from dms.rules.accessevents import Op
from dms.stores import migrations

REFUSED, CANNOT_RUN, INTERRUPTED = 1, 3, 130

COMMANDS = {
    "accesslist": "dms.cli.accesslist",
    "blobs": "dms.cli.blobs",
    "check": "dms.cli.check",
    "demo": "dms.cli.demo",
    "import": "dms.cli.imports",
    "inventory": "dms.cli.inventory",
    "jobs": "dms.cli.jobs",
    "keys": "dms.cli.keys",
    "log": "dms.cli.log",
    "migrate": "dms.cli.migrate",
    "policy": "dms.cli.policy",
    "schedule": "dms.cli.schedules",
    "schema": "dms.cli.schema",
    "scheme": "dms.cli.schemes",
    "search": "dms.cli.search",
    "serve": "dms.cli.serve",
    "thesaurus": "dms.cli.thesauri",
    "user": "dms.cli.users",
}
"""Each command's module; its `command` is loaded only when it is asked for."""


class _Commands(click.Group):
    """Finds commands by name, without importing the others."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        """Return the names in alphabetical order."""
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Return the command of this name; None if there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = importlib.import_module(COMMANDS[cmd_name]).command
        return command


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    help="Data folder; the default is DMS_HOME, or ./var.",
)
@click.version_option(dms.__version__, prog_name="dms")
@click.pass_context
def _root(ctx: click.Context, home: Path | None) -> None:
    """Access-controlled document and records management.

    \b
    First steps:
      dms migrate                 make or update the installation in the data folder
      dms user create-admin NAME  make the first administrator
      dms serve                   serve the GraphQL API
    Exit codes: 0 done, 1 refused or something found, 2 wrong usage, 3 cannot run.
    """  # noqa: D301  click wants the character, not a backslash and a letter
    ctx.obj = home


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with the exit code that tells how it went."""
    memory.keep_freed()
    try:
        sys.exit(_root.main(args=arguments, prog_name="dms", standalone_mode=False) or 0)
    except click.exceptions.Abort:
        _fail("interrupted", INTERRUPTED)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except ConfigurationError as error:
        _fail(str(error), CANNOT_RUN)
    except DoorError as error:
        _fail(error.message, CANNOT_RUN)
    except DmsError as error:
        _fail(f"{'.'.join(error.path)}: {error.message}" if error.path else error.message, REFUSED)
    except (OperationalError, InterfaceError) as error:
        _fail(f"the database does not answer: {error.orig}", CANNOT_RUN)


def settings_of(ctx: click.Context) -> Settings:
    """Return the settings of the installation that the command line names."""
    return configuration.load(home=ctx.find_root().obj)


@contextlib.contextmanager
def opened(ctx: click.Context, *, clock: Clock = system_clock) -> Iterator[House]:
    """Open the installation for the length of a `with`; it must be migrated."""
    settings = settings_of(ctx)
    operational_log.configure("error" if settings.log_level == "info" else settings.log_level)
    if not migrations.is_current(settings):
        raise ConfigurationError("migrations are pending: run `dms migrate` first")
    with contextlib.closing(open_house(settings, clock=clock)) as house:
        yield house


def operator() -> Actor:
    """Return the actor of a command that acts for nobody in particular."""
    return system_actor(new_id().hex, operator=configuration.operator_name())


def note(house: House, op: Op, **detail: Any) -> None:  # Any: JSON values
    """Record what a command is about to do, or what it did; raises if that fails."""
    house_note(house, op, detail, actor=operator())


def emit(result: dict[str, Any], *, as_json: bool, lines: Sequence[str]) -> None:  # JSON values
    """Print a result: one JSON object, or lines for a person."""
    if as_json:
        click.echo(orjson.dumps(result, option=orjson.OPT_INDENT_2).decode())
        return
    for line in lines:
        click.echo(line)


json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"dms: {message}", err=True)
    sys.exit(code)
