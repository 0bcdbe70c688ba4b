"""Lists of disposal with their lines, approvals and certificates; a deletion is a PreservationEvent."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

_ACTIONS = ("destroy", "weed", "transfer", "retain", "review_again")
_STATES = ("draft", "proposed", "approved", "executing", "executed", "partly_failed", "cancelled")
_KINDS = ("document", "aggregation")
_OUTCOMES = (
    "planned",
    "destroyed",
    "transferred",
    "retained",
    "deferred",
    "kept_as_sample",
    "held",
    "excluded",
    "failed",
)
_OBSTACLES = (
    "held",
    "not_due",
    "no_day",
    "conflict",
    "other_action",
    "needs_appraisal",
    "state",
    "changed",
    "not_empty",
    "no_original",
    "sampled",
    "retained",
    "deferred",
    "listed",
    "gone",
)
_EVENTS = ("fixity_check", "format_identification", "text_extraction", "rendering")


def upgrade() -> None:
    """Make the tables."""
    _make_batches()
    _make_items()
    op.create_table(
        "disposal_approval",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("batch_id", types.Id(), nullable=False),
        sa.Column("digest", types.Digest(), nullable=False),
        sa.Column("proposed_at", types.UtcTime(), nullable=False),
        sa.Column("approved_by", types.Id(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["disposal_batch.id"], name=op.f("fk_disposal_approval_batch_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_approval")),
    )
    op.create_index("ix_disposal_approval_batch", "disposal_approval", ["batch_id", "at"])
    op.create_table(
        "disposal_certificate",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("batch_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("body", sa.String(), nullable=False),
        sa.Column("sha256", types.Digest(), nullable=False),
        sa.Column("issued_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["disposal_batch.id"], name=op.f("fk_disposal_certificate_batch_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_certificate")),
        sa.UniqueConstraint("batch_id", name=op.f("uq_disposal_certificate_batch_id")),
        sa.UniqueConstraint("number", name=op.f("uq_disposal_certificate_number")),
    )
    _events([*_EVENTS, "deletion"])


def downgrade() -> None:
    """Drop the tables; what was destroyed stays destroyed."""
    op.execute("DELETE FROM preservation_event WHERE kind = 'deletion'")
    _events(_EVENTS)
    for table in ("disposal_certificate", "disposal_approval", "disposal_item", "disposal_batch"):
        op.drop_table(table)


def _make_batches() -> None:
    op.create_table(
        "disposal_batch",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", _closed("action", _ACTIONS), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("criteria", sa.String(), nullable=True),
        sa.Column("keeps_title", sa.Boolean(), nullable=False),
        sa.Column("quorum", sa.Integer(), nullable=False),
        sa.Column("waiting_days", sa.Integer(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=True),
        sa.Column("seed", sa.String(), nullable=False),
        sa.Column("state", _closed("state", _STATES), nullable=False),
        sa.Column("digest", types.Digest(), nullable=True),
        sa.Column("n_items", sa.Integer(), nullable=False),
        sa.Column("editors", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=False),
        sa.Column("proposed_at", types.UtcTime(), nullable=True),
        sa.Column("proposed_by", types.Id(), nullable=True),
        sa.Column("approved_at", types.UtcTime(), nullable=True),
        sa.Column("started_at", types.UtcTime(), nullable=True),
        sa.Column("started_by", types.Id(), nullable=True),
        sa.Column("ended_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "(action = 'review_again') = (review_on IS NOT NULL)", name=op.f("ck_disposal_batch_review")
        ),
        sa.CheckConstraint("quorum >= 1 AND waiting_days >= 0", name=op.f("ck_disposal_batch_terms")),
        sa.CheckConstraint(
            "state IN ('draft', 'cancelled') OR digest IS NOT NULL", name=op.f("ck_disposal_batch_digest")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_batch")),
        sa.UniqueConstraint("number", name=op.f("uq_disposal_batch_number")),
    )
    op.create_index("ix_disposal_batch_state", "disposal_batch", ["state", "number"])


def _make_items() -> None:
    op.create_table(
        "disposal_item",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("batch_id", types.Id(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("subject", types.Id(), nullable=False),
        sa.Column("kind", _closed("kind", _KINDS), nullable=False),
        sa.Column("found_revision", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("outcome", _closed("outcome", _OUTCOMES), nullable=False),
        sa.Column("obstacle", _closed("obstacle", _OBSTACLES), nullable=True),
        sa.Column("contents", sa.String(), nullable=True),
        sa.Column("done_at", types.UtcTime(), nullable=True),
        sa.Column("event_id", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(["batch_id"], ["disposal_batch.id"], name=op.f("fk_disposal_item_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_item")),
        sa.UniqueConstraint("batch_id", "position", name=op.f("uq_disposal_item_batch_id_position")),
        sa.UniqueConstraint("batch_id", "subject", name=op.f("uq_disposal_item_batch_id_subject")),
    )
    op.create_index("ix_disposal_item_subject", "disposal_item", ["subject"])
    op.create_index("ix_disposal_item_outcome", "disposal_item", ["batch_id", "outcome", "position"])


def _events(words: Sequence[str]) -> None:
    said = ", ".join(f"'{word}'" for word in words)
    with op.batch_alter_table("preservation_event") as table:
        table.drop_constraint(op.f("ck_preservation_event_kind"), type_="check")
        table.create_check_constraint(op.f("ck_preservation_event_kind"), f"kind IN ({said})")


def _closed(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
