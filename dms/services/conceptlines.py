"""What belongs to a concept: its labels, notes and matches written, its links set and checked."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from sqlalchemy import or_
from sqlalchemy.exc import IntegrityError

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Conflict, Invalid
from dms.base.ids import new_id
from dms.models.concepts import (
    Concept,
    ConceptForwarding,
    ConceptLabel,
    ConceptLink,
    ConceptMatch,
    ConceptNote,
    Thesaurus,
)
from dms.rules import concepts as rules
from dms.rules.concepts import Label, LinkKind, Place, Stated, Wording
from dms.stores import thesauri as facts
from dms.stores.sets import in_ids
from dms.stores.work import Work

L = TypeVar("L", ConceptLabel, ConceptNote, ConceptMatch, ConceptForwarding)


@dataclass(frozen=True, slots=True)
class Links:
    """Which concepts one is linked to, by id."""

    broader: Mapping[UUID, Sequence[UUID]]
    related: Mapping[UUID, Sequence[UUID]]


def labels(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Sequence[ConceptLabel]]:
    """Return the labels of concepts, those of a kind together."""
    return _of(work, ConceptLabel, ids, key=lambda row: (row.kind, row.language, row.text))


def notes(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Sequence[ConceptNote]]:
    """Return the notes on concepts, those of a kind together."""
    return _of(work, ConceptNote, ids, key=lambda row: (row.kind, row.language, row.text))


def matches(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Sequence[ConceptMatch]]:
    """Return what concepts match in other thesauri."""
    return _of(work, ConceptMatch, ids, key=lambda row: (row.kind, row.uri))


def forwardings(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Sequence[ConceptForwarding]]:
    """Return in which concepts those go on that are no longer used."""
    return _of(work, ConceptForwarding, ids, key=lambda row: str(row.target_id))


def links(work: Work, ids: Collection[UUID]) -> Links:
    """Return to what concepts are linked: broader ones, and related ones from either end."""
    broader: dict[UUID, list[UUID]] = {}
    related: dict[UUID, list[UUID]] = {}
    if not ids:
        return Links(broader, related)
    reading = gate.vocabulary(work, ConceptLink).where(
        or_(
            in_ids(ConceptLink.concept_id, ids),
            (ConceptLink.kind == LinkKind.RELATED) & in_ids(ConceptLink.target_id, ids),
        )
    )
    wanted = set(ids)
    for row in reading.order_by(Order(ConceptLink.id)).rows():
        if row.kind is LinkKind.BROADER:
            broader.setdefault(row.concept_id, []).append(row.target_id)
            continue
        for one, other in ((row.concept_id, row.target_id), (row.target_id, row.concept_id)):
            if one in wanted:
                related.setdefault(one, []).append(other)
    return Links(broader, related)


def narrower(work: Work, concept_id: UUID) -> frozenset[UUID]:
    """Return the concepts directly below one."""
    reading = gate.vocabulary(work, ConceptLink).where(
        ConceptLink.kind == LinkKind.BROADER, ConceptLink.target_id == concept_id
    )
    return frozenset(row.concept_id for row in reading.rows())


def linked(work: Work, concept_id: UUID, kind: LinkKind) -> frozenset[UUID]:
    """Return the concepts to which one is linked in a way."""
    found = links(work, [concept_id])
    by_id = found.broader if kind is LinkKind.BROADER else found.related
    return frozenset(by_id.get(concept_id, ()))


def enter(work: Work, row: Concept, said: Wording, *, home: Thesaurus) -> None:
    """Add a concept with what it says; sent with the next flush, so that many go together."""
    _name(row, said, home)
    work.add(row)
    _add(work, row.id, said, former=Wording(()))


def word(work: Work, row: Concept, said: Wording, *, former: Wording | None, home: Thesaurus) -> None:
    """Let a concept say this instead of what it said before; a new one is added."""
    _name(row, said, home)
    if former is None:
        _enter(work, row)
        former = Wording(())
    _drop(work, ConceptLabel, row.id, gone=set(former.labels) - set(said.labels))
    _drop(work, ConceptNote, row.id, gone=set(former.notes) - set(said.notes))
    _drop(work, ConceptMatch, row.id, gone=set(former.matches) - set(said.matches))
    work.flush()  # what comes may say what has just gone, in another kind
    _add(work, row.id, said, former=former)
    work.flush()


def link(
    work: Work,
    row: Concept,
    kind: LinkKind,
    targets: Collection[UUID],
    *,
    stated: Callable[[UUID], Stated] | None = None,
) -> bool:
    """Link a concept to just these in a way; tells whether that differs from what was."""
    before = linked(work, row.id, kind)
    gone = before - set(targets)
    for each in _rows(work, row.id, kind):
        if {each.concept_id, each.target_id} - {row.id} <= gone:
            work.remove(each)
    work.flush()
    for target in sorted(set(targets) - before):
        one, other = (row.id, target) if kind is LinkKind.BROADER else sorted((row.id, target))
        added = ConceptLink(id=new_id(), concept_id=one, target_id=other)
        default = Stated.FORWARD if kind is LinkKind.BROADER else Stated.BOTH
        added.kind, added.stated = kind, default if stated is None else stated(target)
        work.add(added)
    work.flush()
    return before != set(targets)


def take_over(work: Work, row: Concept, target: Concept) -> int:
    """Hang what lies below a concept below another one; returns how many."""
    there = narrower(work, target.id)
    below = gate.vocabulary(work, ConceptLink).where(
        ConceptLink.kind == LinkKind.BROADER, ConceptLink.target_id == row.id
    )
    moved = 0
    for each in below.rows():
        if each.concept_id == target.id or each.concept_id in there:
            work.remove(each)
            continue
        each.target_id = target.id
        moved += 1
    work.flush()
    return moved


def check_place(work: Work, concept_id: UUID, *, path: tuple[str, ...]) -> None:
    """Raise `Invalid` if a concept stands now where it cannot stand."""
    above = facts.above(work, [concept_id])
    below = facts.below(work, [concept_id])
    related = facts.related(work, {concept_id, *below})
    fault = rules.place_fault(Place(concept_id, above, below, related))
    if fault is not None:
        raise Invalid(fault.message, path=path)


def noted(said: Wording) -> dict[str, Canonical]:
    """Return what a concept says as the access log keeps it."""
    return {
        "labels": noted_labels(said.labels),
        "notes": [[each.kind.value, each.language, each.text] for each in said.notes],
        "matches": [[each.kind.value, each.uri] for each in said.matches],
        "notation": said.notation,
    }


def noted_labels(said: Iterable[Label]) -> list[Canonical]:
    """Return labels as the access log keeps them."""
    return [[each.kind.value, each.language, each.text] for each in said]


def _of(
    work: Work, model: type[L], ids: Collection[UUID], *, key: Callable[[L], tuple[str, ...] | str]
) -> Mapping[UUID, Sequence[L]]:
    found: dict[UUID, list[L]] = {}
    if ids:
        for row in gate.vocabulary(work, model).where(in_ids(model.concept_id, ids)).rows():
            found.setdefault(row.concept_id, []).append(row)
    return {each: sorted(rows, key=key) for each, rows in found.items()}


def _name(row: Concept, said: Wording, home: Thesaurus) -> None:
    row.label = rules.shown(said.labels, home.language)
    row.label_key = rules.label_key(row.label)
    row.notation = said.notation


def _add(work: Work, concept_id: UUID, said: Wording, *, former: Wording) -> None:
    for label in sorted(set(said.labels) - set(former.labels)):
        key = rules.label_key(label.text)
        work.add(ConceptLabel(id=new_id(), concept_id=concept_id, **label._asdict(), text_key=key))
    for note in sorted(set(said.notes) - set(former.notes)):
        work.add(ConceptNote(id=new_id(), concept_id=concept_id, **note._asdict()))
    for match in sorted(set(said.matches) - set(former.matches)):
        work.add(ConceptMatch(id=new_id(), concept_id=concept_id, **match._asdict()))


def _rows(work: Work, concept_id: UUID, kind: LinkKind) -> Sequence[ConceptLink]:
    is_its = ConceptLink.concept_id == concept_id
    if kind is LinkKind.RELATED:
        is_its = or_(is_its, ConceptLink.target_id == concept_id)
    return gate.vocabulary(work, ConceptLink).where(ConceptLink.kind == kind, is_its).rows()


def _enter(work: Work, row: Concept) -> None:
    uri = row.uri
    work.add(row)
    try:
        work.flush()
    except IntegrityError as error:
        message = f"another concept of this thesaurus has the IRI `{uri}`: choose another"
        raise Conflict(message, path=("uri",)) from error


def _drop(
    work: Work,
    model: type[ConceptLabel | ConceptNote | ConceptMatch],
    concept_id: UUID,
    *,
    gone: Collection[tuple[str, ...]],
) -> None:
    if not gone:
        return
    reading = gate.vocabulary(work, model).where(model.concept_id == concept_id)
    for row in reading.rows():
        said = (row.kind, row.uri) if isinstance(row, ConceptMatch) else (row.kind, row.language, row.text)
        if said in gone:
            work.remove(row)
