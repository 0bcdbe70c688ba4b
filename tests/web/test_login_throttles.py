"""Tries to log in that are slowed down: who is, for how long, and whom it leaves alone."""

from __future__ import annotations

from dms.access.hashing import HashPool
from dms.access.passwords import Parameters
from dms.base.clock import SECOND
from tests.conftest import opened_house
from tests.web.conftest import auth_client, events
from tests.web.entrance import PASSWORD, person, try_login


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
