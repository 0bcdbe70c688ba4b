"""`dms policy`: the policy files, what they decide, and the ones in force."""

from __future__ import annotations

from pathlib import Path

import click

from dms.access import revisions
from dms.access.policy import read_files
from dms.access.standing import policy_of
from dms.cli import policychecks, policyquestions, policytests
from dms.cli.frame import REFUSED, emit, json_option, opened, operator
from dms.rules.accessevents import Op
from dms.services import repository
from dms.stores.work import Work


@click.group()
def command() -> None:
    """Put the policy files in force, test them, or look at them and at what stands in the tables."""


for _each in (policychecks.validate, policychecks.export, policychecks.verify):
    command.add_command(_each)
for _each in (policyquestions.who, policyquestions.what):
    command.add_command(_each)


@command.command()
@click.option(
    "--tests",
    type=click.Path(exists=True, path_type=Path),
    help="Policy tests to run first; those that come with the policy files if left out.",
)
@click.option("--untested", is_flag=True, help="Run no policy tests first.")
@json_option
@click.pass_context
def apply(ctx: click.Context, *, tests: Path | None, untested: bool, as_json: bool) -> None:
    """Put `model.conf` and `roles.toml` in force as a new policy revision, if the policy tests are met.

    Servers that started with other files answer nothing until they are started again.
    """
    with opened(ctx) as house:
        if not untested and not house.works.read(operator(), _is_in_force):
            _require_met(tests or policytests.shipped())
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


def _is_in_force(work: Work) -> bool:
    work.performs(Op.POLICY_APPLY)
    return revisions.head(work)[1] == policy_of(work).files.sha256


def _require_met(tests: Path) -> None:
    """End with what differs unless the policy tests come as expected."""
    tried = policytests.run([tests], tell=lambda _: None)
    if any(each.failed for each in tried):
        for each in tried:
            click.echo("\n".join(policytests.lines_of(each)), err=True)
        click.echo(f"dms: {policytests.summary(tried)}: nothing was applied", err=True)
        raise click.exceptions.Exit(REFUSED)
