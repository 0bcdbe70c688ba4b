"""Documents: registering, changing, declaring and moving them, and who is refused what."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from sqlalchemy import select

from dms.base import errors
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document, Medium, PlacementHistory
from dms.models.schemes import UNASSIGNED
from dms.models.versions import Blob, VerifyState
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.security import Mark
from dms.rules.states import AggregationState, DocumentState
from dms.services import documents, documentviews, versions
from dms.services.documents import DocumentChanges, NewDocument
from dms.services.documentviews import Wanted
from dms.services.security import AskedMark
from dms.services.versions import NamedContent, NamedUpload
from dms.stores import facts
from dms.stores.work import session_of
from tests.factories import at_once


@pytest.fixture
@at_once
def folder(world, clerk):
    """A file in which the clerk may do what a clerk does."""
    made = world.aggregation()
    for action in (Action.FILE, Action.EDIT, Action.READ_CONTENT):
        world.entry(clerk, made, action)
    return made


def new(folder, title="Letter", medium=Medium.DIGITAL, **values):
    return NewDocument(aggregation_id=folder, title=title, medium=medium, **values)


def register(desk, user, folder, **values):
    return desk.do(user, documents.register, new(folder, **values))


def row_of(desk, document):
    return desk.look(Document, document)


def unassigned(world):
    return world.build(lambda work: facts.record_class_id(work, UNASSIGNED))


def places_of(desk, document):
    def read(work):
        statement = select(PlacementHistory).where(PlacementHistory.object_id == document)
        return session_of(work).execute(statement.order_by(PlacementHistory.id)).scalars().all()

    return desk.world.build(read)


def test_clerk_registers_a_letter_with_its_first_version(desk, clerk, folder, world):
    upload = NamedUpload(desk.upload(clerk, b"Dear Sir"), "letter.txt", note="as sent")

    made = register(
        desk,
        clerk,
        folder,
        title=" Ärger mit  dem Bäcker ",
        reference_code="B 12/3",
        dates="1890-05-17",
        authors="Bäcker",
        addressees="Amt",
        description="Complains.\n",
        source_system="registry",
        original_name="in/letter.txt",
        content=upload,
    )

    row = row_of(desk, made)
    assert (row.aggregation_id, row.title, row.title_key) == (
        folder,
        "Ärger mit  dem Bäcker",
        "arger mit dem backer",
    )
    assert (row.reference_code, row.code_key) == ("B 12/3", "b 0212\x01013")
    assert (row.dates, row.first_day, row.date_key) == ("1890-05-17", date(1890, 5, 17), "1890-05-17")
    assert (row.authors, row.addressees, row.description) == ("Bäcker", "Amt", "Complains.")
    assert (row.source_system, row.original_name) == ("registry", "in/letter.txt")
    assert (row.state, row.medium, row.revision) == (DocumentState.DRAFT, Medium.DIGITAL, 1)
    assert (row.current_version, row.created_by) == (1, clerk)
    assert (row.record_class_id, row.security_id) == (
        unassigned(world),
        desk.look(Aggregation, folder).security_id,
    )


def test_registering_is_one_event_of_document_and_version(desk, clerk, folder):
    made = register(desk, clerk, folder, content=NamedContent(desk.content(b"Dear Sir"), "letter.txt"))

    event = desk.event(clerk)
    assert (event["op"], event["outcome"]) == ("document.register", "committed")
    assert [change[1:3] for change in event["changed"]] == [[None, 1], [None, 1]]
    assert event["changed"][0][0] == made.hex


def test_the_nearest_class_above_is_the_class_of_a_new_document(desk, clerk, folder, world):
    upper, lower = world.record_class(), world.record_class()
    series = world.aggregation(folder, record_class_id=upper)
    plain = world.aggregation(series)
    classed = world.aggregation(plain, record_class_id=lower)

    made = [row_of(desk, register(desk, clerk, place)).record_class_id for place in (plain, classed, folder)]

    assert made == [upper, lower, unassigned(world)]


def test_a_given_class_and_mark_are_kept(desk, world, folder):
    keeper = world.holder(folder, Action.FILE, rank=300)
    chosen = world.record_class()

    row = row_of(desk, register(desk, keeper, folder, record_class_id=chosen, mark=AskedMark("level300")))

    assert row.record_class_id == chosen
    assert row.security_id != desk.look(Aggregation, folder).security_id


def test_a_mark_above_ones_clearance_is_refused(desk, world, clerk, folder):
    world.level(300)

    with pytest.raises(errors.Clearance, match="^the mark is above your own clearance"):
        register(desk, clerk, folder, mark=AskedMark("level300"))


def test_a_class_that_denies_filing_takes_nothing_in(desk, world, clerk, folder):
    denied = world.record_class()
    world.entry(clerk, denied, Action.FILE, kind=NodeKind.CLASS, effect=Effect.DENY)

    with pytest.raises(errors.Denied, match="^the access list does not give you `FILE` here$"):
        register(desk, clerk, folder, record_class_id=denied)


def test_who_may_only_read_the_folder_files_nothing(desk, world, folder):
    reader = world.holder(folder, Action.READ_CONTENT)

    with pytest.raises(errors.Denied, match="`FILE`"):
        register(desk, reader, folder)

    assert desk.event(reader)["outcome"] == "refused"


def test_a_hidden_folder_reads_as_absent_whatever_else_is_wrong(desk, world, folder):
    for asked in (folder, new_id()):
        with pytest.raises(errors.NotFound, match="^not found$"):
            register(desk, world.user(), asked, title="\x00", dates="yesterday")


def test_a_closed_folder_takes_nothing_in(desk, world, clerk):
    closed = world.aggregation(state=AggregationState.CLOSED)
    world.entry(clerk, closed, Action.FILE)

    with pytest.raises(errors.State, match="^a thing in state `closed` does not permit `file`$"):
        register(desk, clerk, closed)


def test_a_reference_code_is_unique_and_none_is_no_code(desk, clerk, folder):
    register(desk, clerk, folder, reference_code="U/1")
    for _ in range(2):
        register(desk, clerk, folder)

    with pytest.raises(errors.Conflict, match="^this reference code cannot be used again: choose another$"):
        register(desk, clerk, folder, reference_code="U/1")


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"title": ""}, ("title", "must not be empty")),
        ({"title": "a\u202eb"}, ("title", "holds a control character (U+202E): remove it")),
        ({"authors": "a\x1bb"}, ("authors", "holds a control character (U+001B): remove it")),
        ({"description": "x" * 10_001}, ("description", "must be at most 10000 characters, not 10001")),
        ({"reference_code": "x" * 101}, ("referenceCode", "must be at most 100 characters, not 101")),
        ({"source_system": " "}, ("sourceSystem", "must not be empty")),
        (
            {"record_class_id": new_id()},
            ("recordClassId", "there is no such class: choose one of `recordClasses`"),
        ),
    ],
)
def test_unusable_input_is_refused_at_its_field(desk, clerk, folder, values, refusal):
    with pytest.raises(errors.Invalid) as refused:
        register(desk, clerk, folder, **values)

    assert (*refused.value.path, refused.value.message) == refusal


def test_an_upload_that_is_not_ones_own_registers_nothing(desk, clerk, folder, world):
    upload = NamedUpload(desk.upload(world.user()), "letter.txt")

    with pytest.raises(errors.Invalid, match="^there is no such upload of yours waiting"):
        register(desk, clerk, folder, reference_code="never/1", content=upload)

    assert desk.world.build(lambda work: facts.is_code_taken(work, Document, "never/1")) is False


def test_update_writes_what_is_given_and_keeps_the_rest(desk, clerk, folder):
    made = register(
        desk, clerk, folder, dates="1890", authors="Amt", description="Old.", reference_code="K/1"
    )
    changes = DocumentChanges(title="New", dates=None, authors="", medium=Medium.HYBRID, reference_code=None)

    desk.do(clerk, documents.update, made, expected_revision=1, changes=changes)

    row = row_of(desk, made)
    assert (row.title, row.title_key, row.medium) == ("New", "new", Medium.HYBRID)
    assert (row.dates, row.first_day, row.date_key, row.authors) == (None, None, "", None)
    assert (row.reference_code, row.code_key) == (None, "")
    assert (row.description, row.revision) == ("Old.", 2)


def test_a_change_is_recorded_with_old_and_new_value(desk, clerk, folder, world):
    made = register(desk, clerk, folder)

    desk.do(clerk, documents.update, made, expected_revision=1, changes=DocumentChanges(title="New"))

    assert [change[:3] for change in desk.event(clerk)["changed"]] == [[made.hex, 1, 2]]


def test_a_stale_revision_is_a_conflict_and_nothing_is_lost(desk, clerk, folder):
    made = register(desk, clerk, folder)
    desk.do(clerk, documents.update, made, expected_revision=1, changes=DocumentChanges(title="First"))
    late = DocumentChanges(title="Second")

    with pytest.raises(errors.Conflict) as refused:
        desk.do(clerk, documents.update, made, expected_revision=1, changes=late)

    assert (refused.value.current_revision, refused.value.path) == (2, ("expectedRevision",))
    assert row_of(desk, made).title == "First"


def test_hidden_comes_before_every_other_refusal(desk, world, folder):
    declared = world.document(folder, state=DocumentState.DECLARED)
    stranger = world.user()
    changes = DocumentChanges(title="\x00")

    for asked in (declared, new_id()):
        with pytest.raises(errors.NotFound, match="^not found$"):
            desk.do(stranger, documents.update, asked, expected_revision=99, changes=changes)


def test_denied_comes_before_conflict_and_state(desk, world, folder):
    declared = world.document(folder, state=DocumentState.DECLARED)
    reader = world.holder(folder, Action.READ_METADATA)

    with pytest.raises(errors.Denied, match="`EDIT`"):
        desk.do(reader, documents.update, declared, expected_revision=99, changes=DocumentChanges())


def test_a_declared_document_is_frozen(desk, clerk, folder, world):
    declared = world.document(folder, state=DocumentState.DECLARED)

    with pytest.raises(errors.State) as refused:
        desk.do(clerk, documents.update, declared, expected_revision=1, changes=DocumentChanges(title="New"))

    assert refused.value.message == "a thing in state `declared` does not permit `update`"
    assert (refused.value.state, refused.value.available) == (
        "declared",
        ("classAssign", "refile", "securitySet"),
    )


def ready(desk, user, folder, **values):
    """A classed draft with content, to be declared."""
    content = NamedContent(desk.content(b"Dear Sir"), "letter.txt")
    chosen = desk.world.record_class()
    return register(desk, user, folder, record_class_id=chosen, content=content, **values)


def test_declaring_keeps_who_and_when(desk, clerk, folder):
    made = ready(desk, clerk, folder)

    desk.do(clerk, documents.declare, made, expected_revision=1)

    row = row_of(desk, made)
    assert (row.state, row.declared_by, row.revision) == (DocumentState.DECLARED, clerk, 2)
    assert row.declared_at == desk.event(clerk)["at"]
    assert desk.event(clerk)["op"] == "document.declare"


def test_declaring_needs_a_class(desk, clerk, folder):
    made = register(desk, clerk, folder, content=NamedContent(desk.content(b"x"), "x.txt"))

    with pytest.raises(errors.State, match="^it has no class yet: assign one first$"):
        desk.do(clerk, documents.declare, made, expected_revision=1)

    assert row_of(desk, made).state is DocumentState.DRAFT


def test_declaring_needs_content_unless_it_is_paper(desk, clerk, folder, world):
    chosen = world.record_class()
    made = {medium: register(desk, clerk, folder, medium=medium, record_class_id=chosen) for medium in Medium}

    for medium in (Medium.DIGITAL, Medium.HYBRID):
        with pytest.raises(errors.State, match="^it has no content yet: add a Version first$"):
            desk.do(clerk, documents.declare, made[medium], expected_revision=1)
    desk.do(clerk, documents.declare, made[Medium.PHYSICAL], expected_revision=1)

    assert row_of(desk, made[Medium.PHYSICAL]).state is DocumentState.DECLARED


def test_damaged_content_is_not_declared(desk, clerk, folder, world):
    made = ready(desk, clerk, folder)

    def damage(work):
        statement = select(Blob).where(Blob.document_id == made)
        session_of(work).execute(statement).scalar_one().verify_state = VerifyState.DAMAGED

    world.build(damage)

    with pytest.raises(errors.State, match="^its stored content is damaged: tell the administrator$"):
        desk.do(clerk, documents.declare, made, expected_revision=1)


def test_declaring_twice_is_refused(desk, clerk, folder):
    made = ready(desk, clerk, folder)
    desk.do(clerk, documents.declare, made, expected_revision=1)

    with pytest.raises(errors.State, match="^a thing in state `declared` does not permit `declare`$"):
        desk.do(clerk, documents.declare, made, expected_revision=2)


def test_refiling_moves_a_declared_document_and_keeps_its_former_place(desk, clerk, folder, world):
    target = world.aggregation()
    world.entry(clerk, target, Action.FILE)
    made = ready(desk, clerk, folder)
    desk.do(clerk, documents.declare, made, expected_revision=1)
    before = row_of(desk, made)

    desk.do(clerk, documents.refile, made, aggregation_id=target, expected_revision=2, reason="wrong folder")

    row = row_of(desk, made)
    assert (row.aggregation_id, row.record_class_id, row.revision) == (target, before.record_class_id, 3)
    (kept,) = places_of(desk, made)
    assert (kept.aggregation_id, kept.class_id, kept.security_id) == (
        folder,
        before.record_class_id,
        before.security_id,
    )
    assert (kept.valid_from, kept.valid_until) == (before.created_at, desk.event(clerk)["at"])


def test_places_follow_each_other_without_gaps(desk, clerk, folder, world):
    first, second = world.aggregation(folder), world.aggregation(folder)
    made = register(desk, clerk, folder)
    for revision, target in ((1, first), (2, second)):
        desk.do(
            clerk,
            documents.refile,
            made,
            aggregation_id=target,
            expected_revision=revision,
            reason="sorted",
        )

    kept = places_of(desk, made)

    assert [place.aggregation_id for place in kept] == [folder, first]
    assert kept[0].valid_until == kept[1].valid_from


def test_refiling_needs_filing_at_an_open_target(desk, clerk, folder, world):
    made = register(desk, clerk, folder)
    seen, hidden = world.aggregation(), world.aggregation()
    closed = world.aggregation(folder, state=AggregationState.CLOSED)
    world.entry(clerk, seen, Action.READ_METADATA)

    for target, refusal in (
        (seen, errors.Denied),
        (hidden, errors.NotFound),
        (closed, errors.State),
        (folder, errors.Invalid),
    ):
        with pytest.raises(refusal):
            desk.do(clerk, documents.refile, made, aggregation_id=target, expected_revision=1, reason="no")

    assert (row_of(desk, made).aggregation_id, places_of(desk, made)) == (folder, [])


def test_refiling_needs_a_reason(desk, clerk, folder, world):
    made = register(desk, clerk, folder)

    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        desk.do(
            clerk,
            documents.refile,
            made,
            aggregation_id=world.aggregation(folder),
            expected_revision=1,
            reason="",
        )


def test_who_may_see_it_follows_the_new_place(desk, clerk, folder, world):
    target, reader = world.aggregation(), world.user()
    world.entry(clerk, target, Action.FILE)
    world.entry(reader, target, Action.READ_METADATA)
    made = register(desk, clerk, folder)
    assert desk.see(reader, documentviews.many, [made], wanted=Wanted()) == {}

    desk.do(clerk, documents.refile, made, aggregation_id=target, expected_revision=1, reason="sorted")

    assert set(desk.see(reader, documentviews.many, [made], wanted=Wanted())) == {made}


def assign(desk, user, document, chosen, *, revision=1, reason="read it"):
    desk.do(
        user,
        documents.assign_class,
        document,
        record_class_id=chosen,
        expected_revision=revision,
        reason=reason,
    )


def test_a_class_is_assigned_also_to_a_declared_document(desk, clerk, folder, world):
    made = ready(desk, clerk, folder)
    desk.do(clerk, documents.declare, made, expected_revision=1)
    former, chosen = row_of(desk, made).record_class_id, world.record_class()

    assign(desk, clerk, made, chosen, revision=2)

    assert (row_of(desk, made).record_class_id, row_of(desk, made).revision) == (chosen, 3)
    assert [place.class_id for place in places_of(desk, made)] == [former]
    assert desk.event(clerk)["op"] == "document.class_assign"


def test_a_class_is_assigned_only_where_it_may_be_filed(desk, clerk, folder, world):
    made = register(desk, clerk, folder)
    denied = world.record_class()
    world.entry(clerk, denied, Action.FILE, kind=NodeKind.CLASS, effect=Effect.DENY)
    editor = world.holder(folder, Action.EDIT)

    for who, chosen in ((clerk, denied), (editor, world.record_class())):
        with pytest.raises(errors.Denied, match="`FILE`"):
            assign(desk, who, made, chosen)

    assert row_of(desk, made).record_class_id == unassigned(world)


def test_assigning_the_class_it_has_is_refused(desk, clerk, folder, world):
    made = register(desk, clerk, folder)

    with pytest.raises(errors.Invalid, match="^it has this class already$"):
        assign(desk, clerk, made, unassigned(world))


def test_secret_documents_may_lie_in_an_open_folder_unseen(desk, clerk, folder, world):
    world.level(300)
    secret = world.document(folder, mark=Mark(300))

    with pytest.raises(errors.NotFound):
        desk.do(clerk, documents.update, secret, expected_revision=1, changes=DocumentChanges(title="New"))


def test_several_changes_in_one_operation_see_each_other(desk, clerk, folder, world):
    chosen = world.record_class()

    def all_at_once(work):
        made = documents.register(work, new(folder))
        documents.assign_class(work, made, record_class_id=chosen, expected_revision=1, reason="read it")
        versions.add(work, made, expected_revision=2, upload=NamedUpload(waiting, "letter.txt"))
        documents.declare(work, made, expected_revision=3)
        return made

    waiting = desk.upload(clerk)
    made = desk.do(clerk, all_at_once)

    row = row_of(desk, made)
    assert (row.state, row.revision, row.current_version) == (DocumentState.DECLARED, 4, 1)


def test_one_code_asked_for_by_many_at_once_is_given_once(desk, clerk, folder):
    def take(_):
        try:
            return register(desk, clerk, folder, reference_code=f"race/{folder.int % 10**9}")
        except errors.Conflict as error:
            return error.message

    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(take, range(4)))

    assert outcomes.count("this reference code cannot be used again: choose another") == 3
