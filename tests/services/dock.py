"""Where folders come in: imports as a clerk runs them, and what they leave."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select

from dms.base.actor import Actor, ActorKind, Source
from dms.base.clock import system_clock
from dms.jobs import imports as job
from dms.jobs.imports import Ground, Report, Wish
from dms.models.documents import Document
from dms.models.imports import ImportFinding, ImportLine, ImportRun
from dms.models.versions import Blob, BlobKey, ContentFile, Version
from dms.rules.imports import Duplicates
from dms.services.imports import ImportOrder, Outcome
from dms.stores.blobs import StoredDigest
from dms.stores.scratch import Scratch
from dms.stores.vault import SealedBlob
from dms.stores.work import session_of
from tests.recorded import events_of


@dataclass
class Imported:
    """What an import came to, with its remarks as (path, kind, reason)."""

    report: Report
    remarks: list[tuple[str, str, str]]

    @property
    def counts(self):
        """Counts of filed, new Versions, skipped, refused."""
        return tuple(self.report.outcomes[outcome] for outcome in Outcome)


@dataclass
class Dock:
    """Where folders come in: an Aggregation of a clerk, and a folder."""

    world: object
    clerk: UUID
    target: UUID
    code: str
    root: Path

    def put(self, path, content=b"x", *, day="2019-05-17"):
        """A file of the folder."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        noon = datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()
        os.utime(file, (noon, noon))
        return file

    def take_in(self, *, user=None, tell=None, is_stopped=None, vault=None, **wish):
        """Import the folder."""
        house = self.world.house
        who = Actor(ActorKind.USER, user or self.clerk, None, "import", Source(operator="porter"))
        ground = Ground(
            house.works,
            vault or house.vault,
            who,
            system_clock,
            tell=tell or (lambda *_: None),
            is_stopped=is_stopped or (lambda: False),
        )
        order = {name: wish.pop(name) for name in ("mark", "class_code") if name in wish}
        wanted = Wish(
            ImportOrder(self.code, str(self.root), **order),
            self.root,
            **{"duplicates": Duplicates.FILE, **wish},
        )
        with Scratch() as scratch:
            return Imported(job.run(ground, wanted, scratch=scratch), list(scratch.remarks()))

    def rows(self, model, *conditions):
        """Rows past the gate."""
        statement = select(model).where(*conditions)
        return self.world.build(lambda work: session_of(work).execute(statement).scalars().all())

    def documents(self):
        """The Documents of the target by the name they came with, which is there once."""
        rows = self.rows(Document, Document.aggregation_id == self.target)
        assert len({row.original_name for row in rows}) == len(rows)
        return {row.original_name: row for row in rows}

    def versions(self, document):
        """The Versions of a Document, oldest first, as (number, content)."""
        rows = self.rows(Version, Version.document_id == document.id)
        return [(row.number, self.content(row)) for row in sorted(rows, key=lambda row: row.number)]

    def body(self, version):
        """The file of a Version."""
        (row,) = self.rows(ContentFile, ContentFile.version_id == version.id)
        return row

    def content(self, version):
        """The bytes of a Version, out of the vault."""
        (blob,) = self.rows(Blob, Blob.id == self.body(version).blob_id)
        (key,) = self.rows(BlobKey, BlobKey.blob_id == blob.id)
        sealed = SealedBlob(
            blob.id,
            StoredDigest(blob.stored_digest),
            blob.stored_bytes,
            blob.plain_sha256,
            blob.plain_bytes,
            key.kek,
            key.wrapped,
        )
        vault = self.world.house.vault
        vault.verify(sealed)
        return b"".join(vault.read(sealed, start=0, length=blob.plain_bytes))

    def counted(self):
        """How many rows there are of all that an import writes."""
        models = (Document, Version, Blob, BlobKey, ContentFile, ImportLine, ImportRun, ImportFinding)
        return self.world.build(
            lambda work: [
                session_of(work).execute(select(func.count()).select_from(model)).scalar_one()
                for model in models
            ]
        )

    def events(self, user=None):
        """The events of imports, oldest first."""
        found = events_of(self.world.house, user or self.clerk)
        return [event for event in found if event["op"].startswith("import.")]
