"""The planner of PostgreSQL learns what joining head and body costs; nothing changes on SQLite."""

from __future__ import annotations

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

_INDEXES = ("ix_search_entry_head", "ix_search_entry_words")

_FUNCTION = """
CREATE FUNCTION search_words(head tsvector, body tsvector) RETURNS tsvector
LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE COST 1000 AS 'BEGIN RETURN head || body; END'
"""

_LIMIT = "WITH (gin_pending_list_limit = 256)"
_PRICED = (f"(head) {_LIMIT}", f"(search_words(head, body)) {_LIMIT}")
_BARE = ("(head)", "((head || body))")


def upgrade() -> None:
    """Make the function, and both indexes anew; gathers what the planner knows of them."""
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute(_FUNCTION)
    _index(_PRICED)


def downgrade() -> None:
    """Make the indexes as they were."""
    if op.get_bind().dialect.name == "sqlite":
        return
    _index(_BARE)
    op.execute("DROP FUNCTION search_words(tsvector, tsvector)")


def _index(columns: tuple[str, str]) -> None:
    for name, what in zip(_INDEXES, columns, strict=True):
        op.execute(f"DROP INDEX {name}")
        op.execute(f"CREATE INDEX {name} ON search_entry USING gin {what}")
    op.execute("ANALYZE search_entry")
