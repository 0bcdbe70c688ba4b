"""`dms policy`: the policy files and the ones in force."""

from __future__ import annotations

import click

from dms.access import revisions
from dms.access.policy import read_files
from dms.cli.frame import emit, json_option, opened, operator
from dms.services import repository


@click.group()
def command() -> None:
    """Put the policy files in force, or look at them."""


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
