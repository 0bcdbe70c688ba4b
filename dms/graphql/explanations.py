"""Explanations: why a decision falls as it does, and what would change it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import accesslists, principals
from dms.graphql.accesslists import AskedAction, AskedNode
from dms.graphql.context import Info, query_field
from dms.graphql.explanationwords import Defect, RemedyKind
from dms.graphql.principals import AskedAccount, Principal
from dms.graphql.scalars import shown_id, shown_instant
from dms.graphql.security import (
    Compartment,
    SecurityClassification,
    shown_classification,
    shown_compartment,
)
from dms.graphql.words import Action, Effect, NodeKind, Reason
from dms.rules.accessevents import Op
from dms.rules.reaches import Link
from dms.rules.security import Mark
from dms.services import explanations, security
from dms.services.explanations import Comparison, Explanation
from dms.services.questions import PathNode, Question, ShownLine
from dms.services.security import Classification
from dms.stores.work import Work


@strawberry.type(description="A node on the way from a thing upwards to where a line is written.")
class AccessPathNode:
    """A step of a way up one of the two trees."""

    node_kind: NodeKind = strawberry.field(description="What it is.")
    node_id: strawberry.ID | None = strawberry.field(description="Its id; null if you may not know it.")
    code: str | None = strawberry.field(
        description="Its reference code, or the name of the Repository; null if it has none or you may not "
        "know it."
    )


@strawberry.type(description="A line of an access list, with the ways by which it bears on the case.")
class ExplainedLine:
    """A line as an explanation shows it."""

    line_id: str = strawberry.field(
        description="The id of an access entry, or `role:<name>:<ACTION>` for a line of the policy files."
    )
    effect: Effect = strawberry.field(description="Whether it gives or refuses.")
    action: Action = strawberry.field(description="What it is about.")
    principal: Principal = strawberry.field(description="The principal it names.")
    principal_path: list[Principal] = strawberry.field(
        description="From the account by its memberships to the principal; empty if you may not know who "
        "belongs to what."
    )
    node_kind: NodeKind = strawberry.field(description="What it is written on.")
    node_id: strawberry.ID | None = strawberry.field(
        description="What it is written on; null if you may not know that node."
    )
    node_path: list[AccessPathNode] = strawberry.field(
        description="From the thing upwards to the node on which the line is written."
    )
    valid_from: Instant | None = strawberry.field(description="From this instant on; a role has no dates.")
    valid_until: Instant | None = strawberry.field(description="Up to and without this instant.")


@strawberry.type(description="A line that matches.")
class MatchingLine:
    """A line that says something about the case."""

    line: ExplainedLine = strawberry.field(description="What the line says, and on what.")
    decides: bool = strawberry.field(
        description="Whether the decision fell by it: a deny that refused, or an allow that nothing refused."
    )


@strawberry.type(description="A line that would match but for something.")
class NearMiss:
    """A line that nearly says something about the case."""

    line: ExplainedLine = strawberry.field(description="What the line says that would have counted.")
    defects: list[Defect] = strawberry.field(description="What keeps it from matching.")


@strawberry.type(description="The clearance of the account held against the classification of the thing.")
class MandatoryComparison:
    """The mandatory rule, which no line overrides."""

    reaches: bool = strawberry.field(description="Whether the clearance reaches the classification.")
    clearance: SecurityClassification | None = strawberry.field(
        description="What the account was cleared for; null without any, or if you may not know it."
    )
    security_classification: SecurityClassification | None = strawberry.field(
        description="What the thing bore; null for what bears none, or if you are not cleared for it."
    )
    lacks_level: bool | None = strawberry.field(
        description="Whether the level is too low; null if you may not know."
    )
    lacks_compartments: list[Compartment] = strawberry.field(
        description="Compartments that the clearance does not hold; empty if you may not know."
    )


@strawberry.type(description="A membership or role by which an account comes to a line.")
class AccessLink:
    """A link of a principal path."""

    membership_id: strawberry.ID = strawberry.field(description="The membership; `node` tells more.")
    member: Principal = strawberry.field(description="Who belongs.")
    group: Principal = strawberry.field(description="To which group, or who has which role.")
    valid_from: Instant = strawberry.field(description="From this instant on.")
    valid_until: Instant | None = strawberry.field(description="Up to and without this instant.")


@strawberry.type(description="One thing that would help.")
class AccessRemedy:
    """A change, tried before it is told."""

    kind: RemedyKind = strawberry.field(description="What would be done, or comes by itself.")
    line_ids: list[str] = strawberry.field(description="The lines that it is about.")
    links: list[AccessLink] = strawberry.field(description="The memberships that it is about.")
    roles: list[str] = strawberry.field(description="The names of roles that it is about.")
    clearance: SecurityClassification | None = strawberry.field(
        description="The clearance that is needed; null if it is about none, or you may not know it."
    )
    at: Instant | None = strawberry.field(description="When it comes by itself; null for what somebody does.")


@strawberry.type(description="Something that stands in the way; every one of them must go.")
class AccessStep:
    """An obstacle with what removes it."""

    obstacle: Reason = strawberry.field(
        description="What stands in the way. ALLOWED: nothing does, and the remedies would refuse it."
    )
    any_of: list[AccessRemedy] = strawberry.field(
        description="Any one of these removes it, once the first of every other step is done."
    )


@strawberry.type(description="Why a decision falls as it does, and what would change it.")
class AccessExplanation:
    """A decision with all that it rests on."""

    principal: Principal = strawberry.field(description="For whom.")
    node_kind: NodeKind = strawberry.field(description="On what.")
    node_id: strawberry.ID = strawberry.field(description="On what.")
    action: Action = strawberry.field(description="What is asked for.")
    at: Instant = strawberry.field(description="For which instant.")
    existed: bool = strawberry.field(description="Whether the thing had been made by then.")
    may: bool = strawberry.field(description="The answer.")
    reason: Reason = strawberry.field(description="Why the answer is so.")
    mandatory: MandatoryComparison | None = strawberry.field(
        description="Clearance against classification; null for a thing that had not been made."
    )
    lines: list[MatchingLine] = strawberry.field(
        description="All lines in force that say something about it, those that allow and those that deny."
    )
    near_misses: list[NearMiss] = strawberry.field(
        description="Lines that nearly say something about it; at most 100."
    )
    near_miss_count: int = strawberry.field(description="How many there are in all.")
    what_would_change: list[AccessStep] = strawberry.field(
        description="What stands in the way, and what would remove it; of an allowed action, what would "
        "refuse it."
    )
    changes_at: Instant | None = strawberry.field(
        description="When the answer turns by itself, as periods begin and end; null if it does not within "
        "the next 200 of these instants, or if you may not know of memberships and clearances."
    )


@dataclass(frozen=True, slots=True)
class _Shaping:
    """What shaping an explanation looks up once."""

    names: Mapping[UUID, Principal]
    marks: Mapping[Mark, Classification]
    ids: Mapping[UUID, strawberry.ID]

    def mark(self, mark: Mark | None) -> SecurityClassification | None:
        """Shape a mark; the Repository and classes bear none."""
        return None if mark is None or mark not in self.marks else shown_classification(self.marks[mark])

    def node(self, node_id: UUID | None) -> strawberry.ID | None:
        """Return the id of a node that may be known."""
        return None if node_id is None else self.ids[node_id]

    def line(self, line: ShownLine) -> ExplainedLine:
        """Shape a line."""
        return ExplainedLine(
            line_id=accesslists.line_id(line.id),
            effect=line.effect,
            action=line.action,
            principal=self.names[line.principal.id],
            principal_path=[self.names[each.id] for each in line.principal_path],
            node_kind=line.node_kind,
            node_id=self.node(line.node_id),
            node_path=[self.path_node(each) for each in line.node_path],
            valid_from=shown_instant(line.valid_from),
            valid_until=shown_instant(line.valid_until),
        )

    def path_node(self, node: PathNode) -> AccessPathNode:
        """Shape a step of a way upwards."""
        return AccessPathNode(node_kind=node.kind, node_id=self.node(node.id), code=node.code)

    def link(self, link: Link) -> AccessLink:
        """Shape a membership."""
        return AccessLink(
            membership_id=shown_id(Kind.PRINCIPAL_LINK, link.id),
            member=self.names[link.member_id],
            group=self.names[link.group_id],
            valid_from=Instant(link.since),
            valid_until=shown_instant(link.until),
        )


def _shaping(work: Work, found: Explanation) -> _Shaping:
    asked = found.question
    lines = [*(each.line for each in found.lines), *(each.line for each in found.near)]
    named = [each for line in lines for each in (line.principal, *line.principal_path)]
    path = [(node.kind, node.id) for line in lines for node in line.node_path]
    met = [(kind, node) for kind, node in [*path, (asked.node_kind, asked.node_id)] if node is not None]
    told = [] if found.comparison is None else [found.comparison.clearance, found.comparison.security]
    told += [remedy.mark for step in found.steps for remedy in step.any_of]
    return _Shaping(
        names=principals.shown(work, [*found.principals.values(), *named]),
        marks=security.describe(work, {mark for mark in told if mark is not None and mark.rank > 0}),
        ids=accesslists.shown_node_ids(work, met),
    )


def _shown(work: Work, found: Explanation) -> AccessExplanation:
    asked = found.question
    shaping = _shaping(work, found)
    return AccessExplanation(
        principal=shaping.names[asked.principal_id],
        node_kind=asked.node_kind,
        node_id=shaping.ids[asked.node_id],
        action=asked.action,
        at=Instant(found.at),
        existed=found.existed,
        may=found.decision.may,
        reason=found.decision.reason,
        mandatory=None if found.comparison is None else _mandatory(work, found.comparison, shaping),
        lines=[MatchingLine(line=shaping.line(each.line), decides=each.decides) for each in found.lines],
        near_misses=[
            NearMiss(line=shaping.line(each.line), defects=list(each.defects)) for each in found.near
        ],
        near_miss_count=found.near_total,
        what_would_change=_steps(found, shaping),
        changes_at=shown_instant(found.changes_at),
    )


def _mandatory(work: Work, found: Comparison, shaping: _Shaping) -> MandatoryComparison:
    lacking = security.compartments_by_id(work, found.lacks_compartments)
    return MandatoryComparison(
        reaches=found.reaches,
        clearance=shaping.mark(found.clearance),
        security_classification=shaping.mark(found.security),
        lacks_level=found.lacks_level,
        lacks_compartments=[shown_compartment(row) for row in lacking],
    )


def _steps(found: Explanation, shaping: _Shaping) -> list[AccessStep]:
    return [
        AccessStep(
            obstacle=step.obstacle,
            any_of=[
                AccessRemedy(
                    kind=remedy.kind,
                    line_ids=[accesslists.line_id(each) for each in remedy.line_ids],
                    links=[shaping.link(link) for link in remedy.links],
                    roles=list(remedy.roles),
                    clearance=shaping.mark(remedy.mark),
                    at=shown_instant(remedy.at),
                )
                for remedy in step.any_of
            ],
        )
        for step in found.steps
    ]


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.ACCESS_EXPLAIN,
        needs=Action.MANAGE_ACCESS,
        description="Why somebody may or may not do something with a thing, now or at any instant, and what "
        "would change it. For holders of MANAGE_ACCESS on the thing, and for auditors.",
    )
    def access_explain(
        self,
        info: Info,
        principal_id: AskedAccount,
        node_id: AskedNode,
        action: AskedAction,
        at: Annotated[
            Instant | None,
            strawberry.argument(
                description="An instant, past or future; now if left out. The past is told as it was, but by "
                "what the policy files give to roles today."
            ),
        ] = None,
    ) -> AccessExplanation | None:
        """Explain a decision."""
        kind, node = accesslists.asked_node(node_id)
        asked = principals.asked_principal(info.work, principal_id)
        question = Question(asked, kind, node, action, at)
        return _shown(info.work, explanations.explain(info.work, question))
