"""Scans: what waits for OCR, what becomes of it, and that a text tells by what it was read."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dms.base.actor import system_actor
from dms.jobs import handlers
from dms.jobs.blobkeeping import KEEPING
from dms.jobs.holding import Ground
from dms.jobs.working import Working, workers
from dms.models.jobs import Job
from dms.models.preservation import PreservationEvent
from dms.models.renditions import BlobStep, Rendition
from dms.models.versions import ContentFile
from dms.rules.access import Action
from dms.rules.jobs import JobKind, JobState
from dms.rules.renditions import RenditionKind, Step, StepOutcome, StepReason
from dms.services import renditions, versions
from dms.services.versions import NamedUpload
from dms.stores.renditions import read_text
from tests import factories, scans

TEXT, DRAWN = "BT /F 24 Tf 72 700 Td (Harbour) Tj ET", "72 72 40 40 re f"
LANGUAGES = "eng ita crashing"
SMALL = (200, 100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ocr")


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

    def filed(plain, media_type="image/tiff", *, document=None):
        document = document or world.document(node)
        upload = NamedUpload(desk.upload(clerk, plain, media_type=media_type), "scan")
        revision = desk.look(factories.Document, document).revision
        version = desk.do(clerk, versions.add, document, expected_revision=revision, upload=upload)
        return document, version

    return filed


@pytest.fixture(scope="module")
def worker(house, folder):
    """Do all jobs that wait, with OCR set like this."""
    program = scans.stand_in(folder, LANGUAGES)
    working = Working(Ground(house.works, house.vault, house.settings))

    def done(**settings):
        ocr = replace(house.settings, **{"ocr_program": program, **settings})
        working._ground = Ground(house.works, house.vault, ocr)  # its readers are dear to start
        while working.look():
            pass

    yield done
    working.stop()


@pytest.fixture(autouse=True)
def no_jobs(house):
    with house.database.engine.begin() as connection:
        connection.execute(delete(Job))


def rows(house, model, *conditions):
    with Session(house.database.engine) as session:
        return list(session.execute(select(model).where(*conditions)).scalars())


def step_of(house, version_id):
    """Return how OCR of a Version ended; None if it is not wanted."""
    blob = select(ContentFile.blob_id).where(ContentFile.version_id == version_id).scalar_subquery()
    found = rows(house, BlobStep, BlobStep.blob_id == blob, BlobStep.step == Step.OCR)
    return (found[0].outcome, found[0].reason) if found else None


def text_of(house, version_id):
    blob = house.works.read(system_actor("t"), partial(renditions.text_of, version_id=version_id))
    return None if blob is None else read_text(house.vault, blob)


def rendition_of(house, version_id):
    conditions = (Rendition.version_id == version_id, Rendition.kind == RenditionKind.TEXT)
    (found,) = rows(house, Rendition, *conditions)
    return found


def test_scan_is_read_page_by_page_and_says_by_what(house, put, worker):
    document, version = put(scans.tiff(*[scans.written("x", size=SMALL)] * 2))
    worker(ocr=True, ocr_languages="ita+eng")

    page = "P5 200 100 ita+eng --dpi 150"
    assert text_of(house, version) == f"{page}\f{page}"
    found = rendition_of(house, version)
    assert (found.ocr_program, found.ocr_languages, found.ocr_pages) == ("tesseract 9.8.7", "ita+eng", 2)
    assert not found.is_cut
    assert step_of(house, version) == (StepOutcome.DONE, None)
    notes = {row.note for row in rows(house, PreservationEvent, PreservationEvent.document_id == document)}
    assert "2 pages by tesseract 9.8.7, ita+eng (reader 2)" in notes
    kinds = [row.kind for row in rows(house, Job, Job.state == JobState.DONE)]
    assert kinds == [JobKind.CONTENT_READ, JobKind.CONTENT_OCR, JobKind.SEARCH_INDEX]


def test_only_pages_without_text_of_their_own_are_read_and_stand_in_their_places(house, put, worker):
    content = scans.pdf(TEXT, DRAWN, "", TEXT).replace(b"[0 0 595 842]", b"[0 0 120 842]")
    _, version = put(content, "application/pdf")

    worker(ocr=True)

    first, second, *others = text_of(house, version).split("\f")
    assert (first, second, others) == ("Harbour", "P5 501 3509 eng --dpi 300", ["", "Harbour"])
    assert rendition_of(house, version).ocr_pages == 1


def test_text_that_stands_in_the_content_is_not_read_by_ocr(house, put, worker):
    _, version = put(scans.pdf(TEXT), "application/pdf")
    worker(ocr=True)

    assert rendition_of(house, version).ocr_program is None
    assert step_of(house, version) is None
    assert rows(house, Job, Job.kind == JobKind.CONTENT_OCR) == []


def test_scan_waits_while_ocr_is_off_and_is_read_once_it_is_on(house, put, worker):
    _, version = put(scans.tiff(scans.written("x", size=SMALL)))
    worker(ocr=False)
    assert step_of(house, version) == (StepOutcome.NOTHING, StepReason.WAITING)
    assert rows(house, Job, Job.kind == JobKind.CONTENT_OCR) == []

    house.works.write(system_actor("t"), partial(renditions.catch_up, has_ocr=True))
    worker(ocr=True)

    assert text_of(house, version) == "P5 200 100 eng --dpi 150"
    assert house.works.write(system_actor("t"), partial(renditions.catch_up, has_ocr=True)) == 0


def test_language_that_is_missing_is_told_and_made_up_for_once_it_is_installed(house, put, worker, folder):
    _, version = put(scans.tiff(scans.written("x", size=SMALL)))
    worker(ocr=True, ocr_languages="eng+lat")
    assert step_of(house, version) == (StepOutcome.REFUSED, StepReason.UNAVAILABLE)

    queue_catch_up(house)
    worker(ocr=True, ocr_languages="eng+lat")
    assert len(rows(house, Job, Job.kind == JobKind.CONTENT_OCR)) == 1  # still missing: none is queued
    (folder / "languages").write_text("eng\nlat\n")
    queue_catch_up(house)
    worker(ocr=True, ocr_languages="eng+lat")

    assert text_of(house, version) == "P5 200 100 eng+lat --dpi 150"
    (folder / "languages").write_text(LANGUAGES.replace(" ", "\n"))


def queue_catch_up(house):
    orders = [handlers.jobs.Order(JobKind.CONTENT_CATCH_UP)]
    house.works.write(system_actor("t"), partial(handlers.jobs.queue, orders=orders))


@pytest.mark.parametrize(
    ("ocr", "expected"),
    [
        ({"ocr_program": "no-such-program"}, StepReason.UNAVAILABLE),
        ({"ocr_languages": "crashing"}, StepReason.CRASHED),
    ],
)
def test_program_that_gives_nothing_ends_in_a_clear_state(house, put, worker, ocr, expected):
    _, version = put(scans.tiff(scans.written("x", size=SMALL)))

    worker(ocr=True, **ocr)

    assert step_of(house, version) == (StepOutcome.REFUSED, expected)
    assert {row.state for row in rows(house, Job)} == {JobState.DONE}


def test_page_that_takes_too_long_is_left_out_and_the_text_says_that_it_is_cut(house, put, worker):
    page = scans.written("x", size=SMALL)
    black = page.point(lambda _: 0)  # at which the stand-in never ends
    _, version = put(scans.tiff(page, black, page))

    worker(ocr=True, ocr_page_s=1.0)

    read = "P5 200 100 eng --dpi 150"
    assert text_of(house, version) == f"{read}\f\f{read}"
    assert (rendition_of(house, version).is_cut, rendition_of(house, version).ocr_pages) == (True, 2)


def test_no_more_pages_are_read_than_may_be(house, put, worker):
    _, version = put(scans.tiff(*[scans.written("x", size=SMALL)] * 4))

    worker(ocr=True, ocr_pages_max=1)

    assert text_of(house, version) == "P5 200 100 eng --dpi 150"
    assert rendition_of(house, version).is_cut


def test_blank_page_holds_nothing_to_read(house, put, worker):
    _, version = put(scans.tiff(scans.written(size=SMALL)))

    worker(ocr=True)

    assert step_of(house, version) == (StepOutcome.NOTHING, StepReason.NO_TEXT)
    assert text_of(house, version) is None


def test_broken_picture_is_told_as_damaged_and_never_given_to_the_program(house, put, worker):
    _, version = put(b"II*\x00 torn")

    worker(ocr=True)

    blob = select(ContentFile.blob_id).where(ContentFile.version_id == version).scalar_subquery()
    found = {row.step: row.reason for row in rows(house, BlobStep, BlobStep.blob_id == blob)}
    assert found[Step.TEXT] == StepReason.DAMAGED
    assert Step.OCR not in found


def test_all_versions_with_the_same_scan_get_its_text(house, put, worker):
    content = scans.tiff(scans.written("x", size=SMALL))
    document, first = put(content)
    worker(ocr=False)
    _, second = put(content, document=document)
    worker(ocr=False)

    house.works.write(system_actor("t"), partial(renditions.catch_up, has_ocr=True))
    worker(ocr=True)
    _, third = put(content, document=document)
    worker(ocr=True)

    found = [rendition_of(house, each) for each in (first, second, third)]
    assert {(row.sha256, row.ocr_pages) for row in found} == {(found[0].sha256, 1)}
    done = rows(house, Job, Job.kind == JobKind.CONTENT_OCR)
    asked = [row.payload for row in done if first.hex in row.payload or second.hex in row.payload]
    assert len(asked) == 2  # and the second found it done


def test_slow_jobs_have_a_worker_of_their_own(house):
    ground = Ground(house.works, house.vault, replace(house.settings, ocr=True))

    quick, slow = handlers.shares(ground.settings)

    assert set(quick) | set(slow) == set(handlers.HANDLERS) == set(JobKind) - set(KEEPING)
    assert set(slow) == {JobKind.CONTENT_OCR}
    assert len(handlers.shares(house.settings)) == 1
    assert [len(workers(ground, count=count)) for count in (0, 1, 2)] == [0, 2, 3]
