"""One-time codes over HTTP: the first password, and a new one."""

from __future__ import annotations

import hashlib

import pytest
from sqlalchemy import select, update

from dms.access import login
from dms.access.hashing import HashPool
from dms.access.passwords import PRESETS
from dms.base.clock import HOUR
from dms.models.users import Account, OneTimeCode
from tests.web.conftest import auth_client, bearer, events
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


def start_code(house, user):
    return write(house, lambda work: login.start_reset(work, user))


def choose(client, code, password=PASSWORD):
    return client.post("/auth/code", {"code": code.text, "password": password})


CODE_WRONG = "the code is wrong, used or expired: ask an administrator for a new one"


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
