"""Who saw a thing, and what somebody saw, as the access log tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.log.questions import Asked
from dms.base.canonical import Canonical
from dms.base.clock import Instant
from dms.graphql import accesseventviews, paging, principals
from dms.graphql.accessevents import asked_object
from dms.graphql.accesseventviews import AccessEventThing
from dms.graphql.context import Info, query_field
from dms.graphql.eventwords import Disclosure, Op
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.principals import AskedAccount, Principal
from dms.graphql.scalars import BigInt
from dms.rules.access import Duty
from dms.services import logquestions
from dms.services.logquestions import SeenObject, Wanted, Witness


@strawberry.type(description="How somebody saw something, as far as was asked for.")
class AccessSight:
    """What both questions tell of a person and an object."""

    first_at: Instant = strawberry.field(description="When first, within the period.")
    last_at: Instant = strawberry.field(description="When last, within the period.")
    count: BigInt = strawberry.field(description="How many events tell of it.")
    disclosure: Disclosure = strawberry.field(description="How much was shown at most.")
    ops: list[Op] = strawberry.field(
        description="By which operations: what each of the events did first. Looked up only when asked for."
    )


@strawberry.type(description="Somebody who saw a thing.")
class AccessWitness(AccessSight):
    """A line of `whoSaw`."""

    actor: Principal | None = strawberry.field(
        description="Who, under the names of today; null for the system and for who had not logged in."
    )


@strawberry.type(description="A thing that somebody saw.")
class AccessSeenObject(AccessSight):
    """A line of `whatSaw`."""

    uuid: str = strawberry.field(
        description="Its id as the log keeps it: 32 hexadecimal characters, the same for every kind of thing."
    )
    thing: AccessEventThing | None = strawberry.field(
        description="The Document or Aggregation, if your own clearance and its access list let you read its "
        "description; asking for it is recorded as reading it."
    )


_Least = Annotated[
    Disclosure,
    strawberry.argument(description="How much must have been shown at least; its existence if left out."),
]
_Since = Annotated[
    Instant | None, strawberry.argument(description="The first instant of the period; open if left out.")
]
_Until = Annotated[
    Instant | None,
    strawberry.argument(description="The first instant that is no longer in the period; open if left out."),
]


def _witness(found: Witness, names: Mapping[UUID, Principal]) -> AccessWitness:
    sight = found.sight
    return AccessWitness(
        actor=None if found.account is None else names[found.account.id],
        first_at=Instant(sight.first_at),
        last_at=Instant(sight.last_at),
        count=BigInt(sight.count),
        disclosure=sight.disclosure,
        ops=_ops(found.ops),
    )


def _seen(found: SeenObject) -> AccessSeenObject:
    sight = found.sight
    return AccessSeenObject(
        uuid=sight.key.hex,
        thing=accesseventviews.thing(sight.key, {} if found.thing is None else {sight.key: found.thing}),
        first_at=Instant(sight.first_at),
        last_at=Instant(sight.last_at),
        count=BigInt(sight.count),
        disclosure=sight.disclosure,
        ops=_ops(found.ops),
    )


def _ops(found: frozenset[str]) -> list[Op]:
    return [op for op in Op if op.value in found]


def _wanted(info: Info) -> Wanted:
    return Wanted(
        ops=info.wants("nodes.ops", "edges.node.ops"), things=info.wants("nodes.thing", "edges.node.thing")
    )


def _normalised(key: str, asked: Asked) -> Canonical:
    return [key, asked.least.value, asked.since, asked.until]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.LOG_READ,
        needs=Duty.LOG_READ,
        description="Who saw a thing, by person, whoever was first comes first: exact, and up to the present "
        "moment. An event counts even if its answer was lost on the way. For the events themselves filter "
        "`accessEvents` by `objectId`, `actorId` and `disclosure`. Your question is an event too.",
    )
    def who_saw(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        object_id: Annotated[
            strawberry.ID,
            strawberry.argument(description="Its id, of any kind, or the `uuid` that an event shows."),
        ],
        disclosure: _Least = Disclosure.EXISTENCE,
        since: _Since = None,
        until: _Until = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AccessWitness] | None:
        """List who saw a thing."""
        thing, asked = asked_object(object_id), Asked(disclosure, since, until)
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, filter=_normalised(thing.hex, asked)
        )
        found = logquestions.who_saw(info.work, thing, page.request, asked=asked, wanted=_wanted(info))
        names = principals.shown(info.work, [each.account for each in found.rows])
        return page.connection(found.map(lambda each: _witness(each, names)))

    @query_field(
        op=Op.LOG_READ,
        needs=Duty.LOG_READ,
        description="What somebody saw, by thing, what was seen first comes first: exact, and up to the "
        "present moment. Of somebody with very many events a page may be short: go on from `endCursor` while "
        "`hasNextPage`. Your question is an event too.",
    )
    def what_saw(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        principal_id: AskedAccount,
        disclosure: _Least = Disclosure.EXISTENCE,
        since: _Since = None,
        until: _Until = None,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
    ) -> Connection[AccessSeenObject] | None:
        """List what somebody saw."""
        account = principals.asked_principal(info.work, principal_id)
        asked = Asked(disclosure, since, until)
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, filter=_normalised(account.hex, asked)
        )
        found = logquestions.what_saw(info.work, account, page.request, asked=asked, wanted=_wanted(info))
        return page.connection(found.map(_seen))
