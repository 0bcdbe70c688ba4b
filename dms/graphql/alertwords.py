"""The words of alerts: kinds of rules, and what each takes."""

from __future__ import annotations

from typing import Any

import strawberry

from dms.base.errors import Invalid
from dms.graphql import enums
from dms.graphql.eventwords import Op
from dms.rules import alertterms
from dms.rules.alertterms import (
    AfterRevocation,
    AlertClassification,
    AlertKind,
    Denials,
    FirstAccess,
    OutOfHours,
    Terms,
    Volume,
    Withheld,
)

enums.show(
    AlertKind,
    name="LogAlertKind",
    description="What a rule of alerts looks for.",
    values={
        AlertKind.VOLUME: "More objects in an hour than the account is usually shown: the median of its own "
        "hours of 30 days.",
        AlertKind.FIRST_ACCESS: "The first thing that an account is shown under a mark, or in a class.",
        AlertKind.OUT_OF_HOURS: "Use on other days or at other times than those of work; once a day and "
        "account.",
        AlertKind.DENIALS: "Many refusals of one account in a short time.",
        AlertKind.AFTER_REVOCATION: "Use of what was taken away: a read of what was shown before and is "
        "refused now, a disabled account, an ended session.",
        AlertKind.WITHHELD: "Something that a list let through and the policy refused: a fault.",
        AlertKind.OPERATION: "An operation that shall always be told of.",
    },
)
enums.show(
    AlertClassification,
    name="LogAlertClassification",
    description="By what things are classified.",
    values={
        AlertClassification.MARK: "By their security classification.",
        AlertClassification.RECORD_CLASS: "By their class in the classification scheme.",
    },
)


@strawberry.input(description="A rule about unusual volume.")
class LogAlertVolumeInput:
    """Two limits, both of which must be passed."""

    factor: int = strawberry.field(description="More than so many times the usual of an hour.")
    floor: int = strawberry.field(description="And more than so many objects in an hour.")


@strawberry.input(description="A rule about hours of work.")
class LogAlertOutOfHoursInput:
    """The hours of work."""

    weekdays: list[int] = strawberry.field(description="The days of work, 1 Monday to 7 Sunday.")
    opens_at: str = strawberry.field(description="When work begins, such as `08:00`.")
    closes_at: str = strawberry.field(description="When work ends, such as `18:00`.")
    time_zone: str = strawberry.field(description="Where these times are told, such as `Europe/Paris`.")


@strawberry.input(description="A rule about refusals.")
class LogAlertDenialsInput:
    """How many in which time."""

    count: int = strawberry.field(description="So many refusals raise an alert.")
    minutes: int = strawberry.field(description="Within so many minutes, at most a day.")


@strawberry.input(one_of=True, description="What a rule looks for: one of these.")
class LogAlertTermsInput:
    """One kind of rule."""

    denials: LogAlertDenialsInput | None = strawberry.field(
        default=strawberry.UNSET, description="Many refusals of one account."
    )
    volume: LogAlertVolumeInput | None = strawberry.field(
        default=strawberry.UNSET, description="More in an hour than usual."
    )
    first_access: AlertClassification | None = strawberry.field(
        default=strawberry.UNSET, description="The first access to a mark or a class."
    )
    out_of_hours: LogAlertOutOfHoursInput | None = strawberry.field(
        default=strawberry.UNSET, description="Use out of hours."
    )
    operations: list[Op] | None = strawberry.field(
        default=strawberry.UNSET, description="One of these operations."
    )
    after_revocation: bool | None = strawberry.field(
        default=strawberry.UNSET, description="Use of what was taken away: true."
    )
    withheld: bool | None = strawberry.field(
        default=strawberry.UNSET, description="What the policy had to withhold: true."
    )


def asked(input: LogAlertTermsInput) -> Terms:
    """Read the one kind of rule that is given."""
    if volume := input.volume:
        return Volume(volume.factor, volume.floor)
    if denials := input.denials:
        return Denials(denials.count, denials.minutes)
    if hours := input.out_of_hours:
        return OutOfHours(frozenset(hours.weekdays), hours.opens_at, hours.closes_at, hours.time_zone)
    if input.first_access:
        return FirstAccess(input.first_access)
    if isinstance(input.operations, list):
        return alertterms.of_operations(input.operations)
    if input.after_revocation is True:
        return AfterRevocation()
    if input.withheld is True:
        return Withheld()
    raise Invalid("a rule without terms of its own is named with true", path=("terms",))


def shown(terms: Terms) -> dict[str, Any]:  # by the names of the fields
    """Return the fields of a rule; what its kind does not have is null or empty."""
    found = alertterms.values(terms)
    kept = terms.of if isinstance(terms, FirstAccess) else None
    ops = found.get("ops", [])
    return {
        "factor": found.get("factor"),
        "floor": found.get("floor"),
        "classification": kept,
        "weekdays": found.get("weekdays", []),
        "opens_at": found.get("opens"),
        "closes_at": found.get("closes"),
        "time_zone": found.get("time_zone"),
        "count": found.get("count"),
        "minutes": found.get("minutes"),
        "operations": [Op(each) for each in ops] if isinstance(ops, list) else [],
    }
