"""The one analyser of search: text becomes the same tokens whatever database keeps them.

A *word* is a run of letters, digits and their marks, normalised (NFKC) and without case. A *token* is what
the index holds of it: its stem where the language is known, else the word, without accents. What else the
word is found by (the word itself, its stems in other languages) are its *by-forms*: tokens without a
place, marked so that they are never part of a phrase. Runs of Chinese, Japanese and Korean characters
become pairs of characters, and their last character alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from dms.rules import languages
from dms.rules.languages import LANGUAGES, UNDETERMINED
from dms.rules.text import without_heaps

VERSION = 1
"""Raised whenever the same text would become other tokens, so that what is indexed is indexed anew."""

LONGEST = 64
"""Characters of a token; what is longer is cut."""

_LONGEST_WORD = 2 * LONGEST
"""Characters that are kept of a word, before its accents go: what remembers words remembers no more."""

MARK = "_"
"""Begins every by-form, and alone fills a place; no word holds it."""

_KEPT = 100_000
_SAMPLE = 20_000
_SCRIPTS = (
    ("ja", re.compile("[\u3040-\u30ff]")),
    ("ko", re.compile("[\uac00-\ud7a3]")),
    ("zh", re.compile("[\u3400-\u9fff]")),
)
# Han with its extensions, kana, Hangul syllables, bopomofo, the iteration mark.
_PAIRED = (
    "\u3005\u3040-\u30ff\u3100-\u312f\u3400-\u4dbf\u4e00-\u9fff"
    "\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff"
)
_MARKS = "".join(chr(code) for code in range(0x300, 0xAC00) if unicodedata.category(chr(code))[0] == "M")
_WORD = re.compile(f"([{_PAIRED}]+)|(?:[^\\W_{_PAIRED}][{_MARKS}]*)+")
_ANY_WORD = re.compile(_WORD.pattern.replace("([", "(?:[", 1))
_CHUNK = re.compile(r"[^ \t\r\n]+")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, normalised, and where it stands in what was typed."""

    text: str
    start: int
    end: int


def normal(text: str) -> str:
    """Return text in one form, without case."""
    plain = without_heaps(text)
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", plain).casefold())


def split(text: str) -> Iterator[tuple[str, bool]]:
    """Yield the words of normalised text in order, and whether they are written in pairs."""
    for found in _WORD.finditer(text):
        yield (found[0], True) if found[1] else (found[0][:_LONGEST_WORD], False)


def words(text: str) -> Iterator[str]:
    """Yield the words of normalised text in order, runs of paired characters as their pairs."""
    for found in _WORD.finditer(text):
        if found[1]:
            yield from pairs(found[0])
        else:
            yield found[0][:_LONGEST_WORD]


def located(text: str) -> Iterator[Word]:
    """Yield the words of a text with their places in it."""
    for chunk in _CHUNK.finditer(text):
        plain = normal(chunk[0])
        is_same = len(plain) == len(chunk[0])  # else nobody knows which character became which
        for found in _WORD.finditer(plain):
            start, end = (found.start(), found.end()) if is_same else (0, len(chunk[0]))
            word = found[0] if found[1] else found[0][:_LONGEST_WORD]
            yield Word(word, chunk.start() + start, chunk.start() + end)


def is_paired(word: str) -> bool:
    """Tell whether a word is a run of characters that are indexed in pairs."""
    found = _WORD.match(word)
    return found is not None and found[1] is not None


def pairs(run: str) -> list[str]:
    """Return the pairs of a run, and its last character alone."""
    return [run[at : at + 2] for at in range(len(run))]


@lru_cache(maxsize=_KEPT)
def folded(word: str) -> str:
    """Return a word without accents, cut to the length of a token."""
    if word.isascii():
        return word[:LONGEST]
    plain = "".join(c for c in unicodedata.normalize("NFD", word) if unicodedata.category(c) != "Mn")
    return unicodedata.normalize("NFC", plain)[:LONGEST]


@lru_cache(maxsize=_KEPT)
def stemmed(word: str, language: str) -> str:
    """Return the token of a word in a language: its stem without accents, or the word itself."""
    if language == UNDETERMINED or not word.isalpha() or len(word) > LONGEST:
        return folded(word)
    return folded(languages.stem(word, language)) or folded(word)


@lru_cache(maxsize=_KEPT)
def forms(word: str, language: str) -> tuple[str, tuple[str, ...]]:
    """Return the token of a word of a text in this language, and by what else it is found, marked."""
    if is_paired(word):
        return word, ()
    token = stemmed(word, language)
    others = {folded(word)} if language != UNDETERMINED else {stemmed(word, each) for each in LANGUAGES}
    return token, tuple(MARK + each for each in sorted(others - {token}))


@lru_cache(maxsize=_KEPT)
def sought(word: str) -> tuple[str, ...]:
    """Return every token by which a word that somebody looks for is found, whatever language it is in."""
    plain = {folded(word), *(stemmed(word, each) for each in LANGUAGES)}
    return tuple(sorted(plain) + [MARK + each for each in sorted(plain)])


def language_of(text: str) -> str:
    """Return the language of a text: by its script, else by its function words, else `UNDETERMINED`."""
    sample = normal(text[:_SAMPLE])
    if not sample.isascii():
        letters = sum(map(str.isalpha, sample))
        for language, script in _SCRIPTS:
            if len(script.findall(sample)) * (10 if language == "ja" else 3) > letters > 0:
                return language
    return languages.detect(folded(word[:_LONGEST_WORD]) for word in _ANY_WORD.findall(sample))


def stemming(language: str) -> str:
    """Return the language whose stems the index holds of a text, `UNDETERMINED` for none."""
    return language if language in LANGUAGES else UNDETERMINED
