"""SKOS as people write it, read: nothing is guessed and nothing dropped, oddities become findings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import rdflib
from rdflib import XSD, Graph
from rdflib.term import BNode, Identifier, Literal, URIRef

from dms.base.errors import Invalid
from dms.rules import concepts, skos, skosparsing, text, triples
from dms.rules.concepts import Label, LabelKind, LinkKind, Match, Note, Stated, Wording
from dms.rules.skosvalues import Finding, Format, Linked, Remark, Said, Source
from dms.rules.triples import Triple

S = TypeVar("S", Label, Note, Match)

_RAW = 500
_TRUE = Literal("true", datatype=XSD.boolean)


def read(source: bytes, kind: Format, *, scheme: str | None = None) -> Source:
    """Return what a source says; `Invalid` if it cannot be read, or names several schemes.

    Of several one is chosen by its IRI.
    """
    graph = skosparsing.parsed(source, kind)
    uri = _scheme(graph, scheme)
    subjects = _concepts(graph, uri, is_chosen=scheme is not None)
    named = frozenset(each for each in subjects if _is_named(graph, each))
    reader = _Reader(graph, uri, named, triples.trees(graph))
    for each in subjects - named:
        reader.note(Remark.NO_LABEL, str(each), "it has no preferred label that can be read")
    links = reader.links()
    said = [reader.concept(each) for each in sorted(named)]
    kept = triples.text_of([each for each in triples.found(graph) if each not in reader.consumed])
    for triple in filter(triples.is_odd, triples.found(graph)):
        reader.note(Remark.UNREADABLE_IRI, str(triple[0]), " ".join(map(triples.term_text, triple)))
    for subject in graph.subjects(skos.IS_A, skos.CONCEPT):
        if isinstance(subject, BNode):
            reader.note(Remark.BLANK_CONCEPT, str(uri or ""), "a concept without an IRI")
    for subject in set(graph.subjects(rdflib.SKOS.prefLabel)) - subjects:
        if isinstance(subject, URIRef) and not set(graph.objects(subject, skos.IS_A)):
            reader.note(
                Remark.UNTYPED_CONCEPT, str(subject), "it has a label, and is not said to be a concept"
            )
    return Source(
        uri=None if uri is None else str(uri),
        title=_title(graph, uri),
        concepts=said,
        links=links,
        kept=kept,
        findings=sorted(set(reader.findings)),
        triples=len(graph),
    )


def _scheme(graph: Graph, asked: str | None) -> URIRef | None:
    found = sorted(each for each in graph.subjects(skos.IS_A, skos.SCHEME) if isinstance(each, URIRef))
    if asked is not None:
        if URIRef(asked) not in found:
            raise Invalid(f"the file has no concept scheme `{asked}`", path=("scheme",))
        return URIRef(asked)
    if len(found) > 1:
        names = ", ".join(f"`{each}`" for each in found[:5])
        raise Invalid(f"the file has several concept schemes: choose one of {names}", path=("scheme",))
    return found[0] if found else None


def _concepts(graph: Graph, uri: URIRef | None, *, is_chosen: bool) -> set[URIRef]:
    found = {
        each
        for each in graph.subjects(skos.IS_A, skos.CONCEPT)
        if isinstance(each, URIRef)
        and not triples.is_odd((each, each, each))
        and len(each) <= concepts.MAX_URI
    }
    if not is_chosen:
        return found
    return {each for each in found if (each, skos.IN_SCHEME, uri) in graph}


def _is_named(graph: Graph, subject: URIRef) -> bool:
    """Tell whether a subject has a preferred label that can be kept."""
    return any(
        isinstance(said, Literal) and said.datatype is None and _is_line(said, concepts.MAX_LABEL)
        for said in graph.objects(subject, rdflib.SKOS.prefLabel)
    )


def _title(graph: Graph, uri: URIRef | None) -> str | None:
    for verb in skos.TITLES if uri is not None else ():
        for said in sorted(str(each) for each in graph.objects(uri, verb) if isinstance(each, Literal)):
            if said.strip():
                return " ".join(said.split())[: text.MAX_TITLE]
    return None


@dataclass(slots=True)
class _Reader:
    graph: Graph
    scheme: URIRef | None
    subjects: frozenset[URIRef]
    trees: frozenset[Identifier]
    findings: list[Finding] = field(default_factory=list)
    consumed: set[Triple] = field(default_factory=set)
    linked: set[Triple] = field(default_factory=set)
    """Statements that became links."""
    aside: dict[Identifier, set[Triple]] = field(default_factory=dict)
    """Statements against a rule, by the concept that they are kept with."""

    def note(self, remark: Remark, subject: str, raw: str) -> None:
        """Keep a finding."""
        self.findings.append(Finding(remark, subject[:_RAW], raw[:_RAW]))

    def set_aside(self, remark: Remark, triple: Triple) -> None:
        """Keep a statement that contradicts a rule, and say so."""
        self.aside.setdefault(triple[0], set()).add(triple)
        self.note(remark, str(triple[0]), triples.term_text(triple[2]))

    def links(self) -> Sequence[Linked]:
        """Return the links that can stand beside each other; a circle is opened at the last one by IRI."""
        broader = self._stated(LinkKind.BROADER, (skos.BROADER, skos.NARROWER))
        up: dict[Identifier, set[Identifier]] = {}
        found = []
        for (one, other), said in sorted(broader.items()):
            if one == other or one in _above(up, other):
                self._refuse(Remark.CIRCLE, said)
                continue
            up.setdefault(one, set()).add(other)
            found.append(self._link(LinkKind.BROADER, one, other, said))
        for (one, other), said in sorted(
            self._stated(LinkKind.RELATED, (skos.RELATED, skos.RELATED)).items()
        ):
            if one == other or one in _above(up, other) or other in _above(up, one):
                self._refuse(Remark.RELATED_IN_LINE, said)
                continue
            found.append(self._link(LinkKind.RELATED, one, other, said))
        return found

    def concept(self, subject: URIRef) -> Said:
        """Return what is said of a concept."""
        own = set(triples.found(self.graph, subject))
        wording, used = self._wording(own)
        in_scheme = {each for each in own if each[1:] == (skos.IN_SCHEME, self.scheme)}
        used |= in_scheme | {(subject, skos.IS_A, skos.CONCEPT)}
        gone = (subject, skos.DEPRECATED, _TRUE) in own
        replaced = {
            each
            for each in own
            if gone and each[1] == skos.REPLACED_BY and each[2] in self.subjects and each[2] != subject
        }
        used |= replaced | ({(subject, skos.DEPRECATED, _TRUE)} if gone else set())
        aside = self.aside.get(subject, set())
        rest = [
            each
            for each in own - used - aside - self.linked
            if not isinstance(each[2], BNode) or each[2] in self.trees
        ]
        kept = set(triples.below(self.graph, rest, self.trees))
        self.consumed |= used | aside | kept | (self.linked & own)
        return Said(
            uri=str(subject),
            wording=wording,
            is_in_scheme=bool(in_scheme),
            is_deprecated=gone,
            replaced_by=tuple(sorted(str(each[2]) for each in replaced)),
            kept=triples.text_of(kept),
            aside=triples.text_of(aside),
        )

    def _wording(self, own: Iterable[Triple]) -> tuple[Wording, set[Triple]]:
        labels: dict[Label, Triple] = {}
        notes: dict[Note, Triple] = {}
        matches: dict[Match, Triple] = {}
        notations: list[Triple] = []
        for triple in sorted(own, key=_written):
            _, verb, said = triple
            if verb in skos.LABELS:
                self._label(triple, labels)
            elif verb in skos.NOTES and isinstance(said, Literal):
                self._note(triple, notes)
            elif verb in skos.MATCHES and isinstance(said, URIRef):
                self._match(triple, matches)
            elif verb == skos.NOTATION and isinstance(said, Literal) and said.datatype is None:
                notations.append(triple)
        self._without(Remark.SECOND_PREFERRED_LABEL, labels, _second_preferred(labels))
        self._without(Remark.LABEL_OF_TWO_KINDS, labels, _of_two_kinds(labels))
        twice = [each for fault in concepts.match_faults(matches) for each in fault.items]
        self._without(Remark.MATCHES_TWICE, matches, [each for each in matches if each in twice])
        self._without(Remark.TOO_MANY, labels, _beyond(labels))
        self._without(Remark.TOO_MANY, notes, sorted(notes)[concepts.MAX_NOTES :])
        self._without(Remark.TOO_MANY, matches, sorted(matches)[concepts.MAX_MATCHES :])
        notation = [each for each in notations if _is_plain_line(each[2], text.MAX_CODE)]
        wording = Wording(
            tuple(sorted(labels)),
            tuple(sorted(notes)),
            tuple(sorted(matches)),
            str(notation[0][2]) if notation else None,
        )
        return wording, {*labels.values(), *notes.values(), *matches.values(), *notation[:1]}

    def _label(self, triple: Triple, found: dict[Label, Triple]) -> None:
        said = triple[2]
        if (
            not isinstance(said, Literal)
            or said.datatype is not None
            or not _is_line(said, concepts.MAX_LABEL)
        ):
            self.set_aside(Remark.UNREADABLE_LABEL, triple)
            return
        tag = (said.language or "").lower()
        found.setdefault(Label(skos.LABELS[URIRef(triple[1])], tag, str(said)), triple)

    def _note(self, triple: Triple, found: dict[Note, Triple]) -> None:
        said = triple[2]
        if not isinstance(said, Literal) or said.datatype is not None or not _is_block(str(said)):
            self.note(Remark.UNREADABLE_NOTE, str(triple[0]), str(said))
            return
        found.setdefault(
            Note(skos.NOTES[URIRef(triple[1])], (said.language or "").lower(), str(said)), triple
        )

    def _match(self, triple: Triple, found: dict[Match, Triple]) -> None:
        try:
            clean = concepts.uri(str(triple[2]))
        except Invalid:
            return  # it is kept as it stands
        found.setdefault(Match(skos.MATCHES[URIRef(triple[1])], clean), triple)

    def _without(self, remark: Remark, found: dict[S, Triple], gone: Iterable[S]) -> None:
        for each in gone:
            if each in found:
                self.set_aside(remark, found.pop(each))

    def _stated(
        self, kind: LinkKind, verbs: tuple[URIRef, URIRef]
    ) -> Mapping[tuple[Identifier, Identifier], set[Triple]]:
        """Return what states each link: the narrower concept or the smaller IRI first."""
        found: dict[tuple[Identifier, Identifier], set[Triple]] = {}
        for verb in set(verbs):
            for triple in triples.found(self.graph, None, verb):
                one, _, other = triple
                if one in self.subjects and other in self.subjects:
                    is_turned = verb == skos.NARROWER or (kind is LinkKind.RELATED and other < one)
                    pair = (other, one) if is_turned else (one, other)
                    found.setdefault(pair, set()).add(triple)
        return found

    def _link(self, kind: LinkKind, one: Identifier, other: Identifier, said: set[Triple]) -> Linked:
        self.linked |= said
        verb = skos.BROADER if kind is LinkKind.BROADER else skos.RELATED
        stated = Stated.BOTH if len(said) > 1 else Stated.INVERSE
        if said == {(one, verb, other)}:
            stated = Stated.FORWARD
        return Linked(kind, str(one), str(other), stated)

    def _refuse(self, remark: Remark, said: Iterable[Triple]) -> None:
        for triple in said:
            self.set_aside(remark, triple)


def _above(up: Mapping[Identifier, Collection[Identifier]], start: Identifier) -> set[Identifier]:
    found: set[Identifier] = set()
    waiting = [start]
    while waiting:
        for each in up.get(waiting.pop(), ()):
            if each not in found:
                found.add(each)
                waiting.append(each)
    return found


def _second_preferred(labels: Iterable[Label]) -> Sequence[Label]:
    kept: set[str] = set()
    found = []
    for each in sorted(labels):
        if each.kind is not LabelKind.PREFERRED:
            continue
        if each.language in kept:
            found.append(each)
        kept.add(each.language)
    return found


def _beyond(labels: Iterable[Label]) -> Sequence[Label]:
    """Return what is too much; preferred labels come first."""
    order = sorted(labels, key=lambda label: (label.kind is not LabelKind.PREFERRED, label))
    return order[concepts.MAX_LABELS :]


def _of_two_kinds(labels: Iterable[Label]) -> Sequence[Label]:
    order = (LabelKind.PREFERRED, LabelKind.ALTERNATIVE, LabelKind.HIDDEN)
    kept: set[tuple[str, str]] = set()
    found = []
    for each in sorted(labels, key=lambda label: (order.index(label.kind), label)):
        if (each.language, each.text) in kept:
            found.append(each)
        kept.add((each.language, each.text))
    return found


def _written(triple: Triple) -> tuple[str, ...]:
    return tuple(map(triples.term_text, triple))


def _is_plain_line(said: Identifier, limit: int) -> bool:
    return isinstance(said, Literal) and not said.language and _is_line(said, limit)


def _is_line(said: str, limit: int) -> bool:
    return _passes(text.line, said, limit)


def _is_block(said: str) -> bool:
    return bool(said.strip()) and _passes(text.block, said, concepts.MAX_CONCEPT_NOTE)


def _passes(check: Callable[..., str], said: str, limit: int) -> bool:
    """Tell whether text can be kept as it is; only white space at its ends is no reason against it."""
    try:
        check(said, (), limit=limit)
    except Invalid:
        return False
    return len(said) <= limit
