"""What a query looks for in the index: a tree of tokens, written for either database.

User text reaches neither of them: only tokens of the analyser do, in quotes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias, assert_never

from dms.rules import analyser
from dms.rules.analyser import MARK
from dms.rules.languages import LANGUAGES, UNDETERMINED
from dms.rules.layouts import BERTHS, METADATA, Field
from dms.rules.query import Every, Kind, Node, Notice, Some, Term

SHORTEST_PREFIX = 3


@dataclass(frozen=True, slots=True)
class Run:
    """Tokens one after the other, the last of them perhaps only begun."""

    tokens: tuple[str, ...]
    is_begun: bool = False
    field: Field | None = None


@dataclass(frozen=True, slots=True)
class Both:
    """All parts and none of what is excluded."""

    parts: tuple[Match, ...]
    but: tuple[Match, ...] = ()


@dataclass(frozen=True, slots=True)
class Either:
    """One of the parts."""

    parts: tuple[Match, ...]


Match: TypeAlias = Run | Both | Either


def resolve(node: Node, notices: dict[Notice, None]) -> Match | None:
    """Return what a part of a query looks for; None if it holds no word at all."""
    match node:
        case Term():
            found = _term(node, notices)
            if found is None:
                notices[Notice.NO_WORDS] = None
            return found
        case Every():
            parts = _resolved(node.parts, notices)
            but = _resolved(node.but, notices)
            return _both(parts, but) if parts else None
        case Some():
            parts = _resolved(node.parts, notices)
            return _either(parts) if parts else None
        case _:
            assert_never(node)


def excluded(node: Every, notices: dict[Notice, None]) -> Match | None:
    """Return what a query excludes without wanting anything; None if it excludes nothing."""
    but = _resolved(node.but, notices)
    return _either(but) if but else None


def tokens(match: Match) -> Iterator[tuple[str, bool]]:
    """Yield the tokens that a hit may hold, and whether each is only the beginning of one."""
    match match:
        case Run():
            for number, token in enumerate(match.tokens, 1):
                yield token, match.is_begun and number == len(match.tokens)
        case Both() | Either():
            for part in match.parts:
                yield from tokens(part)
        case _:
            assert_never(match)


def as_fts5(match: Match, fields: Sequence[Field]) -> str:
    """Return a full-text query of FTS5 that looks in these fields."""
    if set(fields) == set(Field):  # FTS5 would read all places of a word to learn in which fields they are
        return _fts5(match)
    return f"{{{' '.join(fields)}}} : ({_fts5(match)})"


def as_tsquery(match: Match, fields: Sequence[Field]) -> str:
    """Return the literal of a tsquery that looks in these fields."""
    is_narrow = not set(METADATA) <= set(fields)  # all metadata are a vector of their own
    return _tsquery(match, "".join(sorted({BERTHS[each].weight for each in fields})) if is_narrow else "")


def _resolved(nodes: Sequence[Node], notices: dict[Notice, None]) -> list[Match]:
    return [found for node in nodes if (found := resolve(node, notices)) is not None]


def _both(parts: Sequence[Match], but: Sequence[Match] = ()) -> Match:
    return parts[0] if len(parts) == 1 and not but else Both(tuple(parts), tuple(but))


def _either(parts: Sequence[Match]) -> Match:
    unique = tuple(dict.fromkeys(parts))
    return unique[0] if len(unique) == 1 else Either(unique)


def _term(term: Term, notices: dict[Notice, None]) -> Match | None:
    words = list(analyser.split(analyser.normal(term.text)))
    if not words:
        return None
    if term.kind is Kind.PHRASE:
        return _phrase(words, term)
    if len(words) == 1:
        return _word(*words[0], term=term, notices=notices)
    if any(is_paired for _, is_paired in words):
        return _both([_word(*each, term=term, notices=notices) for each in words])
    return _phrase(words, term)  # `noc-1253` is written as one, and found as one


def _word(word: str, is_paired: bool, *, term: Term, notices: dict[Notice, None]) -> Match:  # noqa: FBT001  as `split` yields them
    if is_paired:
        return _pairs(word, term)
    if term.kind is Kind.PREFIX:
        begun = analyser.folded(word)
        if len(begun) >= SHORTEST_PREFIX:
            return _either([Run((mark + begun,), is_begun=True, field=term.field) for mark in ("", MARK)])
        notices[Notice.SHORT_PREFIX] = None
    return _either([Run((token,), field=term.field) for token in analyser.sought(word)])


def _pairs(run: str, term: Term) -> Match:
    """Look for a run of paired characters: all its pairs, wherever they are, so no long text is missed."""
    if len(run) == 1:
        return Run((run,), is_begun=True, field=term.field)
    return _both([Run((pair,), field=term.field) for pair in dict.fromkeys(analyser.pairs(run)[:-1])])


def _phrase(words: Sequence[tuple[str, bool]], term: Term) -> Match:
    """Look for words in a row, as a text in each of the languages would hold them."""
    last, last_is_paired = words[-1]
    is_begun = term.kind is Kind.PREFIX and not last_is_paired
    found: list[Match] = []
    for language in (UNDETERMINED, *LANGUAGES):
        row: list[str] = []
        for word, is_paired in words[:-1]:
            row += analyser.pairs(word) if is_paired else [analyser.stemmed(word, language)]
        if last_is_paired:
            row += analyser.pairs(last)[:-1] if len(last) > 1 else [last]
        else:
            row.append(analyser.folded(last) if is_begun else analyser.stemmed(last, language))
        open_end = is_begun or (last_is_paired and len(last) == 1)
        found.append(Run(tuple(row), is_begun=open_end, field=term.field))
    if len(words) == 1 and not last_is_paired:
        found += [Run((MARK + analyser.folded(last),), field=term.field)]
    return _either(found)


def _fts5(match: Match) -> str:
    match match:
        case Run():
            text = f'"{" ".join(match.tokens)}"' + (" *" if match.is_begun else "")
            return text if match.field is None else f"({{{match.field}}} : {text})"
        case Either():
            return f"({' OR '.join(_fts5(part) for part in match.parts)})"
        case Both():
            wanted = f"({' AND '.join(_fts5(part) for part in match.parts)})"
            if not match.but:
                return wanted
            return f"({wanted} NOT ({' OR '.join(_fts5(part) for part in match.but)}))"
        case _:
            assert_never(match)


def _tsquery(match: Match, weights: str) -> str:
    match match:
        case Run():
            label = weights if match.field is None else BERTHS[match.field].weight
            row = [f"'{token}'" for token in match.tokens]
            labels = [label] * (len(row) - 1) + [("*" if match.is_begun else "") + label]
            parts = [token + (f":{mark}" if mark else "") for token, mark in zip(row, labels, strict=True)]
            return parts[0] if len(parts) == 1 else f"({' <-> '.join(parts)})"
        case Either():
            return f"({' | '.join(_tsquery(part, weights) for part in match.parts)})"
        case Both():
            wanted = " & ".join(_tsquery(part, weights) for part in match.parts)
            if not match.but:
                return f"({wanted})"
            return f"({wanted} & !({' | '.join(_tsquery(part, weights) for part in match.but)}))"
        case _:
            assert_never(match)
