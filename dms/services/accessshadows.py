"""Open lines that another line makes idle: a deny that refuses them, or an allow that gives all they give."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from uuid import UUID

from dms.access.attached import Attached
from dms.models.accesslists import AccessEntry
from dms.models.users import EVERYONE_ID
from dms.rules import accessfindings as rules
from dms.rules.access import Effect
from dms.rules.accessfindings import Said
from dms.rules.periods import Period, Validity
from dms.services import accessexports, validity
from dms.stores import facts, reaches
from dms.stores.work import Work

_CHUNK = 500


def open_lines(work: Work) -> Attached[AccessEntry]:
    """Start a reading of the entries that the actor may know of and that nobody has ended."""
    return accessexports.known(work).where(AccessEntry.revision_to.is_(None))


def found(
    work: Work,
    rows: Sequence[AccessEntry],
    *,
    groups: Mapping[UUID, Sequence[tuple[UUID, Period]]],
) -> Iterator[tuple[AccessEntry, AccessEntry]]:
    """Yield each of these lines that is idle with the line that makes it so, at most one of each effect.

    Only lines that the actor may know of make others idle; `groups` are those above each principal.
    """
    live = [row for row in rows if validity.of(row, now=work.now) is not Validity.EXPIRED]
    roofs = frozenset(each for each in (facts.repository_id(work), facts.scheme_id(work)) if each)
    above = {node: nodes | roofs for node, nodes in reaches.nodes_above(work, _nodes(live)).items()}
    wider = {
        row.id: rules.widened(
            row.principal_id,
            rules.remaining(Period(row.valid_from, row.valid_until), now=work.now),
            groups=groups,
            everyone=EVERYONE_ID,
        )
        for row in live
    }
    others = _others(
        work, nodes=frozenset().union(*above.values()), principals=frozenset().union(*wider.values())
    )
    for row in live:
        near = [each for node in above[row.node_id] for each in others.get(node, ())]
        for effect in (Effect.DENY, Effect.ALLOW):
            by = rules.shadow(
                _said(row),
                [_said(each) for each in near],
                now=work.now,
                principals=wider[row.id],
                nodes=above[row.node_id],
                effect=effect,
            )
            if by is not None:
                yield row, next(each for each in near if each.id == by.id)


def _nodes(rows: Sequence[AccessEntry]) -> frozenset[UUID]:
    return frozenset(row.node_id for row in rows)


def _others(
    work: Work, *, nodes: frozenset[UUID], principals: frozenset[UUID]
) -> Mapping[UUID, list[AccessEntry]]:
    """Return the open lines on these nodes for these principals, by node."""
    found: dict[UUID, list[AccessEntry]] = {}
    reading = open_lines(work).where(AccessEntry.node_id.in_(nodes), AccessEntry.principal_id.in_(principals))
    for rows in reading.scan(_CHUNK):
        for row in rows:
            found.setdefault(row.node_id, []).append(row)
    return found


def _said(row: AccessEntry) -> Said:
    period = Period(row.valid_from, row.valid_until)
    return Said(row.id, row.principal_id, row.node_id, row.action, row.effect, period)
