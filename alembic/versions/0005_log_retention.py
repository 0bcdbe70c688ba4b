"""How long the access log is kept: rule, holds, prunings and redactions, and what may go by them.

From here on the triggers let go what an approved pruning covers and no hold keeps, and a detail that was
ordered to be redacted; nothing else. On PostgreSQL functions of the owner remove it, since nobody else may.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables; let the triggers know of them."""
    _make_tables()
    if op.get_bind().dialect.name == "sqlite":
        _let_go_on_sqlite()
    else:
        _let_go_on_postgresql()


def downgrade() -> None:
    """Refuse every removal again."""
    if op.get_bind().dialect.name == "sqlite":
        for table in ("access_event", "access_event_detail"):
            op.execute(f"DROP TRIGGER tr_{table}_delete")
            _refuse_delete_on_sqlite(table)
    else:
        op.execute("DROP TRIGGER tr_access_event_detail_change ON access_event_detail")
        _guard_details("refuse_change()")
        for function in _FUNCTIONS:
            op.execute(f"DROP FUNCTION {function.partition(' RETURNS')[0]}")
    for table in ("log_redaction", "log_pruning", "log_hold", "log_rule"):
        op.drop_table(table)


def _make_tables() -> None:
    op.create_table(
        "log_rule",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("kept_months", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", types.Id(), nullable=False),
        sa.Column("set_at", types.UtcTime(), nullable=False),
        sa.CheckConstraint("kept_months > 0", name=op.f("ck_log_rule_kept")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_rule")),
    )
    op.create_table(
        "log_hold",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("since", types.UtcTime(), nullable=False),
        sa.Column("until", types.UtcTime(), nullable=True),
        sa.Column("object_id", types.Id(), nullable=True),
        sa.Column("actor_id", types.Id(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("placed_by", types.Id(), nullable=False),
        sa.Column("placed_at", types.UtcTime(), nullable=False),
        sa.Column("lifted_by", types.Id(), nullable=True),
        sa.Column("lifted_at", types.UtcTime(), nullable=True),
        sa.Column("lift_reason", sa.String(), nullable=True),
        sa.CheckConstraint("until IS NULL OR since < until", name=op.f("ck_log_hold_period")),
        sa.CheckConstraint(
            "(lifted_at IS NULL) = (lifted_by IS NULL) AND (lifted_at IS NULL) = (lift_reason IS NULL)",
            name=op.f("ck_log_hold_lifted"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_hold")),
    )
    _make_prunings()
    op.create_table(
        "log_redaction",
        sa.Column("event_id", types.Id(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("ordered_by", types.Id(), nullable=False),
        sa.Column("ordered_at", types.UtcTime(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_log_redaction")),
    )


def _make_prunings() -> None:
    states = ("proposed", "approved", "rejected", "done")
    op.create_table(
        "log_pruning",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("until", types.UtcTime(), nullable=False),
        sa.Column("kept_months", sa.Integer(), nullable=False),
        sa.Column("end_index", sa.BigInteger(), nullable=False),
        sa.Column("n_events", sa.BigInteger(), nullable=False),
        sa.Column("n_held", sa.BigInteger(), nullable=False),
        sa.Column("signed_size", sa.BigInteger(), nullable=False),
        sa.Column("root", types.Digest(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(*states, name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("proposed_by", types.Id(), nullable=False),
        sa.Column("proposed_at", types.UtcTime(), nullable=False),
        sa.Column("decided_by", types.Id(), nullable=True),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.Column("finished_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_log_pruning_decided")
        ),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_by IS NULL)", name=op.f("ck_log_pruning_decider")
        ),
        sa.CheckConstraint(
            "state NOT IN ('approved', 'done') OR decided_by <> proposed_by",
            name=op.f("ck_log_pruning_two_people"),
        ),
        sa.CheckConstraint(
            "(state = 'done') = (finished_at IS NOT NULL)", name=op.f("ck_log_pruning_finished")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_log_pruning")),
    )
    op.create_index("ix_log_pruning_state", "log_pruning", ["state", "proposed_at"])


# A hold names a period, and perhaps an actor and an object. Bodies write an object's id as the first of a
# list, so that they tell of every object, whatever was derived from them.
_COVERS = (
    "h.lifted_at IS NULL AND {e}.at >= h.since AND (h.until IS NULL OR {e}.at < h.until)"
    " AND (h.actor_id IS NULL OR h.actor_id = {e}.actor_id)"
    " AND (h.object_id IS NULL OR {names})"
)
_NAMES_ON_SQLITE = "instr({e}.body, CAST('[\"' || lower(hex(h.object_id)) || '\",' AS BLOB)) > 0"
_NAMES_ON_POSTGRESQL = (
    "position(convert_to('[\"' || replace(h.object_id::text, '-', '') || '\",', 'UTF8') IN {e}.body) > 0"
)

_HELD_ON_SQLITE = f"EXISTS (SELECT 1 FROM log_hold h WHERE {_COVERS.replace('{names}', _NAMES_ON_SQLITE)})"

_GOES_ON_SQLITE = (
    "{e}.lasting = 0"
    " AND EXISTS (SELECT 1 FROM log_pruning p WHERE p.state = 'approved' AND {e}.at < p.until)"
    " AND EXISTS (SELECT 1 FROM access_leaf l, access_log_head g"
    " WHERE l.event_id = {e}.event_id AND l.leaf_index < g.minimum_index)"
    f" AND NOT {_HELD_ON_SQLITE}"
)


def _let_go_on_sqlite() -> None:
    for table in ("access_event", "access_event_detail"):
        op.execute(f"DROP TRIGGER tr_{table}_delete")
    _refuse_delete_on_sqlite("access_event", unless=_GOES_ON_SQLITE.replace("{e}", "OLD"))
    pruned = _GOES_ON_SQLITE.replace("{e}", "e")
    _refuse_delete_on_sqlite(
        "access_event_detail",
        unless="EXISTS (SELECT 1 FROM log_redaction r WHERE r.event_id = OLD.event_id)"
        f" OR EXISTS (SELECT 1 FROM access_event e WHERE e.event_id = OLD.event_id AND {pruned})",
    )


def _refuse_delete_on_sqlite(table: str, *, unless: str = "") -> None:
    when = f"WHEN NOT ({unless})" if unless else ""
    op.execute(
        f"CREATE TRIGGER tr_{table}_delete BEFORE DELETE ON {table} {when}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


_HELD = f"""
  SELECT EXISTS (SELECT FROM log_hold h WHERE {_COVERS.replace("{names}", _NAMES_ON_POSTGRESQL).replace("{e}", "e")})
"""

_GOES = """
  SELECT NOT e.lasting
    AND EXISTS (SELECT FROM log_pruning p WHERE p.state = 'approved' AND e.at < p.until)
    AND EXISTS (SELECT FROM access_leaf l, access_log_head g
      WHERE l.event_id = e.event_id AND l.leaf_index < g.minimum_index)
    AND NOT access_log_is_held(e)
"""

_KEEP_DETAIL = """
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF EXISTS (SELECT FROM log_redaction r WHERE r.event_id = OLD.event_id)
      OR EXISTS (SELECT FROM access_event e WHERE e.event_id = OLD.event_id AND access_log_goes(e))
    THEN
      RETURN OLD;
    END IF;
  END IF;
  RAISE EXCEPTION 'access_event_detail is append-only';
END
"""

_REDACT = """
BEGIN
  IF NOT EXISTS (SELECT FROM log_redaction r WHERE r.event_id = event) THEN
    RAISE EXCEPTION 'nobody has ordered this';
  END IF;
  DELETE FROM access_event_detail d WHERE d.event_id = event;
  RETURN FOUND;
END
"""

_APPROVED = """
  SELECT * INTO wanted FROM log_pruning p WHERE p.id = pruning AND p.state = 'approved';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no such approved pruning';
  END IF;
"""

_FRESH = """
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'this must see what was committed while it waited: use READ COMMITTED';
  END IF;
"""

_PRUNE_DETAILS = f"""
DECLARE
  wanted log_pruning;
  reached uuid;
BEGIN
  {_APPROVED}
  UPDATE access_log_head SET minimum_index = wanted.end_index WHERE minimum_index < wanted.end_index;
  WITH taken AS MATERIALIZED (
    SELECT e.event_id, access_log_goes(e) AS goes FROM access_event e
    WHERE NOT e.lasting AND e.at < wanted.until AND e.event_id > after
    ORDER BY e.event_id LIMIT slice
  ), gone AS (
    DELETE FROM access_event_detail d USING taken s WHERE d.event_id = s.event_id AND s.goes
  )
  SELECT s.event_id INTO reached FROM taken s ORDER BY s.event_id DESC LIMIT 1;
  RETURN reached;
END
"""

# One month a time, so that writers wait for the removal of a table and for nothing else: what must be
# looked at is looked at before, while only writers to this long past month are locked out.
_DROP_MONTH = f"""
DECLARE
  wanted log_pruning;
  month text;
  since timestamp;
  first bigint;
  beyond bigint;
  gone bigint;
  is_held boolean;
BEGIN
  {_FRESH}
  {_APPROVED}
  PERFORM pg_advisory_xact_lock(hashtext('access_log_months'));
  FOR month IN
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent = 'access_event_passing'::regclass AND c.relname ~ '_[0-9]{{6}}$' ORDER BY 1
  LOOP
    since := make_timestamp(left(right(month, 6), 4)::integer, right(month, 2)::integer, 1, 0, 0, 0);
    first := extract(epoch FROM since) * 1000000;
    beyond := extract(epoch FROM since + interval '1 month') * 1000000;
    EXIT WHEN beyond > wanted.until;
    EXECUTE format('LOCK TABLE ONLY %I IN SHARE MODE', month);
    IF EXISTS (
      SELECT FROM access_event e LEFT JOIN access_leaf l ON l.event_id = e.event_id
      WHERE NOT e.lasting AND e.at >= first AND e.at < beyond
        AND (l.leaf_index IS NULL OR l.leaf_index >= wanted.end_index)
    ) THEN
      RAISE EXCEPTION '% holds events that nobody has approved to remove', month;
    END IF;
    is_held := EXISTS (
      SELECT FROM log_hold h
      WHERE h.lifted_at IS NULL AND h.since < beyond AND (h.until IS NULL OR h.until > first)
    );
    SELECT count(*) INTO gone FROM access_event e
    WHERE NOT e.lasting AND e.at >= first AND e.at < beyond AND NOT (is_held AND access_log_is_held(e));
    CONTINUE WHEN is_held AND gone = 0;
    IF is_held THEN
      PERFORM access_log_thin_month(month);
    ELSE
      EXECUTE format('DROP TABLE %I', month);
    END IF;
    RETURN gone;
  END LOOP;
  RETURN NULL;
END
"""

# Postings and roll-ups of what has gone: they name who acted, and can be derived anew for what stays.
_FORGET = f"""
DECLARE
  wanted log_pruning;
  gone bigint;
BEGIN
  {_APPROVED}
  DELETE FROM access_seen s USING access_leaf l
  WHERE s.leaf_index = l.leaf_index AND NOT l.lasting AND l.at < wanted.until AND NOT EXISTS (
    SELECT FROM access_event e WHERE e.event_id = l.event_id AND e.at = l.at AND e.lasting = l.lasting
  );
  GET DIAGNOSTICS gone = ROW_COUNT;
  DELETE FROM access_daily d WHERE d.outcome <> 'committed' AND d.day < wanted.until / 86400000000;
  RETURN gone;
END
"""

# A month with held events is replaced by one that holds them alone.
_THIN_MONTH = """
DECLARE
  bounds text;
BEGIN
  SELECT pg_get_expr(c.relpartbound, c.oid) INTO bounds FROM pg_class c WHERE c.oid = month::regclass;
  EXECUTE format('ALTER TABLE access_event_passing DETACH PARTITION %I', month);
  EXECUTE format('ALTER TABLE %I RENAME TO access_event_thinned', month);
  EXECUTE format('CREATE TABLE %I (LIKE access_event_passing INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', month);
  EXECUTE format('ALTER TABLE access_event_passing ATTACH PARTITION %I %s', month, bounds);
  EXECUTE format('CREATE TRIGGER tr_access_event_truncate BEFORE TRUNCATE ON %I FOR EACH STATEMENT
    EXECUTE FUNCTION refuse_change(''access_event'')', month);
  EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER tr_access_event_truncate', month);
  EXECUTE 'INSERT INTO access_event ($columns) SELECT $columns FROM access_event_thinned t
    WHERE access_log_is_held(ROW($columns)::access_event)';
  DROP TABLE access_event_thinned;
END
"""

_COLUMNS = (
    "epoch, xid, event_id, at, lasting, actor_id, op, outcome, reason, object_id, n_objects, writer, n,"
    " leaf_hash, body"
)

_FUNCTIONS = {
    "access_log_drop_month(pruning uuid) RETURNS bigint": _DROP_MONTH,
    "access_log_thin_month(month text) RETURNS void": _THIN_MONTH.replace("$columns", _COLUMNS),
    "access_log_forget(pruning uuid) RETURNS bigint": _FORGET,
    "access_log_prune_details(pruning uuid, after uuid, slice integer) RETURNS uuid": _PRUNE_DETAILS,
    "access_log_redact(event uuid) RETURNS boolean": _REDACT,
    "access_log_keep_detail() RETURNS trigger": _KEEP_DETAIL,
    "access_log_goes(e access_event) RETURNS boolean": _GOES,
    "access_log_is_held(e access_event) RETURNS boolean": _HELD,
}
"""In the order in which they are dropped; they are made in the reverse."""


def _let_go_on_postgresql() -> None:
    schema = op.get_bind().execute(sa.text("SELECT quote_ident(current_schema())")).scalar_one()
    for head, body in reversed(_FUNCTIONS.items()):
        language = "sql STABLE" if body in {_GOES, _HELD} else "plpgsql"
        op.execute(
            sa.text(
                f"CREATE FUNCTION {head} LANGUAGE {language} SECURITY DEFINER"
                f" SET search_path = {schema}, pg_temp AS $body${body}$body$".replace(":", "\\:")
            )
        )
        op.execute(f"REVOKE ALL ON FUNCTION {head.partition(' RETURNS')[0]} FROM PUBLIC")
    op.execute("DROP TRIGGER tr_access_event_detail_change ON access_event_detail")
    _guard_details("access_log_keep_detail()")


def _guard_details(function: str) -> None:
    op.execute(
        "CREATE TRIGGER tr_access_event_detail_change BEFORE UPDATE OR DELETE ON access_event_detail"
        f" FOR EACH ROW EXECUTE FUNCTION {function}"
    )
    op.execute("ALTER TABLE access_event_detail ENABLE ALWAYS TRIGGER tr_access_event_detail_change")
