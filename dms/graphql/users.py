"""Accounts: who has one, and whether it counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.login import Code
from dms.access.revisions import LOCK
from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, OPEN, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import User
from dms.graphql.scalars import asked_id
from dms.models import users as models
from dms.models.users import PrincipalStatus
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.services import users
from dms.stores.work import Work


@strawberry.type(description="A code with which the holder of an account chooses a password, once.")
class OneTimeCode:
    """A code; it is kept nowhere in this form."""

    code: str = strawberry.field(
        description="The code itself. It is shown here and never again: hand it over at once, to nobody else."
    )
    expires_at: Instant = strawberry.field(description="Up to and without this instant it can be used.")


@strawberry.input(one_of=True, description="Which account: by one of these.")
class UserBy:
    """The keys of an account."""

    id: strawberry.Maybe[strawberry.ID] = strawberry.field(description="By its id, as an answer gave it.")
    name: strawberry.Maybe[str] = strawberry.field(description="By the name that logs in.")


@strawberry.input(description="Which accounts to list; what is left out does not narrow the list.")
class UserFilter:
    """What narrows a list of accounts."""

    name_starts_with: str | None = strawberry.field(
        default=None, description="Only those whose log-in name begins with this."
    )
    status: PrincipalStatus | None = strawberry.field(
        default=None, description="Only those that count, or only those that do not."
    )


@strawberry.input(description="A new account.")
class UserCreateInput(Creation):
    """What an account begins with."""

    name: str = strawberry.field(
        description="Lower-case letters, digits, `.`, `-`, `_`; no other account has it. It never changes."
    )
    display_name: str = strawberry.field(description="The name as people know it.")


@strawberry.input(description="A new name for people to read.")
class UserUpdateInput:
    """Which account, and what changes."""

    id: strawberry.ID = strawberry.field(description="The account.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    display_name: str = strawberry.field(description="The name as people know it from now on.")


@strawberry.input(description="An account that shall count no more.")
class UserDisableInput:
    """Which account, and why."""

    id: strawberry.ID = strawberry.field(description="The account; not your own.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="A disabled account that shall count again.")
class UserEnableInput:
    """Which account, and why."""

    id: strawberry.ID = strawberry.field(description="The account.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="An account whose holder needs a new password.")
class UserResetStartInput:
    """Which account."""

    id: strawberry.ID = strawberry.field(description="The account; not your own.")


@strawberry.type(description="What came of making an account.")
class UserCreatePayload(Payload):
    """The account with its first code, or why not."""

    user: User | None = strawberry.field(default=None, description="The new account.")
    one_time_code: OneTimeCode | None = strawberry.field(
        default=None, description="With it the holder chooses the first password."
    )


@strawberry.type(description="What came of renaming an account.")
class UserUpdatePayload(Payload):
    """The account, or why not."""

    user: User | None = strawberry.field(default=None, description="The account as it is now.")


@strawberry.type(description="What came of disabling an account.")
class UserDisablePayload(Payload):
    """The account, or why not."""

    user: User | None = strawberry.field(default=None, description="The account as it is now.")


@strawberry.type(description="What came of enabling an account.")
class UserEnablePayload(Payload):
    """The account, or why not."""

    user: User | None = strawberry.field(default=None, description="The account as it is now.")


@strawberry.type(description="What came of starting a reset.")
class UserResetStartPayload(Payload):
    """The code, or why not."""

    one_time_code: OneTimeCode | None = strawberry.field(
        default=None, description="With it the holder chooses a new password; the old one is good until then."
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return accounts by id, for `node`."""
    return principals.shown(info.work, users.nodes(info.work, ids).values())


def _one(work: Work, row: models.Principal) -> User:
    return principals.shown_as(User, work, [row])[row.id]


def _code(made: Code) -> OneTimeCode:
    return OneTimeCode(code=made.text, expires_at=made.expires_at)


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.USER_READ, needs=OPEN, description="One account; null if there is none.")
    def user(
        self, info: Info, by: Annotated[UserBy, strawberry.argument(description="Which one.")]
    ) -> User | None:
        """Read an account."""
        if by.id is not None:
            return _one(info.work, users.user(info.work, user_id=asked_id(Kind.USER, by.id.value)))
        return _one(info.work, users.user(info.work, name=by.name.value if by.name else ""))

    @query_field(
        op=Op.USER_LIST,
        needs=OPEN,
        description="All accounts of people in order of their log-in names. What they belong to shows to "
        "officers, auditors and administrators.",
    )
    def users(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[UserFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[User] | None:
        """List accounts."""
        asked = filter or UserFilter()
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter={"starts": asked.name_starts_with, "status": asked.status},
            order="name",
            total_up_to=total_up_to,
        )
        found = users.users(info.work, page.request, name_starts=asked.name_starts_with, status=asked.status)
        shown = principals.shown_as(User, info.work, found.rows)
        return page.connection(found.among(shown))


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.USER_CREATE,
        needs=Duty.USERS_MANAGE,
        creates=Made("user", nodes),
        description="Make an account without a password, and a code with which its holder chooses one.",
    )
    def user_create(self, info: Info, input: Annotated[UserCreateInput, INPUT]) -> UserCreatePayload | None:
        """Make an account."""
        made = users.create(info.work, name=input.name, display_name=input.display_name)
        return UserCreatePayload(user=_one(info.work, made.user), one_time_code=_code(made.code))

    @mutation_field(
        op=Op.USER_UPDATE,
        needs=Duty.USERS_MANAGE,
        description="Change the name that people read; the one that logs in stays.",
    )
    def user_update(self, info: Info, input: Annotated[UserUpdateInput, INPUT]) -> UserUpdatePayload | None:
        """Rename an account."""
        row = users.update(
            info.work,
            asked_id(Kind.USER, input.id),
            expected_revision=input.expected_revision,
            display_name=input.display_name,
        )
        return UserUpdatePayload(user=_one(info.work, row))

    @mutation_field(
        op=Op.USER_DISABLE,
        needs=Duty.USERS_MANAGE,
        locks=(LOCK,),
        description="Let another's account count no more, from the next request on; its sessions end.",
    )
    def user_disable(
        self, info: Info, input: Annotated[UserDisableInput, INPUT]
    ) -> UserDisablePayload | None:
        """Disable an account."""
        row = users.disable(
            info.work,
            asked_id(Kind.USER, input.id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return UserDisablePayload(user=_one(info.work, row))

    @mutation_field(
        op=Op.USER_ENABLE,
        needs=Duty.USERS_MANAGE,
        locks=(LOCK,),
        description="Let a disabled account count again, with all that it held; it must log in anew.",
    )
    def user_enable(self, info: Info, input: Annotated[UserEnableInput, INPUT]) -> UserEnablePayload | None:
        """Enable an account."""
        row = users.enable(
            info.work,
            asked_id(Kind.USER, input.id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return UserEnablePayload(user=_one(info.work, row))

    @mutation_field(
        op=Op.USER_RESET_START,
        needs=Duty.USERS_MANAGE,
        description="Make a code with which the holder of another account chooses a new password.",
    )
    def user_reset_start(
        self, info: Info, input: Annotated[UserResetStartInput, INPUT]
    ) -> UserResetStartPayload | None:
        """Start a reset."""
        made = users.reset_start(info.work, asked_id(Kind.USER, input.id))
        return UserResetStartPayload(one_time_code=_code(made))
