"""The access log cannot be changed: months as partitions on PostgreSQL, triggers on all its tables.

What is there already moves into its months. The functions run with the rights of who migrates, so that the
server may make a month without owning the log.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import accessevents, types

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_HALVES = {"access_event_lasting": "true", "access_event_passing": "false"}
_COLUMNS = (
    "epoch, xid, event_id, at, lasting, actor_id, op, outcome, reason, object_id, n_objects, writer, n,"
    " leaf_hash, body"
)
_INDEXES = ("actor", "at", "object", "order", "refused")


def upgrade() -> None:
    """Refuse changes of leaves and head; on PostgreSQL put events into partitions by month."""
    if op.get_bind().dialect.name == "sqlite":
        _refuse_on_sqlite()
    else:
        _partition()
        _place_leaves()
        _refuse_on_postgresql()


def downgrade() -> None:
    """Put all events back into one table."""
    if op.get_bind().dialect.name == "sqlite":
        for name in ("leaf_update", "leaf_delete", "log_head_update", "log_head_delete"):
            op.execute(f"DROP TRIGGER tr_access_{name}")
        return
    for table in ("access_leaf", "access_log_head"):
        for name in ("change", "truncate"):
            op.execute(f"DROP TRIGGER tr_{table}_{name} ON {table}")
    op.drop_column("access_leaf", "lasting")
    op.drop_column("access_leaf", "at")
    _unite()
    for function in ("mend()", "make_months(integer)", "make_month(text, timestamp)", "make_other(text)"):
        op.execute(f"DROP FUNCTION access_log_{function}")
    op.execute("DROP FUNCTION access_log_head_only_grows()")


_HEAD_GROWS = (
    "NEW.id = OLD.id AND NEW.size >= OLD.size AND NEW.minimum_index >= OLD.minimum_index"
    " AND NEW.minimum_index <= NEW.size"
)


def _refuse_on_sqlite() -> None:
    for change in ("UPDATE", "DELETE"):
        _trigger_on_sqlite("access_leaf", change)
    _trigger_on_sqlite("access_log_head", "DELETE")
    _trigger_on_sqlite("access_log_head", "UPDATE", unless=_HEAD_GROWS)


def _trigger_on_sqlite(table: str, change: str, *, unless: str = "") -> None:
    when = f"WHEN NOT ({unless})" if unless else ""
    says = "only grows" if unless else "is append-only"
    op.execute(
        f"CREATE TRIGGER tr_{table}_{change.lower()} BEFORE {change} ON {table} {when}"
        f" BEGIN SELECT RAISE(ABORT, '{table} {says}'); END"
    )


def _partition() -> None:
    op.execute(
        "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$"
        " BEGIN RAISE EXCEPTION '% is append-only', COALESCE(TG_ARGV[0], TG_TABLE_NAME); END $$"
    )
    _set_aside()
    _make_parent()
    _make_functions()
    for half, lasting in _HALVES.items():
        op.execute(
            f"CREATE TABLE {half} PARTITION OF access_event FOR VALUES IN ({lasting}) PARTITION BY RANGE (at)"
        )
        _refuse_truncate(half)
        op.execute(f"SELECT access_log_make_other('{half}')")
    op.execute(f"INSERT INTO access_event ({_COLUMNS}) SELECT {_COLUMNS} FROM access_event_before")
    op.execute("DROP TABLE access_event_before")
    op.execute("SELECT access_log_mend()")
    op.execute("SELECT access_log_make_months(3)")


def _set_aside() -> None:
    op.execute("ALTER TABLE access_event RENAME TO access_event_before")
    op.execute("ALTER TABLE access_event_before DROP CONSTRAINT pk_access_event")
    for name in _INDEXES:
        op.execute(f"DROP INDEX ix_access_event_{name}")


def _columns_of_events() -> list[sa.Column[object]]:
    return [
        sa.Column("epoch", sa.SmallInteger(), server_default=sa.text("1"), nullable=False),
        sa.Column("xid", accessevents.Xid8(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.Column("lasting", sa.Boolean(), nullable=False),
        sa.Column("actor_id", types.Id(), nullable=True),
        sa.Column("op", sa.String(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("object_id", types.Id(), nullable=True),
        sa.Column("n_objects", sa.Integer(), nullable=False),
        sa.Column("writer", types.Id(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("leaf_hash", types.Digest(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
    ]


def _make_parent() -> None:
    op.create_table(
        "access_event",
        *_columns_of_events(),
        sa.PrimaryKeyConstraint("event_id", "at", "lasting", name=op.f("pk_access_event")),
        postgresql_partition_by="LIST (lasting)",
    )
    _make_indexes()
    op.execute(
        "CREATE TRIGGER tr_access_event_change BEFORE UPDATE OR DELETE ON access_event"
        " FOR EACH ROW EXECUTE FUNCTION refuse_change('access_event')"
    )
    op.execute("ALTER TABLE access_event ENABLE ALWAYS TRIGGER tr_access_event_change")
    _refuse_truncate("access_event")


def _make_indexes() -> None:
    for name, columns in {
        "actor": ["actor_id", "at"],
        "at": ["at", "event_id"],
        "object": ["object_id", "at"],
        "order": ["epoch", "xid", "event_id"],
    }.items():
        op.create_index(f"ix_access_event_{name}", "access_event", columns)
    refused = sa.text("outcome = 'refused'")
    op.create_index("ix_access_event_refused", "access_event", ["at"], postgresql_where=refused)


def _refuse_truncate(table: str) -> None:
    # A row trigger reaches the partitions, this one does not: without it a month could be emptied directly.
    op.execute(
        f"CREATE TRIGGER tr_access_event_truncate BEFORE TRUNCATE ON {table}"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change('access_event')"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER tr_access_event_truncate")


_MAKE_OTHER = """
DECLARE
  other text := half || '_other';
