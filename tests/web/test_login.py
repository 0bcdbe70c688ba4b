"""Log-in, log-out and one-time codes over HTTP, on both databases."""

from __future__ import annotations

import hashlib
import statistics
import time

import pytest
from sqlalchemy import select, update
from starlette.responses import JSONResponse
from starlette.routing import Route

from dms.access import login
from dms.access.hashing import HashPool
from dms.access.passwords import PRESETS, Hasher, Parameters
from dms.base.actor import system_actor
from dms.base.clock import HOUR, MINUTE, SECOND
from dms.models.users import Account, BearerToken, LoginThrottle, OneTimeCode, Principal, PrincipalStatus
from dms.stores import upkeep
from tests.conftest import opened_house
from tests.factories import World
from tests.web.conftest import HASHER, Client, application, auth_client, bearer, events

PASSWORD = "seven brown herons"
WRONG = {"errors": [{"message": "name or password is wrong", "extensions": {"code": "UNAUTHENTICATED"}}]}


@pytest.fixture
def moved(fresh_settings, movable_clock):
    """An installation whose clock is ours."""
    with opened_house(fresh_settings, clock=movable_clock) as made:
        yield made


def write(house, body):
    return house.works.write(system_actor("test"), body)


def person(house, name, *, password=PASSWORD, hasher=HASHER):
    user = World(house).user(name)
    if password is not None:
        stored = hasher.hash(password)
        write(house, lambda work: login.set_password(work, user, password_hash=stored))
    return user


def change(house, statement):
    with upkeep.writing(house.database) as connection:
        connection.execute(statement)


def one(house, statement):
    with upkeep.reading(house.database) as connection:
        return connection.execute(statement).one()


def disable(house, user):
    change(house, update(Principal).where(Principal.id == user).values(status=PrincipalStatus.DISABLED))


def try_login(client, name, password=PASSWORD, **headers):
    return client.post("/auth/login", {"name": name, "password": password}, **headers)


def token_of(answer):
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


async def whoami(request):
    actor = request.scope["dms.actor"]
    session = actor.session_id.hex if actor.session_id else None
    return JSONResponse(
        {
            "kind": actor.kind,
            "account": actor.principal_id.hex if actor.principal_id else None,
            "session": session,
        }
    )


WHO = [Route("/whoami", whoami)]


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
            rounds = [refusal_medians(house, client, number) for number in range(3)]

    # Loose, and the best of three rounds, since the machine that tests is busy: a path that skips the
    # hash is ten times faster in each of them. The benchmark measures the 10 % of R4.
    spreads = [max(medians.values()) / min(medians.values()) for medians in rounds]
    assert min(spreads) < 2, rounds


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


def test_a_throttled_account_is_refused_even_with_the_right_password(moved, movable_clock):
    person(moved, "mara")
    with auth_client(moved) as client:
        for _ in range(6):
            assert try_login(client, "mara", "wrong").status_code == 401
        too_early = try_login(client, "mara")
        movable_clock.now += SECOND
        in_time = try_login(client, "mara")

    assert too_early.status_code == 401
    assert in_time.status_code == 200


def test_a_success_starts_the_account_afresh(moved):
    person(moved, "mara")
    with auth_client(moved) as client:
        for _ in range(3):
            for _ in range(4):
                try_login(client, "mara", "wrong")
            assert try_login(client, "mara").status_code == 200


def test_a_stranger_elsewhere_delays_nobody(moved):
    person(moved, "mara")
    with auth_client(moved, address="198.51.100.7") as stranger, auth_client(moved) as owner:
        for _ in range(12):
            try_login(stranger, "mara", "wrong")

        assert try_login(stranger, "mara").status_code == 401
        assert try_login(owner, "mara").status_code == 200


def test_one_source_that_tries_many_names_is_slowed_down(moved, movable_clock):
    person(moved, "mara")
    with auth_client(moved) as client, auth_client(moved, address="2001:db8:1:2::5") as other:
        for number in range(31):
            try_login(client, f"nobody{number}")

        assert try_login(client, "mara").status_code == 401
        assert try_login(other, "mara").status_code == 200
        movable_clock.now += 30 * SECOND
        assert try_login(client, "mara").status_code == 200


