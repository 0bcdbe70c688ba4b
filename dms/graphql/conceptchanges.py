"""Concepts proposed, changed, approved, merged and given up."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, TypeVar
from uuid import UUID

import strawberry

from dms.base.ids import Kind
from dms.graphql import concepts as room
from dms.graphql.concepts import Concept
from dms.graphql.context import INPUT, Info, Payload, mutation_field
from dms.graphql.creations import Creation, Made
from dms.graphql.nodes import given
from dms.graphql.scalars import asked_id
from dms.rules.access import Duty
from dms.rules.accessevents import Op
from dms.rules.concepts import Label, LabelKind, Match, MatchKind, Note, NoteKind
from dms.services import concepts
from dms.services.concepts import Words
from dms.services.editing import KEEP, Keep

T = TypeVar("T")
S = TypeVar("S")

_NOW = "The concept as it is now."


@strawberry.input(description="What a concept is called in a language.")
class ConceptLabelInput:
    """A label."""

    kind: LabelKind = strawberry.field(
        default=LabelKind.PREFERRED, description="How it stands for the concept; PREFERRED if left out."
    )
    language: str = strawberry.field(default="", description="The language, such as `en`; empty for none.")
    text: str = strawberry.field(description="The label, one line.")


@strawberry.input(description="A note on a concept in a language.")
class ConceptNoteInput:
    """A note."""

    kind: NoteKind = strawberry.field(description="What it tells.")
    language: str = strawberry.field(default="", description="The language, such as `en`; empty for none.")
    text: str = strawberry.field(description="The note.")


@strawberry.input(description="A concept of another thesaurus that is like one.")
class ConceptMatchInput:
    """A match."""

    kind: MatchKind = strawberry.field(description="How they lie to each other.")
    uri: str = strawberry.field(description="The IRI of the other concept.")


@strawberry.input(description="A new concept: a candidate, until another person approves it.")
class ConceptCreateInput(Creation):
    """What a concept begins with."""

    thesaurus_id: strawberry.ID = strawberry.field(description="The thesaurus it belongs to.")
    labels: list[ConceptLabelInput] = strawberry.field(
        description="What it is called: one preferred label in a language, any number of others."
    )
    notation: str | None = strawberry.field(default=None, description="Its code in the thesaurus.")
    notes: list[ConceptNoteInput] = strawberry.field(
        default_factory=list, description="What is said about it."
    )
    matches: list[ConceptMatchInput] = strawberry.field(
        default_factory=list, description="What is like it in other thesauri."
    )
    broader_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="The concepts directly above it, of the same thesaurus."
    )
    related_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="What it has to do with, in the same thesaurus."
    )
    uri: str | None = strawberry.field(default=None, description="Its IRI; left out, one is made.")


@strawberry.input(description="A concept and the revision of it that you have seen.")
class ConceptStepInput:
    """Which concept."""

    id: strawberry.ID = strawberry.field(description="The concept.")
    expected_revision: int = strawberry.field(description="The revision that you have seen.")


@strawberry.input(
    description="What is said of a concept. What is left out stays; a list takes the place of the former one."
)
class ConceptUpdateInput(ConceptStepInput):
    """What changes."""

    labels: strawberry.Maybe[list[ConceptLabelInput]] = strawberry.field(
        description="All that it is called. A preferred label that goes stays as an alternative one, if the "
        "concept was approved before."
    )
    notation: strawberry.Maybe[str | None] = strawberry.field(description="Its code in the thesaurus.")
    notes: strawberry.Maybe[list[ConceptNoteInput]] = strawberry.field(description="All notes.")
    matches: strawberry.Maybe[list[ConceptMatchInput]] = strawberry.field(description="All matches.")
    broader_ids: strawberry.Maybe[list[strawberry.ID]] = strawberry.field(
        description="All concepts directly above it."
    )
    related_ids: strawberry.Maybe[list[strawberry.ID]] = strawberry.field(
        description="All concepts that it has to do with."
    )


@strawberry.input(description="The approval of a concept.")
class ConceptApproveInput(ConceptStepInput):
    """By somebody who had no hand in it since it was approved last."""


@strawberry.input(description="The end of a concept; say what replaces it, or why.")
class ConceptDeprecateInput(ConceptStepInput):
    """And in what it goes on."""

    replaced_by_ids: list[strawberry.ID] = strawberry.field(
        default_factory=list, description="One that takes its place, or several that take a part of it each."
    )
    reason: str | None = strawberry.field(default=None, description="Why; needed if nothing takes its place.")


@strawberry.input(description="The merging of a concept into another one of its thesaurus.")
class ConceptMergeInput(ConceptStepInput):
    """Into which."""

    into_id: strawberry.ID = strawberry.field(
        description="The concept that takes its labels and what lies below it."
    )
    reason: str = strawberry.field(description="Why.")


@strawberry.type(description="What came of proposing a concept.")
class ConceptCreatePayload(Payload):
    """The concept, or why not."""

    concept: Concept | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of changing a concept.")
class ConceptUpdatePayload(Payload):
    """The concept, or why not."""

    concept: Concept | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of approving a concept.")
class ConceptApprovePayload(Payload):
    """The concept, or why not."""

    concept: Concept | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of giving a concept up.")
class ConceptDeprecatePayload(Payload):
    """The concept, or why not."""

    concept: Concept | None = strawberry.field(default=None, description=_NOW)


@strawberry.type(description="What came of merging a concept.")
class ConceptMergePayload(Payload):
    """The concept that took it over, or why not."""

    concept: Concept | None = strawberry.field(
        default=None, description="The other concept; it waits for approval again."
    )


@strawberry.type
class Mutations:
    """The room's part of Mutation."""

    @mutation_field(
        op=Op.CONCEPT_CREATE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        creates=Made("concept", room.nodes),
        description="Propose a concept. Search knows it once another person has approved it.",
    )
    def concept_create(
        self, info: Info, input: Annotated[ConceptCreateInput, INPUT]
    ) -> ConceptCreatePayload | None:
        """Propose a concept."""
        words = Words(
            labels=_labels(input.labels),
            notes=_notes(input.notes),
            matches=_matches(input.matches),
            notation=input.notation,
            broader=_ids(input.broader_ids),
            related=_ids(input.related_ids),
        )
        home = asked_id(Kind.THESAURUS, input.thesaurus_id)
        row = concepts.create(info.work, home, words, uri=input.uri)
        return ConceptCreatePayload(concept=room.shown_concept(info.work, row))

    @mutation_field(
        op=Op.CONCEPT_UPDATE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        description="Say something else of a concept; it waits for approval again.",
    )
    def concept_update(
        self, info: Info, input: Annotated[ConceptUpdateInput, INPUT]
    ) -> ConceptUpdatePayload | None:
        """Change a concept."""
        words = Words(
            labels=_read(given(input.labels), _labels),
            notes=_read(given(input.notes), _notes),
            matches=_read(given(input.matches), _matches),
            notation=given(input.notation),
            broader=_read(given(input.broader_ids), _ids),
            related=_read(given(input.related_ids), _ids),
        )
        row = concepts.update(info.work, _key(input), words, expected_revision=input.expected_revision)
        return ConceptUpdatePayload(concept=room.shown_concept(info.work, row))

    @mutation_field(
        op=Op.CONCEPT_APPROVE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        description="Approve a concept, as nobody who wrote or changed it since it was approved last.",
    )
    def concept_approve(
        self, info: Info, input: Annotated[ConceptApproveInput, INPUT]
    ) -> ConceptApprovePayload | None:
        """Approve a concept."""
        row = concepts.approve(info.work, _key(input), expected_revision=input.expected_revision)
        return ConceptApprovePayload(concept=room.shown_concept(info.work, row))

    @mutation_field(
        op=Op.CONCEPT_DEPRECATE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        description="Give a concept up. What it describes stays described by it.",
    )
    def concept_deprecate(
        self, info: Info, input: Annotated[ConceptDeprecateInput, INPUT]
    ) -> ConceptDeprecatePayload | None:
        """Give a concept up."""
        row = concepts.deprecate(
            info.work,
            _key(input),
            _ids(input.replaced_by_ids),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return ConceptDeprecatePayload(concept=room.shown_concept(info.work, row))

    @mutation_field(
        op=Op.CONCEPT_MERGE,
        needs=Duty.DESCRIPTIONS_MANAGE,
        description="Give a concept up for another one of its thesaurus, which takes its labels and what "
        "lies below it.",
    )
    def concept_merge(
        self, info: Info, input: Annotated[ConceptMergeInput, INPUT]
    ) -> ConceptMergePayload | None:
        """Merge a concept."""
        row = concepts.merge(
            info.work,
            _key(input),
            asked_id(Kind.CONCEPT, input.into_id),
            expected_revision=input.expected_revision,
            reason=input.reason,
        )
        return ConceptMergePayload(concept=room.shown_concept(info.work, row))


def _key(input: ConceptStepInput) -> UUID:
    return asked_id(Kind.CONCEPT, input.id)


def _read(said: S | Keep, read: Callable[[S], T]) -> T | Keep:
    return KEEP if isinstance(said, Keep) else read(said)


def _labels(asked: Iterable[ConceptLabelInput]) -> tuple[Label, ...]:
    return tuple(Label(each.kind, each.language, each.text) for each in asked)


def _notes(asked: Iterable[ConceptNoteInput]) -> tuple[Note, ...]:
    return tuple(Note(each.kind, each.language, each.text) for each in asked)


def _matches(asked: Iterable[ConceptMatchInput]) -> tuple[Match, ...]:
    return tuple(Match(each.kind, each.uri) for each in asked)


def _ids(asked: Iterable[str]) -> tuple[UUID, ...]:
    return tuple(asked_id(Kind.CONCEPT, each) for each in asked)
