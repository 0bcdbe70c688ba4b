"""What rules say in force: read by whoever computes a due day."""

from __future__ import annotations

import pytest
from sqlalchemy.exc import IntegrityError

from dms.base.ids import new_id
from dms.rules.duerules import RuleWording
from dms.rules.retention import Bound
from dms.rules.states import EditionState
from dms.stores import ruleentries
from tests import ruleworlds
from tests.duewordings import track


def wordings(world, *rule_ids):
    return world.build(lambda work: ruleentries.wordings(work, rule_ids))


def test_wording_in_force_is_found_by_its_rule(world):
    schedule_id = ruleworlds.schedule(world)
    rule_id = ruleworlds.rule(world, schedule_id, "7.1")
    other = ruleworlds.rule(world, schedule_id, "7.2")
    edition_id = ruleworlds.edition(world, schedule_id)
    ruleworlds.entry(world, edition_id, rule_id, "closed, P5Y destroy", code="7.1")
    ruleworlds.entry(world, edition_id, other, "permanent keep_permanently", code="7.2", bound=Bound.MAXIMUM)

    found = wordings(world, rule_id, other, new_id())

    assert found == {
        rule_id: RuleWording(rule_id, "7.1", edition_id, Bound.MINIMUM, (track("closed, P5Y destroy"),)),
        other: RuleWording(other, "7.2", edition_id, Bound.MAXIMUM, (track("permanent keep_permanently"),)),
    }


def test_rule_of_several_schedules_in_force_is_read_from_its_own(world):
    one = ruleworlds.in_force(world, "closed, P1Y destroy")
    two = ruleworlds.in_force(world, "closed, P2Y destroy")

    found = wordings(world, one, two)

    assert found[one].tracks == (track("closed, P1Y destroy"),)
    assert found[two].tracks == (track("closed, P2Y destroy"),)


@pytest.mark.parametrize("state", [state for state in EditionState if state is not EditionState.IN_FORCE])
def test_rule_of_an_edition_that_is_not_in_force_has_no_wording(world, state):
    schedule_id = ruleworlds.schedule(world)
    rule_id = ruleworlds.rule(world, schedule_id)
    edition_id = ruleworlds.edition(world, schedule_id, state=state)
    ruleworlds.entry(world, edition_id, rule_id, "closed, P5Y destroy")

    assert wordings(world, rule_id) == {}
    proposed = world.build(lambda work: ruleentries.wordings_of_edition(work, edition_id))
    assert proposed[rule_id].tracks == (track("closed, P5Y destroy"),)


def test_rule_that_needs_review_has_no_tracks_whatever_was_found(world):
    rule_id = ruleworlds.in_force(world, "closed, P5Y destroy", needs_review="no_trigger several_periods")

    found = wordings(world, rule_id)[rule_id]

    assert (found.tracks, found.needs_review) == ((), ("no_trigger", "several_periods"))


def test_two_editions_of_a_schedule_are_never_in_force_together(world):
    schedule_id = ruleworlds.schedule(world)
    ruleworlds.edition(world, schedule_id)

    with pytest.raises(IntegrityError):
        ruleworlds.edition(world, schedule_id, number=2)


def test_number_is_unique_in_its_schedule_only(world):
    one, two = ruleworlds.schedule(world), ruleworlds.schedule(world)
    ruleworlds.rule(world, one, "7.1")
    ruleworlds.rule(world, two, "7.1")

    with pytest.raises(IntegrityError):
        ruleworlds.rule(world, one, "7.1")
