"""Concepts of thesauri: proposed by one person, approved by another, deprecated with a forwarding (F17)."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from dms.access import gate
from dms.access.keyset import Order
from dms.base.canonical import Canonical
from dms.base.errors import Invalid, SecondPerson, State
from dms.base.ids import new_id
from dms.base.paging import Page, PageRequest
from dms.models.concepts import Concept, ConceptForwarding, Thesaurus
from dms.rules import concepts as rules
from dms.rules import states, text
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.concepts import ForwardKind, Label, LinkKind, Match, Note, Wording
from dms.rules.states import ConceptState
from dms.services import conceptlines, editing, thesauri
from dms.services.editing import KEEP, Keep
from dms.stores import thesauri as facts
from dms.stores.sets import in_ids
from dms.stores.work import Work

MOST_APPROVED = 500
"""So many concepts are approved at once."""
MOST_FORWARDED = 20
"""In so many others a concept may go on."""


@dataclass(frozen=True, slots=True)
class Words:
    """What somebody says of a concept; what is kept stays."""

    labels: Sequence[Label] | Keep = KEEP
    notes: Sequence[Note] | Keep = KEEP
    matches: Sequence[Match] | Keep = KEEP
    notation: str | Keep | None = KEEP
    broader: Sequence[UUID] | Keep = KEEP
    related: Sequence[UUID] | Keep = KEEP


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which concepts to list; None narrows nothing."""

    thesaurus_id: UUID | None = None
    state: ConceptState | None = None
    begins: str | None = None
    """How the label begins by which they are sorted."""
    broader_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Approval:
    """What an approval of many did, and left."""

    approved: int
    own: int
    """Of those looked at, what the approver wrote himself: another person must approve it."""
    left: int
    """All that still wait."""


def listed(work: Work, request: PageRequest, chosen: Chosen) -> Page[Concept]:
    """List concepts by label; they are open to every user."""
    work.performs(Op.CONCEPT_LIST)
    reading = gate.listed(work, Concept)
    if chosen.thesaurus_id is not None:
        reading = reading.where(Concept.thesaurus_id == chosen.thesaurus_id)
    if chosen.state is not None:
        reading = reading.where(Concept.state == chosen.state)
    if chosen.begins is not None:
        key = rules.label_key(text.sought(chosen.begins, limit=rules.MAX_LABEL))
        reading = reading.where(Concept.label_key >= key, Concept.label_key < key + "\U0010ffff")
    if chosen.broader_id is not None:
        reading = reading.where(in_ids(Concept.id, conceptlines.narrower(work, chosen.broader_id)))
    return reading.order_by(Order(Concept.label_key)).page(request)


def concept(work: Work, concept_id: UUID) -> Concept:
    """Return a concept, or raise `NotFound`."""
    work.performs(Op.CONCEPT_LIST)
    return gate.listed(work, Concept).one(concept_id)


def each(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Concept]:
    """Return the concepts with these ids that there are."""
    return gate.listed(work, Concept).each(ids)


def named(work: Work, ids: Collection[UUID]) -> Mapping[UUID, Concept]:
    """Return the concepts that an answer names, by id."""
    return gate.vocabulary(work, Concept).many(ids)


def transitions(work: Work, row: Concept) -> tuple[str, ...]:
    """Return what the state of a concept permits and the actor's office allows, in alphabetical order."""
    if not gate.has_duty(work, Duty.DESCRIPTIONS_MANAGE):
        return ()
    return states.available(states.CONCEPT, row.state)


def create(work: Work, thesaurus_id: UUID, words: Words, *, uri: str | None = None) -> Concept:
    """Propose a concept; search knows it once another person has approved it."""
    work.performs(Op.CONCEPT_CREATE)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    home = gate.listed(work, Thesaurus).one(thesaurus_id)
    said = rules.checked(_worded(words, Wording(())))
    key = new_id()
    row = Concept(
        id=key,
        thesaurus_id=home.id,
        uri=f"urn:uuid:{key}" if uri is None else rules.uri(uri),
        state=ConceptState.CANDIDATE,
        is_in_scheme=True,
        editors=gate.account_id(work).hex,
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )
    conceptlines.word(work, row, said, former=None, home=home)
    note = conceptlines.noted(said) | _place(work, row, words)
    thesauri.advance(work, home)
    work.changed(row.id, before=None, after=1, old={}, new=note)
    return row


