from __future__ import annotations

import re
import threading

import pytest
from sqlalchemy import select

from dms.access import tokens
from dms.access.tokens import Sign
from dms.base.actor import system_actor
from dms.base.clock import DAY, HOUR, MINUTE, system_clock
from dms.models.users import BearerToken, Principal, PrincipalKind, PrincipalStatus, TokenKind
from dms.stores import upkeep
from dms.stores.engine import Database
from dms.stores.work import session_of


@pytest.fixture
def user(world):
    return world.user()


def write(house, body):
    return house.works.write(system_actor("test"), body)


def issue(house, user, *, kind=TokenKind.SESSION, idle_s=3_600, absolute_s=43_200):
    return write(
        house,
        lambda work: tokens.issue(work, user, kind=kind, idle_s=idle_s, absolute_s=absolute_s, note="a test"),
    )


def stored(house, token_id):
    with upkeep.reading(house.database) as connection:
        return connection.execute(select(BearerToken.__table__).filter_by(id=token_id)).one()


def test_a_secret_names_its_kind_and_carries_256_bits():
    texts = [tokens.mint(sign).text for sign in Sign]

    assert [text[:6] for text in texts] == ["dms_s_", "dms_k_", "dms_c_"]
    assert all(re.fullmatch(r"dms_[skc]_[0-9A-Za-z]{49}", text) for text in texts)
    assert 62**43 > 2**256


def test_no_two_secrets_are_alike():
    assert len({tokens.mint(Sign.SESSION).text for _ in range(1_000)}) == 1_000


def test_a_secret_never_shows_in_the_text_of_its_object():
    minted = tokens.mint(Sign.SESSION)

    assert minted.text not in repr(minted)


def test_a_mistyped_secret_is_recognised_without_the_database():
    text = tokens.mint(Sign.SESSION).text
    other = "a" if text[20] != "a" else "b"

    assert tokens.digest_of(text, Sign.SESSION) is not None
    assert tokens.digest_of(text[:20] + other + text[21:], Sign.SESSION) is None
    assert tokens.digest_of(text + "0", Sign.SESSION) is None
    assert tokens.digest_of(text[:-1], Sign.SESSION) is None
    assert tokens.digest_of("", Sign.SESSION) is None


def test_a_secret_of_another_kind_opens_nothing():
    code = tokens.mint(Sign.CODE).text

    assert tokens.digest_of(code, Sign.SESSION, Sign.KEY) is None
    assert tokens.digest_of(code.replace("_c_", "_s_"), Sign.SESSION) is None


def test_a_token_leads_to_its_account(house, user):
    issued = issue(house, user)

    holder = tokens.look_up(house.database, issued.token, now=system_clock())

    assert holder == tokens.Holder(
        user, PrincipalKind.USER, issued.token_id, TokenKind.SESSION, is_touch_due=False
    )


def test_a_key_is_a_token_too(house, user):
    issued = issue(house, user, kind=TokenKind.KEY)

    assert issued.token.startswith("dms_k_")
    assert tokens.look_up(house.database, issued.token, now=system_clock()).token_kind is TokenKind.KEY


def test_the_database_holds_only_the_digest(house, user):
    issued = issue(house, user)

    row = stored(house, issued.token_id)

    assert issued.token not in repr(row)
    assert len(row.token_sha256) == 64
    assert tokens.look_up(house.database, row.token_sha256, now=system_clock()) is None


def test_a_token_that_was_never_issued_leads_nowhere(house):
    assert tokens.look_up(house.database, tokens.mint(Sign.SESSION).text, now=system_clock()) is None


def test_a_token_counts_until_its_idle_time_is_over(house, user):
    issued = issue(house, user)
    at = stored(house, issued.token_id).created_at

    assert tokens.look_up(house.database, issued.token, now=at + HOUR - 1) is not None
    assert tokens.look_up(house.database, issued.token, now=at + HOUR) is None


