"""Asking again for what is on record: no second event for the same answer, one for anything else."""

from __future__ import annotations

import pytest

from dms.access import gate
from dms.access.log.again import asking_again
from dms.base.errors import NotFound
from dms.models.documents import Document
from dms.rules.access import Action, Effect
from dms.rules.accessevents import Op
from tests.factories import actor
from tests.recorded import events_of


@pytest.fixture
def document(world):
    return world.document(world.aggregation())


@pytest.fixture
def reader(world, document):
    user = world.user()
    world.entry_on_document(user, document, Action.READ_CONTENT)
    return user


def ask(house, reader, document, *, released):
    def body(work):
        work.performs(Op.CONTENT_DOWNLOAD)
        return gate.visible(work, Document, Action.READ_CONTENT).one(document).id

    return asking_again(house.works, released=released).read(actor(reader), body)


def test_the_same_answer_leaves_no_second_event(house, reader, document):
    assert ask(house, reader, document, released=[document]) == document
    assert events_of(house, reader) == []


def test_a_refusal_leaves_its_event(house, world, reader, document):
    world.entry_on_document(reader, document, Action.READ_CONTENT, effect=Effect.DENY)

    with pytest.raises(NotFound):
        ask(house, reader, document, released=[document])

    (event,) = events_of(house, reader)
    assert (event["op"], event["outcome"], event["reason"]) == ("content.download", "refused", "denied")


def test_what_was_not_released_before_leaves_its_event(house, reader, document):
    ask(house, reader, document, released=[])

    (event,) = events_of(house, reader)
    assert event["outcome"] == "released"
    assert event["n"] > 0
