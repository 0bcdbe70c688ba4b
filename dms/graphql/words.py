"""Closed sets that several rooms show: import them from here, so that they are part of the API."""

from __future__ import annotations

from dms.graphql import enums
from dms.models.security import MarkedKind
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind, Reason
from dms.rules.periods import Validity

__all__ = ["Action", "Effect", "MarkedKind", "NodeKind", "PrincipalKind", "Reason", "Validity"]

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
        MarkedKind.DOCUMENT: "A Document.",
        MarkedKind.AGGREGATION: "An Aggregation.",
    },
)
