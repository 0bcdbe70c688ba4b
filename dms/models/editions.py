"""What editions of a scheme and of a schedule have in common: states, approval, and who did what when."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from sqlalchemy import CheckConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from dms.models.types import Digest, Id, UtcTime, closed
from dms.rules.states import EditionState

_IN_FORCE = text("state = 'in_force'")


class EditionColumns:
    """One dated, approved wording of something lasting."""

    id: Mapped[UUID] = mapped_column(Id, primary_key=True)
    number: Mapped[int]
    """1, 2, 3 and so on."""
    state: Mapped[EditionState] = mapped_column(closed(EditionState, name="state"))
    title: Mapped[str]
    mandate: Mapped[str | None]
    effective_on: Mapped[date | None]
    """The first day on which it may be put in force, in UTC."""
    digest: Mapped[str | None] = mapped_column(Digest)
    """Binds the approval to what was submitted."""
    editors: Mapped[str] = mapped_column(default="")
    """Sorted hexadecimal ids of whoever changed it since it was made, separated by spaces."""
    revision: Mapped[int]
    created_at: Mapped[int] = mapped_column(UtcTime)
    created_by: Mapped[UUID | None] = mapped_column(Id)
    submitted_at: Mapped[int | None] = mapped_column(UtcTime)
    submitted_by: Mapped[UUID | None] = mapped_column(Id)
    approved_at: Mapped[int | None] = mapped_column(UtcTime)
    approved_by: Mapped[UUID | None] = mapped_column(Id)
    activated_at: Mapped[int | None] = mapped_column(UtcTime)
    activated_by: Mapped[UUID | None] = mapped_column(Id)
    ended_at: Mapped[int | None] = mapped_column(UtcTime)
    """When the next one took its place, or when it was withdrawn."""


def one_in_force(table: str, owner: str) -> Index:
    """Return the index by which at most one edition of each owner is in force."""
    return Index(
        f"uq_{table}_in_force", owner, unique=True, sqlite_where=_IN_FORCE, postgresql_where=_IN_FORCE
    )


def bound_to_digest(*, founded: bool) -> CheckConstraint:
    """Return the check that what left the draft has a digest; a founding's first edition has none."""
    but = "number = 1 OR " if founded else ""
    return CheckConstraint(f"state IN ('draft', 'withdrawn') OR {but}digest IS NOT NULL", name="digest")
