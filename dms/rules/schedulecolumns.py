"""The rule of a row, medium by medium: what its columns and its sentences ask for together.

Where two places of a row speak of the same thing they must agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dms.rules import scheduleclauses, schedulewords
from dms.rules.retention import Endless, RetentionAction, Span, TrackMedium
from dms.rules.scheduleclauses import Clause, Found, Reason, Segment
from dms.rules.schedulecodes import CodeTable, Letters
from dms.rules.schedulerows import Layout, Passage, Role, SourceRow

_SPANS = {
    Role.YEARS: lambda number: Span(years=number),
    Role.MONTHS: lambda number: Span(months=number),
    Role.WEEKS: lambda number: Span(days=number * 7),
    Role.DAYS: lambda number: Span(days=number),
}
_WHOLE = re.compile(r"[0-9]{1,9}", re.ASCII)
_MARKS = " :*±∞Ω\t\r\n"
_IN_OFFICE = re.compile(
    r"\s{0,8}(?:in|within) (?:the )?(?:office|operating|agency|files?)(?: area)?\b[\s,.]{0,8}", re.IGNORECASE
)
# What a converter of documents left in the sentences of Alabama, and the section that follows the last rule.
_LEFT_OVER = re.compile(
    r"## .*|\*\*[^*0-9]{1,200}\*\*|\[[^\[\]0-9]{0,200}\]\{[^{}]{0,300}\}|\(Code of Alabama [^()]{1,60}\)|>",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Column:
    """A number of a row that stands for a period."""

    passage: Passage
    span: Span | None
    """None for what is no number, or one that stands for `permanent`."""
    is_sentinel: bool


@dataclass(frozen=True, slots=True)
class Part:
    """What a row says for one medium, the passage it was read from, and where it begins there."""

    medium: TrackMedium
    clause: Clause
    passage: Passage | None
    start: int


def parts(row: SourceRow, table: CodeTable) -> list[Part]:
    """Read the rule of a row; at least one part."""
    found = _stated(row, table) if _is_stated(row) else _in_columns(row, table)
    done = row.passage(Role.ACTION)
    actions = scheduleclauses.segments(done.text) if done else []
    return [replace(part, clause=_acted(part, actions, table)) for part in found]


def columns(row: SourceRow) -> list[Column]:
    """Return the numbers of a row that stand for a period."""
    return [_column(each) for each in row.passages if each.role in _SPANS and each.text.strip()]


def _column(passage: Passage) -> Column:
    typed = passage.text.strip()
    if not _WHOLE.fullmatch(typed):
        return Column(passage, None, is_sentinel=False)
    number = int(typed)
    if schedulewords.is_sentinel(number):
        return Column(passage, None, is_sentinel=True)
    return Column(passage, _SPANS[passage.role](number), is_sentinel=False)


def _is_stated(row: SourceRow) -> bool:
    return row.layout in {Layout.DMS, Layout.OLDER, Layout.ALABAMA}


def _stated(row: SourceRow, table: CodeTable) -> list[Part]:
    passage, numbers = row.passage(Role.STATEMENT), columns(row)
    if passage is None:
        return [Part(TrackMedium.ANY, Clause(reasons=frozenset({Reason.BLANK_IN_SOURCE})), None, 0)]
    text = _without_leavings(passage.text) if row.layout is Layout.ALABAMA else passage.text
    segments = scheduleclauses.segments(text)
    read = [scheduleclauses.read(each.text, table) for each in segments]
    letters = row.passage(Role.LETTERS)
    if letters:
        read = [_lettered(each, table.codes.get(letters.text.strip())) for each in read]
    against = _against(read, numbers)
    return [
        Part(each.medium, clause.but(*against), passage, each.start)
        for each, clause in zip(segments, read, strict=True)
    ]


def _without_leavings(text: str) -> str:
    # Blanks of the same length, so that places stay.
    return _LEFT_OVER.sub(lambda left: " " * len(left[0]), text)


def _lettered(clause: Clause, meant: Letters | None) -> Clause:
    # The letters speak where the sentence names a period and no event.
    if clause.reasons != {Reason.NO_TRIGGER} or meant is None or meant.event is None:
        return clause
    event = meant.event
    return replace(clause, triggers=(event.trigger,), cut_off=event.cut_off, reasons=frozenset())


def _against(clauses: Sequence[Clause], numbers: Sequence[Column]) -> frozenset[Reason]:
    """Return what the columns say against the sentence beside them."""
    said = {found.period for clause in clauses for found in clause.found}
    reasons = set()
    for number in numbers:
        if number.is_sentinel and said != {Endless.PERMANENT}:
            reasons.add(Reason.SENTINEL_PERIOD)
        elif not number.is_sentinel and number.span not in said:
            reasons.add(Reason.SEVERAL_PERIODS)
    return frozenset(reasons)


def _in_columns(row: SourceRow, table: CodeTable) -> list[Part]:
    event, letters = row.passage(Role.EVENT), row.passage(Role.LETTERS)
    numbers = columns(row)
    if not (event or letters or numbers):
        return [Part(TrackMedium.ANY, Clause(reasons=frozenset({Reason.BLANK_IN_SOURCE})), None, 0)]
    segments = scheduleclauses.segments(event.text) if event else [Segment(TrackMedium.ANY, "", 0)]
    extra = {Reason.SEVERAL_MEDIA_ONE_PERIOD} if len(segments) > 1 and numbers else set()
    return [
        Part(each.medium, _column_clause(each.text, letters, numbers, table).but(*extra), event, each.start)
        for each in segments
    ]


def _column_clause(text: str, letters: Passage | None, numbers: Sequence[Column], table: CodeTable) -> Clause:
    text = _bare(text)
    spans = [each.span for each in numbers if each.span is not None]
    if len(spans) < len([each for each in numbers if not each.is_sentinel]):
        return Clause(reasons=frozenset({Reason.UNKNOWN_CODE}))
    if not letters and not spans and text.strip():
        return _sentence(text, numbers, table)
    worded = schedulewords.periods(text)
    said = [*spans, *(each.span for each in worded)]
    rest = _blanks(text, worded)
    clause = _started(rest, letters, table)
    found = (*clause.found, *(Found(each.start, each.end, each.span) for each in worded))
    clause = replace(clause, found=found)
    if any(each.is_sentinel for each in numbers) and clause.period is not Endless.PERMANENT:
        clause = clause.but(Reason.SENTINEL_PERIOD)
    if len(set(said)) > 1 or len(spans) > 1 or (said and clause.period is Endless.PERMANENT):
        return clause.but(Reason.SEVERAL_PERIODS)
    if said:
        return replace(clause, period=said[0])
    return clause if clause.period is not None else _timeless(clause, rest, letters, table)


def _timeless(clause: Clause, rest: str, letters: Passage | None, table: CodeTable) -> Clause:
    # No number: the words may say "as long as", or the letters mean it.
    during = scheduleclauses.read(rest, table)
    if during.period == Span() and during.triggers == clause.triggers:
        return replace(clause, period=Span(), found=during.found)
    meant = table.codes.get(letters.text.strip()) if letters else None
    if meant and isinstance(meant.alone, Span):
        return replace(clause, period=meant.alone)
    return clause.but(Reason.NO_PERIOD)


def _sentence(text: str, numbers: Iterable[Column], table: CodeTable) -> Clause:
    # Words alone: a sentence, or an event without a period.
    clause = scheduleclauses.event(text, table)
    clause = scheduleclauses.read(text, table) if clause.reasons else clause.but(Reason.NO_PERIOD)
    is_endless = {found.period for found in clause.found} == {Endless.PERMANENT}
    if any(each.is_sentinel for each in numbers) and not is_endless:
        return clause.but(Reason.SENTINEL_PERIOD)
    return clause


def _started(rest: str, letters: Passage | None, table: CodeTable) -> Clause:
    """Return what starts the period: the letters, the words, or both if they agree."""
    said = scheduleclauses.event(rest, table) if rest.strip(" .,:;") else None
    if letters is None:
        return said or Clause(reasons=frozenset({Reason.NO_TRIGGER}))
    meant = table.codes.get(letters.text.strip())
    if meant is None:
        return Clause(reasons=frozenset({Reason.UNKNOWN_CODE}))
    if meant.event is None:
        words = scheduleclauses.read(rest, table) if said else scheduleclauses.alone(meant)
        return words if words.period is meant.alone else words.but(Reason.UNKNOWN_CODE)
    if said is None or (said.triggers, said.cut_off) == ((meant.event.trigger,), meant.event.cut_off):
        return Clause(triggers=(meant.event.trigger,), cut_off=meant.event.cut_off)
    return said.but(Reason.UNKNOWN_CODE)


def _acted(part: Part, actions: Sequence[Segment], table: CodeTable) -> Clause:
    clause = part.clause
    told = next((each for each in actions if each.medium in {part.medium, TrackMedium.ANY}), None)
    if told is None:
        return clause.but(Reason.UNKNOWN_CODE) if actions and part.medium is TrackMedium.ANY else clause
    if schedulewords.periods(told.text):
        clause = clause.but(Reason.SEVERAL_PERIODS)
    done = scheduleclauses.action(told.text, table)
    if done is None:
        return clause.but(Reason.UNKNOWN_CODE)
    keeps = (RetentionAction.KEEP_PERMANENTLY, RetentionAction.TRANSFER_TO)
    if clause.period is Endless.PERMANENT:
        # What is transferred stays permanent where it goes.
        told_detail = replace(clause, detail=clause.detail or done[1])
        return told_detail if done[0] in keeps else clause.but(Reason.SEVERAL_PERIODS)
    if done[0] is RetentionAction.KEEP_PERMANENTLY:
        return clause.but(Reason.SEVERAL_PERIODS)
    if clause.action not in {None, done[0]}:
        return clause.but(Reason.UNKNOWN_CODE)
    return replace(clause, action=done[0], detail=clause.detail or done[1])


def _bare(text: str) -> str:
    # Without where the records lie, and without the marks that a converter left of `plus` and `then destroy`.
    if place := _IN_OFFICE.match(text):
        text = " " * place.end() + text[place.end() :]
    return text.rstrip(_MARKS).removesuffix("THEN").rstrip(_MARKS)


def _blanks(text: str, worded: Iterable[schedulewords.Worded]) -> str:
    kept: list[str] = []
    end = 0
    for each in worded:
        kept += [text[end : each.start], " " * (each.end - each.start)]
        end = each.end
    return "".join([*kept, text[end:]])
