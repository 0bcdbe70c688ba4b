"""What fields cost that are not plain: every root field, every list (`api.md` section 3).

A point is what an object of a page of Documents takes of a processor. The weight of a report, of which the
answer shows little, was measured against that (`python -m benchmarks prices`; docs/limits.md has the table).
`costs` says how the numbers are read; the SDL shows them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dms.graphql.costs import SIZES, WRITING, Cost


def _each(type_name: str, names: str, cost: Cost) -> Iterable[tuple[str, Cost]]:
    return ((f"{type_name}.{name}", cost) for name in names.split())


def _page(weight: int) -> Cost:
    """Return the cost of a connection whose finding costs so much, whatever it holds."""
    return Cost(weight, sized_by=SIZES)


def _list(items: int) -> Cost:
    """Return the cost of a list that holds so many items in the usual case."""
    return Cost(0, items=items)


_LOOKUPS = """
    serverInfo rateLimit node document version aggregation recordClass viewer user accessEvent logExport
    accessNode accessLogHead job concept schemeEdition classAssignRun hold disposalBatch disposalCertificate
    scheduleEdition
"""
_LISTS = """
    documents versions aggregations schemes recordClasses users groups roles sessions securityLevels
    compartments securityChanges clearances accessEntries accessChangeProposals accessReviews logCheckpoints
    logExports logAlerts logAlertHits importRuns jobs savedQueries searchLists
    retentionSchedules scheduleEditions ruleEntries
    schemeEditions classEntries classAssignRuns thesauri concepts holds disposalBatches
    schemeEditions classEntries classAssignRuns thesauri concepts indexTerms
    relativeIndexEntries holds disposalBatches
    classRules
    schemeEditions classEntries classAssignRuns
    schemeEditions classEntries thesauri concepts
    schemeEditions classEntries registers registerEntries
    retentionAssignments triggerEvents
    schemeEditions classEntries registers registerEntries crossReferences
"""
_WRITES = """
    aggregationClassAssign classAssignRunCancel classRuleAdd classRuleUpdate classRuleRemove
    aggregationClose aggregationCreate aggregationReopen aggregationSecuritySet aggregationUpdate
    documentClassAssign documentDeclare documentRefile documentRegister documentSecuritySet documentUpdate
    versionAdd
    disposalBatchCreate disposalBatchUpdate disposalBatchRemove disposalBatchSample disposalBatchReseed
    disposalBatchPropose disposalBatchReturn disposalBatchApprove disposalBatchCancel disposalBatchExecute
    disposalBatchRetry disposalBatchSettle documentDiscard
    classEntryAdd classEntryUpdate classEntryMove classEntryClose schemeEditionUpdate
    schemeEditionReturn schemeEditionApprove schemeEditionWithdraw
    retentionScheduleCreate retentionScheduleUpdate scheduleEditionUpdate scheduleEditionReturn
    scheduleEditionApprove scheduleEditionWithdraw
    ruleEntryAdd ruleEntryUpdate ruleEntryRemove ruleEntryResolve ruleEntryApprove ruleEntryReturn
    ruleEntryFlag
    indexTermAdd indexTermRemove relativeIndexEntryAdd relativeIndexEntryRemove
    thesaurusCreate conceptCreate conceptUpdate conceptApprove conceptDeprecate conceptMerge
    holdCover holdNotify holdAcknowledge holdReview holdLiftPropose holdLiftReject holdLift holdPlace
    registerCreate registerEntryAdd registerEntryCorrect
    retentionAssignmentReject triggerEventRecord triggerEventRevoke
    crossReferenceAdd crossReferenceRemove registerCreate registerEntryAdd registerEntryCorrect
    groupCreate groupMemberAdd groupMemberRemove roleAssign roleWithdraw sessionEnd
    userCreate userDisable userEnable userResetStart userUpdate
    clearanceGrant clearanceRevoke compartmentCreate compartmentRetire
    securityChangeApprove securityChangeReject securityLevelCreate securityLevelUpdate
    accessEntryGrant accessEntryRevoke accessChangeReject accessReviewAttest accessReviewClose
    logAlertCreate logAlertRemove logAlertReview logAlertUpdate logExportCancel
    jobCancel jobRetry savedQuerySave savedQueryRemove searchListUpdate searchListRemove
