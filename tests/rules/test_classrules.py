"""Rules that give Documents a class: the first that fits, words and globs, and nothing that runs away."""

from __future__ import annotations

import time
from fnmatch import fnmatchcase
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.rules import classrules
from dms.rules.classrules import Conditions, Rule, Subject

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
LETTER = Subject(
    "Letter to the council of 1890", "Scanner 2", "in/1890/Letter.PDF", "Jane Doe", ONE, frozenset({TWO})
)

ids = st.sampled_from([ONE, TWO, THREE])
texts = st.text("ab* ?", min_size=1, max_size=6)
subjects = st.builds(
    Subject,
    texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | texts,
    st.none() | ids,
    st.frozensets(ids),
)
conditions = st.builds(
    Conditions,
    title_words=st.lists(texts, max_size=2).map(tuple),
    source_systems=st.lists(texts, max_size=2).map(tuple),
    name_patterns=st.lists(texts, max_size=2).map(tuple),
    authors=st.lists(texts, max_size=2).map(tuple),
    document_types=st.frozensets(ids, max_size=2),
    aggregations=st.frozensets(ids, max_size=2),
)
rules = st.builds(Rule, ids, ids, conditions)


@pytest.mark.parametrize(
    ("said", "fits"),
    [
        ({"title_words": ("council",)}, True),
        ({"title_words": ("COUNCIL letter",)}, True),
        ({"title_words": ("counc",)}, False),
        ({"title_words": ("mayor", "1890")}, True),
        ({"source_systems": ("scanner 2",)}, True),
        ({"source_systems": ("scanner",)}, False),
        ({"name_patterns": ("in/*/*.pdf",)}, True),
        ({"name_patterns": ("*.pd?",)}, True),
        ({"name_patterns": ("*.doc",)}, False),
        ({"authors": ("jane*",)}, True),
        ({"document_types": frozenset({ONE})}, True),
        ({"document_types": frozenset({TWO})}, False),
        ({"aggregations": frozenset({TWO, THREE})}, True),
        ({"aggregations": frozenset({THREE})}, False),
        ({"title_words": ("council",), "authors": ("john*",)}, False),
    ],
)
def test_each_condition_fits_what_it_names(said, fits):
    assert classrules.fits(Conditions(**said), LETTER) is fits


@pytest.mark.parametrize("name", ["source_systems", "name_patterns", "authors"])
def test_what_a_document_lacks_fits_nothing(name):
    bare = Subject("Letter", None, None, None, None, frozenset())

    assert not classrules.fits(Conditions(**{name: ("*",)}), bare)


@given(st.lists(rules, max_size=4), subjects)
def test_the_first_that_fits_is_chosen(given_rules, subject):
    found = classrules.first(given_rules, subject)

    fitting = [rule for rule in given_rules if classrules.fits(rule.conditions, subject)]
    assert found is (fitting[0] if fitting else None)


@given(conditions, conditions, subjects)
def test_more_conditions_never_fit_more(some, others, subject):
    both = Conditions(
        *(getattr(some, name) or getattr(others, name) for name in Conditions.__dataclass_fields__)
    )

    if classrules.fits(both, subject):
        assert classrules.fits(some, subject)


@given(st.text("ab*?", max_size=12), st.text("ab", max_size=12))
def test_globs_say_what_the_standard_library_says(pattern, text):
    assert classrules.is_like(pattern, text) is fnmatchcase(text, pattern)


def test_hostile_glob_takes_no_longer_than_both_lengths_multiplied():
    began = time.process_time()

    for pattern in ("*a" * classrules.MAX_STARS + "b", "*" + "?" * 198 + "b", "*" + "a?" * 98 + "b*"):
        assert not classrules.is_like(pattern, "a" * 4_096)

    assert time.process_time() - began < 1.0


@given(conditions)
def test_conditions_are_read_back_as_they_were_kept(said):
    assert classrules.read(classrules.plain(said)) == said


@pytest.mark.parametrize(
    ("said", "path", "message"),
    [
        ({}, ("conditions",), "say at least one condition: a rule that always fits is no rule"),
        ({"title_words": ("--",)}, ("conditions", "titleWords", "0"), "there is no word in `--`"),
        ({"authors": ("a", " ")}, ("conditions", "authors", "1"), "give 1 to 200 characters"),
        ({"name_patterns": ("*" * 9,)}, ("conditions", "namePatterns", "0"), "use at most 8 wildcards `*`"),
        ({"source_systems": ("s",) * 51}, ("conditions", "sourceSystems"), "give at most 50 values"),
    ],
    ids=["none", "word", "blank", "stars", "many"],
)
def test_conditions_that_cannot_be_meant_are_refused(said, path, message):
    with pytest.raises(Invalid, match=message.replace("*", r"\*")) as refused:
        classrules.check(Conditions(**said))

    assert refused.value.path == path
