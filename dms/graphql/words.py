"""Closed sets that several rooms show: import them from here, so that they are part of the API."""

from __future__ import annotations

from dms.graphql import enums
from dms.models.aggregations import ArrangementLevel
from dms.models.documents import Medium
from dms.models.security import MarkedKind
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Duty, Effect, NodeKind, Reason
from dms.rules.periods import Validity
from dms.rules.states import AggregationState, DocumentState

__all__ = [
    "Action",
    "AggregationState",
    "ArrangementLevel",
    "DocumentState",
    "Duty",
    "Effect",
    "MarkedKind",
    "Medium",
    "NodeKind",
    "PrincipalKind",
    "Reason",
    "Validity",
]

enums.show(
    Action,
    description="What may be done with a node of the access rules; each needs the ones it names.",
    values={
        Action.DISCOVER: "Know that it exists: reference code, level, place in the tree, marking.",
        Action.READ_METADATA: "Read title, dates, agents and description. Needs DISCOVER.",
        Action.READ_RESTRICTED: "Read fields that are marked as restricted. Needs READ_METADATA.",
        Action.READ_CONTENT: "Read and download the bytes. Needs READ_METADATA.",
        Action.EXPORT: "Take out packages and bulk copies. Needs READ_CONTENT.",
        Action.FILE: "Put Documents or Aggregations into it. Needs DISCOVER.",
        Action.EDIT: "Change metadata and add Versions. Needs READ_METADATA.",
        Action.LEND: "Lend, place and pack the physical thing. Needs READ_METADATA.",
        Action.MARK: "Set or raise the security classification. Needs READ_METADATA.",
        Action.DOWNGRADE: "Propose to lower the security classification. Needs READ_CONTENT.",
        Action.HOLD: "Place a Hold and propose to lift it. Needs READ_METADATA.",
        Action.DISPOSE: "Propose disposal and run an approved batch. Needs READ_METADATA.",
        Action.APPROVE: "Decide as the second person. Needs READ_METADATA.",
        Action.MANAGE_ACCESS: "See and change the access list, explain decisions. Needs DISCOVER.",
    },
)

enums.show(
    Duty,
    description="A power of an office. It concerns no single thing and gives no sight of any record.",
    values={
        Duty.USERS_MANAGE: "Make, disable and reset accounts (`users.manage`).",
        Duty.CLEARANCES_MANAGE: "Give clearances, memberships and roles (`clearances.manage`).",
        Duty.SECURITYLEVELS_MANAGE: "Define levels and compartments (`securitylevels.manage`).",
        Duty.SCHEMES_MANAGE: "Keep the classification scheme (`schemes.manage`).",
        Duty.SCHEDULES_MANAGE: "Keep the retention schedules (`schedules.manage`).",
        Duty.DESCRIPTIONS_MANAGE: "Keep names, subjects, document types and forms (`descriptions.manage`).",
        Duty.PLACES_MANAGE: "Keep buildings, rooms and shelves (`places.manage`).",
        Duty.REQUESTS_MANAGE: "Serve readers and their requests (`requests.manage`).",
        Duty.LOG_READ: "Read the access log (`log.read`).",
        Duty.LOG_EXPORT: "Take the access log out (`log.export`).",
        Duty.LOG_PRUNE: "Prune the access log with a second person (`log.prune`).",
        Duty.POLICY_READ: "Read the history of what anybody might do (`policy.read`).",
        Duty.ACCESS_REVIEW: "Review all access lists (`access.review`).",
        Duty.EMERGENCY_OPEN: "Open emergency access for oneself (`emergency.open`).",
        Duty.STATISTICS_FULL: "See figures over everything, not only what one may see (`statistics.full`).",
        Duty.SYSTEM_OPERATE: "Run the server: settings, keys, back-ups (`system.operate`).",
    },
)

enums.show(
    Effect,
    description="What an access entry does. A deny overrides every allow, wherever the two stand.",
    values={
        Effect.ALLOW: "Gives the action and all that it needs.",
        Effect.DENY: "Refuses the action and all that needs it.",
    },
)

