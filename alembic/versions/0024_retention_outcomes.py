"""Retention of things: rules bound to them, what starts periods, and what follows, kept for lists."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.base import clock
from dms.base.ids import new_id
from dms.models import types

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

_TARGETS = ("document", "aggregation", "class", "everything")
_ACTIONS = (
    "next_phase",
    "transfer_to",
    "review",
    "sample",
    "reproduce_then",
    "destroy",
    "keep_permanently",
)
_STATES = ("waiting", "running", "due", "permanent", "undetermined")
_THINGS = "target_kind IN ('document', 'aggregation')"


def upgrade() -> None:
    """Make the tables; what was closed gets its TriggerEvent, and everything waits to be computed."""
    op.add_column("aggregation", sa.Column("office", sa.String(), nullable=True))
    op.create_table(
        "retention_calendar",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("fiscal_month", sa.Integer(), nullable=False),
        sa.Column("fiscal_day", sa.Integer(), nullable=False),
        sa.Column("zone", sa.String(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_retention_calendar_one")),
        sa.CheckConstraint(
            "fiscal_month BETWEEN 1 AND 12 AND fiscal_day BETWEEN 1 AND 31",
            name=op.f("ck_retention_calendar_fiscal_year"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_calendar")),
    )
    op.execute("INSERT INTO retention_calendar VALUES (1, 1, 1, 'UTC', 0)")
    _make_lines()
    _make_outcomes()
    _begin()


def downgrade() -> None:
    """Drop the tables."""
    for table in (
        "retention_change",
        "retention_outcome",
        "retention_act",
        "trigger_event",
        "retention_assignment",
        "retention_calendar",
    ):
        op.drop_table(table)
    with op.batch_alter_table("aggregation") as table:
        table.drop_column("office")


def _make_lines() -> None:
    op.create_table(
        "retention_assignment",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("target_kind", _closed(_TARGETS, "target_kind"), nullable=False),
        sa.Column("target_id", types.Id(), nullable=False),
        sa.Column("rule_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(("manual", "override"), "kind"), nullable=False),
        sa.Column("ends_id", types.Id(), nullable=True),
        sa.Column("state", _closed(("proposed", "in_effect", "rejected"), "line_state"), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("shortens", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.Column("decided_by", types.Id(), nullable=True),
        sa.Column("decision", sa.String(), nullable=True),
        sa.Column("effective_at", types.UtcTime(), nullable=True),
        sa.Column("rejected_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'proposed') = (effective_at IS NULL AND rejected_at IS NULL)",
            name=op.f("ck_retention_assignment_state"),
        ),
        sa.CheckConstraint("target_kind <> 'everything'", name=op.f("ck_retention_assignment_target")),
        sa.ForeignKeyConstraint(
            ["ends_id"], ["retention_assignment.id"], name=op.f("fk_retention_assignment_ends_id")
        ),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["retention_rule.id"], name=op.f("fk_retention_assignment_rule_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_assignment")),
    )
    for column in ("target", "rule"):
        op.create_index(f"ix_retention_assignment_{column}", "retention_assignment", [f"{column}_id", "id"])
    op.create_index("ix_retention_assignment_ends", "retention_assignment", ["ends_id"])
    op.create_table(
        "trigger_event",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("target_kind", _closed(_TARGETS, "target_kind"), nullable=False),
        sa.Column("target_id", types.Id(), nullable=False),
        sa.Column("trigger", sa.String(), nullable=False),
        sa.Column("dates", sa.String(), nullable=True),
        sa.Column("first_day", sa.Date(), nullable=True),
        sa.Column("last_day", sa.Date(), nullable=True),
        sa.Column("is_revocation", sa.Boolean(), nullable=False),
        sa.Column("evidence_id", types.Id(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("recorded_at", types.UtcTime(), nullable=False),
        sa.Column("recorded_by", types.Id(), nullable=True),
        sa.CheckConstraint(
            "first_day IS NULL OR last_day IS NULL OR first_day <= last_day",
            name=op.f("ck_trigger_event_days"),
        ),
        sa.CheckConstraint(_THINGS, name=op.f("ck_trigger_event_target")),
        sa.CheckConstraint(
            "NOT is_revocation OR (first_day IS NULL AND last_day IS NULL)",
            name=op.f("ck_trigger_event_revocation"),
        ),
        sa.ForeignKeyConstraint(["evidence_id"], ["document.id"], name=op.f("fk_trigger_event_evidence_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trigger_event")),
    )
    op.create_index("ix_trigger_event_target", "trigger_event", ["target_id", "id"])
    op.create_table(
        "retention_act",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("target_kind", _closed(_TARGETS, "target_kind"), nullable=False),
        sa.Column("target_id", types.Id(), nullable=False),
        sa.Column("action", _closed(_ACTIONS, "action"), nullable=False),
        sa.Column("medium", _closed(("paper", "electronic", "microform", "any"), "medium"), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=False),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("recorded_at", types.UtcTime(), nullable=False),
        sa.Column("recorded_by", types.Id(), nullable=True),
        sa.CheckConstraint(_THINGS, name=op.f("ck_retention_act_target")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_act")),
    )
    op.create_index("ix_retention_act_target", "retention_act", ["target_id", "id"])


def _make_outcomes() -> None:
    phases = ("current", "semi_current", "archival")
    op.create_table(
        "retention_outcome",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kind", _closed(_TARGETS, "target_kind"), nullable=False),
        sa.Column("state", _closed(_STATES, "state"), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("due_key", types.SortKey(), nullable=False),
        sa.Column("waits_for", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("phase", sa.Integer(), nullable=True),
        sa.Column("lifecycle_phase", _closed(phases, "lifecycle_phase"), nullable=True),
        sa.Column("action", _closed(_ACTIONS, "action"), nullable=True),
        sa.Column("detail", sa.String(), nullable=False),
        sa.Column("rule_id", types.Id(), nullable=True),
        sa.Column("class_id", types.Id(), nullable=True),
        sa.Column("latest_on", sa.Date(), nullable=True),
        sa.Column("turns_on", sa.Date(), nullable=True),
        sa.Column("is_conflict", sa.Boolean(), nullable=False),
        sa.Column("digest", types.Digest(), nullable=False),
        sa.Column("computed_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("kind IN ('document', 'aggregation')", name=op.f("ck_retention_outcome_target")),
        sa.CheckConstraint("(due_on IS NULL) = (due_key = '')", name=op.f("ck_retention_outcome_due_key")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_outcome")),
    )
    for name, columns in (
        ("due", ["due_key", "id"]),
        ("state", ["state", "due_key", "id"]),
        ("class", ["class_id", "id"]),
        ("rule", ["rule_id", "due_key", "id"]),
        ("turns", ["turns_on", "id"]),
    ):
        op.create_index(f"ix_retention_outcome_{name}", "retention_outcome", columns)
    in_conflict = sa.text("is_conflict")
    op.create_index(
        "ix_retention_outcome_conflict",
        "retention_outcome",
        ["id"],
        sqlite_where=in_conflict,
        postgresql_where=in_conflict,
    )
    op.create_table(
        "retention_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target_kind", _closed(_TARGETS, "target_kind"), nullable=False),
        sa.Column("target_id", types.Id(), nullable=True),
        sa.Column("part", sa.Integer(), nullable=False),
        sa.Column("cursor", types.Id(), nullable=True),
        sa.Column("made_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_retention_change")),
    )


def _begin() -> None:
    """Tell of closed Aggregations when they were closed at the latest: nothing of them changed later."""
    connection = op.get_bind()
    now = clock.system_clock()
    aggregation = sa.table(
        "aggregation", sa.column("id", types.Id()), sa.column("state"), sa.column("updated_at")
    )
    event = sa.table(
        "trigger_event",
        *(sa.column(name, types.Id()) for name in ("id", "target_id")),
        *(sa.column(name) for name in ("target_kind", "trigger", "is_revocation", "note", "recorded_at")),
        sa.column("last_day", sa.Date()),
    )
    rows = connection.execute(sa.select(aggregation)).all()
    told = [
        {
            "id": new_id(),
            "target_kind": "aggregation",
            "target_id": row.id,
            "trigger": "closed",
            "last_day": clock.utc_day(row.updated_at),
            "is_revocation": False,
            "note": "closed on this day at the latest: it was closed before such days were recorded",
            "recorded_at": now,
        }
        for row in rows
        if row.state == "closed"
    ]
    if told:
        connection.execute(sa.insert(event), told)
    if rows:
        columns = (sa.column(name) for name in ("target_kind", "part", "made_at"))
        change = sa.table("retention_change", *columns)
        connection.execute(sa.insert(change).values(target_kind="everything", part=0, made_at=now))


def _closed(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
