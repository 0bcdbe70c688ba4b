"""A thesaurus read in from SKOS, slice by slice, and written again: what a source says of each concept.

What is read in waits for approval like what people propose. The same source again changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from enum import StrEnum
from uuid import UUID

from dms.access import gate
from dms.base.ids import new_id
from dms.models.concepts import Concept, ConceptForwarding, ConceptStatement, Thesaurus
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.concepts import ForwardKind, LinkKind, Stated
from dms.rules.skosvalues import Linked, Said, Source
from dms.rules.states import ConceptState
from dms.services import conceptlines, concepts, thesauri
from dms.stores import thesauri as facts
from dms.stores.thesauri import Held
from dms.stores.work import Work

_INVERSE = {Stated.FORWARD: Stated.INVERSE, Stated.INVERSE: Stated.FORWARD, Stated.BOTH: Stated.BOTH}
_REASON = "deprecated in the source"


class Outcome(StrEnum):
    """What became of a concept of a source."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    LEFT = "left"
    """It was given up here, so what the source says of it is left alone."""


def is_read_in(work: Work, thesaurus_id: UUID, digest: str) -> bool:
    """Tell whether this very source was read in last, completely."""
    work.performs(Op.THESAURUS_IMPORT)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    return gate.listed(work, Thesaurus).one(thesaurus_id).source_digest == digest


def compare(work: Work, thesaurus_id: UUID | None, said: Sequence[Said]) -> Mapping[str, Outcome]:
    """Return by IRI what reading concepts in would do, without doing it; None for a thesaurus to be made."""
    work.performs(Op.THESAURUS_IMPORT)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    held = {} if thesaurus_id is None else _held(work, thesaurus_id, said)
    return {each.uri: _outcome(held.get(each.uri), each) for each in said}


def put(work: Work, thesaurus_id: UUID, said: Sequence[Said]) -> Mapping[str, Outcome]:
    """Let concepts say what a source says; returns by IRI what was done. Links follow with `hang`."""
    work.performs(Op.THESAURUS_IMPORT)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    home = gate.listed(work, Thesaurus).one(thesaurus_id)
    held = _held(work, thesaurus_id, said)
    rows = gate.vocabulary(work, Concept).many([each.id for each in held.values()])
    done: dict[str, Outcome] = {}
    for each in said:
        before = held.get(each.uri)
        done[each.uri] = _outcome(before, each)
        if done[each.uri] is Outcome.ADDED:
            _add(work, home, each)
        elif done[each.uri] is Outcome.CHANGED and before is not None:
            _change(work, rows[before.id], home, before=before.said, said=each)
    if {Outcome.ADDED, Outcome.CHANGED} & set(done.values()):
        thesauri.advance(work, home)
    return done


def hang(
    work: Work,
    thesaurus_id: UUID,
    said: Sequence[Said],
    *,
    links: Sequence[Linked],
    known: Mapping[str, UUID],
) -> int:
    """Link concepts of a source as it says; returns how many concepts are linked otherwise now.

    `known` are all concepts of the thesaurus by IRI, `links` all those of the source.
    """
    work.performs(Op.THESAURUS_IMPORT)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    home = gate.listed(work, Thesaurus).one(thesaurus_id)
    rows = gate.vocabulary(work, Concept).many([known[each.uri] for each in said])
    of_source = {known[each] for link in links for each in (link.uri, link.target)}
    wanted = _wanted(links, known, of=set(rows))
    there = conceptlines.links(work, list(rows))
    moved = 0
    for each in said:
        row = rows[known[each.uri]]
        if each.is_deprecated != (row.state is ConceptState.DEPRECATED):
            continue
        if each.replaced_by:
            _forward(work, row, [known[target] for target in each.replaced_by])
        asked = wanted.get(row.id, {})
        if not asked and row.id not in there.broader and row.id not in there.related:
            continue
        if _hang(work, row, asked, of_source=of_source):
            moved += 1
            row.revision += 1
            work.changed(row.id, before=row.revision - 1, after=row.revision, old={}, new={"linked": True})
    if moved:
        thesauri.advance(work, home)
    return moved


def finish(work: Work, thesaurus_id: UUID, *, kept: str, digest: str) -> None:
    """Keep what belongs to no concept, and that the source was read in completely."""
    work.performs(Op.THESAURUS_IMPORT)
    gate.require_duty(work, Duty.DESCRIPTIONS_MANAGE)
    home = gate.listed(work, Thesaurus).one(thesaurus_id)
    _keep(work, home.id, None, is_aside=False, triples=kept)
    home.source_digest = digest
    thesauri.advance(work, home)
    work.changed(home.id, before=home.revision - 1, after=home.revision, old={}, new={"source": digest})


def exported(work: Work, thesaurus_id: UUID, *, approved_only: bool) -> Source:
    """Return a thesaurus whole, as it is to be written; candidates are left out if that is asked for."""
    work.performs(Op.THESAURUS_EXPORT)
    home = gate.listed(work, Thesaurus).one(thesaurus_id)
    held = facts.held(work, list(facts.uris(work, home.id).values()))
    shown = {
        uri: each
        for uri, each in held.items()
        if not approved_only or each.state is not ConceptState.CANDIDATE
    }
    return Source(
        uri=home.uri,
        title=home.title,
        concepts=[each.said for _, each in sorted(shown.items())],
        links=[each for each in facts.linked(work, home.id) if {each.uri, each.target} <= shown.keys()],
        kept=facts.statements(work, home.id),
    )


