"""Access lists: entries, and what a decision would be."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms.access.revisions import LOCK
from dms.base.canonical import Canonical
from dms.base.clock import Instant
from dms.base.ids import Kind, parse_global_id
from dms.graphql import paging, principals
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import ABSENT, asked_id, shown_id, shown_instant
from dms.graphql.words import Action, Effect, NodeKind, Reason, Validity
from dms.models import accesslists as models
from dms.rules.accessevents import Op
from dms.services import accessexports, accesslists, repository, validity
from dms.services.accesslists import Check, DecidingLine, EntryDraft, EntryFilter
from dms.stores.work import Work

_KINDS = {
    NodeKind.REPOSITORY: Kind.REPOSITORY,
    NodeKind.AGGREGATION: Kind.AGGREGATION,
    NodeKind.CLASS: Kind.RECORD_CLASS,
    NodeKind.DOCUMENT: Kind.DOCUMENT,
}
_NODE_KINDS = {kind: node for node, kind in _KINDS.items()} | {Kind.SCHEME: NodeKind.CLASS}

AskedNode = Annotated[
    strawberry.ID,
    strawberry.argument(
        description="The Document, Aggregation, class, scheme or Repository that it is about."
    ),
]
"""For the argument of a question about one node; `asked_node` reads it."""

AskedAction = Annotated[Action, strawberry.argument(description="What somebody would do with it.")]
"""For the argument of a question about one action."""


@strawberry.type(description="A line of an access list: who may, or may not, do what on a node and below it.")
class AccessEntry(Node):
    """An entry with its history."""

    principal: Principal = strawberry.field(description="Who may, or may not.")
    node_kind: NodeKind = strawberry.field(description="What it is written on.")
    node_id: strawberry.ID = strawberry.field(description="What it is written on; it holds there and below.")
    action: Action = strawberry.field(description="What it is about.")
    effect: Effect = strawberry.field(description="Whether it gives or refuses; a refusal overrides.")
    valid_from: Instant = strawberry.field(description="From this instant on.")
    valid_until: Instant | None = strawberry.field(
        description="Up to and without this instant; without one it holds until it is revoked."
    )
    validity: Validity = strawberry.field(description="Where it stands now.")
    reason: str = strawberry.field(description="Why it was written.")
    granted_by: Principal | None = strawberry.field(description="Who wrote it.")
    granted_at: Instant = strawberry.field(description="When it was written.")
    revoked_by: Principal | None = strawberry.field(description="Who ended it.")
    revoked_at: Instant | None = strawberry.field(description="When it was ended.")
    revoke_reason: str | None = strawberry.field(description="Why it was ended.")


@strawberry.type(description="A line that a decision rests on: an access entry, or an action of a role.")
class DecidingEntry:
    """A line as the decision sees it."""

    line_id: str = strawberry.field(
        description="The id of an access entry, or `role:<name>:<ACTION>` for a line of the policy files."
    )
    principal: Principal = strawberry.field(description="The principal it names; people reach it by groups.")
    node_kind: NodeKind = strawberry.field(description="What it is written on.")
    node_id: strawberry.ID | None = strawberry.field(
        description="What it is written on; null if you may not know that node."
    )
    action: Action = strawberry.field(description="What it is about.")
    effect: Effect = strawberry.field(description="Whether it gives or refuses.")
    valid_from: Instant | None = strawberry.field(description="From this instant on; a role has no dates.")
    valid_until: Instant | None = strawberry.field(description="Up to and without this instant.")


@strawberry.type(description="What would be decided now for a principal, and why.")
class AccessCheck:
    """A decision with its lines."""

    principal: Principal = strawberry.field(description="For whom.")
    node_kind: NodeKind = strawberry.field(description="On what.")
    node_id: strawberry.ID = strawberry.field(description="On what.")
    action: Action = strawberry.field(description="What is asked for.")
    may: bool = strawberry.field(description="The answer.")
    reason: Reason = strawberry.field(description="Why the answer is so.")
    is_explained: bool = strawberry.field(
        description="Whether the lines are told: only to who holds MANAGE_ACCESS on the node."
    )
    lines: list[DecidingEntry] = strawberry.field(
        description="All lines in force that say something about it, those that allow and those that deny."
    )


@strawberry.input(description="Which entries to list; what is left out does not narrow the list.")
class AccessEntryFilter:
    """What narrows a list of entries."""

    node_id: strawberry.ID | None = strawberry.field(
        default=None,
        description="Those written on this Document, Aggregation, class, scheme or Repository. "
        "Needs MANAGE_ACCESS there; the list without it is for reviewers.",
    )
    principal_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those that name this principal itself."
    )
    action: Action | None = strawberry.field(default=None, description="Those about this very action.")
    effect: Effect | None = strawberry.field(default=None, description="Those that give, or that refuse.")
    validity: Validity | None = strawberry.field(default=None, description="Those that stand so now.")


@strawberry.input(description="A new access entry.")
class AccessEntryGrantInput(Creation):
    """Who, what, where, from when until when, and why."""

    node_id: strawberry.ID = strawberry.field(
        description="A Document, Aggregation, class, scheme or the Repository; it holds there and below."
    )
    principal_id: strawberry.ID = strawberry.field(
        description="A person, group, role, service account or everyone; nothing that names yourself."
    )
    action: Action = strawberry.field(description="What it is about.")
    effect: Effect = strawberry.field(
        default=Effect.ALLOW, description="Whether it gives or refuses; it gives if left out."
    )
    valid_from: Instant | None = strawberry.field(
        default=None, description="From when on; from now on if left out."
    )
    valid_until: Instant | None = strawberry.field(
        default=None, description="Up to and without this instant; until revoked if left out."
    )
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.input(description="The end of an access entry.")
class AccessEntryRevokeInput:
    """Which entry, and why."""

    id: strawberry.ID = strawberry.field(description="The entry; not one that names yourself.")
    reason: str = strawberry.field(description="Why; auditors read it.")


@strawberry.type(description="What came of writing an access entry.")
class AccessEntryGrantPayload(Payload):
    """The entry, or why not."""

    access_entry: AccessEntry | None = strawberry.field(default=None, description="The new entry.")


@strawberry.type(description="What came of ending an access entry.")
class AccessEntryRevokePayload(Payload):
    """The entry, or why not."""

    access_entry: AccessEntry | None = strawberry.field(default=None, description="The entry, revoked.")


def shown_entries(work: Work, rows: Sequence[models.AccessEntry]) -> Mapping[UUID, AccessEntry]:
    """Shape entries, by id."""
    named = [each for row in rows for each in (row.principal_id, row.granted_by, row.revoked_by)]
    names = principals.named(work, named)
    ids = shown_node_ids(work, [(row.node_kind, row.node_id) for row in rows])
    return {row.id: _shape(row, ids[row.node_id], names=names, now=work.now) for row in rows}


def _shape(
    row: models.AccessEntry, node_id: strawberry.ID, *, names: Mapping[UUID, Principal], now: int
) -> AccessEntry:
    return AccessEntry(
        id=shown_id(Kind.ACCESS_ENTRY, row.id),
        principal=names[row.principal_id],
        node_kind=row.node_kind,
        node_id=node_id,
        action=row.action,
        effect=row.effect,
        valid_from=Instant(row.valid_from),
        valid_until=shown_instant(row.valid_until),
        validity=validity.of(row, now=now),
        reason=row.reason,
        granted_by=principals.one_of(names, row.granted_by),
        granted_at=Instant(row.granted_at),
        revoked_by=principals.one_of(names, row.revoked_by),
        revoked_at=shown_instant(row.revoked_at),
        revoke_reason=row.revoke_reason,
    )


def _shown_check(work: Work, found: Check) -> AccessCheck:
    nodes = [(line.node_kind, line.node_id) for line in found.lines if line.node_id is not None]
    ids = shown_node_ids(work, [(found.node_kind, found.node_id), *nodes])
    names = principals.named(work, [found.principal_id, *(line.principal.id for line in found.lines)])
    return AccessCheck(
        principal=names[found.principal_id],
        node_kind=found.node_kind,
        node_id=ids[found.node_id],
        action=found.action,
        may=found.may,
        reason=found.reason,
        is_explained=found.is_explained,
        lines=[_shown_line(line, ids, names) for line in found.lines],
    )


def _shown_line(
    line: DecidingLine, ids: Mapping[UUID, strawberry.ID], names: Mapping[UUID, Principal]
) -> DecidingEntry:
    return DecidingEntry(
        line_id=line_id(line.id),
        principal=names[line.principal.id],
        node_kind=line.node_kind,
        node_id=None if line.node_id is None else ids[line.node_id],
        action=line.action,
        effect=line.effect,
        valid_from=shown_instant(line.valid_from),
        valid_until=shown_instant(line.valid_until),
    )


def shown_node_ids(work: Work, nodes: Sequence[tuple[NodeKind, UUID]]) -> Mapping[UUID, strawberry.ID]:
    """Write the ids of nodes as the API shows them."""
    ids = {node_id: shown_id(_KINDS[kind], node_id) for kind, node_id in nodes}
    has_class = any(kind is NodeKind.CLASS for kind, _ in nodes)
    scheme_id = repository.scheme_id(work) if has_class else None
    if scheme_id in ids:
        ids[scheme_id] = shown_id(Kind.SCHEME, scheme_id)
    return ids


def asked_node(text: str) -> tuple[NodeKind, UUID]:
    """Read the id of a node; a malformed one, or one of another kind, reads as an absent Document."""
    parsed = parse_global_id(text)
    if parsed is None or parsed[0] not in _NODE_KINDS:
        return NodeKind.DOCUMENT, ABSENT
    return _NODE_KINDS[parsed[0]], parsed[1]


def _asked_filter(work: Work, asked: AccessEntryFilter) -> EntryFilter:
    named = None if asked.principal_id is None else principals.asked_principal(work, asked.principal_id)
    return EntryFilter(named, action=asked.action, effect=asked.effect, stands=asked.validity)


def _normalised(node: tuple[NodeKind, UUID] | None, chosen: EntryFilter) -> Canonical:
    return [
        None if node is None else [node[0].value, node[1].hex],
        None if chosen.principal_id is None else chosen.principal_id.hex,
        chosen.action,
        chosen.effect,
        chosen.stands,
    ]


def line_id(line: UUID | str) -> str:
    """Write the id of a line: of an access entry, or of a role's action."""
    return line if isinstance(line, str) else shown_id(Kind.ACCESS_ENTRY, line)


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Node]:
    """Return entries by id, for `node`."""
    return shown_entries(info.work, list(accessexports.entry_nodes(info.work, ids).values()))


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESS_READ,
        needs=Action.MANAGE_ACCESS,
        description="Access entries, the newest first: of a node whose list you manage; of all nodes that "
        "you may discover, with the duty `access.review`.",
    )
    def access_entries(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[AccessEntryFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[AccessEntry] | None:
        """List entries."""
        asked = filter or AccessEntryFilter()
        node = None if asked.node_id is None else asked_node(asked.node_id)
        chosen = _asked_filter(info.work, asked)
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=_normalised(node, chosen),
            total_up_to=total_up_to,
        )
        found = accesslists.entries(info.work, page.request, node=node, chosen=chosen)
        shown = shown_entries(info.work, found.rows)
        return page.connection(found.among(shown))

    @query_field(
        op=Op.ACCESS_CHECK,
        needs=Action.DISCOVER,
        description="What would be decided now: about yourself for whatever you may discover; about others, "
        "and with the deciding lines, where you hold MANAGE_ACCESS.",
    )
    def access_check(
        self,
        info: Info,
        node_id: AskedNode,
        action: AskedAction,
        principal_id: Annotated[
            strawberry.ID | None,
            strawberry.argument(description="Who would; yourself if left out."),
        ] = None,
    ) -> AccessCheck | None:
        """Decide for a principal."""
        kind, node = asked_node(node_id)
        asked = None if principal_id is None else principals.asked_principal(info.work, principal_id)
        found = accesslists.check(info.work, principal_id=asked, node_kind=kind, node_id=node, action=action)
        return _shown_check(info.work, found)


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.ACCESS_GRANT,
        needs=Action.MANAGE_ACCESS,
        locks=(LOCK,),
        creates=Made("access_entry", nodes),
        description="Write an entry into an access list, which acts at once or from `validFrom` on. Nobody "
        "names himself; who is no security officer gives only what he holds there.",
    )
    def access_entry_grant(
        self, info: Info, input: Annotated[AccessEntryGrantInput, INPUT]
    ) -> AccessEntryGrantPayload | None:
        """Write an entry."""
        kind, node_id = asked_node(input.node_id)
        draft = EntryDraft(
            principal_id=principals.asked_principal(info.work, input.principal_id),
            node_kind=kind,
            node_id=node_id,
            action=input.action,
            effect=input.effect,
            valid_from=input.valid_from,
            valid_until=input.valid_until,
            reason=input.reason,
        )
        row = accesslists.grant(info.work, draft)
        return AccessEntryGrantPayload(access_entry=shown_entries(info.work, [row])[row.id])

    @mutation_field(
        op=Op.ACCESS_REVOKE,
        needs=Action.MANAGE_ACCESS,
        locks=(LOCK,),
        description="End an entry of an access list; the next operation is decided without it.",
    )
    def access_entry_revoke(
        self, info: Info, input: Annotated[AccessEntryRevokeInput, INPUT]
    ) -> AccessEntryRevokePayload | None:
        """End an entry."""
        row = accesslists.revoke(
            info.work, entry_id=asked_id(Kind.ACCESS_ENTRY, input.id), reason=input.reason
        )
        return AccessEntryRevokePayload(access_entry=shown_entries(info.work, [row])[row.id])
