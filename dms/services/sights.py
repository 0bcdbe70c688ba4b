"""Who can see a thing, what somebody can see, and who could have seen: at any instant, past or future."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias, TypeVar
from uuid import UUID

from dms.access import asof, gate, seers, sights
from dms.access.sights import Sight
from dms.base.canonical import Canonical
from dms.base.clock import to_iso
from dms.base.errors import Invalid
from dms.base.paging import Page, PageRequest, Position
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.users import Principal
from dms.rules.access import Action, Duty, NodeKind
from dms.rules.accessevents import Op
from dms.rules.asof import Dated, checked
from dms.services import principals, questions
from dms.stores.work import Work

LineIds: TypeAlias = tuple[UUID | str, ...]

T = TypeVar("T")
R = TypeVar("R", Document, Aggregation)
S = TypeVar("S", "Seer", "Looker")


@dataclass(frozen=True, slots=True)
class AboutThing:
    """What is asked about a thing; `at` is an instant, None for now."""

    node_kind: NodeKind
    node_id: UUID
    action: Action
    at: int | None = None


@dataclass(frozen=True, slots=True)
class AboutAccount:
    """What is asked about an account; `at` is an instant, None for now."""

    principal_id: UUID
    action: Action
    at: int | None = None


@dataclass(frozen=True, slots=True)
class Seer:
    """An account that can, and the lines that this rests on."""

    account: Principal
    line_ids: LineIds


@dataclass(frozen=True, slots=True)
class Looker:
    """An account that could have, in which periods and by which lines."""

    account: Principal
    periods: tuple[Dated[LineIds], ...]


def who_can_see(work: Work, asked: AboutThing, request: PageRequest) -> Page[Seer]:
    """List the people and service accounts that can do something with a thing, by name; exact.

    Needs `MANAGE_ACCESS` on the thing, now; auditors need it on none. The past is told as `explain` tells
    it. Everybody is decided for each page: cost grows with the accounts that the lines reach.
    """
    work.performs(Op.ACCESS_WHO)
    span = asof.moment(work, asked.at)
    thing = questions.thing(work, asked.node_kind, node_id=asked.node_id)
    found = seers.at(work, thing, span, action=asked.action)
    accounts = _accounts(work, found)
    page = _page([Seer(accounts[key], lines) for key, lines in found.items()], request)
    _release(work, [seer.account for seer in page.rows])
    lines = {line for seer in page.rows for line in seer.line_ids}
    questions.note(work, _written(asked, at=to_iso(span.first)), told=_told(page, lines))
    return page


def what_can_see(work: Work, model: type[R], asked: AboutAccount, request: PageRequest) -> Page[Sight[R]]:
    """List the Documents or Aggregations that an account can do something with, in the order of their ids.

    Only those on which the caller has `MANAGE_ACCESS`, now; for auditors those that they may discover.
    Exact for now and the future; of the past a page may be short and say in `reached` how far it came, and
    a total may be less than there are. `Invalid` for a group or role.
    """
    work.performs(Op.ACCESS_WHAT)
    span = asof.moment(work, asked.at)
    account = questions.account(work, asked.principal_id)
    own = Action.DISCOVER if questions.audits(work) else Action.MANAGE_ACCESS
    reading = sights.Sights(work, model, account.id, asked.action, own)
    page = reading.page(request, span=span)
    written: dict[str, Canonical] = {
        "principal": account.id.hex,
        "action": asked.action.value,
        "at": to_iso(span.first),
        "kind": model.__tablename__,
    }
    lines = {line for sight in page.rows for line in sight.line_ids}
    questions.note(work, written, told=_told(page, lines))
    return page


def could_have_seen(
    work: Work, asked: AboutThing, request: PageRequest, *, since: int, until: int
) -> Page[Looker]:
    """List who could have done something with a thing at some instant of `[since, until)`, by name; exact.

    Each change of a line, link, clearance, place, mark, tree or account inside the period begins a new
    part. Needs `policy.read`, and besides it what `who_can_see` needs. `Invalid` for a period that holds no
    instant, or more than 1,000 changes.
    """
    work.performs(Op.ACCESS_COULD)
    gate.require_duty(work, Duty.POLICY_READ)
    if until <= since:
        raise Invalid("must lie after the start of the period", path=("until",))
    span = asof.span(work, checked(since, path=("since",)), checked(until, path=("until",)) - 1)
    thing = questions.thing(work, asked.node_kind, node_id=asked.node_id)
    found = seers.through(work, thing, span, action=asked.action)
    accounts = _accounts(work, found)
    page = _page([Looker(accounts[key], periods) for key, periods in found.items()], request)
    _release(work, [looker.account for looker in page.rows])
    lines = {line for looker in page.rows for period in looker.periods for line in period.value}
    written = {**_written(asked, at=to_iso(since)), "until": to_iso(until)}
    questions.note(work, written, told=_told(page, lines))
    return page


def _page(found: Sequence[S], request: PageRequest) -> Page[S]:
    """Cut what is known whole to a page, by name."""
    ordered = sorted(found, key=_key)
    positions = [Position(each.account.name, each.account.id) for each in ordered]
    keys = [_key(each) for each in ordered]
    start, end = 0, len(ordered)
    if request.after is not None:
        bound = (str(request.after.value), request.after.id)
        if request.backward:
            end = sum(key < bound for key in keys)
        else:
            start = sum(key <= bound for key in keys)
    if request.backward:
        start = max(start, end - request.size)
    else:
        end = min(end, start + request.size)
    return Page(
        ordered[start:end],
        positions[start:end],
        has_next=end < len(ordered),
        has_previous=start > 0,
        total=len(ordered) if request.want_total else None,
    )


def _key(each: Seer | Looker) -> tuple[str, UUID]:
    return each.account.name, each.account.id


def _accounts(work: Work, ids: Iterable[UUID]) -> dict[UUID, Principal]:
    found: dict[UUID, Principal] = {}
    for some in asof.batches(ids):
        found |= principals.named(work, some)
    return found


def _release(work: Work, accounts: Iterable[Principal]) -> None:
    """Note the accounts that the answer names: reading them is what notes them."""
    gate.listed(work, Principal).many([row.id for row in accounts])


def _written(asked: AboutThing, *, at: str) -> dict[str, Canonical]:
    return {"node": asked.node_id.hex, "action": asked.action.value, "at": at}


def _told(page: Page[T], lines: Iterable[UUID | str]) -> dict[str, Canonical]:
    return {"shown": len(page.rows), "total": page.total, "lines": sorted(questions.line_ids(lines), key=str)}
