"""Concepts: proposed by one, approved by another, changed, merged and given up with a forwarding."""

from __future__ import annotations

import pytest

from dms.base import errors
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.rules.concepts import ForwardKind, Label, LabelKind, LinkKind, Note, NoteKind
from dms.rules.states import ConceptState
from dms.services import conceptlines, concepts, thesauri
from dms.services.concepts import Chosen, Words
from dms.services.thesauri import NewThesaurus
from tests.services.vocabulary import Vocabulary, alternative, preferred


@pytest.fixture(scope="module")
def terms(desk):
    return Vocabulary(desk)


def labels_of(terms, concept_id):
    found = terms.desk.see(terms.writer, conceptlines.labels, [concept_id])
    return [(row.kind.value, row.language, row.text) for row in found[concept_id]]


def linked(terms, concept_id, kind):
    return terms.desk.see(terms.writer, conceptlines.linked, concept_id, kind)


def test_proposed_concept_is_a_candidate_until_another_person_approves_it(terms):
    made = terms.add("Cars", "Automobiles")

    with pytest.raises(
        errors.SecondPerson, match="^another person than those who wrote it must decide this$"
    ):
        terms.do(concepts.approve, made)
    before = terms.row(made)
    terms.do(concepts.approve, made, by=terms.approver)

    after = terms.row(made)
    assert (before.state, before.approved_by) == (ConceptState.CANDIDATE, None)
    assert (after.state, after.approved_by) == (ConceptState.APPROVED, terms.approver)
    assert terms.desk.event(terms.approver)["op"] == "concept.approve"


def test_change_makes_an_approved_concept_a_candidate_and_keeps_the_former_name(terms):
    made = terms.approved("Motor-cars")

    terms.do(concepts.update, made, Words(labels=(preferred("Automobiles, private"),)))

    row = terms.row(made)
    assert (row.state, row.label, row.label_key) == (
        ConceptState.CANDIDATE,
        "Automobiles, private",
        "automobiles private",
    )
    assert labels_of(terms, made) == [
        ("alternative", "en", "Motor-cars"),
        ("preferred", "en", "Automobiles, private"),
    ]


def test_who_changed_an_approved_concept_does_not_approve_it_again(terms):
    made = terms.approved("Lorries")
    terms.do(
        concepts.update, made, Words(notes=(Note(NoteKind.SCOPE, "en", "Above 3.5 t"),)), by=terms.approver
    )

    with pytest.raises(errors.SecondPerson):
        terms.do(concepts.approve, made, by=terms.approver)
    terms.do(concepts.approve, made, by=terms.writer)

    assert terms.row(made).state is ConceptState.APPROVED


def test_change_that_changes_nothing_leaves_the_approval(terms):
    made = terms.approved("Buses", "Coaches")

    terms.do(concepts.update, made, Words(labels=(alternative("Coaches"), preferred("Buses"))))

    assert (terms.row(made).state, terms.row(made).revision) == (ConceptState.APPROVED, 2)


def test_label_can_change_its_kind(terms):
    made = terms.add("Trams", "Streetcars")

    terms.do(concepts.update, made, Words(labels=(preferred("Streetcars"), alternative("Trams"))))

    assert labels_of(terms, made) == [("alternative", "en", "Trams"), ("preferred", "en", "Streetcars")]


def test_concept_that_was_never_approved_leaves_no_former_name(terms):
    made = terms.add("Wrongly typd")

    terms.do(concepts.update, made, Words(labels=(preferred("Rightly typed"),)))

    assert labels_of(terms, made) == [("preferred", "en", "Rightly typed")]


def test_circle_of_broader_concepts_is_refused_and_nothing_changes(terms):
    top = terms.add("Vehicles")
    middle = terms.add("Land vehicles", broader=(top,))
    low = terms.add("Bicycles", broader=(middle,))

    with pytest.raises(errors.Invalid, match="^a concept cannot lie below itself") as caught:
        terms.do(concepts.update, top, Words(broader=(low,)))

    assert caught.value.path == ("broaderIds",)
    assert linked(terms, top, LinkKind.BROADER) == frozenset()
    assert terms.row(top).revision == 1


