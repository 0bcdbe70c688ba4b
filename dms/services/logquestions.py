"""Who saw a thing, and what somebody saw: what the access log tells of it, for auditors."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from uuid import UUID

from dms.access.log import questions
from dms.access.log.questions import Asked, Sight
from dms.base.canonical import Canonical
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.users import Principal
from dms.services import auditing, principals
from dms.stores.work import Work


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer shows beyond sights; nothing else is looked up."""

    ops: bool = False
    things: bool = False


@dataclass(frozen=True, slots=True)
class Witness:
    """Somebody who saw a thing, and how; `account` is None for who had none."""

    account: Principal | None
    sight: Sight
    ops: frozenset[str]


@dataclass(frozen=True, slots=True)
class SeenObject:
    """An object that somebody saw, and how; `thing` only if the reader may see it himself."""

    thing: Document | Aggregation | None
    sight: Sight
    ops: frozenset[str]


def who_saw(
    work: Work, object_id: UUID, request: PageRequest, *, asked: Asked, wanted: Wanted
) -> Page[Witness]:
    """List who saw an object, whoever was first comes first; exact. Needs the duty `log.read`.

    The question is an event itself, with the number of people that it told of.
    """
    _begin(work, asked)
    page = questions.who_saw(work, object_id, asked, request)
    _note(work, {"who_saw": object_id.hex}, asked, shown=len(page.rows))
    keys = _keys(page)
    ops = questions.ops_of_object(work, object_id, keys, asked=asked) if wanted.ops else {}
    accounts = principals.named(work, keys)
    return page.map(lambda sight: Witness(accounts.get(sight.key), sight, ops.get(sight.key, frozenset())))


def what_saw(
    work: Work, actor_id: UUID, request: PageRequest, *, asked: Asked, wanted: Wanted
) -> Page[SeenObject]:
    """List what somebody saw, what was seen first comes first. Needs the duty `log.read`.

    Exact, but a page may be short and say in `reached` how far it came, and a total be less than there is.
    """
    _begin(work, asked)
    page = questions.what_saw(work, actor_id, asked, request)
    _note(work, {"what_saw": actor_id.hex}, asked, shown=len(page.rows))
    keys = _keys(page)
    ops = questions.ops_of_actor(work, actor_id, keys, asked=asked) if wanted.ops else {}
    things = auditing.readable(work, keys) if wanted.things else {}
    return page.map(lambda sight: SeenObject(things.get(sight.key), sight, ops.get(sight.key, frozenset())))


def _begin(work: Work, asked: Asked) -> None:
    auditing.begin(work)
    auditing.check_period(asked.since, asked.until, path=("until",))


def _note(work: Work, about: Mapping[str, Canonical], asked: Asked, *, shown: int) -> None:
    period = {"since": asked.since, "until": asked.until}
    told = {key: value for key, value in period.items() if value is not None}
    auditing.note(work, {**about, "disclosure": asked.least.name.lower(), **told}, shown=shown)


def _keys(page: Page[Sight]) -> Collection[UUID]:
    return {sight.key for sight in page.rows}
