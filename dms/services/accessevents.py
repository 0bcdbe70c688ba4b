"""Reading the access log: events with what the reader may know of the things that they name."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import marks
from dms.access.log import reading
from dms.access.log.eventfilters import EventFilter, Levels
from dms.access.log.reading import Logged
from dms.base.errors import Invalid, NotFound
from dms.base.paging import Page, PageRequest
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.users import Principal
from dms.rules import eventdetails
from dms.rules.accessevents import Change, Op, Outcome, Refusal, Release, Share
from dms.rules.eventdetails import Detail
from dms.services import auditing, principals, security
from dms.stores import facts
from dms.stores.work import Work

LISTED = 20
"""Objects of each kind that an event shows in a list; read alone it shows all."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an answer shows of events beyond what they hold; nothing else is looked up."""

    things: bool = False
    markings: bool = False
    detail: bool = False


@dataclass(frozen=True, slots=True)
class EventView:
    """An event as it is shown; `things` and `markings` are shared by the events of one answer."""

    logged: Logged
    released: Sequence[Release]
    changed: Sequence[Change]
    refused: Sequence[Refusal]
    actor: Principal | None
    things: Mapping[UUID, Document | Aggregation]
    """Documents and Aggregations whose metadata the reader may see himself."""
    markings: Mapping[int, str]
    detail: Detail | None
    """None if it was not wanted, has been redacted, or is not what was written."""


@dataclass(frozen=True, slots=True)
class _Named:
    """What an event names, as far as the answer shows it."""

    released: Sequence[Release]
    changed: Sequence[Change]
    refused: Sequence[Refusal]
    is_all: bool

    @property
    def ids(self) -> frozenset[UUID]:
        """Return the ids of all of it."""
        refused = {line.object_id for line in self.refused if line.object_id is not None}
        released = {line.object_id for line in self.released}
        return frozenset(refused | released | {line.object_id for line in self.changed})


def find(work: Work, event_id: UUID, *, wanted: Wanted) -> EventView:
    """Return one event with all that it names, or raise `NotFound`; needs the duty `log.read`."""
    auditing.begin(work)
    try:
        logged = reading.one(work, event_id)
    except NotFound:
        auditing.note(work, {"event": event_id.hex}, shown=0)
        work.refuses(event_id, action=Op.LOG_READ, reason="absent", exists=False)
        raise
    auditing.note(work, {"event": event_id.hex}, shown=1)
    return _shown(work, [logged], limit=None, wanted=wanted)[0]


def page(
    work: Work, request: PageRequest, *, found: EventFilter, descending: bool, wanted: Wanted
) -> Page[EventView]:
    """List events by instant; needs the duty `log.read`.

    The reading is an event itself: its filter and the number of events shown stand in its detail, and
    the events shown do not count as released. A search of bodies may stop early and say how far it came.
    """
    auditing.begin(work)
    auditing.check_period(found.since, found.until, path=("filter", "until"))
    logged = reading.page(work, found, request, descending=descending)
    auditing.note(work, found.values(), shown=len(logged.rows))
    views = iter(_shown(work, logged.rows, limit=LISTED, wanted=wanted))
    return logged.map(lambda _: next(views))


def levels(work: Work, code: str) -> Levels:
    """Return the marks of a level and of those above; `Invalid` if there is no such level."""
    ranks = facts.level_ranks(work)
    if code not in ranks:
        raise Invalid(f"there is no security level `{code}`", path=("filter", "security_level"))
    known = marks.all_marks(work).items()
    return Levels(code, frozenset(key for key, mark in known if mark.rank >= ranks[code]))


def _shown(work: Work, found: Sequence[Logged], *, limit: int | None, wanted: Wanted) -> list[EventView]:
    named = [_named(logged, limit=limit) for logged in found]
    ids = frozenset(itertools.chain.from_iterable(names.ids for names in named))
    things = auditing.readable(work, ids) if wanted.things or wanted.detail else {}
    hidden = _protected(work, ids) - things.keys() if wanted.detail else frozenset()
    actors = principals.named(work, {logged.actor_id for logged in found if logged.actor_id is not None})
    markings = _markings(work, named) if wanted.markings else {}
    return [
        EventView(
            logged=logged,
            released=names.released,
            changed=names.changed,
            refused=names.refused,
            actor=None if logged.actor_id is None else actors.get(logged.actor_id),
            things=things,
            markings=markings,
            detail=_detail(logged, names, hidden=hidden) if wanted.detail else None,
        )
        for logged, names in zip(found, named, strict=True)
    ]


def _named(logged: Logged, *, limit: int | None) -> _Named:
    share = Share() if logged.body is None else logged.body.share
    whole = (share.released, share.changed, share.refused)
    is_all = limit is None or max(map(len, whole)) <= limit
    return _Named(share.released[:limit], share.changed[:limit], share.refused[:limit], is_all)


def _protected(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    return frozenset(
        itertools.chain.from_iterable(facts.protected(work, some) for some in auditing.batches(ids))
    )


def _markings(work: Work, named: Sequence[_Named]) -> dict[int, str]:
    known = {line.security_id for names in named for line in names.released if line.security_id is not None}
    found = security.classifications(work, known & marks.all_marks(work).keys())
    return {key: shown.marking for key, shown in found.items()}


def _detail(logged: Logged, names: _Named, *, hidden: frozenset[UUID]) -> Detail | None:
    if logged.detail is None or logged.body is None:
        return None
    ids, head = names.ids, logged.body.head
    is_settled = bool(ids) and head.outcome is not Outcome.FAILED
    is_harmless = is_settled or not eventdetails.is_about_things(head.ops)
    is_open = names.is_all and not ids & hidden and is_harmless
    return eventdetails.shown(logged.detail, hidden={each.hex for each in hidden}, is_open=is_open)
