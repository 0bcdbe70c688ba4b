"""Postings tell who and when, and roll-ups the class, so that an auditor's questions read nothing else."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.access.log import derived
from dms.models import accessevents, types

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_SLICE = 5_000


def upgrade() -> None:
    """Make both tables anew, and derive them from the events that are sequenced."""
    _drop()
    op.create_table(
        "access_seen",
        sa.Column("object_id", types.Id(), nullable=False),
        sa.Column("actor_id", types.Id(), nullable=False),
        sa.Column("at", types.UtcTime(), autoincrement=False, nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("disclosure", sa.SmallInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint(
            "object_id", "actor_id", "at", "leaf_index", "disclosure", name=op.f("pk_access_seen")
        ),
        sqlite_with_rowid=False,
    )
    _make_daily("class_id", "day", "actor_id", "op", "outcome")
    _derive()


def downgrade() -> None:
    """Leave of both tables what they had."""
    seen = "SELECT object_id, leaf_index, max(disclosure) AS disclosure FROM access_seen"
    op.execute(
        f"CREATE TABLE access_seen_kept AS {seen} WHERE disclosure >= 0 GROUP BY object_id, leaf_index"
    )
    zero = "X'00000000000000000000000000000000'" if _is_sqlite() else "'00000000-0000-0000-0000-000000000000'"
    daily = "SELECT day, actor_id, op, outcome, n_events, n_objects FROM access_daily"
    op.execute(f"CREATE TABLE access_daily_kept AS {daily} WHERE class_id = {zero}")
    _drop()
    op.create_table(
        "access_seen",
        sa.Column("object_id", types.Id(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("disclosure", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", "leaf_index", name=op.f("pk_access_seen")),
        sqlite_with_rowid=False,
    )
    _make_daily("day", "actor_id", "op", "outcome")
    for table in ("access_seen", "access_daily"):
        op.execute(f"INSERT INTO {table} SELECT * FROM {table}_kept")
        op.drop_table(f"{table}_kept")


def _is_sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _drop() -> None:
    for table in ("access_seen", "access_daily"):
        op.drop_table(table)


def _make_daily(*key: str) -> None:
    kinds = {"class_id": types.Id(), "day": sa.Integer(), "actor_id": types.Id()}
    op.create_table(
        "access_daily",
        *(sa.Column(name, kinds.get(name, sa.String()), autoincrement=False, nullable=False) for name in key),
        sa.Column("n_events", sa.BigInteger(), nullable=False),
        sa.Column("n_objects", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name=op.f("pk_access_daily")),
        sqlite_with_rowid=False,
    )


def _derive() -> None:
    connection = op.get_bind()
    tables = accessevents.tables(connection.dialect.name)
    statement = sa.text(
        "SELECT l.leaf_index, e.body FROM access_leaf l JOIN access_event e ON e.event_id = l.event_id"
        " WHERE l.leaf_index >= :first AND l.leaf_index < :end"
    )
    size = connection.execute(sa.text("SELECT size FROM access_log_head")).scalar_one()
    for first in range(0, size, _SLICE):
        rows = connection.execute(statement, {"first": first, "end": first + _SLICE})
        derived.write(connection, tables, [(row.leaf_index, bytes(row.body)) for row in rows])
