"""Languages whose words are stemmed, and which of them a text is written in."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from itertools import islice

import Stemmer

UNDETERMINED = "und"
"""What a text is in that is too short to tell, or in a language without a stemmer."""

_ALGORITHMS = {
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "nl": "dutch",
    "pt": "portuguese",
}

LANGUAGES = tuple(_ALGORITHMS)

_FEWEST = 4
"""So many function words of a language a text must hold before it counts as written in it."""

_SAMPLE = 2_000

# Words that are common in one language and rare or absent in the others: folded, without accents.
_FUNCTION_WORDS = {
    "de": "der das und ich ist nicht sie den auch eine ein dass fur mit wird sind aus dem bei nach oder von",
    "en": "the of and that for with this have which not are from they would there by be or were has what",
    "es": "el los las y del una por para con lo es esta como pero sus sobre han este muy desde cuando al",
    "fr": "le les des et du nous est pour pas dans qui sur une au aux ce ne se par avec sont mais cette ou",
    "it": "il di che della per non un gli dei sono del nel alla come si anche questa piu ha dell delle e con",
    "nl": "het een van dat niet zijn voor met die te op aan ook maar deze naar bij wordt worden door er en",
    "pt": "o os da do dos das um uma nao em para com por mais ao pela pelo foi seu sua e como mas na no ser",
}
_SPEAKS: Mapping[str, tuple[str, ...]] = {
    word: tuple(each for each, words in _FUNCTION_WORDS.items() if word in words.split())
    for words in _FUNCTION_WORDS.values()
    for word in words.split()
}

_stemmers = threading.local()


def stem(word: str, language: str) -> str:
    """Return the stem of a word in one of `LANGUAGES`."""
    known: dict[str, Stemmer.Stemmer] | None = getattr(_stemmers, "known", None)
    if known is None:
        # One for each thread: they are not safe to share. The analyser keeps what they found.
        known = _stemmers.known = {each: Stemmer.Stemmer(name, 0) for each, name in _ALGORITHMS.items()}
    found: str = known[language].stemWord(word)
    return found


def detect(words: Iterable[str]) -> str:
    """Return the language of a text by its folded words, or `UNDETERMINED`."""
    counts = dict.fromkeys(LANGUAGES, 0)
    for word in filter(_SPEAKS.__contains__, islice(words, _SAMPLE)):
        for language in _SPEAKS[word]:
            counts[language] += 1
    first, second = sorted(counts, key=lambda each: counts[each], reverse=True)[:2]
    if counts[first] < _FEWEST or counts[first] * 3 < counts[second] * 4:
        return UNDETERMINED
    return first
