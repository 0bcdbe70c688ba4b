"""Editions of the classification scheme: classes are worded in them, and no longer for good."""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from dms.base import clock
from dms.base.ids import new_id
from dms.models import types
from dms.rules import codes

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

_STATUSES = ("proposed", "active", "closed")
_STATES = ("draft", "in_review", "approved", "in_force", "superseded", "withdrawn")
_KINDS = ("exact", "broader", "narrower", "split", "merged")
_OUT_OF_FORCE = re.compile(r"(?:proposed|closed) [0-9A-Fa-f-]{32,36}")
"""Codes as `downgrade` leaves them."""

_IN_FORCE = sa.text("state = 'in_force'")


def upgrade() -> None:
    """Make the tables, and word all classes that there are in a first edition, which is in force."""
    status = sa.Column("status", _closed(_STATUSES, "status"), nullable=False, server_default="active")
    with op.batch_alter_table("record_class") as table:
        table.add_column(status)
        table.drop_constraint(op.f("uq_record_class_scheme_id_code"), type_="unique")
        table.create_index("ix_record_class_code", ["scheme_id", "code"])
    with op.batch_alter_table("record_class") as table:
        table.alter_column("status", server_default=None)
    _make_editions()
    _make_entries()
    _word()


def downgrade() -> None:
    """Drop the tables; classes that are not in force keep a code of their own."""
    op.drop_table("class_mapping")
    op.drop_table("class_entry")
    op.drop_table("scheme_edition")
    written = "hex(id)" if op.get_bind().dialect.name == "sqlite" else "id"
    op.execute(f"UPDATE record_class SET code = status || ' ' || {written} WHERE status <> 'active'")
    with op.batch_alter_table("record_class") as table:
        table.drop_index("ix_record_class_code")
        table.create_unique_constraint(op.f("uq_record_class_scheme_id_code"), ["scheme_id", "code"])
        table.drop_constraint(op.f("ck_record_class_status"), type_="check")
        table.drop_column("status")


def _make_editions() -> None:
    op.create_table(
        "scheme_edition",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("scheme_id", types.Id(), nullable=False),
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
            "state IN ('draft', 'withdrawn') OR number = 1 OR digest IS NOT NULL",
            name=op.f("ck_scheme_edition_digest"),
        ),
        sa.ForeignKeyConstraint(
            ["based_on_id"], ["scheme_edition.id"], name=op.f("fk_scheme_edition_based_on_id")
        ),
        sa.ForeignKeyConstraint(
            ["scheme_id"], ["classification_scheme.id"], name=op.f("fk_scheme_edition_scheme_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scheme_edition")),
        sa.UniqueConstraint("scheme_id", "number", name=op.f("uq_scheme_edition_scheme_id_number")),
    )
    op.create_index(
        "uq_scheme_edition_in_force",
        "scheme_edition",
        ["scheme_id"],
        unique=True,
        sqlite_where=_IN_FORCE,
        postgresql_where=_IN_FORCE,
    )


def _make_entries() -> None:
    op.create_table(
        "class_entry",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("edition_id", types.Id(), nullable=False),
        sa.Column("class_id", types.Id(), nullable=False),
        sa.Column("parent_id", types.Id(), nullable=True),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("code_key", types.SortKey(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("scope_note", sa.String(), nullable=True),
        sa.Column("includes", sa.String(), nullable=True),
        sa.Column("excludes", sa.String(), nullable=True),
        sa.Column("primary_office", sa.String(), nullable=True),
        sa.Column("is_closed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["record_class.id"], name=op.f("fk_class_entry_class_id")),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["scheme_edition.id"], name=op.f("fk_class_entry_edition_id")
        ),
        sa.ForeignKeyConstraint(["parent_id"], ["record_class.id"], name=op.f("fk_class_entry_parent_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_entry")),
        sa.UniqueConstraint("edition_id", "class_id", name=op.f("uq_class_entry_edition_id_class_id")),
        sa.UniqueConstraint("edition_id", "code", name=op.f("uq_class_entry_edition_id_code")),
    )
    op.create_index("ix_class_entry_order", "class_entry", ["edition_id", "code_key", "id"])
    op.create_index("ix_class_entry_class", "class_entry", ["class_id"])
    op.create_table(
        "class_mapping",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("edition_id", types.Id(), nullable=False),
        sa.Column("class_id", types.Id(), nullable=False),
        sa.Column("target_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(_KINDS, "kind"), nullable=False),
        sa.ForeignKeyConstraint(["class_id"], ["record_class.id"], name=op.f("fk_class_mapping_class_id")),
        sa.ForeignKeyConstraint(
            ["edition_id"], ["scheme_edition.id"], name=op.f("fk_class_mapping_edition_id")
        ),
        sa.ForeignKeyConstraint(["target_id"], ["record_class.id"], name=op.f("fk_class_mapping_target_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_class_mapping")),
        sa.UniqueConstraint(
            "edition_id", "class_id", "target_id", name=op.f("uq_class_mapping_edition_id_class_id_target_id")
        ),
    )


def _word() -> None:
    edition, entry = (_table(name) for name in ("scheme_edition", "class_entry"))
    connection = op.get_bind()
    now = clock.system_clock()
    schemes = sa.table("classification_scheme", sa.column("id", types.Id()))
    for (scheme_id,) in connection.execute(sa.select(schemes.c.id)).all():
        first = {"id": new_id(), "scheme_id": scheme_id, "number": 1, "state": "in_force"}
        dated = {"revision": 1, "created_at": now, "activated_at": now}
        connection.execute(sa.insert(edition).values(**first, **dated, title="First edition", editors=""))
        classes = sa.table(
            "record_class",
            *(sa.column(name, types.Id()) for name in ("id", "scheme_id", "parent_id")),
            sa.column("code"),
            sa.column("title"),
            sa.column("status"),
        )
        for row in connection.execute(sa.select(classes).where(classes.c.scheme_id == scheme_id)).all():
            if _OUT_OF_FORCE.fullmatch(row.code):
                connection.execute(sa.update(classes).where(classes.c.id == row.id).values(status="closed"))
                continue
            worded = {"class_id": row.id, "parent_id": row.parent_id, "code": row.code, "title": row.title}
            made = {"id": new_id(), "edition_id": first["id"], "code_key": codes.code_key(row.code)}
            connection.execute(sa.insert(entry).values(**made, **worded, is_closed=False))


def _table(name: str) -> sa.TableClause:
    columns = {
        "scheme_edition": ("id", "scheme_id"),
        "class_entry": ("id", "edition_id", "class_id", "parent_id"),
    }
    plain = {
        "scheme_edition": ("number", "state", "title", "editors", "revision", "created_at", "activated_at"),
        "class_entry": ("code", "code_key", "title", "is_closed"),
    }
    ids = [sa.column(column, types.Id()) for column in columns[name]]
    return sa.table(name, *ids, *(sa.column(column) for column in plain[name]))


def _closed(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
