"""Results of searches that people froze as lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

_ORDERS = ("relevance", "newest", "oldest", "latest_date", "earliest_date", "reference_code")


def _closed(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "search_list",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("owner_id", types.Id(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("conditions", sa.String(), nullable=False),
        sa.Column("hit_order", _closed("hit_order", *_ORDERS), nullable=False),
        sa.Column("frozen_at", types.UtcTime(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["principal.id"], name=op.f("fk_search_list_owner_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_list")),
    )
    op.create_index("ix_search_list_owner", "search_list", ["owner_id", "id"])
    op.create_table(
        "search_list_line",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("list_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subject", types.Id(), nullable=False),
        sa.Column("kind", _closed("kind", "document", "aggregation"), nullable=False),
        sa.Column("found_revision", sa.Integer(), nullable=False),
        sa.Column("found_version", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["list_id"], ["search_list.id"], name=op.f("fk_search_list_line_list_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_list_line")),
        sa.UniqueConstraint("list_id", "position", name=op.f("uq_search_list_line_list_id_position")),
    )


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("search_list_line")
    op.drop_table("search_list")