def test_addresses_of_one_ipv6_network_are_one_source(moved):
    person(moved, "mara")
    for last in range(6):
        with auth_client(moved, address=f"2001:db8:1:2::{last + 1:x}") as client:
            try_login(client, "mara", "wrong")

    with auth_client(moved, address="2001:db8:1:2:ffff::9") as same:
        assert try_login(same, "mara").status_code == 401
    with auth_client(moved, address="2001:db8:1:3::1") as other:
        assert try_login(other, "mara").status_code == 200


def test_an_ipv4_address_is_the_same_source_however_it_is_written(moved):
    person(moved, "mara")
    with auth_client(moved, address="192.0.2.9") as client:
        for _ in range(6):
            try_login(client, "mara", "wrong")

    with auth_client(moved, address="::ffff:192.0.2.9") as client:
        assert try_login(client, "mara").status_code == 401


def test_throttles_survive_a_restart_and_are_shared_by_processes(fresh_settings, movable_clock):
    with opened_house(fresh_settings, clock=movable_clock) as house:
        person(house, "mara")
        with auth_client(house) as client:
            for _ in range(3):
                try_login(client, "mara", "wrong")
    with (
        opened_house(fresh_settings, clock=movable_clock) as one_process,
        opened_house(fresh_settings, clock=movable_clock) as another,
        auth_client(one_process) as first,
        auth_client(another) as second,
    ):
        for _ in range(3):
            try_login(first, "mara", "wrong")

        assert try_login(second, "mara").status_code == 401
        movable_clock.now += SECOND
        assert try_login(second, "mara").status_code == 200


def test_tries_at_once_are_all_counted(moved):
    person(moved, "mara")
    with auth_client(moved, places=40) as client:
        body = {"name": "mara", "password": "wrong"}
        client.many([("POST", "/auth/login", {"json": body})] * 12)

        counted = events(moved, "session.refused")
        assert [b["reason"] for b, _ in counted].count("throttled") == 6
        assert try_login(client, "mara").status_code == 401


def test_beyond_the_queue_the_answer_is_busy(moved):
    person(moved, "mara")
    pool = HashPool(Parameters(passes=2, memory_kib=19_456), processes=1, queue=1)
    body = {"name": "mara", "password": PASSWORD}
    with auth_client(moved, pool=pool) as client:
        answers = client.many([("POST", "/auth/login", {"json": body})] * 10)

    busy = [answer for answer in answers if answer.status_code == 503]
    assert {answer.status_code for answer in answers} == {200, 503}
    assert busy[0].headers["retry-after"] == "1"
    assert busy[0].json()["errors"][0]["extensions"]["code"] == "BUSY"
    assert busy[0].json()["errors"][0]["message"] == "too many people log in at once: try again in a moment"


def test_more_requests_than_places_are_sent_away(moved):
    body = {"name": "nobody", "password": "x"}
    with auth_client(moved, places=1) as client:
        answers = client.many([("POST", "/auth/login", {"json": body})] * 4)

    assert sorted(answer.status_code for answer in answers) == [401, 503, 503, 503]


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


def start_code(house, user):
    return write(house, lambda work: login.start_reset(work, user))


def choose(client, code, password=PASSWORD):
    return client.post("/auth/code", {"code": code.text, "password": password})


CODE_WRONG = "the code is wrong, used or expired: ask an administrator for a new one"


def message(answer):
    return answer.json()["errors"][0]["message"]


def test_a_code_lets_its_holder_choose_the_password_once(fresh_house):
    user = person(fresh_house, "mara", password=None)
    code = start_code(fresh_house, user)
    with auth_client(fresh_house) as client:
        chosen = choose(client, code)
        again = choose(client, code, "another long password")

        assert (chosen.status_code, chosen.content) == (204, b"")
        assert (again.status_code, message(again)) == (401, CODE_WRONG)
        assert try_login(client, "mara").status_code == 200
    (used, _), (refused, _) = events(fresh_house, "account.code_used")
    assert (used["actor"], used["outcome"], used["changed"][0][0]) == (user.hex, "committed", user.hex)
    assert (refused["actor"], refused["outcome"], refused["reason"]) == (None, "refused", "code")
    assert code.text not in repr(events(fresh_house, "account.code_used"))


