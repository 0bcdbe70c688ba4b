"""Classification schemes and record classes: the least that a Document needs to be classed."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Base, Id

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
    """A lasting function or activity; outlives every wording of it."""

    __tablename__ = "record_class"
    __table_args__ = (UniqueConstraint("scheme_id", "code"),)

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    scheme_id: Mapped[UUID] = mapped_column(Id, ForeignKey("classification_scheme.id"))
    parent_id: Mapped[UUID | None] = mapped_column(Id, ForeignKey("record_class.id"), index=True)
    access_node_id: Mapped[int] = mapped_column(ForeignKey("access_node.id"), index=True)
    """The nearest access node at or above it."""
    code: Mapped[str]
    title: Mapped[str]
