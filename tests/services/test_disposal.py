"""Destruction by approved lists: who may, what goes, what stays, and what proves it."""

from __future__ import annotations

import hashlib
import json

import pytest

from dms.base import errors
from dms.models.disposal import DisposalCertificate, DisposalItem
from dms.models.documents import Document
from dms.models.search import SearchEntry
from dms.models.versions import Blob, BlobKey, ContentFile, Version
from dms.rules.access import Action
from dms.rules.disposal import ItemOutcome, Obstacle
from dms.rules.holds import CoveredKind
from dms.rules.states import BatchState, DocumentState
from dms.services import disposal, disposalbatches, disposalruns, documents, versions
from dms.services.versions import NamedUpload
from dms.stores import facts
from dms.stores.work import session_of
from tests.services import holds
from tests.services.disposing import Archive


@pytest.fixture(scope="module")
def archive(desk):
    return Archive(desk)


def rows(desk, model, *conditions):
    return desk.world.build(lambda work: session_of(work).query(model).filter(*conditions).all())


def items(desk, batch):
    found = rows(desk, DisposalItem, DisposalItem.batch_id == batch.id)
    return {item.subject: (item.outcome, item.obstacle) for item in found}


def filed(desk, archive, plain=b"Dear Sir, canary"):
    """A declared Document with content, registered through the use cases, whose day has come by a rule."""
    world = desk.world
    clerk = world.holder(archive.file, Action.FILE, Action.EDIT)
    document = archive.document(state=DocumentState.DRAFT)
    upload = NamedUpload(desk.upload(clerk, plain), "letter.txt")
    revision = desk.look(Document, document).revision
    desk.do(clerk, versions.add, document, expected_revision=revision, upload=upload)
    desk.do(clerk, documents.declare, document, expected_revision=revision + 1)
    return document


def test_executed_list_leaves_a_stub_without_content_key_or_words(desk, archive):
    document = filed(desk, archive)
    (blob,) = rows(desk, Blob, Blob.document_id == document)
    title = desk.look(Document, document).title

    batch = archive.execute(document)

    stub = desk.look(Document, document)
    assert (stub.state, stub.title, stub.current_version) == (DocumentState.DESTROYED, title, None)
    for model, condition in (
        (BlobKey, BlobKey.blob_id == blob.id),
        (Blob, Blob.document_id == document),
        (ContentFile, ContentFile.blob_id == blob.id),
        (Version, Version.document_id == document),
        (SearchEntry, SearchEntry.subject == document),
    ):
        assert rows(desk, model, condition) == []
    assert batch.state is BatchState.EXECUTED


def test_certificate_lists_exactly_what_is_gone_and_hashes_to_its_digest(desk, archive):
    plain = b"Dear Sir, once more"
    document, held = filed(desk, archive, plain), archive.document()
    batch = archive.approved(document, held)
    holds.place(desk.world, CoveredKind.DOCUMENT, held)
    archive.step(disposalbatches.execute, batch)
    archive.run(batch)

    proof = desk.see(archive.manager, disposalruns.certificate, batch.id)

    told = json.loads(proof.body)
    assert proof.sha256 == hashlib.sha256(proof.body.encode()).hexdigest()
    assert told["counts"] == {"destroyed": 1, "held": 1}
    assert told["extent"] == {"contents": 1, "bytes": len(plain)}
    assert [item["outcome"] for item in told["items"]] == ["destroyed", "held"]
    (content,) = told["items"][0]["contents"]
    assert content == {"version": 1, "sha256": hashlib.sha256(plain).hexdigest(), "bytes": len(plain)}
    assert [each["account"] for each in told["approvals"]] == [archive.approver.hex]
    assert len(told["accessEvents"]) == 1


def test_proposer_and_editors_never_approve(desk, archive):
    world = desk.world
    both = world.officer(role="records_manager")
    world.entry(both, world.build(facts.repository_id), Action.APPROVE)
    batch = archive.begin()
    archive.add(batch, archive.document(), user=both)
    archive.step(disposalbatches.propose, batch)

    with pytest.raises(errors.SecondPerson, match="another person than those who wrote or proposed it"):
        archive.approve(batch, both)
    with pytest.raises(errors.Denied):
        archive.approve(batch, archive.manager)


def test_approval_of_a_list_that_is_not_the_one_seen_fails(desk, archive):
    batch = archive.begin()
    archive.add(batch, archive.document())
    archive.step(disposalbatches.propose, batch)

    with pytest.raises(errors.Conflict, match="it is not the list that you have seen"):
        archive.step(disposalbatches.approve, batch, archive.approver, digest="00" * 32)


