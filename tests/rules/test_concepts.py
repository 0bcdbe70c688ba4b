"""Concepts as values: labels, matches and places that may be, and the keys by which labels are found."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import concepts
from dms.rules.concepts import Label, LabelKind, Match, MatchKind, Note, NoteKind, Place, Wording

WORDS = st.sampled_from(["Cars", "Automobiles", "voitures", "Wagen"])
LABELS = st.builds(Label, st.sampled_from(LabelKind), st.sampled_from(["", "en", "fr"]), WORDS)


def key(number):
    return UUID(int=number)


def preferred(text, language="en"):
    return Label(LabelKind.PREFERRED, language, text)


def alternative(text, language="en"):
    return Label(LabelKind.ALTERNATIVE, language, text)


@st.composite
def hierarchies(draw):
    """Links upward, without a circle: each concept lies below some with smaller numbers."""
    count = draw(st.integers(2, 9))
    return {
        number: draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set()
        for number in range(count)
    }


def placed(broader, concept, related=()):
    """The place of a concept in a hierarchy, as the database tells it."""
    upward = {key(one): {key(each) for each in many} for one, many in broader.items()}
    downward: dict[UUID, set[UUID]] = {}
    for one, many in upward.items():
        for each in many:
            downward.setdefault(each, set()).add(one)
    pairs = frozenset((key(a), key(b)) for a, b in related)
    return Place(
        key(concept), concepts.above(upward, [key(concept)]), concepts.above(downward, [key(concept)]), pairs
    )


@given(st.lists(LABELS, max_size=8))
def test_labels_without_fault_have_one_preferred_per_language_and_none_of_two_kinds(labels):
    if concepts.label_faults(set(labels)):
        return

    kept = set(labels)

    chosen = [each.language for each in kept if each.kind is LabelKind.PREFERRED]
    assert len(chosen) == len(set(chosen))
    assert len({(each.language, each.text) for each in kept}) == len(kept)


@given(st.lists(LABELS, max_size=6), st.lists(LABELS, max_size=6))
def test_renaming_and_merging_lose_no_name(former, labels):
    names = {(each.language, each.text) for each in labels}

    after = concepts.renamed(former, labels)
    both = concepts.merged(labels, former)

    gone = {(each.language, each.text) for each in former}
    of_preferred = {(each.language, each.text) for each in former if each.kind is LabelKind.PREFERRED}
    assert {(each.language, each.text) for each in after} == names | of_preferred
    assert {(each.language, each.text) for each in both} == names | gone
    assert set(labels) <= set(after) & set(both)


@given(st.lists(LABELS, max_size=6), st.lists(LABELS, max_size=6))
def test_merging_sound_labels_stays_sound(kept, given_up):
    if concepts.label_faults(set(kept)) or concepts.label_faults(set(given_up)):
        return

    assert concepts.label_faults(concepts.merged(kept, given_up)) == []


@given(hierarchies(), st.data())
def test_link_is_refused_just_when_it_closes_a_circle(broader, data):
    numbers = st.sampled_from(sorted(broader))
    one, other = data.draw(numbers), data.draw(numbers)
    reached = concepts.above({key(a): {key(b) for b in many} for a, many in broader.items()}, [key(other)])
    closes = one == other or key(one) in reached

    fault = concepts.place_fault(placed({**broader, one: broader[one] | {other}}, one))

    assert (fault is not None) == closes


@given(hierarchies(), st.data())
def test_related_is_refused_just_when_one_lies_above_the_other(broader, data):
    numbers = st.sampled_from(sorted(broader))
    one, other = data.draw(numbers), data.draw(numbers)
    upward = {key(a): {key(b) for b in many} for a, many in broader.items()}
    clashes = (
        one == other
        or key(one) in concepts.above(upward, [key(other)])
        or key(other) in concepts.above(upward, [key(one)])
    )

    faults = [concepts.place_fault(placed(broader, each, [(one, other)])) for each in (one, other)]

    assert [fault is not None for fault in faults] == [clashes, clashes]


def test_new_place_is_refused_if_what_lies_below_is_related_to_what_lies_above():
    broader = {0: set(), 1: {0}, 2: {1}}

    fault = concepts.place_fault(placed(broader, 1, [(2, 0)]))

    assert fault is not None
    assert fault.of == "related"


def test_labels_are_cleaned_and_sorted():
    said = concepts.checked(
        Wording((alternative(" Autos "), preferred("Cars", "EN"), preferred("Cars", "EN")))
    )

    assert said.labels == (alternative("Autos"), preferred("Cars"))


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        (Wording((alternative("Cars"),)), "labels", "a concept needs a preferred label"),
        (
            Wording((preferred("Cars"), preferred("Autos"))),
            "labels",
            "there are 2 preferred labels in the language `en`: keep one",
        ),
        (
            Wording((preferred("Cars", ""), preferred("Autos", ""))),
            "labels",
            "there are 2 preferred labels in no language: keep one",
        ),
        (
            Wording((preferred("Cars"), alternative("Cars"))),
            "labels",
            "the label `Cars` is of two kinds: keep one",
        ),
        (
            Wording((preferred("Cars", "english!"),)),
            "labels.0.language",
            "`english!` is no language tag: write one such as `en` or `pt-br`",
        ),
        (
            Wording((preferred("Cars"),), (Note(NoteKind.SCOPE, "en", " "),)),
            "notes.0.text",
            "must not be empty",
        ),
        (
            Wording((preferred("Cars"),), (), (Match(MatchKind.EXACT, "cars"),)),
            "matches.0.uri",
            "must be an absolute IRI of at most 1000 characters, such as `https://example.org/1`",
        ),
        (
            Wording(
                (preferred("Cars"),),
                (),
                (Match(MatchKind.EXACT, "urn:a:1"), Match(MatchKind.RELATED, "urn:a:1")),
            ),
            "matches",
            "`urn:a:1` matches exactly and not: keep one",
        ),
        (
            Wording(tuple(preferred("Cars", f"x{number}") for number in range(201))),
            "labels",
            "a concept has at most 200 of them, not 201",
        ),
    ],
)
def test_what_cannot_be_said_is_refused(said, path, message):
    with pytest.raises(Invalid) as caught:
        concepts.checked(said)

    assert (".".join(caught.value.path), caught.value.message) == (path, message)


def test_key_is_what_search_finds_words_by():
    assert concepts.label_key("École  Normale (SUPÉRIEURE)") == "ecole normale superieure"
    assert concepts.label_key("Records-management") == concepts.label_key("records management")
    assert concepts.label_key("档案管理") == "档案管理"
    assert concepts.label_key("...") == ""


def test_concept_is_shown_in_the_language_of_its_thesaurus_or_else_in_any():
    labels = (preferred("Autos", "de"), preferred("Cars"), preferred("Voitures", "fr"))

    assert [concepts.shown(labels, tag) for tag in ("en", "it", "")] == ["Cars", "Autos", "Autos"]
    assert concepts.shown((), "en") == ""