enums.show(
    NodeKind,
    description="What an access entry can be written on; it holds there and below.",
    values={
        NodeKind.REPOSITORY: "The whole Repository.",
        NodeKind.AGGREGATION: "An Aggregation with all that lies in it.",
        NodeKind.CLASS: "A class of the classification scheme with all classes below it, or the scheme.",
        NodeKind.DOCUMENT: "One Document.",
    },
)

enums.show(
    PrincipalKind,
    description="What an access entry can name as the one who may.",
    values={
        PrincipalKind.USER: "A person with an account.",
        PrincipalKind.GROUP: "A group of accounts or of other groups.",
        PrincipalKind.ROLE: "An office with its duties, as the policy files give it.",
        PrincipalKind.SERVICE: "An account of a program.",
        PrincipalKind.EVERYONE: "Everybody who has an account.",
    },
)

enums.show(
    Validity,
    description="Where a dated line stands now: an access entry, a clearance, a membership.",
    values={
        Validity.LIVE: "It counts now.",
        Validity.FUTURE: "Its period has not begun.",
        Validity.EXPIRED: "Its period is over.",
        Validity.REVOKED: "Somebody ended it, whatever its period says.",
    },
)

enums.show(
    Reason,
    name="DecisionReason",
    description="Why an access decision fell as it did.",
    values={
        Reason.ALLOWED: "An entry allows it and none denies it.",
        Reason.NO_ENTRY: "No entry allows it.",
        Reason.DENIED: "An entry denies it, and a deny overrides every allow.",
        Reason.CLEARANCE: "The clearance does not reach the security classification.",
        Reason.NOT_YET: "An entry would allow it, but its period has not begun.",
        Reason.EXPIRED: "An entry allowed it, but its period is over.",
        Reason.DISABLED: "The account is disabled.",
        Reason.CONFLICTING_ROLES: "Roles that exclude each other meet in the account: none of them counts.",
    },
)

enums.show(
    MarkedKind,
    description="What bears a security classification of its own.",
    values={
        MarkedKind.DOCUMENT: "The unit that is registered and found.",
        MarkedKind.AGGREGATION: "A node of the arrangement tree.",
    },
)

enums.show(
    ArrangementLevel,
    description="The level of an Aggregation in the arrangement (ISAD(G) 3.1.4).",
    values={
        ArrangementLevel.FONDS: "All records of one creator.",
        ArrangementLevel.SUBFONDS: "A part of a fonds, such as that of a subordinate office.",
        ArrangementLevel.RECORDGRP: "A record group: the records of a large organisation.",
        ArrangementLevel.SUBGRP: "A part of a record group.",
        ArrangementLevel.COLLECTION: "Brought together by a collector, not by one creator's business.",
        ArrangementLevel.SERIES: "Records of one function or form, kept together.",
        ArrangementLevel.SUBSERIES: "A part of a series.",
        ArrangementLevel.FILE: "Documents on one matter.",
        ArrangementLevel.CLASS: "A class of an older arrangement; it exists because finding aids have it.",
        ArrangementLevel.OTHER: "Another level, which `otherLevel` names.",
    },
)

enums.show(
    AggregationState,
    description="Where an Aggregation stands in its life.",
    values={
        AggregationState.OPEN: "Documents and Aggregations may be filed in it.",
        AggregationState.CLOSED: "Nothing more is filed in it.",
        AggregationState.TRANSFERRED: "Another custodian has it.",
        AggregationState.DESTROYED: "Only a stub is left.",
    },
)

enums.show(
    DocumentState,
    description="Where a Document stands in its life.",
    values={
        DocumentState.DRAFT: "It may still be changed.",
        DocumentState.DECLARED: "A record: its content and description are frozen.",
        DocumentState.TRANSFERRED: "Another custodian has it.",
        DocumentState.DESTROYED: "Only a stub is left.",
    },
)

enums.show(
    Medium,
    description="What a Document consists of.",
    values={
        Medium.DIGITAL: "Files only.",
        Medium.PHYSICAL: "Paper or another carrier only.",
        Medium.HYBRID: "Both.",
    },
)
