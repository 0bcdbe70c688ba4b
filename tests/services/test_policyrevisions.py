"""The history of the policy: every change once, newest first, and of the reasons only what is safe."""

from __future__ import annotations

import pytest

from dms.access import revisions
from dms.access.revisions import Chosen
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.paging import PageRequest
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesschanges import EntryGrant
from dms.rules.policyrevisions import RevisionKind
from dms.services import accesslists, accessproposals, memberships, policyrevisions, security, users
from dms.services.accesslists import EntryDraft
from tests.factories import actor
from tests.logged import logged
from tests.recorded import last_of
from tests.statements import counted, forget_decisions

ALL = Chosen()


@pytest.fixture(scope="module")
def officer(world):
    return world.officer("changing-officer")


@pytest.fixture(scope="module")
def auditor(world):
    return world.officer(role="auditor")


def write(house, who, body):
    return house.works.write(actor(who), body, locks=(revisions.LOCK,))


def head(house):
    return house.works.read(system_actor("test"), revisions.head)[0]


def page(house, who, *, chosen=ALL, size=100, **request):
    return house.works.read(
        actor(who),
        lambda work: policyrevisions.revisions_of(work, PageRequest(size, **request), chosen=chosen),
    )


def numbers(found):
    return [each.row.id for each in found.rows]


def since(house, who, start, **chosen):
    """What was told of the changes after a revision, oldest first."""
    rows = page(house, who, chosen=Chosen(**chosen)).rows
    return [each for each in reversed(rows) if each.row.id > start]


def grant(house, who, user, place, reason):
    draft = EntryDraft(
        user, NodeKind.AGGREGATION, place, Action.READ_CONTENT, Effect.ALLOW, None, None, reason
    )
    return write(house, who, lambda work: accesslists.grant(work, draft))


def join(house, who, user, group, reason):
    def body(work):
        return memberships.member_add(
            work, group_id=group, member_id=user, valid_from=None, valid_until=None, reason=reason
        )

    return write(house, who, body)


def test_each_change_is_one_revision_with_number_actor_kind_and_instant(house, world, officer, auditor):
    user, group = world.user(), world.principal(PrincipalKind.GROUP)
    start = head(house)

    link = join(house, officer, user, group, "post 41")

    (found,) = since(house, auditor, start)
    assert (found.row.id, found.row.actor_id, found.kind, found.note) == (
        start + 1,
        officer,
        RevisionKind.LINK,
        "post 41",
    )
    assert found.row.at == link.valid_from


def test_reasons_of_entries_and_proposals_are_not_told(house, world, officer, auditor):
    place, user, second = world.aggregation(), world.user(), world.officer()
    world.document(place)
    start = head(house)

    row = grant(house, officer, user, place, "for the case of Operation Heron")
    write(house, officer, lambda work: accesslists.revoke(work, entry_id=row.id, reason="Heron is over"))
    change = EntryGrant(user, NodeKind.AGGREGATION, place, Action.READ_CONTENT, Effect.ALLOW)
    proposal = write(
        house, officer, lambda work: accessproposals.propose(work, [change], reason="Heron again")
    )
    write(
        house,
        second,
        lambda work: accessproposals.approve(
            work, proposal_id=proposal.id, digest=proposal.digest, note=None
        ),
    )

    for asker in (auditor, officer):
        found = since(house, asker, start)
        assert {each.kind for each in found} == {
            RevisionKind.NODE,
            RevisionKind.ENTRY,
            RevisionKind.PROPOSAL,
        }
        assert {each.note for each in found} == {None, "a node became an access node"}


def test_every_kind_that_the_product_writes_has_a_name_and_own_words_are_told(house, world, auditor):
    clerk, administrator = world.officer(), world.officer(role="administrator")
    user = world.user()
    start = head(house)

    write(house, clerk, lambda work: security.create_compartment(work, code=f"c{start}", name="Cipher room"))
    write(house, administrator, lambda work: users.disable(work, user, expected_revision=1, reason="left us"))

    found = since(house, auditor, start)
    assert [(each.kind, each.note) for each in found] == [
        (RevisionKind.COMPARTMENT, f"compartment c{start} made"),
        (RevisionKind.ACCOUNT, "left us"),
    ]


