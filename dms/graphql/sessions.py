"""Sessions and keys: everybody sees and ends his own, officers and administrators any."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums, paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.models.users import TokenKind
from dms.rules.accessevents import Op
from dms.services import sessions
from dms.stores.work import Work

enums.show(
    TokenKind,
    name="SessionKind",
    description="Where a session comes from.",
    values={
        TokenKind.SESSION: "A person logged in.",
        TokenKind.KEY: "A key that was made for a program.",
    },
)


@strawberry.type(description="A log-in or key that counts until it ends. Its token is shown to nobody again.")
class Session(Node):
    """A session without its secret."""

    user: Principal = strawberry.field(description="The person or service account that it acts for.")
    kind: TokenKind = strawberry.field(description="Where it comes from.")
    note: str = strawberry.field(description="What it was made for.")
    created_at: Instant = strawberry.field(description="When it began.")
    last_used_at: Instant = strawberry.field(description="When it was last used, to the minute.")
    expires_at: Instant = strawberry.field(description="When it ends at the latest; without use, earlier.")
    ended_at: Instant | None = strawberry.field(description="When somebody ended it.")
    is_live: bool = strawberry.field(description="Whether it still counts.")


@strawberry.input(description="Which sessions to list; what is left out does not narrow the list.")
class SessionFilter:
    """What narrows a list of sessions."""

    user_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only those of this person or service account."
    )
    only_current: bool = strawberry.field(
        default=False, description="Only those that nobody ended and whose time has not run out."
    )


@strawberry.input(description="Which log-in or key is to count no more.")
class SessionEndInput:
    """Which session."""

    id: strawberry.ID = strawberry.field(description="The session or key; its token is refused from now on.")


@strawberry.type(description="What came of ending a session.")
class SessionEndPayload(Payload):
    """The session, or why not."""

    session: Session | None = strawberry.field(default=None, description="The session, ended.")


def shown(work: Work, found: Iterable[sessions.Session]) -> Mapping[UUID, Session]:
    """Shape sessions, by id."""
    each = list(found)
    names = principals.named(work, [session.principal_id for session in each])
    return {session.id: _shape(session, names[session.principal_id]) for session in each}


def _shape(found: sessions.Session, user: Principal) -> Session:
    return Session(
        id=shown_id(Kind.SESSION, found.id),
        user=user,
        kind=found.kind,
        note=found.note,
        created_at=Instant(found.created_at),
        last_used_at=Instant(found.last_used_at),
        expires_at=Instant(found.expires_at),
        ended_at=shown_instant(found.ended_at),
        is_live=found.is_current,
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return sessions by id, for `node`."""
    return shown(info.work, sessions.nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.SESSION_LIST,
        needs=OPEN,
        description="Sessions and keys, the newest first: your own; of everybody for those who manage "
        "accounts or clearances.",
    )
    def sessions(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[SessionFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Session] | None:
        """List sessions."""
        asked = filter or SessionFilter()
        user_id = None if asked.user_id is None else principals.asked_principal(info.work, asked.user_id)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter={"user": user_id.hex if user_id else None, "current": asked.only_current},
            total_up_to=total_up_to,
        )
        found = sessions.sessions(
            info.work, page.request, principal_id=user_id, only_current=asked.only_current
        )
        by_id = shown(info.work, found.rows)
        return page.connection(found.among(by_id))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.SESSION_END,
        needs=OPEN,
        description="End a session or key of your own; of anybody for those who manage accounts or "
        "clearances. To end the one you are using, log out.",
    )
    def session_end(self, info: Info, input: Annotated[SessionEndInput, INPUT]) -> SessionEndPayload | None:
        """End a session."""
        ended = sessions.end(info.work, asked_id(Kind.SESSION, input.id))
        return SessionEndPayload(session=shown(info.work, [ended])[ended.id])
