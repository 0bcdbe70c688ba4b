"""Thesauri: concepts with their labels, notes, links and matches (SKOS)."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Digest, Id, SortKey, UtcTime, closed
from dms.rules.concepts import ForwardKind, LabelKind, LinkKind, MatchKind, NoteKind, Stated
from dms.rules.states import ConceptState

_PREFERRED = text("kind = 'preferred'")


class Thesaurus(Base):
    """A controlled vocabulary: a concept scheme of SKOS."""

    __tablename__ = "thesaurus"
    __table_args__ = (UniqueConstraint("code"), UniqueConstraint("uri"))

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    code: Mapped[str]
    code_key: Mapped[str] = mapped_column(SortKey, index=True)
    title: Mapped[str]
    uri: Mapped[str]
    language: Mapped[str]
    """In which its concepts are shown and sorted, if they have a label in it; empty for any."""
    revision: Mapped[int]
    """Raised by every change of the thesaurus and of its concepts: what an approval of many names."""
    source_digest: Mapped[str | None] = mapped_column(Digest)
    """Of the file that was read in last, completely."""
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)


class Concept(Base):
    """A unit of thought; labels name it."""

    __tablename__ = "concept"
    __table_args__ = (
        UniqueConstraint("thesaurus_id", "uri"),
        Index("ix_concept_order", "thesaurus_id", "label_key", "id"),
        Index("ix_concept_sorted", "label_key", "id"),
        CheckConstraint("state <> 'approved' OR approved_at IS NOT NULL", name="approved"),
        CheckConstraint("state <> 'deprecated' OR deprecated_at IS NOT NULL", name="deprecated"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    thesaurus_id: Mapped[UUID] = mapped_column(Id, ForeignKey("thesaurus.id"))
    uri: Mapped[str]
    state: Mapped[ConceptState] = mapped_column(closed(ConceptState, name="state"))
    label: Mapped[str]
    """Its preferred label in the language of the thesaurus, or else in another one."""
    label_key: Mapped[str] = mapped_column(SortKey)
    notation: Mapped[str | None]
    is_in_scheme: Mapped[bool]
    """Whether `inScheme` is stated of it; a source may leave that out."""
    editors: Mapped[str]
    """Sorted hexadecimal ids of whoever changed it since it was approved last, separated by spaces."""
    revision: Mapped[int]
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    approved_at: Mapped[int | None] = mapped_column(UtcTime)
    approved_by: Mapped[UUID | None] = mapped_column(Id)
    deprecated_at: Mapped[int | None] = mapped_column(UtcTime)
    deprecated_by: Mapped[UUID | None] = mapped_column(Id)
    deprecation_reason: Mapped[str | None]


class ConceptLabel(Base):
    """A name of a concept in a language."""

    __tablename__ = "concept_label"
    __table_args__ = (
        UniqueConstraint("concept_id", "language", "text"),
        Index(
            "uq_concept_label_preferred",
            "concept_id",
            "language",
            unique=True,
            sqlite_where=_PREFERRED,
            postgresql_where=_PREFERRED,
        ),
        Index("ix_concept_label_text_key", "text_key"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    concept_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"))
    kind: Mapped[LabelKind] = mapped_column(closed(LabelKind, name="kind"))
    language: Mapped[str]
    text: Mapped[str]
    text_key: Mapped[str] = mapped_column(SortKey)
    """Its words as search folds them."""


class ConceptNote(Base):
    """A note on a concept."""

    __tablename__ = "concept_note"
    __table_args__ = (Index("ix_concept_note_concept", "concept_id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    concept_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"))
    kind: Mapped[NoteKind] = mapped_column(closed(NoteKind, name="kind"))
    language: Mapped[str]
    text: Mapped[str]


class ConceptLink(Base):
    """That a concept is narrower than another one, or related to it.

    INVARIANT (related-once): of two related concepts the one with the smaller id bears the link.
    """

    __tablename__ = "concept_link"
    __table_args__ = (
        UniqueConstraint("concept_id", "kind", "target_id"),
        Index("ix_concept_link_target", "target_id", "kind"),
        CheckConstraint("concept_id <> target_id", name="itself"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    concept_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"))
    kind: Mapped[LinkKind] = mapped_column(closed(LinkKind, name="kind"))
    target_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"))
    stated: Mapped[Stated] = mapped_column(closed(Stated, name="stated"))


class ConceptMatch(Base):
    """A concept of another thesaurus that is like one of ours."""

    __tablename__ = "concept_match"
    __table_args__ = (UniqueConstraint("concept_id", "kind", "uri"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    concept_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"))
    kind: Mapped[MatchKind] = mapped_column(closed(MatchKind, name="kind"))
    uri: Mapped[str]


class ConceptForwarding(Base):
    """In which concepts one goes on that is no longer used."""

    __tablename__ = "concept_forwarding"
    __table_args__ = (
        UniqueConstraint("concept_id", "target_id"),
        CheckConstraint("concept_id <> target_id", name="itself"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    concept_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"))
    target_id: Mapped[UUID] = mapped_column(Id, ForeignKey("concept.id"), index=True)
    kind: Mapped[ForwardKind] = mapped_column(closed(ForwardKind, name="kind"))


class ConceptStatement(Base):
    """What a source says that has no column here, as N-Triples: of a concept, or of the thesaurus whole."""

    __tablename__ = "concept_statement"
    __table_args__ = (Index("ix_concept_statement_owner", "thesaurus_id", "concept_id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    thesaurus_id: Mapped[UUID] = mapped_column(Id, ForeignKey("thesaurus.id"))
    concept_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("concept.id"))
    is_aside: Mapped[bool]
    """Contradicts a rule of SKOS: kept, but left out of what is written."""
    triples: Mapped[str]
