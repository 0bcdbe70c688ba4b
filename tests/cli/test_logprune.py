"""`dms log keep`, `prune`, `hold`, `redact` and `roles` as custodians and operators type them."""

from __future__ import annotations

from contextlib import closing

import pytest

from dms.access.log import partitions, sequencer, signer
from dms.base.clock import from_iso, system_clock
from dms.house import open_house
from tests.conftest import opened_house
from tests.factories import World, actor
from tests.logged import logged

MADE_BY_FACTORIES = {"made_without_event", "line_without_event", "revision_without_event"}


class Hands:
    """A clock that shows what a test wants, until it is let go."""

    instant = from_iso("2021-02-03T00:00:00Z")

    def __call__(self):
        return self.instant or system_clock()


@pytest.fixture
def old(fresh_settings, dms):
    """Two custodians, and a signed log with readings of an old year."""
    clock = Hands()
    with opened_house(fresh_settings, clock=clock) as house:
        world = World(house)
        for name in ("clara", "karl"):
            world.officer(name, role="log_custodian")
        reader = world.user("rita")
        for _ in range(5):
            event = house.works.read(actor(reader), lambda work: work.notes.event_id)
        partitions.mend(house.database)
        clock.instant = None
        sequencer.drain(house.database)
        signer.sign(house.database, house.log_place.shard(), house.log_place.signers())
    dms("migrate")
    return event


def count(settings) -> int:
    with closing(open_house(settings)) as house:
        old = from_iso("2022-01-01T00:00:00Z")
        return sum(not one.columns["lasting"] and one.columns["at"] < old for one in logged(house.database))


def test_two_custodians_prune_what_is_older_than_the_rule(dms, old, fresh_settings):
    assert dms("log", "keep", "--as", "clara").out == "kept for 36 months\n"
    before = count(fresh_settings)

    proposed = dms("log", "prune", "propose", "--reason", "three years", "--as", "clara", "--json").json()
    alone = dms("log", "prune", "approve", proposed["id"], "--as", "clara")
    approved = dms("log", "prune", "approve", proposed["id"], "--as", "karl")
    again = dms("log", "prune", "finish", proposed["id"], "--as", "karl")
    listed = dms("log", "prune", "list", "--as", "karl", "--json").json()["prunings"]

    assert (proposed["state"], proposed["events"], proposed["held"]) == ("proposed", before, 0)
    assert (alone.code, alone.err) == (
        1,
        "dms: another person than its proposer must approve this: ask the other custodian\n",
    )
    assert approved.code == 0
    assert f"{proposed['id']} done: {before} events before" in approved.out
    assert count(fresh_settings) == 0
    assert (again.code, "only an approved one is carried out" in again.err) == (1, True)
    assert [each["state"] for each in listed] == ["done"]
    verified = dms("log", "verify", "--json").json()
    assert verified["waiting"] < verified["events"] > 0
    assert {each["code"] for each in verified["found"]} <= MADE_BY_FACTORIES


def test_rejected_proposal_removes_nothing(dms, old, fresh_settings):
    before = count(fresh_settings)
    proposed = dms(
        "log", "prune", "propose", "--until", "2021-06", "--reason", "r", "--as", "clara", "--json"
    )

    rejected = dms("log", "prune", "reject", proposed.json()["id"], "--reason", "not yet", "--as", "karl")

    assert rejected.code == 0
    assert dms("log", "prune", "approve", proposed.json()["id"], "--as", "karl").code == 1
    assert count(fresh_settings) == before


def test_hold_is_placed_listed_and_lifted(dms, old):
    placed = dms(
        *("log", "hold", "place", "--since", "2021-02-01", "--until", "2021-03-01", "--actor", "rita"),
        *("--reason", "court order 7", "--as", "clara"),
    )
    shown = dms("log", "hold", "list", "--as", "karl", "--json").json()["holds"]
    proposed = dms("log", "prune", "propose", "--reason", "r", "--as", "clara", "--json").json()
    lifted = dms("log", "hold", "lift", shown[0]["id"], "--reason", "settled", "--as", "karl")
    twice = dms("log", "hold", "lift", shown[0]["id"], "--reason", "settled", "--as", "karl")

    assert "stands: 2021-02-01 to 2021-03-01, actor" in placed.out
    assert (shown[0]["state"], shown[0]["reason"]) == ("stands", "court order 7")
    assert proposed["held"] == 5
    assert "lifted: 2021-02-01" in lifted.out
    assert (twice.code, twice.err) == (1, "dms: the hold is lifted already\n")


def test_rule_is_set_with_a_reason_and_within_its_bounds(dms, old):
    assert dms("log", "keep", "--months", "12", "--as", "clara").code == 2
    too_long = dms("log", "keep", "--months", "99", "--reason", "r", "--as", "clara")
    kept = dms("log", "keep", "--months", "12", "--reason", "data protection", "--as", "clara", "--json")

    assert "keep them between 1 and 36 months, not 99" in too_long.err
    assert kept.json() == {"keptMonths": 12}


def test_detail_of_an_event_is_redacted_once(dms, old, fresh_settings):
    first = dms("log", "redact", str(old), "--reason", "erasure request", "--as", "clara")
    second = dms("log", "redact", str(old), "--reason", "erasure request", "--as", "clara")
    reader = dms("log", "redact", str(old), "--reason", "mine", "--as", "rita")

    assert (first.code, first.out) == (0, f"the detail of {old} removed\n")
    assert (second.code, second.out) == (0, f"the detail of {old} was gone already\n")
    assert (reader.code, reader.err) == (1, "dms: this needs the duty `log.prune`\n")
    with closing(open_house(fresh_settings)) as house:
        assert next(one for one in logged(house.database) if one.id == old).detail_bytes is None


def test_roles_are_printed_as_sql(dms):
    printed, wrong = dms("log", "roles", "--prefix", "archive"), dms("log", "roles", "--prefix", "a;b")

    assert "GRANT INSERT ON access_event, access_event_detail TO archive_application;" in printed.out
    assert "GRANT SELECT ON access_event, access_leaf, access_log_head TO archive_signer;" in printed.out
    assert wrong.code == 2


def test_what_is_no_id_is_told(dms):
    assert "`seven` is no id" in dms("log", "hold", "lift", "seven", "--reason", "r", "--as", "x").err
