"""What follows for things: it follows an edition that comes in force, and a reading that is approved."""

from __future__ import annotations

import pytest

from dms.models.retention import Target
from dms.services import ruleentries
from dms.services.ruleentries import RuleWords
from tests import retaining
from tests.duewordings import track
from tests.services.schedules import Office


@pytest.fixture(scope="module")
def office(desk):
    return Office(desk)


def bound(desk, entry):
    """A Document in an Aggregation to which the rule is bound."""
    place = desk.world.aggregation()
    document = desk.world.document(place)
    desk.world.build(lambda work: retaining.bind(work, entry.rule_id, Target.AGGREGATION, place))
    retaining.recompute(desk.house)
    return document


def due(desk, document):
    row = retaining.kept(desk.world, document)
    return row.state.value


def test_outcome_follows_what_persons_read_in_a_rule(desk, office):
    entry = office.schedule("READ").in_force("2 years, or permanent").entry("R1")
    document = bound(desk, entry)
    before = due(desk, document)

    office.resolve(entry.id, track("permanent keep_permanently"))
    office.approve(entry.id)
    retaining.recompute(desk.house)

    assert (before, due(desk, document)) == ("undetermined", "permanent")
    assert desk.world.build(retaining.disagreeing) == set()


def test_outcome_follows_an_edition_that_comes_in_force(desk, office):
    book = office.schedule("ACTIVATED")
    document = bound(desk, book.in_force("permanent").entry("R1"))
    before = due(desk, document)
    draft = book.draft()
    words = RuleWords(retention="5 years after closed")
    draft.do(ruleentries.update, draft.entry("R1").id, words)

    draft.activate()
    retaining.recompute(desk.house)

    assert (before, due(desk, document)) == ("permanent", "waiting")
    assert desk.world.build(retaining.disagreeing) == set()
