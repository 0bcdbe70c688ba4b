"""Each fault that the equality test is there for is really caught by it (`access.md` section 10)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import and_, or_

from dms.access import predicates, slices
from dms.rules.access import Action, Effect
from tests.access import test_equality as equality
from tests.conftest import opened_house
from tests.factories import World, actor

LIKELY = (Action.DISCOVER, Action.READ_METADATA, Action.READ_CONTENT)
"""Actions that many entries bear on, so that few worlds tell."""


@pytest.fixture(scope="module")
def house(installation):
    with installation("sqlite") as settings_, opened_house(settings_) as made:
        yield made


@pytest.fixture(scope="module")
def world(house):
    return World(house)


lattice = equality.lattice


class _Caught(Exception):
    """A world in which the ways of deciding part."""


def _without_denies(found):
    return lambda *of: [line for line in found(*of) if line.effect is not Effect.DENY]


def _one_tree_only(found):
    return lambda work, loaded, place: found(work, loaded, replace(place, class_node=None))


def _without_roof_denies(found):
    def made(work, standing, *, tops, own):
        roofs = {standing.roof.repository_node, standing.roof.scheme_node}
        kept = {**tops, Effect.DENY: set(tops[Effect.DENY]) - roofs}
        return found(work, standing, tops=kept, own=own)

    return made


MUTANTS = {
    "a deny never reaches the slice": (slices, "lines_on", _without_denies),
    "only one tree counts": (slices, "chain_of", _one_tree_only),
    "an expired line still counts in lists": (
        predicates,
        "is_live",
        lambda _: lambda since, until, now: since <= now,
    ),
    "a line still counts at its end": (
        predicates,
        "is_live",
        lambda _: lambda since, until, now: and_(since <= now, or_(until.is_(None), until >= now)),
    ),
    "compartments are not compared": (
        predicates,
        "dominates",
        lambda _: lambda clearance, mark: clearance is not None and clearance.rank >= mark.rank,
    ),
    "a Document's own entries are forgotten": (
        predicates,
        "shows_own",
        lambda _: lambda found, triple, _id: predicates.shows(found, triple),
    ),
    "a deny on the Repository is forgotten": (predicates, "_made", _without_roof_denies),
    "an allow on an Aggregation undoes the deny of a class": (
        predicates,
        "permits",
        lambda found: (
            lambda verdict, triple: found(verdict, triple) or triple.aggregation_node in verdict.allowed
        ),
    ),
    "own entries are left out of the count": (predicates, "_own_difference", lambda _: lambda *of: 0),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_mutant_is_caught(house, lattice, monkeypatch, name):
    module, attribute, mutate = MUTANTS[name]
    monkeypatch.setattr(module, attribute, mutate(getattr(module, attribute)))

    with pytest.raises(_Caught):
        _search(house, lattice, worlds=300)


def test_without_a_mutant_nothing_is_caught(house, lattice):
    _search(house, lattice, worlds=60)


def _search(house, lattice, *, worlds):
    @given(plan=equality.worlds(), offset=st.sampled_from(equality.NOW_OFFSETS))
    @settings(
        max_examples=worlds,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def look(plan, offset):
        def body(work):
            user, aggregations, documents, now = equality._build(work, plan, lattice)
            work.actor, work.now = actor(user), now + offset
            differences = Counter()
            for action in LIKELY:
                work.memory = {"policy": house.policy}
                differences += equality._differences(work, house, action, (aggregations, documents))
            raise _Caught if differences else equality._RolledBack

        with pytest.raises(equality._RolledBack):
            house.works.write(actor(equality.EVERYONE_ID), body)

    look()