def test_concept_is_not_related_to_what_lies_above_it(terms):
    top = terms.add("Ships")
    low = terms.add("Tankers", broader=(terms.add("Cargo ships", broader=(top,)),))

    with pytest.raises(errors.Invalid, match="lies above or below it$") as caught:
        terms.do(concepts.update, low, Words(related=(top,)))

    assert caught.value.path == ("relatedIds",)


def test_concept_is_not_hung_where_one_below_it_is_related(terms):
    top = terms.add("Aircraft")
    middle = terms.add("Balloons")
    low = terms.add("Hot-air balloons", broader=(middle,), related=(top,))

    with pytest.raises(errors.Invalid, match="lies above or below it$"):
        terms.do(concepts.update, middle, Words(broader=(top,)))

    assert linked(terms, low, LinkKind.RELATED) == {top}


def test_relation_is_seen_and_ended_from_either_end(terms):
    one, other = terms.add("Roads"), terms.add("Bridges")
    terms.do(concepts.update, one, Words(related=(other,)))
    seen = [linked(terms, one, LinkKind.RELATED), linked(terms, other, LinkKind.RELATED)]

    terms.do(concepts.update, other, Words(related=()))

    assert seen == [{other}, {one}]
    assert linked(terms, one, LinkKind.RELATED) == frozenset()


def test_concepts_of_another_thesaurus_and_deprecated_ones_are_not_linked(terms):
    elsewhere = terms.add("Elsewhere", home=terms.begin())
    gone = terms.add("Gone")
    terms.do(concepts.deprecate, gone, (), reason="Nobody says so")

    for target, message in (
        (elsewhere, "is no other concept of this thesaurus"),
        (new_id(), "is no other concept of this thesaurus"),
        (gone, "the concept `Gone` is deprecated"),
    ):
        with pytest.raises(errors.Invalid) as caught:
            terms.add("Here", broader=(target,))
        assert (caught.value.message, caught.value.path) == (message, ("broaderIds", "0"))


def test_deprecating_needs_a_reason_or_a_successor(terms):
    made = terms.approved("Steam lorries")

    with pytest.raises(errors.Invalid, match="^say by which concepts it is replaced, or why it is given up$"):
        terms.do(concepts.deprecate, made, (), reason=" ")
    terms.do(concepts.deprecate, made, (), reason="None are left")

    row = terms.row(made)
    assert (row.state, row.deprecation_reason, row.deprecated_by) == (
        ConceptState.DEPRECATED,
        "None are left",
        terms.writer,
    )
    with pytest.raises(errors.State, match="^a concept in state `deprecated` does not permit `update`$"):
        terms.do(concepts.update, made, Words(notation="1"))


@pytest.mark.parametrize(("count", "kind"), [(1, ForwardKind.REPLACED), (2, ForwardKind.SPLIT)])
def test_deprecated_concept_goes_on_in_others(terms, count, kind):
    made = terms.add("Wagons")
    targets = sorted(terms.add(f"Part {number}") for number in range(count))

    terms.do(concepts.deprecate, made, targets, reason=None)

    found = terms.desk.see(terms.writer, conceptlines.forwardings, [made])[made]
    assert [(row.target_id, row.kind) for row in found] == [(target, kind) for target in targets]


def test_merged_concept_gives_its_names_and_what_lies_below_it(terms):
    top = terms.add("Waterways")
    one = terms.approved("Canals", "Cuts", broader=(top,))
    other = terms.approved("Channels")
    low = terms.add("Ship canals", broader=(one,))

    terms.do(concepts.merge, one, other, reason="One thing")

    assert terms.row(one).state is ConceptState.DEPRECATED
    assert terms.row(other).state is ConceptState.CANDIDATE
    assert [text for _, _, text in labels_of(terms, other)] == ["Canals", "Cuts", "Channels"]
    assert linked(terms, low, LinkKind.BROADER) == {other}
    found = terms.desk.see(terms.writer, conceptlines.forwardings, [one])[one]
    assert [(row.target_id, row.kind) for row in found] == [(other, ForwardKind.MERGED)]


