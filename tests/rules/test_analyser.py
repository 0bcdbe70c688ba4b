"""Text becomes tokens: in one form, whatever was typed, and within the bounds of the index."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import analyser, layouts
from dms.rules.analyser import MARK
from dms.rules.languages import LANGUAGES, UNDETERMINED
from dms.rules.layouts import BERTHS, Field

TEXTS = Path(__file__).resolve().parents[3] / "shared" / "data" / "texts"

real = pytest.mark.skipif(not TEXTS.exists(), reason="the texts lie in ../shared/data")
texts = st.text(max_size=80) | st.text("aé図書館ß 9-_'ﬁ\u0301\u00a8Ａ\n", max_size=40)


def words(text: str) -> list[str]:
    return [word for word, _ in analyser.split(analyser.normal(text))]


def placed(text: str, language: str = UNDETERMINED, field: Field = Field.TITLE):
    return layouts.lay(field, text, language=language)


@given(texts)
def test_words_with_their_places_are_the_words_without(text):
    assert [word.text for word in analyser.located(text)] == words(text)


@given(texts)
def test_places_of_words_lie_within_the_text_in_order(text):
    found = list(analyser.located(text))

    assert all(0 <= word.start < word.end <= len(text) for word in found)
    assert [word.start for word in found] == sorted(word.start for word in found)


@given(texts, st.sampled_from((UNDETERMINED, *LANGUAGES)))
def test_tokens_hold_nothing_that_either_database_could_take_for_a_sign(text, language):
    laid = placed(text, language)
    tokens = {*laid.places, *laid.beyond, *(form[1:] for form in laid.by_forms)} - {MARK}

    assert all(token and len(token) <= analyser.LONGEST for token in tokens)
    assert not any(set(token) & set(" _'\"\\:*()|&!<>-") for token in tokens)
    assert not any(char.isspace() for token in tokens for char in token)


@given(texts, st.sampled_from((UNDETERMINED, *LANGUAGES)))
def test_each_word_of_a_text_is_sought_by_something_the_text_is_indexed_by(text, language):
    laid = placed(text, language)
    indexed = {*laid.places, *laid.beyond, *laid.by_forms}

    for word, is_paired in analyser.split(analyser.normal(text)):
        assert is_paired or indexed.intersection(analyser.sought(word))


@given(texts)
def test_what_is_typed_in_another_form_becomes_the_same_tokens(text):
    assert placed(analyser.normal(text)).places == placed(text).places


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("L'archivio delle Écoles", ["l", "archivio", "delle", "ecoles"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("Ａｎｎｕａｌ ﬁle №5", ["annual", "file", "no5"]),
        ("F1/S2 noc-1253 snake_case", ["f1", "s2", "noc", "1253", "snake", "case"]),
        ("图书馆", ["图书", "书馆", "馆"]),
        ("abc记录 x", ["abc", "记录", "录", "x"]),
        ("हिन्दी שָׁלוֹם", ["हिनदी", "שלום"]),
        ("x" * 70, ["x" * 64]),
        ("... --- !!!", []),
    ],
)
def test_text_becomes_these_tokens(text, expected):
    assert list(placed(text).places) == expected


def test_stem_takes_the_place_where_the_language_is_known_and_the_word_stands_by():
    laid = placed("Libraries and nationales", "en")

    assert laid.places == ("librari", "and", "national")
    assert laid.by_forms == ("_libraries", "_nationales")


def test_unaccented_word_finds_the_accented_one_in_its_language():
    laid = placed("élevées", "fr")

    assert laid.places == ("elev",)
    assert "_elevees" in set(laid.by_forms) & set(analyser.sought("elevees"))


def test_without_a_known_language_stems_of_all_stand_by():
    laid = placed("reports")

    assert laid.places == ("reports",)
    assert "_report" in laid.by_forms


def test_text_of_no_language_of_ours_is_indexed_by_its_words():
    assert placed("αρχεία", "el").places == ("αρχεια",)


def test_stemmers_serve_threads_side_by_side():
    many = [f"nationalisation{chr(97 + number % 26)}s" for number in range(400)]

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda word: analyser.stemmed.__wrapped__(word, "en"), many))

    assert found == [analyser.stemmed(word, "en") for word in many]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("The minutes of the board which have been kept for this year by them", "en"),
        ("Les procès-verbaux de la commission qui sont dans les archives avec une liste", "fr"),
        ("Il registro degli atti che sono nella sala con gli inventari dell'archivio", "it"),
        ("记录管理技术人员操作和维护系统", "zh"),
        ("図書館の資料を管理する", "ja"),
        ("기록 관리", "ko"),
        ("Annual report 1950", UNDETERMINED),
        ("", UNDETERMINED),
        ("12 / 34", UNDETERMINED),
    ],
)
def test_language_is_told_by_script_and_common_words(text, language):
    assert analyser.language_of(text) == language


@real
@pytest.mark.parametrize("language", ["de", "en", "es", "fr", "it", "zh"])
def test_language_of_a_real_text_is_told(language):
    text = (TEXTS / "languages" / f"{language}.test").read_text(encoding="utf-8")

    assert analyser.language_of(text) == language


@real
def test_real_text_of_a_language_without_stemmer_is_undetermined():
    text = (TEXTS / "languages" / "el.test").read_text(encoding="utf-8")

    assert analyser.language_of(text) == UNDETERMINED


def test_what_has_no_place_any_more_is_kept_once_beyond():
    laid = placed(" ".join(f"w{number}" for number in range(1_100)) + " w5 w1099")

    assert len(laid.places) == BERTHS[Field.TITLE].places
    assert laid.beyond == tuple(f"w{number}" for number in range(1_024, 1_100))


def test_word_that_is_repeated_too_often_only_fills_its_place():
    laid = placed("a " * 14 + "b")

    assert laid.places == ("a",) * 12 + (MARK, MARK, "b")
    assert layouts.as_vector([laid]).endswith("'b':110B")


def test_text_over_the_bound_is_cut_and_says_so():
    text = " ".join(f"word{number}number" for number in range(60_000))

    laid = placed(text, "en", Field.BODY)

    assert laid.is_cut
    assert len(layouts.as_vector([laid]).encode()) < 1_048_575


def test_fields_never_come_close_enough_for_a_phrase():
    ends = sorted((berth.start, berth.beyond) for field, berth in BERTHS.items() if field is not Field.BODY)

    assert all(after[0] - before[1] >= layouts.GAP for before, after in pairwise(ends))
    assert ends[-1][1] + BERTHS[Field.BODY].beyond < 16_383
    assert sum(berth.repeats for berth in BERTHS.values()) < 255


def test_fields_are_written_for_both_databases():
    fields = [placed("Libraries libraries", "en"), placed("F1/S2", field=Field.CODE)]

    assert layouts.as_line(fields[0]) == "librari librari _libraries"
    assert layouts.as_vector(fields) == "'librari':96B,97B '_libraries':1135B 'f1':1A 's2':2A"


def test_line_keeps_what_lies_beyond_out_of_phrases():
    laid = placed(" ".join(f"w{number}" for number in range(1_026)))

    assert layouts.as_line(laid).endswith("w1023 _ w1024 _ w1025")


def test_hostile_words_cost_neither_time_nor_memory():
    heap = "e" + "\u0316\u0301" * 200_000

    assert len(analyser.normal(heap)) <= 31
    assert words("a" * 1_000_000) == [word.text for word in analyser.located("a" * 1_000_000)] == ["a" * 128]
    assert placed("a" * 1_000_000).places == ("a" * 64,)
