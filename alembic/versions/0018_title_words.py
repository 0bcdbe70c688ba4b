"""How long titles are: among hits that hold all words in their heads the shortest come first."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# By its spaces: exact where no other sign parts words, until the entry is written anew.
_COUNT = """
UPDATE search_entry SET title_words = (
  SELECT length(trim(title)) - length(replace(trim(title), ' ', '')) + 1 FROM {table}
  WHERE {table}.id = search_entry.subject
) WHERE kind = '{kind}'
"""


def upgrade() -> None:
    """Add the column, and count the words of the titles that there are."""
    op.add_column("search_entry", sa.Column("title_words", sa.Integer(), nullable=False, server_default="0"))
    for kind in ("document", "aggregation"):
        op.execute(_COUNT.format(table=kind, kind=kind))


def downgrade() -> None:
    """Drop the column."""
    op.drop_column("search_entry", "title_words")
