"""Destruction by approved lists: who may, what goes, what stays, and what proves it."""

from __future__ import annotations

import hashlib
import json
from datetime import date

import pytest

from dms.base import errors
from dms.models.aggregations import Aggregation
from dms.models.disposal import DisposalCertificate, DisposalItem
from dms.models.documents import Document
from dms.models.retention import Target
from dms.models.search import SearchEntry
from dms.models.versions import Blob, BlobKey, ContentFile, Version
from dms.rules.access import Action, Effect
from dms.rules.disposal import DisposalAction, ItemOutcome, Obstacle, SampleMethod, SamplingPlan
from dms.rules.holds import CoveredKind
from dms.rules.states import AggregationState, BatchState, DocumentState
from dms.services import disposal, disposalbatches, disposalitems, disposalruns, documents, versions
from dms.services.duelists import DueWanted
from dms.services.versions import NamedUpload
from dms.stores import facts, outcomes
from dms.stores.work import session_of
from tests.services import holds
from tests.services.disposing import LONG_AGO, Archive

CLOSED = AggregationState.CLOSED


@pytest.fixture(scope="module")
def archive(desk):
    return Archive(desk)


def rows(desk, model, *conditions):
    return desk.world.build(lambda work: session_of(work).query(model).filter(*conditions).all())


def items(desk, batch):
    found = rows(desk, DisposalItem, DisposalItem.batch_id == batch.id)
    return {item.subject: (item.outcome, item.obstacle) for item in found}


def filed(desk, archive, *plain, aggregation=None):
    """A declared Document whose day has come by a rule, with a Version for each content."""
    file = aggregation or archive.file
    clerk = desk.world.holder(file, Action.FILE, Action.EDIT, rank=400)
    document = archive.document(state=DocumentState.DRAFT, aggregation=file)
    for revision, content in enumerate(plain or (b"Dear Sir, canary",), start=1):
        upload = NamedUpload(desk.upload(clerk, content), "letter.txt")
        desk.do(clerk, versions.add, document, expected_revision=revision, upload=upload)
    desk.do(clerk, documents.declare, document, expected_revision=desk.look(Document, document).revision)
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

    with pytest.raises(errors.State, match="the list is approved: nothing of it is carried out"):
        archive.run(batch)

    assert desk.look(Document, document).state is DocumentState.DECLARED
    assert rows(desk, DisposalCertificate, DisposalCertificate.batch_id == batch.id) == []


def test_retained_thing_is_taken_by_no_later_list_until_it_is_reviewed_again(desk, archive):
    document = archive.document()
    kept = archive.execute(document, action=DisposalAction.RETAIN, criteria="shows how the town was built")

    later = archive.add(archive.begin(), document)

    assert items(desk, kept) == {document: (ItemOutcome.RETAINED, None)}
    assert [each.obstacle for each in later.refused] == [Obstacle.RETAINED]
    assert desk.look(Document, document).state is DocumentState.DECLARED


def test_review_that_is_put_off_keeps_lists_away_until_its_day(desk, archive):
    document = archive.document()
    archive.execute(
        document, action=DisposalAction.REVIEW_AGAIN, criteria="a case may follow", review_on=date(2999, 1, 1)
    )

    later = archive.add(archive.begin(), document)

    assert [each.obstacle for each in later.refused] == [Obstacle.DEFERRED]


def test_judgement_without_criteria_is_none(archive):
    batch = archive.begin(DisposalAction.RETAIN)

    added = archive.add(batch, archive.document())

    assert [each.obstacle for each in added.refused] == [Obstacle.NEEDS_APPRAISAL]


def test_only_a_list_that_puts_a_review_off_names_its_day(archive):
    with pytest.raises(errors.Invalid, match="only a list that puts a review off"):
        archive.begin(review_on=date(2999, 1, 1))
    with pytest.raises(errors.Invalid, match="name the day of the next review, after today"):
        archive.begin(DisposalAction.REVIEW_AGAIN, criteria="later", review_on=date(2020, 1, 1))


def test_sample_stays_and_is_the_same_for_the_same_seed(desk, archive):
    things = [archive.document() for _ in range(5)]
    batch = archive.begin()
    archive.add(batch, *things)
    archive.step(disposalitems.sample, batch, plan=SamplingPlan(SampleMethod.RANDOM_COUNT, 2))
    seed = archive.now(batch).seed
    archive.step(disposalbatches.propose, batch)
    archive.approve(batch)
    archive.step(disposalbatches.execute, batch)
    archive.run(batch)

    found = items(desk, batch)
    kept = {key for key, (outcome, _) in found.items() if outcome is ItemOutcome.KEPT_AS_SAMPLE}
    drawn = sorted(things, key=lambda each: hashlib.sha256(seed.encode() + each.bytes).digest())[:2]
    assert kept == set(drawn)
    assert [outcome for outcome, _ in found.values()].count(ItemOutcome.DESTROYED) == 3
    assert {each.obstacle for each in archive.add(archive.begin(), *kept).refused} == {Obstacle.SAMPLED}


