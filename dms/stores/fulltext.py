"""The index of search: entries and their words, written in the transaction of what they tell of.

It reads whole tables past the access gate, and shows nothing: what is found by it leaves through
`access.hits` alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import TypeAlias
from uuid import UUID

from sqlalchemy import Connection, bindparam, case, delete, exists, insert, select, update
from sqlalchemy import text as sql

from dms.base.errors import Busy
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.search import OLD_TEXT, SearchEntry, SubjectKind
from dms.rules import analyser, dates, layouts
from dms.rules.languages import UNDETERMINED
from dms.rules.layouts import Field, Laid
from dms.stores import fulltext_fts5, fulltext_postgresql, upkeep
from dms.stores.engine import Database
from dms.stores.records import is_a
from dms.stores.sets import in_ids
from dms.stores.work import Work, session_of

Row: TypeAlias = Document | Aggregation


_IN_WORDS = frozenset(
    {
        "reference_code",
        "title",
        "authors",
        "addressees",
        "description",
        "scope_and_content",
        "source_system",
        "original_name",
    }
)
"""Columns of things whose words are found. INVARIANT (open-words): whoever may read the metadata may read
each of them; a field that can be masked for some never joins them."""

_IN_ENTRY = frozenset(
    {"reference_code", "dates", "aggregation_id", "parent_id", "record_class_id", "security_id"}
)
"""Columns of things that their entries repeat, or that decide about their scope."""


@dataclass(frozen=True, slots=True)
class NewestVersion:
    """What an entry tells of the newest Version of a Document."""

    document_id: UUID
    number: int
    media_type: str


@dataclass(frozen=True, slots=True)
class Analysed:
    """A text as the index takes it in."""

    language: str
    body: Laid


def analysed(text: str) -> Analysed:
    """Analyse a text, before any transaction: a long one takes seconds, in which no other could write."""
    language = analyser.language_of(text)
    return Analysed(language, layouts.lay(Field.BODY, text, language=language))


def words_of(connection: Connection) -> ModuleType:
    """Return the module that keeps words on this database."""
    return fulltext_postgresql if connection.dialect.name == "postgresql" else fulltext_fts5


def enter(work: Work, rows: Sequence[Row]) -> None:
    """Enter new things and their words: they are found as soon as the operation has committed."""
    session = session_of(work)
    session.flush()
    enter_all(session.connection(), rows)


def follow(work: Work, row: Row, changed: Collection[str]) -> None:
    """Let the entry of a thing follow a change of these columns."""
    if _IN_WORDS.isdisjoint(changed) and _IN_ENTRY.isdisjoint(changed):
        return
    session = session_of(work)
    session.flush()
    connection = session.connection()
    statement = (
        update(SearchEntry)
        .where(SearchEntry.subject == row.id)
        .values(**_values(row))
        .returning(SearchEntry.id)
    )
    number = connection.execute(statement).scalar_one_or_none()
    if number is None:
        enter_all(connection, [row])
    elif not _IN_WORDS.isdisjoint(changed):
        words_of(connection).write_head(connection, number, _head(row))


def reclass(work: Work, rows: Sequence[Row], class_id: UUID) -> None:
    """Let the entries of things follow, which all have this class by now."""
    told = (
        session_of(work).connection().execute(_RECLASS, {"those": [row.id for row in rows], "to": class_id})
    )
    if told.rowcount < len(rows):
        for row in rows:
            follow(work, row, {"record_class_id"})


def renew(work: Work, versions: Sequence[NewestVersion]) -> None:
    """Tell Documents' newest Versions; the text of older ones is found no more."""
    if not versions:
        return
    connection = session_of(work).connection()
    connection.execute(_RENEW, [{"of": each.document_id, "newest": each.media_type} for each in versions])
    later = [each.document_id for each in versions if each.number > 1]
    if not later:
        return
    known = select(SearchEntry.id).where(
        in_ids(SearchEntry.subject, later), SearchEntry.text_version.is_not(None)
    )
    for number in connection.execute(known).scalars().all():
        words_of(connection).write_body(connection, number, None)
        connection.execute(_TELL_NOTHING, {"number": number})


def index_text(work: Work, document_id: UUID, *, version: int, text: Analysed) -> bool:
    """Let a Document be found by the text of its newest Version; False if that is another one by now.

    Its words show to who may read its content only.
    """
    session = session_of(work)
    session.flush()
    connection = session.connection()
    told = {"tongue": text.language, "cut": text.body.is_cut, "version": version}
    number = connection.execute(_TELL_NEWEST, {"of": document_id, **told}).scalar_one_or_none()
    if number is None:
        return False
    words_of(connection).write_body(connection, number, text.body)
    return True


def move(connection: Connection, ids: Collection[UUID], *, scope_id: int) -> None:
    """Let entries follow their things into another access scope."""
    connection.execute(_MOVE, {"moved": ids, "scope": scope_id})


