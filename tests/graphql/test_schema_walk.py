"""A walk through the whole schema: the conventions that every room keeps, new ones too."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLScalarType,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_leaf_type,
    is_specified_scalar_type,
)

from dms.graphql import core
from dms.graphql.context import OPEN
from dms.graphql.schema import print_sdl, whole_schema
from dms.rules.access import Action, Duty
from dms.rules.accessevents import Op

ROOT = Path(__file__).resolve().parents[2]
SCHEMA = whole_schema()
CORE = SCHEMA.core
QUERIES, MUTATIONS = CORE.query_type.fields, CORE.mutation_type.fields
RULES = {**SCHEMA.query_rules, **SCHEMA.mutation_rules}

UNREVISED = {
    "holdAcknowledge": "a notice changes once: it is acknowledged",
    "accessChangeApprove": "its digest says what was read",
    "accessChangeEdit": "the same",
    "accessChangeReject": "a proposal that is turned down may say anything",
    "accessEntryRevoke": "entries are never changed, they only end",
    "accessReviewAttest": "lines of a review are never changed, they are only decided",
    "accessReviewClose": "a review only ends",
    "clearanceRevoke": "clearances are never changed, they only end",
    "classAssignRunCancel": "an order is never changed, it only ends",
    "indexTermRemove": "an index term is never changed, it only ends",
    "relativeIndexEntryRemove": "an entry is never changed, it only ends",
    "crossReferenceRemove": "references are never changed, they only end",
    "jobCancel": "a worker may write about it at any moment; its state says whether it can",
    "jobRetry": "the same",
    "logAlertReview": "an alert is never changed, it is only reviewed",
    "logExportCancel": "an export only ends",
    "retentionAssignmentApprove": "lines are never changed, they are only decided",
    "retentionAssignmentEnd": "the same",
    "retentionAssignmentReject": "the same",
    "triggerEventRevoke": "facts are never changed, a later line revokes them",
    "savedQueryRemove": "a saved search is never changed",
    "securityChangeApprove": "a proposal is never changed, it is only decided",
    "securityChangeReject": "the same",
    "sessionEnd": "a session only ends",
    "userResetStart": "nothing of the account changes that anybody reads",
}
"""Mutations that name a thing by its id and yet no revision, with the reason."""

OTHER_OPS = {
    "dueForecast": Op.RETENTION_DUE,
    "dueItems": Op.RETENTION_DUE,
    "retentionAssignmentApprove": Op.RETENTION_APPROVE,
    "retentionAssignmentEnd": Op.RETENTION_END,
    "retentionAssignmentReject": Op.RETENTION_REJECT,
    "retentionAssignments": Op.RETENTION_LIST,
    "retentionCalendarSet": Op.RETENTION_CALENDAR,
    "crossReferenceSheet": Op.CROSSREFERENCE_LIST,
    "accessChangePreview": Op.ACCESSCHANGE_PREVIEW,
    "accessChangeProposals": Op.ACCESSCHANGE_LIST,
    "accessCheck": Op.ACCESS_CHECK,
    "accessEntries": Op.ACCESS_READ,
    "accessEntryGrant": Op.ACCESS_GRANT,
    "accessEntryRevoke": Op.ACCESS_REVOKE,
    "accessEvent": Op.LOG_READ,
    "accessEventExport": Op.LOG_EXPORT,
    "accessEvents": Op.LOG_READ,
    "accessEventProof": Op.LOG_PROVE,
    "accessExplain": Op.ACCESS_EXPLAIN,
    "accessLogHead": Op.LOG_READ,
    "accessStatistics": Op.LOG_READ,
    "aggregationSecuritySet": Op.SECURITY_SET,
    "classEntries": Op.SCHEME_LIST,
    "classRulesApply": Op.CLASSRULE_APPLY,
    "classRulesTry": Op.CLASSRULE_TRY,
    "concept": Op.CONCEPT_LIST,
    "couldHaveSeen": Op.ACCESS_COULD,
    "disposalBatch": Op.DISPOSALBATCH_LIST,
    "disposalBatches": Op.DISPOSALBATCH_LIST,
    "disposalBatchReseed": Op.DISPOSALBATCH_SAMPLE,
    "disposalCertificate": Op.DISPOSALBATCH_LIST,
    "disposalItems": Op.DISPOSALBATCH_LIST,
    "documentSecuritySet": Op.SECURITY_SET,
    "logExport": Op.LOG_EXPORT_LIST,
    "logCheckpoints": Op.LOG_READ,
    "nodes": Op.NODE_READ,
    "policyRevisions": Op.POLICY_READ,
    "rateLimit": Op.SERVER_READ,
    "hold": Op.HOLD_LIST,
    "recordClass": Op.SCHEME_LIST,
    "recordClasses": Op.SCHEME_LIST,
    "retentionScheduleCreate": Op.SCHEDULE_CREATE,
    "retentionScheduleUpdate": Op.SCHEDULE_UPDATE,
    "retentionSchedules": Op.SCHEDULE_LIST,
    "ruleEntries": Op.SCHEDULE_LIST,
    "scheduleEdition": Op.SCHEDULE_LIST,
    "scheduleEditionCompare": Op.SCHEDULE_LIST,
    "scheduleEditions": Op.SCHEDULE_LIST,
    "schemeEdition": Op.SCHEME_LIST,
    "schemeEditionCompare": Op.SCHEME_LIST,
    "schemeEditions": Op.SCHEME_LIST,
    "securityChangeApprove": Op.SECURITY_APPROVE,
    "securityChangeReject": Op.SECURITY_REJECT,
    "securityChanges": Op.SECURITY_LIST,
    "savedQueryRun": Op.SEARCH_RUN,
    "search": Op.SEARCH_RUN,
    "serverInfo": Op.SERVER_READ,
    "relativeIndexReport": Op.RELATIVEINDEXENTRY_LIST,
    "thesauri": Op.CONCEPT_LIST,
    "whatCanSee": Op.ACCESS_WHAT,
    "whatSaw": Op.LOG_READ,
    "whoCanSee": Op.ACCESS_WHO,
    "whoSaw": Op.LOG_READ,
}
"""Root fields whose op an auditor knows under another word."""

QUESTIONS = {"whoCanSee", "whatCanSee", "couldHaveSeen", "whoSaw", "whatSaw"}
"""Lists that are named as people ask for them."""

COUNTED_OTHERWISE = {
    "Inventory.lines": "the inventory counts them anyway",
    "accessEvents": "the log is counted as far as its reading comes",
    "accessFindings": "each page looks on, and says when it has to pause",
    "accessStatistics": "its lines are known whole",
    "compartments": "there are few",
    "couldHaveSeen": "each page looks on, and says when it has to pause",
    "logAlerts": "there are 100 at most",
    "logCheckpoints": "there are as many as days, and it says when it stops",
    "policyRevisions": "each is a line of one table, counted at once",
    "roles": "the policy files have few",
    "schemes": "there is one",
    "securityLevels": "there are few",
    "whatCanSee": "each page looks on, and says when it has to pause",
    "whatSaw": "its lines are known whole, or it says when it stops",
    "whoCanSee": "its lines are known whole",
    "whoSaw": "its lines are known whole",
}
"""Lists whose total has a bound of its own, with the reason."""

SHORT_LISTS = {
    "ClassRuleOrderPayload.classRules": "at most 500, ordered as one",
    "Query.classRulesTry": "as many as were asked for",
    "DueForecast.years": "there are as many as years and actions",
    "RetentionOutcome.facts": "what is recorded of one thing and of what it lies in",
    "RetentionOutcome.media": "a thing has a few",
    "ClassEntry.forwardedTo": "a class goes on in a few",
    "Concept.broader": "a concept stands below a few",
    "Concept.forwardedTo": "a concept goes on in a few",
    "Concept.labels": "what one concept is called, 200 at most",
    "Concept.matches": "of one concept, 200 at most",
    "Concept.notes": "of one concept, 100 at most",
    "Concept.related": "a concept has to do with a few",
    "DisposalBatch.approvals": "as many as are asked for, 5 at most",
    "DisposalBatchAddPayload.refused": "of one call, cut at a limit",
    "RegisterEntry.corrections": "an entry is corrected seldom",
    "RetentionTrack.phases": "a track has a few, 20 at most",
    "RuleEntry.periods": "what stands in one text",
    "RuleEntry.tracks": "one for each medium and office, 12 at most",
    "RuleWording.tracks": "12 at most",
    "ScheduleComparison.counts": "there are seven differences",
    "ScheduleComparison.rules": "as many as differ, cut at a limit; `totalCount` counts all",
    "RelativeIndexFaultCount.entries": "cut at a hundred, and counted",
    "RelativeIndexReport.faults": "there are three kinds",
    "SchemeComparison.classes": "as many as differ, cut at a limit; `totalCount` counts all",
    "SchemeComparison.counts": "there are six differences",
    "Version.renditions": "there are two kinds",
    "Version.steps": "there are three",
    "AccessChangeEffect.gainedSamples": "some of many, which `gained` counts",
    "AccessChangeEffect.lostSamples": "the same",
    "AccessChangePreview.effects": "as many as there are accounts that gain or lose, cut at a limit",
    "AccessChangePreview.errors": "as many as there are changes",
    "AccessChangePreview.nodes": "as many as there are nodes in the changes",
    "AccessCheck.lines": "the lines that decided",
    "AccessEvent.changed": "the parts of one event",
    "AccessEvent.refused": "the parts of one event",
    "AccessEvent.released": "the parts of one event",
    "AccessExplanation.lines": "the lines that decided",
    "AccessExplanation.nearMisses": "cut at a limit, and counted",
    "AccessExplanation.whatWouldChange": "few steps",
    "AccessListLine.problems": "of one line",
    "AccessListReport.lines": "as many as the file has",
    "AccessProposal.changes": "at most 500, read and approved as one",
    "AccessProposal.editedBy": "few people",
    "AccessRemedy.links": "the steps of one way",
    "AccessStep.anyOf": "few ways",
    "Aggregation.ancestors": "as many as the tree is deep",
    "Clearance.compartments": "part of one value",
    "ExplainedLine.nodePath": "as long as the tree is deep",
    "ExplainedLine.principalPath": "as long as groups are nested",
    "Inventory.aggregationStates": "one for each state",
    "Inventory.documentStates": "one for each state",
    "Inventory.levels": "one for each level",
    "Inventory.media": "one for each medium",
    "Inventory.securityClassifications": "one for each mark",
    "LogCheckpoint.signatures": "few keys",
    "LogExport.gaps": "of one export",
    "MandatoryComparison.lacksCompartments": "part of one value",
    "PastAccessHolder.periods": "of one account and one thing",
    "Query.nodes": "as many as were asked for, in their order",
    "SearchFacets.aggregations": "the 20 most frequent",
    "SearchFacets.kinds": "there are two",
    "SearchFacets.mediaTypes": "the 20 most frequent",
    "SearchFacets.recordClasses": "the 20 most frequent",
    "SearchFacets.securityClassifications": "the 20 most frequent",
    "SearchFacets.years": "the 20 most frequent",
    "SearchResults.expansions": "as many as there are terms that are labels, which add 30 at most",
    "SearchHit.snippets": "one for each field",
    "SecurityClassification.compartments": "part of one value",
    "Snippet.ranges": "the words of one part",
    "Viewer.groups": "what one account belongs to",
    "Viewer.roles": "what one account holds",
}
"""Lists that are no pages, with the reason."""

NO_NODES = {
    "AccessEvent": "to read the log is an act of its own: `accessEvent`",
}
"""Types with an id that `node` does not answer, with the reason."""

SECRET = re.compile(r"token|hash|secret|password|wrapped|kek", re.IGNORECASE)


def own_types():
    for name, kind in CORE.type_map.items():
        if not is_introspection_type(kind) and not is_specified_scalar_type(kind):
            yield name, kind


def fields(*kinds):
    for name, kind in own_types():
        if isinstance(kind, kinds):
            yield from ((f"{name}.{key}", each) for key, each in kind.fields.items())


def descriptions():
    yield from ((name, kind.description) for name, kind in own_types())
    # Strawberry drops the descriptions of their arguments: each tells of them in its own.
    yield from ((f"@{each.name}", each.description) for each in CORE.directives)
    described = GraphQLObjectType | GraphQLInterfaceType | GraphQLInputObjectType
    for place, each in fields(described):
        yield place, each.description
        arguments = getattr(each, "args", {})
        yield from ((f"{place}({key})", argument.description) for key, argument in arguments.items())
    for name, kind in own_types():
        if isinstance(kind, GraphQLEnumType):
            yield from ((f"{name}.{key}", value.description) for key, value in kind.values.items())


def words_of(text: str) -> set[str]:
    """The words of a name or description, but for those that say nothing."""
    found = re.findall("[a-z]+", re.sub("(?<=[a-z])([A-Z])", r" \1", text).lower())
    return set(found) - {
        "a",
        "an",
        "and",
        "by",
        "for",
        "in",
        "is",
        "it",
        "its",
        "of",
        "or",
        "the",
        "this",
        "to",
    }


def is_sentence(text: str | None) -> bool:
    return bool(text) and text.endswith(".") and not text[0].islower() and text.strip() == text


def is_connection(kind) -> bool:
    return get_named_type(kind).name.endswith("Connection")


def letters(words: str) -> str:
    return re.sub("[^a-z]", "", words.lower())


def singular(word: str) -> str:
    for ending, one in (("ies", "y"), ("sses", "ss"), ("s", "")):
        if word.endswith(ending):
            return word.removesuffix(ending) + one
    return word


def expected_op(name: str) -> str:
    """The op as the field's own name says it."""
    if name in MUTATIONS:
        return letters(name)
    return letters(singular(name)) + ("list" if name.endswith("s") else "read")


