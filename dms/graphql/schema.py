"""The schema, put together from the rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import strawberry
from graphql import ExecutionResult, GraphQLObjectType, GraphQLSchema, execute_sync, introspection_from_schema
from strawberry.schema.config import StrawberryConfig

from dms.graphql import (
    accessevents,
    accessfindings,
    accesslists,
    accessnodes,
    accesspreviews,
    accessproposals,
    accessreviews,
    accesssheets,
    aggregationchanges,
    aggregations,
    assignments,
    classassignruns,
    classentries,
    classrules,
    clearances,
    conceptchanges,
    concepts,
    core,
    crossreferences,
    disposalbatches,
    disposalitems,
    disposalsteps,
    documentchanges,
    documents,
    explanations,
    holdchanges,
    holds,
    imports,
    indexterms,
    inventory,
    jobs,
    logalerts,
    logcheckpoints,
    logexports,
    logquestions,
    logstatistics,
    memberships,
    policyrevisions,
    principals,
    registerentries,
    registers,
    relativeindex,
    retention,
    roles,
    ruleentries,
    ruleentrychanges,
    savedqueries,
    schedulecomparisons,
    scheduleeditions,
    schedules,
    schemecomparisons,
    schemeeditions,
    schemes,
    search,
    searchlists,
    security,
    securitychanges,
    sessions,
    sights,
    thesauri,
    triggerevents,
    users,
    versions,
    viewer,
)
from dms.graphql.compiling import CompiledContext
from dms.graphql.context import Context, Info, Rule, rule_of
from dms.graphql.costs import Cost, Costs, declare
from dms.graphql.errors import VARIANTS
from dms.graphql.limits import MAX_ERRORS
from dms.graphql.prices import PRICES
from dms.graphql.scalars import SCALARS
from dms.graphql.shaping import TimedContext

QUERIES: tuple[type, ...] = (
    core.Queries,
    documents.Queries,
    versions.Queries,
    aggregations.Queries,
    schemes.Queries,
    schedules.Queries,
    scheduleeditions.Queries,
    schedulecomparisons.Queries,
    ruleentries.Queries,
    schemeeditions.Queries,
    disposalbatches.Queries,
    disposalitems.Queries,
    schemecomparisons.Queries,
    holds.Queries,
    classentries.Queries,
    classassignruns.Queries,
    classrules.Queries,
    thesauri.Queries,
    concepts.Queries,
    registers.Queries,
    crossreferences.Queries,
    registerentries.Queries,
    retention.Queries,
    assignments.Queries,
    triggerevents.Queries,
    indexterms.Queries,
    relativeindex.Queries,
    viewer.Queries,
    users.Queries,
    memberships.Queries,
    roles.Queries,
    sessions.Queries,
    security.Queries,
    securitychanges.Queries,
    clearances.Queries,
    accesslists.Queries,
    explanations.Queries,
    sights.Queries,
    accessnodes.Queries,
    accessfindings.Queries,
    accesspreviews.Queries,
    accessproposals.Queries,
    accessreviews.Queries,
    policyrevisions.Queries,
    accessevents.Queries,
    logquestions.Queries,
    logstatistics.Queries,
    logcheckpoints.Queries,
    logexports.Queries,
    logalerts.Queries,
    inventory.Queries,
    search.Queries,
    savedqueries.Queries,
    searchlists.Queries,
    imports.Queries,
    jobs.Queries,
)
"""The rooms that read; a new one is added here."""

MUTATIONS: tuple[type, ...] = (
    documentchanges.Mutations,
    versions.Mutations,
    aggregationchanges.Mutations,
    schedules.Mutations,
    scheduleeditions.Mutations,
    ruleentrychanges.Mutations,
    schemeeditions.Mutations,
    holdchanges.Mutations,
    disposalbatches.Mutations,
    disposalitems.Mutations,
    disposalsteps.Mutations,
    classentries.Mutations,
    classassignruns.Mutations,
    classrules.Mutations,
    thesauri.Mutations,
    conceptchanges.Mutations,
    registers.Mutations,
    crossreferences.Mutations,
    registerentries.Mutations,
    retention.Mutations,
    assignments.Mutations,
    triggerevents.Mutations,
    indexterms.Mutations,
    relativeindex.Mutations,
    users.Mutations,
    memberships.Mutations,
    roles.Mutations,
    sessions.Mutations,
    security.Mutations,
    securitychanges.Mutations,
    clearances.Mutations,
    accesslists.Mutations,
    accessnodes.Mutations,
    accesssheets.Mutations,
    accessproposals.Mutations,
    accessreviews.Mutations,
    logexports.Mutations,
    logalerts.Mutations,
    jobs.Mutations,
    savedqueries.Mutations,
    searchlists.Mutations,
)
"""The rooms that write."""


class Schema(strawberry.Schema):
    """The schema of the API with the rules of its root fields."""

    @property
    def core(self) -> GraphQLSchema:
        """Return the schema that graphql-core validates against."""
        return self._schema

    def introspected(self) -> object:
        """Return what an introspection of the whole schema answers."""
        return introspection_from_schema(self._schema)["__schema"]

    @property
    def query_rules(self) -> Mapping[str, Rule]:
        """Return the rule of each query by its name in the API."""
        return self._query_rules

    @property
    def mutation_rules(self) -> Mapping[str, Rule]:
        """Return the rule of each mutation by its name in the API."""
        return self._mutation_rules

    @property
    def costs(self) -> Costs:
        """Return what each field costs, by type and name."""
        return self._costs

    def __init__(self, *arguments: Any, prices: Mapping[str, Cost], **options: Any) -> None:
        # Any: as Strawberry's own.
        super().__init__(*arguments, **options)
        self._query_rules = _rules(self._schema.query_type)
        self._mutation_rules = _rules(self._schema.mutation_type)
        self._costs = declare(self._schema, prices)

    def perform(
        self, context: Context, *, variables: dict[str, Any] | None, operation_name: str | None
    ) -> ExecutionResult:
        """Execute the context's document, which must be valid; every resolver is synchronous.

        Not by Strawberry's `execute_sync`: its hooks cost more than a trivial operation.
        """
        return execute_sync(
            self._schema,
            context.document,
            context_value=context,
            variable_values=variables,
            operation_name=operation_name,
            max_coercion_errors=MAX_ERRORS,
            executor_class=CompiledContext if context.shapes else TimedContext,
            hide_suggestions=context.door.settings.production,
        )


def build_schema(
    queries: Sequence[type] = QUERIES,
    *,
    mutations: Sequence[type] = MUTATIONS,
    prices: Mapping[str, Cost] = PRICES,
    is_sorted: bool = False,
) -> Schema:
    """Put the rooms together; `TypeError` names a root field that says not what it does, needs and costs.

    A sorted schema is for printing only: sorting loses how enums are read.
    """
    return Schema(
        _root("Query", queries, description="What can be read."),
        _root("Mutation", mutations, description="What can be changed.") if mutations else None,
        types=[*VARIANTS, *principals.KINDS],
        prices=prices,
        config=StrawberryConfig(info_class=Info, scalar_map=SCALARS, sort_schema=is_sorted),
    )


@cache
def whole_schema() -> Schema:
    """Return the API's schema, put together once in a process: nothing changes it afterwards."""
    return build_schema()


def print_sdl() -> str:
    """Return the SDL as it is committed: sorted, with a final line feed."""
    return build_schema(is_sorted=True).as_str().rstrip() + "\n"


def _root(name: str, rooms: Sequence[type], *, description: str) -> type:
    return strawberry.type(type(name, tuple(rooms), {}), description=description)


def _rules(root: GraphQLObjectType | None) -> dict[str, Rule]:
    rules = {}
    for name, field in root.fields.items() if root else ():
        rule = rule_of(field.extensions["strawberry-definition"].metadata)
        # INVARIANT (no rule, no field): what names neither action nor duty does not start.
        if rule is None:
            raise TypeError(f"the root field `{name}` must be made with query_field or mutation_field")
        rules[name] = rule
    return rules
