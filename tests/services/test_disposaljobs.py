"""Lists of disposal carried out by the worker: bytes go too, and what is left agrees with the log."""

from __future__ import annotations

import pytest
from sqlalchemy import delete

from dms.base import errors
from dms.base.actor import system_actor
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.models.documents import Document
from dms.models.jobs import Job
from dms.models.renditions import Rendition
from dms.models.versions import Blob, Version
from dms.rules.access import Action
from dms.rules.jobs import JobState
from dms.rules.states import BatchState, DocumentState
from dms.services import disposalbatches, documents, integrity, versions
from dms.services.versions import NamedUpload
from dms.stores.work import session_of
from tests.services.disposing import Archive


@pytest.fixture(scope="module")
def archive(desk):
    return Archive(desk)


@pytest.fixture(scope="module")
def work_off(house):
    """Do all jobs that wait."""
    working = Working(Ground(house.works, house.vault, house.settings))

    def done():
        while working.look():
            pass

    yield done
    working.stop()


@pytest.fixture(autouse=True)
def no_jobs(house):
    with house.database.engine.begin() as connection:
        connection.execute(delete(Job))


def rows(desk, model, *conditions):
    return desk.world.build(lambda work: session_of(work).query(model).filter(*conditions).all())


def filed(desk, archive, work_off):
    """A declared Document whose content was read, so that it has Renditions."""
    clerk = desk.world.holder(archive.file, Action.FILE, Action.EDIT)
    document = archive.document(state=DocumentState.DRAFT)
    upload = NamedUpload(desk.upload(clerk, b"Dear Sir, a letter about nothing"), "letter.txt")
    desk.do(clerk, versions.add, document, expected_revision=1, upload=upload)
    desk.do(clerk, documents.declare, document, expected_revision=2)
    work_off()
    (version,) = rows(desk, Version, Version.document_id == document)
    assert rows(desk, Rendition, Rendition.version_id == version.id)
    return document


def faults(house):
    ground = integrity.Ground(
        house.works, house.vault, system_actor("check"), is_deep=True, tell=lambda *_: None
    )
    return {(f.code, f.subject) for part in integrity.examine(ground).parts for f in part.findings}


def test_worker_carries_a_list_out_and_what_is_left_agrees_with_the_log(desk, house, archive, work_off):
    document = filed(desk, archive, work_off)
    before = faults(house)
    stored = {blob.stored_digest for blob in rows(desk, Blob, Blob.document_id == document)}
    batch = archive.approved(document)
    archive.step(disposalbatches.execute, batch)

    work_off()

    assert archive.now(batch).state is BatchState.EXECUTED
    assert desk.look(Document, document).state is DocumentState.DESTROYED
    assert stored.isdisjoint({each.digest for each in house.vault.store.list()})
    assert {code for code, _ in faults(house) - before} == set()
    assert {job.state for job in rows(desk, Job)} == {JobState.DONE}


def test_list_whose_starter_lost_the_account_goes_on_when_somebody_else_starts_it(
    desk, house, archive, work_off
):
    gone = desk.world.officer(role="records_manager")
    batch = archive.approved(document := archive.document())
    archive.step(disposalbatches.execute, batch, gone)
    archive.disable(gone)

    work_off()

    assert archive.now(batch).state is BatchState.EXECUTING
    assert desk.look(Document, document).state is DocumentState.DECLARED
    archive.step(disposalbatches.execute, batch)
    with pytest.raises(errors.State, match="a job carries it out: look how far it is"):
        archive.step(disposalbatches.execute, batch)
    work_off()
    assert archive.now(batch).state is BatchState.EXECUTED
