"""Holds with their coverage and notices, and the row that keeps Holds and disposal apart."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None

_KINDS = ("document", "aggregation", "class")
_BASES = ("named", "listed", "followed")


def upgrade() -> None:
    """Make the tables, and a row to meet on for each Repository."""
    _make_holds()
    _make_lines()
    _make_notices()
    op.create_table(
        "disposal_guard",
        sa.Column("repository_id", types.Id(), nullable=False),
        sa.Column("turn", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repository_id"], ["repository.id"], name=op.f("fk_disposal_guard_repository_id")
        ),
        sa.PrimaryKeyConstraint("repository_id", name=op.f("pk_disposal_guard")),
    )
    op.execute("INSERT INTO disposal_guard (repository_id, turn) SELECT id, 0 FROM repository")


def downgrade() -> None:
    """Drop the tables."""
    for table in ("disposal_guard", "hold_notice", "hold_line", "hold"):
        op.drop_table(table)


def _make_holds() -> None:
    op.create_table(
        "hold",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("repository_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("matter", sa.String(), nullable=False),
        sa.Column("mandate", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("state", _closed("state", "active", "lifted"), nullable=False),
        sa.Column("editors", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("placed_at", types.UtcTime(), nullable=False),
        sa.Column("placed_by", types.Id(), nullable=True),
        sa.Column("lift_reason", sa.String(), nullable=True),
        sa.Column("lift_proposed_at", types.UtcTime(), nullable=True),
        sa.Column("lift_proposed_by", types.Id(), nullable=True),
        sa.Column("lifted_at", types.UtcTime(), nullable=True),
        sa.Column("lifted_by", types.Id(), nullable=True),
        sa.CheckConstraint("(state = 'lifted') = (lifted_at IS NOT NULL)", name=op.f("ck_hold_lifted")),
        sa.CheckConstraint("state = 'active' OR lift_proposed_at IS NOT NULL", name=op.f("ck_hold_proposed")),
        sa.CheckConstraint(
            "lifted_by IS NULL OR lifted_by <> lift_proposed_by", name=op.f("ck_hold_four_eyes")
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], name=op.f("fk_hold_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
        sa.UniqueConstraint("repository_id", "number", name=op.f("uq_hold_repository_id_number")),
    )
    op.create_index("ix_hold_review", "hold", ["state", "review_on", "id"])


def _make_lines() -> None:
    op.create_table(
        "hold_line",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("hold_id", types.Id(), nullable=False),
        sa.Column("kind", _closed("kind", *_KINDS), nullable=False),
        sa.Column("target_id", types.Id(), nullable=False),
        sa.Column("basis", _closed("basis", *_BASES), nullable=False),
        sa.Column("added_at", types.UtcTime(), nullable=False),
        sa.Column("added_by", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_hold_line_hold_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_line")),
        sa.UniqueConstraint("hold_id", "target_id", name=op.f("uq_hold_line_hold_id_target_id")),
    )
    op.create_index("ix_hold_line_target", "hold_line", ["target_id", "hold_id"])


def _make_notices() -> None:
    op.create_table(
        "hold_notice",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("hold_id", types.Id(), nullable=False),
        sa.Column("custodian_id", types.Id(), nullable=True),
        sa.Column("custodian_name", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("told_at", types.UtcTime(), nullable=False),
        sa.Column("told_by", types.Id(), nullable=True),
        sa.Column("acknowledged_at", types.UtcTime(), nullable=True),
        sa.Column("acknowledged_by", types.Id(), nullable=True),
        sa.CheckConstraint(
            "(custodian_id IS NULL) <> (custodian_name IS NULL)", name=op.f("ck_hold_notice_one_custodian")
        ),
        sa.ForeignKeyConstraint(["custodian_id"], ["principal.id"], name=op.f("fk_hold_notice_custodian_id")),
        sa.ForeignKeyConstraint(["hold_id"], ["hold.id"], name=op.f("fk_hold_notice_hold_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_notice")),
    )
    op.create_index("ix_hold_notice_hold", "hold_notice", ["hold_id", "id"])
    op.create_index("ix_hold_notice_custodian", "hold_notice", ["custodian_id", "hold_id"])


def _closed(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
