"""SKOS read leniently and written strictly: nothing dropped, nothing guessed, nothing fetched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rdflib import SKOS, Graph
from rdflib.compare import isomorphic
from rdflib.term import BNode, Literal, URIRef

from dms.base.errors import Invalid
from dms.rules import skosparsing, skosreading, skoswriting, triples
from dms.rules.concepts import LabelKind, LinkKind, Stated
from dms.rules.skosvalues import Format, Remark
from tests import examples

HEAD = """@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix : <https://example.org/t/> .
"""


def read(body, **options):
    return skosreading.read((HEAD + body).encode(), Format.TURTLE, **options)


def remarks(source):
    return [(each.remark, each.subject.rpartition("/")[2]) for each in source.findings]


def said_of(source, name):
    return next(each for each in source.concepts if each.uri.endswith(f"/{name}"))


def test_concept_is_read_with_all_that_is_said_of_it():
    source = read("""
:t a skos:ConceptScheme ; dct:title "Terms" .
:a a skos:Concept ; skos:inScheme :t ; skos:prefLabel "Cars"@EN, "Autos"@de ;
   skos:altLabel "Automobiles"@en ; skos:hiddenLabel "Carrs" ; skos:scopeNote "On wheels"@en ;
   skos:notation "1" ; skos:exactMatch <https://other.org/cars> ; skos:broader :b ; dct:created "2019" .
:b a skos:Concept ; skos:prefLabel "Vehicles"@en .
""")

    said = said_of(source, "a")
    assert (source.uri, source.title, source.triples) == ("https://example.org/t/t", "Terms", 15)
    assert [(each.kind, each.language, each.text) for each in said.wording.labels] == [
        (LabelKind.ALTERNATIVE, "en", "Automobiles"),
        (LabelKind.HIDDEN, "", "Carrs"),
        (LabelKind.PREFERRED, "de", "Autos"),
        (LabelKind.PREFERRED, "en", "Cars"),
    ]
    assert (said.wording.notation, said.is_in_scheme, said_of(source, "b").is_in_scheme) == ("1", True, False)
    assert said.kept == '<https://example.org/t/a> <http://purl.org/dc/terms/created> "2019" .\n'
    assert [(each.kind, each.stated) for each in source.links] == [(LinkKind.BROADER, Stated.FORWARD)]
    assert source.findings == []


@pytest.mark.parametrize(
    ("body", "remark", "names"),
    [
        (':a a skos:Concept ; skos:prefLabel "B", "A" .', Remark.SECOND_PREFERRED_LABEL, ["a"]),
        (':a a skos:Concept ; skos:prefLabel "A" ; skos:altLabel "A" .', Remark.LABEL_OF_TWO_KINDS, ["a"]),
        (
            ':a a skos:Concept ; skos:prefLabel "A" ; skos:altLabel "A\\u0007" .',
            Remark.UNREADABLE_LABEL,
            ["a"],
        ),
        (':a a skos:Concept ; skos:prefLabel "A" ; skos:altLabel [] .', Remark.UNREADABLE_LABEL, ["a"]),
        (':a a skos:Concept ; skos:prefLabel "A" ; skos:note "\\u0000" .', Remark.UNREADABLE_NOTE, ["a"]),
        (":a a skos:Concept .", Remark.NO_LABEL, ["a"]),
        ('[] a skos:Concept ; skos:prefLabel "A" .', Remark.BLANK_CONCEPT, [""]),
        (':a skos:prefLabel "A" .', Remark.UNTYPED_CONCEPT, ["a"]),
        (
            (
                ':a a skos:Concept ; skos:prefLabel "A" ; skos:broader :b .'
                ':b a skos:Concept ; skos:prefLabel "B" ; skos:broader :a .'
            ),
            Remark.CIRCLE,
            ["b"],
        ),
        (
            (
                ':a a skos:Concept ; skos:prefLabel "A" ; skos:broader :b ; skos:related :b .'
                ':b a skos:Concept ; skos:prefLabel "B" .'
            ),
            Remark.RELATED_IN_LINE,
            ["a"],
        ),
        (':a a skos:Concept ; skos:prefLabel "A" ; skos:related :a .', Remark.RELATED_IN_LINE, ["a"]),
        (
            ':a a skos:Concept ; skos:prefLabel "A" ; skos:exactMatch :x ; skos:relatedMatch :x .',
            Remark.MATCHES_TWICE,
            ["a"],
        ),
    ],
)
def test_what_cannot_be_is_reported_and_comes_out_again_as_it_was_found(body, remark, names):
    source = read(body)

    assert [name for each, name in remarks(source) if each is remark] == names
    strict, found = skoswriting.graph_of(source), skoswriting.graph_of(source, with_aside=True)
    assert isomorphic(found, skosparsing.parsed((HEAD + body).encode(), Format.TURTLE))
    assert skoswriting.faults(strict) == []


def test_strict_output_says_what_contradicts_skos():
    graph = Graph().parse(
        data=HEAD
        + """
:a a skos:Concept, skos:ConceptScheme ; skos:prefLabel "A", "B" ; skos:altLabel "A" ;
   skos:exactMatch :x ; skos:broadMatch :x ; skos:broader :b ; skos:related :b .""",
        format="turtle",
    )

    found = skoswriting.faults(graph)

    assert {each.rpartition("(")[2] for each in found} == {"S9)", "S13)", "S14)", "S27)", "S46)"}


def test_several_schemes_are_to_be_chosen_from():
    body = """:t a skos:ConceptScheme . :u a skos:ConceptScheme .
