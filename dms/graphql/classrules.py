"""Rules that class new Documents: kept in an order, tried without effect, applied to what lies unclassed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import classassignruns as runs
from dms.graphql import enums, paging
from dms.graphql.classassignruns import ClassAssignRun
from dms.graphql.context import INPUT, Info, Payload, mutation_field, query_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import Node, given
from dms.graphql.paging import TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.scalars import asked_id, shown_id
from dms.graphql.schemes import RecordClass, shown_class
from dms.graphql.words import Action
from dms.models import classrules as models
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.classrules import MAX_VALUE, MAX_VALUES, ClassedBy, Conditions
from dms.services import classassignruns, classrules, schemes
from dms.services.classrules import LOCK, MAX_TRIED, RuleWords
from dms.services.editing import KEEP
from dms.stores.work import Work

enums.show(
    ClassedBy,
    description="How a Document came by its class.",
    values={
        ClassedBy.HAND: "Somebody said which.",
        ClassedBy.RULE: "By the first rule that fitted.",
        ClassedBy.PARENT: "By the Aggregation in which it was filed, or one above.",
        ClassedBy.NOBODY: "It was not classed: it waits in `unassigned`.",
    },
)

_WORDS = "Words: one of these, of which all words stand in the title."
_SYSTEMS = "The system it was captured from is one of these."
_NAMES = "Its name at the source is like one of these: `*` is anything, `?` one character."
_AUTHORS = "Who wrote it is like one of these, as names are."
_PLACES = "It lies in one of these Aggregations, or below."
_RULE = "The rule as it is now."


@strawberry.type(
    description="What must fit of a Document: all that says something, and of that one value. Upper and "
    "lower case are alike."
)
class ClassRuleConditions:
    """Conditions."""

    title_words: list[str] = strawberry.field(description=_WORDS)
    source_systems: list[str] = strawberry.field(description=_SYSTEMS)
    name_patterns: list[str] = strawberry.field(description=_NAMES)
    authors: list[str] = strawberry.field(description=_AUTHORS)
    aggregation_ids: list[strawberry.ID] = strawberry.field(
        description=f"{_PLACES} Only those that you may know of."
    )


@strawberry.type(description="A rule that gives new Documents a class, unless somebody says which.")
class ClassRule(Node):
    """A rule."""

    position: int = strawberry.field(description="Its place in the order; the first rule that fits counts.")
    title: str = strawberry.field(description="What it is for.")
    record_class: RecordClass = strawberry.field(
        description="The class that it gives; while that is not in force, the rule does not count."
    )
    conditions: ClassRuleConditions = strawberry.field(description="What must fit.")
    revision: int = strawberry.field(description="Raised by every change; name it when you change it.")
    updated_at: Instant = strawberry.field(description="When it was last changed.")


@strawberry.type(description="What rules would do with a Document, as if nobody had classed it.")
class ClassRuleTrial:
    """A trial."""

    document_id: strawberry.ID = strawberry.field(description="What it was tried with.")
    record_class: RecordClass = strawberry.field(description="What it is classed as now.")
    would_be: RecordClass = strawberry.field(description="The class that it would get.")
    would_be_by: ClassedBy = strawberry.field(description="How.")
    class_rule_id: strawberry.ID | None = strawberry.field(description="By which rule, if by one.")


@strawberry.input(description="What must fit of a Document: at least one of these.")
class ClassRuleConditionsInput:
    """Conditions."""

    title_words: list[str] = strawberry.field(default_factory=list, description=_WORDS)
    source_systems: list[str] = strawberry.field(default_factory=list, description=_SYSTEMS)
    name_patterns: list[str] = strawberry.field(default_factory=list, description=_NAMES)
    authors: list[str] = strawberry.field(default_factory=list, description=_AUTHORS)
    aggregation_ids: list[strawberry.ID] = strawberry.field(default_factory=list, description=_PLACES)

    def asked(self) -> Conditions:
        """Return them as the service takes them."""
        return Conditions(
            title_words=tuple(self.title_words),
            source_systems=tuple(self.source_systems),
            name_patterns=tuple(self.name_patterns),
            authors=tuple(self.authors),
            aggregations=frozenset(asked_id(Kind.AGGREGATION, each) for each in self.aggregation_ids),
        )


_CONDITIONS = f"What must fit: up to {MAX_VALUES} values of each, of up to {MAX_VALUE} characters."


@strawberry.input(description="A new rule, asked after all others.")
class ClassRuleAddInput(Creation):
    """What a rule begins with."""

    title: str = strawberry.field(description="What it is for.")
    record_class_id: strawberry.ID = strawberry.field(
        description="What Documents that fit are classed as: one in force."
    )
    conditions: ClassRuleConditionsInput = strawberry.field(description=_CONDITIONS)


@strawberry.input(description="A rule worded anew. What is left out stays; what it has classed stays so.")
class ClassRuleUpdateInput:
    """What changes."""

    id: strawberry.ID = strawberry.field(description="The rule.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")
    title: strawberry.Maybe[str] = strawberry.field(description="What it is for.")
    record_class_id: strawberry.Maybe[strawberry.ID] = strawberry.field(
        description="What Documents that fit are classed as: one in force."
    )
    conditions: strawberry.Maybe[ClassRuleConditionsInput] = strawberry.field(
        description=f"{_CONDITIONS} They take the place of all that was asked before."
    )


@strawberry.input(description="A rule that shall class nothing more.")
class ClassRuleRemoveInput:
    """Which rule."""

    id: strawberry.ID = strawberry.field(description="The rule.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.input(description="All rules in another order.")
class ClassRuleOrderInput:
    """The order."""

    class_rule_ids: list[strawberry.ID] = strawberry.field(
        description="Every rule once, the first to be asked first."
    )


@strawberry.input(description="An order that rules class what nobody has classed.")
class ClassRulesApplyInput(Creation):
    """Of what, and why."""

    aggregation_id: strawberry.ID | None = strawberry.field(
        default=None, description="What lies at or below this Aggregation; left out: all."
    )
    reason: str = strawberry.field(description="Why; auditors read it with each change.")


@strawberry.type(description="What came of adding a rule.")
class ClassRuleAddPayload(Payload):
    """The rule, or why not."""

    class_rule: ClassRule | None = strawberry.field(default=None, description=_RULE)


@strawberry.type(description="What came of wording a rule anew.")
class ClassRuleUpdatePayload(Payload):
    """The rule, or why not."""

    class_rule: ClassRule | None = strawberry.field(default=None, description=_RULE)


@strawberry.type(description="What came of removing a rule.")
class ClassRuleRemovePayload(Payload):
    """Its id, or why not."""

    removed_id: strawberry.ID | None = strawberry.field(default=None, description="The id that it had.")


@strawberry.type(description="What came of putting rules into another order.")
class ClassRuleOrderPayload(Payload):
    """The rules, or why not."""

    class_rules: list[ClassRule] | None = strawberry.field(
        default=None, description="All rules in their order."
    )


@strawberry.type(description="What came of ordering that rules class what nobody has classed.")
class ClassRulesApplyPayload(Payload):
    """The order, or why not."""

    class_assign_run: ClassAssignRun | None = strawberry.field(
        default=None, description="The order; it is carried out later, by a job."
    )


def _shown(work: Work, rows: Iterable[models.ClassRule]) -> Mapping[UUID, ClassRule]:
    found = list(rows)
    said = classrules.said(work, found)
    classes = schemes.named(work, {row.record_class_id for row in found})
    return {
        row.id: ClassRule(
            id=shown_id(Kind.CLASS_RULE, row.id),
            position=row.position,
            title=row.title,
            record_class=shown_class(classes[row.record_class_id]),
            conditions=_conditions(said[row.id]),
            revision=row.revision,
            updated_at=Instant(row.updated_at),
        )
        for row in found
    }


def _conditions(said: Conditions) -> ClassRuleConditions:
    return ClassRuleConditions(
        title_words=list(said.title_words),
        source_systems=list(said.source_systems),
        name_patterns=list(said.name_patterns),
        authors=list(said.authors),
        aggregation_ids=[shown_id(Kind.AGGREGATION, each) for each in sorted(said.aggregations)],
    )


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, ClassRule]:
    """Return rules by id, for `node`."""
    return _shown(info.work, classrules.nodes(info.work, ids).values())


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(
        op=Op.CLASSRULE_LIST,
        needs=Duty.SCHEMES_MANAGE,
        description="The rules that class new Documents, in the order in which they are asked.",
    )
    def class_rules(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[ClassRule] | None:
        """List rules."""
        page = paging.asked(info, first=first, after=after, last=last, before=before, total_up_to=total_up_to)
        found = classrules.page(info.work, page.request)
        return page.connection(found.among(_shown(info.work, found.rows)))

    @query_field(
        op=Op.CLASSRULE_TRY,
        needs=Duty.SCHEMES_MANAGE,
        description="What rules would do with Documents, as if nobody had classed them; changes nothing. "
        "There is no answer about what you may not read.",
    )
    def class_rules_try(
        self,
        info: Info,
        document_ids: Annotated[
            list[strawberry.ID], strawberry.argument(description=f"Up to {MAX_TRIED} Documents.")
        ],
    ) -> list[ClassRuleTrial] | None:
        """Try the rules."""
        found = classrules.attempt(info.work, [asked_id(Kind.DOCUMENT, each) for each in document_ids])
        ids = {each.row.record_class_id for each in found} | {each.would_be.class_id for each in found}
        classes = schemes.named(info.work, ids)
        return [
            ClassRuleTrial(
                document_id=shown_id(Kind.DOCUMENT, each.row.id),
                record_class=shown_class(classes[each.row.record_class_id]),
                would_be=shown_class(classes[each.would_be.class_id]),
                would_be_by=each.would_be.by,
                class_rule_id=_shown_rule(each.would_be.rule_id),
            )
            for each in found
        ]


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.CLASSRULE_ADD,
        needs=Duty.SCHEMES_MANAGE,
        locks=(LOCK,),
        creates=Made("class_rule", nodes),
        description="Add a rule that classes new Documents, after all others.",
    )
    def class_rule_add(
        self, info: Info, input: Annotated[ClassRuleAddInput, INPUT]
    ) -> ClassRuleAddPayload | None:
        """Add a rule."""
        key = asked_id(Kind.RECORD_CLASS, input.record_class_id)
        row = classrules.add(info.work, RuleWords(input.title, key, input.conditions.asked()))
        return ClassRuleAddPayload(class_rule=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.CLASSRULE_UPDATE,
        needs=Duty.SCHEMES_MANAGE,
        description="Word a rule anew that classes Documents.",
    )
    def class_rule_update(
        self, info: Info, input: Annotated[ClassRuleUpdateInput, INPUT]
    ) -> ClassRuleUpdatePayload | None:
        """Word a rule anew."""
        key, conditions = given(input.record_class_id), given(input.conditions)
        words = RuleWords(
            given(input.title),
            KEEP if key is KEEP else asked_id(Kind.RECORD_CLASS, key),
            KEEP if conditions is KEEP else conditions.asked(),
        )
        row = classrules.update(info.work, _rule(input.id), words, expected_revision=input.expected_revision)
        return ClassRuleUpdatePayload(class_rule=_shown(info.work, [row])[row.id])

    @mutation_field(
        op=Op.CLASSRULE_REMOVE,
        needs=Duty.SCHEMES_MANAGE,
        description="Remove a rule. What it has classed stays so.",
    )
    def class_rule_remove(
        self, info: Info, input: Annotated[ClassRuleRemoveInput, INPUT]
    ) -> ClassRuleRemovePayload | None:
        """Remove a rule."""
        row = classrules.remove(info.work, _rule(input.id), expected_revision=input.expected_revision)
        return ClassRuleRemovePayload(removed_id=shown_id(Kind.CLASS_RULE, row.id))

    @mutation_field(
        op=Op.CLASSRULE_ORDER,
        needs=Duty.SCHEMES_MANAGE,
        locks=(LOCK,),
        description="Put all rules into another order: the first that fits counts.",
    )
    def class_rule_order(
        self, info: Info, input: Annotated[ClassRuleOrderInput, INPUT]
    ) -> ClassRuleOrderPayload | None:
        """Order the rules."""
        rows: Sequence[models.ClassRule] = classrules.order(
            info.work, [_rule(each) for each in input.class_rule_ids]
        )
        shown = _shown(info.work, rows)
        return ClassRuleOrderPayload(class_rules=[shown[row.id] for row in rows])

    @mutation_field(
        op=Op.CLASSRULE_APPLY,
        needs=Action.EDIT,
        creates=Made("class_assign_run", runs.nodes),
        description="Order that Documents which lie in `unassigned` get the class that rules or their place "
        "say now. A job does it in slices, and each time as far as you may.",
    )
    def class_rules_apply(
        self, info: Info, input: Annotated[ClassRulesApplyInput, INPUT]
    ) -> ClassRulesApplyPayload | None:
        """Apply the rules."""
        place = None if input.aggregation_id is None else asked_id(Kind.AGGREGATION, input.aggregation_id)
        row = classassignruns.apply_rules(info.work, place, reason=input.reason)
        return ClassRulesApplyPayload(class_assign_run=runs.shaped(info.work, [row])[row.id])


def _rule(text: str) -> UUID:
    return asked_id(Kind.CLASS_RULE, text)


def _shown_rule(rule_id: UUID | None) -> strawberry.ID | None:
    return None if rule_id is None else shown_id(Kind.CLASS_RULE, rule_id)
