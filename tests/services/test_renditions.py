"""What the system makes of contents: read once, kept sealed, refused with a reason, seen by who may."""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass, replace
from functools import partial

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from dms.base.actor import system_actor
from dms.base.clock import DAY
from dms.base.errors import Forbidden, NotFound
from dms.jobs import contentreading
from dms.jobs.holding import Ground
from dms.jobs.working import Working
from dms.models.jobs import Job
from dms.models.preservation import PreservationEvent
from dms.models.renditions import BlobStep, Rendition
from dms.models.versions import Blob, BlobKey, ContentFile, VerifyState
from dms.rules.access import Action
from dms.rules.jobs import ENDED_BADLY, JobState
from dms.rules.renditions import RenditionKind, Step, StepOutcome
from dms.services import renditions, versions
from dms.services.versions import NamedUpload
from dms.stores import jobs
from dms.stores.renditions import read_text
from tests import factories
from tests.recorded import last_of

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


CATCH_UP = partial(renditions.catch_up, has_ocr=False)


def packed(**parts):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
    return made.getvalue()


def docx(text):
    body = f'<w:document xmlns:w="w"><w:p><w:r><w:t>{text}</w:t></w:r></w:p></w:document>'
    return packed(**{"word/document.xml": body})


@pytest.fixture(scope="module")
def room(world):
    """An Aggregation with somebody who may work in it."""
    node = world.aggregation()
    clerk = world.user()
    for action in (Action.READ_CONTENT, Action.EDIT, Action.FILE):
        world.entry(clerk, node, action)
    return node, clerk


@pytest.fixture
def put(desk, world, room):
    """File a content as the next Version of a Document; returns its id."""
    node, clerk = room
    documents = {}

    def filed(plain, name="letter", *, media_type="text/plain", of="new"):
        document = documents.get(of) or world.document(node)
        documents[of] = document
        upload = NamedUpload(desk.upload(clerk, plain, media_type=media_type), name)
        revision = desk.look(factories.Document, document).revision
        return desk.do(clerk, versions.add, document, expected_revision=revision, upload=upload)

    return filed


@pytest.fixture(scope="module")
def work(house):
    """Do all jobs that wait, one worker for all tests."""
    working = Working(Ground(house.works, house.vault, house.settings))

    def done():
        taken = 0
        while some := working.look():
            taken += some
        return taken

    yield done
    working.stop()


def rows(house, model, *conditions):
    with Session(house.database.engine) as session:
        return list(session.execute(select(model).where(*conditions)).scalars())


def renditions_of(house, version_id):
    return {row.kind: row for row in rows(house, Rendition, Rendition.version_id == version_id)}


def text_of(house, version_id):
    blob = house.works.read(system_actor("t"), partial(renditions.text_of, version_id=version_id))
    return None if blob is None else read_text(house.vault, blob)


def steps_of(desk, clerk, version_id):
    def seen(work):
        versions.find(work, version_id)
        return renditions.readings(work, [version_id])[version_id]

    return {row.step: (row.outcome, row.reason) for row in desk.see(clerk, seen).steps}


def test_new_content_is_read_and_its_text_kept_sealed(house, desk, room, put, work):
    version = put(docx("Harbour dues"), "dues.docx", media_type=DOCX)
    assert work() == 2  # it is indexed too

    assert text_of(house, version) == "Harbour dues\n"
    made = renditions_of(house, version)
    assert made.keys() == {RenditionKind.TEXT}
    assert (made[RenditionKind.TEXT].media_type, made[RenditionKind.TEXT].is_cut) == ("text/plain", False)
    assert steps_of(desk, room[1], version)[Step.TEXT] == (StepOutcome.DONE, None)
    (blob,) = rows(house, Blob, Blob.id == made[RenditionKind.TEXT].blob_id)
    stored = house.settings.blob_root / blob.stored_digest[:2] / blob.stored_digest
    assert b"Harbour" not in stored.read_bytes()


def test_plain_text_is_its_own_text_and_kept_once(house, put, work):
    version = put(b"Dear Sir")
    work()

    made = renditions_of(house, version)[RenditionKind.TEXT]

    assert text_of(house, version) == "Dear Sir"
    assert made.sha256 == rows(house, Blob, Blob.id == made.blob_id)[0].plain_sha256


def test_same_content_of_a_later_version_is_not_read_again(house, put, work):
    content = docx("Again")
    first = put(content, media_type=DOCX, of="same")
    work()
    second = put(content, media_type=DOCX, of="same")
    before = len(rows(house, BlobStep))
    work()

    found = [renditions_of(house, each)[RenditionKind.TEXT] for each in (first, second)]
    assert found[0].blob_id == found[1].blob_id
    assert len(rows(house, BlobStep)) == before


