"""Logging in over HTTP: who is let in, and what a refusal tells."""

from __future__ import annotations

import hashlib
import statistics
import time

import pytest
from sqlalchemy import select, update

from dms.access import login
from dms.access.hashing import HashPool
from dms.access.passwords import PRESETS, Hasher, Parameters
from dms.base.clock import MINUTE
from dms.models.users import Account, BearerToken, LoginThrottle, Principal
from tests.conftest import opened_house
from tests.web.conftest import HASHER, auth_client, bearer, events
from tests.web.entrance import (
    PASSWORD,
    WHO,
    change,
    disable,
    message,
    one,
    person,
    token_of,
    try_login,
    write,
)

WRONG = {"errors": [{"message": "name or password is wrong", "extensions": {"code": "UNAUTHENTICATED"}}]}


def without_request_id(answer):
    body = answer.json()
    body["errors"][0]["extensions"].pop("requestId")
    return body


def comparable_headers(answer):
    return [(k, v) for k, v in answer.headers.items() if k != "x-request-id"]


def test_a_right_password_gives_a_token_that_stands_for_the_account(fresh_house):
    user = person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        answer = try_login(client, "mara")
        who = client.get("/whoami", **bearer(token_of(answer))).json()

    assert sorted(answer.json()) == ["expiresAt", "token"]
    assert answer.json()["expiresAt"].endswith("Z")
    assert answer.headers["cache-control"] == "no-store"
    assert (who["kind"], who["account"]) == ("user", user.hex)
    session = one(fresh_house, select(BearerToken.id, BearerToken.principal_id))
    assert (session.id.hex, session.principal_id) == (who["session"], user)


def test_the_name_may_be_typed_in_capitals_with_spaces_around(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house) as client:
        assert try_login(client, " Mara ").status_code == 200


def test_each_login_gives_another_token(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house) as client:
        assert token_of(try_login(client, "mara")) != token_of(try_login(client, "mara"))


def test_a_login_is_in_the_access_log(fresh_house):
    user = person(fresh_house, "mara")
    with auth_client(fresh_house) as client:
        token = token_of(
            try_login(client, "mara", **{"X-Request-Id": "front-end-0001", "User-Agent": "Reader/1"})
        )

    ((body, detail),) = events(fresh_house, "session.start")
    session = one(fresh_house, select(BearerToken.id))
    assert (body["actor"], body["kind"], body["session"]) == (user.hex, "user", session.id.hex)
    assert (body["outcome"], body["request"], body["refused"]) == ("released", "front-end-0001", [])
    assert detail == {
        "account": user.hex,
        "session": session.id.hex,
        "method": "password",
        "address": "192.0.2.1",
        "user_agent": "Reader/1",
        "operator": None,
    }
    assert token not in repr((body, detail))


def make_refusals(house, client):
    """One refused answer of each kind, and the reason that only the access log may tell."""
    disabled = person(house, "dora")
    disable(house, disabled)
    person(house, "newcomer", password=None)
    person(house, "mara")
    answers = {
        "unknown": try_login(client, "nobody-at-all"),
        "disabled": try_login(client, "dora"),
        "no password yet": try_login(client, "newcomer"),
        "wrong password": try_login(client, "mara", "seven brown heron"),
        "not a name": try_login(client, "../\0\u202e' OR 1=1 --" + "x" * 500),
        "empty": try_login(client, "", ""),
    }
    person(house, "tomas")
    for _ in range(6):
        try_login(client, "tomas", "not the one")
    answers["throttled, though right"] = try_login(client, "tomas")
    return answers


def test_every_refusal_looks_the_same(fresh_house):
    with auth_client(fresh_house) as client:
        answers = make_refusals(fresh_house, client)

    for why, answer in answers.items():
        assert answer.status_code == 401, why
        assert without_request_id(answer) == WRONG, why
    headers = {why: comparable_headers(answer) for why, answer in answers.items()}
    assert all(value == headers["unknown"] for value in headers.values())


