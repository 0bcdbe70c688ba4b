"""Idempotency keys: of two requests with one key one does it, and the other finds what it did."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select, update

from dms.base.errors import Idempotency, Invalid
from dms.base.ids import new_id
from dms.jobs.caretaking import Caretaker
from dms.models.idempotencykeys import IdempotencyKey
from dms.services import idempotencykeys
from dms.stores import idempotencykeys as stored
from dms.stores.idempotencykeys import KEPT
from dms.stores.work import session_of

BODY = {"title": "Letter", "count": 1}


def used(work, key, *, mutation="documentRegister", body=None):
    """Claim a key, and let it have made something; returns whether that was done now, and its id."""
    found = idempotencykeys.claim(work, key, mutation=mutation, body=body or BODY)
    if not isinstance(found, stored.Use):
        return False, found
    made = new_id()
    idempotencykeys.keep(work, found, made)
    return True, made


def keys(world):
    return world.build(
        lambda work: session_of(work).execute(select(func.count()).select_from(IdempotencyKey)).scalar_one()
    )


@pytest.fixture
def user(world):
    return world.user()


def test_key_that_is_used_again_finds_what_was_made(desk, user):
    first = desk.do(user, used, "a key")

    assert desk.do(user, used, "a key") == (False, first[1])


def test_key_of_another_account_is_another_key(desk, world, user):
    first = desk.do(user, used, "shared")
    other = desk.do(world.user(), used, "shared")

    assert (first[0], other[0]) == (True, True)
    assert first[1] != other[1]


@pytest.mark.parametrize(
    "changed", [{"body": {"title": "Letter", "count": 2}}, {"mutation": "aggregationCreate"}]
)
def test_key_that_was_used_for_something_else_is_refused(desk, user, changed):
    desk.do(user, used, "once")

    with pytest.raises(Idempotency, match="used for something else") as raised:
        desk.do(user, used, "once", **changed)

    assert raised.value.path == ("idempotencyKey",)


@pytest.mark.parametrize("key", ["", "x" * 201, "line\nfeed", "nul\0"])
def test_key_that_is_no_key_is_refused(desk, user, key):
    with pytest.raises(Invalid, match="a key is 1 to 200 printable characters"):
        desk.do(user, used, key)


def test_failed_attempt_leaves_no_key(desk, user):
    def fail(work):
        used(work, "again")
        raise Invalid("no")

    with pytest.raises(Invalid):
        desk.do(user, fail)

    assert desk.do(user, used, "again")[0] is True


@pytest.mark.parametrize("is_kept", [True, False])
def test_second_of_two_at_once_waits_for_the_first(desk, user, is_kept):
    has_claimed, may_go_on = threading.Event(), threading.Event()
    key = f"both {is_kept}"

    def slow(work):
        found = used(work, key)
        has_claimed.set()
        may_go_on.wait(10)
        if not is_kept:
            raise Invalid("it fails after all")
        return found

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(desk.do, user, slow)
        has_claimed.wait(10)
        second = threads.submit(desk.do, user, used, key)
        threading.Event().wait(0.2)
        assert not second.done()
        may_go_on.set()

    if is_kept:
        assert second.result() == (False, first.result()[1])
    else:
        assert isinstance(first.exception(), Invalid)
        assert second.result()[0] is True


def test_key_is_free_again_after_a_day_and_swept(house, world, desk, user):
    first = desk.do(user, used, "old")
    desk.do(user, used, "swept")

    def age(work):
        session_of(work).execute(update(IdempotencyKey).values(used_at=work.now - KEPT))

    world.build(age)

    assert desk.do(user, used, "old", body={"other": True})[1] != first[1]
    assert keys(world) > 1
    Caretaker(house.works, house.log).look(is_sweep=True)
    assert keys(world) == 1
    assert stored.sweep(house.database, now=house.works.clock()) == 0
