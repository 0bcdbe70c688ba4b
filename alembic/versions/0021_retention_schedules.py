"""Retention schedules: lasting rules, worded in editions."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_STATES = ("draft", "in_review", "approved", "in_force", "superseded", "withdrawn")
_ENTRY_STATES = ("needs_review", "proposed", "parsed")
_BOUNDS = ("minimum", "maximum")
_IN_FORCE = sa.text("state = 'in_force'")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "retention_schedule",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("code_key", types.SortKey(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("jurisdiction", sa.String(), nullable=True),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_schedule")),
        sa.UniqueConstraint("code", name=op.f("uq_retention_schedule_code")),
    )
    op.create_index("ix_retention_schedule_order", "retention_schedule", ["code_key", "id"])
    _make_editions()
    op.create_table(
        "retention_rule",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("schedule_id", types.Id(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["retention_schedule.id"], name=op.f("fk_retention_rule_schedule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_rule")),
        sa.UniqueConstraint("schedule_id", "number", name=op.f("uq_retention_rule_schedule_id_number")),
    )
    _make_entries()


def downgrade() -> None:
    """Drop the tables."""
    for table in ("rule_entry", "retention_rule", "schedule_edition", "retention_schedule"):
        op.drop_table(table)


def _make_editions() -> None:
    op.create_table(
        "schedule_edition",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("schedule_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("based_on_id", types.Id(), nullable=True),
        sa.Column("state", _closed(_STATES, "state"), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("mandate", sa.String(), nullable=True),
        sa.Column("effective_on", sa.Date(), nullable=True),
        sa.Column("digest", types.Digest(), nullable=True),
        sa.Column("editors", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.Column("submitted_at", types.UtcTime(), nullable=True),
        sa.Column("submitted_by", types.Id(), nullable=True),
        sa.Column("approved_at", types.UtcTime(), nullable=True),
        sa.Column("approved_by", types.Id(), nullable=True),
        sa.Column("activated_at", types.UtcTime(), nullable=True),
        sa.Column("activated_by", types.Id(), nullable=True),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "state IN ('draft', 'withdrawn') OR digest IS NOT NULL", name=op.f("ck_schedule_edition_digest")
        ),
        sa.ForeignKeyConstraint(
            ["based_on_id"], ["schedule_edition.id"], name=op.f("fk_schedule_edition_based_on_id")
        ),
        sa.ForeignKeyConstraint(
            ["schedule_id"], ["retention_schedule.id"], name=op.f("fk_schedule_edition_schedule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_schedule_edition")),
        sa.UniqueConstraint("schedule_id", "number", name=op.f("uq_schedule_edition_schedule_id_number")),
    )
    op.create_index(
        "uq_schedule_edition_in_force",
        "schedule_edition",
        ["schedule_id"],
        unique=True,
        sqlite_where=_IN_FORCE,
        postgresql_where=_IN_FORCE,
    )


def _make_entries() -> None:
    op.create_table(
        "rule_entry",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("edition_id", types.Id(), nullable=False),
        sa.Column("rule_id", types.Id(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("code_key", types.SortKey(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("description", sa.String(), nullable=True),
        sa.Column("citations", sa.String(), nullable=True),
        sa.Column("bound", _closed(_BOUNDS, "bound"), nullable=False),
        sa.Column("is_vital", sa.Boolean(), nullable=False),
        sa.Column("has_personal_information", sa.Boolean(), nullable=False),
        sa.Column("is_confidential", sa.Boolean(), nullable=False),
        sa.Column("raw_text", sa.String(), nullable=False),
        sa.Column("source_file", sa.String(), nullable=True),
        sa.Column("source_row", sa.Integer(), nullable=True),
        sa.Column("source_digest", types.Digest(), nullable=True),
        sa.Column("state", _closed(_ENTRY_STATES, "state"), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("tracks", sa.String(), nullable=False),
        sa.Column("periods", sa.String(), nullable=False),
        sa.Column("triggers", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("editors", sa.String(), nullable=False),
        sa.Column("proposed_at", types.UtcTime(), nullable=True),
        sa.Column("proposed_by", types.Id(), nullable=True),
        sa.Column("approved_at", types.UtcTime(), nullable=True),
        sa.Column("approved_by", types.Id(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["schedule_edition.id"], name=op.f("fk_rule_entry_edition_id")
        ),
        sa.ForeignKeyConstraint(["rule_id"], ["retention_rule.id"], name=op.f("fk_rule_entry_rule_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rule_entry")),
        sa.UniqueConstraint("edition_id", "rule_id", name=op.f("uq_rule_entry_edition_id_rule_id")),
    )
    op.create_index("ix_rule_entry_order", "rule_entry", ["edition_id", "code_key", "id"])
    op.create_index("ix_rule_entry_rule", "rule_entry", ["rule_id"])


def _closed(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
