"""What was done to keep Documents readable, and the order in which content is checked."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_KINDS = ("fixity_check", "format_identification", "text_extraction", "rendering")
_OUTCOMES = ("passed", "failed")


def upgrade() -> None:
    """Make the table and the index."""
    op.create_table(
        "preservation_event",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("document_id", types.Id(), nullable=False),
        sa.Column("blob_id", types.Id()),
        sa.Column("kind", _closed("kind", _KINDS), nullable=False),
        sa.Column("outcome", _closed("outcome", _OUTCOMES), nullable=False),
        sa.Column("note", sa.String()),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_preservation_event_document_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preservation_event")),
    )
    op.create_index("ix_preservation_event_document", "preservation_event", ["document_id", "at"])
    op.create_index("ix_blob_verified_at", "blob", ["verified_at", "id"])


def downgrade() -> None:
    """Drop them."""
    op.drop_index("ix_blob_verified_at", "blob")
    op.drop_table("preservation_event")


def _closed(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
