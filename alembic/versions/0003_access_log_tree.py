"""The tree over the access log: order of its events, postings, roll-ups, and how far the sequencer came."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import accessevents, types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_FIRST = "00000000-0000-0000-0000-000000000000"


def upgrade() -> None:
    """Make the tables; the events that are there already are sequenced like new ones."""
    op.create_table(
        "access_leaf",
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.Column("leaf_hash", types.Digest(), nullable=False),
        sa.PrimaryKeyConstraint("leaf_index", name=op.f("pk_access_leaf")),
        sa.UniqueConstraint("event_id", name=op.f("uq_access_leaf_event_id")),
    )
    op.create_table(
        "access_seen",
        sa.Column("object_id", types.Id(), nullable=False),
        sa.Column("leaf_index", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("disclosure", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("object_id", "leaf_index", name=op.f("pk_access_seen")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "access_daily",
        sa.Column("day", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("actor_id", types.Id(), nullable=False),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("n_events", sa.BigInteger(), nullable=False),
        sa.Column("n_objects", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "actor_id", "op", "outcome", name=op.f("pk_access_daily")),
        sqlite_with_rowid=False,
    )
    _head()


def downgrade() -> None:
    """Drop the tables; the events stay."""
    for table in ("access_log_head", "access_daily", "access_seen", "access_leaf"):
        op.drop_table(table)


def _head() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    place = (
        [sa.Column("seq", sa.Integer(), nullable=False)]
        if is_sqlite
        else [
            sa.Column("epoch", sa.SmallInteger(), nullable=False),
            sa.Column("xid", accessevents.Xid8(), nullable=False),
            sa.Column("event_id", types.Id(), nullable=False),
        ]
    )
    op.create_table(
        "access_log_head",
        sa.Column("id", sa.SmallInteger(), autoincrement=False, nullable=False),
        *place,
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("minimum_index", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_access_log_head_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_log_head")),
    )
    if is_sqlite:
        op.execute(
            "INSERT INTO access_log_head (id, seq, size, frontier, minimum_index) VALUES (1, 0, 0, x'', 0)"
        )
    else:
        op.execute(
            "INSERT INTO access_log_head (id, epoch, xid, event_id, size, frontier, minimum_index)"
            f" VALUES (1, 0, '0', '{_FIRST}', 0, '', 0)"
        )
