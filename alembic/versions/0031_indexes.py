"""Index terms of things, and the relative index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "index_term",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("subject", types.Id(), nullable=False),
        sa.Column("kind", _closed(("document", "aggregation"), "kind"), nullable=False),
        sa.Column("concept_id", types.Id(), nullable=False),
        sa.Column("added_at", types.UtcTime(), nullable=False),
        sa.Column("added_by", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(["concept_id"], ["concept.id"], name=op.f("fk_index_term_concept_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_index_term")),
        sa.UniqueConstraint("subject", "concept_id", name=op.f("uq_index_term_subject_concept_id")),
    )
    op.create_index("ix_index_term_concept", "index_term", ["concept_id", "id"])
    op.create_table(
        "relative_index_entry",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("term", sa.String(), nullable=False),
        sa.Column("term_key", types.SortKey(), nullable=False),
        sa.Column("qualifier", sa.String(), nullable=False),
        sa.Column("kind", _closed(("entry", "see", "see_also"), "kind"), nullable=False),
        sa.Column("class_id", types.Id(), nullable=True),
        sa.Column("target", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.CheckConstraint(
            "(kind = 'entry') = (class_id IS NOT NULL)", name=op.f("ck_relative_index_entry_leads")
        ),
        sa.CheckConstraint(
            "(class_id IS NULL) = (target IS NOT NULL)", name=op.f("ck_relative_index_entry_target")
        ),
        sa.ForeignKeyConstraint(
            ["class_id"], ["record_class.id"], name=op.f("fk_relative_index_entry_class_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relative_index_entry")),
    )
    op.create_index("ix_relative_index_entry_order", "relative_index_entry", ["term_key", "id"])
    op.create_index("ix_relative_index_entry_class", "relative_index_entry", ["class_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("relative_index_entry")
    op.drop_table("index_term")


def _closed(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
