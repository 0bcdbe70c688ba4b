"""For whom a command reads or files records: the account of `--as`, else of `DMS_AS`, never nobody.

It stands under the same gate as at any other door; its events also name the operating-system user.
"""

from __future__ import annotations

from functools import partial

import click

from dms.base import settings as configuration
from dms.base.actor import Actor, ActorKind, Source
from dms.base.errors import NotFound
from dms.base.ids import new_id
from dms.cli.frame import operator
from dms.house import House
from dms.models.users import PrincipalStatus
from dms.services import users

as_option = click.option(
    "--as", "account", metavar="NAME", help="The account to act for; the default is DMS_AS."
)


def account_name(account: str | None) -> str:
    """Return the name to act for; `click.UsageError` if neither option nor environment gives one."""
    name = account or configuration.acting_account()
    if name is None:
        raise click.UsageError("say for which account: give `--as NAME`, or set DMS_AS")
    return name


def acting(house: House, account: str | None) -> Actor:
    """Return the account as it acts through a command, with one request id for all that the command does.

    Raises `click.UsageError` without a name, `NotFound` for an account that is absent or disabled.
    """
    name = account_name(account)
    try:
        row = house.works.read(operator(), partial(users.user, name=name))
    except NotFound as error:
        raise NotFound(f"there is no account `{name}`: see `dms user list`") from error
    if row.status is not PrincipalStatus.ACTIVE:
        raise NotFound(f"the account `{name}` is disabled: choose another")
    source = Source(operator=configuration.operator_name())
    return Actor(ActorKind.USER, row.id, None, new_id().hex, source)