def test_copy_is_weeded_and_the_earliest_declared_stays(desk, archive):
    first, second = filed(desk, archive, b"the same letter"), filed(desk, archive, b"the same letter")

    refused = archive.add(archive.begin(DisposalAction.WEED), first)
    batch = archive.execute(second, action=DisposalAction.WEED)

    assert [each.obstacle for each in refused.refused] == [Obstacle.NO_ORIGINAL]
    assert items(desk, batch) == {second: (ItemOutcome.DESTROYED, None)}
    assert desk.look(Document, first).state is DocumentState.DECLARED


def test_copy_that_must_stay_longer_than_its_original_is_not_weeded(desk, archive):
    filed(desk, archive, b"a letter of great worth")
    lasting = filed(desk, archive, b"a letter of great worth")
    archive.bind("registered, P90Y", target=lasting, kind=Target.DOCUMENT)

    added = archive.add(archive.begin(DisposalAction.WEED), lasting)

    assert [each.obstacle for each in added.refused] == [Obstacle.NO_ORIGINAL]


def test_copy_with_a_content_that_its_original_lacks_is_not_weeded(desk, archive):
    filed(desk, archive, b"the last draft")
    richer = filed(desk, archive, b"the first draft", b"the last draft")

    added = archive.add(archive.begin(DisposalAction.WEED), richer)

    assert [each.obstacle for each in added.refused] == [Obstacle.NO_ORIGINAL]


def test_hidden_original_is_no_original(desk, archive):
    world = desk.world
    secret = world.aggregation(record_class_id=archive.record_class)
    world.entry(archive.manager, secret, Action.DISCOVER, effect=Effect.DENY)
    hidden = filed(desk, archive, b"a letter of two", aggregation=secret)
    shown = filed(desk, archive, b"a letter of two")

    added = archive.add(archive.begin(DisposalAction.WEED), shown)

    assert [each.obstacle for each in added.refused] == [Obstacle.NO_ORIGINAL]
    assert desk.look(Document, hidden).state is DocumentState.DECLARED


def test_file_goes_after_what_lies_in_it(desk, archive):
    file = desk.world.aggregation(archive.file, record_class_id=archive.record_class, created_at=LONG_AGO)
    document = archive.document(aggregation=file)
    desk.world.build(lambda work: setattr(session_of(work).get(Aggregation, file), "state", CLOSED))
    batch = archive.begin()

    added = archive.add(batch, file)

    assert (added.added, [each.obstacle for each in added.refused]) == (2, [])
    archive.step(disposalbatches.propose, batch)
    archive.approve(batch)
    archive.step(disposalbatches.execute, batch)
    archive.run(batch)
    assert desk.look(Document, document).state is DocumentState.DESTROYED
    assert desk.look(Aggregation, file).state is AggregationState.DESTROYED


def test_transferred_thing_keeps_its_content_until_a_list_destroys_what_is_here(desk, archive):
    archive.bind(
        "registered, P1Y transfer_to", target=(file := desk.world.aggregation()), kind=Target.AGGREGATION
    )
    document = desk.world.document(
        file, state=DocumentState.DECLARED, created_at=LONG_AGO, declared_at=LONG_AGO
    )

    archive.execute(document, action=DisposalAction.TRANSFER)
    before = desk.look(Document, document).state
    archive.execute(document)

    assert before is DocumentState.TRANSFERRED
    assert desk.look(Document, document).state is DocumentState.DESTROYED


def test_what_is_due_is_put_on_a_list_the_longest_due_first(desk, archive):
    class_id = desk.world.record_class()
    archive.bind("registered, P1Y", target=class_id)
    due = [archive.document(record_class_id=class_id) for _ in range(2)]
    young = desk.world.document(archive.file, state=DocumentState.DECLARED, record_class_id=class_id)
    desk.world.build(lambda work: outcomes.keep(work, [*due, young]))
    batch = archive.begin()

    wanted = DueWanted(record_class_id=class_id)
    added = archive.step(disposalitems.add_due, batch, wanted=wanted)
    again = archive.step(disposalitems.add_due, batch, wanted=wanted)

    assert (added.added, again.added) == (2, 0)
    assert set(items(desk, batch)) == set(due)


def test_crash_between_slices_leaves_what_goes_on_where_it_stopped(desk, archive, monkeypatch):
    things = [archive.document() for _ in range(3)]
    batch = archive.approved(*things)
    archive.step(disposalbatches.execute, batch)
    monkeypatch.setattr(disposalruns, "SLICE", 1)

    archive.run(batch, slices=1)
    midway = [outcome for outcome, _ in items(desk, batch).values()]
    archive.run(batch)

    assert sorted(midway) == [ItemOutcome.DESTROYED, ItemOutcome.PLANNED, ItemOutcome.PLANNED]
    told = json.loads(desk.see(archive.manager, disposalruns.certificate, batch.id).body)
    assert told["counts"] == {"destroyed": 3}
