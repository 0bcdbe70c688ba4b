"""Retention rules as values: tracks by medium and office role, of phases with trigger, period and action.

Source: the records glossary, `RetentionRule` to `RetentionTrigger`; ISO 15489-1, 8.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from dms.base.errors import Invalid

CUSTOM = "custom:"
"""How the name of a trigger begins that an installation made for itself."""

MAX_YEARS = 1_000
_PARTS = re.compile(
    r"P(?=[0-9])(?:([0-9]{1,4})Y)?(?:([0-9]{1,5})M)?(?:([0-9]{1,5})W)?(?:([0-9]{1,6})D)?", re.ASCII
)
_CUSTOM = re.compile(r"custom:[a-z][a-z0-9_]{0,62}", re.ASCII)


class Trigger(StrEnum):
    """Kind of fact that starts a period; an installation adds its own as `custom:<code>`."""

    DATED = "dated"
    CREATED = "created"
    RECEIVED = "received"
    REGISTERED = "registered"
    CLOSED = "closed"
    SUPERSEDED = "superseded"
    LAST_ACTION = "last_action"
    EXPIRED = "expired"
    ASSET_GONE = "asset_gone"
    VALUE_ENDED = "value_ended"


class LifecyclePhase(StrEnum):
    """Where in its life a thing stands."""

    CURRENT = "current"
    SEMI_CURRENT = "semi_current"
    ARCHIVAL = "archival"


class TrackMedium(StrEnum):
    """For which medium a track speaks."""

    PAPER = "paper"
    ELECTRONIC = "electronic"
    MICROFORM = "microform"
    ANY = "any"


class OfficeRole(StrEnum):
    """For which copy a track speaks: that of the class's primary office, or another's."""

    PRIMARY = "primary"
    OTHER = "other"
    ANY = "any"


class CutOff(StrEnum):
    """To the end of what the day of the trigger is put off before the period is added."""

    EXACT = "exact"
    MONTH = "month"
    CALENDAR_YEAR = "calendar_year"
    FISCAL_YEAR = "fiscal_year"


class Which(StrEnum):
    """Which of several triggers counts."""

    LATEST = "latest"
    EARLIEST = "earliest"


class RetentionAction(StrEnum):
    """What the end of a phase allows."""

    NEXT_PHASE = "next_phase"
    TRANSFER_TO = "transfer_to"
    REVIEW = "review"
    SAMPLE = "sample"
    REPRODUCE_THEN = "reproduce_then"
    DESTROY = "destroy"
    KEEP_PERMANENTLY = "keep_permanently"


class Bound(StrEnum):
    """Whether a rule says how long a thing must stay, or how long it may."""

    MINIMUM = "minimum"
    MAXIMUM = "maximum"


class Endless(StrEnum):
    """A period that no calendar ends."""

    PERMANENT = "permanent"
    UNTIL_DECIDED = "until_decided"


@dataclass(frozen=True, slots=True)
class Span:
    """A period of the calendar, as ISO 8601 writes it: `P5Y`, `P1Y6M`, `P90D`; `P0D` is at the trigger."""

    years: int = 0
    months: int = 0
    days: int = 0

    def __str__(self) -> str:
        """Write it, without parts that are zero."""
        parts = ((self.years, "Y"), (self.months, "M"), (self.days, "D"))
        return "P" + ("".join(f"{number}{unit}" for number, unit in parts if number) or "0D")


RetentionPeriod = Span | Endless


@dataclass(frozen=True, slots=True)
class RetentionPhase:
    """One step of a track: at the trigger a period starts, at its end an action is allowed.

    `next_phase` leads on by time; after any other action the next phase follows once that was carried out.
    """

    lifecycle_phase: LifecyclePhase
    triggers: tuple[str, ...]
    """Names of `Trigger`, or `custom:<code>`. Empty where the period is endless, and in a phase that is not
    the first if it goes on where the former one ended."""
    period: RetentionPeriod
    action: RetentionAction
    which: Which = Which.LATEST
    cut_off: CutOff = CutOff.EXACT
    detail: str = ""
    """To whom to transfer, how to destroy, or what to do after the reproduction."""


@dataclass(frozen=True, slots=True)
class RetentionTrack:
    """The phases, in order, for one medium and one office role."""

    phases: tuple[RetentionPhase, ...]
    medium: TrackMedium = TrackMedium.ANY
    office_role: OfficeRole = OfficeRole.ANY


def period(typed: str, path: tuple[str, ...] = ("period",)) -> RetentionPeriod:
    """Read `P5Y`, `P1Y6M`, `P2W`, `P0D`, `permanent` or `until_decided`; `Invalid` for anything else."""
    if typed in set(Endless):
        return Endless(typed)
    found = _PARTS.fullmatch(typed)
    if found is None:
        raise Invalid(
            f"`{typed}` is no period: write `P7Y`, `P6M`, `P90D` or a mix like `P1Y6M`, "
            "`permanent` or `until_decided`",
            path=path,
        )
    years, months, weeks, days = (int(part or 0) for part in found.groups())
    span = Span(years, months, weeks * 7 + days)
    if span.years + span.months // 12 + span.days // 365 > MAX_YEARS:
        raise Invalid(
            f"a period ends within {MAX_YEARS} years: write `permanent` for what never ends", path=path
        )
    return span


def trigger(typed: str, path: tuple[str, ...] = ("trigger",)) -> str:
    """Return the name of a trigger; `Invalid` unless it is one of `Trigger` or `custom:<code>`."""
    if typed in set(Trigger) or _CUSTOM.fullmatch(typed):
        return typed
    known = ", ".join(f"`{name}`" for name in Trigger)
    raise Invalid(
        f"`{typed}` is no trigger: take one of {known}, or `custom:` and a code of your own", path=path
    )
