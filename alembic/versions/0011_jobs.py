"""Jobs: work that is done later, queued in the transaction of its cause."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

_STATES = ("queued", "running", "done", "failed", "dead", "cancelled")
_OPEN = sa.text("state IN ('queued', 'running')")


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "job",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("payload", sa.String(), nullable=False),
        sa.Column("dedupe_key", sa.String()),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", _state(), nullable=False),
        sa.Column("run_at", types.UtcTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_until", types.UtcTime()),
        sa.Column("leased_by", types.Id()),
        sa.Column("asked_again", sa.Boolean(), nullable=False),
        sa.Column("progress_done", sa.BigInteger()),
        sa.Column("progress_total", sa.BigInteger()),
        sa.Column("error_code", sa.String()),
        sa.Column("error", sa.String()),
        sa.Column("asked_by", types.Id()),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("started_at", types.UtcTime()),
        sa.Column("ended_at", types.UtcTime()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("(lease_until IS NULL) = (leased_by IS NULL)", name=op.f("ck_job_lease")),
        sa.CheckConstraint(
            "(state IN ('queued', 'running')) = (ended_at IS NULL)", name=op.f("ck_job_ended")
        ),
        sa.ForeignKeyConstraint(["asked_by"], ["principal.id"], name=op.f("fk_job_asked_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    op.create_index(
        "uq_job_dedupe_key", "job", ["dedupe_key"], unique=True, sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index(
        "ix_job_open", "job", ["priority", "run_at", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN
    )
    op.create_index("ix_job_state", "job", ["state", "ended_at"])
    op.create_index("ix_job_asked_by", "job", ["asked_by", "id"])


def downgrade() -> None:
    """Drop the table; what waited in it is lost, what was done stays."""
    op.drop_table("job")


def _state() -> sa.Enum:
    return sa.Enum(*_STATES, name="state", native_enum=False, create_constraint=True, length=40)
