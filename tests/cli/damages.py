"""An installation, and every kind of damage that `dms check` must find in it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, contextmanager
from functools import partial
from uuid import UUID

import psycopg
from sqlalchemy import event, select

from dms.base.actor import system_actor
from dms.base.clock import SECOND, system_clock
from dms.base.ids import new_id
from dms.models.documents import Document, Medium
from dms.models.scopes import AccessScope
from dms.models.search import SearchEntry
from dms.models.security import SecurityChange
from dms.models.versions import ContentFile, Version
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.eventseals import leaf_hash
from dms.services import accesslists, documents, integrity, uploads, versions
from dms.services.accesslists import EntryDraft
from dms.services.documents import NewDocument
from dms.services.integrity import Ground
from dms.services.uploads import Allowance, Content
from dms.services.versions import NamedContent, NamedUpload
from dms.stores import upkeep
from dms.stores.work import session_of
from tests.factories import World, actor
from tests.logged import logged

ALLOWANCE = Allowance(quota_bytes=1_000_000, quota_count=1_000, expiry_s=3_600)


class Recorded(World):
    """Builds things as if services had: the event names what it writes."""

    def build(self, body):
        def noted(work):
            ids = []

            def keep(session, _context):
                ids.extend(row.id for row in session.new if isinstance(getattr(row, "id", None), UUID))

            event.listen(session_of(work), "after_flush", keep)
            made = body(work)
            work.flush()
            for row_id in ids:
                work.changed(row_id, before=None, after=1, old={}, new={})
            return made

        return super().build(noted)


class Town:
    """An installation with a few Documents that went through the services."""

    def __init__(self, settings, house):
        self.settings = settings
        self.house = house
        self.world = Recorded(house)
        self.officer = self.world.officer("olga")
        self.clerk = self.world.user("carl", rank=400)
        self.file = self.world.aggregation()
        for action in (Action.FILE, Action.EDIT, Action.MARK):
            self.world.entry(self.clerk, self.file, action)

    def sealed(self, content):
        with self.house.vault.writer(new_id(), expected_bytes=len(content)) as writer:
            writer.write(content)
            blob = writer.finish()
        return Content(blob, self.house.vault.store.name, "text/plain", None)

    def document(self, *contents):
        """A Document with these Versions; returns it with their Blobs."""
        sealed = [self.sealed(content) for content in contents]

        made = self.register(*sealed)
        for number, content in enumerate(sealed[1:], start=1):
            self.upload(content, then=partial(self._add, made, number))
        return made, [content.blob for content in sealed]

    def _draft(self, sealed):
        first = NamedContent(sealed[0], "a.txt") if sealed else None
        return NewDocument(aggregation_id=self.file, title="Minutes", medium=Medium.DIGITAL, content=first)

    def _add(self, document, revision, work, upload_id):
        upload = NamedUpload(upload_id, "a.txt")
        versions.add(work, document, expected_revision=revision, upload=upload)

    def register(self, *sealed):
        """A Document with the first of these contents, which were sealed before."""
        draft = self._draft(sealed)
        return self.house.works.write(actor(self.clerk), lambda work: documents.register(work, draft))

    def receive(self, work, content):
        return uploads.receive(work, new_id(), content, allowance=ALLOWANCE)

    def upload(self, content, *, then=None):
        upload_id = new_id()

        def body(work):
            row = uploads.receive(work, upload_id, content, allowance=ALLOWANCE)
            if then is not None:
                then(work, upload_id)
            return row.id

        return self.house.works.write(actor(self.clerk), body)

    def grant(self, action):
        draft = EntryDraft(
            principal_id=self.clerk,
            node_kind=NodeKind.AGGREGATION,
            node_id=self.file,
            action=action,
            effect=Effect.ALLOW,
            valid_from=None,
            valid_until=None,
            reason="loans",
        )
        return self.house.works.write(
            actor(self.officer), lambda work: accesslists.grant(work, draft), locks=("policy_head",)
        )

    def path(self, blob):
        return self.settings.blob_root / blob.stored_digest[:2] / blob.stored_digest

    def checked(self, *, deep=False, tell=lambda *_: None):
        ground = Ground(self.house.works, self.house.vault, system_actor("check"), is_deep=deep, tell=tell)
        return integrity.examine(ground)

    def event_of(self, made):
        """The event that says who made a thing."""
        (event,) = [
            event
            for event in logged(self.house.database)
            if made.hex in {change[0] for change in event.fields["changed"]}
        ]
        return event

    def row_of(self, statement):
        with upkeep.reading(self.house.database) as connection:
            return connection.execute(statement).scalar_one()

    def key(self, value):
        """An id as the driver of this database takes it."""
        return value.bytes if self.settings.is_sqlite else value


@contextmanager
def behind_the_back(settings):
    """Execute statements that no program of ours would: triggers sleep, foreign keys too."""
    if settings.is_sqlite:
        with closing(sqlite3.connect(settings.sqlite_path, isolation_level=None)) as connection:
            triggers = connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'")
            for (name,) in triggers.fetchall():
                connection.execute(f"DROP TRIGGER {name}")
            yield lambda text, *values: connection.execute(text, values)
    else:
        with psycopg.connect(settings.database_url, autocommit=True) as connection:
            for table in ("access_event", "access_event_detail"):
                connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
            connection.execute("SET session_replication_role = replica")
            yield lambda text, *values: connection.execute(text.replace("?", "%s"), values)


DAMAGES = {}


def damage(prepare):
    DAMAGES[prepare.__name__] = prepare
    return prepare


def file_act(act):
    return lambda _execute: act()


def overwrite(path, content):
    path.chmod(0o600)
    path.write_bytes(content)


@damage
def stored_bytes_gone(town):
    _, (blob,) = town.document(b"gone")
    return {("content_missing", f"blob:{blob.blob_id}")}, file_act(town.path(blob).unlink)


@damage
def entry_of_search_in_another_scope(town):
    document, _ = town.document()

    def act(execute):
        with upkeep.reading(town.house.database) as connection:
            own = connection.execute(select(Document.scope_id).where(Document.id == document)).scalar_one()
            other = select(AccessScope.id).where(AccessScope.id != own).limit(1)
            scope = connection.execute(other).scalar_one()
            number = connection.execute(select(SearchEntry.id).where(SearchEntry.subject == document))
            entry = number.scalar_one()
        execute(f"UPDATE search_entry SET scope_id = {scope} WHERE id = {entry}")

    return {("search_scope", f"thing:{document}")}, act


@damage
def outcome_that_does_not_follow(town):
    document, _ = town.document()

    def act(execute):
        execute("UPDATE retention_outcome SET detail = 'other' WHERE id = ?", town.key(document))

    return {("retention_outcome", f"thing:{document}")}, act


@damage
def stored_bytes_changed(town):
    _, (blob,) = town.document(b"changed")
    path = town.path(blob)
    changed = bytes([path.read_bytes()[0] ^ 1]) + path.read_bytes()[1:]
    return {("content_damaged", f"blob:{blob.blob_id}")}, file_act(lambda: overwrite(path, changed))


@damage
def stored_bytes_cut(town):
    _, (blob,) = town.document(b"cut")
    path = town.path(blob)
    return {("content_damaged", f"blob:{blob.blob_id}")}, file_act(
        lambda: overwrite(path, path.read_bytes()[:-1])
    )


@damage
def key_row_gone(town):
    _, (blob,) = town.document(b"key gone")

    def act(execute):
        execute("DELETE FROM blob_key WHERE blob_id = ?", town.key(blob.blob_id))

    return {("content_key", f"blob:{blob.blob_id}")}, act


@damage
def key_row_changed(town):
    _, (blob,) = town.document(b"key changed")

    def act(execute):
        execute("UPDATE blob_key SET wrapped = ? WHERE blob_id = ?", b"\0" * 40, town.key(blob.blob_id))

    return {("content_key", f"blob:{blob.blob_id}")}, act


@damage
def uploaded_bytes_gone(town):
    content = town.sealed(b"waiting")
    upload = town.upload(content)
    return {("content_missing", f"upload:{upload}")}, file_act(town.path(content.blob).unlink)


@damage
def file_of_another_size(town):
    _, (blob,) = town.document(b"size")

    def act(execute):
        execute("UPDATE content_file SET size_bytes = 1 WHERE blob_id = ?", town.key(blob.blob_id))

    file = town.row_of(select(ContentFile.id).where(ContentFile.blob_id == blob.blob_id))
    return {("file_unlike_blob", f"file:{file}")}, act


@damage
def file_of_a_version_gone(town):
    document, (blob,) = town.document(b"no file")
    version = town.row_of(select(Version.id).where(Version.document_id == document))

    def act(execute):
        execute("DELETE FROM content_file WHERE blob_id = ?", town.key(blob.blob_id))

    return {("blob_unused", f"blob:{blob.blob_id}"), ("version_empty", f"version:{version}")}, act


@damage
def current_version_wrong(town):
    document, _ = town.document(b"one", b"two")

    def act(execute):
        execute("UPDATE document SET current_version = 1 WHERE id = ?", town.key(document))

    return {("current_version", f"document:{document}")}, act


@damage
def version_numbers_with_a_gap(town):
    document, _ = town.document(b"first", b"second")

    def act(execute):
        key = town.key(document)
        execute("UPDATE version SET number = 3 WHERE document_id = ? AND number = 2", key)
        execute("UPDATE document SET current_version = 3 WHERE id = ?", key)

    return {("version_gap", f"document:{document}")}, act


@damage
def made_without_event(town):
    document, _ = town.document()

    def act(execute):
        execute("UPDATE document SET created_at = created_at - 1 WHERE id = ?", town.key(document))

    return {("made_without_event", f"document:{document}")}, act


@damage
def file_made_without_event(town):
    aggregation = town.world.aggregation()

    def act(execute):
        execute("UPDATE aggregation SET created_at = created_at + 1 WHERE id = ?", town.key(aggregation))

    return {("made_without_event", f"aggregation:{aggregation}")}, act


@damage
def entry_given_without_event(town):
    entry = town.grant(Action.DISPOSE)

    def act(execute):
        execute("UPDATE policy_revision SET at = at + 1 WHERE id = ?", entry.revision_from)

    return {("line_without_event", f"access_entry:{entry.id}")}, act


@damage
def changed_thing_gone(town):
    compartment = town.world.compartment()
    event_of_it = town.event_of(compartment)

    def act(execute):
        execute("DELETE FROM compartment WHERE id = ?", town.key(compartment))

    return {("changed_thing_gone", f"event:{event_of_it.id}")}, act


@damage
def policy_revision_without_event(town):
    entry = town.grant(Action.LEND)

    def act(execute):
        key = town.key(new_id())
        execute("UPDATE policy_revision SET event_id = ? WHERE id = ?", key, entry.revision_from)

    return {("revision_without_event", f"revision:{entry.revision_from}")}, act


@damage
def policy_revision_gone(town):
    entry = town.grant(Action.EXPORT)
    follower = town.grant(Action.HOLD)

    def act(execute):
        execute("DELETE FROM policy_revision WHERE id = ?", entry.revision_from)

    assert follower.revision_from == entry.revision_from + 1
    return {
        ("revision_gap", f"revision:{follower.revision_from}"),
        ("line_without_revision", f"access_entry:{entry.id}"),
    }, act


@damage
def newest_policy_revision_gone(town):
    def act(execute):
        execute("UPDATE policy_head SET revision = revision + 7")
        (head,) = execute("SELECT revision FROM policy_head").fetchone()
        subjects.add(("revision_gap", f"revision:{head}"))

    subjects = set()
    return subjects, act


@damage
def history_without_event(town):
    event, document = new_id(), new_id()

    def act(execute):
        execute(
            "INSERT INTO placement_history (object_id, security_id, valid_from, valid_until, event_id) "
            "VALUES (?, 1, 0, 1, ?)",
            town.key(document),
            town.key(event),
        )

    return {("change_without_event", f"placement_history:{event}")}, act


@damage
def event_body_changed(town):
    event = town.event_of(town.document()[0])
    body = event.body.replace(b'"op":"document.register"', b'"op":"document.refile"')

    def act(execute):
        execute("UPDATE access_event SET body = ? WHERE event_id = ?", body, town.key(event.id))

    assert body != event.body
    return {("event_body", f"event:{event.id}")}, act


@damage
def event_body_replaced_with_its_hash(town):
    event = town.event_of(town.document()[0])
    body = b'{"v":1}'

    def act(execute):
        text = "UPDATE access_event SET body = ?, leaf_hash = ? WHERE event_id = ?"
        execute(text, body, bytes.fromhex(leaf_hash(body)), town.key(event.id))

    (changed,) = [UUID(change[0]) for change in event.fields["changed"]]
    mark = town.row_of(select(SecurityChange.id).where(SecurityChange.object_id == changed))
    return {
        ("event_body", f"event:{event.id}"),
        ("made_without_event", f"document:{changed}"),
        ("line_without_event", f"security_change:{mark}"),
    }, act


@damage
def event_column_changed(town):
    event = town.event_of(town.document()[0])

    def act(execute):
        execute("UPDATE access_event SET op = 'document.read' WHERE event_id = ?", town.key(event.id))

    return {("event_columns", f"event:{event.id}")}, act


@damage
def event_detail_changed(town):
    event = town.event_of(town.document()[0])

    def act(execute):
        execute("UPDATE access_event_detail SET detail = ? WHERE event_id = ?", b"{}", town.key(event.id))

    return {("event_detail", f"event:{event.id}")}, act


@damage
def second_repository(town):
    def act(execute):
        text = "INSERT INTO repository (id, name, created_at) VALUES (?, 'second', 0)"
        execute(text, town.key(new_id()))

    return {("repository_count", "repository")}, act


@damage
def other_policy_files_in_force(_town):
    def act(execute):
        execute("UPDATE policy_head SET files_sha256 = ?", b"\0" * 32)

    return {("policy_not_in_force", "policy")}, act


@damage
def bytes_that_nothing_names(town):
    def act(_execute):
        blob = town.sealed(b"orphan").blob
        os.utime(town.path(blob), (system_clock() // SECOND - 7_300,) * 2)
        subjects.add(("content_unnamed", f"bytes:{blob.stored_digest}"))

    subjects = set()
    return subjects, act


@damage
def staged_by_a_dead_writer(town):
    def act(_execute):
        (town.settings.blob_root / "staging" / "dead").write_bytes(b"left over")

    return {("staged_leftover", "staged:dead")}, act


@damage
def other_content_than_the_rows_say(town):
    _, (blob,) = town.document(b"other content")

    def act(execute):
        for table, column in (("blob", "id"), ("content_file", "blob_id")):
            name = "plain_sha256" if table == "blob" else "sha256"
            execute(f"UPDATE {table} SET {name} = ? WHERE {column} = ?", b"\1" * 32, town.key(blob.blob_id))

    return {("content_damaged", f"blob:{blob.blob_id}")}, act


ONLY_DEEP = "other_content_than_the_rows_say"
