"""What changes of who may what would do: rehearsed, not written."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.errors import ArgumentInvalid
from dms.base.ids import Kind
from dms.graphql import principals
from dms.graphql.accesschanges import CHANGES, AccessChangeInput, asked_changes
from dms.graphql.accesslists import shown_node_ids
from dms.graphql.context import Info, query_field
from dms.graphql.errors import UserError, user_error
from dms.graphql.principals import Principal
from dms.graphql.scalars import shown_id
from dms.graphql.words import Action, NodeKind
from dms.rules.accessevents import Op
from dms.services import accesspreviews
from dms.services.accesspreviews import MAX_REHEARSED, USUAL_ACTIONS, Preview
from dms.stores.work import Work

MAX_ACTIONS = 4


@strawberry.type(
    description="A Document among those that somebody would gain or lose, which you may know of."
)
class AccessChangeSample:
    """A Document by its names."""

    document_id: strawberry.ID = strawberry.field(description="A Document that it could reach, or no more.")
    reference_code: str | None = strawberry.field(
        description="The code by which that Document is cited; null if it has none."
    )


@strawberry.type(description="What one account would gain and lose by an action.")
class AccessChangeEffect:
    """Numbers of Documents, with some of them."""

    principal: Principal = strawberry.field(description="The account.")
    action: Action = strawberry.field(description="What the account could do more, or less.")
    gained: int = strawberry.field(
        description="Documents on which it would have the action and has it not; an Aggregation whose own "
        "classification changes counts as one."
    )
    lost: int = strawberry.field(description="Those on which it has the action and would have it no more.")
    gained_samples: list[AccessChangeSample] = strawberry.field(
        description="Some of those gained that you may discover yourself: few, of the first accounts."
    )
    lost_samples: list[AccessChangeSample] = strawberry.field(
        description="Some of those lost that you may discover yourself."
    )


@strawberry.type(description="What would change below one of the nodes that the changes name, by an action.")
class AccessChangeNodeEffect:
    """How many accounts, and how much at most."""

    node_kind: NodeKind = strawberry.field(description="What it is.")
    node_id: strawberry.ID = strawberry.field(description="The node that an entry is written on or ended.")
    action: Action = strawberry.field(description="What could be done with it, or no more.")
    gaining: int = strawberry.field(description="Accounts that would gain something at or below it.")
    losing: int = strawberry.field(description="Accounts that would lose something at or below it.")
    most_gained: int = strawberry.field(description="The most Documents there that one account would gain.")
    most_lost: int = strawberry.field(description="The most Documents there that one account would lose.")


@strawberry.type(description="What changes of who may what would do. Nothing of it is written.")
class AccessChangePreview:
    """A rehearsal."""

    errors: list[UserError] = strawberry.field(
        description="What stands against single changes, by number in `path`; nothing is rehearsed then."
    )
    account_count: int = strawberry.field(
        description="Accounts that the changes reach, whether anything differs for them or not."
    )
    rehearsed_count: int = strawberry.field(
        description=f"Of how many of them the effects tell: the first {MAX_REHEARSED} by name at most."
    )
    counts_are_whole: bool = strawberry.field(
        description="Whether all Documents are counted, as for officers; else those that you may discover."
    )
    effects: list[AccessChangeEffect] = strawberry.field(
        description="Accounts that would gain or lose something; for all others nothing changes."
    )
    nodes: list[AccessChangeNodeEffect] = strawberry.field(
        description="The nodes whose lists would change, and what would change below each."
    )


def shown_preview(work: Work, found: Preview) -> AccessChangePreview:
    """Shape a rehearsal."""
    node_ids = shown_node_ids(work, [(each.kind, each.id) for each in found.nodes])
    return AccessChangePreview(
        errors=[shown for problem in found.problems if (shown := user_error(problem)) is not None],
        account_count=found.n_accounts,
        rehearsed_count=found.n_rehearsed,
        counts_are_whole=found.is_whole,
        effects=list(_effects(work, found)),
        nodes=[
            AccessChangeNodeEffect(
                node_kind=each.kind,
                node_id=node_ids[each.id],
                action=each.action,
                gaining=each.n_gaining,
                losing=each.n_losing,
                most_gained=each.most_gained,
                most_lost=each.most_lost,
            )
            for each in found.nodes
        ],
    )


def _effects(work: Work, found: Preview) -> Iterable[AccessChangeEffect]:
    named = {account: found.accounts[account] for effect in found.effects for account in effect.accounts}
    names = principals.shown(work, named.values())
    for effect in found.effects:
        gained, lost = (_samples(found, each) for each in (effect.gained_samples, effect.lost_samples))
        for account in effect.accounts:
            yield AccessChangeEffect(
                principal=names[named[account].id],
                action=effect.action,
                gained=effect.gained.total,
                lost=effect.lost.total,
                gained_samples=gained,
                lost_samples=lost,
            )


def _samples(found: Preview, ids: Iterable[UUID]) -> list[AccessChangeSample]:
    return [
        AccessChangeSample(
            document_id=shown_id(Kind.DOCUMENT, row.id), reference_code=row.reference_code or None
        )
        for row in (found.samples[each] for each in ids if each in found.samples)
    ]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESSCHANGE_PREVIEW,
        needs=Action.MANAGE_ACCESS,
        description="What changes would do: which accounts gain and lose how many Documents. Nothing is "
        "written. Needs for each change what making it needs.",
    )
    def access_change_preview(
        self,
        info: Info,
        changes: Annotated[list[AccessChangeInput], strawberry.argument(description=CHANGES)],
        actions: Annotated[
            list[Action] | None,
            strawberry.argument(
                description=f"Up to {MAX_ACTIONS} actions; DISCOVER and READ_CONTENT if left out."
            ),
        ] = None,
        at: Annotated[
            Instant | None,
            strawberry.argument(description="A later instant, for changes that begin then; now if left out."),
        ] = None,
    ) -> AccessChangePreview | None:
        """Rehearse changes."""
        asked = USUAL_ACTIONS if actions is None else tuple(actions)
        if not 1 <= len(asked) <= MAX_ACTIONS:
            raise ArgumentInvalid(f"ask for 1 to {MAX_ACTIONS} actions", path=("actions",))
        found = accesspreviews.preview(info.work, asked_changes(info.work, changes), actions=asked, at=at)
        return shown_preview(info.work, found)
