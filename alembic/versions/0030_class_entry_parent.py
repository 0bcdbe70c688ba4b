"""What lies directly below a class is found by an index."""

from __future__ import annotations

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index; classes that only withdrawn editions word are given up."""
    op.create_index("ix_class_entry_parent", "class_entry", ["parent_id", "code_key", "id"])
    op.execute(
        "UPDATE record_class SET status = 'closed' WHERE status = 'proposed' AND id IN ("
        "SELECT class_entry.class_id FROM class_entry JOIN scheme_edition ON "
        "scheme_edition.id = class_entry.edition_id WHERE scheme_edition.state = 'withdrawn')"
    )


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_class_entry_parent", "class_entry")