def test_a_code_counts_for_a_day(moved, movable_clock):
    user = person(moved, "mara", password=None)
    code = start_code(moved, user)
    with auth_client(moved) as client:
        movable_clock.now += 24 * HOUR
        late = choose(client, code)
        movable_clock.now -= 1
        in_time = choose(client, code)

    assert (late.status_code, message(late)) == (401, CODE_WRONG)
    assert in_time.status_code == 204


def test_a_new_code_ends_the_former_one(fresh_house):
    user = person(fresh_house, "mara", password=None)
    former, latest = start_code(fresh_house, user), start_code(fresh_house, user)
    with auth_client(fresh_house) as client:
        assert choose(client, former).status_code == 401
        assert choose(client, latest).status_code == 204


def test_a_new_password_ends_every_session(fresh_house):
    user = person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        tokens_before = [token_of(try_login(client, "mara")) for _ in range(2)]
        choose(client, start_code(fresh_house, user), "eleven grey cranes")

        assert [client.get("/whoami", **bearer(t)).status_code for t in tokens_before] == [401, 401]
        assert try_login(client, "mara").status_code == 401
        assert try_login(client, "mara", "eleven grey cranes").status_code == 200


def test_a_password_that_is_refused_leaves_the_code_good(fresh_house):
    user = person(fresh_house, "mara.hollerbach", password=None)
    code = start_code(fresh_house, user)
    with auth_client(fresh_house) as client:
        short = choose(client, code, "short")
        name = choose(client, code, "Mara-Hollerbach-1")

        assert (short.status_code, short.json()["errors"][0]["path"]) == (400, ["password"])
        assert short.json()["errors"][0]["extensions"]["code"] == "VALIDATION"
        assert message(name).startswith("is too easy to guess")
        assert choose(client, code).status_code == 204


@pytest.mark.parametrize("code", ["", "dms_c_x", "mara", "dms_s_" + "0" * 49])
def test_what_is_no_code_is_refused_like_a_used_one(house, code):
    with auth_client(house, address="192.0.2.77") as client:
        answer = client.post("/auth/code", {"code": code, "password": PASSWORD})

    assert (answer.status_code, message(answer)) == (401, CODE_WRONG)


def test_a_code_of_a_disabled_account_is_refused(fresh_house):
    user = person(fresh_house, "mara", password=None)
    code = start_code(fresh_house, user)
    disable(fresh_house, user)
    with auth_client(fresh_house) as client:
        assert choose(client, code).status_code == 401


def test_a_code_that_is_used_meanwhile_changes_nothing(fresh_house):
    user = person(fresh_house, "mara", password=None)
    code = start_code(fresh_house, user)

    class Slow(HashPool):
        def ask(self, question):
            change(fresh_house, update(OneTimeCode).values(used_at=1))
            return super().ask(question)

    with auth_client(fresh_house, pool=Slow(PRESETS["test"])) as client:
        answer = choose(client, code)

    assert (answer.status_code, message(answer)) == (401, CODE_WRONG)
    assert one(fresh_house, select(Account.password_hash)).password_hash is None


def test_many_wrong_codes_slow_their_source_down(moved):
    user = person(moved, "mara", password=None)
    code = start_code(moved, user)
    with auth_client(moved) as client:
        for _ in range(31):
            client.post("/auth/code", {"code": "guess", "password": PASSWORD})

        assert choose(client, code).status_code == 401


def test_the_database_knows_a_code_only_by_its_digest(fresh_house):
    user = person(fresh_house, "mara", password=None)
    code = start_code(fresh_house, user)

    row = one(fresh_house, select(OneTimeCode.__table__))

    assert row.code_sha256 == hashlib.sha256(code.text.encode()).hexdigest()
    assert code.text not in repr(code)


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


def test_a_stale_token_does_not_stand_in_the_way_of_a_login(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house) as client:
        assert try_login(client, "mara", **bearer("dms_s_stale")).status_code == 200


def test_a_cookie_authenticates_nobody(fresh_house):
    person(fresh_house, "mara")
    with auth_client(fresh_house, routes=WHO) as client:
        token = token_of(try_login(client, "mara"))

        assert client.get("/whoami", Cookie=f"token={token}").json()["kind"] == "anonymous"


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
