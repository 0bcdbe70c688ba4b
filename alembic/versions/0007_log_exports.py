"""Exports of the access log that run as jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FORMATS = ("jsonl", "csv", "ocsf")
_STATES = ("waiting", "running", "done", "failed", "cancelled", "expired")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "log_export",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("requested_by", types.Id(), nullable=False),
        sa.Column("requested_at", types.UtcTime(), nullable=False),
        sa.Column("format", _closed("format", _FORMATS), nullable=False),
        sa.Column("selection", sa.String(), nullable=False),
        sa.Column("with_objects", sa.Boolean(), nullable=False),
        sa.Column("with_details", sa.Boolean(), nullable=False),
        sa.Column("state", _closed("state", _STATES), nullable=False),
        sa.Column("lease_until", types.UtcTime()),
        sa.Column("checkpoint", sa.String()),
        sa.Column("first_index", sa.BigInteger()),
        sa.Column("end_index", sa.BigInteger()),
        sa.Column("newer", sa.BigInteger()),
        sa.Column("has_paths", sa.Boolean()),
        sa.Column("next_index", sa.BigInteger()),
        sa.Column("spool_bytes", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("finished_at", types.UtcTime()),
        sa.Column("sha256", types.Digest()),
        sa.Column("size_bytes", sa.BigInteger()),
        sa.Column("pruned", sa.BigInteger()),
        sa.Column("gaps", sa.String()),
        sa.Column("problem", sa.String()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('done', 'expired')) = (sha256 IS NOT NULL)", name=op.f("ck_log_export_digest")
        ),
        sa.ForeignKeyConstraint(["requested_by"], ["principal.id"], name=op.f("fk_log_export_requested_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_export")),
    )
    op.create_index("ix_log_export_state", "log_export", ["state", "id"])
    op.create_index("ix_log_export_requested_by", "log_export", ["requested_by", "id"])


def downgrade() -> None:
    """Drop the table; the events of the exports stay."""
    op.drop_table("log_export")


def _closed(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
