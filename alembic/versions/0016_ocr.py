"""Text that was read by OCR, and by what."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_STEPS = ("identify", "text", "thumbnail")
_TOLD = "(ocr_program IS NULL) = (ocr_languages IS NULL) AND (ocr_program IS NULL) = (ocr_pages IS NULL)"


def upgrade() -> None:
    """Add a step, and to Renditions how they were read."""
    _steps([*_STEPS, "ocr"])
    with op.batch_alter_table("rendition") as table:
        table.add_column(sa.Column("ocr_program", sa.String()))
        table.add_column(sa.Column("ocr_languages", sa.String()))
        table.add_column(sa.Column("ocr_pages", sa.Integer()))
        table.create_check_constraint("ocr", _TOLD)


def downgrade() -> None:
    """Take both away, and what OCR has read: everything is read again."""
    op.execute("DELETE FROM rendition WHERE ocr_program IS NOT NULL")
    op.execute("DELETE FROM blob_step WHERE step = 'ocr'")
    with op.batch_alter_table("rendition") as table:
        table.drop_constraint(op.f("ck_rendition_ocr"), type_="check")
        for name in ("ocr_program", "ocr_languages", "ocr_pages"):
            table.drop_column(name)
    _steps(_STEPS)


def _steps(words: Sequence[str]) -> None:
    said = ", ".join(f"'{word}'" for word in words)
    with op.batch_alter_table("blob_step") as table:
        table.drop_constraint(op.f("ck_blob_step_step"), type_="check")
        table.create_check_constraint(op.f("ck_blob_step_step"), f"step IN ({said})")
