"""A thesaurus written as SKOS: strict, so nothing leaves that contradicts a rule of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from rdflib import DCTERMS, OWL, SKOS, XSD, Graph, Namespace
from rdflib.term import Identifier, Literal, URIRef

from dms.rules import skos, triples
from dms.rules.concepts import LinkKind, Stated
from dms.rules.skosvalues import Format, Linked, Said, Source

_LABEL = {kind: verb for verb, kind in skos.LABELS.items()}
_NOTE = {kind: verb for verb, kind in skos.NOTES.items()}
_MATCH = {kind: verb for verb, kind in skos.MATCHES.items()}


def graph_of(source: Source, *, with_aside: bool = False) -> Graph:
    """Return a thesaurus as a graph; what contradicts a rule is in it only if that is asked for."""
    graph = Graph(bind_namespaces="none")
    for name, namespace in (("skos", SKOS), ("dct", DCTERMS), ("owl", OWL), ("xsd", XSD)):
        graph.bind(name, Namespace(str(namespace)))
    graph += triples.read(source.kept)
    if source.uri is not None and not source.kept:
        graph.add((URIRef(source.uri), skos.IS_A, skos.SCHEME))
        if source.title is not None:
            graph.add((URIRef(source.uri), skos.TITLE, Literal(source.title)))
    for said in source.concepts:
        _add(graph, said, source.uri, with_aside=with_aside)
    for link in source.links:
        _connect(graph, link)
    return graph


def written(graph: Graph, kind: Format) -> bytes:
    """Return a graph as a file."""
    name = {Format.TURTLE: "turtle", Format.XML: "xml"}[kind]
    return graph.serialize(format=name, encoding="utf-8")


def faults(graph: Graph) -> Sequence[str]:
    """Return where a graph contradicts SKOS: S9, S13, S14, S27 and S46 of its reference, as sentences."""
    found = [
        f"`{each}` is a concept and a scheme (S9)"
        for each in set(graph.subjects(skos.IS_A, skos.CONCEPT)) & set(graph.subjects(skos.IS_A, skos.SCHEME))
    ]
    subjects = {each for verb in skos.LABELS for each, _, _ in triples.found(graph, None, verb)}
    for subject in sorted(subjects):
        found += _label_faults(graph, subject)
    up: dict[Identifier, set[Identifier]] = {}
    for verb, is_turned in ((skos.BROADER, False), (skos.NARROWER, True)):
        for one, _, other in triples.found(graph, None, verb):
            up.setdefault(other if is_turned else one, set()).add(one if is_turned else other)
    for one, _, other in triples.found(graph, None, skos.RELATED):
        if other in _above(up, one) or one in _above(up, other):
            found.append(f"`{one}` is related to `{other}`, which lies above or below it (S27)")
    for one, _, other in triples.found(graph, None, SKOS.exactMatch):
        if {(one, verb, other) for verb in (SKOS.broadMatch, SKOS.relatedMatch)} & set(
            graph.triples((one, None, other))
        ):
            found.append(f"`{one}` matches `{other}` exactly and not (S46)")
    return sorted(found)


def _label_faults(graph: Graph, subject: Identifier) -> Iterable[str]:
    kinds = [set(graph.objects(subject, verb)) for verb in skos.LABELS]
    tags = [each.language for each in kinds[0] if isinstance(each, Literal)]
    if len(tags) != len(set(tags)):
        yield f"`{subject}` has two preferred labels in a language (S14)"
    if len(set().union(*kinds)) != sum(map(len, kinds)):
        yield f"a label of `{subject}` is of two kinds (S13)"


def _above(up: Mapping[Identifier, Collection[Identifier]], start: Identifier) -> set[Identifier]:
    found: set[Identifier] = set()
    waiting = [start]
    while waiting:
        for each in up.get(waiting.pop(), ()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def _add(graph: Graph, said: Said, scheme: str | None, *, with_aside: bool) -> None:
    subject = URIRef(said.uri)
    graph.add((subject, skos.IS_A, skos.CONCEPT))
    if said.is_in_scheme and scheme is not None:
        graph.add((subject, skos.IN_SCHEME, URIRef(scheme)))
    for label in said.wording.labels:
        graph.add((subject, _LABEL[label.kind], Literal(label.text, lang=label.language or None)))
    for note in said.wording.notes:
        graph.add((subject, _NOTE[note.kind], Literal(note.text, lang=note.language or None)))
    for match in said.wording.matches:
        graph.add((subject, _MATCH[match.kind], URIRef(match.uri)))
    if said.wording.notation is not None:
        graph.add((subject, skos.NOTATION, Literal(said.wording.notation)))
    if said.is_deprecated:
        graph.add((subject, skos.DEPRECATED, Literal("true", datatype=XSD.boolean)))
    for target in said.replaced_by:
        graph.add((subject, skos.REPLACED_BY, URIRef(target)))
    graph += triples.read(said.kept)
    if with_aside:
        graph += triples.read(said.aside)


def _connect(graph: Graph, link: Linked) -> None:
    forward, inverse = (
        (skos.BROADER, skos.NARROWER) if link.kind is LinkKind.BROADER else (skos.RELATED, skos.RELATED)
    )
    if link.stated is not Stated.INVERSE:
        graph.add((URIRef(link.uri), forward, URIRef(link.target)))
    if link.stated is not Stated.FORWARD:
        graph.add((URIRef(link.target), inverse, URIRef(link.uri)))
