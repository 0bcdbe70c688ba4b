"""The verdict of an actor for an action: what lists, counts and totals are filtered by.

The live lines give sets of access nodes and of Documents; with them a scope is tested, in Python or in SQL,
without walking a tree (`access.md` section 5). SQL proposes; each row that leaves is decided again by
Casbin (`access.slices`). A property test holds both equal.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    not_,
    or_,
    select,
    union,
)

from dms.access import kept, marks, scopes
from dms.access.scopes import Row, Triple
from dms.access.standing import Live, Standing, is_live
from dms.models.accesslists import AccessEntry
from dms.models.documents import Document
from dms.models.scopes import AccessNode, AccessNodeClosure, AccessScope
from dms.models.types import unindexed
from dms.rules import access as rules
from dms.rules.access import Action, Effect, Line, NodeKind
from dms.rules.security import dominates
from dms.stores.sets import gathered, in_ids, in_many, in_numbers
from dms.stores.work import Work, fetch

FEW_NODES = 50
"""Up to so many allowed nodes, scopes are found from them; above, all scopes are tested."""

Numbers: TypeAlias = frozenset[int]
Ids: TypeAlias = frozenset[UUID]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the subject's live lines give for one action."""

    allowed: Numbers
    """Access nodes of both trees at or below an allow."""
    denied: Numbers
    own_allowed: Ids
    """Documents that an allow names."""
    own_denied: Ids
    everything: bool
    """An allow names the roof of a tree: every object is below it."""
    security_ids: Numbers
    """The marks that the clearance dominates."""
    bound: int
    """At most so many Documents, as of the last fold; it only steers how a list is read."""
    total: int

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing can be visible."""
        return not self.security_ids or not (self.everything or self.allowed or self.own_allowed)


def verdict(work: Work, standing: Standing, *, action: Action) -> Verdict:
    """Read the subject's live lines that bear on the action, and the marks it dominates."""
    key = (standing.subject, action)
    known: Verdict | None = kept.room(work, "verdicts").get(key)
    if known is None:
        known = _verdict(work, standing, action)
        sets = (known.allowed, known.denied, known.own_allowed, known.own_denied, known.security_ids)
        kept.keep(work, "verdicts", key, known, weight=sum(map(len, sets)))
    return known


@dataclass(slots=True)
class Reach:
    """Which nodes are access nodes and what stands below them, read once for the verdicts of many.

    Of the roofs, below which everything stands, nothing is read.
    """

    numbers: dict[UUID, int | None] = field(default_factory=dict)
    below: dict[int, Numbers] = field(default_factory=dict)

    def learn(self, work: Work, nodes: Collection[UUID]) -> None:
        """Read what is not known yet of these nodes; two statements, or none."""
        if not self.numbers:
            roof = scopes.roof(work)
            self.numbers |= {
                roof.repository_id: roof.repository_node,
                roof.scheme_id: roof.scheme_node,
            }
        unknown = set(nodes) - self.numbers.keys()
        if not unknown:
            return
        found = _numbers(work, unknown)
        self.numbers |= {node: found.get(node) for node in unknown}
        closure = AccessNodeClosure
        statement = select(closure.ancestor, closure.node).where(
            in_numbers(closure.ancestor, set(found.values()))
        )
        nodes_below: dict[int, set[int]] = {}
        for ancestor, node in fetch(work, statement):
            nodes_below.setdefault(ancestor, set()).add(node)
        self.below |= {ancestor: frozenset(below) for ancestor, below in nodes_below.items()}

    def at_or_below(self, tops: Collection[int]) -> Numbers:
        """Return the access nodes at or below these."""
        return frozenset().union(*(self.below.get(top, frozenset()) for top in tops))


