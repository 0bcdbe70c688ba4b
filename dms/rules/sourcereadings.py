"""The rows of a source of rules, read one after the other: what an import enters, and what it passes over.

INVARIANT (counts): each row of each file comes out once, entered or passed; a file that can't be read as a
whole is one row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from dms.rules import ruleentries, schedules, schedulesources
from dms.rules.scheduleclauses import Reason
from dms.rules.schedulecodes import CodeTable
from dms.rules.scheduledoubles import SEVERITIES, Doubles, RowFinding, Severity
from dms.rules.schedulerows import Finding, Place, SourceRow
from dms.rules.schedules import Reading
from dms.rules.states import RuleEntryState

NO_SCHEDULE = "repository.json"
"""A file of this name says whose the schedules are, and holds no rule."""

ENDINGS = (".json", ".csv")


@dataclass(frozen=True, slots=True)
class Remark:
    """What an import says of a row: place, code, severity, and the row or its beginning."""

    place: Place
    code: RowFinding
    message: str
    raw: str

    @property
    def severity(self) -> Severity:
        """How much it matters."""
        return SEVERITIES[self.code]


@dataclass(frozen=True, slots=True)
class EnteredRow:
    """A row that becomes the entry of a rule."""

    number: str
    """Of the lasting rule."""
    place: Place
    values: Mapping[str, object]
    """Of the entry: `ruleentries.entered`."""
    remark: Remark | None = None
    contradicts: str | None = None
    """The number of an earlier row that is called the same and asks for something else."""


@dataclass(frozen=True, slots=True)
class PassedRow:
    """A row that is not entered: nobody can read it, or it stands already in the source."""

    remark: Remark


@dataclass(slots=True)
class ReadTally:
    """How far the rows that were entered are understood."""

    parsed: int = 0
    needs_review: int = 0


@dataclass(slots=True)
class SourceReader:
    """Reads the files of one source in their order, and remembers what its rows are called."""

    table: CodeTable = ruleentries.TABLE
    tally: ReadTally = field(default_factory=ReadTally)
    _doubles: Doubles = field(default_factory=Doubles)
    _parsed: set[str] = field(default_factory=set)

    def read(self, data: bytes, *, name: str) -> Iterator[EnteredRow | PassedRow]:
        """Read a file; never raises for what stands in it."""
        for found in schedulesources.read(data, name=name):
            if isinstance(found, SourceRow):
                yield self._row(schedules.read_rule(found, self.table))
            else:
                yield PassedRow(_unreadable(found))

    def refused(self, name: str, reason: str) -> PassedRow:
        """Pass over a file that can't be opened."""
        return PassedRow(Remark(Place(name), RowFinding.UNREADABLE_ROW, reason, ""))

    def _row(self, reading: Reading) -> EnteredRow | PassedRow:
        double = self._doubles.seen(reading)
        if double is None:
            return self._entered(reading, ruleentries.number(reading.row.key))
        if double.finding.is_equal:
            raw = reading.row.raw_text
            return PassedRow(Remark(reading.row.place, RowFinding.DUPLICATE, double.finding.message, raw))
        return self._contradicting(reading, double.key, double.finding)

    def _entered(self, reading: Reading, number: str) -> EnteredRow:
        values = ruleentries.entered(reading)
        self._count(number, values)
        return EnteredRow(number, reading.row.place, values)

    def _contradicting(self, reading: Reading, key: str, finding: Finding) -> EnteredRow:
        first, number = ruleentries.number(reading.row.key), ruleentries.number(key)
        values = ruleentries.entered(reading, doubts=[Reason.CONTRADICTED])
        self._count(number, values)
        if first in self._parsed:  # neither of the two is believed
            self._parsed.remove(first)
            self.tally.parsed -= 1
            self.tally.needs_review += 1
        remark = Remark(reading.row.place, RowFinding.CONTRADICTED, finding.message, finding.excerpt)
        return EnteredRow(number, reading.row.place, values, remark, contradicts=first)

    def _count(self, number: str, values: Mapping[str, object]) -> None:
        if values["state"] is RuleEntryState.PARSED:
            self.tally.parsed += 1
            self._parsed.add(number)
        else:
            self.tally.needs_review += 1


def is_source(name: str) -> bool:
    """Tell whether a file of a folder is one of a schedule, by its name."""
    last = name.rpartition("/")[2].lower()
    return last.endswith(ENDINGS) and last != NO_SCHEDULE and not last.startswith(".")


def _unreadable(found: Finding) -> Remark:
    return Remark(found.place, RowFinding.UNREADABLE_ROW, found.message, found.excerpt)
