"""Access scopes: lists and counts decided without walking a tree (docs/decisions/0012).

Revision 0002, after 0001. What is there already gets its nodes, closures, scopes and counters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_OPEN = sa.text("revision_to IS NULL")
_DATED = ("access_entry", "principal_link", "clearance")

_GRANTED = (
    "id",
    "principal_id",
    "node_kind",
    "node_id",
    "action",
    "effect",
    "valid_from",
    "valid_until",
    "reason",
    "granted_by",
    "granted_at",
    "kind",
    "revision_from",
)
"""What a revocation keeps of an entry."""


def upgrade() -> None:
    _make_tables()
    _make_reviews()
    _make_proposals()
    _add_columns()
    _fill()
    _close_columns()
    for table in ("principal_link", "clearance"):
        _end_only_once(table)
    _make_histories()
    for table in ("placement_history", "parent_history"):
        _append_only(table)


def downgrade() -> None:
    _drop_proposals()
    op.drop_table("access_review_line")
    op.drop_table("access_review")
    _drop_histories()
    for table in ("principal_link", "clearance", "placement_history", "parent_history"):
        _drop_triggers(table)
    with op.batch_alter_table("record_class") as table:
        table.drop_constraint(op.f("fk_record_class_access_node_id"), type_="foreignkey")
        table.drop_index(op.f("ix_record_class_access_node_id"))
        table.drop_column("access_node_id")
    with op.batch_alter_table("document") as table:
        table.drop_constraint(op.f("fk_document_scope_id"), type_="foreignkey")
        table.drop_index("ix_document_scope")
        table.drop_column("has_own_entries")
        table.drop_column("scope_id")
    with op.batch_alter_table("aggregation") as table:
        table.drop_constraint(op.f("fk_aggregation_scope_id"), type_="foreignkey")
        table.drop_constraint(op.f("fk_aggregation_access_node_id"), type_="foreignkey")
        table.drop_index("ix_aggregation_scope")
        table.drop_index("ix_aggregation_access_node")
        table.drop_column("scope_id")
        table.drop_column("access_node_id")
    for table in _DATED:
        for name in ("ends", "begins"):
            op.drop_index(f"ix_{table}_{name}", table)
    op.drop_table("access_scope_change")
    op.drop_table("access_scope_fold")
    op.drop_table("access_scope")
    op.drop_table("access_node_closure")
    op.drop_table("access_node")


def _make_tables() -> None:
    op.create_table(
        "access_node",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("node_id", types.Id(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "repository",
                "aggregation",
                "class",
                "document",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "state",
            sa.Enum("filling", "ready", name="state", native_enum=False, create_constraint=True, length=40),
            nullable=False,
        ),
        sa.Column("since_revision", sa.Integer(), nullable=False),
        sa.Column("n_documents", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_node")),
        sa.UniqueConstraint("node_id", name=op.f("uq_access_node_node_id")),
    )
    op.create_table(
        "access_node_closure",
        sa.Column("node", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("ancestor", sa.Integer(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(
            ["ancestor"], ["access_node.id"], name=op.f("fk_access_node_closure_ancestor")
        ),
        sa.ForeignKeyConstraint(["node"], ["access_node.id"], name=op.f("fk_access_node_closure_node")),
        sa.PrimaryKeyConstraint("node", "ancestor", name=op.f("pk_access_node_closure")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_access_node_closure_ancestor", "access_node_closure", ["ancestor", "node"])
    op.create_table(
        "access_scope",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("aggregation_node", sa.Integer(), nullable=False),
        sa.Column("class_node", sa.Integer(), nullable=False),
        sa.Column("security_id", sa.Integer(), nullable=False),
        sa.Column("n_documents", sa.Integer(), nullable=False),
        sa.Column("n_aggregations", sa.Integer(), nullable=False),
        sa.CheckConstraint("n_documents >= 0 AND n_aggregations >= 0", name=op.f("ck_access_scope_counters")),
        sa.ForeignKeyConstraint(
            ["aggregation_node"], ["access_node.id"], name=op.f("fk_access_scope_aggregation_node")
        ),
        sa.ForeignKeyConstraint(["class_node"], ["access_node.id"], name=op.f("fk_access_scope_class_node")),
        sa.ForeignKeyConstraint(
            ["security_id"], ["security_classification.id"], name=op.f("fk_access_scope_security_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_scope")),
        sa.UniqueConstraint(
            "aggregation_node",
            "class_node",
            "security_id",
            name=op.f("uq_access_scope_aggregation_node_class_node_security_id"),
        ),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_access_scope_class", "access_scope", ["class_node", "aggregation_node", "security_id"]
    )
    fold = op.create_table(
        "access_scope_fold",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_access_scope_fold_one_row")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_scope_fold")),
    )
    op.bulk_insert(fold, [{"id": 1, "generation": 0}])
    op.create_table(
        "access_scope_change",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("documents", sa.Integer(), nullable=False),
        sa.Column("aggregations", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scope_id"], ["access_scope.id"], name=op.f("fk_access_scope_change_scope_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_scope_change")),
    )


def _make_reviews() -> None:
    kinds = ("repository", "aggregation", "class", "document")
    op.create_table(
        "access_review",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("node_kind", _closed(*kinds, name="node_kind"), nullable=False),
        sa.Column("node_id", types.Id(), nullable=False),
        sa.Column("includes_below", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("state", _closed("open", "closed", name="state"), nullable=False),
        sa.Column("started_by", types.Id(), nullable=False),
        sa.Column("started_at", types.UtcTime(), nullable=False),
        sa.Column("closed_by", types.Id(), nullable=True),
        sa.Column("closed_at", types.UtcTime(), nullable=True),
        sa.CheckConstraint(
            "(state = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_access_review_closed")
        ),
        sa.ForeignKeyConstraint(["closed_by"], ["principal.id"], name=op.f("fk_access_review_closed_by")),
        sa.ForeignKeyConstraint(["started_by"], ["principal.id"], name=op.f("fk_access_review_started_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_review")),
    )
    op.create_index("ix_access_review_node", "access_review", ["node_id", "id"])
    op.create_table(
        "access_review_line",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("review_id", types.Id(), nullable=False),
        sa.Column("entry_id", types.Id(), nullable=False),
        sa.Column("node_id", types.Id(), nullable=False),
        sa.Column("state", _closed("open", "kept", "revoked", name="state"), nullable=False),
        sa.Column("decided_by", types.Id(), nullable=True),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.CheckConstraint(
            "(state = 'open') = (decided_at IS NULL) AND (state = 'open') = (decided_by IS NULL)"
            " AND (state = 'open') = (note IS NULL)",
            name=op.f("ck_access_review_line_signature"),
        ),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["principal.id"], name=op.f("fk_access_review_line_decided_by")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["access_entry.id"], name=op.f("fk_access_review_line_entry_id")
        ),
        sa.ForeignKeyConstraint(
            ["review_id"], ["access_review.id"], name=op.f("fk_access_review_line_review_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_review_line")),
        sa.UniqueConstraint("review_id", "entry_id", name=op.f("uq_access_review_line_review_id_entry_id")),
    )
    op.create_index("ix_access_review_line_entry", "access_review_line", ["entry_id"])
    _decide_only_once("access_review_line")


def _closed(*values: str, name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _decide_only_once(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        _trigger(table, "update", "BEFORE UPDATE", "FOR EACH ROW WHEN (OLD.state <> 'open')")
        _trigger(table, "delete", "BEFORE DELETE", "FOR EACH ROW")
        _trigger(table, "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT")
        return
    _refuse(table, "UPDATE", "WHEN OLD.state <> 'open'")
    _refuse(table, "DELETE", "")


def _make_proposals() -> None:
    op.create_table(
        "access_proposal",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("changes", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("digest", types.Digest(), nullable=False),
        sa.Column("basis_sha256", types.Digest(), nullable=False),
        sa.Column("base_revision", sa.BigInteger(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "applied",
                "rejected",
                "expired",
                name="state",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("proposed_by", types.Id(), nullable=False),
        sa.Column("proposed_at", types.UtcTime(), nullable=False),
        sa.Column("editors", sa.String(), nullable=False),
        sa.Column("expires_at", types.UtcTime(), nullable=False),
        sa.Column("decided_by", types.Id(), nullable=True),
        sa.Column("decided_at", types.UtcTime(), nullable=True),
        sa.Column("decision_note", sa.String(), nullable=True),
        sa.Column("applied_revision", sa.BigInteger(), nullable=True),
        sa.CheckConstraint(
            "(state = 'proposed') = (decided_at IS NULL)", name=op.f("ck_access_proposal_decided")
        ),
        sa.CheckConstraint(
            "(state = 'applied') = (applied_revision IS NOT NULL)", name=op.f("ck_access_proposal_applied")
        ),
        sa.CheckConstraint("state <> 'expired'", name=op.f("ck_access_proposal_expires_by_itself")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_proposal")),
    )
    op.create_index("ix_access_proposal_state", "access_proposal", ["state", "proposed_at"])
    op.add_column("access_entry", sa.Column("proposal_id", types.Id(), nullable=True))
    _guard_entries("proposal_id")


def _drop_proposals() -> None:
    if op.get_bind().dialect.name == "sqlite":
        op.execute("DROP TRIGGER tr_access_entry_update")
    op.drop_column("access_entry", "proposal_id")
    _guard_entries()
    op.drop_table("access_proposal")


def _guard_entries(*added: str) -> None:
    """Write the trigger of entries anew on SQLite, which names each column that a revocation keeps.

    On PostgreSQL it compares whole rows.
    """
    if op.get_bind().dialect.name == "postgresql":
        return
    op.execute("DROP TRIGGER IF EXISTS tr_access_entry_update")
    columns = (*_GRANTED, *added)
    kept = " AND ".join(f"NEW.{column} IS OLD.{column}" for column in columns)
    once = f"OLD.revision_to IS NULL AND NEW.revision_to IS NOT NULL AND {kept}"
    _refuse("access_entry", "UPDATE", f"WHEN NOT ({once})")


def _add_columns() -> None:
    for table in _DATED:
        for name, column in (("begins", "valid_from"), ("ends", "valid_until")):
            named = f"ix_{table}_{name}"
            op.create_index(named, table, [column], sqlite_where=_OPEN, postgresql_where=_OPEN)
    for table in ("record_class", "aggregation"):
        op.add_column(table, sa.Column("access_node_id", sa.Integer(), nullable=True))
    for table in ("document", "aggregation"):
        op.add_column(table, sa.Column("scope_id", sa.Integer(), nullable=True))
    op.add_column("document", sa.Column("has_own_entries", sa.Boolean(), nullable=True))


def _close_columns() -> None:
    with op.batch_alter_table("record_class") as table:
        table.alter_column("access_node_id", nullable=False)
        table.create_index(op.f("ix_record_class_access_node_id"), ["access_node_id"])
        table.create_foreign_key(
            op.f("fk_record_class_access_node_id"), "access_node", ["access_node_id"], ["id"]
        )
    with op.batch_alter_table("aggregation") as table:
        table.alter_column("access_node_id", nullable=False)
        table.alter_column("scope_id", nullable=False)
        table.create_index("ix_aggregation_access_node", ["access_node_id", "id"])
        table.create_index("ix_aggregation_scope", ["scope_id", "code_key", "id"])
        table.create_foreign_key(
            op.f("fk_aggregation_access_node_id"), "access_node", ["access_node_id"], ["id"]
        )
        table.create_foreign_key(op.f("fk_aggregation_scope_id"), "access_scope", ["scope_id"], ["id"])
    with op.batch_alter_table("document") as table:
        table.alter_column("scope_id", nullable=False)
        table.alter_column("has_own_entries", nullable=False)
        table.create_index("ix_document_scope", ["scope_id", "created_at", "id"])
        table.create_foreign_key(op.f("fk_document_scope_id"), "access_scope", ["scope_id"], ["id"])


def _fill() -> None:
    connection = op.get_bind()
    roof = [
        connection.execute(sa.text(f"SELECT id FROM {table}")).scalar_one_or_none()
        for table in ("repository", "classification_scheme")
    ]
    if None in roof:
        return  # nothing was ever filed here
    for kind, table, node in (("repository", "aggregation", roof[0]), ("class", "record_class", roof[1])):
        top = _make_node(connection, kind, node)
        named = "aggregation" if kind == "repository" else "class"
        _fill_tree(connection, table, named, top)
    top_class = connection.execute(
        sa.text("SELECT id FROM access_node WHERE node_id = :node"), {"node": roof[1]}
    ).scalar_one()
    connection.execute(
        sa.text(
            "INSERT INTO access_scope"
            " (aggregation_node, class_node, security_id, n_documents, n_aggregations)"
            " SELECT aggregation_node, class_node, security_id, sum(documents), sum(aggregations) FROM ("
            " SELECT a.access_node_id AS aggregation_node, c.access_node_id AS class_node, d.security_id,"
            " 1 AS documents, 0 AS aggregations FROM document d"
            " JOIN aggregation a ON a.id = d.aggregation_id JOIN record_class c ON c.id = d.record_class_id"
            " UNION ALL SELECT a.access_node_id, coalesce(c.access_node_id, :top), a.security_id, 0, 1"
            " FROM aggregation a LEFT JOIN record_class c ON c.id = a.record_class_id) AS found"
            " GROUP BY aggregation_node, class_node, security_id"
        ),
        {"top": top_class},
    )
    connection.execute(
        sa.text(
            "UPDATE document SET scope_id = (SELECT s.id FROM access_scope s, aggregation a, record_class c"
            " WHERE a.id = document.aggregation_id AND c.id = document.record_class_id"
            " AND s.aggregation_node = a.access_node_id AND s.class_node = c.access_node_id"
            " AND s.security_id = document.security_id),"
            " has_own_entries = EXISTS (SELECT 1 FROM access_entry e WHERE e.node_id = document.id"
            " AND e.node_kind = 'document' AND e.revision_to IS NULL)"
        )
    )
    connection.execute(
        sa.text(
            "UPDATE aggregation SET scope_id = (SELECT s.id FROM access_scope s"
            " WHERE s.aggregation_node = aggregation.access_node_id AND s.security_id = aggregation.security_id"
            " AND s.class_node = coalesce("
            "(SELECT c.access_node_id FROM record_class c WHERE c.id = aggregation.record_class_id), :top))"
        ),
        {"top": top_class},
    )
    connection.execute(
        sa.text(
            "UPDATE access_node SET n_documents = (SELECT coalesce(sum(s.n_documents), 0) FROM access_scope s"
            " WHERE access_node.id IN (s.aggregation_node, s.class_node))"
        )
    )


def _make_node(connection: sa.Connection, kind: str, node: Any) -> int:
    connection.execute(
        sa.text(
            "INSERT INTO access_node (node_id, kind, state, since_revision, n_documents)"
            " VALUES (:node, :kind, 'ready', 0, 0)"
        ),
        {"node": node, "kind": kind},
    )
    found = connection.execute(sa.text("SELECT id FROM access_node WHERE node_id = :node"), {"node": node})
    number: int = found.scalar_one()
    connection.execute(
        sa.text("INSERT INTO access_node_closure (node, ancestor) VALUES (:n, :n)"), {"n": number}
    )
    return number


def _fill_tree(connection: sa.Connection, table: str, kind: str, top: int) -> None:
    """Make an access node of whatever open entries name, and tell every row its nearest one."""
    parents = dict(connection.execute(sa.text(f"SELECT id, parent_id FROM {table}")).tuples().all())
    named = connection.execute(
        sa.text(
            "SELECT DISTINCT e.node_id FROM access_entry e"
            f" JOIN {table} t ON t.id = e.node_id WHERE e.node_kind = :kind AND e.revision_to IS NULL"
        ),
        {"kind": kind},
    )
    numbers = {node: _make_node(connection, kind, node) for node in named.scalars().all()}
    for node, number in numbers.items():
        above = [numbers[at] for at in _line(parents, parents[node]) if at in numbers]
        for ancestor in [*above, top]:
            connection.execute(
                sa.text("INSERT INTO access_node_closure (node, ancestor) VALUES (:n, :a)"),
                {"n": number, "a": ancestor},
            )
    nearest = [
        {"id": node, "n": next((numbers[at] for at in _line(parents, node) if at in numbers), top)}
        for node in parents
    ]
    if nearest:
        connection.execute(sa.text(f"UPDATE {table} SET access_node_id = :n WHERE id = :id"), nearest)


def _line(parents: Mapping[Any, Any], start: Any) -> list[Any]:
    """Return a node and all above it, the nearest first."""
    line: list[Any] = []
    at = start
    while at is not None:
        line.append(at)
        at = parents[at]
    return line


def _end_only_once(table: str) -> None:
    """Let an update set `revision_to` once and nothing else; refuse any other change."""
    if op.get_bind().dialect.name == "postgresql":
        once = (
            "OLD.revision_to IS NULL AND NEW.revision_to IS NOT NULL"
            " AND to_jsonb(NEW) - 'revision_to' = to_jsonb(OLD) - 'revision_to'"
        )
        _trigger(table, "update", "BEFORE UPDATE", f"FOR EACH ROW WHEN (NOT ({once}))")
        _trigger(table, "delete", "BEFORE DELETE", "FOR EACH ROW")
        _trigger(table, "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT")
        return
    columns = sa.inspect(op.get_bind()).get_columns(table)
    kept = " AND ".join(f"NEW.{c['name']} IS OLD.{c['name']}" for c in columns if c["name"] != "revision_to")
    once = f"OLD.revision_to IS NULL AND NEW.revision_to IS NOT NULL AND {kept}"
    _refuse(table, "UPDATE", f"WHEN NOT ({once})")
    _refuse(table, "DELETE", "")


def _append_only(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        _trigger(table, "update", "BEFORE UPDATE", "FOR EACH ROW")
        _trigger(table, "delete", "BEFORE DELETE", "FOR EACH ROW")
        _trigger(table, "truncate", "BEFORE TRUNCATE", "FOR EACH STATEMENT")
        return
    _refuse(table, "UPDATE", "")
    _refuse(table, "DELETE", "")


def _refuse(table: str, change: str, when: str) -> None:
    op.execute(
        f"CREATE TRIGGER tr_{table}_{change.lower()} BEFORE {change} ON {table} {when}"
        f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    )


def _trigger(table: str, name: str, event: str, extent: str) -> None:
    op.execute(
        f"CREATE TRIGGER tr_{table}_{name} {event} ON {table} {extent} EXECUTE FUNCTION refuse_change()"
    )
    op.execute(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER tr_{table}_{name}")


def _drop_triggers(table: str) -> None:
    on_table = f" ON {table}" if op.get_bind().dialect.name == "postgresql" else ""
    for name in ("update", "delete", "truncate"):
        op.execute(f"DROP TRIGGER IF EXISTS tr_{table}_{name}{on_table}")


def _make_histories() -> None:
    """Keep whether accounts counted, and find ended links and clearances by whom they name."""
    op.create_table(
        "principal_status_history",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("principal_id", types.Id(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "active", "disabled", name="status", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("valid_from", types.UtcTime(), nullable=False),
        sa.Column("valid_until", types.UtcTime(), nullable=False),
        sa.Column("event_id", types.Id(), nullable=False),
        sa.ForeignKeyConstraint(
            ["principal_id"], ["principal.id"], name=op.f("fk_principal_status_history_principal_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_principal_status_history")),
    )
    op.create_index(
        "ix_principal_status_history_principal", "principal_status_history", ["principal_id", "valid_from"]
    )
    op.create_index("ix_principal_link_member_history", "principal_link", ["member_id", "revision_from"])
    op.create_index("ix_principal_link_group_history", "principal_link", ["group_id", "revision_from"])
    op.create_index("ix_clearance_history", "clearance", ["user_id", "revision_from"])
    _append_only("principal_status_history")


def _drop_histories() -> None:
    _drop_triggers("principal_status_history")
    op.drop_index("ix_clearance_history", "clearance")
    op.drop_index("ix_principal_link_group_history", "principal_link")
    op.drop_index("ix_principal_link_member_history", "principal_link")
    op.drop_table("principal_status_history")