"""
_BY_CHANGE = Cost(WRITING, sized_by=("input.changes",))
_HEAVY_WRITE = Cost(10 * WRITING)
_RETENTION = Cost(5)
"""What follows for one thing: what it rests on is gathered, and the sum taken."""

PRICES: Mapping[str, Cost] = dict(
    [
        *_each("Query", _LOOKUPS, Cost(1)),
        *_each("Query", _LISTS, _page(1)),
        ("Query.crossReferenceSheet", Cost(100)),
        ("Query.policyRevisions", _page(20)),
        ("Query.disposalItems", _page(5)),
        ("DisposalBatch.approvals", _list(1)),
        ("DisposalBatchAddPayload.refused", _list(10)),
        ("Mutation.disposalBatchAdd", Cost(10 * WRITING, sized_by=("input.nodeIds",))),
        ("Query.accessEvents", _page(100)),
        *_each("Query", "whoSaw whatSaw", _page(400)),
        *_each("Query", "whoCanSee whatCanSee", _page(500)),
        ("Query.couldHaveSeen", _page(800)),
        ("Query.accessStatistics", _page(1_300)),
        ("Query.accessFindings", _page(3_000)),
        *_each("AccessFindingConnection", "totalCount totalIsExact", Cost(3_000)),
        ("Query.accessEventProof", Cost(20)),
        ("Query.accessCheck", Cost(150)),
        *_each("Query", "accessExplain inventory", Cost(300)),
        ("Query.schemeEditionCompare", Cost(500)),
        ("Query.scheduleEditionCompare", Cost(600)),
        *_each("ScheduleComparison", "counts", _list(7)),
        *_each("ScheduleComparison", "rules", _list(50)),
        *_each("ScheduleRuleComparison", "differences", _list(2)),
        *_each("RuleWording", "tracks", _list(1)),
        *_each("RuleEntry", "reasons tracks periods triggers", _list(1)),
        ("RetentionTrack.phases", _list(2)),
        ("RetentionPhase.triggers", _list(1)),
        *_each("SchemeComparison", "counts", _list(6)),
        *_each("SchemeComparison", "classes", _list(50)),
        *_each("ClassComparison", "differences", _list(2)),
        *_each("ClassEntry", "forwardedTo", _list(1)),
        *_each("RegisterEntry", "corrections", _list(1)),
        ("Query.accessChangePreview", Cost(1_000)),
        *_each("Query", "search savedQueryRun", Cost(10)),
        ("SearchResults.hits", _page(10)),
        ("SearchResults.facets", Cost(20)),
        ("SearchResults.expansions", _list(1)),
        *_each("SearchExpansion", "labels narrower", _list(3)),
        *_each("SavedQueryFilter", "aggregationIds recordClassIds mediaTypes languages", _list(1)),
        *_each("SearchHit", "snippets", _list(1)),
        *_each("Snippet", "ranges", _list(3)),
        *_each("SearchFacets", "aggregations recordClasses mediaTypes years", _list(10)),
        *_each("SearchFacets", "kinds securityClassifications", _list(2)),
        ("Query.nodes", Cost(0, sized_by=("ids",))),
        *_each("Mutation", _WRITES, Cost(WRITING)),
        *_each("Mutation", "accessChangePropose accessChangeEdit", _BY_CHANGE),
        *_each("Mutation", "accessChangeApprove accessListImport accessNodePrepare", _HEAVY_WRITE),
        # With 10,000 classes they take 2 to 3 s of a processor, and submitting or comparing half a second.
        *_each("Mutation", "schemeEditionCreate schemeEditionActivate", Cost(100 * WRITING)),
        ("Mutation.schemeEditionSubmit", Cost(30 * WRITING)),
        *_each(
            "Mutation", "scheduleEditionCreate scheduleEditionSubmit scheduleEditionActivate", _HEAVY_WRITE
        ),
        *_each("Mutation", "accessReviewStart aggregationRearrange accessEventExport", _HEAVY_WRITE),
        ("Query.relativeIndexReport", Cost(300)),
        ("RelativeIndexReport.faults", _list(3)),
        ("RelativeIndexFaultCount.entries", _list(20)),
        ("Mutation.thesaurusApprove", Cost(25 * WRITING)),
        *_each("Concept", "labels notes", _list(4)),
        *_each("Concept", "matches broader related forwardedTo", _list(1)),
        *_each("Mutation", "retentionAssign retentionAssignmentEnd retentionAssignmentApprove", _HEAVY_WRITE),
        ("Query.dueItems", _page(20)),
        ("Query.dueForecast", Cost(300)),
        ("DueForecast.years", _list(50)),
        ("Mutation.retentionCalendarSet", Cost(WRITING)),
        *_each("Document", "retention", _RETENTION),
        *_each("Aggregation", "retention", _RETENTION),
        ("DueItem.outcome", _RETENTION),
        *_each("RetentionOutcome", "waitsFor citations media", _list(1)),
        ("RetentionOutcome.facts", _list(4)),
        ("RetentionOutcome.explanation", _list(10)),
        ("Mutation.searchListFreeze", Cost(50 * WRITING)),
        *_each("Mutation", "documentClassAssignMany aggregationClassAssignMany", Cost(20 * WRITING)),
        ("Mutation.classRulesApply", Cost(20 * WRITING)),
        ("Mutation.classRuleOrder", Cost(WRITING, sized_by=("input.classRuleIds",))),
        *_each("ClassRuleOrderPayload", "classRules", _list(20)),
        ("Query.classRulesTry", Cost(5, sized_by=("documentIds",))),
        *_each("ClassRuleConditions", "titleWords sourceSystems namePatterns authors", _list(2)),
        *_each("ClassRuleConditions", "aggregationIds", _list(1)),
        ("Aggregation.ancestors", _list(4)),
        *_each("Version", "steps", _list(3)),
        *_each("Version", "renditions", _list(2)),
        *_each("TextRecognition", "languages", _list(2)),
        *_each("Viewer", "roles groups", _list(5)),
        *_each("ViewerTasks", "accessProposals securityChanges accessReviews logAlertHits", _page(1)),
        *_each("SecurityClassification", "compartments", _list(2)),
        *_each("Clearance", "compartments", _list(2)),
        *_each("MandatoryComparison", "lacksCompartments", _list(2)),
        *_each("AccessCheck", "lines", _list(10)),
        *_each("AccessExplanation", "lines nearMisses whatWouldChange", _list(5)),
        *_each("ExplainedLine", "principalPath nodePath", _list(3)),
        *_each("AccessStep", "anyOf", _list(3)),
        *_each("AccessRemedy", "links", _list(2)),
        *_each("PastAccessHolder", "periods", _list(2)),
        *_each("AccessChangePreview", "effects nodes", _list(50)),
        *_each("AccessChangeEffect", "gainedSamples lostSamples", _list(3)),
        *_each("AccessProposal", "changes", _list(20)),
        *_each("AccessProposal", "editedBy", _list(1)),
        *_each("AccessEvent", "released changed refused", _list(10)),
        *_each("LogCheckpoint", "signatures", _list(2)),
        *_each("LogExport", "gaps", _list(1)),
        *_each("Inventory", "levels media aggregationStates documentStates", _list(10)),
        *_each("Inventory", "securityClassifications", _list(10)),
        *_each("AccessListReport", "lines", _list(50)),
        *_each("AccessListLine", "problems", _list(1)),
    ]
)
"""By type and field."""