def used_ops() -> set[str]:
    """The ops that some module performs, apart from where they are defined and described."""
    found = set()
    for path in (ROOT / "dms").rglob("*.py"):
        if path.relative_to(ROOT).as_posix() in {"dms/rules/accessevents.py", "dms/graphql/eventwords.py"}:
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Attribute(value=ast.Name(id="Op"), attr=member):
                    found.add(member)
    return found


def test_every_root_field_names_an_op_and_a_need():
    assert [name for name in (*QUERIES, *MUTATIONS) if name not in RULES] == []
    assert [name for name, rule in RULES.items() if not isinstance(rule.op, Op)] == []
    assert [
        name
        for name, rule in RULES.items()
        if rule.needs is not OPEN and not isinstance(rule.needs, Action | Duty)
    ] == []


def test_op_of_every_root_field_says_what_the_field_says():
    found = {name: rule.op for name, rule in RULES.items() if letters(rule.op) != expected_op(name)}

    assert found == OTHER_OPS


def test_every_op_is_performed_somewhere():
    assert {op.name for op in Op} - used_ops() == set()


def test_every_description_is_a_sentence():
    assert [(place, text) for place, text in descriptions() if not is_sentence(text)] == []


def test_no_description_merely_repeats_the_name():
    told = {place: text for place, text in descriptions() if not place.startswith("AccessEventOp.")}
    last = {place: re.split(r"[.(]", place.rstrip(")"))[-1] for place in told}

    assert [place for place, text in told.items() if words_of(text) <= words_of(last[place])] == []


