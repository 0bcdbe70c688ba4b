"""The language in which people search. It is total: any text is a query, and oddities become notices.

Words are joined by AND; `OR` between them, `-` before one, "quotes" around a phrase, `word*` for a
beginning, brackets, `title:` `code:` `name:` before a word, and limits such as `class:` or `date:`, which
hold for the whole query.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from dms.rules.layouts import Field

MAX_LENGTH = 1_000
MAX_TERMS = 32
MAX_DEPTH = 5


class Kind(StrEnum):
    """How a term is written."""

    WORD = "word"
    PHRASE = "phrase"
    PREFIX = "prefix"


class LimitName(StrEnum):
    """What the whole query can be limited by."""

    CLASS = "class"
    IN = "in"
    TYPE = "type"
    LANG = "lang"
    DATE = "date"


class Notice(StrEnum):
    """What was odd about a query, and has been read in some way all the same."""

    CUT = "cut"
    TOO_MANY_TERMS = "too_many_terms"
    TOO_DEEP = "too_deep"
    OPEN_QUOTE = "open_quote"
    OPEN_BRACKET = "open_bracket"
    STRAY_OPERATOR = "stray_operator"
    NOT_IN_OR = "not_in_or"
    LIMIT_FOR_ALL = "limit_for_all"
    UNREADABLE_LIMIT = "unreadable_limit"
    UNKNOWN_LIMIT = "unknown_limit"
    NO_WORDS = "no_words"
    SHORT_PREFIX = "short_prefix"
    NOTHING_WANTED = "nothing_wanted"


@dataclass(frozen=True, slots=True)
class Term:
    """A word, phrase or beginning, in one field or anywhere."""

    text: str
    kind: Kind
    field: Field | None = None


@dataclass(frozen=True, slots=True)
class Every:
    """All parts, and none of what is excluded; without parts it is true for nothing by itself."""

    parts: tuple[Node, ...]
    but: tuple[Node, ...] = ()


@dataclass(frozen=True, slots=True)
class Some:
    """One of the parts."""

    parts: tuple[Node, ...]


Node: TypeAlias = Term | Every | Some


@dataclass(frozen=True, slots=True)
class Limit:
    """What the whole query is limited by; `is_not` keeps the opposite."""

    name: LimitName
    value: str
    is_not: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """A query as it was read."""

    wanted: Every
    limits: tuple[Limit, ...]
    notices: tuple[Notice, ...]


_FIELDS = {"title": Field.TITLE, "code": Field.CODE, "name": Field.NAMES}
_PIECE = re.compile(
    r"(?P<open>\()|(?P<close>\))|(?P<minus>-(?=[^\s)-]))"
    r'|(?:(?P<name>[A-Za-z]{2,5}):(?=\S))?(?:["“”«»„](?P<quoted>[^"“”«»„]*)(?P<shut>["“”«»„]|$)'
    r'|(?P<bare>[^\s()"“”«»„]+))'
)


@dataclass(frozen=True, slots=True)
class _Piece:
    """A bracket, an operator, or what becomes a term or limit."""

    sign: str
    node: Term | Limit | None = None


@dataclass(slots=True)
class _Reader:
    pieces: Sequence[_Piece]
    notices: dict[Notice, None] = field(default_factory=dict)
    limits: list[Limit] = field(default_factory=list)
    at: int = 0
    ignored: int = 0
    """Opened brackets that stood too deep."""

    def note(self, notice: Notice) -> None:
        """Keep a notice, once."""
        self.notices[notice] = None


def parse(typed: str) -> Query:
    """Read a query; nothing is refused."""
    notices: dict[Notice, None] = {}
    if len(typed) > MAX_LENGTH:
        notices[Notice.CUT] = None
    reader = _Reader(list(_pieces(typed[:MAX_LENGTH], notices)), notices)
    wanted = _whole(reader)
    if not wanted.parts and not reader.limits:
        reader.note(Notice.NOTHING_WANTED)
    return Query(wanted, tuple(reader.limits), tuple(reader.notices))


def terms(node: Node) -> Iterator[Term]:
    """Yield the terms that a hit may hold: none of those that are excluded."""
    if isinstance(node, Term):
        yield node
        return
    for part in node.parts:
        yield from terms(part)


def _pieces(typed: str, notices: dict[Notice, None]) -> Iterator[_Piece]:
    count = 0
    for found in _PIECE.finditer(typed):
        if found["open"] or found["close"] or found["minus"]:
            yield _Piece(found[0])
            continue
        if found["name"] is None and found["bare"] in {"OR", "AND", "NOT"}:
            yield _Piece({"OR": "|", "AND": "&", "NOT": "-"}[found["bare"]])
            continue
        if found["quoted"] is not None and not found["shut"]:
            notices[Notice.OPEN_QUOTE] = None
        count += 1
        if count > MAX_TERMS:
            notices[Notice.TOO_MANY_TERMS] = None
            return
        yield _Piece("", _term(found))


def _term(found: re.Match[str]) -> Term | Limit:
    name, quoted, bare = found["name"], found["quoted"], found["bare"]
    value = bare if quoted is None else quoted
    lower = (name or "").lower()
    if lower in set(LimitName):
        return Limit(LimitName(lower), value)
    where = _FIELDS.get(lower)
    if name is not None and where is None:
        value = f"{name}:{value}"
    if quoted is not None:
        return Term(value, Kind.PHRASE, where)
    return Term(value.rstrip("*"), Kind.PREFIX if value.endswith("*") else Kind.WORD, where)


def _whole(reader: _Reader) -> Every:
    """Read everything; a closing bracket that nothing opened ends nothing."""
    parts: list[Node] = []
    but: list[Node] = []
    while reader.at < len(reader.pieces):
        read = _alternatives(reader, depth=0)
        parts += read.parts
        but += read.but
        if reader.at < len(reader.pieces):
            reader.note(Notice.OPEN_BRACKET)
            reader.at += 1
    return Every(tuple(parts), tuple(but))


def _alternatives(reader: _Reader, *, depth: int) -> Every:
    """Read groups that `OR` joins; what only excludes can be none of several."""
    groups: list[Every] = []
    n_limits = len(reader.limits)
    while True:
        groups.append(_group(reader, depth=depth))
        if reader.at >= len(reader.pieces) or reader.pieces[reader.at].sign != "|":
            break
        reader.at += 1
    if len(groups) == 1:
        return groups[0]
    if len(reader.limits) > n_limits:
        reader.note(Notice.LIMIT_FOR_ALL)
    if any(each.but and not each.parts for each in groups):
        reader.note(Notice.NOT_IN_OR)
    if any(not each.parts and not each.but for each in groups):
        reader.note(Notice.STRAY_OPERATOR)
    kept = [each for each in groups if each.parts]
    if len(kept) <= 1:
        return kept[0] if kept else Every(())
    return Every((Some(tuple(_single(each) for each in kept)),))


def _single(group: Every) -> Node:
    return group.parts[0] if len(group.parts) == 1 and not group.but else group


def _group(reader: _Reader, *, depth: int) -> Every:
    """Read what is joined by AND, up to a bracket that closes or an `OR`."""
    parts: list[Node] = []
    but: list[Node] = []
    negated = False
    while reader.at < len(reader.pieces):
        piece = reader.pieces[reader.at]
        if piece.sign == "|" or (piece.sign == ")" and not reader.ignored):
            break
        reader.at += 1
        if piece.sign in {"-", "&"}:
            negated = piece.sign == "-"
            continue
        read = _item(reader, piece, negated=negated, depth=depth)
        if negated and read.parts:
            but.append(_single(read))
        elif negated and read.but:
            reader.note(Notice.STRAY_OPERATOR)
        else:
            parts += read.parts
            but += read.but
        negated = False
    if negated:
        reader.note(Notice.STRAY_OPERATOR)
    return Every(tuple(parts), tuple(but))


def _item(reader: _Reader, piece: _Piece, *, negated: bool, depth: int) -> Every:
    """Read a term, or what stands in a bracket; limits are put aside."""
    if piece.sign == "(":
        return _bracket(reader, depth=depth)
    if piece.sign == ")":
        reader.ignored -= 1
        return Every(())
    if isinstance(piece.node, Limit):
        if depth:
            reader.note(Notice.LIMIT_FOR_ALL)
        reader.limits.append(Limit(piece.node.name, piece.node.value, is_not=negated))
        return Every(())
    return Every(()) if piece.node is None else Every((piece.node,))


def _bracket(reader: _Reader, *, depth: int) -> Every:
    if depth >= MAX_DEPTH:
        reader.note(Notice.TOO_DEEP)
        reader.ignored += 1
        return Every(())
    read = _alternatives(reader, depth=depth + 1)
    if reader.at < len(reader.pieces):
        reader.at += 1
    else:
        reader.note(Notice.OPEN_BRACKET)
    return read
