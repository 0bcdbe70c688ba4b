"""Parts of a text around what was looked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.rules import analyser, matches, query, snippets
from dms.rules.languages import UNDETERMINED
from dms.rules.layouts import Field
from dms.rules.snippets import PAGE_READ, WIDTH, Looked


def part_of(text: str, typed: str, language: str = UNDETERMINED):
    looked = Looked.of(matches.resolve(query.parse(typed).wanted, {}))
    return snippets.snippet(Field.BODY, text, looked, language=language)


def marked(text: str, typed: str, language: str = UNDETERMINED) -> list[str]:
    part = part_of(text, typed, language)
    return [part.text[each.start : each.end] for each in part.ranges]


@pytest.mark.parametrize(
    ("text", "typed", "expected"),
    [
        ("Annual Reports of the library", "report libraries", ["Reports", "library"]),
        ("École élevée", "ecole elevee", ["École", "élevée"]),
        ("Library librarian", "librar*", ["Library", "librarian"]),
        ("新图书馆的图书", "图书馆", ["图书馆", "图书"]),
        ("新图书馆", "馆", ["馆"]),
        ("letter draft", "letter -draft", ["letter"]),
        ("a ﬁne ﬁle", "file", ["ﬁle"]),
        ("㍿ x", "株式", ["㍿"]),
    ],
)
def test_words_that_were_found_are_marked(text, typed, expected):
    assert marked(text, typed) == expected


def test_text_without_any_of_it_has_no_part():
    assert part_of("Nothing here", "letter") is None
    assert snippets.snippet(Field.BODY, "㍿ x", Looked(frozenset({"abc"}), ()), language=UNDETERMINED) is None
    assert snippets.snippet(Field.BODY, "letter", Looked.of(None), language=UNDETERMINED) is None


def test_part_is_where_most_was_found_and_ends_between_words():
    text = "letter " + "nothing " * 100 + "a letter about a letter to the board " + "nothing " * 100

    part = part_of(text, "letter board")

    assert len(part.text) <= WIDTH
    assert [part.text[each.start : each.end] for each in part.ranges] == ["letter", "letter", "board"]
    assert not part.begins
    assert not part.ends
    assert part.text.split() == [word for word in part.text.split() if word in text.split()]


def test_stems_of_the_language_of_a_text_are_marked():
    assert marked("Gli archivi", "archivio", "it") == ["archivi"]


@given(st.text("ab 图书ﬁ-\n", max_size=400), st.sampled_from(["ab", "图书", "书", "a*", "aba*", "fi"]))
def test_ranges_lie_in_the_part_in_order_and_the_part_in_the_text(text, typed):
    part = part_of(text, typed)

    if part is not None:
        ends = [each for range_ in part.ranges for each in (range_.start, range_.end)]
        assert ends == sorted(ends)
        assert ends
        assert 0 <= ends[0] < ends[-1] <= len(part.text)
        assert part.text in text


def test_parts_of_a_page_read_no_more_than_a_page_may():
    looked = Looked.of(matches.resolve(query.parse("quicksilver").wanted, {}))
    text = "nothing but letters " * 3_000
    texts = [(f"{text} {number}", "en") for number in range(100)]
    before = words_read()

    parts = list(snippets.of_page(texts, looked))

    assert parts == [None] * 100
    assert words_read() - before == pytest.approx(PAGE_READ * 3 / 20, rel=0.01)  # of 900,000 words


def test_text_is_read_no_further_than_a_passage_after_the_first_word():
    looked = Looked.of(matches.resolve(query.parse("quicksilver").wanted, {}))
    text = "quicksilver " + "nothing but letters " * 3_000 + "quicksilver " * 9
    before = words_read()

    (part,) = snippets.of_page([(text, "en")], looked)

    assert part.begins
    assert words_read() - before == pytest.approx(snippets.PASSAGE * 3 / 20, rel=0.01)


def test_what_short_texts_leave_is_there_for_a_long_one():
    looked = Looked.of(matches.resolve(query.parse("quicksilver").wanted, {}))
    long = "nothing but letters " * 2_950 + "quicksilver"

    *_, last = snippets.of_page([("short", "en")] * 90 + [(long, "en")] * 10, looked)

    assert last.ends


def words_read() -> int:
    told = analyser.forms.cache_info()
    return told.hits + told.misses
