"""Events as an export shows them to an account: with the details that it may read, or with names for ids."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

import orjson

from dms.access import gate, marks
from dms.access.log.exporting import Exhibit
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules import accessevents as rules
from dms.rules import eventdetails
from dms.rules.access import Action
from dms.rules.accessevents import Body, Outcome
from dms.rules.logexports import SOURCE, Entry
from dms.services import principals, security
from dms.stores import facts
from dms.stores.work import Work

_AT_ONCE = 500


def proving(work: Work, exhibits: Sequence[Exhibit], *, with_details: bool) -> list[Entry]:
    """Return events with the exact bytes of each detail of which nothing is withheld from the account."""
    readable = _readable(work, exhibits, _bodies(exhibits)) if with_details else frozenset()
    return [_entry(each, sealed=each.sealed if each.index in readable else None) for each in exhibits]


def viewed(work: Work, exhibits: Sequence[Exhibit]) -> list[Entry]:
    """Return events with the names of accounts and marks of today, and the source of each."""
    bodies = _bodies(exhibits)
    actors = principals.named(work, {b.head.actor_id for b in bodies.values() if b.head.actor_id is not None})
    markings = _markings(work, bodies.values())
    names = {
        index: actors[body.head.actor_id].name
        for index, body in bodies.items()
        if body.head.actor_id is not None and body.head.actor_id in actors
    }
    return [
        _entry(
            each,
            told=bodies.get(each.index),
            source=_source(each),
            actor_name=names.get(each.index),
            markings=markings,
        )
        for each in exhibits
    ]


def _bodies(exhibits: Sequence[Exhibit]) -> Mapping[int, Body]:
    return {each.index: rules.read(orjson.loads(each.body)) for each in exhibits if each.fault is None}


def _entry(
    each: Exhibit,
    *,
    told: Body | None = None,
    sealed: tuple[bytes, bytes] | None = None,
    source: Mapping[str, str | None] | None = None,
    actor_name: str | None = None,
    markings: Mapping[int, str] | None = None,
) -> Entry:
    return Entry(
        index=each.index,
        event_id=each.event_id,
        body=each.body,
        leaf_hash=each.leaf_hash,
        told=told,
        fault=each.fault,
        sealed=sealed,
        source=source or {},
        actor_name=actor_name,
        markings=markings or {},
    )


def _source(each: Exhibit) -> Mapping[str, str | None]:
    if each.sealed is None or each.fault is not None:
        return {}
    detail = orjson.loads(each.sealed[1])
    return {key: detail.get(key) for key in SOURCE}


def _markings(work: Work, bodies: Collection[Body]) -> Mapping[int, str]:
    borne = {line.security_id for body in bodies for line in body.share.released}
    known = marks.all_marks(work).keys() & borne
    found = security.classifications(work, known)
    return {key: shown.marking for key, shown in found.items()}


def _readable(work: Work, exhibits: Sequence[Exhibit], bodies: Mapping[int, Body]) -> frozenset[int]:
    """Return the indices of the events of whose detail nothing is withheld from the account."""
    details = {
        each.index: orjson.loads(each.sealed[1])
        for each in exhibits
        if each.sealed is not None and each.index in bodies
    }
    plain = {
        key
        for key, detail in details.items()
        if eventdetails.CHANGES not in detail and _is_whole(detail, hidden=frozenset(), is_open=False)
    }
    asked = {key: _ids(bodies[key]) for key in details.keys() - plain}
    ids = frozenset(itertools.chain.from_iterable(asked.values()))
    hidden = _protected(work, ids) - _seen(work, ids)
    whole = {
        key
        for key, named in asked.items()
        if _is_whole(details[key], hidden=hidden & named, is_open=_is_open(bodies[key], named & hidden))
    }
    return frozenset(plain | whole)


def _is_whole(detail: Mapping[str, object], *, hidden: Collection[UUID], is_open: bool) -> bool:
    return not eventdetails.shown(detail, hidden={each.hex for each in hidden}, is_open=is_open).withheld


def _is_open(body: Body, hidden: Collection[UUID]) -> bool:
    """Tell whether all of a detail shows: as the list of events decides it."""
    is_settled = bool(_ids(body)) and body.head.outcome is not Outcome.FAILED
    return not hidden and (is_settled or not eventdetails.is_about_things(body.head.ops))


def _ids(body: Body) -> frozenset[UUID]:
    share = body.share
    refused = {line.object_id for line in share.refused if line.object_id is not None}
    changed = {line.object_id for line in share.changed}
    return frozenset(refused | changed | {line.object_id for line in share.released})


def _seen(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    """Return the Documents and Aggregations whose metadata the account may see: released to it by this."""
    found: set[UUID] = set()
    for some in _batches(ids):
        found.update(gate.visible(work, Document, Action.READ_METADATA).many(some))
        found.update(gate.visible(work, Aggregation, Action.READ_METADATA).many(some))
    return frozenset(found)


def _protected(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    return frozenset(itertools.chain.from_iterable(facts.protected(work, some) for some in _batches(ids)))


def _batches(ids: Collection[UUID]) -> list[Sequence[UUID]]:
    ordered = sorted(ids)
    return [ordered[start : start + _AT_ONCE] for start in range(0, len(ordered), _AT_ONCE)]
