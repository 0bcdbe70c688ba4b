"""What the letters, words and marks of retention schedules mean: a table that an installation may replace.

`DEFAULT` is made for the schedules of Texas, North Carolina, Alabama and Ohio. What no table names is never
guessed: the rule goes to a person.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dms.base.errors import Invalid
from dms.rules import retention
from dms.rules.retention import CutOff, Endless, RetentionAction, Span

DEFAULT = """
# Letters. `event` is a trigger, `cut_off` to the end of what its day is put off. `alone` is the period
# where the letters stand without one: `P0D` for letters that mean "until", `permanent`; without it the
# letters need a period: `US` may mean "until superseded", but files that were made from documents lose the
# `+ 3` behind it. A number behind letters (`AC + 3`) counts years.
[code]
AC = { event = "closed" }                               # after closed
AV = { event = "value_ended", alone = "P0D" }           # as long as administratively valuable
CE = { event = "dated", cut_off = "calendar_year" }     # calendar year end
CR = { event = "created" }                              # creation
CY = { event = "dated", cut_off = "calendar_year" }
FE = { event = "dated", cut_off = "fiscal_year" }       # fiscal year end
FY = { event = "dated", cut_off = "fiscal_year" }
LA = { event = "asset_gone" }                           # life of asset
PM = { alone = "permanent" }
SO = { event = "superseded" }                           # superseded or obsolete
US = { event = "superseded" }                           # until superseded

# Words that name an event, by trigger. `the` and `date of` before them, capitals and blanks do not count.
[event]
closed = [
  "closed (or terminated, completed, expired, or settled)", "closed", "closing", "closure", "close",
  "complete", "completed", "completion", "case is closed", "case closed", "file is closed", "file closed",
]
created = ["created", "creation", "records were created", "record was created", "from: creation"]
dated = ["date of record", "date of the record"]
received = ["received", "receipt"]
registered = ["registered", "registration"]
superseded = [
  "superseded", "superseded/obsolete", "superseded or obsolete", "superseded, obsolete, or replaced",
  "superseded, obsolete or replaced", "superseded, replaced or obsolete", "obsolete, superseded, or replaced",
]
last_action = ["last action", "last activity", "last entry", "last contact", "last interaction"]
expired = [
  "expired", "expires", "expiration", "expiration of contract", "contract expires", "expiration of contracts",
  "expiration of lease", "expiration or termination", "grant has expired",
]
asset_gone = ["asset is sold or salvaged", "disposal of asset", "life of asset"]
value_ended = [
  "reference value ends", "no longer of administrative value", "no longer of administrative or legal value",
  "administrative value ends", "as long as administratively valuable",
]
"custom:audited" = ["audit", "audited"]
"custom:separated" = [
  "separation", "employee separation", "separation of employee", "separation of employee from agency",
]
"custom:resolved" = ["resolution", "resolved", "from: resolution"]
"custom:paid" = ["paid", "payment"]
"custom:submitted" = ["submitted"]
"custom:final_report" = ["submission of final report", "completion of final report"]
"custom:last_encounter" = ["last encounter"]
"custom:final_disposition" = [
  "disposition of case", "final disposition", "final disposition of case", "final dispensation of case",
]
"custom:adjudicated" = ["adjudicated"]
"custom:rejected" = ["rejected", "rejection"]
"custom:settled" = ["settled"]
"custom:inactive" = ["inactive", "designated inactive"]
"custom:employee_left" = ["employee terminates", "employee leaves employment"]

# Words that put the day off to the end of a year by themselves, counted from the last day of the unit.
[cut_off]
fiscal_year = ["fiscal year end", "fiscal year close", "end of fiscal year"]
calendar_year = ["calendar year end", "end of calendar year"]

# Words that mean "until" without saying so: the stay ends with the event.
[while]
value_ended = [
  "for useful life", "as long as administratively valuable", "as long as administratively useful",
]
asset_gone = ["for life of asset"]