def remove(work: Work, ids: Collection[UUID]) -> None:
    """Take things out of the index; `erase` then removes what their bytes still tell."""
    connection = session_of(work).connection()
    gone = delete(SearchEntry).where(in_ids(SearchEntry.subject, ids)).returning(SearchEntry.id)
    numbers = list(connection.execute(gone).scalars())
    if numbers:
        words_of(connection).forget(connection, numbers)


def erase(database: Database) -> None:
    """Leave no byte in the files of the database that tells a word which was taken out of the index.

    `Busy` while a reading goes on that may still see it. Copies that others keep (backups, replicas, archived
    logs) are not reached.
    """
    if not database.is_sqlite:
        with database.keeper.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            fulltext_postgresql.erase(connection)
        return
    with upkeep.writing(database) as connection:
        connection.execute(sql("INSERT INTO search_words (search_words) VALUES ('optimize')"))
    with database.writer_lock, contextlib.closing(database.keeper.raw_connection()) as raw:
        raw.cursor().execute("PRAGMA busy_timeout = 1000")
        checkpoint = raw.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
        is_busy = checkpoint.fetchone()[0]
    if is_busy:
        raise Busy("somebody reads what is to be erased: try again in a moment")


def enter_all(connection: Connection, rows: Sequence[Row]) -> None:
    """Enter things with their words; their entries' numbers rise in this order."""
    if not rows:
        return
    words = words_of(connection)
    heads = [_head(row) for row in rows]
    values = [
        {
            "subject": row.id,
            "registered_at": row.created_at,
            "is_cut": False,
            **_values(row),
            **words.columns(head),
        }
        for row, head in zip(rows, heads, strict=True)
    ]
    made = insert(SearchEntry).returning(SearchEntry.id, sort_by_parameter_order=True)
    numbers = connection.execute(made, values).scalars()
    words.write_new(connection, dict(zip(numbers, heads, strict=True)))


def write_again(connection: Connection, row: Row, number: int) -> None:
    """Write what an entry tells of a thing, and the words of its metadata, whatever was there.

    Its text stays as it is, and is told to be old, so that `texts.unindexed` names it.
    """
    old = case((SearchEntry.text_version.is_not(None), OLD_TEXT))
    told = update(SearchEntry).where(SearchEntry.id == number).values(text_version=old, **_values(row))
    connection.execute(told)
    words_of(connection).write_head(connection, number, _head(row))


def _values(row: Row) -> dict[str, object]:
    return {
        "kind": SubjectKind.DOCUMENT if is_a(row, Document) else SubjectKind.AGGREGATION,
        "scope_id": row.scope_id,
        "aggregation_id": row.aggregation_id if is_a(row, Document) else row.parent_id,
        "record_class_id": row.record_class_id,
        "code_key": row.code_key,
        "date_key": dates.sort_key(row.first_day),
        "title_words": layouts.length(row.title),
        "analyser": analyser.VERSION,
    }


def _head(row: Row) -> list[Laid]:
    said: dict[Field, tuple[str | None, ...]] = {
        Field.CODE: (row.reference_code,),
        Field.TITLE: (row.title,),
        Field.NAMES: (),
        Field.ABOUT: (),
    }
    if is_a(row, Document):
        said[Field.NAMES] = (row.authors, row.addressees)
        said[Field.ABOUT] = (row.description, row.original_name, row.source_system)
    else:
        said[Field.ABOUT] = (row.scope_and_content,)
    # Too short to tell their language: they are found by stems of all.
    return [
        layouts.lay(field, "\n".join(filter(None, parts)), language=UNDETERMINED)
        for field, parts in said.items()
    ]


# Built once: building such a statement costs several times what running it costs.
_MOVE = update(SearchEntry).where(in_ids(SearchEntry.subject, "moved")).values(scope_id=bindparam("scope"))
_RECLASS = (
    update(SearchEntry)
    .where(in_ids(SearchEntry.subject, "those"))
    .values(record_class_id=bindparam("to", type_=SearchEntry.record_class_id.type))
)
_RENEW = (
    update(SearchEntry).where(SearchEntry.subject == bindparam("of")).values(media_type=bindparam("newest"))
)
_TELL_NEWEST = (
    update(SearchEntry)
    .where(
        SearchEntry.subject == bindparam("of"),
        exists().where(Document.id == bindparam("of"), Document.current_version == bindparam("version")),
    )
    .values(text_version=bindparam("version"), language=bindparam("tongue"), is_cut=bindparam("cut"))
    .returning(SearchEntry.id)
)
_TELL_NOTHING = (
    update(SearchEntry)
    .where(SearchEntry.id == bindparam("number"))
    .values(text_version=None, language=None, is_cut=False)
)
