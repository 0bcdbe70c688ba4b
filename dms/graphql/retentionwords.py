"""Closed sets of retention that several rooms show."""

from __future__ import annotations

from collections.abc import Mapping

from dms.base.ids import Kind
from dms.graphql import enums
from dms.models.retention import BindingKind, LineState, Target
from dms.rules.duerules import Reason
from dms.rules.duesteps import RetentionState
from dms.rules.retention import LifecyclePhase, RetentionAction, TrackMedium

__all__ = [
    "BindingKind",
    "LifecyclePhase",
    "LineState",
    "Reason",
    "RetentionAction",
    "RetentionState",
    "Target",
    "TrackMedium",
]

TARGET_KINDS: Mapping[Target, Kind] = {
    Target.DOCUMENT: Kind.DOCUMENT,
    Target.AGGREGATION: Kind.AGGREGATION,
    Target.CLASS: Kind.RECORD_CLASS,
}
"""What the ids of targets name."""

enums.show(
    RetentionState,
    description="What follows for a thing today.",
    values={
        RetentionState.WAITING: "Its period has not begun: an event is missing.",
        RetentionState.RUNNING: "Its day is known and still to come.",
        RetentionState.DUE: "Its day has come. Nothing happens by itself.",
        RetentionState.PERMANENT: "It is kept for good.",
        RetentionState.UNDETERMINED: "No day can be told before a person has done something.",
    },
)
enums.show(
    Reason,
    name="RetentionReason",
    description="Why no day can be told; a person can do something about each.",
    values={
        Reason.NO_RULE: "No rule bears on it.",
        Reason.NO_MINIMUM: "Only maximum rules bear on it.",
        Reason.NEEDS_REVIEW: "A person must read the source of the rule first, or no edition words it.",
        Reason.NO_TRACK: "No track of the rule fits its medium and office.",
        Reason.SEVERAL_TRACKS: "Two tracks of the rule fit it equally well.",
        Reason.UNKNOWN_MEDIUM: "The track rests on its medium, and that is not known.",
        Reason.UNKNOWN_OFFICE: "The track rests on the office that keeps it, and that is not known.",
        Reason.NO_PHASE: "The track has no phase.",
        Reason.NO_TRIGGER: "The rule does not say from when the period counts.",
        Reason.NO_NEXT_PHASE: "The last phase leads on to another, which is not there.",
        Reason.AFTER_DESTRUCTION: "The rule goes on after a phase that destroys.",
        Reason.UNTIL_DECIDED: "It stays until a person decides.",
        Reason.BEYOND_CALENDAR: "It would end after the year 9999.",
    },
)
enums.show(
    RetentionAction,
    description="What the end of a period allows.",
    values={
        RetentionAction.NEXT_PHASE: "The next phase begins.",
        RetentionAction.TRANSFER_TO: "It may be transferred.",
        RetentionAction.REVIEW: "It may be reviewed.",
        RetentionAction.SAMPLE: "A sample is kept and the rest may be destroyed.",
        RetentionAction.REPRODUCE_THEN: "It may be reproduced, and then what the rule says.",
        RetentionAction.DESTROY: "It may be destroyed.",
        RetentionAction.KEEP_PERMANENTLY: "It is kept for good.",
    },
)
enums.show(
    LifecyclePhase,
    description="Where in its life a thing should stand.",
    values={
        LifecyclePhase.CURRENT: "In use.",
        LifecyclePhase.SEMI_CURRENT: "Seldom used, kept for its period.",
        LifecyclePhase.ARCHIVAL: "Kept as an archive.",
    },
)
enums.show(
    TrackMedium,
    name="RetentionMedium",
    description="Of which medium a period speaks.",
    values={
        TrackMedium.PAPER: "What is written or printed on paper.",
        TrackMedium.ELECTRONIC: "What is kept as bytes.",
        TrackMedium.MICROFORM: "Film or fiche.",
        TrackMedium.ANY: "Whatever it is; of a thing: not known more closely.",
    },
)
enums.show(
    Target,
    name="RetentionTarget",
    description="What a rule is bound to, or what something follows for.",
    values={
        Target.DOCUMENT: "One Document.",
        Target.AGGREGATION: "An Aggregation, and with it all in it.",
        Target.CLASS: "A class, and with it all in it and in the classes below.",
        Target.EVERYTHING: "All Documents and Aggregations; no rule is bound to that.",
    },
)
enums.show(
    BindingKind,
    name="RetentionBinding",
    description="How a rule is bound.",
    values={
        BindingKind.MANUAL: "Beside the rules that come from above: the longest wins.",
        BindingKind.OVERRIDE: "In place of the rules that come from above.",
    },
)
enums.show(
    LineState,
    name="RetentionLineState",
    description="Whether a line counts.",
    values={
        LineState.PROPOSED: "It would shorten, and waits for a second person.",
        LineState.IN_EFFECT: "It counts.",
        LineState.REJECTED: "The second person turned it down.",
    },
)
