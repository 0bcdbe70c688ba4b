"""Imports of retention schedules, and how their rules are found."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

_ENDINGS = ("complete", "interrupted", "failed")
_FINDINGS = ("unreadable_row", "duplicate", "contradicted", "replaced")
_SEVERITIES = ("info", "warning", "error")
_COUNTS = ("rows", "added", "changed", "unchanged", "duplicates", "refused", "parsed", "needs_review")


def upgrade() -> None:
    """Add the columns and make the tables."""
    _add("retention_schedule", sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    _add("rule_entry", sa.Column("find_key", types.SortKey(), nullable=False, server_default=""))
    op.add_column("rule_entry", sa.Column("periods_from", sa.String(), nullable=True))
    op.create_table(
        "schedule_import",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("schedule_id", types.Id(), nullable=False),
        sa.Column("edition_id", types.Id(), nullable=True),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("source_digest", types.Digest(), nullable=False),
        sa.Column("started_at", types.UtcTime(), nullable=False),
        sa.Column("started_by", types.Id(), nullable=True),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.Column("ending", _closed(_ENDINGS, "ending"), nullable=True),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["retention_schedule.id"], name=op.f("fk_schedule_import_schedule_id")
        ),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["schedule_edition.id"], name=op.f("fk_schedule_import_edition_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_import")),
    )
    op.create_index("ix_schedule_import_source", "schedule_import", ["schedule_id", "source_digest"])
    op.create_index("ix_schedule_import_order", "schedule_import", ["started_at", "id"])
    op.create_table(
        "schedule_import_finding",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("run_id", types.Id(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("row", sa.Integer(), nullable=False),
        sa.Column("code", _closed(_FINDINGS, "code"), nullable=False),
        sa.Column("severity", _closed(_SEVERITIES, "severity"), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("raw", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"], ["schedule_import.id"], name=op.f("fk_schedule_import_finding_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_import_finding")),
    )
    op.create_index("ix_schedule_import_finding_run", "schedule_import_finding", ["run_id", "id"])


def downgrade() -> None:
    """Drop the tables and the columns."""
    op.drop_table("schedule_import_finding")
    op.drop_table("schedule_import")
    op.drop_column("rule_entry", "periods_from")
    op.drop_column("rule_entry", "find_key")
    op.drop_column("retention_schedule", "revision")


def _add(table: str, column: sa.Column[object]) -> None:
    with op.batch_alter_table(table) as batch:
        batch.add_column(column)
    with op.batch_alter_table(table) as batch:
        batch.alter_column(column.name, server_default=None)


def _closed(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
