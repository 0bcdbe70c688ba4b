"""What is made of contents by itself: Renditions, and how each step of reading a Blob ended."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KINDS = ("text", "thumbnail")
_STEPS = ("identify", "text", "thumbnail")
_OUTCOMES = ("done", "nothing", "refused")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "rendition",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("version_id", types.Id(), nullable=False),
        sa.Column("kind", _closed("kind", _KINDS), nullable=False),
        sa.Column("blob_id", types.Id(), nullable=False),
        sa.Column("media_type", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", types.Digest(), nullable=False),
        sa.Column("is_cut", sa.Boolean(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name=op.f("fk_rendition_version_id")),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_rendition_blob_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_rendition")),
        sa.UniqueConstraint("version_id", "kind", name=op.f("uq_rendition_version_id_kind")),
    )
    op.create_index("ix_rendition_blob_id", "rendition", ["blob_id"])
    op.create_table(
        "blob_step",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("blob_id", types.Id(), nullable=False),
        sa.Column("step", _closed("step", _STEPS), nullable=False),
        sa.Column("reader", sa.Integer(), nullable=False),
        sa.Column("outcome", _closed("outcome", _OUTCOMES), nullable=False),
        sa.Column("reason", sa.String()),
        sa.Column("format_id", sa.String()),
        sa.Column("format_name", sa.String()),
        sa.Column("format_basis", sa.String()),
        sa.Column("at", types.UtcTime(), nullable=False),
        sa.ForeignKeyConstraint(["blob_id"], ["blob.id"], name=op.f("fk_blob_step_blob_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blob_step")),
        sa.UniqueConstraint("blob_id", "step", name=op.f("uq_blob_step_blob_id_step")),
    )


def downgrade() -> None:
    """Drop the tables; the bytes of Renditions go with the next sweep."""
    op.drop_table("blob_step")
    op.drop_table("rendition")


def _closed(name: str, values: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
