"""Questions to the policy: what may be asked by whom, and how the answer is shown and recorded.

The caller asks about other people and about things he may know of. What he may not know, nodes above a
thing or where it lay once, is told without its id and code.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import cases, gate, nodes
from dms.access.asof import Thing
from dms.base.canonical import Canonical
from dms.base.clock import to_iso
from dms.base.errors import Invalid
from dms.models.aggregations import Aggregation, Repository
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.users import Principal, PrincipalKind
from dms.rules.access import Action, Duty, Effect, Line, NodeKind
from dms.rules.accessevents import Disclosure
from dms.rules.explanations import Spot
from dms.rules.reaches import Way
from dms.stores.work import Work

_KNOW_PEOPLE = (Duty.CLEARANCES_MANAGE, Duty.ACCESS_REVIEW, Duty.POLICY_READ)
"""Whoever holds one of these knows clearances, memberships and roles; all others their own."""

_AUDIT = (Duty.POLICY_READ, Duty.LOG_READ)
"""Who holds both may ask about everything: the log names it to him anyway."""


@dataclass(frozen=True, slots=True)
class Question:
    """Who would do what with which thing; `at` is an instant, None for now."""

    principal_id: UUID
    node_kind: NodeKind
    node_id: UUID
    action: Action
    at: int | None


@dataclass(frozen=True, slots=True)
class PathNode:
    """A node on the way from a thing upwards; without id and code where the caller may not know it."""

    kind: NodeKind
    id: UUID | None
    code: str | None


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line with the ways by which it bears on an account and on a thing."""

    id: UUID | str
    principal: Principal
    node_kind: NodeKind
    node_id: UUID | None
    action: Action
    effect: Effect
    valid_from: int | None
    valid_until: int | None
    principal_path: tuple[Principal, ...]
    """From the account to the line's principal; empty if the caller may not know who belongs to what."""
    node_path: tuple[PathNode, ...]


def thing(work: Work, kind: NodeKind, *, node_id: UUID) -> Thing:
    """Return a thing that the actor may ask about, or raise `NotFound`, the same for absent and hidden.

    Needs `MANAGE_ACCESS` on it; who reads both log and policy may ask about everything there is.
    """
    if audits(work):
        found = cases.any_thing(work, kind, node_id=node_id)
        work.releases(node_id, revision=0, disclosure=Disclosure.EXISTENCE)
        return found
    node = nodes.find(work, kind, node_id=node_id)
    nodes.require(work, node, action=Action.MANAGE_ACCESS)
    return cases.thing_of(node)


def account(work: Work, principal_id: UUID) -> Principal:
    """Return a person or service account; `Invalid` for a group or role, which never acts itself."""
    found = gate.listed(work, Principal).one(principal_id)
    if found.kind not in {PrincipalKind.USER, PrincipalKind.SERVICE}:
        message = "only people and service accounts are decided about: name a member of it"
        raise Invalid(message, path=("principal_id",))
    return found


def audits(work: Work) -> bool:
    """Tell whether the actor's office is to ask about everything."""
    return all(gate.has_duty(work, duty) for duty in _AUDIT)


def sees_people(work: Work, account_id: UUID) -> bool:
    """Tell whether the actor may know the clearances and memberships of an account."""
    return account_id == work.actor.principal_id or any(gate.has_duty(work, duty) for duty in _KNOW_PEOPLE)


def shown_lines(
    work: Work, found: Sequence[tuple[Line, Way]], *, account_id: UUID, thing: Thing, spot: Spot
) -> list[ShownLine]:
    """Return lines with the ways by which an account comes to them, as the caller may see them."""
    is_told = sees_people(work, account_id)
    named = {account_id, *(each for line, way in found for each in (line.principal_id, *_met(way)))}
    principals = gate.vocabulary(work, Principal).many(named)
    paths = {line.node_id: spot.way_to(line.node_id) for line, _ in found}
    codes = known_nodes(work, {node for path in paths.values() for node in path}, spot)
    return [
        ShownLine(
            id=line.id,
            principal=principals[line.principal_id],
            node_kind=_kind(line.node_id, thing, spot),
            node_id=line.node_id if line.node_id in codes else None,
            action=line.action,
            effect=line.effect,
            valid_from=None if isinstance(line.id, str) else line.valid_from,
            valid_until=line.valid_until,
            principal_path=_principal_path(account_id, line, way, principals) if is_told else (),
            node_path=tuple(_path_node(node, thing, spot, codes) for node in paths[line.node_id]),
        )
        for line, way in found
    ]


def known_nodes(work: Work, node_ids: Collection[UUID], spot: Spot) -> Mapping[UUID, str | None]:
    """Return those of these nodes that the actor may know of, with their codes."""
    classes = set(spot.classes) & set(node_ids)
    things = set(node_ids) - classes
    return {
        **{key: row.name for key, row in gate.vocabulary(work, Repository).many(things).items()},
        **{key: row.code for key, row in gate.vocabulary(work, RecordClass).many(classes).items()},
        **{key: row.code for key, row in gate.vocabulary(work, ClassificationScheme).many(classes).items()},
        **_codes(gate.visible(work, Document, Action.DISCOVER).many(things)),
        **_codes(gate.visible(work, Aggregation, Action.DISCOVER).many(things)),
    }


def note(work: Work, asked: Mapping[str, Canonical], *, told: Mapping[str, Canonical]) -> None:
    """Keep in the access event what was asked, and what the answer told."""
    work.notes.detail.setdefault("asked", []).append({**asked, "told": dict(told)})


def written(question: Question, *, at: int) -> dict[str, Canonical]:
    """Return a question as its event keeps it."""
    return {
        "principal": question.principal_id.hex,
        "node": question.node_id.hex,
        "action": question.action.value,
        "at": to_iso(at),
    }


def line_ids(found: Iterable[UUID | str]) -> list[Canonical]:
    """Return the ids of lines as an event keeps them."""
    return [each if isinstance(each, str) else each.hex for each in found]


def _codes(rows: Mapping[UUID, Document] | Mapping[UUID, Aggregation]) -> dict[UUID, str | None]:
    return {key: row.reference_code for key, row in rows.items()}


def _met(way: Way) -> list[UUID]:
    return [each for link in way for each in (link.member_id, link.group_id)]


def _principal_path(
    account_id: UUID, line: Line, way: Way, principals: Mapping[UUID, Principal]
) -> tuple[Principal, ...]:
    path = [account_id, *(link.group_id for link in way)]
    if path[-1] != line.principal_id:  # everyone, to whom no link leads
        path.append(line.principal_id)
    return tuple(principals[each] for each in path)


def _kind(node_id: UUID, thing: Thing, spot: Spot) -> NodeKind:
    if node_id == thing.id:
        return thing.kind
    if node_id == spot.arrangement[-1]:
        return NodeKind.REPOSITORY
    return NodeKind.AGGREGATION if node_id in spot.arrangement else NodeKind.CLASS


def _path_node(node_id: UUID, thing: Thing, spot: Spot, codes: Mapping[UUID, str | None]) -> PathNode:
    kind = _kind(node_id, thing, spot)
    return PathNode(kind, node_id, codes[node_id]) if node_id in codes else PathNode(kind, None, None)
