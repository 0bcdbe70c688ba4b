"""The words of SKOS for what a concept has here (SKOS Reference, W3C Recommendation of 2009)."""

from __future__ import annotations

from collections.abc import Mapping

from rdflib import DCTERMS, OWL, RDF, RDFS, SKOS
from rdflib.term import URIRef

from dms.rules.concepts import LabelKind, MatchKind, NoteKind

LABELS: Mapping[URIRef, LabelKind] = {
    SKOS.prefLabel: LabelKind.PREFERRED,
    SKOS.altLabel: LabelKind.ALTERNATIVE,
    SKOS.hiddenLabel: LabelKind.HIDDEN,
}
NOTES: Mapping[URIRef, NoteKind] = {
    SKOS.note: NoteKind.NOTE,
    SKOS.definition: NoteKind.DEFINITION,
    SKOS.scopeNote: NoteKind.SCOPE,
    SKOS.example: NoteKind.EXAMPLE,
    SKOS.historyNote: NoteKind.HISTORY,
    SKOS.editorialNote: NoteKind.EDITORIAL,
    SKOS.changeNote: NoteKind.CHANGE,
}
MATCHES: Mapping[URIRef, MatchKind] = {
    SKOS.exactMatch: MatchKind.EXACT,
    SKOS.closeMatch: MatchKind.CLOSE,
    SKOS.broadMatch: MatchKind.BROADER,
    SKOS.narrowMatch: MatchKind.NARROWER,
    SKOS.relatedMatch: MatchKind.RELATED,
}
TITLES = (DCTERMS.title, SKOS.prefLabel, RDFS.label)

IS_A, CONCEPT, SCHEME, IN_SCHEME = RDF.type, SKOS.Concept, SKOS.ConceptScheme, SKOS.inScheme
BROADER, NARROWER, RELATED, NOTATION = SKOS.broader, SKOS.narrower, SKOS.related, SKOS.notation
DEPRECATED, REPLACED_BY, TITLE = OWL.deprecated, DCTERMS.isReplacedBy, DCTERMS.title