# What is done at the end, by its words; a word that is no more than a method of destruction stays beside it.
[action]
destroy = [
  "destroy", "shred", "recycle", "wastepaper", "trash", "burn", "erase", "delete", "destroy in office",
]
keep_permanently = ["permanent"]
transfer_to = ["archives", "transfer to archives", "transfer to state archives"]
review = ["review"]
"""

_ARTICLE = re.compile(r"\bthe ")
_BLANKS = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Event:
    """What starts a period: the name of a trigger, and to the end of what its day is put off."""

    trigger: str
    cut_off: CutOff = CutOff.EXACT


@dataclass(frozen=True, slots=True)
class Letters:
    """What letters mean: the event, and the period where they stand alone."""

    event: Event | None
    alone: Span | Endless | None


@dataclass(frozen=True, slots=True)
class CodeTable:
    """Letters, and words in the form of `plain`, of a kind of schedule."""

    codes: Mapping[str, Letters]
    events: Mapping[str, Event]
    whiles: Mapping[str, Event]
    actions: Mapping[str, RetentionAction]


def plain(words: str) -> str:
    """Return words as the table knows them: in small letters, without articles or signs around them."""
    lowered = _ARTICLE.sub("", _BLANKS.sub(" ", words).strip(" .,:;").lower())
    return lowered.removeprefix("date of ")


def table(toml: str = DEFAULT) -> CodeTable:
    """Read a table as `DEFAULT` is written; `Invalid` says which line of it means nothing."""
    try:
        read = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise Invalid(f"the code table is no TOML: {error}", path=("code table",)) from error
    unknown = sorted(set(read) - {"code", "event", "cut_off", "while", "action"})
    if unknown:
        raise _meaningless(unknown[0])
    events = {
        plain(word): Event(retention.trigger(name, ("event",)))
        for name, words in _lists(read, "event").items()
        for word in words
    }
    for name, words in _lists(read, "cut_off").items():
        events |= dict.fromkeys(map(plain, words), Event("dated", _cut_off(name)))
    return CodeTable(
        codes={letters: _letters(letters, meant) for letters, meant in _section(read, "code").items()},
        events=events,
        whiles={
            plain(word): Event(retention.trigger(name, ("while",)))
            for name, words in _lists(read, "while").items()
            for word in words
        },
        actions={
            plain(word): _action(name) for name, words in _lists(read, "action").items() for word in words
        },
    )


def _section(read: Mapping[str, Any], name: str) -> Mapping[str, Any]:  # Any: as TOML gives it
    section = read.get(name, {})
    if not isinstance(section, dict):
        raise _meaningless(name)
    return section


def _lists(read: Mapping[str, Any], name: str) -> Mapping[str, list[str]]:  # Any: as TOML gives it
    section = _section(read, name)
    for key, words in section.items():
        if not isinstance(words, list) or not all(isinstance(word, str) and plain(word) for word in words):
            raise _meaningless(f"{name}.{key}")
    return section


def _letters(letters: str, meant: object) -> Letters:
    if not isinstance(meant, dict) or not meant or set(meant) - {"event", "cut_off", "alone"}:
        raise _meaningless(f"code.{letters}")
    path = ("code", letters)
    alone = retention.period(str(meant["alone"]), path) if "alone" in meant else None
    if "event" not in meant:
        if alone is not Endless.PERMANENT:
            raise _meaningless(f"code.{letters}")
        return Letters(None, alone)
    event = Event(
        retention.trigger(str(meant["event"]), path), _cut_off(str(meant.get("cut_off", CutOff.EXACT)))
    )
    return Letters(event, alone)


def _cut_off(name: str) -> CutOff:
    if name not in set(CutOff):
        raise _meaningless(name)
    return CutOff(name)


def _action(name: str) -> RetentionAction:
    if name not in set(RetentionAction):
        raise _meaningless(f"action.{name}")
    return RetentionAction(name)


def _meaningless(name: str) -> Invalid:
    return Invalid(
        f"`{name}` means nothing in a code table: write it as the table that comes with dms does",
        path=("code table",),
    )
