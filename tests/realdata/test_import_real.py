"""Folders of the real world taken in: every file is answered for, none lost, none changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import select

from dms.base.actor import Actor, ActorKind
from dms.base.clock import system_clock
from dms.jobs import imports as job
from dms.jobs.imports import Ground, Wish
from dms.models.documents import Document
from dms.models.imports import ImportLine, RunEnding
from dms.models.versions import Blob, BlobKey
from dms.rules.access import Action
from dms.rules.imports import Duplicates, shown
from dms.services.imports import ImportOrder, Outcome
from dms.stores.scratch import Scratch
from dms.stores.vault import SealedBlob

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"

FOLDERS = ["documents", "format-id", "damaged"]


@dataclass
class Taken:
    """What an import of a real folder came to."""

    counts: dict[Outcome, int]
    ending: RunEnding
    remarks: list[tuple[str, str, str]]


def take_in(house, clerk, code, root):
    actor = Actor(ActorKind.USER, clerk)
    ground = Ground(
        house.works, house.vault, actor, system_clock, tell=lambda *_: None, is_stopped=lambda: False
    )
    wish = Wish(ImportOrder(code, str(root)), root, Duplicates.FILE)
    with Scratch() as scratch:
        report = job.run(ground, wish, scratch=scratch)
        counts = {outcome: report.outcomes[outcome] for outcome in Outcome}
        return Taken(counts, report.ending, list(scratch.remarks()))


def digests_of(root):
    """The SHA-256 of each file by its path."""
    paths = [path for path in root.rglob("*") if path.is_file()]
    return {
        shown(bytes(path.relative_to(root))): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths
    }


def filed(house, target):
    """The digests of what was filed by the names it came with, each recomputed from the opened seal."""
    statement = (
        select(Document.original_name, Blob, BlobKey)
        .join(ImportLine, ImportLine.document_id == Document.id)
        .join(Blob, Blob.document_id == Document.id)
        .join(BlobKey, BlobKey.blob_id == Blob.id)
        .where(Document.aggregation_id == target)
    )
    with house.database.engine.connect() as connection:
        rows = connection.execute(statement).all()
    found = {}
    for row in rows:
        sealed = SealedBlob(
            row.id,
            row.stored_digest,
            row.stored_bytes,
            row.plain_sha256,
            row.plain_bytes,
            row.kek,
            row.wrapped,
        )
        house.vault.verify(sealed)
        found[row.original_name] = row.plain_sha256
    assert len(found) == len(rows)
    return found


@pytest.mark.parametrize("name", FOLDERS)
def test_every_real_file_is_filed_with_its_bytes_and_once(house, world, name):
    root = DATA / name
    if not root.is_dir():
        pytest.skip(f"`{root}` is absent: the files of the real world are not part of the repository")
    clerk = world.user()
    code = f"R{clerk.hex}"
    target = world.aggregation(reference_code=code)
    for action in (Action.FILE, Action.EDIT):
        world.entry(clerk, target, action)
    files = digests_of(root)

    first = take_in(house, clerk, code, root)
    again = take_in(house, clerk, code, root)

    assert len(files) > 0
    assert (first.ending, again.ending) == (RunEnding.COMPLETE, RunEnding.COMPLETE)
    assert first.counts == {**dict.fromkeys(Outcome, 0), Outcome.FILED: len(files)}
    assert again.counts == {**dict.fromkeys(Outcome, 0), Outcome.SKIPPED: len(files)}
    assert filed(house, target) == files
