"""What is found by its words; what there is already is entered, and waits for `dms search rebuild`."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import search, types

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_ENTER = """
INSERT INTO search_entry (subject, kind, scope_id, aggregation_id, record_class_id, code_key, date_key,
                          registered_at, is_cut, analyser, media_type{vectors})
SELECT id, kind, scope_id, home, record_class_id, code_key, date_key, created_at, {no}, 0, media_type{empty}
FROM (
    SELECT a.id, 'aggregation' AS kind, a.scope_id, a.parent_id AS home, a.record_class_id, a.code_key,
           {day} AS date_key, a.created_at, NULL AS media_type
    FROM aggregation a
    UNION ALL
    SELECT d.id, 'document', d.scope_id, d.aggregation_id, d.record_class_id, d.code_key, d.date_key,
           d.created_at,
           (SELECT min(f.media_type) FROM version v JOIN content_file f ON f.version_id = v.id
            WHERE v.document_id = d.id AND v.number = d.current_version AND f.role = 'body')
    FROM document d
) everything
ORDER BY created_at, id
"""


def upgrade() -> None:
    """Make the tables and enter what there is."""
    op.create_table(
        "search_entry",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("subject", types.Id(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "document",
                "aggregation",
                name="kind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("aggregation_id", types.Id()),
        sa.Column("record_class_id", types.Id()),
        sa.Column("media_type", sa.String()),
        sa.Column("language", sa.String()),
        sa.Column("code_key", types.SortKey(), nullable=False),
        sa.Column("date_key", types.SortKey(), nullable=False),
        sa.Column("registered_at", types.UtcTime(), nullable=False),
        sa.Column("text_version", sa.Integer()),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.Column("analyser", sa.Integer(), nullable=False),
        sa.Column("head", search.Vector()),
        sa.Column("body", search.Vector()),
        sa.ForeignKeyConstraint(["scope_id"], ["access_scope.id"], name=op.f("fk_search_entry_scope_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_entry")),
        sa.UniqueConstraint("subject", name=op.f("uq_search_entry_subject")),
        sqlite_autoincrement=True,
    )
    for name, column in (
        ("scope", "scope_id"),
        ("code_key", "code_key"),
        ("date_key", "date_key"),
        ("class", "record_class_id"),
        ("aggregation", "aggregation_id"),
        ("analyser", "analyser"),
    ):
        op.create_index(f"ix_search_entry_{name}", "search_entry", [column, "id"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(search.MAKE_WORDS)
        op.execute(_ENTER.format(vectors="", empty="", no="0", day="coalesce(a.first_day, '')"))
        return
    op.execute("CREATE INDEX ix_search_entry_head ON search_entry USING gin (head)")
    op.execute("CREATE INDEX ix_search_entry_words ON search_entry USING gin ((head || body))")
    op.execute(
        _ENTER.format(
            vectors=", head, body",
            empty=", ''::tsvector, ''::tsvector",
            no="false",
            day="coalesce(to_char(a.first_day, 'YYYY-MM-DD'), '')",
        )
    )


def downgrade() -> None:
    """Drop them; they hold nothing that is not told elsewhere."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(f"DROP TABLE {search.WORDS}")
    op.drop_table("search_entry")
