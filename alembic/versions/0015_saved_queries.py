"""Searches that people saved for themselves."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

_ORDERS = ("relevance", "newest", "oldest", "latest_date", "earliest_date", "reference_code")


def upgrade() -> None:
    """Make the table."""
    order = sa.Enum(*_ORDERS, name="hit_order", native_enum=False, create_constraint=True, length=40)
    op.create_table(
        "saved_query",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("owner_id", types.Id(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("conditions", sa.String(), nullable=False),
        sa.Column("hit_order", order, nullable=False),
        sa.Column("saved_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["principal.id"], name=op.f("fk_saved_query_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_query")),
        sa.UniqueConstraint("owner_id", "name", name=op.f("uq_saved_query_owner_id_name")),
    )


def downgrade() -> None:
    """Drop the table."""
    op.drop_table("saved_query")
