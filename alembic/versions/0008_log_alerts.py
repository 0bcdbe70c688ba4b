"""Rules that raise alerts about the access log, their alerts, and what they remember of earlier events."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KINDS = ("volume", "first_access", "out_of_hours", "denials", "after_revocation", "withheld", "operation")
_KNOWN = ("mark", "class", "disabled", "ended")


def upgrade() -> None:
    """Make the tables; what the log holds already is looked at for what it teaches, in the background."""
    _rules()
    _memory()
    op.execute("INSERT INTO log_alert_position (id, next_index) VALUES (1, 0)")


def downgrade() -> None:
    """Drop the tables; the events of the alerts stay."""
    for table in ("refusal", "known", "hour", "position", "hit"):
        op.drop_table(f"log_alert_{table}")
    op.drop_table("log_alert")


def _rules() -> None:
    op.create_table(
        "log_alert",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", _closed(_KINDS), nullable=False),
        sa.Column("terms", sa.String(), nullable=False),
        sa.Column("since_index", sa.BigInteger(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("removed_by", types.Id()),
        sa.Column("removed_at", types.UtcTime()),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.CheckConstraint("(removed_at IS NULL) = (removed_by IS NULL)", name=op.f("ck_log_alert_removed")),
        sa.ForeignKeyConstraint(["created_by"], ["principal.id"], name=op.f("fk_log_alert_created_by")),
        sa.ForeignKeyConstraint(["removed_by"], ["principal.id"], name=op.f("fk_log_alert_removed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_alert")),
    )
    op.create_index("ix_log_alert_removed", "log_alert", ["removed_at", "id"])
    op.create_table(
        "log_alert_hit",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("alert_id", types.Id(), nullable=False),
        sa.Column("alert_revision", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("actor_id", types.Id()),
        sa.Column("first_at", types.UtcTime(), nullable=False),
        sa.Column("last_at", types.UtcTime(), nullable=False),
        sa.Column("found_at", types.UtcTime(), nullable=False),
        sa.Column("message", sa.String(), nullable=False),
        sa.Column("figures", sa.String(), nullable=False),
        sa.Column("events", sa.String(), nullable=False),
        sa.Column("reviewed_by", types.Id()),
        sa.Column("reviewed_at", types.UtcTime()),
        sa.Column("note", sa.String()),
        sa.CheckConstraint(
            "(reviewed_at IS NULL) = (reviewed_by IS NULL) AND (reviewed_at IS NULL) = (note IS NULL)",
            name=op.f("ck_log_alert_hit_review"),
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["log_alert.id"], name=op.f("fk_log_alert_hit_alert_id")),
        sa.ForeignKeyConstraint(["reviewed_by"], ["principal.id"], name=op.f("fk_log_alert_hit_reviewed_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_alert_hit")),
        sa.UniqueConstraint("alert_id", "subject", name=op.f("uq_log_alert_hit_alert_id_subject")),
    )
    op.create_index("ix_log_alert_hit_reviewed", "log_alert_hit", ["reviewed_at", "id"])


def _memory() -> None:
    op.create_table(
        "log_alert_position",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.Column("next_index", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_log_alert_position_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_alert_position")),
    )
    op.create_table(
        "log_alert_hour",
        sa.Column("actor_id", types.Id(), nullable=False),
        sa.Column("hour", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n_objects", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("actor_id", "hour", name=op.f("pk_log_alert_hour")),
    )
    op.create_index("ix_log_alert_hour_hour", "log_alert_hour", ["hour"])
    op.create_table(
        "log_alert_known",
        sa.Column("actor_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(_KNOWN), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("actor_id", "kind", "name", name=op.f("pk_log_alert_known")),
    )
    op.create_table(
        "log_alert_refusal",
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("actor_id", types.Id(), nullable=False),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_log_alert_refusal")),
    )
    op.create_index("ix_log_alert_refusal_actor", "log_alert_refusal", ["actor_id", "at"])


def _closed(values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name="kind", native_enum=False, create_constraint=True, length=40)
