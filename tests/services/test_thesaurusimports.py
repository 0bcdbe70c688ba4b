"""SKOS read in and written through the use cases, on both databases: slices, repetition, forwarding."""

from __future__ import annotations

import itertools

import pytest
from rdflib.compare import isomorphic

from dms.base import errors
from dms.jobs import thesauri as job
from dms.jobs.thesauri import Wish
from dms.rules import skosparsing, skosreading
from dms.rules.concepts import LinkKind
from dms.rules.skosvalues import Format, Remark
from dms.rules.states import ConceptState
from dms.services import conceptlines, concepts
from dms.services.concepts import Words
from dms.services.thesaurusimports import Outcome
from dms.stores import thesauri as facts
from tests.factories import actor
from tests.services.vocabulary import Vocabulary, preferred

_numbers = itertools.count(1)
BODY = """@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix : <https://example.org/%s/> .
:t a skos:ConceptScheme ; dct:title "Terms" ; dct:creator [ dct:title "N" ] .
:cars a skos:Concept ; skos:inScheme :t ; skos:prefLabel "Cars"@en, "Autos"@de ; skos:altLabel "Wagons"@en ;
   skos:broader :vehicles ; skos:related :roads ; skos:scopeNote "On wheels"@en ;
   dct:source [ dct:title "M" ] .
:roads a skos:Concept ; skos:prefLabel "Roads"@en ; skos:related :cars .
:vehicles a skos:Concept ; skos:prefLabel "Vehicles"@en, "Zebras"@en ; skos:narrower :cars .
:carts a skos:Concept ; skos:prefLabel "Carts"@en ; owl:deprecated true ; dct:isReplacedBy :cars .
"""


@pytest.fixture(scope="module")
def terms(desk):
    return Vocabulary(desk)


class Read:
    """A source with IRIs of its own, read in as a technician."""

    def __init__(self, terms):
        number = next(_numbers)
        self.terms, self.code, self.body = terms, f"read-{number}", BODY % number

    def read(self, body=None, *, by=None, **values):
        wish = Wish((body or self.body).encode(), Format.TURTLE, self.code, **values)
        user = actor(by or self.terms.writer)
        return job.read_in(self.terms.desk.house.works, user, wish, tell=lambda *_: None)

    def written(self, **options):
        how = {"kind": Format.TURTLE, "approved_only": False, "with_aside": False, **options}
        return job.write_out(self.terms.desk.house.works, actor(self.terms.writer), self.code, **how)

    @property
    def uris(self):
        def found(work):
            home = facts.thesaurus_id(work, self.code)
            return {} if home is None else facts.uris(work, home)

        known = self.terms.desk.world.build(found)
        return {uri.rpartition("/")[2]: key for uri, key in known.items()}


@pytest.fixture
def source(terms):
    return Read(terms)


def test_dry_run_reports_and_keeps_nothing(source):
    report = source.read(is_dry=True)

    assert report.outcomes == {Outcome.ADDED: 4}
    assert [each.remark for each in report.findings] == [Remark.SECOND_PREFERRED_LABEL]
    assert source.uris == {}


def test_what_is_read_in_waits_and_comes_out_as_it_was_found(terms, source):
    report = source.read(language="en")

    assert (report.outcomes, report.links, report.triples) == ({Outcome.ADDED: 4}, 2, 25)
    cars = terms.row(source.uris["cars"])
    assert (cars.state, cars.label) == (ConceptState.CANDIDATE, "Cars")
    assert terms.row(source.uris["carts"]).state is ConceptState.DEPRECATED
    found = skosparsing.parsed(source.written(with_aside=True), Format.TURTLE)
    assert isomorphic(found, skosparsing.parsed(source.body.encode(), Format.TURTLE))
    strict = skosparsing.parsed(source.written(kind=Format.XML), Format.XML)
    assert len(found) - len(strict) == 1


def test_same_source_again_changes_nothing(terms, source):
    source.read()
    before = {key: terms.row(key).revision for key in source.uris.values()}

    again = source.read()
    other = source.read(source.body + "\n# the same, said in another file\n")

    assert again.is_known
    assert (other.outcomes, other.relinked) == ({Outcome.UNCHANGED: 4}, 0)
    assert {key: terms.row(key).revision for key in source.uris.values()} == before


