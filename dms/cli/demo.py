"""`dms demo`: the sample archive of Port Sevrain, and who can log in to it."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson

from dms.access import login, standing
from dms.base.actor import Source, anonymous_actor
from dms.base.errors import ConfigurationError, Unauthenticated
from dms.base.ids import new_id
from dms.base.settings import Settings, operator_name
from dms.cli import server
from dms.cli.frame import emit, json_option, opened, operator, settings_of
from dms.cli.progress import Progress
from dms.cli.sample import logins, people, plan, staff
from dms.cli.sample.logins import Logins
from dms.house import House, install
from dms.models.users import PrincipalKind
from dms.rules.accessevents import Op
from dms.stores import facts, lookups, migrations
from dms.stores.work import Work
from dms.web.querypage import ADDRESS as PAGE

QUERY = "{ documents(first: 5) { totalCount nodes { referenceCode title } } }"
"""What the printed line asks."""

_NONE = "there is no sample archive here yet: run `dms demo --load-if-empty`"


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody of the sample archive, as he stands now."""

    name: str
    display_name: str
    post: str
    roles: tuple[str, ...]
    groups: tuple[str, ...]
    """All that he belongs to, through other groups too."""
    level: str | None
    """None without a clearance that counts now."""
    compartments: tuple[str, ...]
    password: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


@click.command()
@click.option("--serve", "serves", is_flag=True, help="Load the sample archive if it is missing, and serve.")
@click.option("--load-if-empty", is_flag=True, help="Load the sample archive if it is missing.")
@json_option
@click.pass_context
def command(ctx: click.Context, *, serves: bool, load_if_empty: bool, as_json: bool) -> None:
    """Show the log-ins of the sample archive, the fictional town of Port Sevrain.

    Loads it only into an installation without any records, and only with --serve or --load-if-empty; a
    loading that was interrupted goes on where it stopped. The passwords are drawn at random and kept,
    readable for you alone, in demo-logins.json in the data folder. With --json everybody also gets the
    bearer token of a new session.
    """
    settings = settings_of(ctx)
    if settings.production:
        raise ConfigurationError("the sample archive has no place in production: unset `DMS_PRODUCTION`")
    may_load = serves or load_if_empty
    if may_load:
        _install(settings)
    elif not migrations.is_current(settings):
        raise ConfigurationError(_NONE)
    with opened(ctx) as house, _alone(settings.home):
        kept = _loaded(house, may_load=may_load)
        found = house.works.read(operator(), partial(_people, kept=kept))
        found = _with_tokens(house, found, only=None if as_json else people.ARCHIVIST)
    show = partial(_show, found, as_json=as_json)
    if serves:
        server.run(settings, workers=1, on_ready=show)
    else:
        show(f"http://{settings.host}:{settings.port}")


def _install(settings: Settings) -> None:
    """Make the installation or bring it up to date; a new one gets the town's name if none was chosen."""
    is_default = settings.repository_name == Settings(home=settings.home).repository_name
    install(replace(settings, repository_name=plan.REPOSITORY) if is_default else settings)


@contextlib.contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Let one loading wait for another."""
    with Path(home, "demo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _loaded(house: House, *, may_load: bool) -> Logins:
    """Return the kept log-ins, after loading what is missing."""
    home = house.settings.home
    kept = logins.read(home)
    is_empty = house.works.read(operator(), lookups.is_empty)
    if kept is None and not is_empty:
        raise ConfigurationError(
            f"`{home}` holds accounts or records that are no sample: choose another folder with `DMS_HOME`"
        )
    if kept is not None and kept.is_complete and not is_empty:
        return kept
    if not may_load:
        raise ConfigurationError(_NONE)
    if kept is None:
        kept = logins.begin(home, [person.name for person in people.PEOPLE])
    _load(house, kept)
    return logins.complete(home, kept)


def _load(house: House, kept: Logins) -> None:
    try:
        from dms.cli.sample import load  # noqa: PLC0415  needs the extra `sample`, showing log-ins does not
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"loading the sample archive needs `{error.name}`: run `pip install 'dms[sample]'`"
        ) from error
    progress = Progress()
    load.load(house, kept.passwords, tell=progress.tell)
    progress.end()


def _people(work: Work, *, kept: Logins) -> list[Login]:
    work.performs(Op.USER_READ)
    ids = lookups.principals(work)
    kinds = {key: kind_and_name for kind_and_name, key in ids.items()}
    levels = {rank: code for code, rank in facts.level_ranks(work).items()}
    compartments = {key: code for code, key in facts.compartments(work).items()}
    found = []
    for person in people.PEOPLE:
        stands = standing.of_principal(work, ids[PrincipalKind.USER, person.name])
        mark = stands.subject.clearance
        reached = (kinds[key] for key in stands.subject.principals)
        found.append(
            Login(
                name=person.name,
                display_name=person.display_name,
                post=person.post,
                roles=tuple(sorted(stands.roles)),
                groups=tuple(sorted(name for kind, name in reached if kind is PrincipalKind.GROUP)),
                level=None if mark is None else levels[mark.rank],
                compartments=()
                if mark is None
                else tuple(sorted(compartments[c] for c in mark.compartments)),
                password=kept.passwords[person.name],
            )
        )
    return found


def _with_tokens(house: House, found: Iterable[Login], *, only: str | None) -> list[Login]:
    """Log everybody in, or one of them; who has another password by now gets no token."""
    entrance = staff.entrance_of(house)
    stranger = anonymous_actor(new_id().hex, source=Source(operator=operator_name()))
    shown = []
    for one in found:
        token = None
        if only in {None, one.name}:
            with contextlib.suppress(Unauthenticated):
                token = login.log_in(entrance, stranger, name=one.name, password=one.password).token
        shown.append(replace(one, token=token))
    return shown


def _show(found: Sequence[Login], address: str, *, as_json: bool) -> None:
    emit(
        {
            "address": address,
            "graphql": f"{address}/graphql",
            "page": f"{address}{PAGE}",
            "people": [_values(one) for one in found],
        },
        as_json=as_json,
        lines=_lines(found, address),
    )


def _values(one: Login) -> Mapping[str, Any]:  # JSON values
    clearance = None if one.level is None else {"level": one.level, "compartments": one.compartments}
    return {
        "name": one.name,
        "displayName": one.display_name,
        "post": one.post,
        "roles": one.roles,
        "groups": one.groups,
        "clearance": clearance,
        "password": one.password,
        "token": one.token,
    }


def _lines(found: Sequence[Login], address: str) -> list[str]:
    rows = [("name", "password", "clearance", "roles", "who"), *(_row(one) for one in found)]
    widths = [max(len(row[at]) for row in rows) for at in range(4)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    ]
    lines += ["", f"server   {address}", f"GraphQL  {address}/graphql", f"browser  {address}{PAGE}"]
    for one in found:
        if one.token is not None:
            lines += ["", f"ask as {one.name}:", _curl(address, one.token)]
    return lines


def _row(one: Login) -> tuple[str, ...]:
    clearance = "/".join((one.level or "none", *one.compartments))
    roles = ", ".join(one.roles) or "-"
    return one.name, one.password, clearance, roles, f"{one.display_name}, {one.post}"


def _curl(address: str, token: str) -> str:
    body = orjson.dumps({"query": QUERY}).decode()
    return (
        f"curl -s {address}/graphql -H 'Authorization: Bearer {token}' "
        f"-H 'Content-Type: application/json' -d '{body}'"
    )
