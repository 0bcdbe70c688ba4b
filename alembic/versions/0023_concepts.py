"""Thesauri and their concepts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from dms.models import types

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_STATES = ("candidate", "approved", "deprecated")
_LABELS = ("preferred", "alternative", "hidden")
_NOTES = ("note", "definition", "scope", "example", "history", "editorial", "change")
_MATCHES = ("exact", "close", "broader", "narrower", "related")
_PREFERRED = sa.text("kind = 'preferred'")


def upgrade() -> None:
    """Make the tables."""
    _make_thesauri()
    _make_lines()
    _make_links()


def downgrade() -> None:
    """Drop the tables."""
    for name in ("statement", "forwarding", "match", "link", "note", "label"):
        op.drop_table(f"concept_{name}")
    op.drop_table("concept")
    op.drop_table("thesaurus")


def _make_thesauri() -> None:
    op.create_table(
        "thesaurus",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("code_key", types.SortKey(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("source_digest", types.Digest(), nullable=True),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_thesaurus")),
        sa.UniqueConstraint("code", name=op.f("uq_thesaurus_code")),
        sa.UniqueConstraint("uri", name=op.f("uq_thesaurus_uri")),
    )
    op.create_index(op.f("ix_thesaurus_code_key"), "thesaurus", ["code_key"])
    op.create_table(
        "concept",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("thesaurus_id", types.Id(), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        sa.Column("state", _closed(_STATES, "state"), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("label_key", types.SortKey(), nullable=False),
        sa.Column("notation", sa.String(), nullable=True),
        sa.Column("is_in_scheme", sa.Boolean(), nullable=False),
        sa.Column("editors", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("created_at", types.UtcTime(), nullable=False),
        sa.Column("created_by", types.Id(), nullable=True),
        sa.Column("approved_at", types.UtcTime(), nullable=True),
        sa.Column("approved_by", types.Id(), nullable=True),
        sa.Column("deprecated_at", types.UtcTime(), nullable=True),
        sa.Column("deprecated_by", types.Id(), nullable=True),
        sa.Column("deprecation_reason", sa.String(), nullable=True),
        sa.CheckConstraint(
            "state <> 'approved' OR approved_at IS NOT NULL", name=op.f("ck_concept_approved")
        ),
        sa.CheckConstraint(
            "state <> 'deprecated' OR deprecated_at IS NOT NULL", name=op.f("ck_concept_deprecated")
        ),
        sa.ForeignKeyConstraint(["thesaurus_id"], ["thesaurus.id"], name=op.f("fk_concept_thesaurus_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concept")),
        sa.UniqueConstraint("thesaurus_id", "uri", name=op.f("uq_concept_thesaurus_id_uri")),
    )
    op.create_index("ix_concept_order", "concept", ["thesaurus_id", "label_key", "id"])
    op.create_index("ix_concept_sorted", "concept", ["label_key", "id"])


def _make_lines() -> None:
    op.create_table(
        "concept_label",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("concept_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(_LABELS, "kind"), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("text_key", types.SortKey(), nullable=False),
        *_owned("concept_label"),
        sa.UniqueConstraint(
            "concept_id", "language", "text", name=op.f("uq_concept_label_concept_id_language_text")
        ),
    )
    op.create_index(
        "uq_concept_label_preferred",
        "concept_label",
        ["concept_id", "language"],
        unique=True,
        sqlite_where=_PREFERRED,
        postgresql_where=_PREFERRED,
    )
    op.create_index("ix_concept_label_text_key", "concept_label", ["text_key"])
    op.create_table(
        "concept_note",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("concept_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(_NOTES, "kind"), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        *_owned("concept_note"),
    )
    op.create_index("ix_concept_note_concept", "concept_note", ["concept_id"])
    op.create_table(
        "concept_match",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("concept_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(_MATCHES, "kind"), nullable=False),
        sa.Column("uri", sa.String(), nullable=False),
        *_owned("concept_match"),
        sa.UniqueConstraint("concept_id", "kind", "uri", name=op.f("uq_concept_match_concept_id_kind_uri")),
    )
    op.create_table(
        "concept_statement",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("thesaurus_id", types.Id(), nullable=False),
        sa.Column("concept_id", types.Id(), nullable=True),
        sa.Column("is_aside", sa.Boolean(), nullable=False),
        sa.Column("triples", sa.String(), nullable=False),
        *_owned("concept_statement"),
        sa.ForeignKeyConstraint(
            ["thesaurus_id"], ["thesaurus.id"], name=op.f("fk_concept_statement_thesaurus_id")
        ),
    )
    op.create_index("ix_concept_statement_owner", "concept_statement", ["thesaurus_id", "concept_id"])


def _make_links() -> None:
    op.create_table(
        "concept_link",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("concept_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(("broader", "related"), "kind"), nullable=False),
        sa.Column("target_id", types.Id(), nullable=False),
        sa.Column("stated", _closed(("forward", "inverse", "both"), "stated"), nullable=False),
        sa.CheckConstraint("concept_id <> target_id", name=op.f("ck_concept_link_itself")),
        *_owned("concept_link"),
        sa.ForeignKeyConstraint(["target_id"], ["concept.id"], name=op.f("fk_concept_link_target_id")),
        sa.UniqueConstraint(
            "concept_id", "kind", "target_id", name=op.f("uq_concept_link_concept_id_kind_target_id")
        ),
    )
    op.create_index("ix_concept_link_target", "concept_link", ["target_id", "kind"])
    op.create_table(
        "concept_forwarding",
        sa.Column("id", types.Id(), nullable=False),
        sa.Column("concept_id", types.Id(), nullable=False),
        sa.Column("target_id", types.Id(), nullable=False),
        sa.Column("kind", _closed(("replaced", "merged", "split"), "kind"), nullable=False),
        sa.CheckConstraint("concept_id <> target_id", name=op.f("ck_concept_forwarding_itself")),
        *_owned("concept_forwarding"),
        sa.ForeignKeyConstraint(["target_id"], ["concept.id"], name=op.f("fk_concept_forwarding_target_id")),
        sa.UniqueConstraint(
            "concept_id", "target_id", name=op.f("uq_concept_forwarding_concept_id_target_id")
        ),
    )
    op.create_index(op.f("ix_concept_forwarding_target_id"), "concept_forwarding", ["target_id"])


def _owned(table: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(["concept_id"], ["concept.id"], name=op.f(f"fk_{table}_concept_id")),
    )


def _closed(values: tuple[str, ...], name: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