def update(work: Work, concept_id: UUID, words: Words, *, expected_revision: int) -> Concept:
    """Say something else of a concept; it is a candidate again, and another person must approve it.

    A preferred label that goes stays as an alternative one if the concept was approved ever.
    """
    work.performs(Op.CONCEPT_UPDATE)
    row, home = claim(work, concept_id, expected_revision=expected_revision, event="update")
    former = facts.wordings(work, [row.id])[row.id]
    said = rules.checked(_worded(words, former))
    if row.approved_at is not None:
        labels = rules.renamed(former.labels, said.labels)
        said = Wording(labels, said.notes, said.matches, said.notation)
    old, new = conceptlines.noted(former), conceptlines.noted(said)
    conceptlines.word(work, row, said, former=former, home=home)
    moved = _place(work, row, words)
    if old == new and not moved:
        return row
    changed = {name: value for name, value in new.items() if old.get(name) != value} | moved
    reopen(work, row)
    thesauri.advance(work, home)
    kept = {name: old[name] for name in changed if name in old}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=kept, new=changed)
    return row


def approve(work: Work, concept_id: UUID, *, expected_revision: int) -> Concept:
    """Approve a concept as nobody who had a hand in it since it was approved last."""
    work.performs(Op.CONCEPT_APPROVE)
    row, home = claim(work, concept_id, expected_revision=expected_revision, event="approve")
    if _is_own(work, row):
        error = SecondPerson("another person than those who wrote it must decide this")
        raise gate.refused(work, error, object_id=row.id, action="approve")
    _approve(work, row)
    thesauri.advance(work, home)
    return row


def approve_all(work: Work, thesaurus_id: UUID, *, expected_revision: int) -> Approval:
    """Approve the candidates of a thesaurus as they are at a revision of it, but none of one's own.

    `MOST_APPROVED` at most: ask again while some are left.
    """
    work.performs(Op.THESAURUS_APPROVE)
    home = gate.listed(work, Thesaurus).one(thesaurus_id)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    if home.revision != expected_revision:
        raise gate.refused(work, editing.stale(home.revision), object_id=home.id, action="approve")
    waiting = gate.vocabulary(work, Concept).where(
        Concept.thesaurus_id == home.id, Concept.state == ConceptState.CANDIDATE
    )
    own = waiting.where(Concept.editors.contains(gate.account_id(work).hex)).count()
    others = waiting.where(~Concept.editors.contains(gate.account_id(work).hex))
    rows = others.order_by(Order(Concept.label_key)).rows(MOST_APPROVED)
    for row in rows:
        _approve(work, row)
    if rows:
        thesauri.advance(work, home)
    return Approval(len(rows), own, facts.candidates(work, home.id))


def deprecate(
    work: Work, concept_id: UUID, replaced_by: Sequence[UUID], *, expected_revision: int, reason: str | None
) -> Concept:
    """Give a concept up: one other replaces it, several take a part of it each, or a reason is given."""
    work.performs(Op.CONCEPT_DEPRECATE)
    row, home = claim(work, concept_id, expected_revision=expected_revision, event="deprecate")
    if not replaced_by and not (reason or "").strip():
        raise Invalid("say by which concepts it is replaced, or why it is given up", path=("reason",))
    if len(set(replaced_by)) > MOST_FORWARDED:
        raise Invalid(f"a concept goes on in {MOST_FORWARDED} others at most", path=("replacedByIds",))
    kind = ForwardKind.SPLIT if len(set(replaced_by)) > 1 else ForwardKind.REPLACED
    targets = _living(work, replaced_by, path=("replacedByIds",), but=row.id)
    note = None if reason is None else text.block(reason, ("reason",), limit=text.MAX_REASON) or None
    _end(work, row, sorted(targets), kind=kind, reason=note)
    thesauri.advance(work, home)
    return row


def merge(work: Work, concept_id: UUID, into_id: UUID, *, expected_revision: int, reason: str) -> Concept:
    """Give a concept up for another one of its thesaurus, which takes its labels and what lies below it.

    Returns the other one, a candidate again. Index terms go on to find it.
    """
    work.performs(Op.CONCEPT_MERGE)
    row, home = claim(work, concept_id, expected_revision=expected_revision, event="merge")
    target = _living(work, [into_id], path=("intoId",), but=row.id)[into_id]
    if target.thesaurus_id != row.thesaurus_id:
        raise Invalid("is a concept of another thesaurus: deprecate this one instead", path=("intoId",))
    note = text.reason(reason)
    said = facts.wordings(work, [row.id, target.id])
    labels = rules.merged(said[target.id].labels, said[row.id].labels)
    wider = said[target.id]
    conceptlines.word(
        work,
        target,
        Wording(labels, wider.notes, wider.matches, wider.notation),
        former=wider,
        home=home,
    )
    moved = conceptlines.take_over(work, row, target)
    conceptlines.check_place(work, target.id, path=("intoId",))
    _end(work, row, [target.id], kind=ForwardKind.MERGED, reason=note)
    reopen(work, target)
    thesauri.advance(work, home)
    taken: dict[str, Canonical] = {
        "merged": row.id.hex,
        "narrower": moved,
        "labels": conceptlines.noted_labels(labels),
    }
    work.changed(target.id, before=target.revision - 1, after=target.revision, old={}, new=taken)
    return target