def test_return_clears_approvals_so_that_an_old_one_never_counts_again(desk, archive):
    batch = archive.begin(quorum=2)
    archive.add(batch, archive.document())
    archive.step(disposalbatches.propose, batch)
    archive.approve(batch)
    archive.step(disposalbatches.send_back, batch, archive.approver, reason="the dates are wrong")
    archive.step(disposalbatches.propose, batch)

    archive.approve(batch, desk.world.officer(role="disposal_approver"))

    assert archive.now(batch).state is BatchState.PROPOSED


def test_one_person_approves_once_however_many_are_asked_for(desk, archive):
    batch = archive.begin(quorum=2)
    archive.add(batch, archive.document())
    archive.step(disposalbatches.propose, batch)
    archive.approve(batch)

    with pytest.raises(errors.SecondPerson, match="you have approved it already"):
        archive.approve(batch)


def test_hold_stops_disposal_even_when_due_and_approved(desk, archive):
    document = archive.document()
    batch = archive.approved(document)
    holds.place(desk.world, CoveredKind.DOCUMENT, document)
    archive.step(disposalbatches.execute, batch)

    archive.run(batch)

    assert items(desk, batch) == {document: (ItemOutcome.HELD, Obstacle.HELD)}
    assert desk.look(Document, document).state is DocumentState.DECLARED


def test_what_is_not_due_or_held_or_a_draft_is_not_put_on_a_list_and_says_why(desk, archive):
    declared = {"state": DocumentState.DECLARED}
    young = desk.world.document(archive.file, record_class_id=archive.record_class, **declared)
    held, draft = archive.document(), archive.document(state=DocumentState.DRAFT)
    unruled = desk.world.document(desk.world.aggregation(), **declared)
    holds.place(desk.world, CoveredKind.DOCUMENT, held)

    added = archive.add(archive.begin(), young, held, draft, unruled)

    assert added.added == 0
    assert {each.subject: each.obstacle for each in added.refused} == {
        young: Obstacle.NOT_DUE,
        held: Obstacle.HELD,
        draft: Obstacle.STATE,
        unruled: Obstacle.NO_DAY,
    }


def test_thing_that_was_changed_after_the_approval_stays(desk, archive):
    document = archive.document()
    batch = archive.approved(document)

    def touch(work):
        session_of(work).get(Document, document).revision += 1

    desk.world.build(touch)
    archive.step(disposalbatches.execute, batch)
    archive.run(batch)

    assert items(desk, batch) == {document: (ItemOutcome.EXCLUDED, Obstacle.CHANGED)}


def test_certificate_is_refused_before_the_list_was_carried_out(desk, archive):
    batch = archive.approved(archive.document())

    with pytest.raises(errors.State, match="a certificate is issued when the list has been carried out"):
        desk.see(archive.manager, disposalruns.certificate, batch.id)


def test_execution_waits_for_its_days(desk, archive):
    batch = archive.approved(archive.document(), waiting_days=30)

    with pytest.raises(errors.State, match="it waits until"):
        archive.step(disposalbatches.execute, batch)


def test_discarded_draft_is_a_stub_without_its_title(desk, archive):
    clerk = desk.world.holder(archive.file, Action.EDIT)
    draft = archive.document(state=DocumentState.DRAFT, title="Notes on a private matter")

    desk.do(clerk, disposal.discard, draft, expected_revision=1, reason="filed by mistake")

    stub = desk.look(Document, draft)
    assert (stub.state, stub.title) == (DocumentState.DESTROYED, "Destroyed")


def test_held_draft_is_not_discarded(desk, archive):
    clerk = desk.world.holder(archive.file, Action.EDIT)
    draft = archive.document(state=DocumentState.DRAFT)
    holds.place(desk.world, CoveredKind.DOCUMENT, draft)

    with pytest.raises(errors.OnHold):
        desk.do(clerk, disposal.discard, draft, expected_revision=1, reason="filed by mistake")


def test_system_destroys_nothing_without_a_list_that_a_person_started(desk, archive):
    document = archive.document()
    batch = archive.approved(document)

    with pytest.raises(errors.State):
        archive.run(batch)

    assert desk.look(Document, document).state is DocumentState.DECLARED
    assert rows(desk, DisposalCertificate, DisposalCertificate.batch_id == batch.id) == []
