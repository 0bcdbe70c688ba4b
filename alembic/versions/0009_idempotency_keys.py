"""Keys by which a request that is sent twice makes a thing once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "idempotency_key",
        sa.Column("principal_id", types.Id(), nullable=False),
        sa.Column("key_sha256", types.Digest(), nullable=False),
        sa.Column("mutation", sa.String(), nullable=False),
        sa.Column("body_sha256", types.Digest(), nullable=False),
        sa.Column("thing_id", types.Id()),
        sa.Column("used_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principal.id"], name=op.f("fk_idempotency_key_principal_id")
        ),
        sa.PrimaryKeyConstraint("principal_id", "key_sha256", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_used_at", "idempotency_key", ["used_at"])


def downgrade() -> None:
    """Drop the table; what was made stays."""
    op.drop_table("idempotency_key")
