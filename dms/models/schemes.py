"""Classification schemes: lasting classes, and the editions that word them."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.editions import EditionColumns, bound_to_digest, one_in_force
from dms.models.types import Base, Id, SortKey, closed
from dms.rules.schemes import ClassStatus, MappingKind

UNASSIGNED = "unassigned"
"""Code of the class that bulk capture uses until a person classes the Document."""


class ClassificationScheme(Base):
    """A functional file plan; the node above all its classes."""

    __tablename__ = "classification_scheme"
    __table_args__ = (UniqueConstraint("code"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    code: Mapped[str]
    title: Mapped[str]


class RecordClass(Base):
    """A lasting function or activity; outlives every wording of it.

    INVARIANT (class-in-force): status, code, title and parent are those of the edition in force; a class that
    is in none yet has those of its draft. Only an activation writes them.
    """

    __tablename__ = "record_class"
    __table_args__ = (Index("ix_record_class_code", "scheme_id", "code"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    scheme_id: Mapped[UUID] = mapped_column(Id, ForeignKey("classification_scheme.id"))
    parent_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("record_class.id"), index=True)
    access_node_id: Mapped[int] = mapped_column(ForeignKey("access_node.id"), index=True)
    """The nearest access node at or above it."""
    status: Mapped[ClassStatus] = mapped_column(
        closed(ClassStatus, name="status"), default=ClassStatus.ACTIVE
    )
    code: Mapped[str]
    title: Mapped[str]


class SchemeEdition(EditionColumns, Base):
    """One dated, approved wording of a scheme; the founding makes the first."""

    __tablename__ = "scheme_edition"
    __table_args__ = (
        UniqueConstraint("scheme_id", "number"),
        one_in_force("scheme_edition", "scheme_id"),
        bound_to_digest(founded=True),
    )

    scheme_id: Mapped[UUID] = mapped_column(Id, ForeignKey("classification_scheme.id"))
    based_on_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("scheme_edition.id"))


class ClassEntry(Base):
    """What a class says in an edition: code, place and notes."""

    __tablename__ = "class_entry"
    __table_args__ = (
        UniqueConstraint("edition_id", "code"),
        UniqueConstraint("edition_id", "class_id"),
        Index("ix_class_entry_order", "edition_id", "code_key", "id"),
        Index("ix_class_entry_class", "class_id"),
        Index("ix_class_entry_parent", "parent_id", "code_key", "id"),
    )

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    edition_id: Mapped[UUID] = mapped_column(Id, ForeignKey("scheme_edition.id"))
    class_id: Mapped[UUID] = mapped_column(Id, ForeignKey("record_class.id"))
    parent_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("record_class.id"))
    code: Mapped[str]
    code_key: Mapped[str] = mapped_column(SortKey)
    title: Mapped[str]
    scope_note: Mapped[str | None]
    includes: Mapped[str | None]
    excludes: Mapped[str | None]
    primary_office: Mapped[str | None]
    """The unit that answers for the records of the class; others keep copies."""
    is_closed: Mapped[bool] = mapped_column(default=False)


class ClassMapping(Base):
    """That a class which an edition closes goes on in another class."""

    __tablename__ = "class_mapping"
    __table_args__ = (UniqueConstraint("edition_id", "class_id", "target_id"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    edition_id: Mapped[UUID] = mapped_column(Id, ForeignKey("scheme_edition.id"))
    class_id: Mapped[UUID] = mapped_column(Id, ForeignKey("record_class.id"))
    target_id: Mapped[UUID] = mapped_column(Id, ForeignKey("record_class.id"))
    kind: Mapped[MappingKind] = mapped_column(closed(MappingKind, name="kind"))
