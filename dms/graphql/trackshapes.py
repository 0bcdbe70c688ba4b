"""Tracks of retention rules as the API shows and takes them."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

from dms.base.errors import Invalid
from dms.graphql import enums
from dms.graphql.retentionwords import LifecyclePhase, RetentionAction, TrackMedium
from dms.rules import retention, tracks
from dms.rules import retention as rules
from dms.rules.retention import CutOff, OfficeRole, Which

enums.show(
    OfficeRole,
    description="For which copy a track speaks.",
    values={
        OfficeRole.PRIMARY: "That of the office which answers for the class.",
        OfficeRole.OTHER: "That of any other office.",
        OfficeRole.ANY: "Whoever keeps it.",
    },
)
enums.show(
    CutOff,
    name="RetentionCutOff",
    description="To the end of what the day of the trigger is put off before the period is added.",
    values={
        CutOff.EXACT: "It is not put off.",
        CutOff.MONTH: "To the end of its month.",
        CutOff.CALENDAR_YEAR: "To 31 December.",
        CutOff.FISCAL_YEAR: "To the end of the fiscal year of the Repository.",
    },
)
enums.show(
    Which,
    name="RetentionWhich",
    description="Which of several triggers counts.",
    values={Which.LATEST: "The last of them.", Which.EARLIEST: "The first of them."},
)


@strawberry.type(
    description="One step of a track: at the trigger a period starts, at its end an action is allowed."
)
class RetentionPhase:
    """A phase."""

    lifecycle_phase: LifecyclePhase = strawberry.field(description="Where in its life the thing stands.")
    triggers: list[str] = strawberry.field(
        description="What starts the period: `closed`, `superseded` and so on, or `custom:` and a code. "
        "None: the period is endless, or goes on where the former phase ended."
    )
    which: Which = strawberry.field(description="Which of several triggers counts.")
    cut_off: CutOff = strawberry.field(description="To the end of what the day of the trigger is put off.")
    period: str = strawberry.field(description="Like `P5Y`, `P6M`, `P90D`; `permanent` or `until_decided`.")
    action: RetentionAction = strawberry.field(description="What the end of the period allows.")
    detail: str = strawberry.field(
        description="To whom to transfer, how to destroy, or what to do after the reproduction; may be empty."
    )


@strawberry.type(description="The phases, in order, for one medium and one office role.")
class RetentionTrack:
    """A track."""

    medium: TrackMedium = strawberry.field(description="For which medium it speaks.")
    office_role: OfficeRole = strawberry.field(description="For which copy it speaks.")
    phases: list[RetentionPhase] = strawberry.field(description="One after the other.")


@strawberry.input(description="One step of a track.")
class RetentionPhaseInput:
    """A phase."""

    lifecycle_phase: LifecyclePhase = strawberry.field(
        default=LifecyclePhase.CURRENT, description="Where in its life the thing stands."
    )
    triggers: list[str] = strawberry.field(
        default_factory=list,
        description="What starts the period: `dated`, `created`, `received`, `registered`, `closed`, "
        "`superseded`, `last_action`, `expired`, `asset_gone`, `value_ended`, or `custom:` and a code.",
    )
    which: Which = strawberry.field(default=Which.LATEST, description="Which of several triggers counts.")
    cut_off: CutOff = strawberry.field(
        default=CutOff.EXACT, description="To the end of what the day of the trigger is put off."
    )
    period: str = strawberry.field(description="Like `P5Y`, `P6M`, `P90D`; `permanent` or `until_decided`.")
    action: RetentionAction = strawberry.field(description="What the end of the period allows.")
    detail: str = strawberry.field(
        default="", description="To whom to transfer, how to destroy, or what to do after the reproduction."
    )


@strawberry.input(description="The phases for one medium and one office role.")
class RetentionTrackInput:
    """A track."""

    medium: TrackMedium = strawberry.field(default=TrackMedium.ANY, description="For which medium it speaks.")
    office_role: OfficeRole = strawberry.field(
        default=OfficeRole.ANY, description="For which copy it speaks."
    )
    phases: list[RetentionPhaseInput] = strawberry.field(description="One after the other.")


def shown_tracks(text: str) -> list[RetentionTrack]:
    """Shape tracks as they are kept."""
    return [
        RetentionTrack(
            medium=track.medium,
            office_role=track.office_role,
            phases=[
                RetentionPhase(
                    lifecycle_phase=phase.lifecycle_phase,
                    triggers=list(phase.triggers),
                    which=phase.which,
                    cut_off=phase.cut_off,
                    period=str(phase.period),
                    action=phase.action,
                    detail=phase.detail,
                )
                for phase in track.phases
            ],
        )
        for track in tracks.read(text)
    ]


def asked_tracks(given: Sequence[RetentionTrackInput]) -> tuple[rules.RetentionTrack, ...]:
    """Read tracks from an input; `Invalid` with the place of a wrong period or trigger."""
    if len(given) > tracks.MAX_TRACKS:
        raise Invalid(f"a rule has at most {tracks.MAX_TRACKS} tracks", path=("tracks",))
    return tuple(
        rules.RetentionTrack(
            tuple(
                _phase(phase, ("tracks", str(number), "phases", str(order)))
                for order, phase in enumerate(track.phases)
            ),
            track.medium,
            track.office_role,
        )
        for number, track in enumerate(given)
    )


def _phase(given: RetentionPhaseInput, path: tuple[str, ...]) -> rules.RetentionPhase:
    return rules.RetentionPhase(
        given.lifecycle_phase,
        tuple(
            retention.trigger(each, (*path, "triggers", str(number)))
            for number, each in enumerate(given.triggers)
        ),
        retention.period(given.period, (*path, "period")),
        given.action,
        given.which,
        given.cut_off,
        given.detail.strip(),
    )