def verdict_of(
    work: Work, standing: Standing, *, action: Action, lines: Iterable[Line], reach: Reach
) -> Verdict:
    """Return the verdict that these lines would give, whether they are written or not; keeps nothing.

    The lines are taken as they are: whoever calls has chosen those of the subject that are live. It is no
    verdict to list by: its bound is not read.
    """
    named: dict[Effect, set[UUID]] = {effect: set() for effect in Effect}
    for line in lines:
        if rules.bears(line.action, line.effect, action):
            named[line.effect].add(line.node_id)
    reach.learn(work, named[Effect.ALLOW] | named[Effect.DENY])
    tops: dict[Effect, set[int]] = {effect: set() for effect in Effect}
    own: dict[Effect, set[UUID]] = {effect: set() for effect in Effect}
    for effect, nodes in named.items():
        for node in nodes:
            number = reach.numbers[node]
            if number is None:
                own[effect].add(node)
            else:
                tops[effect].add(number)
    below = {effect: reach.at_or_below(numbers) for effect, numbers in tops.items()}
    found = _outline(work, standing, tops=tops, own=own)
    if not found.security_ids:
        return found
    return replace(
        found,
        allowed=frozenset() if found.everything else below[Effect.ALLOW],
        denied=below[Effect.DENY],
    )


def shows(found: Verdict, triple: Triple) -> bool:
    """Tell whether an object of a scope shows, as long as it has no entries of its own."""
    return permits(found, triple) and (
        found.everything or triple.aggregation_node in found.allowed or triple.class_node in found.allowed
    )


def permits(found: Verdict, triple: Triple) -> bool:
    """Tell whether an object of a scope may show: dominated, and denied by no node."""
    return (
        triple.security_id in found.security_ids
        and triple.aggregation_node not in found.denied
        and triple.class_node not in found.denied
    )


def shows_own(found: Verdict, triple: Triple, document_id: UUID) -> bool:
    """Tell whether a Document with entries of its own shows."""
    if document_id in found.own_denied:
        return False
    return shows(found, triple) or (document_id in found.own_allowed and permits(found, triple))


def scopes_reached(found: Verdict, *columns: Any) -> Select[Any]:  # columns of any type
    """Select what may show of the scopes below the allowed nodes: its three parts, then the columns.

    Two look-ups joined, since one with OR would read all scopes.
    """
    parts = (AccessScope.id, AccessScope.aggregation_node, AccessScope.class_node, AccessScope.security_id)
    whole = select(*parts, *columns)
    if found.everything:
        return whole
    either = (AccessScope.aggregation_node, AccessScope.class_node)
    both = union(*(whole.where(in_numbers(column, found.allowed)) for column in either)).subquery()
    return select(both)


def scopes_shown(work: Work, found: Verdict, model: type[Row]) -> Sequence[int]:
    """Return the scopes whose objects show, as long as they have no entries of their own.

    Kept for as long as no counter is folded: every object that comes into a scope leaves a change there.
    """
    generation, changed = scopes.unfolded(work, model)
    key = (found, model, generation)
    known: Sequence[int] | None = kept.room(work, "reached").get(key)
    if known is None:
        reached = fetch(work, scopes_reached(found))
        known = [row[0] for row in reached if shows(found, Triple(row[1], row[2], row[3]))]
        kept.keep(work, "reached", key, known, weight=len(known))
    late = [scope_id for scope_id, said in scopes.triples(work, changed).items() if shows(found, said)]
    return sorted({*known, *late}) if late else known


def condition(found: Verdict, model: type[Row]) -> ColumnElement[bool]:
    """Return the SQL test of a row: dominated, not denied by any node, allowed by some node."""
    if found.is_empty:
        return false()
    # Where few may show, their scopes lead to them; where many may, the order or the filter does.
    is_few = found.bound * 20 <= found.total
    column = model.scope_id.expression if is_few else unindexed(model.scope_id.expression)
    by_scope: ColumnElement[bool] = column.in_(select(AccessScope.id).where(scope_test(found)))
    if model is not Document:
        return by_scope
    if found.own_denied:
        by_scope = and_(by_scope, not_(_is_own(found.own_denied)))
    if not found.own_allowed:
        return by_scope
    permitted = column.in_(select(AccessScope.id).where(scope_permits(found)))
    return or_(by_scope, and_(_is_own(found.own_allowed - found.own_denied), permitted))