def test_every_list_of_things_is_a_connection_or_says_why_not():
    lists = {
        place
        for place, each in fields(GraphQLObjectType)
        if isinstance(get_nullable_type(each.type), GraphQLList)
        and not is_leaf_type(get_named_type(each.type))
        and not place.endswith(("Connection.edges", "Connection.nodes", "Payload.errors"))
    }

    assert lists == set(SHORT_LISTS)


def test_whatever_has_an_id_can_be_asked_for_by_it():
    apart = {
        place.partition(".")[0]
        for place, each in fields(GraphQLObjectType)
        if place.endswith(".id") and not each_implements_node(place)
    }

    assert apart == set(NO_NODES)
    assert len(core._READ) == len(CORE.get_possible_types(CORE.type_map["Node"]))


def each_implements_node(place: str) -> bool:
    return "Node" in {each.name for each in CORE.type_map[place.partition(".")[0]].interfaces}


@pytest.mark.parametrize("name", ["BigInt", "Date", "DateTime", "Digest", "EDTF", "MediaType"])
def test_every_scalar_says_where_it_is_specified(name):
    own = [each for key, each in own_types() if isinstance(each, GraphQLScalarType)]

    assert name in {each.name for each in own}
    assert [each.name for each in own if not (each.specified_by_url or "").startswith("https://")] == []