def test_the_access_log_tells_refusals_apart(fresh_house):
    with auth_client(fresh_house) as client:
        make_refusals(fresh_house, client)

    recorded = events(fresh_house, "session.refused")
    reasons = [body["reason"] for body, _ in recorded]
    assert reasons[:6] == ["unknown", "disabled", "wrong_password", "wrong_password", "unknown", "unknown"]
    assert reasons[6:] == ["wrong_password"] * 6 + ["throttled"]
    body, detail = recorded[0]
    assert (body["actor"], body["kind"], body["outcome"]) == (None, "anonymous", "refused")
    assert body["refused"] == [[None, "log_in", "unknown", False]]
    assert detail["name_sha256"] == hashlib.sha256(b"nobody-at-all").hexdigest()
    assert "account" not in detail
    assert "nobody-at-all" not in repr(recorded)
    body, detail = recorded[1]
    account = one(fresh_house, select(Principal.id).where(Principal.name == "dora")).id.hex
    assert body["refused"] == [[account, "log_in", "disabled", True]]
    assert detail["account"] == account


def test_a_password_typed_as_a_name_is_nowhere(fresh_house):
    with auth_client(fresh_house) as client:
        try_login(client, "my-canary-secret")

    ((body, detail),) = events(fresh_house, "session.refused")
    assert "canary" not in repr((body, detail))


def test_refusals_take_the_same_time(fresh_settings):
    hasher = Hasher(PRESETS["default"])
    with opened_house(fresh_settings) as house:
        person(house, "mara", hasher=hasher)
        disable(house, person(house, "dora", hasher=hasher))
        person(house, "tomas", hasher=hasher)
        with auth_client(house, pool=HashPool(PRESETS["default"])) as client:
            for _ in range(7):
                try_login(client, "tomas", "wrong")
            keep_throttled(house)
            rounds = []
            while len(rounds) < 15 and not any(spread(medians) < 2 for medians in rounds):
                rounds.append(refusal_medians(house, client, len(rounds)))

    # Loose, and the best of up to fifteen rounds, since the machine that tests is busy: a path that skips
    # the hash is ten times faster in each of them. The benchmark measures the 10 % of R4.
    assert min(spread(medians) for medians in rounds) < 2, rounds


def spread(medians):
    return max(medians.values()) / min(medians.values())


def refusal_medians(house, client, number):
    """Seconds that each kind of refusal takes."""
    took = {"unknown": [], "wrong": [], "disabled": [], "throttled": []}
    for turn in range(8):
        for kind, name in [
            ("unknown", f"nobody{number}-{turn}"),
            ("wrong", "mara"),
            ("disabled", "dora"),
            ("throttled", "tomas"),
        ]:
            forget_throttles(house, but_waiting=True)
            began = time.perf_counter()
            try_login(client, name, "wrong")
            took[kind].append(time.perf_counter() - began)
    return {kind: statistics.median(times) for kind, times in took.items()}


def keep_throttled(house):
    change(house, update(LoginThrottle).values(free_at=LoginThrottle.free_at + 10 * MINUTE))


def forget_throttles(house, *, but_waiting=False):
    statement = LoginThrottle.__table__.delete()
    if but_waiting:
        waiting = one(house, select(LoginThrottle.free_at).order_by(LoginThrottle.free_at.desc()).limit(1))
        statement = statement.where(LoginThrottle.free_at < waiting.free_at)
    change(house, statement)


def test_a_weak_stored_hash_rises_with_a_good_login_only(fresh_house):
    user = person(fresh_house, "mara", hasher=Hasher(Parameters(passes=1, memory_kib=32)))
    stored = select(Account.password_hash).where(Account.principal_id == user)
    with auth_client(fresh_house) as client:
        try_login(client, "mara", "wrong")
        before = one(fresh_house, stored).password_hash
        assert try_login(client, "mara").status_code == 200
        after = one(fresh_house, stored).password_hash
        assert try_login(client, "mara").status_code == 200

    assert "m=32,t=1,p=1" in before
    assert "m=64,t=1,p=1" in after


