"""The lines of the policy as they stand in the tables, and as a sheet for people and other tools.

A sheet has one header and two kinds of lines under it, in the order of Casbin's model: `p` for an access
entry or an action of a role, `g` for a membership. Instants are ISO 8601 in UTC; an empty one is no bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from dms.base.clock import to_iso
from dms.base.ids import Kind, global_id
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.periods import Period
from dms.rules.sheets import safe_cell

HEADER = (
    "type",
    "id",
    "sub",
    "obj",
    "act",
    "since",
    "until",
    "eft",
    "sub_kind",
    "sub_name",
    "obj_kind",
    "obj_name",
)

_NODES = {
    NodeKind.REPOSITORY: Kind.REPOSITORY,
    NodeKind.AGGREGATION: Kind.AGGREGATION,
    NodeKind.CLASS: Kind.RECORD_CLASS,
    NodeKind.DOCUMENT: Kind.DOCUMENT,
}


@dataclass(frozen=True, slots=True)
class PrincipalLine:
    """Somebody or something that a line may name."""

    id: UUID
    kind: str
    name: str
    is_active: bool

    @property
    def global_id(self) -> str:
        """Return the id of the API."""
        return global_id(Kind[self.kind.upper()], self.id)


@dataclass(frozen=True, slots=True)
class LinkLine:
    """A membership in a group, or a role that is held."""

    id: UUID
    member_id: UUID
    group_id: UUID
    period: Period


@dataclass(frozen=True, slots=True)
class EntryLine:
    """An access entry."""

    id: UUID
    principal_id: UUID
    node_kind: NodeKind
    node_id: UUID
    action: Action
    effect: Effect
    period: Period

    @property
    def global_id(self) -> str:
        """Return the id of the API."""
        return global_id(Kind.ACCESS_ENTRY, self.id)


def node_id_of(kind: NodeKind, node_id: UUID, *, scheme_id: UUID) -> str:
    """Return the id that the API gives a node; the scheme is a class with a kind of its own."""
    return global_id(Kind.SCHEME if node_id == scheme_id else _NODES[kind], node_id)


def entry_cells(
    entry: EntryLine, principals: Mapping[UUID, PrincipalLine], *, scheme_id: UUID
) -> tuple[str, ...]:
    """Return the cells of an access entry."""
    who = principals[entry.principal_id]
    node = node_id_of(entry.node_kind, entry.node_id, scheme_id=scheme_id)
    what = (who.global_id, node, entry.action.value)
    names = (who.kind, safe_cell(who.name), entry.node_kind.value, "")
    return ("p", entry.global_id, *what, *_period(entry.period), entry.effect.value, *names)


def role_cells(role: PrincipalLine, action: Action, *, repository_id: UUID) -> tuple[str, ...]:
    """Return the cells of an action that a role has on the whole Repository."""
    node = global_id(Kind.REPOSITORY, repository_id)
    names = (role.kind, safe_cell(role.name), NodeKind.REPOSITORY.value, "")
    line_id = f"role:{role.name}:{action}"
    return ("p", line_id, role.global_id, node, action.value, "", "", Effect.ALLOW.value, *names)


def link_cells(link: LinkLine, principals: Mapping[UUID, PrincipalLine]) -> tuple[str, ...]:
    """Return the cells of a membership."""
    member, group = principals[link.member_id], principals[link.group_id]
    ids = (global_id(Kind.PRINCIPAL_LINK, link.id), member.global_id, group.global_id, "")
    names = (member.kind, safe_cell(member.name), group.kind, safe_cell(group.name))
    return ("g", *ids, *_period(link.period), "", *names)


def _period(period: Period) -> tuple[str, str]:
    return (
        to_iso(period.since) if period.since else "",
        "" if period.until is None else to_iso(period.until),
    )
