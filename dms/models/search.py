"""What is found by its words: an entry for each Document and Aggregation, with what a search is filtered by.

The words themselves lie beside the filters on PostgreSQL, in two vectors, and in an FTS5 table of the
same numbers on SQLite.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import DDL, ForeignKey, Index, Text, UniqueConstraint, event
from sqlalchemy.dialects.postgresql import TSVECTOR
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import TypeDecorator, TypeEngine

from dms.models.types import Base, Id, SortKey, UtcTime, closed

WORDS = "search_words"
"""The FTS5 table, and the beginning of the names of those that it keeps for itself."""

VECTOR_INDEXES = ("ix_search_entry_head", "ix_search_entry_words")
"""Indexes of PostgreSQL alone; the second is of head and body as one."""

NOT_YET = 0
"""Version of the analyser of an entry whose words are still to be indexed."""


OLD_TEXT = 0
"""Number of no Version: the text of an entry is still found as an older analyser has read it."""


class Vector(TypeDecorator[str]):
    """Tokens with places as PostgreSQL keeps them, written as a literal; always null on SQLite."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the vector where there is one."""
        return dialect.type_descriptor(TSVECTOR() if dialect.name == "postgresql" else Text())


class SubjectKind(StrEnum):
    """What a search finds."""

    DOCUMENT = "document"
    AGGREGATION = "aggregation"


class SearchEntry(Base):
    """What a search must know of a thing; it follows the thing in the same transaction.

    Numbers rise with registration, so the newest come first by number. INVARIANT (search-scope):
    `scope_id` is that of the thing, or a search would show by another rule than a list.
    """

    __tablename__ = "search_entry"
    __table_args__ = (
        UniqueConstraint("subject"),
        Index("ix_search_entry_scope", "scope_id", "id"),
        Index("ix_search_entry_code_key", "code_key", "id"),
        Index("ix_search_entry_date_key", "date_key", "id"),
        Index("ix_search_entry_class", "record_class_id", "id"),
        Index("ix_search_entry_aggregation", "aggregation_id", "id"),
        Index("ix_search_entry_analyser", "analyser", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subject: Mapped[UUID] = mapped_column(Id)
    kind: Mapped[SubjectKind] = mapped_column(closed(SubjectKind, name="kind"))
    scope_id: Mapped[int] = mapped_column(ForeignKey("access_scope.id"))
    aggregation_id: Mapped[UUID | None] = mapped_column(Id)
    """Where it lies; of an Aggregation the one above."""
    record_class_id: Mapped[UUID | None] = mapped_column(Id)
    media_type: Mapped[str | None]
    """Of the newest Version's body."""
    language: Mapped[str | None]
    """Of the text that is indexed; null while nobody knows."""
    code_key: Mapped[str] = mapped_column(SortKey)
    date_key: Mapped[str] = mapped_column(SortKey)
    registered_at: Mapped[int] = mapped_column(UtcTime)
    text_version: Mapped[int | None]
    """Number of the Version whose text is indexed; null if only metadata are."""
    title_words: Mapped[int] = mapped_column(default=0)
    """How many words its title has."""
    is_cut: Mapped[bool] = mapped_column(default=False)
    """Some of the text is too long to be found."""
    analyser: Mapped[int] = mapped_column(default=NOT_YET)
    head: Mapped[str | None] = mapped_column(Vector)
    body: Mapped[str | None] = mapped_column(Vector)


MAKE_WORDS = (
    f"CREATE VIRTUAL TABLE {WORDS} USING fts5("
    "code, title, names, about, body, columnsize=0, tokenize=\"ascii tokenchars '_'\")"
)
"""Our tokens are whole: this tokenizer splits at ASCII signs only, and knows no Unicode of some year."""

JOINED = "search_words"
"""The function of PostgreSQL that makes one vector of head and body."""

MAKE_JOINED = (
    f"CREATE FUNCTION {JOINED}(head tsvector, body tsvector) RETURNS tsvector"
    " LANGUAGE plpgsql IMMUTABLE PARALLEL UNSAFE COST 1000 AS 'BEGIN RETURN head || body; END'"
)
"""It tells the planner what joining costs: to fetch a long text, unpack and copy it takes some 20 us.

As a bare `||` it is taken to cost nothing, and a search reads every entry rather than ask the index. That
it is called unsafe keeps the planner from starting processes, which takes longer than the search.
"""

MAKE_VECTOR_INDEXES = tuple(
    f"CREATE INDEX {name} ON search_entry USING gin ({what}) WITH (gin_pending_list_limit = 256)"
    for name, what in zip(VECTOR_INDEXES, ("head", f"{JOINED}(head, body)"), strict=True)
)
"""KiB of what is still to be sorted in: each search reads all of it, and the planner counts it as cost."""

for _dialect, _statements in {
    "sqlite": (MAKE_WORDS,),
    "postgresql": (MAKE_JOINED, *MAKE_VECTOR_INDEXES),
}.items():
    for _statement in _statements:
        _made: Any = DDL(_statement).execute_if(dialect=_dialect)  # type: ignore[no-untyped-call]  # SQLAlchemy's
        event.listen(SearchEntry.__table__, "after_create", _made)
