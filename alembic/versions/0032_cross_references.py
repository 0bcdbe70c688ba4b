"""Cross-references between records and to citations from outside."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

_KINDS = (
    "see",
    "see_also",
    "supersedes",
    "continues",
    "replies_to",
    "attachment_of",
    "copy_of",
    "extract_of",
    "redaction_of",
    "digitised_from",
    "related",
    "moved_to",
)


def upgrade() -> None:
    """Make the table."""
    kind = sa.Enum(*_KINDS, name="kind", native_enum=False, create_constraint=True, length=40)
    op.create_table(
        "cross_reference",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", kind, nullable=False),
        sa.Column("source_id", types.Id(), nullable=False),
        sa.Column("target_id", types.Id(), nullable=True),
        sa.Column("citation", sa.String(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("added_at", types.UtcTime(), nullable=False),
        sa.Column("added_by", types.Id(), nullable=True),
        sa.Column("removed_at", types.UtcTime(), nullable=True),
        sa.Column("removed_by", types.Id(), nullable=True),
        sa.Column("removal_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(target_id IS NULL) <> (citation IS NULL)", name=op.f("ck_cross_reference_one_target")
        ),
        sa.CheckConstraint(
            "target_id IS NULL OR target_id <> source_id", name=op.f("ck_cross_reference_not_itself")
        ),
        sa.CheckConstraint(
            "(removed_at IS NULL) = (removal_reason IS NULL)", name=op.f("ck_cross_reference_removed")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cross_reference")),
    )
    op.create_index("ix_cross_reference_source", "cross_reference", ["source_id", "id"])
    op.create_index("ix_cross_reference_target", "cross_reference", ["target_id", "id"])


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("cross_reference")