def test_changed_source_changes_what_differs_and_asks_for_approval_again(terms, source):
    source.read()
    for name in ("cars", "roads"):
        terms.do(concepts.approve, source.uris[name], by=terms.approver)

    changed = source.body.replace('"Wagons"@en', '"Waggons"@en').replace("skos:broader :vehicles ;", "")
    report = source.read(changed.replace("skos:narrower :cars", 'skos:note "Alone"'))

    assert report.outcomes == {Outcome.CHANGED: 2, Outcome.UNCHANGED: 2}
    assert report.relinked == 1
    assert terms.row(source.uris["cars"]).state is ConceptState.CANDIDATE
    assert terms.row(source.uris["roads"]).state is ConceptState.APPROVED
    found = terms.desk.see(terms.writer, conceptlines.linked, source.uris["cars"], LinkKind.BROADER)
    assert found == frozenset()


def test_what_was_given_up_here_and_what_the_source_no_longer_names_stay(terms, source):
    source.read()
    terms.do(concepts.deprecate, source.uris["roads"], (), reason="We have none")

    report = source.read(source.body.replace(":carts a", ":lorries a").replace('"Carts"', '"Lorries"'))

    assert report.outcomes == {Outcome.ADDED: 1, Outcome.UNCHANGED: 2, Outcome.LEFT: 1}
    gone = [each.subject for each in report.findings if each.remark is Remark.NO_LONGER_THERE]
    assert [each.rpartition("/")[2] for each in gone] == ["carts"]
    assert terms.row(source.uris["roads"]).deprecation_reason == "We have none"


def test_relation_to_a_concept_that_only_stands_here_survives_a_source(terms, source):
    source.read()
    home = terms.row(source.uris["cars"]).thesaurus_id
    own = terms.add("Garages", home=home, related=(source.uris["cars"],))

    source.read(source.body + "\n# again\n")

    found = terms.desk.see(terms.writer, conceptlines.linked, source.uris["cars"], LinkKind.RELATED)
    assert found == {own, source.uris["roads"]}


def test_reading_goes_on_where_it_was_killed(source, monkeypatch):
    monkeypatch.setattr(job, "SLICE", 1)
    told = []

    def kill(done, total):
        told.append(done)
        if done == 3:
            raise KeyboardInterrupt

    wish = Wish(source.body.encode(), Format.TURTLE, source.code)
    with pytest.raises(KeyboardInterrupt):
        job.read_in(source.terms.desk.house.works, actor(source.terms.writer), wish, tell=kill)
    between = len(source.uris)

    report = source.read()

    assert (told, between) == ([1, 2, 3], 3)
    assert report.outcomes == {Outcome.UNCHANGED: 3, Outcome.ADDED: 1}
    assert report.links == 2


def test_what_is_made_here_is_written_too(terms):
    home = terms.begin(code="made-here", title="Made here")
    top = terms.add("Plants", home=home)
    one = terms.add("Trees", home=home, broader=(top,))
    terms.do(concepts.approve, top, by=terms.approver)
    gone = terms.add("Shrubs", home=home)
    terms.do(concepts.deprecate, gone, [one], reason=None)

    def written(**options):
        how = {"kind": Format.TURTLE, "approved_only": False, "with_aside": False, **options}
        out = job.write_out(terms.desk.house.works, actor(terms.writer), "made-here", **how)
        return skosreading.read(out, Format.TURTLE)

    whole, approved = written(), written(approved_only=True)

    assert (whole.title, whole.findings) == ("Made here", [])
    assert [len(each.concepts) for each in (whole, approved)] == [3, 2]
    assert [len(each.links) for each in (whole, approved)] == [1, 0]
    shrubs = next(each for each in whole.concepts if each.is_deprecated)
    assert shrubs.replaced_by == (f"urn:uuid:{one}",)


def test_reading_in_needs_the_duty(desk, source):
    with pytest.raises(errors.Duty):
        source.read(by=desk.world.user())

    assert source.uris == {}


def test_renamed_concept_goes_out_with_both_names(terms, source):
    source.read()
    cars = source.uris["cars"]
    terms.do(concepts.approve, cars, by=terms.approver)
    terms.do(concepts.update, cars, Words(labels=(preferred("Motor-cars"),)))

    assert b'altLabel "Autos"@de' in source.written()


def test_unknown_thesaurus_is_not_written(terms):
    with pytest.raises(errors.Invalid, match="^there is no thesaurus `nothing`$"):
        job.write_out(
            terms.desk.house.works,
            actor(terms.writer),
            "nothing",
            kind=Format.TURTLE,
            approved_only=False,
            with_aside=False,
        )
