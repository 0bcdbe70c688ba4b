"""Tokens of sessions over HTTP: how long they count, and where they are looked for."""

from __future__ import annotations

import pytest

from dms.base.clock import HOUR, MINUTE
from tests.web.conftest import Client, application, auth_client, bearer, events
from tests.web.entrance import WHO, disable, message, person, token_of, try_login, write


def test_a_session_ends_after_its_idle_time(moved, movable_clock):
    person(moved, "mara")
    with auth_client(moved, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))
        movable_clock.now += HOUR - 1
        just_in_time = client.get("/whoami", **bearer(token))
        movable_clock.now += HOUR - 1
        still = client.get("/whoami", **bearer(token))
        movable_clock.now += HOUR
        too_late = client.get("/whoami", **bearer(token))

    assert (just_in_time.status_code, still.status_code, too_late.status_code) == (200, 200, 401)
    assert too_late.json()["errors"][0]["message"] == "the token does not count (any more): log in again"
    assert too_late.headers["www-authenticate"] == "Bearer"


def test_a_session_in_use_ends_at_its_absolute_time(moved, movable_clock):
    person(moved, "mara")
    with auth_client(moved, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))
        answers = []
        for _ in range(25):
            movable_clock.now += 30 * MINUTE
            answers.append(client.get("/whoami", **bearer(token)).status_code)

    assert answers == [200] * 23 + [401, 401]


def test_a_clock_that_jumps_back_lengthens_no_session(moved, movable_clock):
    person(moved, "mara")
    with auth_client(moved, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))
        movable_clock.now -= 10 * HOUR

        assert client.get("/whoami", **bearer(token)).status_code == 401


def test_a_disabled_account_is_out_at_its_next_request(fresh_house):
    user = person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))
        disable(fresh_house, user)

        assert client.get("/whoami", **bearer(token)).status_code == 401


def test_logging_out_ends_the_session_everywhere(fresh_house):
    user = person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        token, other = token_of(try_login(client, "mara")), token_of(try_login(client, "mara"))
        answer = client.send("POST", "/auth/logout", headers=bearer(token))

        assert (answer.status_code, answer.content) == (204, b"")
        assert client.get("/whoami", **bearer(token)).status_code == 401
        assert client.get("/whoami", **bearer(other)).status_code == 200
        assert client.send("POST", "/auth/logout", headers=bearer(token)).status_code == 401
    ((body, detail),) = events(fresh_house, "session.end")
    assert (body["actor"], body["session"]) == (user.hex, detail["session"])


def test_logging_out_without_a_session_is_refused(fresh_house):
    with auth_client(fresh_house) as client:
        answer = client.send("POST", "/auth/logout")

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["message"] == "send the token of the session that is to end"


def test_a_key_does_not_log_out(fresh_house):
    from dms.access import tokens
    from dms.models.users import TokenKind

    user = person(fresh_house, "mara")
    key = write(
        fresh_house,
        lambda work: tokens.issue(
            work, user, kind=TokenKind.KEY, idle_s=3_600, absolute_s=3_600, note="test"
        ),
    )
    with auth_client(fresh_house, routes=WHO) as client:
        answer = client.send("POST", "/auth/logout", headers=bearer(key.token))

        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"] == "only a session logs out: a key is revoked instead"
        assert client.get("/whoami", **bearer(key.token)).status_code == 200


@pytest.mark.parametrize(
    "url",
    [
        "/whoami?token=abc",
        "/whoami?Access_Token=",
        "/whoami?x=dms_s_0",
        "/whoami?x=%64ms_k_0",
        "/whoami/dms_s_abc",
        "/auth/login?token=abc",
        "/healthz?authorization=Bearer",
    ],
)
def test_a_token_in_the_address_is_refused(house, url):
    client = Client(application(house, WHO))

    answer = client.get(url)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["extensions"]["code"] == "ARGUMENT_INVALID"
    assert message(answer).startswith("a token in the address is refused")


def test_a_good_token_in_the_address_opens_nothing_even_with_a_header(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))

        assert client.get(f"/whoami?q={token}").status_code == 400
        assert client.get(f"/whoami?q={token}", **bearer(token)).status_code == 400


def test_an_ordinary_query_string_is_let_through(house):
    client = Client(application(house, WHO))

    assert client.get("/whoami?page=2&tokens=3").json()["kind"] == "anonymous"


@pytest.mark.parametrize(
    "header", ["dms_s_abc", "Basic bWFyYTpw", "Bearer", "Bearer ", "bearer a b", "Bearer dms_s_" + "0" * 49]
)
def test_a_header_that_names_no_session_is_refused(house, header):
    answer = Client(application(house, WHO)).get("/whoami", Authorization=header)

    assert answer.status_code == 401
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


def test_two_tokens_are_one_too_many(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))
        headers = [("Authorization", f"Bearer {token}"), ("Authorization", f"Bearer {token}")]

        assert client.send("GET", "/whoami", headers=headers).status_code == 401


def test_a_cookie_authenticates_nobody(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))

        assert client.get("/whoami", Cookie=f"token={token}").json()["kind"] == "anonymous"
