"""Policy revisions: the numbered changes of what anybody may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import strawberry

from dms.access.revisions import Chosen
from dms.base.canonical import Canonical
from dms.base.clock import Instant
from dms.graphql import enums, paging, principals
from dms.graphql.context import Info, query_field
from dms.graphql.paging import NARROWS, After, Before, Connection, First, Last
from dms.graphql.principals import Principal
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.policyrevisions import RevisionKind
from dms.services import policyrevisions
from dms.services.policyrevisions import Revision
from dms.stores.work import Work

enums.show(
    RevisionKind,
    name="PolicyRevisionKind",
    description="What changed what somebody may do.",
    values={
        RevisionKind.ACCOUNT: "An account was disabled or enabled.",
        RevisionKind.CLEARANCE: "A clearance was given or revoked.",
        RevisionKind.COMPARTMENT: "A compartment was made or retired.",
        RevisionKind.ENTRY: "An access entry was written or ended.",
        RevisionKind.FILES: "The policy files with the roles were put in force.",
        RevisionKind.LINK: "Somebody was put into a group or role, or taken out.",
        RevisionKind.MARK: "A security classification was borne for the first time.",
        RevisionKind.NODE: "A node was made ready for entries, or is no more; nothing else changed by it.",
        RevisionKind.PROPOSAL: "A proposal was carried out; its changes have the numbers before.",
        RevisionKind.REARRANGE: "An Aggregation was moved in the tree.",
        RevisionKind.SECURITYLEVEL: "A security level was made or reworded.",
    },
)


@strawberry.type(description="One change of what anybody may do; the numbers have no gaps.")
class PolicyRevision:
    """A revision with who made it, and why where that may be told."""

    number: int = strawberry.field(
        description="Its number; access events name the one by which they were decided as `policyRevision`."
    )
    at: Instant = strawberry.field(description="When the change was made.")
    actor: Principal | None = strawberry.field(
        description="Who made it; null for the system and for commands of the operator."
    )
    kind: RevisionKind = strawberry.field(description="What changed.")
    note: str | None = strawberry.field(
        description="Why, in the words of who made it or of the system. Null for entries and proposals, "
        "whose reasons may speak of things that you may not know of: read those at `accessEntries` and "
        "`accessChangeProposals`, as far as you may."
    )


@strawberry.input(description="Which revisions to list; what is left out does not narrow the list.")
class PolicyRevisionFilter:
    """What narrows a list of revisions."""

    kinds: list[RevisionKind] | None = strawberry.field(
        default=None, description="Only changes of these kinds."
    )
    actor_id: strawberry.ID | None = strawberry.field(
        default=None, description="Only what this account changed."
    )
    since: Instant | None = strawberry.field(default=None, description="Those at this instant or later.")
    until: Instant | None = strawberry.field(default=None, description="Those before this instant.")


def _shown(work: Work, rows: Sequence[Revision]) -> Mapping[int, PolicyRevision]:
    names = principals.named(work, [each.row.actor_id for each in rows])
    return {
        each.row.id: PolicyRevision(
            number=each.row.id,
            at=Instant(each.row.at),
            actor=principals.one_of(names, each.row.actor_id),
            kind=each.kind,
            note=each.note,
        )
        for each in rows
    }


def _chosen(work: Work, asked: PolicyRevisionFilter) -> Chosen:
    return Chosen(
        kinds=None if asked.kinds is None else frozenset(asked.kinds),
        actor_id=None if asked.actor_id is None else principals.asked_principal(work, asked.actor_id),
        since=asked.since,
        until=asked.until,
    )


def _normalised(chosen: Chosen) -> Canonical:
    return [
        None if chosen.kinds is None else sorted(kind.value for kind in chosen.kinds),
        None if chosen.actor_id is None else chosen.actor_id.hex,
        chosen.since,
        chosen.until,
    ]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.POLICY_READ,
        needs=Duty.POLICY_READ,
        description="The changes of what anybody may do, the newest first: one number for each, whoever and "
        "whatever it concerned.",
    )
    def policy_revisions(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[PolicyRevisionFilter | None, NARROWS] = None,
    ) -> Connection[PolicyRevision] | None:
        """List revisions."""
        chosen = _chosen(info.work, filter or PolicyRevisionFilter())
        page = paging.asked(
            info, first=first, after=after, last=last, before=before, filter=_normalised(chosen)
        )
        found = policyrevisions.revisions_of(info.work, page.request, chosen=chosen)
        shown = _shown(info.work, found.rows)
        return page.connection(found.map(lambda each: shown[each.row.id]))
