"""Index terms are shown with what they describe, and the relative index to everybody."""

from __future__ import annotations

from uuid import UUID

import pytest

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.documents import Document
from dms.models.search import SubjectKind
from dms.rules.access import Action
from dms.rules.relativeindex import IndexEntryKind, IndexFault
from dms.rules.states import DocumentState
from dms.services import concepts, indexterms, relativeindex
from dms.services.relativeindex import NewEntry
from dms.stores import destroying
from tests.services.vocabulary import Vocabulary


@pytest.fixture(scope="module")
def terms(desk):
    return Vocabulary(desk)


@pytest.fixture(scope="module")
def folder(world):
    return world.aggregation()


@pytest.fixture(scope="module")
def clerk(world, folder):
    return world.holder(folder, Action.EDIT, Action.READ_METADATA)


def listed(desk, user, **chosen):
    page = desk.see(user, indexterms.listed, PageRequest(50, want_total=True, total_up_to=100), **chosen)
    return [row.subject for row in page.rows], page.total


def describe(desk, user, subject, concept, kind=SubjectKind.DOCUMENT):
    return desk.do(user, indexterms.add, subject, concept, kind=kind)


def test_declared_document_and_aggregation_are_described(desk, world, terms, folder, clerk):
    concept = terms.approved("Lighthouses")
    record = world.document(folder, state=DocumentState.DECLARED)

    describe(desk, clerk, record, concept)
    describe(desk, clerk, folder, concept, SubjectKind.AGGREGATION)

    assert listed(desk, clerk, concept_id=concept) == ([record, folder], 2)
    assert listed(desk, clerk, subject=record) == ([record], 1)
    assert desk.event(clerk)["op"] == "indexterm.list"


def test_term_shows_as_far_as_its_thing_does(desk, world, terms, folder, clerk):
    concept = terms.approved("Smugglers")
    elsewhere = world.aggregation()
    other = world.holder(elsewhere, Action.EDIT, Action.READ_METADATA)
    hidden, shown = world.document(elsewhere), world.document(folder)
    before = listed(desk, clerk, concept_id=concept)

    describe(desk, other, hidden, concept)
    between = listed(desk, clerk, concept_id=concept)
    describe(desk, clerk, shown, concept)

    assert before == between == ([], 0)
    assert listed(desk, clerk, concept_id=concept) == ([shown], 1)
    with pytest.raises(errors.NotFound):
        describe(desk, clerk, hidden, concept)


def test_reader_describes_nothing(desk, world, terms, folder):
    concept = terms.approved("Pilots")
    reader = world.holder(folder, Action.READ_METADATA)
    document = world.document(folder)

    with pytest.raises(errors.Denied):
        describe(desk, reader, document, concept)

    assert listed(desk, reader, subject=document) == ([], 0)


def test_only_approved_concepts_describe_and_each_once(desk, world, terms, folder, clerk):
    document = world.document(folder)
    approved = terms.approved("Harbours")
    describe(desk, clerk, document, approved)

    with pytest.raises(errors.Conflict, match="^it is described by `Harbours` already$"):
        describe(desk, clerk, document, approved)
    for concept in (terms.add("Piers"), new_id()):
        with pytest.raises(errors.Invalid, match="^is no approved concept"):
            describe(desk, clerk, document, concept)


def test_describing_is_a_change_of_the_thing(desk, world, terms, folder, clerk):
    document = world.document(folder)
    concept = terms.approved("Tides")
    term = describe(desk, clerk, document, concept)

    desk.do(clerk, indexterms.remove, term.id)

    assert desk.look(Document, document).revision == 3
    assert listed(desk, clerk, subject=document) == ([], 0)


def test_what_a_merged_concept_describes_is_found_by_the_other(desk, world, terms, folder, clerk):
    one, other = terms.approved("Quays"), terms.approved("Wharves")
    document = world.document(folder)
    describe(desk, clerk, document, one)

    terms.do(concepts.merge, one, other, reason="one thing")

    assert listed(desk, clerk, concept_id=other) == ([document], 1)


def test_what_is_destroyed_is_described_by_nothing(desk, world, terms, folder, clerk):
    document = world.document(folder)
    describe(desk, clerk, document, terms.approved("Beacons"))

    world.build(lambda work: destroying.forget(work, [document]))

    assert listed(desk, clerk, subject=document) == ([], 0)


def add(terms, term, **values):
    return terms.desk.do(terms.writer, relativeindex.add, NewEntry(term, **values))


def test_terms_are_sorted_as_search_folds_them_on_both_databases(desk, world, terms):
    class_id = world.record_class()
    for term in ("xaé-zebra", "XAE apple", "xaf", "Xäe mango"):
        add(terms, term, class_id=class_id)

    page = desk.see(terms.writer, relativeindex.listed, PageRequest(9), begins="XA", class_id=class_id)

    assert [row.term for row in page.rows] == ["XAE apple", "Xäe mango", "xaé-zebra", "xaf"]


@pytest.mark.parametrize(
    ("values", "path"),
    [
        ({"kind": IndexEntryKind.ENTRY}, "recordClassId"),
        ({"kind": IndexEntryKind.SEE}, "target"),
        ({"kind": IndexEntryKind.SEE, "target": "HERE"}, "target"),
        ({"class_id": UUID(int=7)}, "recordClassId"),
        ({"term": "...", "kind": IndexEntryKind.SEE, "target": "x"}, "term"),
    ],
    ids=range(5),
)
def test_entry_that_leads_nowhere_is_refused(terms, values, path):
    with pytest.raises(errors.Invalid) as caught:
        add(terms, **{"term": "here", **values})

    assert caught.value.path == (path,)


def test_faults_are_told_until_they_are_mended(desk, world, terms):
    blind = add(terms, "Kelp", kind=IndexEntryKind.SEE, target="Seaweed")
    before = {each.entry_id: each.fault for each in desk.see(terms.writer, relativeindex.faults)}

    add(terms, "Seaweed", class_id=world.record_class())
    after = {each.entry_id for each in desk.see(terms.writer, relativeindex.faults)}
    desk.do(terms.writer, relativeindex.remove, blind.id)

    assert before[blind.id] is IndexFault.BLIND
    assert blind.id not in after
    with pytest.raises(errors.NotFound):
        desk.do(terms.writer, relativeindex.remove, blind.id)


def test_index_is_changed_by_those_who_describe(desk, world):
    with pytest.raises(errors.Duty):
        desk.do(world.user(), relativeindex.add, NewEntry("Mine", class_id=new_id()))