def count(work: Work, found: Verdict, model: type[Row]) -> int:
    """Return the exact number of visible rows, from the counters of the visible scopes."""
    if found.is_empty:
        return 0
    generation, changed = scopes.unfolded(work, model)
    key = (found, model, generation)
    total: int | None = kept.room(work, "counts").get(key)
    if total is None:
        total = _counted(work, found, model)
        kept.keep(work, "counts", key, total)
    said = scopes.triples(work, changed.keys())
    total += sum(number for scope_id, number in changed.items() if shows(found, said[scope_id]))
    return total + (_own_difference(work, found) if model is Document else 0)


def _counted(work: Work, found: Verdict, model: type[Row]) -> int:
    """Sum the counters of the visible scopes as they were folded last."""
    number = AccessScope.n_documents if model is Document else AccessScope.n_aggregations
    if found.everything or len(found.allowed) > FEW_NODES:
        whole = select(func.coalesce(func.sum(number), 0)).where(scope_test(found))
        return int(fetch(work, whole)[0][0])
    rows = fetch(work, scopes_reached(found, number))
    return sum(row[4] for row in rows if shows(found, Triple(row[1], row[2], row[3])))


def _own_difference(work: Work, found: Verdict) -> int:
    """Return how many Documents show by an entry of their own, less those hidden by one."""
    named = found.own_allowed | found.own_denied
    if not named:
        return 0
    statement = select(Document.id, Document.scope_id).where(in_ids(Document.id, named))
    rows = fetch(work, statement)
    said = scopes.triples(work, {row[1] for row in rows})
    return sum(
        shows_own(found, said[scope_id], row_id) - shows(found, said[scope_id]) for row_id, scope_id in rows
    )


def _verdict(work: Work, standing: Standing, action: Action) -> Verdict:
    tops: dict[Effect, set[int]] = {effect: set() for effect in Effect}
    own: dict[Effect, set[UUID]] = {effect: set() for effect in Effect}
    if standing.subject.principals:
        for effect, number, document_id in _named(work, standing, action):
            if number is not None:
                tops[effect].add(number)
            elif document_id is not None:
                own[effect].add(document_id)
    if any(rules.bears(line.action, line.effect, action) for line in standing.role_lines):
        tops[Effect.ALLOW].add(standing.roof.repository_node)
    return _made(work, standing, tops=tops, own=own)


def _named(work: Work, standing: Standing, action: Action) -> Iterable[Any]:
    giving, refusing = list(rules.ALLOWED_BY[action]), list(rules.REFUSED_BY[action])
    wanted = {"principals": standing.subject.principals, "now": work.now}
    return fetch(work, _NAMED, {**wanted, "giving": giving, "refusing": refusing})


def _lines_that_bear(live: Live) -> Select[Any]:
    giving, refusing = (
        and_(AccessEntry.effect == effect, AccessEntry.action.in_(bindparam(name, expanding=True)))
        for effect, name in ((Effect.ALLOW, "giving"), (Effect.DENY, "refusing"))
    )
    document_id = case((AccessEntry.node_kind == NodeKind.DOCUMENT, AccessEntry.node_id))
    columns: list[Any] = [AccessEntry.effect, AccessNode.id, document_id]
    return (
        select(*columns)
        .outerjoin(AccessNode, AccessNode.node_id == AccessEntry.node_id)
        .where(
            in_ids(AccessEntry.principal_id, "principals"),
            AccessEntry.revision_to.is_(None),
            live(AccessEntry.valid_from, AccessEntry.valid_until, bindparam("now")),
            or_(giving, refusing),
        )
        .distinct()
    )


