"""Terms that are labels: which words count as one, what is added, and what never is."""

from __future__ import annotations

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from dms.rules import expansions, matches, query
from dms.rules.concepts import label_key
from dms.rules.expansions import MOST_ADDED, Called, Expansion
from dms.rules.query import Every, Kind, Some, Term

CARS = [Called(UUID(int=1), "Cars", text, is_narrower=False) for text in ("Cars", "Motor vehicles", "Autos")]
VANS = Called(UUID(int=1), "Cars", "Vans", is_narrower=True)
KNOWN = {label_key(each.label): [*CARS, VANS] for each in CARS}


def expanded(typed, called=KNOWN):
    return expansions.expand(query.parse(typed).wanted, called)


def word(text, kind=Kind.WORD):
    return Term(text, kind)


def test_word_that_is_a_label_finds_what_its_concept_is_called_too():
    wanted, shown = expanded("cars")

    others = (word("Autos", Kind.PHRASE), word("Motor vehicles", Kind.PHRASE), word("Vans", Kind.PHRASE))
    assert wanted == Every((Some((word("cars"), *others)),))
    assert shown == (Expansion("cars", UUID(int=1), "Cars", ("Autos", "Motor vehicles"), ("Vans",)),)


def test_words_beside_each_other_are_one_label():
    wanted, shown = expanded("old Motor vehicles 1920")

    both = Every((word("Motor"), word("vehicles")))
    assert [each.term for each in shown] == ["Motor vehicles"]
    assert wanted.parts[0] == word("old")
    assert wanted.parts[1].parts[0] == both
    assert wanted.parts[2] == word("1920")


def test_phrase_and_part_of_an_either_are_labels_too():
    assert [each.term for each in expanded('"motor VEHICLES"')[1]] == ["motor VEHICLES"]
    assert [each.term for each in expanded("ships OR cars")[1]] == ["cars"]
    assert [each.term for each in expanded("title:cars")[1]] == ["cars"]


def test_what_is_excluded_begun_or_sought_in_codes_and_names_stays_as_it_was_typed():
    for typed in ("ship -cars", "cars*", "code:cars", "name:cars", '"old cars"', "title:motor vehicles"):
        read = query.parse(typed).wanted

        assert expanded(typed) == (read, ())


def test_label_that_adds_nothing_is_no_expansion():
    alone = {"cars": [Called(UUID(int=1), "Cars", "Cars", is_narrower=False)]}

    assert expanded("cars", alone)[1] == ()


def test_query_grows_by_a_bounded_number_of_labels():
    many = [Called(UUID(int=1), "C", f"label {number}", is_narrower=False) for number in range(90)]

    _, shown = expanded("a b c d e f", dict.fromkeys("abcdef", many))

    assert [len(each.labels) for each in shown] == [10, 10, 10]
    assert sum(len(each.labels) for each in shown) == MOST_ADDED


WORDS = st.sampled_from(["cars", "Motor", "vehicles", "OR", "-", "(", ")", '"', "autos", "ship", "*"])


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_expanded_query_keeps_what_was_typed_and_what_it_excludes(typed):
    read = query.parse(typed).wanted

    wanted, shown = expansions.expand(read, KNOWN)

    assert wanted.but == read.but
    assert expansions.expand(read, {}) == (read, ())
    assert set(tokens(read)) <= set(tokens(wanted))
    assert bool(shown) == (wanted != read)


def tokens(wanted):
    found = matches.resolve(wanted, {})
    return () if found is None else matches.tokens(found)


@given(st.lists(WORDS, max_size=12).map(" ".join))
def test_keys_are_all_that_an_expansion_may_need(typed):
    read = query.parse(typed).wanted
    asked = expansions.keys(read)

    narrowed = {key: called for key, called in KNOWN.items() if key in asked}

    assert expansions.expand(read, narrowed) == expansions.expand(read, KNOWN)
