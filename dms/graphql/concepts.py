"""Concepts of thesauri: how they are called, what they mean, and how they belong together."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated
from uuid import UUID

import strawberry

from dms.base.clock import Instant
from dms.base.ids import Kind
from dms.graphql import enums, paging, principals
from dms.graphql.context import OPEN, Info, query_field
from dms.graphql.nodes import Node
from dms.graphql.paging import NARROWS, TOTAL_UP_TO, After, Before, Connection, First, Last, TotalUpTo
from dms.graphql.principals import Principal
from dms.graphql.scalars import asked_id, shown_id, shown_instant
from dms.models import concepts as models
from dms.rules.accessevents import Op
from dms.rules.concepts import ForwardKind, LabelKind, MatchKind, NoteKind
from dms.rules.states import ConceptState
from dms.services import conceptlines, concepts
from dms.services.concepts import Chosen
from dms.stores.work import Work

enums.show(
    ConceptState,
    description="How far a concept has come.",
    values={
        ConceptState.CANDIDATE: "It was proposed or changed, and waits for another person.",
        ConceptState.APPROVED: "It is in use; search knows its labels.",
        ConceptState.DEPRECATED: "It is no longer used.",
    },
)
enums.show(
    LabelKind,
    name="ConceptLabelKind",
    description="How a label stands for its concept.",
    values={
        LabelKind.PREFERRED: "By this it is called; there is one in a language.",
        LabelKind.ALTERNATIVE: "It is called so too.",
        LabelKind.HIDDEN: "It is found by this, such as a common misspelling, and not called so.",
    },
)
enums.show(
    NoteKind,
    name="ConceptNoteKind",
    description="What a note tells.",
    values={
        NoteKind.NOTE: "Anything.",
        NoteKind.DEFINITION: "What the concept means.",
        NoteKind.SCOPE: "What belongs to it, and what does not.",
        NoteKind.EXAMPLE: "What falls under it, for instance.",
        NoteKind.HISTORY: "What it meant before.",
        NoteKind.EDITORIAL: "What those who write the thesaurus should know.",
        NoteKind.CHANGE: "What was changed.",
    },
)
enums.show(
    MatchKind,
    name="ConceptMatchKind",
    description="How a concept lies to one of another thesaurus.",
    values={
        MatchKind.EXACT: "They are the same.",
        MatchKind.CLOSE: "They are nearly the same.",
        MatchKind.BROADER: "The other is wider.",
        MatchKind.NARROWER: "The other is narrower.",
        MatchKind.RELATED: "They have to do with each other.",
    },
)
enums.show(
    ForwardKind,
    name="ConceptForwardingKind",
    description="How a concept that is no longer used goes on.",
    values={
        ForwardKind.REPLACED: "The other takes its place.",
        ForwardKind.MERGED: "The other has taken its labels and what lay below it.",
        ForwardKind.SPLIT: "The other takes a part of it.",
    },
)


@strawberry.type(description="What a concept is called in a language.")
class ConceptLabel:
    """A label."""

    kind: LabelKind = strawberry.field(description="How it stands for the concept.")
    language: str = strawberry.field(description="The language, such as `en`; empty if none is told.")
    text: str = strawberry.field(description="The label.")


@strawberry.type(description="A note on a concept in a language.")
class ConceptNote:
    """A note."""

    kind: NoteKind = strawberry.field(description="What it tells.")
    language: str = strawberry.field(description="The language, such as `en`; empty if none is told.")
    text: str = strawberry.field(description="The note.")


@strawberry.type(description="A concept of another thesaurus that is like one.")
class ConceptMatch:
    """A match."""

    kind: MatchKind = strawberry.field(description="How they lie to each other.")
    uri: str = strawberry.field(description="The IRI of the other concept.")


@strawberry.type(description="A concept as another one names it.")
class ConceptName:
    """A name."""

    concept_id: strawberry.ID = strawberry.field(description="The concept; `concept` tells more.")
    label: str = strawberry.field(description="What it is called.")
    state: ConceptState = strawberry.field(description="How far it has come.")


@strawberry.type(description="In which concept one goes on that is no longer used.")
class ConceptForwarding:
    """A forwarding."""

    concept: ConceptName = strawberry.field(description="The other concept.")
    kind: ForwardKind = strawberry.field(description="How it goes on there.")


@strawberry.type(description="A unit of thought in a thesaurus, whatever it is called.")
class Concept(Node):
    """A concept."""

    thesaurus_id: strawberry.ID = strawberry.field(description="The thesaurus it belongs to.")
    uri: str = strawberry.field(description="Its IRI, by which others know it.")
    label: str = strawberry.field(
        description="What it is called: its preferred label in the language of the thesaurus if there is one."
    )
    notation: str | None = strawberry.field(description="Its code in the thesaurus.")
    state: ConceptState = strawberry.field(description="How far it has come.")
    revision: int = strawberry.field(description="Raised by every change; name it in yours.")
    labels: list[ConceptLabel] = strawberry.field(description="All that it is called.")
    notes: list[ConceptNote] = strawberry.field(description="What is said about it.")
    matches: list[ConceptMatch] = strawberry.field(description="What is like it in other thesauri.")
    broader: list[ConceptName] = strawberry.field(
        description="The concepts directly above it; `concepts` lists what lies below one."
    )
    related: list[ConceptName] = strawberry.field(description="What it has to do with.")
    forwarded_to: list[ConceptForwarding] = strawberry.field(
        description="In what it goes on if it is no longer used."
    )
    created_at: Instant = strawberry.field(description="When it was proposed.")
    created_by: Principal | None = strawberry.field(description="Who proposed it.")
    approved_at: Instant | None = strawberry.field(description="When it was approved last.")
    approved_by: Principal | None = strawberry.field(description="Who approved it then.")
    deprecated_at: Instant | None = strawberry.field(description="When it was given up.")
    deprecation_reason: str | None = strawberry.field(description="Why it was given up.")
    available_transitions: list[str] = strawberry.field(
        description="What its state permits and your office allows."
    )


@strawberry.input(description="Which concepts to list; what is left out does not narrow the list.")
class ConceptsFilter:
    """What narrows a list of concepts."""

    thesaurus_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those of this thesaurus."
    )
    state: ConceptState | None = strawberry.field(default=None, description="Those in this state.")
    label_begins_with: str | None = strawberry.field(
        default=None, description="Those whose `label` begins so; case and accents do not count."
    )
    broader_id: strawberry.ID | None = strawberry.field(
        default=None, description="Those directly below this concept."
    )


_LINES = frozenset({"labels", "notes", "matches", "broader", "related", "forwardedTo"})


def shown_concepts(
    work: Work, rows: Iterable[models.Concept], *, names: frozenset[str] = _LINES
) -> Mapping[UUID, Concept]:
    """Shape concepts by id; of what belongs to them only what is among the names of fields is read."""
    found = list(rows)
    ids = [row.id for row in found]
    labels = conceptlines.labels(work, ids if "labels" in names else ())
    notes = conceptlines.notes(work, ids if "notes" in names else ())
    matches = conceptlines.matches(work, ids if "matches" in names else ())
    links = conceptlines.links(work, ids if names & {"broader", "related"} else ())
    forwardings = conceptlines.forwardings(work, ids if "forwardedTo" in names else ())
    named = _named(work, links.broader, links.related, forwardings)
    people = principals.named(work, [each for row in found for each in (row.created_by, row.approved_by)])
    return {
        row.id: _shape(
            work,
            row,
            people,
            labels=[_label(each) for each in labels.get(row.id, ())],
            notes=[
                ConceptNote(kind=each.kind, language=each.language, text=each.text)
                for each in notes.get(row.id, ())
            ],
            matches=[ConceptMatch(kind=each.kind, uri=each.uri) for each in matches.get(row.id, ())],
            broader=_of(named, links.broader.get(row.id, ())),
            related=_of(named, links.related.get(row.id, ())),
            forwarded_to=[
                ConceptForwarding(concept=named[each.target_id], kind=each.kind)
                for each in forwardings.get(row.id, ())
            ],
        )
        for row in found
    }


def shown_concept(work: Work, row: models.Concept) -> Concept:
    """Shape one concept."""
    return shown_concepts(work, [row])[row.id]


def shown_name(row: models.Concept) -> ConceptName:
    """Shape a concept as an answer names it."""
    return ConceptName(concept_id=shown_id(Kind.CONCEPT, row.id), label=row.label, state=row.state)


def nodes(info: Info, ids: Collection[UUID]) -> Mapping[UUID, Concept]:
    """Return concepts by id, for `node`."""
    return shown_concepts(info.work, concepts.each(info.work, ids).values())


def _named(
    work: Work,
    broader: Mapping[UUID, Sequence[UUID]],
    related: Mapping[UUID, Sequence[UUID]],
    forwardings: Mapping[UUID, Sequence[models.ConceptForwarding]],
) -> Mapping[UUID, ConceptName]:
    ids = {each for links in (broader, related) for many in links.values() for each in many}
    ids |= {each.target_id for many in forwardings.values() for each in many}
    return {key: shown_name(row) for key, row in concepts.named(work, ids).items()}


def _of(named: Mapping[UUID, ConceptName], ids: Collection[UUID]) -> list[ConceptName]:
    return sorted((named[each] for each in ids), key=lambda name: (name.label, name.concept_id))


def _label(row: models.ConceptLabel) -> ConceptLabel:
    return ConceptLabel(kind=row.kind, language=row.language, text=row.text)


def _shape(  # what belongs to a concept, each read for all of a list
    work: Work,
    row: models.Concept,
    people: Mapping[UUID, Principal],
    *,
    labels: list[ConceptLabel],
    notes: list[ConceptNote],
    matches: list[ConceptMatch],
    broader: list[ConceptName],
    related: list[ConceptName],
    forwarded_to: list[ConceptForwarding],
) -> Concept:
    return Concept(
        id=shown_id(Kind.CONCEPT, row.id),
        thesaurus_id=shown_id(Kind.THESAURUS, row.thesaurus_id),
        uri=row.uri,
        label=row.label,
        notation=row.notation,
        state=row.state,
        revision=row.revision,
        labels=labels,
        notes=notes,
        matches=matches,
        broader=broader,
        related=related,
        forwarded_to=forwarded_to,
        created_at=Instant(row.created_at),
        created_by=principals.one_of(people, row.created_by),
        approved_at=shown_instant(row.approved_at),
        approved_by=principals.one_of(people, row.approved_by),
        deprecated_at=shown_instant(row.deprecated_at),
        deprecation_reason=row.deprecation_reason,
        available_transitions=list(concepts.transitions(work, row)),
    )


@strawberry.type
class Queries:
    """The room's part of Query."""

    @query_field(op=Op.CONCEPT_LIST, needs=OPEN, description="One concept; null if there is none.")
    def concept(
        self, info: Info, id: Annotated[strawberry.ID, strawberry.argument(description="The concept.")]
    ) -> Concept | None:
        """Read a concept."""
        row = concepts.concept(info.work, asked_id(Kind.CONCEPT, id))
        return shown_concepts(info.work, [row], names=info.below(""))[row.id]

    @query_field(op=Op.CONCEPT_LIST, needs=OPEN, description="Concepts by label, case and accents aside.")
    def concepts(  # noqa: PLR0917  arguments arrive by name
        self,
        info: Info,
        first: First = None,
        after: After = None,
        last: Last = None,
        before: Before = None,
        filter: Annotated[ConceptsFilter | None, NARROWS] = None,
        total_up_to: TotalUpTo = TOTAL_UP_TO,
    ) -> Connection[Concept] | None:
        """List concepts."""
        given = filter or ConceptsFilter()
        chosen = Chosen(
            thesaurus_id=None if given.thesaurus_id is None else asked_id(Kind.THESAURUS, given.thesaurus_id),
            state=given.state,
            begins=given.label_begins_with,
            broader_id=None if given.broader_id is None else asked_id(Kind.CONCEPT, given.broader_id),
        )
        page = paging.asked(
            info,
            first=first,
            after=after,
            last=last,
            before=before,
            filter=[
                chosen.state,
                chosen.begins,
                *(each.hex if each else None for each in (chosen.thesaurus_id, chosen.broader_id)),
            ],
            order="label",
            total_up_to=total_up_to,
        )
        found = concepts.listed(info.work, page.request, chosen)
        names = info.below("nodes", "edges.node")
        return page.connection(found.among(shown_concepts(info.work, found.rows, names=names)))
