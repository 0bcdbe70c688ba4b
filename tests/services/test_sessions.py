"""Sessions: everybody sees and ends his own, those who manage accounts or clearances any."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dms.access import tokens
from dms.base import errors
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.models.users import TokenKind
from dms.services import sessions
from tests.factories import actor
from tests.recorded import last_of

PAGE = PageRequest(100)


def issue(house, user, *, idle_s=3_600, kind=TokenKind.SESSION):
    return house.works.write(
        system_actor("test"),
        lambda work: tokens.issue(work, user, kind=kind, idle_s=idle_s, absolute_s=7_200, note="log-in"),
    )


def listed(house, who, **chosen):
    return house.works.read(actor(who), lambda work: sessions.sessions(work, PAGE, **chosen)).rows


def end(house, who, session_id):
    return house.works.write(actor(who), lambda work: sessions.end(work, session_id))


def counts(house, issued):
    return tokens.look_up(house.database, issued.token, now=system_clock()) is not None


def test_everybody_sees_his_own_sessions_and_keys_without_their_secrets(house, world):
    user = world.user()
    session, key = issue(house, user), issue(house, user, kind=TokenKind.KEY)
    issue(house, world.user())

    found = listed(house, user)

    assert [(row.id, row.kind) for row in found] == [
        (key.token_id, TokenKind.KEY),
        (session.token_id, TokenKind.SESSION),
    ]
    assert found[1].expires_at == session.expires_at
    assert (found[1].note, found[1].is_current, found[1].ended_at) == ("log-in", True, None)
    assert session.token not in repr(found)
    assert "sha256" not in repr(found)


def test_others_sessions_do_not_show_whatever_is_asked(house, world):
    user, other = world.user(), world.user()
    issue(house, other)

    assert listed(house, user, principal_id=other) == []


@pytest.mark.parametrize("role", ["administrator", "security_officer"])
def test_those_who_manage_accounts_or_clearances_see_and_end_any(house, world, role):
    keeper, user = world.officer(role=role), world.user()
    issued = issue(house, user)

    assert [row.id for row in listed(house, keeper, principal_id=user)] == [issued.token_id]
    end(house, keeper, issued.token_id)

    assert counts(house, issued) is False
    event = last_of(house, keeper)
    assert (event["op"], event["outcome"], event["changed"][0][0]) == (
        "session.end",
        "committed",
        issued.token_id.hex,
    )


def test_everybody_ends_his_own(house, world):
    user = world.user()
    ended, kept = issue(house, user), issue(house, user)

    end(house, user, ended.token_id)

    assert (counts(house, ended), counts(house, kept)) == (False, True)
    assert [row.id for row in listed(house, user, only_current=True)] == [kept.token_id]
    assert [row.is_current for row in listed(house, user)] == [True, False]


def test_the_end_of_anothers_session_looks_like_the_end_of_none(house, world):
    user, other = world.user(), world.user()
    issued = issue(house, other)

    for session_id in (issued.token_id, new_id()):
        with pytest.raises(errors.NotFound, match="^not found$"):
            end(house, user, session_id)

    assert counts(house, issued) is True
    assert last_of(house, user)["outcome"] == "refused"


def test_a_session_ends_once(house, world):
    user = world.user()
    issued = issue(house, user)
    end(house, user, issued.token_id)

    with pytest.raises(errors.State, match="^the session has ended already$"):
        end(house, user, issued.token_id)


def test_the_operator_has_no_sessions_of_his_own(house):
    with pytest.raises(errors.Unauthenticated):
        house.works.read(
            system_actor("test", operator="ops"),
            lambda work: sessions.sessions(_without_duties(work), PAGE),
        )


def _without_duties(work):
    import dataclasses

    from dms.access.standing import of_actor

    work.memory["standing"] = dataclasses.replace(of_actor(work), duties=frozenset())
    return work


def test_the_session_in_use_is_known_and_a_command_has_none(house, world):
    user = world.user()
    issued = issue(house, user)

    found = house.works.read(replace(actor(user), session_id=issued.token_id), sessions.current)

    assert (found.id, found.principal_id, found.is_current) == (issued.token_id, user, True)
    assert house.works.read(system_actor("test"), sessions.current) is None


def test_an_ended_session_is_answered_as_it_is_kept(house, world):
    user = world.user()
    issued = issue(house, user)

    ended = end(house, user, issued.token_id)

    assert not ended.is_current
    assert listed(house, user) == [ended]
