"""Cases: an account and an object at an instant, with all that a decision about them rests on.

Casbin decides them; our trace over the same values says why (`rules.explanations`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from uuid import UUID

from dms.access import asof
from dms.access.asof import Span, Thing, Trees
from dms.access.nodes import Node
from dms.access.standing import policy_of
from dms.base.errors import NotFound, Unavailable
from dms.models.aggregations import Aggregation, Repository
from dms.models.documents import Document
from dms.models.schemes import ClassificationScheme, RecordClass
from dms.models.users import EVERYONE_ID
from dms.rules import explanations
from dms.rules.access import Action, Decision, Line, NodeKind, Target, bears
from dms.rules.explanations import Case, Spot
from dms.stores.work import Work, session_of

_alarm = logging.getLogger("dms.alarm")

_TABLES = {
    NodeKind.DOCUMENT: (Document,),
    NodeKind.AGGREGATION: (Aggregation,),
    NodeKind.CLASS: (RecordClass, ClassificationScheme),
    NodeKind.REPOSITORY: (Repository,),
}


def thing_of(node: Node) -> Thing:
    """Return a node that the actor may know of as a thing to ask about."""
    return Thing(node.kind, node.id, node.row)


def any_thing(work: Work, kind: NodeKind, *, node_id: UUID) -> Thing:
    """Return a thing whoever may know of it, or raise `NotFound`: the caller answers for asking."""
    for model in _TABLES[kind]:
        row = session_of(work).get(model, node_id)
        if row is not None:
            return Thing(kind, node_id, row if isinstance(row, Document | Aggregation) else None)
    work.refuses(node_id, action=Action.DISCOVER, reason="absent", exists=False)
    raise NotFound


def spot_of(work: Work, thing: Thing, span: Span) -> Spot | None:
    """Return where a thing hung and how it was marked at the first instant; None before it was made."""
    found = asof.spots(work, [thing], Trees(span))[thing.id]
    return found[0].value if found and found[0].holds(span.first) else None


def case_of(work: Work, account_id: UUID, spot: Spot, span: Span) -> Case:
    """Put together what bears on one account and one object: nine small readings or so, by depth."""
    around = asof.society_above(work, [account_id], span)
    named = {*around.figures, EVERYONE_ID}
    lines = [*asof.lines(work, spot.nodes, span, principal_ids=named), *asof.role_lines(work, around)]
    clearances = asof.clearances(work, [account_id], span).get(account_id, ())
    return Case(account_id, around, clearances, tuple(lines), spot)


def decide(work: Work, case: Case, *, action: Action, at: int) -> Decision:
    """Decide a case with Casbin and trace it; a disagreement gives no answer, and an alarm."""
    traced = explanations.decide(case, action=action, at=at)
    reach = case.reach(at)
    if reach.disabled:
        return traced
    may = policy_of(work).permits(
        explanations.subject(case, reach, at=at),
        Target(case.spot.nodes, case.spot.security),
        action=action,
        lines=bearing(case.lines, action),
        now=at,
    )
    if may != traced.may:
        _alarm.error("trace_disagrees", extra={"action": action})
        raise Unavailable("the access decision could not be taken: try again later")
    return traced


def bearing(lines: Iterable[Line], action: Action) -> list[Line]:
    """Return the lines that say anything about an action."""
    return [line for line in lines if bears(line.action, line.effect, action)]
