"""What shows before changes or after them, and not both: counted from scopes, and one by one where they end.

Scopes say how many Documents are decided alike. Documents that entries name, re-marked things, and what lies
below future access nodes are told apart from their scopes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias
from uuid import UUID

from sqlalchemy import Select, func, select, union

from dms.access import futurenodes, predicates, scopes
from dms.access.affected import Overlay
from dms.access.futurenodes import NOWHERE, FutureNodes, Near
from dms.access.predicates import Reach, Verdict
from dms.access.scopes import Triple
from dms.access.standing import Standing, of_actor
from dms.models.scopes import AccessNode, AccessNodeClosure, AccessScope, AccessScopeChange
from dms.rules import access as rules
from dms.rules.access import Action, Effect, Line, NodeKind
from dms.rules.security import Mark, dominates
from dms.stores.sets import in_ids, in_numbers
from dms.stores.work import Work, session_of

_Scope: TypeAlias = tuple[Triple, int]
"""What a scope says, and how many Documents are in it."""


class Cell(NamedTuple):
    """Documents that are decided alike: of one scope, below the same future nodes."""

    scope_id: int
    near: Near


@dataclass(slots=True)
class Tally:
    """What one account gains, or loses, by an action."""

    total: int = 0
    by_node: Counter[UUID] = field(default_factory=Counter)
    cells: list[Cell] = field(default_factory=list)
    things: list[UUID] = field(default_factory=list)

    def add(self, number: int, nodes: Iterable[UUID]) -> None:
        """Count Documents below some of the changed nodes."""
        self.total += number
        for node in nodes:
            self.by_node[node] += number


@dataclass(frozen=True, slots=True)
class Effects:
    """What accounts of equal standing gain and lose, each of them."""

    accounts: tuple[UUID, ...]
    action: Action
    gained: Tally
    lost: Tally
    gained_samples: tuple[UUID, ...] = ()
    lost_samples: tuple[UUID, ...] = ()

    @property
    def is_none(self) -> bool:
        """Tell whether nothing changes for them."""
        return not (self.gained.total or self.lost.total)


@dataclass(frozen=True, slots=True)
class Side:
    """What an account sees before, or after."""

    verdict: Verdict
    clearance: Mark | None
    allowed: frozenset[UUID]
    """Future nodes at or below an allow."""
    denied: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Thing:
    """A Document or Aggregation that is judged by itself."""

    id: UUID
    triple: Triple
    near: Near
    is_counted: bool
    """Whether the counters of its scope hold it: Documents only."""


@dataclass(slots=True)
class Ground:
    """What is read once for all accounts."""

    work: Work
    overlay: Overlay
    nodes: FutureNodes
    changed: frozenset[UUID]
    """The nodes of which it is told what changes below them."""
    viewer: Verdict
    """What whoever asks may discover."""
    sees_whole_numbers: bool
    splits: Mapping[Cell, int]
    number_of: Mapping[UUID, int]
    above: Mapping[int, frozenset[UUID]]
    unfolded: Mapping[int, int]
    marked: Sequence[Thing]
    reach: Reach = field(default_factory=Reach)
    chains: dict[Near, frozenset[UUID]] = field(default_factory=dict)
    named: dict[tuple[int, int, Near], frozenset[UUID]] = field(default_factory=dict)
    """The changed nodes at or above places that were asked for."""
    triples: dict[int, Triple] = field(default_factory=dict)
    all_scopes: dict[int, _Scope] = field(default_factory=dict)
    scopes_of: dict[int, dict[int, _Scope]] = field(default_factory=dict)
    """The scopes of a node, of nodes that were asked for."""


def ground_of(
    work: Work, overlay: Overlay, *, changed: Mapping[UUID, NodeKind], sees_whole_numbers: bool
) -> Ground:
    """Read what all accounts have in common."""
    nodes = futurenodes.among(work, changed)
    splits = {Cell(*key): number for key, number in futurenodes.splits(work, nodes).items()}
    number_of = _numbers(work, changed)
    ground = Ground(
        work=work,
        overlay=overlay,
        nodes=nodes,
        changed=frozenset(changed),
        viewer=predicates.verdict(work, of_actor(work), action=Action.DISCOVER),
        sees_whole_numbers=sees_whole_numbers,
        splits=splits,
        number_of=number_of,
        above=_above(work, number_of),
        unfolded=_unfolded(work),
        marked=_marked(work, nodes, overlay.marked),
    )
    ground.triples.update(scopes.triples(work, {cell.scope_id for cell in splits}))
    return ground


def side_of(ground: Ground, standing: Standing, lines: Sequence[Line], *, action: Action) -> Side:
    """Return what an account sees by an action through these lines, all of them live and its own."""
    future = ground.nodes.aggregations | ground.nodes.classes
    tops: dict[Effect, set[UUID]] = {effect: set() for effect in Effect}
    for line in lines:
        if line.node_id in future and rules.bears(line.action, line.effect, action):
            tops[line.effect].add(line.node_id)
    numbered = [line for line in lines if line.node_id not in future or line.node_id in ground.number_of]
    found = predicates.verdict_of(ground.work, standing, action=action, lines=numbered, reach=ground.reach)
    return Side(
        found,
        standing.subject.clearance,
        allowed=_at_or_below(ground.nodes, tops[Effect.ALLOW]),
        denied=_at_or_below(ground.nodes, tops[Effect.DENY]),
    )


def _at_or_below(nodes: FutureNodes, tops: Collection[UUID]) -> frozenset[UUID]:
    return frozenset(node for node, above in (nodes.above or {}).items() if not above.isdisjoint(tops))


def compared(
    ground: Ground, accounts: tuple[UUID, ...], action: Action, *, before: Side, after: Side
) -> Effects:
    """Count what shows on one side only: whole scopes, what lies below future nodes, things by themselves."""
    found = Effects(accounts, action, Tally(), Tally())
    candidates = _candidates(ground, before, after)
    for scope_id, (triple, number) in candidates.items():
        _count(ground, found, (before, after), cell=Cell(scope_id, NOWHERE), triple=triple, number=number)
    for cell, number in ground.splits.items():
        triple = ground.triples[cell.scope_id]
        whole = Cell(cell.scope_id, NOWHERE)
        if cell.scope_id in candidates:
            _count(ground, found, (before, after), cell=whole, triple=triple, number=-number)
        _count(ground, found, (before, after), cell=cell, triple=triple, number=number)
    for thing in _things(ground, before, after):
        _count_thing(ground, found, (before, after), thing)
    return found


def _candidates(ground: Ground, before: Side, after: Side) -> Mapping[int, _Scope]:
    """Return the scopes that may show on one side only, with their numbers of Documents."""
    one, other = before.verdict, after.verdict
    if one.everything == other.everything and one.security_ids == other.security_ids:
        return _scopes(ground, (one.allowed ^ other.allowed) | (one.denied ^ other.denied))
    return _scopes(ground, None)


def _scopes(ground: Ground, nodes: frozenset[int] | None) -> Mapping[int, _Scope]:
    """Return the scopes of these nodes in either tree, or all; what was read once is not read again."""
    if nodes is None:
        if not ground.all_scopes:
            ground.all_scopes.update(_read(ground, None))
        return ground.all_scopes
    unknown = nodes - ground.scopes_of.keys()
    if unknown:
        ground.scopes_of.update({node: {} for node in unknown})
        for scope_id, found in _read(ground, unknown).items():
            for node in unknown & set(found[0][:2]):
                ground.scopes_of[node][scope_id] = found
    return {scope_id: found for node in nodes for scope_id, found in ground.scopes_of[node].items()}


def _read(ground: Ground, nodes: frozenset[int] | None) -> dict[int, _Scope]:
    return {
        row[0]: (Triple(row[1], row[2], row[3]), row[4] + ground.unfolded.get(row[0], 0))
        for row in session_of(ground.work).execute(_statement(nodes))
    }


def _statement(nodes: frozenset[int] | None) -> Select[Any]:
    """Select the scopes of these nodes in either tree, or all; two look-ups, since one with OR reads all."""
    parts = (AccessScope.aggregation_node, AccessScope.class_node)
    columns: list[Any] = [AccessScope.id, *parts, AccessScope.security_id, AccessScope.n_documents]
    whole = select(*columns)
    if nodes is None:
        return whole
    both = union(*(whole.where(in_numbers(column, nodes)) for column in parts)).subquery()
    return select(both)


def _count(
    ground: Ground,
    found: Effects,
    sides: tuple[Side, Side],
    *,
    cell: Cell,
    triple: Triple,
    number: int,
) -> None:
    was, will = (_shows(ground, side, triple, cell.near) for side in sides)
    if was == will or not number or not _is_told(ground, triple):
        return
    tally = found.gained if will else found.lost
    tally.add(number, _nodes(ground, triple, cell.near))
    if number > 0:
        tally.cells.append(cell)


def _count_thing(ground: Ground, found: Effects, sides: tuple[Side, Side], thing: Thing) -> None:
    """Take a thing out of what its scope counted for it, and count it as it is."""
    if thing.is_counted and _is_told(ground, thing.triple):
        was, will = (_shows(ground, side, thing.triple, thing.near) for side in sides)
        if was != will:
            (found.gained if will else found.lost).add(-1, _nodes(ground, thing.triple, thing.near))
    mark = ground.overlay.marked.get(thing.id)
    was = _shows_thing(ground, sides[0], thing, mark=None)
    will = _shows_thing(ground, sides[1], thing, mark=mark)
    if was != will and _is_told(ground, thing.triple, thing):
        tally = found.gained if will else found.lost
        named = {thing.id} & ground.changed
        tally.add(1, _nodes(ground, thing.triple, thing.near) | named)
        tally.things.append(thing.id)


def _is_told(ground: Ground, triple: Triple, thing: Thing | None = None) -> bool:
    """Tell whether the actor is told of what lies here; of what he may discover himself always."""
    if ground.sees_whole_numbers:
        return True
    if thing is None:
        return predicates.shows(ground.viewer, triple)
    return predicates.shows_own(ground.viewer, triple, thing.id)


def _shows(ground: Ground, side: Side, triple: Triple, near: Near) -> bool:
    if near == NOWHERE:
        return predicates.shows(side.verdict, triple)
    chain = _chain(ground, near)
    if not predicates.permits(side.verdict, triple) or not chain.isdisjoint(side.denied):
        return False
    return not chain.isdisjoint(side.allowed) or predicates.shows(side.verdict, triple)


def _shows_thing(ground: Ground, side: Side, thing: Thing, *, mark: Mark | None) -> bool:
    """Tell whether a thing shows, under another mark if one is given."""
    found, triple = side.verdict, thing.triple
    if mark is not None:
        if not found.security_ids or not dominates(side.clearance, mark):
            return False
        # Any mark that is dominated stands for this one, which may not have been borne before.
        triple = triple._replace(security_id=next(iter(found.security_ids)))
    if thing.id in found.own_denied:
        return False
    if _shows(ground, side, triple, thing.near):
        return True
    is_free = _chain(ground, thing.near).isdisjoint(side.denied)
    return thing.id in found.own_allowed and is_free and predicates.permits(found, triple)


def _chain(ground: Ground, near: Near) -> frozenset[UUID]:
    known = ground.chains.get(near)
    if known is None:
        known = ground.chains[near] = ground.nodes.chain(near)
    return known


def _nodes(ground: Ground, triple: Triple, near: Near) -> frozenset[UUID]:
    """Return the changed nodes at or above a place."""
    place = (triple.aggregation_node, triple.class_node, near)
    known = ground.named.get(place)
    if known is None:
        numbered = (ground.above.get(number, frozenset()) for number in triple[:2])
        known = ground.named[place] = frozenset().union(*numbered, _chain(ground, near) & ground.changed)
    return known


def _things(ground: Ground, before: Side, after: Side) -> Iterator[Thing]:
    """Yield what an entry of its own may show or hide, on either side, and what gets another mark."""
    yield from ground.marked
    own = {each for side in (before, after) for each in own_of(side.verdict)}
    if not ground.sees_whole_numbers:
        own |= own_of(ground.viewer)
    yield from _documents(ground.work, ground.nodes, own - {thing.id for thing in ground.marked})


def own_of(found: Verdict) -> frozenset[UUID]:
    """Return the Documents that an entry names which bears on a verdict."""
    return found.own_allowed | found.own_denied


def _documents(work: Work, nodes: FutureNodes, ids: Collection[UUID]) -> list[Thing]:
    found = futurenodes.placed(work, nodes, ids)
    said = scopes.triples(work, {row.scope_id for row in found})
    return [Thing(row.id, said[row.scope_id], row.near, is_counted=True) for row in found]


def _marked(work: Work, nodes: FutureNodes, marked: Mapping[UUID, Mark]) -> list[Thing]:
    found = futurenodes.placed_aggregations(work, nodes, marked)
    said = scopes.triples(work, {row.scope_id for row in found})
    aggregations = [Thing(row.id, said[row.scope_id], row.near, is_counted=False) for row in found]
    return [*_documents(work, nodes, marked), *aggregations]


def _numbers(work: Work, changed: Collection[UUID]) -> Mapping[UUID, int]:
    statement = select(AccessNode.node_id, AccessNode.id).where(in_ids(AccessNode.node_id, changed))
    return {row[0]: row[1] for row in session_of(work).execute(statement)}


def _above(work: Work, number_of: Mapping[UUID, int]) -> Mapping[int, frozenset[UUID]]:
    """Return of each access node at or below a changed one which of them stand there."""
    node_of = {number: node for node, number in number_of.items()}
    statement = select(AccessNodeClosure.node, AccessNodeClosure.ancestor).where(
        in_numbers(AccessNodeClosure.ancestor, node_of)
    )
    found: dict[int, set[UUID]] = {}
    for number, ancestor in session_of(work).execute(statement):
        found.setdefault(number, set()).add(node_of[ancestor])
    return {number: frozenset(nodes) for number, nodes in found.items()}


def _unfolded(work: Work) -> Mapping[int, int]:
    """Return what is kept of the counters of scopes and not folded into them."""
    change = AccessScopeChange
    statement = select(change.scope_id, func.sum(change.documents)).group_by(change.scope_id)
    return {row[0]: int(row[1]) for row in session_of(work).execute(statement)}


def triple_of(ground: Ground, scope_id: int) -> Triple:
    """Return what a scope says."""
    return ground.triples.get(scope_id) or scopes.triples(ground.work, [scope_id])[scope_id]