def test_each_step_is_an_event_of_the_documents_history(house, desk, put, work):
    version = put(docx("History"), media_type=DOCX)
    work()

    document = rows(house, versions.Version, versions.Version.id == version)[0].document_id
    found = rows(house, PreservationEvent, PreservationEvent.document_id == document)

    told = {(row.kind.value, row.outcome.value) for row in found}
    assert told == {
        ("format_identification", "passed"),
        ("text_extraction", "passed"),
        ("rendering", "passed"),
    }


@dataclass(frozen=True)
class State:
    """What became of a content."""

    steps: dict
    kinds: set
    jobs: set


@pytest.fixture
def state(house, desk, room, put, work):
    """File a content, and tell what becomes of it."""

    def found(plain, media_type):
        version = put(plain, media_type=media_type)
        work()
        jobs = {row.state for row in rows(house, Job)}
        return State(steps_of(desk, room[1], version), set(renditions_of(house, version)), jobs)

    return found


@pytest.mark.parametrize(
    ("plain", "media_type", "step", "expected"),
    [
        (b"%PDF-1.4 not really", "application/pdf", Step.TEXT, (StepOutcome.REFUSED, "damaged")),
        (b"PK\x03\x04 torn", DOCX, Step.TEXT, (StepOutcome.REFUSED, "damaged")),
        (b"\xd0\xcf\x11\xe0 sealed", DOCX, Step.TEXT, (StepOutcome.REFUSED, "encrypted")),
        (b"", "text/plain", Step.TEXT, (StepOutcome.NOTHING, "no_text")),
        (b"\x89PNG\r\n\x1a\n torn", "image/png", Step.THUMBNAIL, (StepOutcome.REFUSED, "damaged")),
        (b"\x00\x01\x02", "application/octet-stream", Step.TEXT, (StepOutcome.NOTHING, "unsupported")),
    ],
    ids=["broken pdf", "torn archive", "encrypted", "empty", "broken picture", "unknown"],
)
def test_content_that_cannot_be_read_ends_in_a_clear_state(state, plain, media_type, step, expected):
    found = state(plain, media_type)

    assert found.steps[step] == expected
    assert RenditionKind.TEXT not in found.kinds
    assert found.jobs == {JobState.DONE}


def test_archive_bomb_is_refused_by_the_bytes_that_come_out(state):
    body = b'<w:document xmlns:w="w"><w:t>' + b"a" * (40 << 20) + b"</w:t></w:document>"
    found = state(packed(**{"word/document.xml": body}), DOCX)

    assert found.steps[Step.TEXT] == (StepOutcome.REFUSED, "bomb")


def test_content_too_large_for_memory_is_told_by_its_format_alone(state):
    found = state(bytes(257 << 20), "application/octet-stream")

    assert found.steps == {
        Step.IDENTIFY: (StepOutcome.NOTHING, "unknown_format"),
        Step.TEXT: (StepOutcome.REFUSED, "too_large"),
        Step.THUMBNAIL: (StepOutcome.REFUSED, "too_large"),
    }
    assert found.jobs == {JobState.DONE}


def test_entities_are_not_expanded(state):
    body = '<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><d><t>&b;</t></d>'
    found = state(packed(**{"word/document.xml": body}), DOCX)

    assert found.steps[Step.TEXT] == (StepOutcome.REFUSED, "bomb")


def test_what_was_there_before_the_reader_is_caught_up(house, put, work):
    version = put(b"Older than the reader")
    with house.database.engine.begin() as connection:
        connection.execute(delete(Job).where(Job.state == JobState.QUEUED))

    assert house.works.write(system_actor("t"), CATCH_UP) == 1
    work()

    assert text_of(house, version) == "Older than the reader"
    assert house.works.write(system_actor("t"), CATCH_UP) == 0


@pytest.mark.parametrize("state", [VerifyState.DAMAGED, VerifyState.MISSING])
def test_content_that_is_known_to_be_unsound_is_not_queued_again_and_again(house, put, work, state):
    work()
    version = put(f"Rotten: {state}".encode())
    with house.database.engine.begin() as connection:
        connection.execute(delete(Job).where(Job.state == JobState.QUEUED))
        newest = select(ContentFile.blob_id).where(ContentFile.version_id == version).scalar_subquery()
        tell = update(Blob).where(Blob.id == newest)
        connection.execute(tell.values(verify_state=state))

    assert house.works.write(system_actor("t"), CATCH_UP) == 0

    with house.database.engine.begin() as connection:
        connection.execute(tell.values(verify_state=VerifyState.SOUND))
    assert house.works.write(system_actor("t"), CATCH_UP) == 1
    work()


@pytest.fixture
def forgotten(house):
    """Lets go of jobs that ended badly, which other tests would take for their own."""
    yield
    with house.database.engine.begin() as connection:
        connection.execute(delete(Job).where(Job.state.in_(ENDED_BADLY)))