def test_a_token_in_use_ends_at_its_absolute_time(house, user):
    issued = issue(house, user)
    at = stored(house, issued.token_id).created_at
    for hour in range(1, 24):
        tokens.touch(house.database, issued.token_id, now=at + hour * HOUR // 2)

    assert issued.expires_at == at + 12 * HOUR
    assert tokens.look_up(house.database, issued.token, now=at + 12 * HOUR - 1) is not None
    assert tokens.look_up(house.database, issued.token, now=at + 12 * HOUR) is None


def test_a_clock_that_jumps_lengthens_no_life(house, user):
    issued = issue(house, user)
    at = stored(house, issued.token_id).created_at

    assert tokens.look_up(house.database, issued.token, now=at + 10 * DAY) is None
    assert tokens.look_up(house.database, issued.token, now=at - 10 * DAY) is None


def test_the_last_use_is_asked_for_once_a_minute(house, user):
    issued = issue(house, user)
    at = stored(house, issued.token_id).created_at

    early = tokens.look_up(house.database, issued.token, now=at + MINUTE - 1)
    late = tokens.look_up(house.database, issued.token, now=at + MINUTE)
    touched = tokens.touch(house.database, issued.token_id, now=at + MINUTE)
    again = tokens.look_up(house.database, issued.token, now=at + MINUTE + 1)

    assert (early.is_touch_due, late.is_touch_due, touched, again.is_touch_due) == (False, True, True, False)
    assert stored(house, issued.token_id).last_used_at == at + MINUTE


def test_the_last_use_never_goes_back(house, user):
    issued = issue(house, user)
    at = stored(house, issued.token_id).created_at
    tokens.touch(house.database, issued.token_id, now=at + HOUR)

    tokens.touch(house.database, issued.token_id, now=at + MINUTE)

    assert stored(house, issued.token_id).last_used_at == at + HOUR


def test_an_ended_token_counts_no_more_and_is_not_touched(house, user):
    issued = issue(house, user)
    at = stored(house, issued.token_id).created_at

    first = write(house, lambda work: tokens.end(work, issued.token_id))
    second = write(house, lambda work: tokens.end(work, issued.token_id))
    tokens.touch(house.database, issued.token_id, now=at + MINUTE)

    assert (first, second) == (True, False)
    assert tokens.look_up(house.database, issued.token, now=system_clock()) is None
    assert stored(house, issued.token_id).last_used_at == at


def test_ending_the_sessions_of_an_account_spares_keys_and_others(house, user, world):
    sessions = [issue(house, user) for _ in range(3)]
    key = issue(house, user, kind=TokenKind.KEY)
    other = issue(house, world.user())

    ended = write(house, lambda work: tokens.end_sessions(work, user))

    now = system_clock()
    assert ended == 3
    assert [tokens.look_up(house.database, s.token, now=now) for s in sessions] == [None] * 3
    assert tokens.look_up(house.database, key.token, now=now) is not None
    assert tokens.look_up(house.database, other.token, now=now) is not None


def test_a_disabled_account_has_no_tokens_that_count(house, user):
    issued = issue(house, user)

    def disable(work):
        session_of(work).get(Principal, user).status = PrincipalStatus.DISABLED

    write(house, disable)

    assert tokens.look_up(house.database, issued.token, now=system_clock()) is None


@pytest.mark.parametrize("held_s", [0.1, 0.6])
def test_a_use_that_cannot_be_written_now_is_left_for_the_next_request(house, user, held_s):
    issued = issue(house, user)
    at = stored(house, issued.token_id).created_at
    hold, done = threading.Event(), threading.Event()

    def hold_the_row():
        with upkeep.writing(house.database) as connection:
            statement = BearerToken.__table__.update().filter_by(id=issued.token_id)
            connection.execute(statement.values(last_used_at=at + 2 * MINUTE))
            hold.set()
            done.wait(held_s)

    thread = threading.Thread(target=hold_the_row)
    thread.start()
    hold.wait()

    tokens.touch(house.database, issued.token_id, now=at + MINUTE)
    done.set()
    thread.join()

    assert stored(house, issued.token_id).last_used_at == at + 2 * MINUTE


def test_a_broken_database_is_no_matter_of_trying_again(house, user):
    with pytest.raises(Exception, match="bearer_token"):
        tokens.touch(_without_tables(), issue(house, user).token_id, now=0)


def _without_tables():
    from sqlalchemy import create_engine

    engine = create_engine("sqlite://")
    return Database(engine, "sqlite", engine)
