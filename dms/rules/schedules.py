"""Reading of retention schedules: of each row its rule, or why a person must look at it.

THE RULE: a period is never invented. Each stands in the text of its row, as digits or words, and its place is
kept; what starts it stands in the code table. What is not wholly understood is `needs_review`, with what was
understood beside it. Where a source names no action, the end of a period allows a review and nothing else.

    for found in schedulesources.read(data, name="001.json"):
        if isinstance(found, SourceRow):
            reading = schedules.read_rule(found, table)

Source: ISO 16175-1, 5.2; the records glossary, `RuleEntry`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from dms.rules import schedulecolumns, scheduleremarks
from dms.rules.retention import (
    Endless,
    LifecyclePhase,
    RetentionAction,
    RetentionPeriod,
    RetentionPhase,
    RetentionTrack,
    Span,
)
from dms.rules.scheduleclauses import Clause, Reason, event, is_reference
from dms.rules.schedulecodes import CodeTable
from dms.rules.schedulecolumns import Part
from dms.rules.schedulerows import Finding, FindingCode, Passage, Role, SourceRow

_CUSTODY = re.compile(
    r"Transfer (?:records )?to (?:the )?State Records Center when (?P<event>[^.]{1,80}?) "
    r"for immediate transfer to (?:the )?custody of the Archives\.",
    re.IGNORECASE,
)
_LEGACY = re.compile(r"Legacy Item Number mapped to Functional Schedule chapter [0-9]{2}\.")


class ParseState(StrEnum):
    """How far the rule of a row was understood."""

    PARSED = "parsed"
    NEEDS_REVIEW = "needs_review"
    REFUSED = "refused"
    """The row can't be read at all; it has a finding instead of a reading."""


@dataclass(frozen=True, slots=True)
class FoundPeriod:
    """A period, where it stands in the text of its row, and the words as they stand."""

    start: int
    end: int
    words: str
    period: RetentionPeriod


@dataclass(frozen=True, slots=True)
class Reading:
    """What was understood of a row."""

    row: SourceRow
    state: ParseState
    reasons: tuple[Reason, ...]
    """In the order of `Reason`; none if the row is parsed."""
    tracks: tuple[RetentionTrack, ...]
    """None unless the row is parsed."""
    periods: tuple[FoundPeriod, ...]
    """Each that was found, in the order of their places."""
    triggers: tuple[str, ...]
    """Each that was found."""


@dataclass(slots=True)
class Tally:
    """What became of the rows of one source; `rows` is the sum of the three states."""

    rows: int = 0
    parsed: int = 0
    needs_review: int = 0
    refused: int = 0
    duplicates: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    """Rows by reason; a row may have several."""


def read_rule(row: SourceRow, table: CodeTable) -> Reading:
    """Read the rule of a row. Total: whatever stands in it gives a reading, in time linear to its length."""
    if _refers(row):
        return _review(row, (), {Reason.REFERS_ELSEWHERE})
    parts = schedulecolumns.parts(row, table)
    reasons = {reason for part in parts for reason in part.clause.reasons}
    if not row.title.strip():
        reasons.add(Reason.BLANK_IN_SOURCE)
    custody = _custody(row, parts, table)
    reasons |= _doubts(row, parts, table, remark=custody is None)
    periods = _periods(row, parts, custody)
    triggers = tuple(dict.fromkeys(name for part in parts for name in part.clause.triggers))
    if reasons:
        return _review(row, periods, reasons, triggers)
    tracks = tuple(RetentionTrack(_phases(part.clause, row, custody), part.medium) for part in parts)
    if len({track.medium for track in tracks}) < len(tracks):
        return _review(row, periods, {Reason.SEVERAL_PERIODS}, triggers)
    return Reading(row, ParseState.PARSED, (), tracks, periods, triggers)


def report(
    readings: Iterable[Reading], findings: Iterable[Finding], *, source: str | None = None
) -> Mapping[str, Tally]:
    """Count what became of each row, by layout, or all as one `source`.

    Findings of rows that have no layout count under `source`, or under the empty name.
    """
    tallies: dict[str, Tally] = {}
    places = {}
    for reading in readings:
        name = source or reading.row.layout.value
        places[reading.row.place] = name
        tally = tallies.setdefault(name, Tally())
        tally.rows += 1
        tally.parsed += reading.state is ParseState.PARSED
        tally.needs_review += reading.state is ParseState.NEEDS_REVIEW
        tally.reasons.update(reading.reasons)
    for finding in findings:
        tally = tallies.setdefault(places.get(finding.place, source or ""), Tally())
        if finding.code is FindingCode.DUPLICATE:
            tally.duplicates += 1
        else:
            tally.rows += 1
            tally.refused += 1
            tally.reasons[Reason.UNREADABLE_ROW] += 1
    return tallies