def test_concept_is_not_merged_into_one_far_below_it(terms):
    top = terms.add("Rivers")
    middle = terms.add("Tributaries", broader=(top,))
    low = terms.add("Brooks", broader=(middle,))

    with pytest.raises(errors.Invalid, match="^a concept cannot lie below itself") as caught:
        terms.do(concepts.merge, top, low, reason="Wrong")

    assert caught.value.path == ("intoId",)
    assert terms.row(top).state is ConceptState.CANDIDATE


def test_all_candidates_but_ones_own_are_approved_at_a_revision_that_was_seen(desk, terms):
    home = terms.begin()
    ours = [terms.add(f"Term {number}", home=home) for number in range(3)]
    desk.do(terms.approver, concepts.create, home, Words(labels=(preferred("His own"),)))
    stale = terms.home(home).revision - 1

    with pytest.raises(errors.Conflict):
        desk.do(terms.approver, concepts.approve_all, home, expected_revision=stale)
    done = desk.do(terms.approver, concepts.approve_all, home, expected_revision=stale + 1)

    assert (done.approved, done.own, done.left) == (3, 1, 1)
    assert {terms.row(each).state for each in ours} == {ConceptState.APPROVED}


def test_concepts_are_listed_by_label_thesaurus_state_and_place(desk, terms):
    home = terms.begin()
    top = terms.add("Éclairs", home=home)
    terms.add("ebony", home=home, broader=(top,))
    terms.add("Zebras", home=home)

    def names(**chosen):
        page = desk.see(terms.writer, concepts.listed, PageRequest(9), Chosen(thesaurus_id=home, **chosen))
        return [row.label for row in page.rows]

    assert names() == ["ebony", "Éclairs", "Zebras"]
    assert names(begins="ECL") == ["Éclairs"]
    assert names(broader_id=top) == ["ebony"]
    assert names(state=ConceptState.APPROVED) == []


def test_reader_reads_concepts_and_changes_none(desk, terms):
    reader = desk.world.user()
    made = terms.add("Open words")

    found = desk.see(reader, concepts.concept, made)

    assert found.label == "Open words"
    assert desk.see(reader, concepts.transitions, found) == ()
    for act in (
        lambda work: thesauri.create(work, NewThesaurus("mine", "Mine")),
        lambda work: concepts.create(work, terms.id, Words(labels=(preferred("Mine"),))),
        lambda work: concepts.update(work, made, Words(notation="1"), expected_revision=1),
        lambda work: concepts.approve_all(work, terms.id, expected_revision=1),
    ):
        with pytest.raises(errors.Duty):
            desk.do(reader, act)


def test_stale_revision_is_a_conflict(desk, terms):
    made = terms.approved("Moved on")

    with pytest.raises(errors.Conflict) as caught:
        desk.do(terms.writer, concepts.update, made, Words(notation="7"), expected_revision=1)

    assert caught.value.current_revision == 2


@pytest.mark.parametrize(("values", "name"), [({"code": "taken"}, "code"), ({"uri": "urn:taken:1"}, "uri")])
def test_code_and_iri_of_a_thesaurus_are_its_own(terms, values, name):
    terms.begin(**values)

    with pytest.raises(errors.Conflict) as caught:
        terms.begin(**values)

    assert caught.value.path == (name,)
    assert caught.value.message.startswith(f"another thesaurus has the {name} `")


def test_hidden_labels_are_kept_apart(terms):
    made = terms.add("Colour")

    terms.do(
        concepts.update, made, Words(labels=(preferred("Colour"), Label(LabelKind.HIDDEN, "en", "Coulour")))
    )

    assert labels_of(terms, made) == [("hidden", "en", "Coulour"), ("preferred", "en", "Colour")]


def test_iri_of_a_concept_is_its_own_in_a_thesaurus(desk, terms):
    words = Words(labels=(preferred("Twice"),))
    desk.do(terms.writer, concepts.create, terms.id, words, uri="urn:twice:1")

    with pytest.raises(errors.Conflict, match="^another concept of this thesaurus has the IRI `urn:twice:1`"):
        desk.do(terms.writer, concepts.create, terms.id, words, uri="urn:twice:1")