def claim(work: Work, concept_id: UUID, *, expected_revision: int, event: str) -> tuple[Concept, Thesaurus]:
    """Return a concept that the actor may now change in this way, with its thesaurus.

    Refusals come in this order: `NotFound`, `Duty`, `Conflict` for a stale revision, `State`.
    """
    row = gate.listed(work, Concept).one(concept_id)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    if row.revision != expected_revision:
        raise gate.refused(work, editing.stale(row.revision), object_id=row.id, action=event)
    permitted = states.available(states.CONCEPT, row.state)
    if event not in permitted:
        message = f"a concept in state `{row.state}` does not permit `{event}`"
        error = State(message, state=str(row.state), available=permitted)
        raise gate.refused(work, error, object_id=row.id, action=event)
    return row, gate.vocabulary(work, Thesaurus).one(row.thesaurus_id)


def reopen(work: Work, row: Concept) -> None:
    """Make a concept that was changed a candidate; who changed it can no longer approve it."""
    editors = row.editors.split() if row.state is ConceptState.CANDIDATE else []
    row.editors = " ".join(sorted({*editors, gate.account_id(work).hex}))
    row.state = ConceptState.CANDIDATE
    row.revision += 1


def _is_own(work: Work, row: Concept) -> bool:
    return gate.account_id(work).hex in row.editors.split()


def _approve(work: Work, row: Concept) -> None:
    row.state = ConceptState.APPROVED
    row.approved_at, row.approved_by = work.now, work.actor.principal_id
    row.revision += 1
    old, new = {"state": "candidate"}, {"state": "approved"}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def _end(work: Work, row: Concept, targets: Sequence[UUID], *, kind: ForwardKind, reason: str | None) -> None:
    for target in targets:
        forwarding = ConceptForwarding(id=new_id(), concept_id=row.id, target_id=target)
        forwarding.kind = kind
        work.add(forwarding)
    old = {"state": row.state.value}
    row.state = ConceptState.DEPRECATED
    row.deprecated_at, row.deprecated_by = work.now, work.actor.principal_id
    row.deprecation_reason = reason
    row.revision += 1
    forwarded = " ".join(f"{kind.value}:{target.hex}" for target in targets)
    new = {"state": "deprecated", "forwarded_to": forwarded, "reason": reason}
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def _worded(words: Words, former: Wording) -> Wording:
    return Wording(
        former.labels if words.labels is KEEP else tuple(words.labels),
        former.notes if words.notes is KEEP else tuple(words.notes),
        former.matches if words.matches is KEEP else tuple(words.matches),
        former.notation if words.notation is KEEP else words.notation,
    )


def _place(work: Work, row: Concept, words: Words) -> dict[str, list[str]]:
    """Link a concept to those that are named; returns what is linked otherwise now."""
    moved: dict[str, list[str]] = {}
    for kind, asked in ((LinkKind.BROADER, words.broader), (LinkKind.RELATED, words.related)):
        if asked is KEEP:
            continue
        if len(set(asked)) > rules.MAX_LINKS:
            raise Invalid(f"a concept has at most {rules.MAX_LINKS} of them", path=(kind.value + "Ids",))
        if conceptlines.link(work, row, kind, _linkable(work, row, kind, asked)):
            moved[kind.value] = sorted(each.hex for each in set(asked))
    if moved:
        conceptlines.check_place(work, row.id, path=tuple(f"{name}Ids" for name in moved)[:1])
    return moved


def _linkable(work: Work, row: Concept, kind: LinkKind, asked: Collection[UUID]) -> frozenset[UUID]:
    """Return the concepts that one may be linked to: of its thesaurus, and in use or linked already."""
    path = (kind.value + "Ids",)
    already = conceptlines.linked(work, row.id, kind)
    found = gate.vocabulary(work, Concept).many(set(asked))
    for number, key in enumerate(asked):
        target = found.get(key)
        if target is None or target.thesaurus_id != row.thesaurus_id or key == row.id:
            raise Invalid("is no other concept of this thesaurus", path=(*path, str(number)))
        if target.state is ConceptState.DEPRECATED and key not in already:
            raise Invalid(f"the concept `{target.label}` is deprecated", path=(*path, str(number)))
    return frozenset(asked)


def _living(
    work: Work, asked: Collection[UUID], *, path: tuple[str, ...], but: UUID
) -> Mapping[UUID, Concept]:
    """Return concepts in which another one may go on."""
    found = gate.vocabulary(work, Concept).many(set(asked))
    for key in asked:
        target = found.get(key)
        if target is None or target.state is ConceptState.DEPRECATED or key == but:
            raise Invalid("is no other concept in use: choose one that is not deprecated", path=path)
    return found