def _held(work: Work, thesaurus_id: UUID, said: Sequence[Said]) -> Mapping[str, Held]:
    reading = gate.vocabulary(work, Concept).where(Concept.thesaurus_id == thesaurus_id)
    rows = reading.where(Concept.uri.in_([each.uri for each in said])).rows()
    return facts.held(work, [row.id for row in rows])


def _outcome(held: Held | None, said: Said) -> Outcome:
    if held is None:
        return Outcome.ADDED
    if held.state is ConceptState.DEPRECATED:
        return Outcome.UNCHANGED if held.said.is_deprecated == said.is_deprecated else Outcome.LEFT
    return Outcome.UNCHANGED if _lasting(held.said) == _lasting(said) else Outcome.CHANGED


def _lasting(said: Said) -> tuple[object, ...]:
    """Return what is compared; in what a concept goes on is kept with its links."""
    return (said.wording, said.is_in_scheme, said.is_deprecated, said.kept, said.aside)


def _add(work: Work, home: Thesaurus, said: Said) -> None:
    row = Concept(
        id=new_id(),
        thesaurus_id=home.id,
        uri=said.uri,
        state=ConceptState.CANDIDATE,
        is_in_scheme=said.is_in_scheme,
        editors=gate.account_id(work).hex,
        revision=1,
        created_at=work.now,
        created_by=work.actor.principal_id,
    )
    _end(work, row, said)
    conceptlines.enter(work, row, said.wording, home=home)
    for is_aside, triples in ((False, said.kept), (True, said.aside)):
        _say(work, home.id, row.id, is_aside=is_aside, triples=triples)
    note = conceptlines.noted(said.wording) | {"uri": said.uri}
    work.changed(row.id, before=None, after=1, old={}, new=note)


def _change(work: Work, row: Concept, home: Thesaurus, *, before: Said, said: Said) -> None:
    conceptlines.word(work, row, said.wording, former=before.wording, home=home)
    _keep_lines(work, row, said)
    row.is_in_scheme = said.is_in_scheme
    concepts.reopen(work, row)
    _end(work, row, said)
    work.flush()
    old, new = conceptlines.noted(before.wording), conceptlines.noted(said.wording)
    work.changed(row.id, before=row.revision - 1, after=row.revision, old=old, new=new)


def _end(work: Work, row: Concept, said: Said) -> None:
    if said.is_deprecated:
        row.state = ConceptState.DEPRECATED
        row.deprecated_at, row.deprecated_by = work.now, work.actor.principal_id
        row.deprecation_reason = _REASON


def _keep_lines(work: Work, row: Concept, said: Said) -> None:
    for is_aside, triples in ((False, said.kept), (True, said.aside)):
        _keep(work, row.thesaurus_id, row.id, is_aside=is_aside, triples=triples)


def _keep(work: Work, thesaurus_id: UUID, concept_id: UUID | None, *, is_aside: bool, triples: str) -> None:
    found = gate.vocabulary(work, ConceptStatement).where(
        ConceptStatement.thesaurus_id == thesaurus_id,
        ConceptStatement.concept_id == concept_id,
        ConceptStatement.is_aside.is_(is_aside),
    )
    for row in found.rows():
        work.remove(row)
    _say(work, thesaurus_id, concept_id, is_aside=is_aside, triples=triples)


def _say(work: Work, thesaurus_id: UUID, concept_id: UUID | None, *, is_aside: bool, triples: str) -> None:
    if triples:
        row = ConceptStatement(id=new_id(), thesaurus_id=thesaurus_id, concept_id=concept_id)
        row.is_aside, row.triples = is_aside, triples
        work.add(row)


def _wanted(
    links: Sequence[Linked], known: Mapping[str, UUID], *, of: Collection[UUID]
) -> Mapping[UUID, dict[tuple[LinkKind, UUID], Stated]]:
    """Return to what concepts are to be linked, and how that is stated as it is kept."""
    found: dict[UUID, dict[tuple[LinkKind, UUID], Stated]] = {}
    for link in links:
        one, other = known[link.uri], known[link.target]
        stated = link.stated
        if link.kind is LinkKind.RELATED:
            stated = stated if one < other else _INVERSE[stated]
            found.setdefault(other, {})[link.kind, one] = stated
        found.setdefault(one, {})[link.kind, other] = stated
    return {key: wanted for key, wanted in found.items() if key in of}


def _hang(
    work: Work, row: Concept, wanted: Mapping[tuple[LinkKind, UUID], Stated], *, of_source: Collection[UUID]
) -> bool:
    """Link a concept as its source says; relations to concepts that only stand here stay."""
    is_linked = False
    for kind in LinkKind:
        targets = {target for each, target in wanted if each is kind}
        if kind is LinkKind.RELATED:
            targets |= conceptlines.linked(work, row.id, kind) - set(of_source)
        stated = _stated_of(kind, wanted)
        is_linked |= conceptlines.link(work, row, kind, targets, stated=stated)
    return is_linked


def _stated_of(kind: LinkKind, wanted: Mapping[tuple[LinkKind, UUID], Stated]) -> Callable[[UUID], Stated]:
    return lambda target: wanted[kind, target]


def _forward(work: Work, row: Concept, targets: Sequence[UUID]) -> None:
    known = {each.target_id for each in conceptlines.forwardings(work, [row.id]).get(row.id, ())}
    kind = ForwardKind.SPLIT if len(targets) > 1 else ForwardKind.REPLACED
    for target in targets:
        if target not in known:
            forwarding = ConceptForwarding(id=new_id(), concept_id=row.id, target_id=target)
            forwarding.kind = kind
            work.add(forwarding)
