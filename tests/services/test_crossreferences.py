"""Cross-references: told from both ends, absent with either, without circles, never deleted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from dms.base import errors
from dms.base.paging import PageRequest
from dms.models.security import MarkedKind
from dms.rules.access import Action
from dms.rules.crossreferences import ACYCLIC, CrossReferenceKind
from dms.rules.states import DocumentState
from dms.services import crossreferences
from dms.services.crossreferences import LOCK, End, NewReference
from tests.factories import actor, at_once

K = CrossReferenceKind
ALL = PageRequest(100)


@at_once
def made(world):
    """A clerk at work in two Aggregations, and a reader of the first alone."""
    home, apart = world.aggregation(), world.aggregation()
    clerk, reader = world.user(), world.user()
    for node in (home, apart):
        world.entry(clerk, node, Action.EDIT)
    world.entry(reader, home, Action.READ_METADATA)
    return home, apart, clerk, reader


class Desk:
    """A clerk who refers from one thing to another."""

    def __init__(self, desk):
        self.desk = desk
        self.home, self.apart, self.clerk, self.reader = made(desk.world)

    def document(self, *, apart=False, **values):
        return End(
            MarkedKind.DOCUMENT, self.desk.world.document(self.apart if apart else self.home, **values)
        )

    def add(self, source, kind, target=None, *, by=None, **values):
        new = NewReference(source, kind, values.pop("reason", "as filed"), target, **values)
        return self.desk.do(by or self.clerk, crossreferences.add, new)

    def remove(self, row, **values):
        return self.desk.do(values.pop("by", self.clerk), crossreferences.remove, row.id, reason="no more")

    def of(self, end, by=None, **values):
        page = self.desk.see(by or self.clerk, crossreferences.listed, ALL, thing_id=end.id, **values)
        return [row.id for row in page.rows]


@pytest.fixture(scope="module")
def referring(desk):
    return Desk(desk)


@pytest.fixture
def pair(referring):
    return referring.document(), referring.document()


def test_reference_is_found_from_both_ends(desk, referring, pair):
    row = referring.add(pair[0], K.SUPERSEDES, pair[1])

    assert referring.of(pair[0]) == referring.of(pair[1]) == [row.id]
    assert desk.event(referring.clerk)["op"] == "crossreference.list"


def test_document_refers_to_an_aggregation_and_to_a_citation(referring, pair):
    home = End(MarkedKind.AGGREGATION, referring.home)

    placed = referring.add(pair[0], K.MOVED_TO, home)
    cited = referring.add(pair[0], K.SEE, citation="Gazette 1990, p. 4")

    assert referring.of(pair[0]) == [placed.id, cited.id]
    assert placed.id in referring.of(home)
    assert cited.citation == "Gazette 1990, p. 4"


@pytest.mark.parametrize("turned", [False, True])
def test_reference_is_absent_if_one_end_is_hidden(desk, referring, turned):
    shown, hidden = referring.document(), referring.document(apart=True)
    ends = (hidden, shown) if turned else (shown, hidden)
    row = referring.add(ends[0], K.REPLIES_TO, ends[1])

    page = desk.see(
        referring.reader, crossreferences.listed, PageRequest(5, want_total=True), thing_id=shown.id
    )
    assert (page.rows, page.total) == ([], 0)
    assert referring.of(shown, by=referring.reader) == []
    assert referring.of(hidden, by=referring.reader) == []
    assert desk.see(referring.reader, crossreferences.each, [row.id]) == {}
    assert "replie" not in desk.see(referring.reader, crossreferences.sheet, shown)
    assert "replie" in desk.see(referring.clerk, crossreferences.sheet, shown)


def test_who_may_not_edit_the_source_or_read_the_target_adds_nothing(referring, pair):
    with pytest.raises(errors.Denied):
        referring.add(pair[0], K.SEE, pair[1], by=referring.reader)
    with pytest.raises(errors.NotFound):
        referring.add(referring.document(apart=True), K.SEE, pair[1], by=referring.reader)

    assert referring.of(pair[1]) == []


@pytest.mark.parametrize("kind", sorted(ACYCLIC))
def test_circle_is_refused_by_whatever_steps(referring, kind):
    first, second, third = (referring.document() for _ in range(3))
    referring.add(first, kind, second)
    referring.add(second, kind, third)

    with pytest.raises(errors.Invalid, match=f"^`{kind}` would lead back to where it begins"):
        referring.add(third, kind, first)

    assert len(referring.of(third)) == 1


def test_circle_is_no_circle_once_a_step_is_removed(referring, pair):
    referring.remove(referring.add(pair[0], K.CONTINUES, pair[1]))

    assert referring.add(pair[1], K.CONTINUES, pair[0]).kind is K.CONTINUES


def test_two_at_once_close_no_circle(desk, referring, pair):
    def refer(ends):
        new = NewReference(ends[0], K.SUPERSEDES, "at once", ends[1])
        try:
            desk.house.works.write(
                actor(referring.clerk), lambda work: crossreferences.add(work, new), locks=(LOCK,)
            )
        except errors.Invalid:
            return "refused"
        return "added"

    with ThreadPoolExecutor(2) as clients:
        found = list(clients.map(refer, [pair, pair[::-1]]))

    assert sorted(found) == ["added", "refused"]


def test_thing_never_refers_to_itself(referring, pair):
    with pytest.raises(errors.Invalid, match="^a thing does not refer to itself: choose another$"):
        referring.add(pair[0], K.RELATED, pair[0])


@pytest.mark.parametrize("turned", [False, True])
def test_what_says_the_same_from_both_ends_is_added_once(referring, pair, turned):
    referring.add(pair[0], K.SEE_ALSO, pair[1])

    with pytest.raises(errors.Conflict, match="^this reference stands already$"):
        referring.add(*((pair[1], K.SEE_ALSO, pair[0]) if turned else (pair[0], K.SEE_ALSO, pair[1])))


def test_two_targets_or_none_are_refused(referring, pair):
    for values in ({}, {"target": pair[1], "citation": "Gazette"}):
        with pytest.raises(errors.Invalid, match="^name either a thing or a citation from outside$"):
            referring.add(pair[0], K.SEE, **values)


def test_removed_reference_stays_in_the_history_and_is_removed_once(referring, pair):
    row = referring.add(pair[0], K.COPY_OF, pair[1])

    removed = referring.remove(row)

    assert (removed.removed_by, removed.removal_reason) == (referring.clerk, "no more")
    assert referring.of(pair[0]) == []
    assert referring.of(pair[0], with_removed=True) == [row.id]
    with pytest.raises(errors.State, match="^it was removed before"):
        referring.remove(row)
    with pytest.raises(errors.Denied):
        referring.remove(referring.add(pair[0], K.COPY_OF, pair[1]), by=referring.reader)


def test_stub_refers_to_nothing_any_more(referring, pair):
    stub = referring.document(state=DocumentState.DESTROYED)

    with pytest.raises(errors.State, match="^only a stub is left of it"):
        referring.add(stub, K.SEE, pair[0])
    assert referring.add(pair[0], K.SEE, stub).target_id == stub.id
