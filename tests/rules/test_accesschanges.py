"""A set of changes: what can never be written together, and that its text says all of it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dms.base.errors import Invalid
from dms.base.ids import new_id
from dms.rules import accesschanges
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesschanges import (
    ClearanceGrant,
    ClearanceRevoke,
    EntryGrant,
    EntryRevoke,
    LinkEnd,
    LinkMake,
    MarkSet,
)

WHO, NODE, GROUP = new_id(), new_id(), new_id()
ids = st.sampled_from([new_id() for _ in range(4)])
instants = st.none() | st.integers(0, 10)
CHANGES = st.one_of(
    st.builds(
        EntryGrant,
        ids,
        st.sampled_from(NodeKind),
        ids,
        st.sampled_from(Action),
        st.sampled_from(Effect),
        instants,
        st.none() | st.integers(11, 20),
    ),
    st.builds(EntryRevoke, ids),
    st.builds(LinkMake, ids, ids, instants),
    st.builds(LinkEnd, ids, ids),
    st.builds(ClearanceGrant, ids, st.sampled_from(["open", "secret"]), st.just(("crypto", "medical"))),
    st.builds(ClearanceRevoke, ids),
    st.builds(MarkSet, st.just(NodeKind.DOCUMENT), ids, st.just("open"), st.just(()), st.integers(1, 9)),
)


def entry(**values):
    chosen = {"action": Action.EDIT, "effect": Effect.ALLOW, **values}
    return EntryGrant(principal_id=WHO, node_kind=NodeKind.AGGREGATION, node_id=NODE, **chosen)


def refused(*changes):
    with pytest.raises(Invalid) as caught:
        accesschanges.check(changes)
    return caught.value.path, caught.value.message


@given(st.lists(CHANGES, max_size=6))
def test_what_is_kept_of_a_set_says_all_of_it(changes):
    kept = json.loads(accesschanges.text(changes))

    assert accesschanges.read(kept) == tuple(changes)


def digest(changes, *, reason="why", basis="a" * 64):
    return accesschanges.digest_of(changes, reason=reason, basis_sha256=basis)


@given(CHANGES, CHANGES)
def test_digest_tells_different_sets_apart(one, other):
    assert (digest([one]) == digest([other])) is (one == other)


def test_digest_binds_the_reason_the_order_and_what_the_effects_rest_on():
    one, other = entry(), EntryRevoke(NODE)
    found = digest([one, other])

    assert digest([one, other], reason="why not") != found
    assert digest([other, one]) != found
    assert digest([one, other], basis="b" * 64) != found
    assert digest([one, other]) == found


def test_empty_set_is_refused():
    assert refused() == (("changes",), "say at least one change")


def test_five_hundred_changes_are_accepted_and_one_more_is_not():
    changes = [EntryRevoke(new_id()) for _ in range(501)]

    accesschanges.check(changes[:500])

    assert refused(*changes) == (("changes",), "501 changes are too many: send at most 500 at a time")


def test_ten_thousand_changes_are_refused_by_their_number_alone():
    assert refused(*[entry()] * 10_000)[0] == ("changes",)


def test_change_said_twice_is_refused_at_the_second():
    expected = (("changes", "2"), "change 0 says the same: leave one of them out")

    assert refused(entry(), EntryRevoke(NODE), entry()) == expected


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (entry(), entry(effect=Effect.DENY)),
        (LinkMake(WHO, GROUP), LinkEnd(WHO, GROUP)),
        (ClearanceGrant(WHO, "open"), ClearanceGrant(WHO, "secret")),
        (
            MarkSet(NodeKind.DOCUMENT, NODE, "open", (), 1),
            MarkSet(NodeKind.DOCUMENT, NODE, "secret", (), 1),
        ),
    ],
)
def test_two_changes_of_which_one_undoes_the_other_are_refused(one, other):
    expected = (("changes", "1"), "change 0 says something else about the same: leave one of them out")

    assert refused(one, other) == expected


def test_periods_that_only_touch_are_no_contradiction():
    first, second = entry(valid_from=5, valid_until=10), entry(valid_from=10, effect=Effect.DENY)

    accesschanges.check([first, second])


def test_period_without_an_instant_is_refused_with_its_place():
    path, message = refused(entry(valid_from=5, valid_until=5))

    assert path == ("changes", "0", "valid_until")
    assert message == "must lie after the start of the period"
