"""Access reviews: a list is frozen, every line of it is signed or revoked, and then the review is closed."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import DBAPIError

from dms.access import gate
from dms.base import errors
from dms.base.clock import DAY, system_clock
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.accessreviews import AccessReviewLine, LineState, ReviewState
from dms.models.documents import Document
from dms.rules.access import Action, NodeKind
from dms.rules.security import Mark
from dms.services import accesslists, accessreviews
from dms.services.accessreviews import Standing, Verdict
from dms.stores.work import session_of
from tests.factories import actor
from tests.recorded import last_of


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("review-officer", rank=200)


@pytest.fixture
def fonds(world):
    return world.aggregation()


@pytest.fixture
def user(world):
    return world.user()


def write(world, who, use_case, **options):
    return world.house.works.write(actor(who), lambda work: use_case(work, **options))


def start(world, who, node, *, kind=NodeKind.AGGREGATION, below=False, reason="yearly"):
    return write(world, who, accessreviews.start, node=(kind, node), includes_below=below, reason=reason)


def attest(world, who, review, *lines, verdict=Verdict.KEEP, note="needed"):
    return write(
        world,
        who,
        accessreviews.attest,
        review_id=review.id,
        line_ids=[line.row.id for line in lines],
        verdict=verdict,
        note=note,
    )


def lines(world, who, review):
    def body(work):
        return accessreviews.lines(work, [review.id], PageRequest(100))[review.id].rows

    return world.house.works.read(actor(who), body)


def shown(world, who, **chosen):
    page = world.house.works.read(
        actor(who), lambda work: accessreviews.reviews(work, PageRequest(100), **chosen)
    )
    return [row.id for row in page.rows]


def counts(world, who, review):
    return world.house.works.read(actor(who), lambda work: accessreviews.counts(work, [review.id])[review.id])


def revoke(world, who, entry):
    return write(world, who, accesslists.revoke, entry_id=entry, reason="elsewhere")


def test_review_freezes_the_open_lines_of_a_list(world, officer, fonds, user):
    kept = [world.entry(user, fonds, Action.EDIT), world.entry(user, fonds, Action.FILE, until=1)]
    revoke(world, officer, world.entry(user, fonds, Action.LEND))
    world.entry(user, world.aggregation(fonds), Action.EDIT)

    review = start(world, officer, fonds)
    world.entry(user, fonds, Action.HOLD)

    assert [line.entry.id for line in lines(world, officer, review)] == kept
    assert (review.state, review.reason, review.started_by) == (ReviewState.OPEN, "yearly", officer)
    assert counts(world, officer, review) == (2, 2)


def test_review_may_take_the_lists_below_too(world, officer, fonds, user):
    inner = world.aggregation(fonds)
    document = world.document(inner)
    made = [
        world.entry(user, fonds, Action.EDIT),
        world.entry(user, inner, Action.EDIT),
        world.entry_on_document(user, document, Action.EDIT),
    ]
    world.entry(user, world.aggregation(), Action.EDIT)

    review = start(world, officer, fonds, below=True)

    assert [line.entry.id for line in lines(world, officer, review)] == made


def test_start_is_recorded(world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT)

    review = start(world, officer, fonds)

    event = last_of(world.house, officer)
    assert (event["op"], event["outcome"]) == ("accessreview.start", "committed")
    assert [change[0] for change in event["changed"]] == [review.id.hex]


def test_line_is_kept_with_who_when_and_why(world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT)
    world.entry(user, fonds, Action.FILE)
    review = start(world, officer, fonds)
    first, _ = lines(world, officer, review)

    review = attest(world, officer, review, first, note="works on it until May")

    first, second = lines(world, officer, review)
    assert (first.standing, first.row.decided_by, first.row.note) == (
        Standing.KEPT,
        officer,
        "works on it until May",
    )
    assert first.row.decided_at is not None
    assert (second.standing, second.row.decided_by) == (Standing.OPEN, None)
    assert (review.state, counts(world, officer, review)) == (ReviewState.OPEN, (2, 1))


def test_revoked_line_denies_the_next_operation(world, officer, fonds, user):
    document = world.document(fonds)
    world.entry(user, fonds, Action.READ_METADATA)
    review = start(world, officer, fonds)

    review = attest(
        world, officer, review, *lines(world, officer, review), verdict=Verdict.REVOKE, note="left"
    )

    (line,) = lines(world, officer, review)
    assert (line.standing, line.entry.revoke_reason, line.entry.revoked_by) == (
        Standing.REVOKED,
        "left",
        officer,
    )
    assert not world.house.works.read(
        actor(user), lambda work: gate.visible(work, Document, Action.READ_METADATA).many([document])
    )


def test_review_closes_with_its_last_line(world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT)
    review = start(world, officer, fonds)

    review = attest(world, officer, review, *lines(world, officer, review))

    assert (review.state, review.closed_by) == (ReviewState.CLOSED, officer)
    assert review.closed_at is not None
    event = last_of(world.house, officer)
    assert (event["op"], event["outcome"]) == ("accessreview.attest", "committed")


def test_line_revoked_elsewhere_is_shown_so_and_waits_for_nobody(world, officer, fonds, user):
    ended, other = world.entry(user, fonds, Action.EDIT), world.entry(user, fonds, Action.FILE)
    review = start(world, officer, fonds)
    revoke(world, officer, ended)

    first, second = lines(world, officer, review)
    assert (first.standing, second.standing) == (Standing.REVOKED_ELSEWHERE, Standing.OPEN)
    assert counts(world, officer, review) == (2, 1)
    with pytest.raises(errors.State, match="^a line is in state `revoked_elsewhere`: leave it out$"):
        attest(world, officer, review, first)
    assert attest(world, officer, review, second).state is ReviewState.CLOSED
    assert other == second.entry.id


def test_review_of_which_all_was_revoked_elsewhere_is_closed_by_hand(world, officer, fonds, user):
    entry = world.entry(user, fonds, Action.EDIT)
    review = start(world, officer, fonds)

    with pytest.raises(errors.State, match="^lines are open still: keep or revoke each of them$"):
        write(world, officer, accessreviews.close, review_id=review.id)
    revoke(world, officer, entry)

    assert write(world, officer, accessreviews.close, review_id=review.id).state is ReviewState.CLOSED
    with pytest.raises(errors.State, match="^the review is closed$"):
        write(world, officer, accessreviews.close, review_id=review.id)


def test_decided_line_is_not_decided_again(world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT)
    world.entry(user, fonds, Action.FILE)
    review = start(world, officer, fonds)
    first, second = lines(world, officer, review)
    attest(world, officer, review, first)

    with pytest.raises(errors.State, match="^a line is in state `kept`: leave it out$"):
        attest(world, officer, review, second, first, verdict=Verdict.REVOKE)

    assert [line.standing for line in lines(world, officer, review)] == [Standing.KEPT, Standing.OPEN]
    assert second.entry.revision_to is None


def test_database_itself_keeps_a_signature(world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT)
    review = start(world, officer, fonds)
    attest(world, officer, review, *lines(world, officer, review))

    def forge(work):
        row = session_of(work).query(AccessReviewLine).filter_by(review_id=review.id).one()
        row.note = "forged"
        work.flush()

    with pytest.raises(DBAPIError, match="append-only"):
        world.build(forge)


def test_nobody_decides_about_a_line_that_names_himself(world, fonds):
    other = world.officer()
    world.entry(other, fonds, Action.EDIT)
    review = start(world, other, fonds)

    for verdict in Verdict:
        with pytest.raises(errors.SecondPerson):
            attest(world, other, review, *lines(world, other, review), verdict=verdict)
    assert last_of(world.house, other)["refused"] == [[fonds.hex, "MANAGE_ACCESS", "second_person", True]]


def test_manager_of_a_list_reviews_it_and_no_other(world, fonds, user):
    manager = world.user()
    world.entry(manager, fonds, Action.MANAGE_ACCESS)
    world.entry(user, fonds, Action.DISCOVER)
    review = start(world, manager, fonds)

    (line,) = [each for each in lines(world, manager, review) if each.entry.principal_id == user]
    attest(world, manager, review, line)

    assert shown(world, manager) == [review.id]
    with pytest.raises(errors.NotFound):
        start(world, manager, world.aggregation())


def test_reader_of_a_node_starts_and_sees_no_review_of_it(world, officer, fonds, user):
    world.entry(user, fonds, Action.READ_METADATA)
    review = start(world, officer, fonds)

    with pytest.raises(errors.Denied):
        start(world, user, fonds)
    assert shown(world, user) == []
    for use_case in (accessreviews.close,):
        with pytest.raises(errors.NotFound):
            write(world, user, use_case, review_id=review.id)


def test_hidden_review_and_hidden_line_are_answered_like_absent_ones(world, officer, fonds, user):
    hidden = world.aggregation(mark=Mark(300))
    world.entry(user, hidden, Action.EDIT)
    world.entry(user, fonds, Action.EDIT)
    highest = world.officer(rank=400)
    secret, open_one = start(world, highest, hidden), start(world, officer, fonds)
    (foreign,) = lines(world, highest, secret)

    assert secret.id not in shown(world, officer)
    for review_id, line_id in (
        (secret.id, foreign.row.id),
        (new_id(), new_id()),
        (open_one.id, foreign.row.id),
    ):
        with pytest.raises(errors.NotFound, match="^not found$"):
            write(
                world,
                officer,
                accessreviews.attest,
                review_id=review_id,
                line_ids=[line_id],
                verdict=Verdict.KEEP,
                note="x",
            )
    assert foreign.row.state is LineState.OPEN


def test_line_whose_node_was_marked_higher_meanwhile_is_hidden_and_still_open(world, officer, fonds, user):
    inner = world.aggregation(fonds, mark=Mark(300))
    world.entry(user, fonds, Action.EDIT)
    world.entry(user, inner, Action.EDIT)
    review = start(world, world.officer(rank=400), fonds, below=True)

    assert counts(world, officer, review) == (1, 1)
    review = attest(world, officer, review, *lines(world, officer, review))

    assert review.state is ReviewState.OPEN


def test_empty_list_is_no_review(world, officer, fonds):
    with pytest.raises(errors.Conflict, match="^there is no line to review$"):
        start(world, officer, fonds)


def test_too_long_a_list_is_refused_whole(world, officer, fonds, user, monkeypatch):
    monkeypatch.setattr(accessreviews, "MAX_LINES", 2)
    for action in (Action.EDIT, Action.FILE, Action.LEND):
        world.entry(user, fonds, action)

    with pytest.raises(errors.Invalid, match="^there are more than 2 lines: review a smaller part$"):
        start(world, officer, fonds)
    assert shown(world, officer, node=(NodeKind.AGGREGATION, fonds)) == []


@pytest.mark.parametrize("count", [0, 101])
def test_number_of_lines_at_once_is_bounded(world, officer, fonds, user, count):
    world.entry(user, fonds, Action.EDIT)
    review = start(world, officer, fonds)

    with pytest.raises(errors.Invalid, match="^must be 1 to 100 lines$"):
        write(
            world,
            officer,
            accessreviews.attest,
            review_id=review.id,
            line_ids=[new_id() for _ in range(count)],
            verdict=Verdict.KEEP,
            note="x",
        )


def test_reason_and_note_are_needed(world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT, until=system_clock() + DAY)
    with pytest.raises(errors.Invalid, match="^a reason is needed$"):
        start(world, officer, fonds, reason=" ")
    review = start(world, officer, fonds)

    with pytest.raises(errors.Invalid) as caught:
        attest(world, officer, review, *lines(world, officer, review), note="")

    assert caught.value.path == ("note",)


def test_reviews_are_listed_by_node_and_state(world, officer, fonds, user):
    world.entry(user, fonds, Action.EDIT)
    first, second = start(world, officer, fonds), start(world, officer, fonds)
    attest(world, officer, first, *lines(world, officer, first))
    node = (NodeKind.AGGREGATION, fonds)

    assert shown(world, officer, node=node) == [second.id, first.id]
    assert shown(world, officer, node=node, state=ReviewState.CLOSED) == [first.id]
    assert shown(world, officer, node=node, state=ReviewState.OPEN) == [second.id]
