"""What the rules of alerts may say: closed kinds with their numbers, checked before any is saved."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias, assert_never
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dms.base.canonical import Canonical
from dms.base.clock import to_datetime
from dms.base.errors import Invalid
from dms.rules.accessevents import Op

MAX_FACTOR = 1_000
MAX_NUMBER = 10_000_000
MAX_MINUTES = 24 * 60

_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


class AlertKind(StrEnum):
    """What a rule looks for."""

    VOLUME = "volume"
    FIRST_ACCESS = "first_access"
    OUT_OF_HOURS = "out_of_hours"
    DENIALS = "denials"
    AFTER_REVOCATION = "after_revocation"
    WITHHELD = "withheld"
    OPERATION = "operation"


class AlertClassification(StrEnum):
    """By what things are classified."""

    MARK = "mark"
    RECORD_CLASS = "class"


@dataclass(frozen=True, slots=True)
class Volume:
    """More objects in an hour than `factor` times the own median, and more than `floor`."""

    factor: int
    floor: int


@dataclass(frozen=True, slots=True)
class FirstAccess:
    """The first thing that an account is shown under a mark, or in a class."""

    of: AlertClassification


@dataclass(frozen=True, slots=True)
class OutOfHours:
    """Use on other days (1 Monday .. 7 Sunday), or before `opens` or from `closes` on (HH:MM)."""

    weekdays: frozenset[int]
    opens: str
    closes: str
    time_zone: str

    def covers(self, at: int) -> bool:
        """Tell whether an instant lies within the hours."""
        local = to_datetime(at).astimezone(zone(self.time_zone))
        return local.isoweekday() in self.weekdays and self.opens <= f"{local:%H:%M}" < self.closes


@dataclass(frozen=True, slots=True)
class Denials:
    """So many refused operations of one account within minutes."""

    count: int
    minutes: int


@dataclass(frozen=True, slots=True)
class AfterRevocation:
    """Use of what was taken away: a lost access, a disabled account, an ended session."""


@dataclass(frozen=True, slots=True)
class Withheld:
    """Something proposed by SQL was refused by the policy: never happens without a fault."""


@dataclass(frozen=True, slots=True)
class OfOperation:
    """An operation of these kinds, such as emergency access where there is any."""

    ops: frozenset[str]


Terms: TypeAlias = Volume | FirstAccess | OutOfHours | Denials | AfterRevocation | Withheld | OfOperation

_KINDS: Mapping[type, AlertKind] = {
    Volume: AlertKind.VOLUME,
    FirstAccess: AlertKind.FIRST_ACCESS,
    OutOfHours: AlertKind.OUT_OF_HOURS,
    Denials: AlertKind.DENIALS,
    AfterRevocation: AlertKind.AFTER_REVOCATION,
    Withheld: AlertKind.WITHHELD,
    OfOperation: AlertKind.OPERATION,
}


def kind_of(terms: Terms) -> AlertKind:
    """Return what a rule with these terms looks for."""
    return _KINDS[type(terms)]


def checked(terms: Terms) -> Terms:
    """Return the terms; `Invalid` for what could never be meant."""
    match terms:
        case Volume():
            _check("volume.factor", terms.factor, most=MAX_FACTOR)
            _check("volume.floor", terms.floor, most=MAX_NUMBER)
        case Denials():
            _check("denials.count", terms.count, most=MAX_NUMBER)
            _check("denials.minutes", terms.minutes, most=MAX_MINUTES)
        case OutOfHours():
            _check_hours(terms)
        case OfOperation():
            if not terms.ops:
                raise Invalid("must name an operation at least", path=("terms", "operations"))
        case FirstAccess() | AfterRevocation() | Withheld():
            pass
        case _:
            assert_never(terms)
    return terms


def values(terms: Terms) -> dict[str, Canonical]:
    """Return terms as they are kept."""
    match terms:
        case Volume():
            return {"factor": terms.factor, "floor": terms.floor}
        case FirstAccess():
            return {"of": terms.of.value}
        case OutOfHours():
            hours = {"opens": terms.opens, "closes": terms.closes, "time_zone": terms.time_zone}
            return {**hours, "weekdays": sorted(terms.weekdays)}
        case Denials():
            return {"count": terms.count, "minutes": terms.minutes}
        case OfOperation():
            return {"ops": sorted(terms.ops)}
        case AfterRevocation() | Withheld():
            return {}
        case _:
            assert_never(terms)


def read(kind: AlertKind, found: Mapping[str, Any]) -> Terms:  # JSON read back
    """Read terms that were kept."""
    match kind:
        case AlertKind.VOLUME:
            return Volume(found["factor"], found["floor"])
        case AlertKind.FIRST_ACCESS:
            return FirstAccess(AlertClassification(found["of"]))
        case AlertKind.OUT_OF_HOURS:
            return OutOfHours(
                frozenset(found["weekdays"]), found["opens"], found["closes"], found["time_zone"]
            )
        case AlertKind.DENIALS:
            return Denials(found["count"], found["minutes"])
        case AlertKind.OPERATION:
            return OfOperation(frozenset(found["ops"]))
        case AlertKind.AFTER_REVOCATION:
            return AfterRevocation()
        case AlertKind.WITHHELD:
            return Withheld()
        case _:
            assert_never(kind)


def of_operations(ops: Collection[Op]) -> OfOperation:
    """Return the terms of a rule about operations."""
    return OfOperation(frozenset(op.value for op in ops))


@lru_cache(64)
def zone(name: str) -> ZoneInfo:
    """Return a time zone; `ZoneInfoNotFoundError` or `ValueError` if there is none of this name."""
    return ZoneInfo(name)


def _check(field: str, value: int, *, most: int) -> None:
    if not 1 <= value <= most:
        raise Invalid(f"must be 1 to {most:,}, not {value:,}", path=("terms", *field.split(".")))


def _check_hours(terms: OutOfHours) -> None:
    path = ("terms", "outOfHours")
    if not terms.weekdays:
        raise Invalid("must name a day at least", path=(*path, "weekdays"))
    for field, text in (("opensAt", terms.opens), ("closesAt", terms.closes)):
        if not _TIME.fullmatch(text) and text != "24:00":
            raise Invalid(f"`{text}` is no time of day, such as `08:30`", path=(*path, field))
    if terms.opens >= terms.closes:
        raise Invalid("must open before it closes", path=(*path, "closesAt"))
    try:
        zone(terms.time_zone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        message = f"there is no time zone `{terms.time_zone}`: name one such as `Europe/Paris`"
        raise Invalid(message, path=(*path, "timeZone")) from error