def test_every_plural_query_is_a_connection_but_the_one_that_takes_ids():
    plural = [name for name in QUERIES if re.search("[^s]s$|uri$", name)]

    assert [name for name in plural if not is_connection(QUERIES[name].type)] == ["nodes"]
    connections = {name for name, each in QUERIES.items() if is_connection(each.type)}
    assert connections - set(plural) == QUESTIONS


def test_every_connection_takes_a_size_from_either_end():
    paged = {"first": "Int", "after": "String", "last": "Int", "before": "String"}
    found = {
        place: {key: str(each.args[key].type) for key in paged if key in each.args}
        for place, each in fields(GraphQLObjectType)
        if is_connection(each.type)
    }

    assert {place: args for place, args in found.items() if args != paged} == {}


def test_every_list_that_grows_takes_how_far_its_total_is_counted():
    lists = {
        place.removeprefix("Query."): each.args
        for place, each in fields(GraphQLObjectType)
        if is_connection(each.type)
    }

    assert {name for name, args in lists.items() if "totalUpTo" not in args} == set(COUNTED_OTHERWISE)
    assert {str(args["totalUpTo"].type) for args in lists.values() if "totalUpTo" in args} == {"Int!"}


def test_every_mutation_takes_one_input_and_answers_a_payload_of_its_own_name():
    for name, each in MUTATIONS.items():
        word = name[0].upper() + name[1:]
        assert ({key: str(arg.type) for key, arg in each.args.items()}, str(each.type)) == (
            {"input": f"{word}Input!"},
            f"{word}Payload",
        )


def test_every_change_of_an_existing_thing_names_the_revision_that_was_seen():
    without = set()
    for name, each in MUTATIONS.items():
        asked = get_named_type(each.args["input"].type).fields
        if "expectedRevision" in asked:
            assert str(asked["expectedRevision"].type) == "Int!"
        elif "id" in asked:
            without.add(name)

    assert without == set(UNREVISED)


def test_every_filter_and_every_order_can_be_left_out():
    optional = [
        (f"{name}({key})", str(argument.type))
        for name, each in QUERIES.items()
        for key, argument in each.args.items()
        if key in {"filter", "orderBy"} and str(argument.type).endswith("!")
    ]

    assert optional == []


def test_no_field_shows_a_secret():
    found = {place for place, _ in fields(GraphQLObjectType, GraphQLInterfaceType) if SECRET.search(place)}

    # The parts of an operation text, and what binds an event into the log's tree.
    assert {place for place in found if not place.endswith(("Limits.tokens", ".leafHash"))} == set()


def test_committed_sdl_is_what_the_code_says():
    committed = (ROOT / "schema" / "schema.graphql").read_text(encoding="utf-8")

    assert committed == print_sdl(), "run `make schema` and read what changed"