def test_unknown_kind_of_change_is_not_written(house):
    before = head(house)

    with pytest.raises(ValueError, match="'mood' is not a valid RevisionKind"):
        house.works.write(system_actor("test"), lambda work: revisions.advance(work, kind="mood", note="x"))

    assert head(house) == before


def test_filters_narrow_by_kind_person_and_period(house, world, officer, auditor):
    other, group = world.officer(), world.principal(PrincipalKind.GROUP)
    start = head(house)
    first = join(house, officer, world.user(), group, "one")
    second = join(house, other, world.user(), group, "two")

    def notes(**chosen):
        return [
            each.note for each in since(house, auditor, start, **chosen) if each.kind is RevisionKind.LINK
        ]

    assert notes(kinds={RevisionKind.LINK}) == ["one", "two"]
    assert notes(kinds={RevisionKind.FILES}) == []
    assert notes(kinds=set()) == []
    assert notes(actor_id=other) == ["two"]
    assert notes(since=second.valid_from) == ["two"]
    assert notes(since=first.valid_from, until=second.valid_from) == ["one"]


def test_period_without_an_instant_is_refused(house, auditor):
    with pytest.raises(errors.Invalid, match="^the period ends before it begins$") as caught:
        page(house, auditor, chosen=Chosen(since=5, until=5))

    assert caught.value.path == ("filter", "until")


def test_pages_meet_in_both_directions_and_are_counted(house, world, officer, auditor):
    group = world.principal(PrincipalKind.GROUP)
    for number in range(5):
        join(house, officer, world.user(), group, f"link {number}")
    chosen = Chosen(kinds={RevisionKind.LINK}, actor_id=officer)
    whole = page(house, auditor, chosen=chosen, want_total=True)

    first = page(house, auditor, chosen=chosen, size=2)
    rest = page(house, auditor, chosen=chosen, after=first.positions[-1])
    back = page(house, auditor, chosen=chosen, size=2, backward=True, after=rest.positions[0])
    last = page(house, auditor, chosen=chosen, size=2, backward=True)

    assert numbers(whole) == sorted(numbers(whole), reverse=True)
    assert (whole.total, whole.has_next, first.has_next, rest.has_next) == (
        len(whole.rows),
        False,
        True,
        False,
    )
    assert numbers(first) + numbers(rest) == numbers(whole)
    assert (numbers(back), back.has_previous, back.has_next) == (numbers(first), False, True)
    assert numbers(last) == numbers(whole)[-2:]


@pytest.mark.parametrize("role", ["administrator", "log_custodian", "records_manager", "reader"])
def test_whoever_lacks_the_duty_learns_nothing_and_his_asking_is_kept(house, world, role):
    person = world.officer(role=role)

    with pytest.raises(errors.Duty) as caught:
        page(house, person)

    assert caught.value.duty == "policy.read"
    event = last_of(house, person)
    assert (event["op"], event["outcome"], event["reason"]) == ("policy.read", "refused", "duty")


def test_asking_is_an_event_that_says_what_was_told(house, world, auditor):
    found = page(house, auditor, size=3, chosen=Chosen(kinds={RevisionKind.LINK}))

    event = logged(house.database)[-1]
    assert (event.fields["op"], event.fields["outcome"]) == ("policy.read", "released")
    assert event.detail["asked"] == [{"kinds": ["link"], "told": numbers(found)}]


def test_page_takes_the_same_statements_whatever_its_length(house, world, officer, auditor):
    group = world.principal(PrincipalKind.GROUP)
    for _ in range(4):
        join(house, officer, world.user(), group, "one more")
    counts = []
    for size in (1, 50):
        forget_decisions(house)
        with counted(house) as statements:
            page(house, auditor, size=size)
        counts.append(len(statements))

    assert counts[0] == counts[1]
