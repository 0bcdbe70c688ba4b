"""`dms policy who-can-see` and `what-can-see`: the answers page by page, as lines, JSON or CSV."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from functools import partial
from typing import TypeVar
from uuid import UUID

import click

from dms.base.actor import Actor
from dms.base.clock import Instant, from_datetime, to_iso
from dms.base.errors import Denied, NotFound
from dms.base.ids import Kind, global_id, parse_global_id
from dms.base.paging import MAX_PAGE, Page, PageRequest
from dms.cli.acting import account_name, acting, as_option
from dms.cli.frame import emit, json_option, opened
from dms.house import House
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules.access import Action, NodeKind
from dms.rules.sheets import safe_cell
from dms.services import accessexports, sights, users
from dms.services.sights import AboutAccount, AboutThing
from dms.stores.work import Work

T = TypeVar("T")

_KINDS = ("document", "aggregation")

action_option = click.option(
    "--action",
    type=click.Choice([each.value for each in Action]),
    default=Action.READ_CONTENT.value,
    show_default=True,
    help="What somebody would do.",
)
at_option = click.option(
    "--at", metavar="INSTANT", help="Past or future, such as 2031-05-04T10:00:00Z; now if left out."
)
csv_option = click.option("--csv", "as_csv", is_flag=True, help="Print CSV.")


@click.command("who-can-see")
@click.argument("node")
@action_option
@at_option
@as_option
@json_option
@csv_option
@click.pass_context
def who(
    ctx: click.Context,
    /,
    *,
    node: str,
    action: str,
    at: str | None,
    account: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List the people and service accounts that can do something with NODE, a code or an id, by name.

    For holders of `MANAGE_ACCESS` on it, and for auditors. Each page of the answer is in the access log.
    """
    form = _form(as_json=as_json, as_csv=as_csv)
    with _asking(ctx, account) as (house, actor):
        instant = _instant(house, at)
        try:
            kind, node_id = house.works.read(actor, partial(_node, text=node))
            asked = AboutThing(kind, node_id, Action(action), instant)
            found = list(_pages(house, actor, partial(sights.who_can_see, asked=asked)))
        except NotFound as error:
            raise NotFound(f"there is no node `{node}` that this account may know of") from error
    rows = [(each.account.kind.value, each.account.name, _line_ids(each.line_ids)) for each in found]
    _print(Answer({"node": node, "action": action, "at": to_iso(instant)}, ("kind", "name"), rows), form)


@click.command("what-can-see")
@click.argument("name")
@action_option
@click.option(
    "--kind",
    type=click.Choice(_KINDS),
    default=_KINDS[0],
    show_default=True,
    help="Documents or Aggregations.",
)
@at_option
@as_option
@json_option
@csv_option
@click.pass_context
def what(
    ctx: click.Context,
    /,
    *,
    name: str,
    action: str,
    kind: str,
    at: str | None,
    account: str | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """List what the account NAME can do something with, as far as the account of `--as` manages its access.

    Auditors are told of what they may discover. Each page of the answer is in the access log.
    """
    form = _form(as_json=as_json, as_csv=as_csv)
    with _asking(ctx, account) as (house, actor):
        instant = _instant(house, at)
        asked = AboutAccount(_account(house, actor, name), Action(action), instant)
        found = list(_things(house, actor, asked, is_document=kind == _KINDS[0]))
    said = {"name": name, "action": action, "kind": kind, "at": to_iso(instant)}
    _print(Answer(said, ("id", "code"), found), form)


@dataclass(frozen=True, slots=True)
class Answer:
    """What was asked, and a row of two words and the ids of lines for each thing found."""

    asked: Mapping[str, str]
    header: tuple[str, str]
    rows: Sequence[tuple[str, str, list[str]]]


class _Form(Enum):
    LINES = "lines"
    JSON = "json"
    CSV = "csv"


def _form(*, as_json: bool, as_csv: bool) -> _Form:
    if as_json and as_csv:
        raise click.UsageError("give `--json` or `--csv`, not both")
    return _Form.JSON if as_json else _Form.CSV if as_csv else _Form.LINES


@contextlib.contextmanager
def _asking(ctx: click.Context, account: str | None) -> Iterator[tuple[House, Actor]]:
    """Open the installation for one who asks, and say it plainly if he may not."""
    with opened(ctx) as house:
        try:
            yield house, acting(house, account)
        except Denied as error:
            message = f"`{account_name(account)}` has no `{error.action}` there"
            raise Denied(message, action=error.action) from error


def _instant(house: House, text: str | None) -> Instant:
    """Return the instant that is asked about: one for all pages."""
    if text is None:
        return house.works.clock()
    try:
        return from_datetime(datetime.fromisoformat(text))  # which refuses one without an offset
    except (ValueError, OverflowError) as error:
        message = f"`{text}` is no instant: write it with its offset, as 2031-05-04T10:00:00Z"
        raise click.UsageError(message) from error


def _node(work: Work, *, text: str) -> tuple[NodeKind, UUID]:
    is_id = parse_global_id(text) is not None
    return accessexports.node_of(work, shown_id=text if is_id else None, code=None if is_id else text)


def _account(house: House, actor: Actor, name: str) -> UUID:
    try:
        return house.works.read(actor, partial(users.user, name=name)).id
    except NotFound as error:
        raise NotFound(f"there is no account `{name}`: see `dms user list`") from error


def _things(
    house: House, actor: Actor, asked: AboutAccount, *, is_document: bool
) -> Iterator[tuple[str, str, list[str]]]:
    if is_document:
        documents = _pages(house, actor, partial(sights.what_can_see, model=Document, asked=asked))
        for each in documents:
            yield _thing(Kind.DOCUMENT, each.row.id, each.row.reference_code, each.line_ids)
        return
    for found in _pages(house, actor, partial(sights.what_can_see, model=Aggregation, asked=asked)):
        yield _thing(Kind.AGGREGATION, found.row.id, found.row.reference_code, found.line_ids)


def _thing(
    kind: Kind, row_id: UUID, code: str | None, line_ids: Iterable[UUID | str]
) -> tuple[str, str, list[str]]:
    return global_id(kind, row_id), code or "", _line_ids(line_ids)


def _pages(house: House, actor: Actor, ask: Callable[..., Page[T]]) -> Iterator[T]:
    """Yield the rows of all pages, each an operation of its own."""
    request = PageRequest(MAX_PAGE)
    while True:
        page = house.works.read(actor, partial(ask, request=request))
        yield from page.rows
        if not page.has_next:
            return
        request = PageRequest(MAX_PAGE, after=page.reached or page.positions[-1])


def _line_ids(found: Iterable[UUID | str]) -> list[str]:
    return [each if isinstance(each, str) else global_id(Kind.ACCESS_ENTRY, each) for each in found]


def _print(answer: Answer, form: _Form) -> None:
    if form is _Form.CSV:
        click.echo(_csv(answer), nl=False)
        return
    header = (*answer.header, "lines")
    found = [dict(zip(header, row, strict=True)) for row in answer.rows]
    lines = [f"{first}  {second}".rstrip() for first, second, _ in answer.rows]
    emit(
        {**answer.asked, "total": len(found), "found": found},
        as_json=form is _Form.JSON,
        lines=[*lines, f"{len(found)} in all"],
    )


def _csv(answer: Answer) -> str:
    written = io.StringIO()
    sheet = csv.writer(written, lineterminator="\r\n")
    sheet.writerow((*answer.header, "lines"))
    for first, second, lines in answer.rows:
        sheet.writerow((safe_cell(first), safe_cell(second), " ".join(lines)))
    return written.getvalue()
