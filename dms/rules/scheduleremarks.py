"""What remarks, titles and descriptions say against the rule of their row.

A remark that speaks of another period, another event or another rule leaves a doubt that only a person can
settle. Remarks that speak of anything else are none of the rule's concern.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from dms.rules import scheduleclauses, schedulewords
from dms.rules.retention import Endless, RetentionAction, Span
from dms.rules.scheduleclauses import Clause, Reason
from dms.rules.schedulecodes import CodeTable

_SENTENCE = re.compile(r"(?<=[.;])\s")
_KEEPING = (
    "retain", "retention", "keep", "kept", "maintain", "destr", "purg", "dispos", "delet", "discard", "shred",
    "store", "hold", "held", "minimum", "whichever", "see ",
)  # fmt: skip
_LETTERS = re.compile(r"\b([A-Z]{2})\s{0,3}(?:\+\s{0,3}|\s)?([0-9]{1,3})\b(?!\.?\w)", re.ASCII)
_MEANS = re.compile(r"\b([A-Z]{2})\s{0,3}=\s{0,3}([^.;]{1,120})", re.ASCII)
_KEEP = r"\b(?:retain(?:ed)?|kept|keep|maintain(?:ed)?|held|hold|stored?)\b[^.;]{0,80}?\b"
_GONE = r"(?:destroy(?:ed)?|purged?|deleted?|dispose(?:d)?|discard(?:ed)?|shredded|destruction)"
_WHEN = r"(?:after|when|once|until|upon|if|within)"
_DOUBTS = (
    (
        Reason.LATER_OF_UNKNOWN,
        re.compile(rf"{_KEEP}(?:until|as long as|life|duration|so long|longer)\b", re.IGNORECASE),
    ),
    (Reason.LATER_OF_UNKNOWN, re.compile(r"\bwhichever\b", re.IGNORECASE)),
    (Reason.LATER_OF_UNKNOWN, re.compile(rf"\b{_GONE}\b[^.;]{{0,60}}?\b{_WHEN}\b", re.IGNORECASE)),
    (Reason.LATER_OF_UNKNOWN, re.compile(rf"\b{_WHEN}\b[^.;]{{0,60}}?\b{_GONE}\b", re.IGNORECASE)),
    (
        Reason.REFERS_ELSEWHERE,
        re.compile(
            rf"{_KEEP}(?:retention period|in accordance|according to|consistent with|under|per|same)\b",
            re.IGNORECASE,
        ),
    ),
    (
        Reason.REFERS_ELSEWHERE,
        re.compile(
            r"\bsame (?:minimum )?retention"
            r"|\bretention (?:period|requirement)s? (?:of|for|prescribed|described|in|on)\b"
            r"|\b(?:see|refer to|consult|follow)\b[^.;]{0,80}?\bretention\b"
            r"|\bsee\b[^.;]{0,20}?\b(?:note|caution|comment)",
            re.IGNORECASE,
        ),
    ),
)
# Said beside a destruction, each may keep some of the records from it.
_AGAINST_DESTRUCTION = re.compile(
    r"\b(?:archiv|historical|do not\b|except|unless\b|until age\b|litigation|before dispos)", re.IGNORECASE
)
_FOREVER = re.compile(r"\b(?:permanent(?:ly)?|indefinite(?:ly)?|forever)\b", re.IGNORECASE)


def doubts(remark: str, clause: Clause, table: CodeTable, *, letters: str) -> frozenset[Reason]:
    """Return the reasons that a remark gives against a rule."""
    one_line = " ".join(remark.split())
    reasons = _doubted(one_line)
    if schedulewords.periods(one_line):
        reasons.add(Reason.SEVERAL_PERIODS)
    if clause.period is not Endless.PERMANENT and _FOREVER.search(one_line):
        reasons.add(Reason.SEVERAL_PERIODS)
    if clause.action is RetentionAction.DESTROY and _AGAINST_DESTRUCTION.search(one_line):
        reasons.add(Reason.UNKNOWN_CODE)
    return frozenset(reasons | set(_against_letters(one_line, clause, table, letters)))


def doubts_about(text: str, clause: Clause, table: CodeTable, *, letters: str) -> frozenset[Reason]:
    """Return the reasons that a title or description gives against a rule.

    A description may name any period of the world (`a five-year plan`): it counts where its sentence
    speaks of keeping.
    """
    one_line = " ".join(text.split())
    reasons = set(_against_letters(one_line, clause, table, letters))
    for sentence in _SENTENCE.split(one_line):
        if not _speaks_of_keeping(sentence):
            continue
        reasons |= _doubted(sentence)
        if schedulewords.periods(sentence):
            reasons.add(Reason.SEVERAL_PERIODS)
        if clause.period is not Endless.PERMANENT and _FOREVER.search(sentence):
            reasons.add(Reason.SEVERAL_PERIODS)
    return frozenset(reasons)


def _doubted(text: str) -> set[Reason]:
    if not _speaks_of_keeping(text):  # most texts: so they cost little
        return set()
    return {reason for reason, doubt in _DOUBTS if doubt.search(text)}


def _speaks_of_keeping(text: str) -> bool:
    lowered = text.lower()
    return any(stem in lowered for stem in _KEEPING)


def _against_letters(text: str, clause: Clause, table: CodeTable, letters: str) -> Iterator[Reason]:
    # Letters with a number are a rule in short; in garbled rows it is the rule that its columns lost.
    for match in _LETTERS.finditer(text):
        is_own = match[1] == letters and clause.period == Span(years=int(match[2]))
        if match[1] in table.codes and not is_own:
            yield Reason.SEVERAL_PERIODS
    for match in _MEANS.finditer(text):
        if match[1] not in table.codes:
            continue
        meant = scheduleclauses.event(match[2], table)
        if meant.triggers != clause.triggers or meant.cut_off != clause.cut_off:
            yield Reason.UNKNOWN_CODE
