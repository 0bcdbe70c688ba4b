"""The over-permission report: what of access lists and clearances nobody needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.canonical import Canonical
from dms.base.clock import Instant
from dms.graphql import accesslists, clearances, enums, paging, principals
from dms.graphql.accesslists import AccessEntry
from dms.graphql.clearances import Clearance
from dms.graphql.context import Info, query_field
from dms.graphql.paging import After, Before, Connection, First, Last
from dms.graphql.principals import Principal
from dms.graphql.scalars import shown_instant
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.accessfindings import DOCUMENTS_OF_A_SCOPE, FEW_SCOPES, MAX_OWN_LINES, FindingKind
from dms.services import accessfindings
from dms.services.accessfindings import Asked, Finding
from dms.stores.work import Work

UNUSED_DAYS = 90

enums.show(
    FindingKind,
    name="AccessFindingKind",
    description="What an officer should look at.",
    values={
        FindingKind.EXPIRED: "A line whose period is over, and that nobody revoked.",
        FindingKind.ROOT_WIDE: "A line that gives something on the Repository or the whole scheme.",
        FindingKind.SHADOWED_BY_DENY: "A line whose action a deny refuses for all the time it has left.",
        FindingKind.SHADOWED_BY_ALLOW: "A line that gives nothing beside a wider or an older equal one.",
        FindingKind.UNUSED: "A line that let nothing out for as many days as asked for.",
        FindingKind.CLEARANCE_UNUSED: "A clearance above all that its holder opened in a year.",
        FindingKind.MANY_LINES: f"Somebody whom more than {MAX_OWN_LINES} open lines name.",
        FindingKind.MANY_SCOPES: f"More than {FEW_SCOPES} access scopes, and fewer than "
        f"{DOCUMENTS_OF_A_SCOPE} Documents for each: marks and lines lie so scattered that lists get slow.",
    },
)


@strawberry.type(description="Something in the access lists or clearances that an officer should look at.")
class AccessFinding:
    """A finding, with what it is about: an entry, a clearance, a principal; or else the whole Repository."""

    kind: FindingKind = strawberry.field(description="What is the matter.")
    access_entry: AccessEntry | None = strawberry.field(description="The entry it is about.")
    clearance: Clearance | None = strawberry.field(description="The clearance it is about.")
    principal: Principal | None = strawberry.field(description="Whom it is about, if many lines name him.")
    shadowed_by: AccessEntry | None = strawberry.field(description="The entry that makes it idle.")
    why: str = strawberry.field(description="Why it is a finding, in plain words.")
    since: Instant | None = strawberry.field(
        description="Since when at the latest; none for many lines or scopes."
    )
    remedy: str = strawberry.field(description="What to do about it.")


@strawberry.input(description="Which findings to list; what is left out does not narrow the report.")
class AccessFindingFilter:
    """What narrows a report."""

    kinds: list[FindingKind] | None = strawberry.field(
        default=None,
        description="Only findings of these kinds. `UNUSED` and `CLEARANCE_UNUSED` read the access log.",
    )
    unused_days: int = strawberry.field(
        default=UNUSED_DAYS, description="After how many days without use a line counts as unused."
    )


def _shown(work: Work, rows: Sequence[Finding]) -> Mapping[tuple[UUID, FindingKind], AccessFinding]:
    entries = accesslists.shown_entries(
        work, [each for row in rows for each in (row.entry, row.by) if each is not None]
    )
    held = clearances.shown_clearances(work, [row.clearance for row in rows if row.clearance is not None])
    names = principals.named(work, [row.principal_id for row in rows])
    return {
        (row.id, row.kind): AccessFinding(
            kind=row.kind,
            access_entry=None if row.entry is None else entries[row.entry.id],
            clearance=None if row.clearance is None else held[row.clearance.id],
            principal=principals.one_of(names, row.principal_id),
            shadowed_by=None if row.by is None else entries[row.by.id],
            why=row.why,
            since=shown_instant(row.since),
            remedy=row.remedy,
        )
        for row in rows
    }


def _asked(asked: AccessFindingFilter) -> Asked:
    return Asked(frozenset(FindingKind if asked.kinds is None else asked.kinds), asked.unused_days)


def _normalised(asked: Asked) -> Canonical:
    return [sorted(kind.value for kind in asked.kinds), asked.unused_days]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESSFINDING_LIST,
        needs=Duty.ACCESS_REVIEW,
        description="What of the access lists and clearances nobody needs: findings about lines, then about "
        "clearances, then about people with very many lines, and whether all is too scattered. Of lines, "
        "clearances and people only what you may know of is looked at.",
    )
    def access_findings(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[
            AccessFindingFilter | None, strawberry.argument(description="What narrows the report.")
        ] = None,
    ) -> Connection[AccessFinding] | None:
        """List findings."""
        asked = _asked(filter or AccessFindingFilter())
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, filter=_normalised(asked)
        )
        found = accessfindings.findings(info.work, page.request, asked=asked)
        shown = _shown(info.work, found.rows)
        return page.connection(found.map(lambda row: shown[row.id, row.kind]))
