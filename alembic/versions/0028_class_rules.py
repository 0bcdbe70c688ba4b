"""Ordered rules that give new Documents their class; Documents tell how they came by theirs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_BY = ("hand", "rule", "parent", "nobody")
_CHOSEN = ("things", "search_list", "record_class", "aggregation")


def _closed(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    """Make the table; of Documents that there are nobody knows how they were classed."""
    op.create_table(
        "class_rule",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("record_class_id", types.Id(), nullable=False),
        sa.Column("conditions", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.Column("updated_at", types.UtcTime(), nullable=False),
        sa.Column("updated_by", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(
            ["record_class_id"], ["record_class.id"], name=op.f("fk_class_rule_record_class_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_rule")),
    )
    op.create_index("ix_class_rule_position", "class_rule", ["position", "id"])
    with op.batch_alter_table("document") as table:
        table.add_column(sa.Column("classed_by", _closed("classed_by", _BY), nullable=True))
        table.add_column(sa.Column("class_rule_id", types.Id(), nullable=True))
    with op.batch_alter_table("class_assign_run") as table:
        table.alter_column("record_class_id", existing_type=types.Id(), nullable=True)
        table.drop_constraint(op.f("ck_class_assign_run_chosen"), type_="check")
        table.create_check_constraint(
            op.f("ck_class_assign_run_chosen"), f"chosen IN {(*_CHOSEN, 'unassigned')}"
        )


def downgrade() -> None:
    """Drop the table; orders by rules go, since there are no rules to go by."""
    lines = "DELETE FROM class_assign_line WHERE run_id IN (SELECT id FROM class_assign_run WHERE {})"
    op.execute(lines.format("record_class_id IS NULL"))
    op.execute("DELETE FROM class_assign_run WHERE record_class_id IS NULL")
    with op.batch_alter_table("class_assign_run") as table:
        table.drop_constraint(op.f("ck_class_assign_run_chosen"), type_="check")
        table.create_check_constraint(op.f("ck_class_assign_run_chosen"), f"chosen IN {_CHOSEN}")
        table.alter_column("record_class_id", existing_type=types.Id(), nullable=False)
    with op.batch_alter_table("document") as table:
        table.drop_column("class_rule_id")
        table.drop_constraint(op.f("ck_document_classed_by"), type_="check")
        table.drop_column("classed_by")
    op.drop_table("class_rule")