def test_people_who_log_in_while_their_hash_rises_are_all_let_in(fresh_house):
    person(fresh_house, "mara", hasher=Hasher(Parameters(passes=1, memory_kib=32)))
    body = {"name": "mara", "password": PASSWORD}
    with auth_client(fresh_house) as client:
        answers = client.many([("POST", "/auth/login", {"json": body})] * 4)

    assert [answer.status_code for answer in answers] == [200] * 4


def test_an_account_that_changes_while_its_password_is_compared_gets_no_session(fresh_house):
    user = person(fresh_house, "mara")

    class Meddling(HashPool):
        """Lets something happen between the comparison and the session."""

        meddle = staticmethod(lambda: None)

        def verify(self, stored, password):
            verdict = super().verify(stored, password)
            self.meddle()
            return verdict

    pool = Meddling(PRESETS["test"])
    with auth_client(fresh_house, pool=pool) as client:
        stored = HASHER.hash(PASSWORD)
        pool.meddle = lambda: write(
            fresh_house, lambda work: login.set_password(work, user, password_hash=stored)
        )
        replaced = try_login(client, "mara")
        pool.meddle = lambda: disable(fresh_house, user)
        disabled = try_login(client, "mara")

    assert (without_request_id(replaced), without_request_id(disabled)) == (WRONG, WRONG)
    assert [b["reason"] for b, _ in events(fresh_house, "session.refused")] == ["wrong_password", "disabled"]


def test_a_stale_token_does_not_stand_in_the_way_of_a_login(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house) as client:
        assert try_login(client, "mara", **bearer("dms_s_stale")).status_code == 200


BAD_BODIES = [
    (b"", "the body is not valid JSON"),
    (b"[" * 8_000, "the body is not valid JSON"),
    (b'{"name": "\xff", "password": "x"}', "the body is not valid JSON"),
    (b'[{"name": "a", "password": "b"}]', "the body holds a list of more than 0 items"),
    (b'"mara"', "the body must be one JSON object"),
    (b"{}", "`name` is needed, as a text"),
    (b'{"name": "mara"}', "`password` is needed, as a text"),
    (b'{"name": "mara", "password": 12345678}', "`password` is needed, as a text"),
    (b'{"name": {"x": 1}, "password": "x"}', "`name` is needed, as a text"),
    (b'{"name": "a", "password": "b", "admin": true}', "the body must hold `name` and `password`"),
]


@pytest.mark.parametrize(("body", "expected"), BAD_BODIES)
def test_a_body_that_is_not_exactly_what_is_asked_for_is_refused(house, body, expected):
    with auth_client(house) as client:
        answer = client.send(
            "POST", "/auth/login", content=body, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == 400
    assert message(answer).startswith(expected)


def test_a_large_body_is_refused_before_it_is_read_through(house):
    body = b'{"name": "mara", "password": "' + b"x" * 9_000 + b'"}'
    with auth_client(house) as client:
        answer = client.send(
            "POST", "/auth/login", content=body, headers={"Content-Type": "application/json"}
        )

    assert answer.status_code == 413
    assert answer.json()["errors"][0]["extensions"]["code"] == "LIMIT"


@pytest.mark.parametrize(
    "media_type", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data", ""]
)
def test_a_form_logs_nobody_in(fresh_house, media_type):
    person(fresh_house, "mara")
    with auth_client(fresh_house) as client:
        answer = client.send(
            "POST",
            "/auth/login",
            content=b'{"name":"mara","password":"seven brown herons"}',
            headers={"Content-Type": media_type},
        )

    assert (answer.status_code, message(answer)) == (415, "send the body as `application/json`")


def test_only_post_logs_in(house):
    with auth_client(house) as client:
        answer = client.get("/auth/login")

    assert answer.status_code == 405
    assert message(answer) == "this method is not allowed here"
    assert answer.headers["allow"] == "POST"
