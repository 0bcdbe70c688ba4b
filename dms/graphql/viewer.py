"""Who asks: what a front end needs to know of its own user."""

from __future__ import annotations

import strawberry

from dms.graphql import principals, sessions
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.principals import Group, Principal, Role
from dms.graphql.security import SecurityClassification, shown_classification
from dms.graphql.sessions import Session
from dms.graphql.tasks import ViewerTasks
from dms.graphql.words import Duty
from dms.rules.accessevents import Op
from dms.services import sessions as session_service
from dms.services import users


@strawberry.type(description="You, as this request found you; the next one looks again.")
class Viewer:
    """The one who asks."""

    account: Principal = strawberry.field(description="Your account.")
    duties: list[Duty] = strawberry.field(description="The powers that your roles give you.")
    roles: list[Role] = strawberry.field(
        description="The roles that you hold now, also through groups; those that exclude each other do not "
        "count."
    )
    conflicting_roles: list[str] = strawberry.field(
        description="The names of roles that you hold but that exclude each other: ask a security officer."
    )
    groups: list[Group] = strawberry.field(
        description="The groups that you belong to now, also through other groups."
    )
    clearance: SecurityClassification | None = strawberry.field(
        description="The highest classification that you reach now; null if you hold no clearance, and then "
        "you reach nothing."
    )
    policy_revision: int | None = strawberry.field(
        description="The state of access lists, clearances and roles by which you were answered. While it "
        "stays the same, what anybody may do changes only where a period begins or ends. Null unless you "
        "hold the duty `policy.read`."
    )
    session: Session | None = strawberry.field(description="The log-in or key with which you ask.")
    tasks: ViewerTasks = strawberry.field(description="What waits for you to decide it.")


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.VIEWER_READ,
        needs=OPEN,
        description="You: your account, what you belong to, your duties, your clearance, and what waits for "
        "you.",
    )
    def viewer(self, info: Info) -> Viewer | None:
        """Return who asks."""
        found = users.viewer(info.work)
        session = session_service.current(info.work) if info.wants("session") else None
        return Viewer(
            account=principals.shown(info.work, [found.account])[found.account.id],
            duties=list(found.duties),
            roles=list(principals.shown_as(Role, info.work, found.roles).values()),
            conflicting_roles=list(found.conflicting_roles),
            groups=list(principals.shown_as(Group, info.work, found.groups).values()),
            clearance=None if found.clearance is None else shown_classification(found.clearance),
            policy_revision=found.policy_revision,
            tasks=ViewerTasks(),
            session=None if session is None else sessions.shown(info.work, [session])[session.id],
        )
