"""What a retention rule says in an edition: entered from a row, resolved by a person, compared, bound.

Source: `RuleEntry` of the records glossary; the records design, section 2, `retention`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from dms.base.canonical import Canonical, digest
from dms.base.errors import Invalid
from dms.rules import codes, duerules, schedulecodes, schedules, schedulesources, schedulewords, text, tracks
from dms.rules.retention import Bound, Endless, RetentionPeriod, RetentionTrack, Span
from dms.rules.scheduleclauses import Reason
from dms.rules.schedulecodes import CodeTable
from dms.rules.schedulerows import Place, SourceRow, canonical
from dms.rules.schedules import ParseState, Reading
from dms.rules.states import RuleEntryState

MAX_NUMBER = 200
MAX_DESCRIPTION = 10_000
MAX_CITATIONS = 4_000
MAX_SENTENCE = 4_000

TABLE: Final = schedulecodes.table()
"""What letters and words start a period."""

_BY_HAND = Place("by hand", 1)
_PERMANENT = re.compile(r"permanent", re.IGNORECASE)
_AT_ONCE = re.compile(r"\b(?:until|till|when|upon|once|as long as)\b", re.IGNORECASE)
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class RuleDifference(StrEnum):
    """What became of a rule from one edition to another."""

    ADDED = "added"
    REMOVED = "removed"
    RECODED = "recoded"
    RETITLED = "retitled"
    REWORDED = "reworded"
    REBOUND = "rebound"
    REREAD = "reread"


class Wording(NamedTuple):
    """What a rule says in an edition; the last two are how it is understood."""

    rule_id: UUID
    code: str
    title: str
    description: str | None
    citations: str | None
    bound: Bound
    is_vital: bool
    has_personal_information: bool
    is_confidential: bool
    raw_text: str
    state: RuleEntryState
    tracks: str


class RuleComparison(NamedTuple):
    """A rule that differs between two editions, with what it says in each; None where it is absent."""

    rule_id: UUID
    differences: tuple[RuleDifference, ...]
    before: Wording | None
    after: Wording | None


class Sentences(NamedTuple):
    """A rule as a person writes it: the columns of our own layout."""

    code: str
    title: str
    retention: str
    disposal: str = ""
    remarks: str = ""
    description: str = ""
    citations: str = ""


def number(key: str) -> str:
    """Return what a rule is recognised by: the key of its row, cut and told apart by its digest if long."""
    clean = shown(key.replace("\n", " "))
    if clean == key and len(key) <= MAX_NUMBER:
        return key
    return f"{clean[: MAX_NUMBER - 20]} ~{hashlib.sha256(key.encode()).hexdigest()[:16]}"


def shown(source: str, *, limit: int = text.MAX_NOTE) -> str:
    """Return text of a source as it is shown: without controls, cut. The whole stands in the raw text."""
    clean = _CONTROLS.sub(" ", unicodedata.normalize("NFC", text.without_heaps(source))).strip()
    return clean if len(clean) <= limit else f"{clean[: limit - 1]}…"


def entered(reading: Reading, *, doubts: Iterable[Reason] = ()) -> dict[str, object]:
    """Return the values of an entry for a row that was read; with further `doubts` a person must look."""
    row = reading.row
    reasons = {*reading.reasons, *doubts}
    is_parsed = reading.state is ParseState.PARSED and not reasons
    return {
        **worded(row),
        "raw_text": row.raw_text,
        "source_digest": source_digest(row.raw_text),
        "state": RuleEntryState.PARSED if is_parsed else RuleEntryState.NEEDS_REVIEW,
        "reasons": " ".join(reason for reason in Reason if reason in reasons),
        "tracks": tracks.written(reading.tracks) if is_parsed else tracks.NONE,
        "periods": tracks.written_periods(reading.periods),
        "triggers": " ".join(reading.triggers),
    }


def worded(row: SourceRow) -> dict[str, object]:
    """Return how a row is called and described."""
    code = shown(row.code.replace("\n", " "), limit=text.MAX_CODE)
    title = shown(row.title, limit=text.MAX_TITLE)
    description = shown(row.description, limit=MAX_DESCRIPTION) or None
    return {
        "code": code,
        "code_key": codes.code_key(code),
        "title": title,
        "description": description,
        "find_key": find_key(code, title, description),
        "citations": shown("\n".join(row.citations), limit=MAX_CITATIONS) or None,
        "is_vital": row.is_vital,
        "is_confidential": row.is_confidential,
    }


def find_key(code: str, title: str, description: str | None) -> str:
    """Return by which words a rule is found in a list."""
    return codes.title_key(" ".join((code, title, description or "")))


def source_digest(raw_text: str) -> str:
    """Return SHA-256 (hex) of the text of a row."""
    return hashlib.sha256(raw_text.encode()).hexdigest()


def written(said: Sentences, table: CodeTable = TABLE) -> Reading:
    """Read a rule that a person wrote as if it were a row of our own layout."""
    raw_text, _ = canonical(
        {
            "code": said.code,
            "title": said.title,
            "description": said.description,
            "citation": said.citations,
            "retention": said.retention,
            "disposal": said.disposal,
            "remarks": said.remarks,
        }
    )
    row = schedulesources.reread(raw_text, place=_BY_HAND, key=said.code)
    return schedules.read_rule(row, table)


def resolved(
    made: tuple[RetentionTrack, ...], *, raw_text: str, periods: str, periods_from: str | None
) -> str:
    """Return the text of tracks that a person read in a rule.

    `Invalid` where they contradict themselves, and for a period that stands neither in the text of the rule
    nor, as `periods_from` says, somewhere else: a period is never invented.
    """
    tracks.checked(made)
    defects = duerules.defects(made)
    if defects:
        names = ", ".join(f"`{each}`" for each in defects)
        raise Invalid(f"these tracks would give no due day: {names}", path=("tracks",))
    standing = _standing(raw_text, periods)
    for order, track in enumerate(made):
        for place, phase in enumerate(track.phases):
            if periods_from is None and not _stands(phase.period, standing, raw_text):
                raise Invalid(
                    f"`{phase.period}` does not stand in the text of the rule: "
                    "say in `periodsFrom` where it comes from",
                    path=("tracks", str(order), "phases", str(place), "period"),
                )
    return tracks.written(made)


def edition_digest(wordings: Iterable[Wording], *, heading: Sequence[Canonical]) -> str:
    """Return what the approval of an edition is bound to: its heading, and what every rule says.

    How a rule is understood has an approval of its own, and may change while the edition is in force.
    """
    rules: list[Canonical] = [_bound_part(row) for row in sorted(wordings, key=lambda row: row.rule_id)]
    return digest([list(heading), rules])


def compare(before: Iterable[Wording], after: Iterable[Wording]) -> tuple[RuleComparison, ...]:
    """Return the rules that differ, by the code they have after or else had before."""
    old, new = ({row.rule_id: row for row in rows} for rows in (before, after))
    found = [
        RuleComparison(rule_id, differences, old.get(rule_id), new.get(rule_id))
        for rule_id in old.keys() | new.keys()
        if (differences := _differences(old.get(rule_id), new.get(rule_id)))
    ]
    return tuple(sorted(found, key=_by_code))


def _bound_part(row: Wording) -> Canonical:
    said: list[Canonical] = [row.rule_id.hex, row.code, row.title, row.description, row.citations]
    marks: list[Canonical] = [row.is_vital, row.has_personal_information, row.is_confidential]
    return [*said, row.bound.value, *marks, source_digest(row.raw_text)]


def _differences(old: Wording | None, new: Wording | None) -> tuple[RuleDifference, ...]:
    if old is None:
        return (RuleDifference.ADDED,)
    if new is None:
        return (RuleDifference.REMOVED,)
    told: Mapping[RuleDifference, tuple[object, object]] = {
        RuleDifference.RECODED: (old.code, new.code),
        RuleDifference.RETITLED: (old.title, new.title),
        RuleDifference.REWORDED: (
            (old.description, old.citations, old.raw_text),
            (new.description, new.citations, new.raw_text),
        ),
        RuleDifference.REBOUND: (old[5:9], new[5:9]),
        RuleDifference.REREAD: (old[10:], new[10:]),
    }
    return tuple(difference for difference, (was, is_now) in told.items() if was != is_now)


def _by_code(found: RuleComparison) -> tuple[str, UUID]:
    shown_row = found.after or found.before
    return (codes.code_key(shown_row.code) if shown_row else "", found.rule_id)


def _standing(raw_text: str, periods: str) -> set[tuple[int, int]]:
    found: list[RetentionPeriod] = [each.period for each in tracks.read_periods(periods, raw_text=raw_text)]
    found += [each.span for each in schedulewords.periods(raw_text)]
    return {_length(each) for each in found if isinstance(each, Span)}


def _stands(period: RetentionPeriod, standing: set[tuple[int, int]], raw_text: str) -> bool:
    match period:
        case Endless.PERMANENT:
            return bool(_PERMANENT.search(raw_text))
        case Endless.UNTIL_DECIDED:
            return True
        case Span(0, 0, 0):
            return (0, 0) in standing or bool(_AT_ONCE.search(raw_text))
        case _:
            return _length(period) in standing


def _length(span: Span) -> tuple[int, int]:
    return span.years * 12 + span.months, span.days
