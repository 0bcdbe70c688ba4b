"""`dms policy`: the policy files, what they decide, and the ones in force."""

from __future__ import annotations

from pathlib import Path

import click

from dms.access import revisions
from dms.access.policy import read_files
from dms.cli import policychecks, policytests
from dms.cli.frame import REFUSED, emit, json_option, opened, operator
from dms.services import repository


@click.group()
def command() -> None:
    """Put the policy files in force, test them, or look at them and at what stands in the tables."""


for _each in (policychecks.validate, policychecks.export, policychecks.verify):
    command.add_command(_each)


@command.command()
@json_option
@click.pass_context
def apply(ctx: click.Context, *, as_json: bool) -> None:
    """Put `model.conf` and `roles.toml` in force as a new policy revision.

    Servers that started with other files answer nothing until they are started again.
    """
    with opened(ctx) as house:
        changed = house.works.write(operator(), repository.apply_policy, locks=(revisions.LOCK,))
        sha256 = house.policy.files.sha256
    emit(
        {"changed": changed, "sha256": sha256},
        as_json=as_json,
        lines=[f"{'applied' if changed else 'already in force'}: {sha256}"],
    )


@command.command()
@json_option
def show(*, as_json: bool) -> None:
    """Show the roles: their duties, their actions, and which exclude each other."""
    files = read_files()
    roles = {
        name: {
            "title": role.title,
            "duties": sorted(role.duties),
            "actions": sorted(role.actions),
            "excludes": sorted(next(iter(pair - {name})) for pair in files.exclusive if name in pair),
        }
        for name, role in files.roles.items()
    }
    lines = [
        f"{name:18} {' '.join([*role['duties'], *role['actions']]) or '-'}"
        + (f"  (never with {', '.join(role['excludes'])})" if role["excludes"] else "")
        for name, role in roles.items()
    ]
    emit({"sha256": files.sha256, "roles": roles}, as_json=as_json, lines=lines)


@command.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, path_type=Path), metavar="[FILE]...")
@json_option
def test(files: tuple[Path, ...], *, as_json: bool) -> None:
    """Decide what policy test files expect, each in a passing installation with nothing else in it.

    A folder stands for its files `*.yaml`; without any, the tests that come with the policy files are run.
    Every expectation is decided as check, by Casbin over all lines, by the reference, as list and as
    count. Exit code 0: all came as expected. 1: something did not. 2: a file cannot be understood.
    """

    def tell(tried: policytests.Tried) -> None:
        if not as_json:
            emit({}, as_json=False, lines=policytests.lines_of(tried))

    tried = policytests.run(files or [policytests.shipped()], tell=tell)
    emit(policytests.values_of(tried), as_json=as_json, lines=[policytests.summary(tried)])
    if any(each.failed for each in tried):
        raise click.exceptions.Exit(REFUSED)