def _review(
    row: SourceRow, periods: tuple[FoundPeriod, ...], reasons: set[Reason], triggers: tuple[str, ...] = ()
) -> Reading:
    ordered = tuple(reason for reason in Reason if reason in reasons)
    return Reading(row, ParseState.NEEDS_REVIEW, ordered, (), periods, triggers)


def _refers(row: SourceRow) -> bool:
    said = row.passage(Role.STATEMENT) or row.passage(Role.EVENT)
    return said is not None and is_reference(said.text)


def _phases(
    clause: Clause, row: SourceRow, custody: tuple[Clause, Passage, int] | None
) -> tuple[RetentionPhase, ...]:
    # A clause without reasons has a period, and triggers unless the period is endless.
    period = clause.period if clause.period is not None else Endless.UNTIL_DECIDED
    is_kept = row.is_archival and period is Endless.PERMANENT
    last = RetentionPhase(
        LifecyclePhase.ARCHIVAL if is_kept else LifecyclePhase.CURRENT,
        clause.triggers,
        period,
        clause.action or RetentionAction.REVIEW,
        clause.which,
        clause.cut_off,
        clause.detail,
    )
    if custody is None:
        return (last,)
    handed = RetentionPhase(
        LifecyclePhase.CURRENT, custody[0].triggers, Span(), RetentionAction.TRANSFER_TO, detail="Archives"
    )
    return (handed, last)


def _custody(row: SourceRow, parts: Iterable[Part], table: CodeTable) -> tuple[Clause, Passage, int] | None:
    # A remark that hands permanent records over to the archives at a known event: a phase of its own.
    remark = row.passage(Role.REMARK)
    if remark is None or any(part.clause.period is not Endless.PERMANENT for part in parts):
        return None
    said = _CUSTODY.fullmatch(remark.text)
    if said is None:
        return None
    clause = event(said["event"], table)
    return None if clause.reasons else (clause, remark, remark.text.lower().index(" when ") + 1)


def _doubts(row: SourceRow, parts: Iterable[Part], table: CodeTable, *, remark: bool) -> set[Reason]:
    letters = row.passage(Role.LETTERS)
    typed = letters.text.strip() if letters else ""
    reasons: set[Reason] = set()
    for part in parts:
        for passage in row.passages:
            if remark and passage.role is Role.REMARK and passage.text.strip():
                reasons |= _doubts_of_remark(row, passage.text, part.clause, table, typed)
            elif passage.role is Role.ABOUT:
                reasons |= scheduleremarks.doubts_about(passage.text, part.clause, table, letters=typed)
    return reasons


def _doubts_of_remark(
    row: SourceRow, remark: str, clause: Clause, table: CodeTable, letters: str
) -> frozenset[Reason]:
    reasons = scheduleremarks.doubts(remark, clause, table, letters=letters)
    # The remarks of North Carolina are instructions: one that is not understood leaves the rule open.
    is_instruction = '"state":"nc"' in row.raw_text and not _LEGACY.fullmatch(remark.strip())
    return reasons or (frozenset({Reason.UNKNOWN_CODE}) if is_instruction else reasons)


def _periods(
    row: SourceRow, parts: Iterable[Part], custody: tuple[Clause, Passage, int] | None
) -> tuple[FoundPeriod, ...]:
    places = {
        (column.passage.opening, column.passage.end + (row.raw_text[column.passage.end] == '"')): column.span
        for column in schedulecolumns.columns(row)
        if column.span is not None
    }
    found: dict[tuple[int, int], RetentionPeriod] = {**places}
    letters = row.passage(Role.LETTERS)
    for part in parts:
        found |= _said(part, row.raw_text)
        period = part.clause.period
        if letters and period is not None and period not in found.values():
            found[letters.start, letters.end] = period
    if custody:
        remark, at = custody[1], custody[2]
        found[remark.where(at, row.raw_text), remark.where(at + len("when"), row.raw_text)] = Span()
    return tuple(
        FoundPeriod(start, end, row.raw_text[start:end], found[start, end]) for start, end in sorted(found)
    )


def _said(part: Part, raw_text: str) -> Mapping[tuple[int, int], RetentionPeriod]:
    passage, start = part.passage, part.start
    if passage is None:
        return {}
    return {
        (
            passage.where(start + each.start, raw_text),
            passage.where(start + each.end, raw_text),
        ): each.period
        for each in part.clause.found
    }