BEGIN
  EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', other, half);
  EXECUTE format('CREATE TRIGGER tr_access_event_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change(''access_event'')', other);
  EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER tr_access_event_truncate', other);
END
"""

_MAKE_MONTH = """
DECLARE
  month text := half || to_char(since, '_YYYYMM');
  first bigint := extract(epoch FROM since) * 1000000;
  beyond bigint := extract(epoch FROM since + interval '1 month') * 1000000;
  is_taken boolean;
BEGIN
  IF to_regclass(month) IS NOT NULL THEN
    RETURN 0;
  END IF;
  -- Events of this month that fell into the rest keep it from being made, until `access_log_mend`.
  EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE at >= $1 AND at < $2)', half || '_other')
    INTO is_taken USING first, beyond;
  IF is_taken THEN
    RETURN 0;
  END IF;
  -- Attached, not created in place: that locks out nobody who writes to another month.
  EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', month, half);
  EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', half, month, first, beyond);
  EXECUTE format('CREATE TRIGGER tr_access_event_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change(''access_event'')', month);
  EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER tr_access_event_truncate', month);
  RETURN 1;
END
"""

_MAKE_MONTHS = """
DECLARE
  half text;
  since timestamp;
  present timestamp := date_trunc('month', now() AT TIME ZONE 'UTC');
  made integer := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtext('access_log_months'));
  FOREACH half IN ARRAY ARRAY['access_event_lasting', 'access_event_passing'] LOOP
    FOR since IN
      SELECT generate_series(present, present + make_interval(months => least(ahead, 12)), interval '1 month')
    LOOP
      made := made + access_log_make_month(half, since);
    END LOOP;
  END LOOP;
  RETURN made;
END
"""

_MEND = """
DECLARE
  half text;
  rest text;
  since timestamp;
  moved bigint;
  total bigint := 0;
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'this must see what was committed while it waited: use READ COMMITTED';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtext('access_log_months'));
  LOCK TABLE access_event IN ACCESS EXCLUSIVE MODE;
  FOREACH half IN ARRAY ARRAY['access_event_lasting', 'access_event_passing'] LOOP
    rest := half || '_other';
    CONTINUE WHEN pg_relation_size(rest::regclass) = 0;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', half, rest);
    EXECUTE format('ALTER TABLE %I RENAME TO access_event_moving', rest);
    PERFORM access_log_make_other(half);
    FOR since IN
      SELECT DISTINCT date_trunc('month', to_timestamp(at / 1000000) AT TIME ZONE 'UTC')
      FROM access_event_moving
      WHERE at BETWEEN 946684800000000 AND 4102444800000000 -- 2000 to 2100: no clock means more
    LOOP
      PERFORM access_log_make_month(half, since);
    END LOOP;
    EXECUTE 'INSERT INTO access_event ($columns) SELECT $columns FROM access_event_moving';
    GET DIAGNOSTICS moved = ROW_COUNT;
    total := total + moved;
    DROP TABLE access_event_moving;
  END LOOP;
  RETURN total;
