"""What a change of a thesaurus, or a search by its words, must know of concepts, whoever asks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from dms.models.concepts import (
    Concept,
    ConceptForwarding,
    ConceptLabel,
    ConceptLink,
    ConceptMatch,
    ConceptNote,
    ConceptStatement,
    Thesaurus,
)
from dms.rules.concepts import ForwardKind, Label, LabelKind, LinkKind, Match, Note, Wording
from dms.rules.expansions import MOST_EACH, Called
from dms.rules.skosvalues import Linked, Said
from dms.rules.states import ConceptState
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

MOST_CALLED = 200
"""Labels that are read for a search."""


class Held(NamedTuple):
    """A concept as it is kept."""

    id: UUID
    state: ConceptState
    said: Said


def thesaurus_id(work: Work, code: str) -> UUID | None:
    """Return the thesaurus with a code; None if there is none."""
    return session_of(work).execute(select(Thesaurus.id).where(Thesaurus.code == code)).scalar_one_or_none()


def uris(work: Work, thesaurus_id: UUID) -> Mapping[str, UUID]:
    """Return all concepts of a thesaurus by IRI, in the order of these."""
    statement = select(Concept.uri, Concept.id).where(Concept.thesaurus_id == thesaurus_id)
    return {row[0]: row[1] for row in sorted(session_of(work).execute(statement).all())}


def held(work: Work, ids: Collection[UUID]) -> Mapping[str, Held]:
    """Return what is kept of concepts, by IRI."""
    said = wordings(work, ids)
    forwarded = _forwarded(work, ids)
    lines = {each: _triples(work, ids, is_aside=each) for each in (False, True)}
    columns = (Concept.id, Concept.uri, Concept.state, Concept.is_in_scheme)
    return {
        row[1]: Held(
            row[0],
            row[2],
            Said(
                row[1],
                said[row[0]],
                is_in_scheme=row[3],
                is_deprecated=row[2] is ConceptState.DEPRECATED,
                replaced_by=tuple(sorted(forwarded.get(row[0], ()))),
                kept=lines[False].get(row[0], ""),
                aside=lines[True].get(row[0], ""),
            ),
        )
        for row in session_of(work).execute(select(*columns).where(in_ids(Concept.id, ids)))
    }


def linked(work: Work, thesaurus_id: UUID) -> Sequence[Linked]:
    """Return all links of a thesaurus by IRI, in the order of these."""
    one, other = aliased(Concept), aliased(Concept)
    statement = (
        select(ConceptLink.kind, one.uri, other.uri, ConceptLink.stated)
        .join(one, one.id == ConceptLink.concept_id)
        .join(other, other.id == ConceptLink.target_id)
        .where(one.thesaurus_id == thesaurus_id)
    )
    return sorted(Linked(*row) for row in session_of(work).execute(statement))


def statements(work: Work, thesaurus_id: UUID) -> str:
    """Return what is kept of a thesaurus that belongs to none of its concepts, as N-Triples."""
    statement = select(ConceptStatement.triples).where(
        ConceptStatement.thesaurus_id == thesaurus_id, ConceptStatement.concept_id.is_(None)
    )
    return session_of(work).execute(statement).scalar_one_or_none() or ""


def above(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    """Return every concept above some, themselves only where a circle closes."""
    return _reached(work, ids, ConceptLink.concept_id, ConceptLink.target_id)


def below(work: Work, ids: Collection[UUID]) -> frozenset[UUID]:
    """Return every concept below some, themselves only where a circle closes."""
    return _reached(work, ids, ConceptLink.target_id, ConceptLink.concept_id)


def related(work: Work, ids: Collection[UUID]) -> frozenset[tuple[UUID, UUID]]:
    """Return the pairs of related concepts that hold one of these."""
    statement = select(ConceptLink.concept_id, ConceptLink.target_id).where(
        ConceptLink.kind == LinkKind.RELATED,
        or_(in_ids(ConceptLink.concept_id, ids), in_ids(ConceptLink.target_id, ids)),
    )
    return frozenset((row[0], row[1]) for row in session_of(work).execute(statement))


def merged_into(work: Work, concept_id: UUID) -> frozenset[UUID]:
    """Return the concepts that were merged into one, directly or by way of others."""
    forwarding = ConceptForwarding
    is_merged = forwarding.kind == ForwardKind.MERGED
    start = select(forwarding.concept_id).where(forwarding.target_id == concept_id, is_merged)
    found = start.cte("merged", recursive=True)
    further = select(forwarding.concept_id).join(
        found, and_(forwarding.target_id == found.c.concept_id, is_merged)
    )
    return frozenset(session_of(work).execute(select(found.union(further).c.concept_id)).scalars())


def wordings(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Wording]:
    """Return what concepts say of themselves, in the order of `rules.concepts.checked`."""
    if not ids:
        return {}
    labels = _lines(work, ids, ConceptLabel)
    notes = _lines(work, ids, ConceptNote)
    matches = _lines(work, ids, ConceptMatch)
    notations = session_of(work).execute(select(Concept.id, Concept.notation).where(in_ids(Concept.id, ids)))
    return {
        row[0]: Wording(
            tuple(sorted(Label(*each) for each in labels.get(row[0], ()))),
            tuple(sorted(Note(*each) for each in notes.get(row[0], ()))),
            tuple(sorted(Match(*each) for each in matches.get(row[0], ()))),
            row[1],
        )
        for row in notations
    }


def called(work: Work, keys: Collection[str], *, with_narrower: bool) -> Mapping[str, Sequence[Called]]:
    """Return what approved concepts are called that have a label of one of these keys, by key.

    One statement; for each concept two more for those below it. `MOST_CALLED` labels at most.
    """
    if not keys:
        return {}
    found: dict[str, list[Called]] = {}
    named: dict[UUID, list[tuple[str, str]]] = {}
    own, other = aliased(ConceptLabel), aliased(ConceptLabel)
    statement = (
        select(own.text_key, Concept.id, Concept.label, other.text)
        .join(Concept, Concept.id == own.concept_id)
        .join(other, other.concept_id == Concept.id)
        .where(
            own.text_key.in_(sorted(keys)),
            Concept.state == ConceptState.APPROVED,
            other.kind != LabelKind.HIDDEN,
        )
        .order_by(own.text_key, Concept.id, other.id)
        .limit(MOST_CALLED)
    )
    for key, concept_id, label, text in session_of(work).execute(statement):
        found.setdefault(key, []).append(Called(concept_id, label, text, is_narrower=False))
        if (key, label) not in named.setdefault(concept_id, []):
            named[concept_id].append((key, label))
    for concept_id in named if with_narrower else ():
        texts = _called_below(work, concept_id)
        for key, label in named[concept_id]:
            found[key] += [Called(concept_id, label, text, is_narrower=True) for text in texts]
    return found


def candidates(work: Work, thesaurus_id: UUID) -> int:
    """Return how many concepts of a thesaurus wait for approval."""
    statement = select(func.count()).where(
        Concept.thesaurus_id == thesaurus_id, Concept.state == ConceptState.CANDIDATE
    )
    found: int = session_of(work).execute(statement).scalar_one()
    return found


def _forwarded(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Sequence[str]]:
    forwarding = ConceptForwarding
    statement = (
        select(forwarding.concept_id, Concept.uri)
        .join(Concept, Concept.id == forwarding.target_id)
        .where(in_ids(forwarding.concept_id, ids))
    )
    found: dict[UUID, list[str]] = {}
    for concept_id, uri in session_of(work).execute(statement):
        found.setdefault(concept_id, []).append(uri)
    return found


def _triples(work: Work, ids: Collection[UUID], *, is_aside: bool) -> Mapping[UUID | None, str]:
    statement = select(ConceptStatement.concept_id, ConceptStatement.triples).where(
        in_ids(ConceptStatement.concept_id, ids), ConceptStatement.is_aside.is_(is_aside)
    )
    return {row[0]: row[1] for row in session_of(work).execute(statement)}


def _called_below(work: Work, concept_id: UUID) -> Sequence[str]:
    statement = (
        select(ConceptLabel.text)
        .join(Concept, Concept.id == ConceptLabel.concept_id)
        .where(
            in_ids(Concept.id, below(work, [concept_id])),
            Concept.state == ConceptState.APPROVED,
            ConceptLabel.kind != LabelKind.HIDDEN,
        )
        .order_by(Concept.label_key, ConceptLabel.id)
        .limit(MOST_EACH)
    )
    return session_of(work).execute(statement).scalars().all()


def _lines(
    work: Work, ids: Collection[UUID], model: type[ConceptLabel | ConceptNote | ConceptMatch]
) -> Mapping[UUID, Sequence[tuple[Any, ...]]]:  # of whatever type the columns are
    names = ("kind", "uri") if model is ConceptMatch else ("kind", "language", "text")
    columns = [getattr(model, name) for name in names]
    found: dict[UUID, list[tuple[Any, ...]]] = {}
    for row in session_of(work).execute(
        select(model.concept_id, *columns).where(in_ids(model.concept_id, ids))
    ):
        found.setdefault(row[0], []).append(tuple(row[1:]))
    return found


def _reached(
    work: Work,
    ids: Collection[UUID],
    start: InstrumentedAttribute[UUID],
    end: InstrumentedAttribute[UUID],
) -> frozenset[UUID]:
    """Follow links; UNION keeps each concept once, so a circle comes to its end."""
    is_broader = ConceptLink.kind == LinkKind.BROADER
    found = select(end.label("id")).where(in_ids(start, ids), is_broader).cte("reached", recursive=True)
    further = select(end).join(found, and_(start == found.c.id, is_broader))
    return frozenset(session_of(work).execute(select(found.union(further).c.id)).scalars())
