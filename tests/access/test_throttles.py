"""Throttles in the database: what they are kept under, and how long."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import DBAPIError

from dms.access import throttles
from dms.base.clock import DAY, HOUR, MINUTE
from dms.base.errors import Busy
from dms.models.users import LoginThrottle
from dms.stores import upkeep

NOW = 20_000 * DAY


def digests(source, **options):
    return [key.sha256_hex for key in throttles.keys_of(source, **options)]


def rows(house):
    with upkeep.reading(house.database) as connection:
        return connection.execute(select(func.count()).select_from(LoginThrottle)).scalar_one()


def test_a_try_is_kept_under_its_source_and_its_account_there():
    assert len(set(digests("192.0.2.1", name="mara"))) == 2
    assert digests("192.0.2.1", name="mara")[0] == digests("192.0.2.1", name="tomas")[0]
    assert digests("192.0.2.1", name="mara")[1] != digests("192.0.2.2", name="mara")[1]
    assert digests("192.0.2.1") == digests("192.0.2.1", name="mara")[:1]


def test_a_source_without_an_address_is_a_source_too():
    assert digests(None) == digests("")
    assert digests("local.sock") != digests(None)


@pytest.mark.parametrize(
    ("one", "other"), [("2001:db8::1", "2001:db8::ffff"), ("::ffff:192.0.2.1", "192.0.2.1")]
)
def test_addresses_of_one_stranger_are_one_source(one, other):
    assert digests(one) == digests(other)


def test_what_time_has_emptied_is_forgotten(fresh_house):
    keys = throttles.keys_of("192.0.2.1", name="mara")
    with upkeep.writing(fresh_house.database) as connection:
        throttles.charge(connection, keys, now=NOW)
        throttles.sweep(connection, now=NOW + DAY)
    kept = rows(fresh_house)
    with upkeep.writing(fresh_house.database) as connection:
        throttles.sweep(connection, now=NOW + DAY + HOUR)

    assert (kept, rows(fresh_house)) == (2, 0)


def test_a_refund_of_what_was_swept_away_is_none(fresh_house):
    keys = throttles.keys_of("192.0.2.1", name="mara")
    with upkeep.writing(fresh_house.database) as connection:
        throttles.refund(connection, keys, now=NOW)

    assert rows(fresh_house) == 0


def test_a_try_that_comes_too_early_counts_for_nothing(fresh_house):
    keys = throttles.keys_of("192.0.2.1", name="mara")
    with upkeep.writing(fresh_house.database) as connection:
        counted = [throttles.charge(connection, keys, now=NOW) for _ in range(9)]
        later = throttles.charge(connection, keys, now=NOW + MINUTE)

    assert counted == [True] * 6 + [False] * 3
    assert later is True


def test_who_cannot_write_now_is_told_to_try_again(fresh_house):
    database = fresh_house.database
    with (
        upkeep.writing(database, locks=(throttles.LOCK,)),
        pytest.raises(Busy, match="^the database is busy writing"),
        upkeep.writing(database, locks=(throttles.LOCK,), patience_s=0.2),
    ):
        pass


def test_other_faults_of_the_database_stay_what_they_are(fresh_house):
    with (
        pytest.raises(DBAPIError, match="nothing_of_that_name"),
        upkeep.writing(fresh_house.database) as connection,
    ):
        connection.exec_driver_sql("SELECT * FROM nothing_of_that_name")