END
""".replace("$columns", _COLUMNS)

_HEAD_ONLY_GROWS = f"""
BEGIN
  IF TG_OP = 'UPDATE' THEN
    IF {_HEAD_GROWS} THEN
      RETURN NEW;
    END IF;
    RAISE EXCEPTION 'access_log_head only grows';
  END IF;
  RAISE EXCEPTION 'access_log_head is append-only';
END
"""


def _make_functions() -> None:
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for name, returns, body in (
        ("make_other(half text)", "void", _MAKE_OTHER),
        ("make_month(half text, since timestamp)", "integer", _MAKE_MONTH),
        ("make_months(ahead integer)", "integer", _MAKE_MONTHS),
        ("mend()", "bigint", _MEND),
        ("head_only_grows()", "trigger", _HEAD_ONLY_GROWS),
    ):
        # The owner's rights, and a search path that nobody can bend.
        op.execute(
            sa.text(
                f"CREATE FUNCTION access_log_{name} RETURNS {returns} LANGUAGE plpgsql SECURITY DEFINER"
                f" SET search_path = {schema}, pg_temp AS $body${body}$body$".replace(":", "\\:")
            )
        )
    for name in ("make_other(text)", "make_month(text, timestamp)", "make_months(integer)", "mend()"):
        op.execute(f"REVOKE ALL ON FUNCTION access_log_{name} FROM PUBLIC")


def _place_leaves() -> None:
    """Note beside each leaf in which partition its event lies: a join by it looks into that one alone."""
    op.execute("ALTER TABLE access_leaf ADD COLUMN at bigint, ADD COLUMN lasting boolean")
    op.execute(
        "UPDATE access_leaf SET at = e.at, lasting = e.lasting FROM access_event e"
        " WHERE e.event_id = access_leaf.event_id"
    )
    op.execute("ALTER TABLE access_leaf ALTER COLUMN at SET NOT NULL, ALTER COLUMN lasting SET NOT NULL")


def _refuse_on_postgresql() -> None:
    for table, function, change in (
        ("access_leaf", "refuse_change()", "UPDATE OR DELETE"),
        ("access_log_head", "access_log_head_only_grows()", "UPDATE OR DELETE"),
    ):
        op.execute(
            f"CREATE TRIGGER tr_{table}_change BEFORE {change} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}"
        )
        op.execute(
            f"CREATE TRIGGER tr_{table}_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        for name in ("change", "truncate"):
            op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER tr_{table}_{name}")


def _unite() -> None:
    op.execute("ALTER TABLE access_event RENAME TO access_event_before")
    op.execute("ALTER TABLE access_event_before DROP CONSTRAINT pk_access_event")
    for name in _INDEXES:
        op.execute(f"DROP INDEX ix_access_event_{name}")
    op.create_table(
        "access_event",
        *_columns_of_events(),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_access_event")),
    )
    _make_indexes()
    op.execute(f"INSERT INTO access_event ({_COLUMNS}) SELECT {_COLUMNS} FROM access_event_before")
    op.execute("DROP TABLE access_event_before")
    for name, change, extent in (
        ("change", "UPDATE OR DELETE", "ROW"),
        ("truncate", "TRUNCATE", "STATEMENT"),
    ):
        op.execute(
            f"CREATE TRIGGER tr_access_event_{name} BEFORE {change} ON access_event"
            f" FOR EACH {extent} EXECUTE FUNCTION refuse_change()"
        )
        op.execute(f"ALTER TABLE access_event ENABLE ALWAYS TRIGGER tr_access_event_{name}")
