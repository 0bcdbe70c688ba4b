"""What a sentence of a schedule asks for: a period, what starts it, and what is done then.

A sentence is understood as a whole or not at all: words that fit no form are a reason for review, and
nothing is taken from the half that fits.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from dms.rules import schedulewords
from dms.rules.retention import CutOff, Endless, RetentionAction, RetentionPeriod, Span, TrackMedium, Which
from dms.rules.schedulecodes import CodeTable, Event, Letters, plain


class Reason(StrEnum):
    """Why a person must look at a rule."""

    NO_PERIOD = "no_period"
    NO_TRIGGER = "no_trigger"
    SEVERAL_MEDIA_ONE_PERIOD = "several_media_one_period"
    SEVERAL_PERIODS = "several_periods"
    SENTINEL_PERIOD = "sentinel_period"
    REFERS_ELSEWHERE = "refers_elsewhere"
    BLANK_IN_SOURCE = "blank_in_source"
    UNKNOWN_CODE = "unknown_code"
    """Letters or words that the code table does not know."""
    LATER_OF_UNKNOWN = "later_of_unknown"
    """The later, or earlier, of events of which not all are known."""
    UNREADABLE_ROW = "unreadable_row"
    CONTRADICTED = "contradicted"
    """Another row of the same source is called the same, and asks for something else."""
    FLAGGED = "flagged"
    """A person doubts how it was read."""


@dataclass(frozen=True, slots=True)
class Found:
    """A period where it stands in a text; of `P0D` and `permanent` the words that say so."""

    start: int
    end: int
    period: RetentionPeriod


@dataclass(frozen=True, slots=True)
class Clause:
    """What was understood of a sentence; it is a rule if there are no reasons."""

    found: tuple[Found, ...] = ()
    period: RetentionPeriod | None = None
    triggers: tuple[str, ...] = ()
    which: Which = Which.LATEST
    cut_off: CutOff = CutOff.EXACT
    action: RetentionAction | None = None
    detail: str = ""
    reasons: frozenset[Reason] = frozenset()

    def but(self, *reasons: Reason) -> Clause:
        """Return it with further reasons for review."""
        return replace(self, reasons=self.reasons | set(reasons))


@dataclass(frozen=True, slots=True)
class Segment:
    """The part of a text that speaks of one medium, and where it begins."""

    medium: TrackMedium
    text: str
    start: int


@dataclass(slots=True)
class _Reading:
    # What one sentence is read with, so that its parts need no long lists of arguments.
    text: str
    table: CodeTable
    found: list[Found]
    which: Which | None = None
    action: RetentionAction | None = None
    detail: str = ""
    reasons: set[Reason] = field(default_factory=set)


_MEDIA = {
    "paper": TrackMedium.PAPER,
    "electronic": TrackMedium.ELECTRONIC,
    "microform": TrackMedium.MICROFORM,
    "microfilm": TrackMedium.MICROFORM,
}
_MEDIUM = re.compile(
    r"(?:^|[;.\n])\s{0,8}(paper|electronic|microform|microfilm)\s{0,3}(?::|(?=$|;))", re.IGNORECASE
)
_P = "\x00[0-9]{1,6}\x00"
_KEEP = (
    r"(?:(?:retain|keep|maintain|hold|store)(?: (?:the )?records?)?(?: in (?:the )?(?:office|agency))?"
    r"[ :]{0,3}(?:for )?(?:(?:a |an )?(?:minimum|period) of |at least )?)?"
)
_RETAIN = re.compile(r"^(?:retain|keep|maintain|hold|store)(?: (?:the )?records?)? ")
_PERMANENT = re.compile(
    r"(?:(?:retain|keep|maintain)(?: in (?:the )?office)? )?permanent(?:ly)?(?: record)?"
    r"(?: \((?:archival|appraisal required)\))?(?:\. retain in office)?"
)
_UNTIL = re.compile(
    rf"{_KEEP}(?P<word>until|till|from)[: ]{{1,3}}(?P<event>[^\x00]{{1,300}}?)"
    rf"(?:[, ]{{0,3}}(?:plus|and for|then for)[: ]{{1,3}}(?P<period>{_P}))?"
)
_AFTER = re.compile(rf"{_KEEP}{_P} (?:after|following|from|past) (?P<event>[^\x00]{{1,300}})")
_PERIOD_ONLY = re.compile(rf"{_KEEP}{_P}")
_DO = re.compile(
    r"(?P<verb>destroy|shred|delete|erase|burn|recycle|review|transfer(?: (?:the )?records?)? to "
    r"(?P<place>[^\x00.;]{2,80}?))(?: (?:the )?records?)?(?: in (?:the )?office)? "
    rf"(?:(?P<after>after )?{_P}(?: (?:after|following|from) (?P<event>[^\x00]{{1,300}}))?"
    r"|(?:when|upon|once) (?P<at>[^\x00]{1,300}))"
)
_LETTERS = re.compile(r"\s{0,8}([A-Z]{2,3})(?:\s{0,3}(?:\+|plus)\s{0,3}([0-9]{1,4}))?[\s.]{0,8}", re.ASCII)
_LETTERS_AND = re.compile(rf"(?P<letters>[a-z]{{2,3}}) ?(?:\+|plus) ?{_P}")
_REFERS = re.compile(
    r"(?:see|refer to|as per|per|same as|according to|in accordance with|follow|include(?:d)? (?:in|with))\b"
    r"|transfer to .{0,40}\b(?:file|folder|record)s?$"
)
# What a place of transfer does not hold: there another action, a choice or a condition begins.
_NO_PLACE = re.compile(
    r"[.,;:/\x00]|\b(?:then|or|and|until|till|if|unless|except|when|once|upon|after|before)\b"
)
_BLANK = re.compile(r"_{3,}")
_BLANK_LABEL = re.compile(r"(?:agency|facility) policy: ?_{3,}")
_MARKS = re.compile(r"[*±∞Ω]")
_ZERO = re.compile(r"\b(?:until|till|when|upon|once)\b", re.IGNORECASE)
_WORD_PERMANENT = re.compile(r"permanent", re.IGNORECASE)
_WHICHEVER = re.compile(r",? ?whichever (?:is |comes |occurs )?([a-z]{4,8})")
_OF_TWO = re.compile(r"(?:the )?(later|latest|last|earlier|earliest|first) of ")
_YEAR_OF = re.compile(r"(?:end|close) of (fiscal|calendar) year in which (.{1,200})")
_LATEST = frozenset({"later", "latest", "last", "longer", "longest", "greater"})
_EARLIEST = frozenset({"earlier", "earliest", "first", "sooner", "shorter", "shortest"})


def segments(text: str) -> list[Segment]:
    """Split a text like `Paper: 5 years; Electronic: permanent` by medium; a plain one is for any medium."""
    heads = list(_MEDIUM.finditer(text))
    if not heads or text[: heads[0].start()].strip():
        return [Segment(TrackMedium.ANY, text, 0)]
    ends = [*(head.start() for head in heads[1:]), len(text)]
    return [
        Segment(_MEDIA[head[1].lower()], text[head.end() : end], head.end())
        for head, end in zip(heads, ends, strict=True)
    ]


def read(text: str, table: CodeTable) -> Clause:
    """Read a sentence: `Retain 5 years after the contract expires, then destroy`, `AC + 3`, `permanent`."""
    worded = schedulewords.periods(text)
    reading = _Reading(text, table, [Found(each.start, each.end, each.span) for each in worded])
    if any(not each.is_plain for each in worded):
        reading.reasons.add(Reason.UNKNOWN_CODE)
    letters = _LETTERS.fullmatch(text)
    if letters:
        return _of_letters(reading, letters)
    said = _without_marks(reading, schedulewords.template(text, worded))
    return _checked(_said(reading, said), reading)


def event(words: str, table: CodeTable, *, which: Which | None = None) -> Clause:
    """Read the words for an event alone: triggers and cut-off, or the reason why they are not known."""
    phrase = plain(words)
    if of_two := _OF_TWO.match(phrase):
        which = Which.LATEST if of_two[1] in _LATEST else Which.EARLIEST
        return _of_several(re.split(r",? (?:or|and) ", phrase[of_two.end() :]), table, which)
    if known := _known(phrase, table):
        clause = Clause(triggers=(known.trigger,), cut_off=known.cut_off)
        return clause if which is None else clause.but(Reason.LATER_OF_UNKNOWN)  # of one: another is lost
    if re.search(r" or | and ", phrase):
        return _of_several(re.split(r",? (?:or|and) ", phrase), table, which)
    return Clause(reasons=frozenset({Reason.UNKNOWN_CODE}))


def action(words: str, table: CodeTable) -> tuple[RetentionAction, str] | None:
    """Return what is done by its words, with the detail; None if the table does not know them."""
    phrase = plain(_MARKS.sub("", words))
    if known := table.actions.get(phrase):
        is_told = known in {RetentionAction.DESTROY, RetentionAction.TRANSFER_TO}
        return known, phrase.removeprefix("transfer to ") if is_told and phrase != known else ""
    place = phrase.removeprefix("transfer to ")
    if place != phrase and len(phrase) < 100 and not _NO_PLACE.search(place):
        return RetentionAction.TRANSFER_TO, place
    return None


def is_reference(text: str) -> bool:
    """Tell whether a text sends the reader to another rule instead of being one."""
    return bool(_REFERS.match(" ".join(text.lower().split())))


def _without_marks(reading: _Reading, said: str) -> str:
    if _BLANK.search(said):
        reading.reasons.add(Reason.BLANK_IN_SOURCE)
        said = _BLANK.sub("", _BLANK_LABEL.sub("", said))
    said = " ".join(_MARKS.sub("", said.replace("Ω", " ").replace("ω", " ")).split())
    return said.removeprefix("temporary record.").strip(" .;,")


def _said(reading: _Reading, said: str) -> Clause:
    if not said:
        return Clause(reasons=frozenset({Reason.NO_PERIOD}))
    if _REFERS.match(said):
        return Clause(reasons=frozenset({Reason.REFERS_ELSEWHERE}))
    if _PERMANENT.fullmatch(said):
        return _permanent(reading)
    if during := _known_while(said, reading):
        return during
    said = _which_of(reading, _acted(reading, said))
    if letters := _LETTERS_AND.fullmatch(said):
        meant = reading.table.codes.get(letters["letters"].upper())
        return _with_event(meant, reading.found[0].period)
    for form, read_form in ((_AFTER, _after), (_UNTIL, _until), (_DO, _done)):
        if matched := form.fullmatch(said):
            return read_form(reading, matched)
    if _PERIOD_ONLY.fullmatch(said):
        return Clause(period=reading.found[0].period, reasons=frozenset({Reason.NO_TRIGGER}))
    return _not_understood(reading)


def _checked(clause: Clause, reading: _Reading) -> Clause:
    reasons = clause.reasons | reading.reasons
    periods = {each.period for each in reading.found}
    if len(periods) > 1:
        reasons |= {Reason.SEVERAL_PERIODS}
    if any(isinstance(each, Span) and schedulewords.is_sentinel(each.years) for each in periods):
        reasons |= {Reason.SENTINEL_PERIOD}
    if reading.which and len(clause.triggers) < 2:
        reasons |= {Reason.LATER_OF_UNKNOWN}
    return replace(
        clause,
        found=tuple(reading.found),
        which=reading.which or clause.which,
        action=clause.action or reading.action,
        detail=clause.detail or reading.detail,
        reasons=reasons,
    )


def _not_understood(reading: _Reading) -> Clause:
    is_choice = _WHICHEVER.search(reading.text.lower())
    reasons = {Reason.LATER_OF_UNKNOWN if is_choice else Reason.UNKNOWN_CODE}
    return Clause(reasons=frozenset(reasons if reading.found else reasons | {Reason.NO_PERIOD}))


def _permanent(reading: _Reading) -> Clause:
    word = _WORD_PERMANENT.search(reading.text)
    assert word is not None  # noqa: S101  the template came from the same text
    reading.found.append(Found(word.start(), word.end(), Endless.PERMANENT))
    return Clause(period=Endless.PERMANENT, action=RetentionAction.KEEP_PERMANENTLY)


def _of_letters(reading: _Reading, matched: re.Match[str]) -> Clause:
    meant = reading.table.codes.get(matched[1])
    if matched[2] is not None:
        span = Span(years=int(matched[2]))
        reading.found.append(Found(matched.start(1), matched.end(2), span))
        return _checked(_with_event(meant, span), reading)
    if meant is None:
        return _checked(_not_understood(reading), reading)
    if meant.alone is None:
        return _checked(_of_event(meant.event).but(Reason.NO_PERIOD), reading)
    reading.found.append(Found(matched.start(1), matched.end(1), meant.alone))
    return _checked(alone(meant), reading)


def alone(meant: Letters) -> Clause:
    """Return what letters ask for that stand without a period."""
    keeps = RetentionAction.KEEP_PERMANENTLY if meant.alone is Endless.PERMANENT else None
    return replace(_of_event(meant.event), period=meant.alone, action=keeps)


def _with_event(meant: Letters | None, period: RetentionPeriod) -> Clause:
    if meant is None or meant.event is None:
        return Clause(period=period, reasons=frozenset({Reason.UNKNOWN_CODE}))
    return replace(_of_event(meant.event), period=period)


def _of_event(known: Event | None) -> Clause:
    return Clause(triggers=(known.trigger,), cut_off=known.cut_off) if known else Clause()


def _after(reading: _Reading, matched: re.Match[str]) -> Clause:
    started = event(matched["event"], reading.table, which=reading.which)
    return replace(started, period=reading.found[0].period)


def _until(reading: _Reading, matched: re.Match[str]) -> Clause:
    started = event(matched["event"], reading.table, which=reading.which)
    if matched["period"]:
        return replace(started, period=reading.found[0].period)
    if matched["word"] == "from":
        return started.but(Reason.NO_PERIOD)
    return _at_once(reading, started)


def _done(reading: _Reading, matched: re.Match[str]) -> Clause:
    place = matched["place"]
    done = action(f"transfer to {place}" if place else matched["verb"], reading.table)
    if done is None or reading.action:  # of two actions one would be lost
        return _not_understood(reading)
    reading.action, reading.detail = done
    if matched["at"]:
        return _at_once(reading, event(matched["at"], reading.table, which=reading.which))
    if matched["event"] and not matched["after"]:
        return _after(reading, matched)
    if matched["event"]:
        return _not_understood(reading)
    return Clause(period=reading.found[0].period, reasons=frozenset({Reason.NO_TRIGGER}))


def _at_once(reading: _Reading, started: Clause) -> Clause:
    # INVARIANT (no invented period): P0D has words of its own in the text: until, when, once.
    word = _ZERO.search(reading.text)
    assert word is not None  # noqa: S101  the template came from the same text
    reading.found.append(Found(word.start(), word.end(), Span()))
    return replace(started, period=Span())


def _known_while(said: str, reading: _Reading) -> Clause | None:
    bare = _RETAIN.sub("", said)
    known = reading.table.whiles.get(plain(bare))
    if known is None:
        return None
    words = re.escape(bare.strip(" .,:;")).replace(r"\ ", r"\s+")
    place = re.search(words, reading.text, re.IGNORECASE)
    if place is None:  # said with a control character between its words
        return _not_understood(reading)
    reading.found.append(Found(place.start(), place.end(), Span()))
    return replace(_of_event(known), period=Span())


def _acted(reading: _Reading, said: str) -> str:
    # Takes `, then destroy` and `. Destroy` off the end.
    head, sign, tail = said.partition(" then")
    if not sign:
        head, sign, tail = said.replace("; ", ". ").rpartition(". ")
        if not sign:
            return said
    elif not re.match(r"[: ]", tail):
        return said
    done = action(tail.strip(" :."), reading.table)
    if done is None:
        return said
    reading.action, reading.detail = done
    return head.strip(" ,.;").removesuffix(" and")


def _which_of(reading: _Reading, said: str) -> str:
    matched = _WHICHEVER.search(said)
    if matched is None or said[matched.end() :].strip(" ."):
        return said
    if matched[1] in _LATEST:
        reading.which = Which.LATEST
    elif matched[1] in _EARLIEST:
        reading.which = Which.EARLIEST
    else:
        return said
    return said[: matched.start()]


def _known(phrase: str, table: CodeTable) -> Event | None:
    if known := table.events.get(phrase):
        return known
    if year := _YEAR_OF.fullmatch(phrase):
        inner = table.events.get(plain(year[2]))
        if inner and inner.cut_off is CutOff.EXACT:
            return Event(inner.trigger, CutOff(f"{year[1]}_year"))
    return None


def _of_several(phrases: Sequence[str], table: CodeTable, which: Which | None) -> Clause:
    known = [_known(plain(phrase), table) for phrase in phrases]
    events = [each for each in known if each]
    names, cut_offs = _names(events), {each.cut_off for each in events}
    if which is None or len(events) < len(known) or len(names) < 2 or len(cut_offs) > 1:
        reason = Reason.LATER_OF_UNKNOWN if which or events else Reason.UNKNOWN_CODE
        return Clause(triggers=names, reasons=frozenset({reason}))
    return Clause(triggers=names, which=which, cut_off=events[0].cut_off)


def _names(events: Iterable[Event]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.trigger for each in events))
