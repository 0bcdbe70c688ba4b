"""Orders to class many things, carried out by jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

_KINDS = ("document", "aggregation")
_CHOSEN = ("things", "search_list", "record_class", "aggregation")
_STATES = ("open", "done", "cancelled", "failed")
_OUTCOMES = ("changed", "unchanged", "refused", "gone")


def _closed(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "class_assign_run",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", _closed("kind", _KINDS), nullable=False),
        sa.Column("chosen", _closed("chosen", _CHOSEN), nullable=False),
        sa.Column("chosen_id", types.Id(), nullable=True),
        sa.Column("record_class_id", types.Id(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", _closed("state", _STATES), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("reached", types.Id(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("changed", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("asked_by", types.Id(), nullable=False),
        sa.Column("asked_at", types.UtcTime(), nullable=False),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("(state = 'open') = (ended_at IS NULL)", name=op.f("ck_class_assign_run_ended")),
        sa.ForeignKeyConstraint(["asked_by"], ["principal.id"], name=op.f("fk_class_assign_run_asked_by")),
        sa.ForeignKeyConstraint(
            ["record_class_id"], ["record_class.id"], name=op.f("fk_class_assign_run_record_class_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_assign_run")),
    )
    op.create_index("ix_class_assign_run_asked_by", "class_assign_run", ["asked_by", "id"])
    op.create_table(
        "class_assign_line",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("run_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("object_id", types.Id(), nullable=False),
        sa.Column("outcome", _closed("outcome", _OUTCOMES), nullable=True),
        sa.Column("refusal", sa.String(), nullable=True),
        sa.Column("former_class_id", types.Id(), nullable=True),
        sa.Column("class_id", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(
            ["run_id"], ["class_assign_run.id"], name=op.f("fk_class_assign_line_run_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_assign_line")),
        sa.UniqueConstraint("run_id", "position", name=op.f("uq_class_assign_line_run_id_position")),
    )
    op.create_index("ix_class_assign_line_object", "class_assign_line", ["object_id"])


def downgrade() -> None:
    """Drop the tables."""
    op.drop_table("class_assign_line")
    op.drop_table("class_assign_run")