@pytest.mark.usefixtures("forgotten")
@pytest.mark.parametrize("state", [VerifyState.DAMAGED, VerifyState.MISSING])
def test_content_found_unsound_by_its_reader_is_told_and_rests(house, put, work, state, caplog):
    version = put(f"Found rotten: {state}".encode())
    (blob,) = rows(house, Blob, Blob.id == body_of(house, version))
    stored = house.settings.blob_root / blob.stored_digest[:2] / blob.stored_digest
    kept = stored.read_bytes()
    stored.unlink()
    if state is VerifyState.DAMAGED:
        stored.write_bytes(kept[:-1] + bytes([kept[-1] ^ 1]))

    work()

    (blob,) = rows(house, Blob, Blob.id == blob.id)
    (event,) = rows(house, PreservationEvent, PreservationEvent.blob_id == blob.id)
    assert (blob.verify_state, event.outcome, event.note) == (state, "failed", f"content_{state}")
    assert f"content_{state}" in [record.getMessage() for record in caplog.records]
    assert house.works.write(system_actor("t"), CATCH_UP) == 0


@pytest.mark.usefixtures("forgotten")
def test_content_whose_reading_was_given_up_rests_a_week(house, put, work):
    version = put(b"Nobody can read this")
    with house.database.engine.begin() as connection:
        mine = update(Job).where(Job.dedupe_key == f"content.read:{version.hex}")
        given_up = {"state": JobState.DEAD, "ended_at": house.works.clock(), "error_code": "INTERNAL"}
        connection.execute(mine.values(given_up))

    assert house.works.write(system_actor("t"), CATCH_UP) == 0

    with house.database.engine.begin() as connection:
        connection.execute(mine.values(ended_at=Job.ended_at - 8 * DAY))
    assert house.works.write(system_actor("t"), CATCH_UP) == 1
    work()


def body_of(house, version_id):
    (file,) = rows(house, ContentFile, ContentFile.version_id == version_id)
    return file.blob_id


def test_what_an_older_reader_made_is_shredded_once_nothing_names_it(house, put, work, monkeypatch):
    content = docx("Read anew")
    read = contentreading._read

    def badly(held, step, content, source):
        found = read(held, step, content, source)
        return replace(found, body=b"read badly") if step is Step.TEXT else found

    with monkeypatch.context() as patched:
        patched.setattr(contentreading, "_read", badly)
        first, second = (put(content, media_type=DOCX, of="read anew") for _ in range(2))
        work()
    (old,) = {renditions_of(house, each)[RenditionKind.TEXT].blob_id for each in (first, second)}
    with house.database.engine.begin() as connection:
        bodies = select(ContentFile.blob_id).where(ContentFile.version_id.in_([first, second]))
        connection.execute(update(BlobStep).where(BlobStep.blob_id.in_(bodies)).values(reader=0))

    left = []
    for version in (first, second):
        orders = [versions.reading(version, priority=50)]
        house.works.write(system_actor("t"), partial(jobs.queue, orders=orders))
        work()
        assert text_of(house, version) == "Read anew\n"
        left.append([len(rows(house, model, key == old)) for model, key in ROWS_OF_A_BLOB])

    assert left == [[1, 1], [0, 0]]


ROWS_OF_A_BLOB = ((Blob, Blob.id), (BlobKey, BlobKey.blob_id))


def test_rendition_is_read_by_who_may_read_the_content_and_nobody_else(desk, world, room, put, work):
    house = desk.house
    version = put(docx("Secret"), "plan.docx", media_type=DOCX)
    work()
    rendition = renditions_of(house, version)[RenditionKind.TEXT]
    describer = world.user()
    world.entry(describer, room[0], Action.READ_METADATA)

    found = desk.see(room[1], renditions.content, rendition.id)

    assert (found.version.file_name, found.version.media_type) == ("plan.docx.txt", "text/plain")
    assert found.version.sha256 == rendition.sha256
    assert last_of(house, room[1])["op"] == "content.download"
    for stranger in (describer, world.user()):
        with pytest.raises(NotFound):
            desk.see(stranger, renditions.content, rendition.id)


def test_reading_by_the_system_is_on_record_and_for_the_system_alone(house, desk, room, put, work):
    version = put(b"On record")
    work()

    with pytest.raises(Forbidden, match="only the system reads contents for itself"):
        desk.see(room[1], renditions.source, version)
    with house.database.engine.connect() as connection:
        bodies = connection.exec_driver_sql(
            "SELECT body FROM access_event ORDER BY at DESC LIMIT 12"
        ).scalars()
        said = [bytes(body) for body in bodies]
    assert any(b"content.read" in body and version.hex.encode() in body for body in said)
    assert any(b"rendition.make" in body for body in said)