:a a skos:Concept ; skos:prefLabel "A" ; skos:inScheme :t .
:b a skos:Concept ; skos:prefLabel "B" ; skos:inScheme :u ."""

    with pytest.raises(Invalid, match="^the file has several concept schemes: choose one of `https://ex"):
        read(body)
    with pytest.raises(Invalid, match="^the file has no concept scheme `urn:x`$"):
        read(body, scheme="urn:x")
    chosen = read(body, scheme="https://example.org/t/u")

    assert [each.uri for each in chosen.concepts] == ["https://example.org/t/b"]
    assert '"A"' in chosen.kept


def test_deprecated_concept_says_what_replaces_it():
    source = read("""
:a a skos:Concept ; skos:prefLabel "A" ; owl:deprecated true ; dct:isReplacedBy :b .
:b a skos:Concept ; skos:prefLabel "B" .""")

    said = said_of(source, "a")

    assert (said.is_deprecated, said.replaced_by, said.kept) == (True, ("https://example.org/t/b",), "")
    assert said_of(source, "b").is_deprecated is False


@pytest.mark.parametrize(
    ("source", "kind", "message"),
    [
        (b"\xff\xfe", Format.TURTLE, "the file is not UTF-8 (byte 0): save it as UTF-8"),
        (b"@prefix", Format.TURTLE, "the file cannot be read as turtle: "),
        (b"[" * 100_000, Format.TURTLE, "the file cannot be read as turtle: "),
        (b"<a>", Format.XML, "the file cannot be read as xml: "),
        (b"<a/>" * 2, Format.XML, "the file cannot be read as xml: "),
        (b"<a>" * 200, Format.XML, "the file nests deeper than 100 elements"),
        (
            b'<!DOCTYPE a [<!ENTITY b "c">]><a/>',
            Format.XML,
            "the file declares a document type or entities, which are not read: write it without",
        ),
        (b" " * (32 * 1024 * 1024 + 1), Format.TURTLE, "the file is larger than 33554432 bytes: split it"),
    ],
    ids=range(8),
)
def test_file_that_cannot_be_read_is_refused_in_words(source, kind, message):
    with pytest.raises(Invalid) as caught:
        skosreading.read(source, kind)

    assert caught.value.message.startswith(message)
    assert caught.value.path == ("file",)


def test_iri_that_no_file_can_hold_is_reported_kept_and_not_written():
    source = read(':a a skos:Concept ; skos:prefLabel "A" ; skos:closeMatch <x y> .')

    assert remarks(source) == [(Remark.UNREADABLE_IRI, "a")]
    assert "<https://relative.invalid/x\\u0020y>" in source.concepts[0].kept
    assert len(skoswriting.graph_of(source, with_aside=True)) == 2


def test_numbers_stay_as_they_are_written():
    source = read(':a a skos:Concept ; skos:prefLabel "A" ; :n "007"^^xsd:integer ; :d "01"^^<urn:t> .')

    assert '"007"^^' in said_of(source, "a").kept


LEAVES = st.sampled_from([Literal("x"), Literal('y\n"\\\x00\t', lang="en"), URIRef("urn:a:1")])
TREES = st.recursive(LEAVES, lambda below: st.lists(below, max_size=3), max_leaves=8)


def grown(graph, subject, tree, verb=SKOS.note):
    """Say a tree of a subject, with a blank node for each list."""
    if not isinstance(tree, list):
        graph.add((subject, verb, tree))
        return
    node = BNode()
    graph.add((subject, verb, node))
    for each in tree:
        grown(graph, node, each)


@examples.costly
@given(st.lists(TREES, max_size=4), st.randoms())
def test_text_of_trees_depends_on_what_they_say_alone(forest, random):
    def made():
        graph = Graph()
        for tree in random.sample(forest, len(forest)):
            grown(graph, URIRef("urn:top"), tree)
        return graph

    one, other = made(), made()
    text = triples.text_of(list(triples.found(one)))

    assert text == triples.text_of(list(triples.found(other)))
    assert triples.text_of(list(triples.found(triples.read(text)))) == text
    assert len(triples.read(text)) == len(one)


def test_blank_nodes_that_two_name_or_that_name_each_other_are_kept_with_the_thesaurus():
    body = """:a a skos:Concept ; skos:prefLabel "A" ; :p _:x, _:y .
:b a skos:Concept ; skos:prefLabel "B" ; :p _:x . _:x :q "1" . _:y :q _:z . _:z :q _:y ."""

    source = read(body)

    assert {each.kept for each in source.concepts} == {""}
    assert isomorphic(skoswriting.graph_of(source), skosparsing.parsed((HEAD + body).encode(), Format.TURTLE))


@pytest.mark.parametrize("kind", Format)
def test_what_is_written_says_the_same_when_it_is_read(kind):
    source = read("""
:t a skos:ConceptScheme ; dct:creator [ dct:title "N" ; dct:source [ dct:title "M" ] ] .
:a a skos:Concept ; skos:inScheme :t ; skos:prefLabel "Cars"@en ; skos:narrower :b ; skos:related :c .
:b a skos:Concept ; skos:prefLabel "Vans"@en ; skos:broader :a ; dct:source [ dct:title "N" ] .
:c a skos:Concept ; skos:prefLabel " Roads  "@en .""")
    graph = skoswriting.graph_of(source)

    again = skosreading.read(skoswriting.written(graph, kind), kind)

    assert again == source
