"""`dms user`: the first administrator, new passwords, and who has an account.

These commands act for nobody: the access log names the operating-system user as operator.
"""

from __future__ import annotations

from typing import Any

import click

from dms.access import revisions
from dms.access.login import Code
from dms.base.clock import to_iso
from dms.base.errors import NotFound
from dms.base.ids import Kind, global_id
from dms.base.paging import MAX_PAGE, PageRequest
from dms.cli.frame import emit, json_option, opened, operator
from dms.models.users import Principal
from dms.services import users
from dms.stores.work import Work


@click.group()
def command() -> None:
    """Make the first administrator, start a reset, list accounts.

    Everything else about accounts, groups and roles is done over the API, by those whose office it is.
    """


@command.command("create-admin")
@click.argument("name")
@click.option("--display-name", help="The name that people read; the default is NAME.")
@json_option
@click.pass_context
def create_admin(ctx: click.Context, name: str, *, display_name: str | None, as_json: bool) -> None:
    """Make the first administrator, with a code to choose the password.

    The code is shown once and counts for a day. Refused (exit code 1) as soon as there is an
    administrator.
    """
    with opened(ctx) as house:
        made = house.works.write(
            operator(),
            lambda work: users.create_first_administrator(work, name=name, display_name=display_name or name),
            locks=(revisions.LOCK,),
        )
    _emit_code(made.user, made.code, as_json=as_json)


@command.command()
@click.argument("name")
@json_option
@click.pass_context
def reset(ctx: click.Context, name: str, *, as_json: bool) -> None:
    """Make a code with which the holder of an account chooses a new password.

    The old password stays good until the code is used; the sessions end with it.
    """

    def body(work: Work) -> tuple[Principal, Code]:
        row = users.user(work, name=name)
        return row, users.reset_start(work, row.id)

    with opened(ctx) as house:
        try:
            row, code = house.works.write(operator(), body)
        except NotFound as error:
            raise NotFound(f"there is no account `{name}`: see `dms user list`") from error
    _emit_code(row, code, as_json=as_json)


@command.command("list")
@json_option
@click.pass_context
def list_(ctx: click.Context, *, as_json: bool) -> None:
    """List the accounts by name."""
    with opened(ctx) as house:
        found = house.works.read(operator(), _all_users)
    emit(
        {"users": [_shown(row) for row in found]},
        as_json=as_json,
        lines=[f"{row.name:30} {row.status.value:9} {row.display_name}" for row in found]
        or ["there are no accounts yet: run `dms user create-admin NAME`"],
    )


def _all_users(work: Work) -> list[Principal]:
    found: list[Principal] = []
    request = PageRequest(MAX_PAGE)
    while True:
        page = users.users(work, request)
        found.extend(page.rows)
        if not page.has_next:
            return found
        request = PageRequest(MAX_PAGE, after=page.positions[-1])


def _emit_code(row: Principal, code: Code, *, as_json: bool) -> None:
    expires_at = to_iso(code.expires_at)
    emit(
        {"user": _shown(row), "code": code.text, "expiresAt": expires_at},
        as_json=as_json,
        lines=[
            f"account:  {row.name}",
            f"code:     {code.text}",
            f"expires:  {expires_at}",
            "",
            "The code is shown this once. With it, choose the password:",
            '  POST /auth/code {"code": "...", "password": "..."}',
        ],
    )


def _shown(row: Principal) -> dict[str, Any]:  # JSON values
    return {
        "id": global_id(Kind.USER, row.id),
        "name": row.name,
        "displayName": row.display_name,
        "status": row.status.value,
    }
