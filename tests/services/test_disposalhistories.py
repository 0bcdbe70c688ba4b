"""Whatever is done in whatever order, nothing is destroyed that was held, or not due, or not approved."""

from __future__ import annotations

import contextlib
from functools import partial

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from dms.base import errors
from dms.models.documents import Document
from dms.models.holds import Hold
from dms.rules.holds import CoveredKind
from dms.rules.states import BatchState, DocumentState, HoldState
from dms.services import disposalbatches, disposalruns
from dms.stores.work import session_of
from tests import factories
from tests.services import holds
from tests.services.disposing import Archive

DOCUMENTS = 3
STEPS = ("hold", "lift", "lengthen", "touch", "add", "propose", "approve", "return", "execute", "slice")


@pytest.fixture(scope="module")
def archive(desk):
    return Archive(desk)


class History:
    """Some Documents that are due, one list, and what is known of both beside the program."""

    def __init__(self, archive):
        self.archive, self.desk, self.world = archive, archive.desk, archive.desk.world
        self.things = self.world.at_once(
            lambda world: [archive.document(world=world) for _ in range(DOCUMENTS)]
        )
        self.batch = archive.begin()
        self.held, self.undue, self.approved = {}, set(), {}

    def do(self, step, which):
        thing = self.things[which]
        if step in {"hold", "lift", "lengthen", "touch", "add"}:
            getattr(self, step)(thing)
        else:
            getattr(self, step if step != "return" else "send_back")()

    def hold(self, thing):
        if thing not in self.held:
            self.held[thing] = holds.place(self.world, CoveredKind.DOCUMENT, thing)

    def lift(self, thing):
        hold = self.held.pop(thing, None)
        if hold is not None:
            self.world.build(lambda work: lifted(session_of(work).get(Hold, hold)))

    def lengthen(self, thing):
        self.archive.bind("registered, P90Y", target=thing, kind=self.archive.DOCUMENT)
        self.undue.add(thing)

    def touch(self, thing):
        self.world.build(lambda work: touched(session_of(work).get(Document, thing)))

    def add(self, thing):
        self.archive.add(self.archive.now(self.batch), thing)

    def propose(self):
        self.archive.step(disposalbatches.propose, self.batch)

    def approve(self):
        self.archive.approve(self.batch)

    def send_back(self):
        self.archive.step(disposalbatches.send_back, self.batch, self.archive.approver, reason="look again")

    def execute(self):
        self.archive.step(disposalbatches.execute, self.batch)

    def slice(self):
        actor = factories.actor(self.archive.manager)
        carry_out = partial(disposalruns.carry_out, batch_id=self.batch.id, limit=1)
        self.desk.house.works.write(actor, carry_out)

    def destroyed(self):
        return {
            each for each in self.things if self.desk.look(Document, each).state is DocumentState.DESTROYED
        }


def lifted(row):
    row.state, row.lift_proposed_at, row.lifted_at = HoldState.LIFTED, 1, 2


def touched(row):
    row.revision += 1


@settings(max_examples=settings.default.max_examples // 50 + 1)
@example([])
@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, DOCUMENTS - 1)), max_size=14))
def test_nothing_goes_that_was_held_or_undue_or_not_approved(archive, steps):
    history = History(archive)
    gone = set()
    # Each history begins with a list that could be carried out, so that most of them come to something.
    for step, which in [
        ("add", 0),
        ("add", 1),
        *steps,
        ("propose", 0),
        ("approve", 0),
        ("execute", 0),
        ("slice", 0),
    ]:
        state = archive.now(history.batch).state
        with contextlib.suppress(errors.DmsError):
            history.do(step, which)
        new = history.destroyed() - gone
        assert new.isdisjoint(history.held)
        assert new.isdisjoint(history.undue)
        assert not new or state is BatchState.EXECUTING
        gone |= new
    assert gone or steps
