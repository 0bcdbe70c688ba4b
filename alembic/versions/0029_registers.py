"""Registers, whose entries and corrections are only ever added."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_DIRECTIONS = ("in", "out", "internal")
_LINES = ("register_entry", "register_correction")
_GOES_ON = (
    "NEW.id = OLD.id AND NEW.code = OLD.code AND NEW.pattern = OLD.pattern AND NEW.numbering = OLD.numbering"
    " AND NEW.aggregation_id = OLD.aggregation_id AND NEW.last_serial >= OLD.last_serial"
)
"""What may become of a register."""


def upgrade() -> None:
    """Make the tables, and let both databases refuse to change a line."""
    _make_registers()
    _make_entries()
    _make_corrections()
    if op.get_bind().dialect.name == "sqlite":
        _guard_on_sqlite()
    else:
        _guard_on_postgresql()


def downgrade() -> None:
    """Drop the tables with their triggers."""
    for table in ("register_correction", "register_entry", "register"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION register_goes_on()")


def _make_registers() -> None:
    op.create_table(
        "register",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("repository_id", types.Id(), nullable=False),
        sa.Column("aggregation_id", types.Id(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("code_key", types.SortKey(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("direction", _closed(_DIRECTIONS, "direction"), nullable=True),
        sa.Column("numbering", _closed(("per_year", "running"), "numbering"), nullable=False),
        sa.Column("pattern", sa.String(), nullable=False),
        sa.Column("last_serial", sa.BigInteger(), nullable=False),
        sa.Column("last_year", sa.Integer(), nullable=False),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.CheckConstraint("last_serial >= last_number", name=op.f("ck_register_numbers")),
        sa.ForeignKeyConstraint(
            ["aggregation_id"], ["aggregation.id"], name=op.f("fk_register_aggregation_id")
        ),
        sa.ForeignKeyConstraint(["repository_id"], ["repository.id"], name=op.f("fk_register_repository_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register")),
        sa.UniqueConstraint("repository_id", "code", name=op.f("uq_register_repository_id_code")),
    )
    op.create_index("ix_register_aggregation", "register", ["aggregation_id"])
    op.create_index("ix_register_code_key", "register", ["code_key", "id"])


def _make_entries() -> None:
    op.create_table(
        "register_entry",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("register_id", types.Id(), nullable=False),
        sa.Column("aggregation_id", types.Id(), nullable=False),
        sa.Column("serial", sa.BigInteger(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("direction", _closed(_DIRECTIONS, "direction"), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("addressee", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("document_id", types.Id(), nullable=True),
        sa.Column("entered_at", types.UtcTime(), nullable=False),
        sa.Column("entered_by", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(
            ["aggregation_id"], ["aggregation.id"], name=op.f("fk_register_entry_aggregation_id")
        ),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_register_entry_document_id")),
        sa.ForeignKeyConstraint(["register_id"], ["register.id"], name=op.f("fk_register_entry_register_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_entry")),
        sa.UniqueConstraint("register_id", "code", name=op.f("uq_register_entry_register_id_code")),
        sa.UniqueConstraint("register_id", "serial", name=op.f("uq_register_entry_register_id_serial")),
        sa.UniqueConstraint(
            "register_id", "year", "number", name=op.f("uq_register_entry_register_id_year_number")
        ),
    )
    op.create_index("ix_register_entry_document", "register_entry", ["document_id"])


def _make_corrections() -> None:
    op.create_table(
        "register_correction",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("entry_id", types.Id(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_void", sa.Boolean(), nullable=False),
        sa.Column("day", sa.Date(), nullable=True),
        sa.Column("sender", sa.String(), nullable=True),
        sa.Column("addressee", sa.String(), nullable=True),
        sa.Column("subject", sa.String(), nullable=True),
        sa.Column("document_id", types.Id(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_at", types.UtcTime(), nullable=False),
        sa.Column("made_by", types.Id(), nullable=True),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_register_correction_document_id")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["register_entry.id"], name=op.f("fk_register_correction_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_register_correction")),
        sa.UniqueConstraint("entry_id", "number", name=op.f("uq_register_correction_entry_id_number")),
    )
    op.create_index("ix_register_correction_document", "register_correction", ["document_id"])


def _guard_on_sqlite() -> None:
    for table in _LINES:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER tr_{table}_{change.lower()} BEFORE {change} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
    op.execute(
        "CREATE TRIGGER tr_register_delete BEFORE DELETE ON register"
        " BEGIN SELECT RAISE(ABORT, 'register only goes on'); END"
    )
    op.execute(
        f"CREATE TRIGGER tr_register_update BEFORE UPDATE ON register WHEN NOT ({_GOES_ON})"
        " BEGIN SELECT RAISE(ABORT, 'register only goes on'); END"
    )


def _guard_on_postgresql() -> None:
    for table in _LINES:
        op.execute(
            f"CREATE TRIGGER tr_{table}_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
    op.execute(
        "CREATE FUNCTION register_goes_on() RETURNS trigger LANGUAGE plpgsql AS $$"
        f" BEGIN IF TG_OP = 'UPDATE' AND {_GOES_ON} THEN RETURN NEW; END IF;"
        " RAISE EXCEPTION 'register only goes on'; END $$"
    )
    op.execute(
        "CREATE TRIGGER tr_register_change BEFORE UPDATE OR DELETE ON register"
        " FOR EACH ROW EXECUTE FUNCTION register_goes_on()"
    )


def _closed(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