# Built once: building such a statement costs several times what running it costs.
_NAMED = _lines_that_bear(is_live)
_BELOW = select(gathered(AccessNodeClosure.node)).where(in_numbers(AccessNodeClosure.ancestor, "tops"))
_SIZE = func.coalesce(func.sum(AccessNode.n_documents), 0)
_SIZES = select(_SIZE, select(_SIZE).where(AccessNode.kind == NodeKind.CLASS).scalar_subquery()).where(
    in_numbers(AccessNode.id, "nodes")
)


def _made(
    work: Work,
    standing: Standing,
    *,
    tops: Mapping[Effect, Collection[int]],
    own: Mapping[Effect, Collection[UUID]],
) -> Verdict:
    found = _outline(work, standing, tops=tops, own=own)
    if not found.security_ids:
        return found
    allowed = frozenset() if found.everything else _at_or_below(work, tops[Effect.ALLOW])
    denied = _at_or_below(work, tops[Effect.DENY])
    bound, total = _sizes(work, allowed - denied)
    return replace(
        found,
        allowed=allowed,
        denied=denied,
        bound=total if found.everything else bound + len(own[Effect.ALLOW]),
        total=total,
    )


def _outline(
    work: Work,
    standing: Standing,
    *,
    tops: Mapping[Effect, Collection[int]],
    own: Mapping[Effect, Collection[UUID]],
) -> Verdict:
    """Return a verdict but for the nodes below those named; nothing shows if a deny names a roof."""
    roofs = {standing.roof.repository_node, standing.roof.scheme_node}
    nothing: Numbers = frozenset()
    reach = frozenset(
        security_id
        for security_id, mark in marks.all_marks(work).items()
        if dominates(standing.subject.clearance, mark)
    )
    if not reach or not roofs.isdisjoint(tops[Effect.DENY]):
        return Verdict(nothing, nothing, frozenset(), frozenset(), False, nothing, 0, 0)
    is_open = not roofs.isdisjoint(tops[Effect.ALLOW])
    own_allowed, own_denied = frozenset(own[Effect.ALLOW]), frozenset(own[Effect.DENY])
    return Verdict(nothing, nothing, own_allowed, own_denied, is_open, reach, 0, 0)


def _at_or_below(work: Work, tops: Collection[int]) -> Numbers:
    if not tops:
        return frozenset()
    return frozenset(fetch(work, _BELOW, {"tops": tops})[0][0])


def _sizes(work: Work, nodes: Numbers) -> tuple[int, int]:
    """Return how many Documents lie nearest to these nodes at most, and how many there are."""
    row = fetch(work, _SIZES, {"nodes": nodes})[0]
    return int(row[0]), int(row[1])


def _numbers(work: Work, node_ids: Collection[UUID]) -> Mapping[UUID, int]:
    statement = select(AccessNode.node_id, AccessNode.id).where(in_ids(AccessNode.node_id, node_ids))
    return {row[0]: row[1] for row in fetch(work, statement)}


def scope_test(found: Verdict) -> ColumnElement[bool]:
    """Return the test of an access scope: dominated, not denied by any node, allowed by some node."""
    if found.everything:
        return scope_permits(found)
    allowed = or_(
        in_many(AccessScope.aggregation_node, found.allowed),
        in_many(AccessScope.class_node, found.allowed),
    )
    return and_(scope_permits(found), allowed)


def scope_permits(found: Verdict) -> ColumnElement[bool]:
    """Return the test of an access scope: dominated, and denied by no node."""
    dominated = in_numbers(AccessScope.security_id, found.security_ids)
    if not found.denied:
        return dominated
    return and_(
        dominated,
        not_(in_many(AccessScope.aggregation_node, found.denied)),
        not_(in_many(AccessScope.class_node, found.denied)),
    )


def _is_own(ids: Ids) -> ColumnElement[bool]:
    return and_(Document.has_own_entries, in_ids(Document.id, ids))
