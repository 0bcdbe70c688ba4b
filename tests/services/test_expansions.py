"""Search by thesauri: what approved concepts are called is found too, and shown, and can be switched off."""

from __future__ import annotations

import pytest

from dms.base.paging import PageRequest
from dms.models.documents import Medium
from dms.rules.access import Action
from dms.rules.expansions import Expand
from dms.rules.searchlimits import HitOrder
from dms.services import concepts, documents, search
from dms.services.concepts import Words
from dms.services.documents import NewDocument
from dms.services.search import Asked, Wanted
from tests.services.vocabulary import Vocabulary, preferred
from tests.statements import change_policy, counted


@pytest.fixture(scope="module")
def terms(desk):
    return Vocabulary(desk)


@pytest.fixture(scope="module")
def folder(world):
    return world.aggregation()


@pytest.fixture(scope="module")
def clerk(world, folder):
    made = world.user()
    for action in (Action.FILE, Action.READ_CONTENT):
        world.entry(made, folder, action)
    return made


@pytest.fixture(scope="module")
def add(desk, clerk, folder):
    def made(title, *, home=None, by=None):
        new = NewDocument(aggregation_id=home or folder, title=title, medium=Medium.PHYSICAL)
        return desk.do(by or clerk, documents.register, new)

    return made


@pytest.fixture(scope="module")
def look(desk, clerk):
    def found(text, expand=Expand.LABELS):
        def body(work):
            begun = search.begin(work, Asked(text, (), HitOrder.RELEVANCE, expand))
            request = PageRequest(50, want_total=True, total_up_to=100)
            page = search.page(work, begun, request, wanted=Wanted(snippets=True))
            return [hit.id for hit in page.rows], begun.expansions, page.total

        return desk.see(clerk, body)

    return found


def test_what_is_called_otherwise_is_found_and_shown_only_if_that_is_wanted(terms, add, look):
    terms.approved("Brandywagons", "Lobster carts")
    one, other = add("A brandywagon of 1890, brandywagons"), add("On lobster carts")

    ids, shown, total = look("brandywagons")
    plain = look("brandywagons", Expand.NONE)

    assert (set(ids), total) == ({one, other}, 2)
    assert [(each.term, each.concept, each.labels) for each in shown] == [
        ("brandywagons", "Brandywagons", ("Lobster carts",))
    ]
    assert plain == ([one], (), 1)
    assert set(look("LOBSTER carts")[0]) == {one, other}


def test_what_lies_below_is_found_on_demand(terms, add, look):
    top = terms.approved("Quincevessels")
    middle = terms.approved("Quincebarges", broader=(top,))
    terms.approved("Quincerafts", broader=(middle,))
    below = add("Two quincerafts")

    ids, shown, _ = look("quincevessels", Expand.NARROWER)

    assert ids == [below]
    assert shown[0].narrower == ("Quincebarges", "Quincerafts")
    assert look("quincevessels")[0] == []


def test_candidates_and_deprecated_concepts_expand_nothing(terms, add, look):
    terms.add("Marblegulls", "Tarngulls")
    gone = terms.approved("Slategulls", "Coalgulls")
    terms.do(concepts.deprecate, gone, (), reason="None")
    add("Tarngulls and coalgulls")

    assert look("marblegulls") == ([], (), 0)
    assert look("slategulls") == ([], (), 0)


def test_label_that_was_changed_waits_for_approval(terms, look):
    made = terms.approved("Fernwhistles", "Mosswhistles")
    before = look("fernwhistles")[1]

    terms.do(concepts.update, made, Words(labels=(preferred("Fernwhistles"), preferred("Farnpfeifen", "de"))))
    between = look("fernwhistles")[1]
    terms.do(concepts.approve, made, by=terms.approver)

    assert [each.labels for each in before] == [("Mosswhistles",)]
    assert between == ()
    assert [each.labels for each in look("fernwhistles")[1]] == [("Farnpfeifen",)]


def test_expansion_tells_nothing_of_what_is_hidden(desk, world, terms, add, look):
    terms.approved("Velvetlanterns", "Silklanterns")
    answers = [look("velvetlanterns")]
    elsewhere = world.aggregation()
    other = world.holder(elsewhere, Action.FILE, Action.READ_CONTENT)

    add("Silklanterns in a hidden place", home=elsewhere, by=other)
    answers.append(look("velvetlanterns"))

    assert answers[0] == answers[1]
    assert answers[1][2] == 0


def test_looking_labels_up_is_one_statement(desk, house, terms, look):
    terms.approved("Copperhinges", "Tinhinges")
    sent = []
    for expand in (Expand.NONE, Expand.LABELS):
        look("copperhinges tinhinges", expand)
        change_policy(house)
        with counted(house) as statements:
            look("copperhinges tinhinges", expand)
        sent.append(len(statements))

    assert sent[1] - sent[0] == 1
