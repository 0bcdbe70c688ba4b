"""Pruning and redaction take what was approved and nothing else, and every later proof holds."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from dms.access.log import founding, partitions, proofs, pruning, redaction, sequencer, signer
from dms.base.clock import DAY, from_iso
from dms.base.errors import Duty as DutyMissing
from dms.base.errors import Invalid, NotFound, OnHold, SecondPerson, State, Unavailable
from dms.base.ids import new_id
from dms.models import accessevents
from dms.rules import eventseals, tiles, tree
from dms.rules.accessevents import Disclosure, Op
from dms.rules.tiles import WIDTH
from dms.rules.tree import Range
from dms.services import logretention
from dms.services.logretention import NewHold
from dms.stores import upkeep
from dms.stores.engine import WRITE
from tests.conftest import opened_house
from tests.factories import World, actor
from tests.logged import logged

PAST, NOW = from_iso("2023-03-05T12:00:00Z"), from_iso("2026-11-22T12:00:00Z")
OLD = 20
SECRET = "what nobody shall find again"


class Archive:
    """An installation whose clock a test sets, with two custodians."""

    def __init__(self, house, clock):
        self.house, self._clock = house, clock
        self.world = World(house)
        self.first = self.world.officer("first", role="log_custodian")
        self.second = self.world.officer("second", role="log_custodian")
        self.reader = self.world.user("reader")
        self.things = [new_id() for _ in range(3)]

    @property
    def tables(self):
        return accessevents.tables(self.house.database.dialect)

    def at(self, instant):
        self._clock.instant = instant

    def read(self, count=1, *, thing=0):
        def body(work):
            work.performs(Op.DOCUMENT_READ)
            work.notes.detail["search"] = SECRET
            work.releases(self.things[thing], revision=1, disclosure=Disclosure.METADATA)
            return work.notes.event_id

        return [self.house.works.read(actor(self.reader), body) for _ in range(count)][-1]

    def change(self):
        def body(work):
            work.changed(self.things[0], before=1, after=2, old={"title": "a"}, new={"title": "b"})
            return work.notes.event_id

        return self.house.works.write(actor(self.reader), body)

    def sign(self):
        place = self.house.log_place
        sequencer.drain(self.house.database)
        while signer.sign(self.house.database, place.shard(), place.signers()):
            pass

    def do(self, who, use_case, **values):
        return self.house.works.write(actor(who), lambda work: use_case(work, **values))

    def propose(self, until=None):
        return self.do(self.first, logretention.propose, until=until, reason="the rule").id

    def order(self, pruning_id):
        return self.house.works.read(
            actor(self.first), lambda work: logretention.approved(work, pruning_id=pruning_id)
        )

    def prune(self):
        """From the proposal to its end; returns how many events went."""
        pruning_id = self.propose()
        self.do(self.second, logretention.approve, pruning_id=pruning_id)
        removed = self.carry_out(pruning_id)
        self.do(self.second, logretention.finish, pruning_id=pruning_id, removed=removed)
        return removed

    def carry_out(self, pruning_id):
        order = self.order(pruning_id)
        return pruning.carry_out(self.house.database, self.house.log_place, order, tell=lambda _: None)

    def hold(self, **values):
        wanted = {"since": 0, "until": None, "object_id": None, "actor_id": None, **values}
        return self.do(self.first, logretention.place_hold, hold=NewHold(**wanted), reason="a court asks").id

    def count(self, table, *conditions):
        with self.house.database.engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(table).where(*conditions)).scalar_one()

    def passing(self):
        return self.count(self.tables.event, ~self.tables.event.c.lasting, self.tables.event.c.at < NOW - DAY)

    def leaves(self):
        leaf = self.tables.leaf
        with self.house.database.engine.connect() as connection:
            return connection.execute(select(leaf).order_by(leaf.c.leaf_index)).all()


class Hands:
    """A clock that stands until somebody sets it."""

    instant = PAST

    def __call__(self):
        return self.instant


@pytest.fixture
def archive(fresh_settings):
    """An archive whose log of three years ago is signed: readings, and a change."""
    with opened_archive(fresh_settings, readings=OLD) as made:
        yield made


@pytest.fixture
def large_archive(fresh_settings):
    """The same with so many readings that an entry bundle is full of them."""
    with opened_archive(fresh_settings, readings=WIDTH) as made:
        yield made


@contextmanager
def opened_archive(settings, *, readings):
    with ExitStack() as stack:
        clock = Hands()
        made = Archive(stack.enter_context(opened_house(settings, clock=clock)), clock)
        made.read(readings)
        made.last = made.read(1, thing=1)
        made.lasting = made.change()
        partitions.mend(made.house.database)  # the months of those years were never made
        made.at(NOW)
        made.young = made.read(5)
        made.sign()
        yield made


def proven(archive, event_id) -> bool:
    """Whether the body of an event is proved by the last checkpoint."""
    leaf = next(row for row in archive.leaves() if row.event_id == event_id)
    body = next(one.body for one in logged(archive.house.database) if one.id == event_id)
    folder = archive.house.log_place.shard()
    checkpoint, _ = proofs.latest(folder)
    proof = proofs.inclusion(folder, leaf.leaf_index, size=checkpoint.size)
    return tree.is_included(
        tree.leaf_hash(body), index=leaf.leaf_index, size=checkpoint.size, proof=proof, root=checkpoint.root
    )


def test_old_readings_go_with_all_that_hangs_on_them(large_archive):
    archive, tables = large_archive, large_archive.tables
    old = archive.passing()
    postings = archive.count(tables.seen, tables.seen.c.at < NOW - DAY)

    removed = archive.prune()

    assert removed == old > WIDTH
    assert archive.passing() == 0
    assert archive.count(tables.seen, tables.seen.c.at < NOW - DAY) <= postings - WIDTH
    assert (
        archive.count(tables.daily, tables.daily.c.outcome == "released", tables.daily.c.day < NOW // DAY)
        == 0
    )
    ids = {one.id for one in logged(archive.house.database)}
    detail = tables.detail
    with archive.house.database.engine.connect() as connection:
        assert set(connection.execute(select(detail.c.event_id)).scalars()) <= ids
    assert not (archive.house.log_place.shard().root / "tile/entries/000").exists()


def test_what_lasts_and_what_is_young_stays_and_is_proved(archive):
    archive.prune()
    archive.sign()

    assert proven(archive, archive.lasting)
    assert proven(archive, archive.young)


def test_every_consistency_proof_holds_over_a_pruning(large_archive):
    archive, folder = large_archive, large_archive.house.log_place.shard()
    before, _ = proofs.latest(folder)
    archive.prune()
    archive.read(20)
    archive.sign()
    after, _ = proofs.latest(folder)

    def root(size):
        return tiles.subtree_hash(Range(0, size), size=after.size, read=folder.hashes)

    for size in (1, 100, 255, 256, 257, before.size):
        proof = proofs.consistency(folder, size, size=after.size)
        assert tree.is_consistent(root(size), after.root, old_size=size, size=after.size, proof=proof)
    assert root(before.size) == before.root
    assert len(archive.leaves()) == after.size


def test_log_that_is_begun_anew_after_a_pruning_is_signed_to_its_end(large_archive):
    archive, place = large_archive, large_archive.house.log_place
    archive.prune()
    before, _ = proofs.latest(place.shard())

    founding.carry_out(place, founding.restart(place))
    archive.read(3)
    archive.sign()
    archive.read(3)
    archive.sign()

    assert place.shards() == [1, 2]
    checkpoint, _ = proofs.latest(place.shard())
    assert checkpoint.size == len(archive.leaves())
    span, read = Range(0, before.size), place.shard().hashes
    assert tiles.subtree_hash(span, size=checkpoint.size, read=read) == before.root
    assert proven(archive, archive.lasting)


def test_pruning_takes_two_people_and_an_event_that_names_all_of_it(archive):
    pruning_id = archive.propose()

    with pytest.raises(SecondPerson, match="another person than its proposer must approve this"):
        archive.do(archive.first, logretention.approve, pruning_id=pruning_id)
    with pytest.raises(State, match="only an approved one is carried out"):
        archive.order(pruning_id)
    row = archive.do(archive.second, logretention.approve, pruning_id=pruning_id)

    said = [one for one in logged(archive.house.database) if one.columns["op"] == Op.LOG_PRUNE_APPROVE][-1]
    assert said.columns["lasting"]
    ((_, _, new),) = said.detail["changes"]
    checkpoint, _ = proofs.latest(archive.house.log_place.shard())
    assert new == {
        "until": from_iso("2023-11-01T00:00:00Z"),
        "keptMonths": 36,
        "endIndex": row.end_index,
        "events": row.n_events,
        "held": 0,
        "signedSize": checkpoint.size,
        "root": checkpoint.root.hex(),
        "reason": "the rule",
        "proposer": archive.first.hex,
        "approver": archive.second.hex,
        "state": "approved",
    }


def test_nobody_without_the_duty_prunes_or_redacts(archive):
    auditor = archive.world.officer("auditor", role="auditor")

    for use_case, values in (
        (logretention.propose, {"until": None, "reason": "r"}),
        (logretention.order_redaction, {"event_id": archive.last, "reason": "r"}),
        (logretention.set_rule, {"months": 1, "reason": "r"}),
        (logretention.place_hold, {"hold": NewHold(0, None, None, None), "reason": "r"}),
    ):
        with pytest.raises(DutyMissing, match="this needs the duty `log.prune`"):
            archive.do(auditor, use_case, **values)


def test_rule_bounds_what_may_be_proposed(archive):
    with pytest.raises(Invalid, match="the rule keeps everything from 2023-11 on"):
        archive.propose(until=from_iso("2023-12-01T00:00:00Z"))
    with pytest.raises(State, match="nothing before 2023-03 may go"):
        archive.propose(until=from_iso("2023-03-01T00:00:00Z"))
    archive.do(archive.first, logretention.set_rule, months=1, reason="data protection")

    assert archive.propose(until=from_iso("2023-12-01T00:00:00Z"))


def test_rule_that_keeps_more_stops_what_was_proposed_before(archive):
    archive.do(archive.first, logretention.set_rule, months=12, reason="short")
    pruning_id = archive.propose(until=from_iso("2024-01-01T00:00:00Z"))
    archive.do(archive.first, logretention.set_rule, months=36, reason="long")

    with pytest.raises(Exception, match="the rule keeps more than it did"):
        archive.do(archive.second, logretention.approve, pruning_id=pruning_id)


def test_what_nobody_has_signed_is_not_pruned(archive):
    archive.at(PAST)
    archive.read(3)
    archive.at(NOW)
    with pytest.raises(State, match="no place in the tree yet"):
        archive.propose()
    sequencer.drain(archive.house.database)

    with pytest.raises(Unavailable, match="not all of these events are signed yet"):
        archive.propose()


def test_hold_on_a_period_keeps_all_of_it_until_it_is_lifted(archive):
    before = archive.passing()
    hold_id = archive.hold(since=from_iso("2023-03-01T00:00:00Z"), until=from_iso("2023-04-01T00:00:00Z"))
    with pytest.raises(State, match="nothing before 2023-11 may go"):
        archive.propose()

    archive.do(archive.second, logretention.lift_hold, hold_id=hold_id, reason="over")

    assert archive.prune() == before


@pytest.mark.parametrize("kind", ["object_id", "actor_id"])
def test_hold_keeps_the_events_that_it_names_and_no_others(archive, kind):
    tables, before = archive.tables, archive.passing()
    value = archive.things[1] if kind == "object_id" else archive.reader
    archive.hold(**{kind: value})

    removed = archive.prune()

    kept = {one.id for one in logged(archive.house.database) if one.columns["at"] < NOW - DAY}
    assert archive.last in kept
    assert archive.passing() == before - removed
    assert archive.count(tables.detail, tables.detail.c.event_id == archive.last) == 1
    assert removed == (before - 1 if kind == "object_id" else before - OLD - 1)
    assert proven(archive, archive.last)


def test_hold_placed_after_the_approval_still_keeps(archive):
    pruning_id = archive.propose()
    archive.do(archive.second, logretention.approve, pruning_id=pruning_id)
    archive.hold(actor_id=archive.reader)

    archive.carry_out(pruning_id)

    assert archive.passing() == OLD + 1


def test_second_pruning_takes_what_a_lifted_hold_kept(archive):
    hold_id = archive.hold(object_id=archive.things[1])
    archive.prune()
    archive.do(archive.first, logretention.lift_hold, hold_id=hold_id, reason="over")

    assert archive.prune() == 1
    assert archive.passing() == 0


class Broken(Exception):
    pass


@pytest.mark.parametrize("step", [0, 3, 6])
def test_pruning_that_breaks_off_goes_on_where_it_ended(archive, monkeypatch, step):
    pruning_id = archive.propose()
    archive.do(archive.second, logretention.approve, pruning_id=pruning_id)
    monkeypatch.setattr(pruning, "SLICE", 5)
    monkeypatch.setattr(pruning, "DETAILS", 5)
    steps = iter(range(100))
    keeping = upkeep.keeping

    def breaking(database, **options):
        if next(steps) == step:
            raise Broken
        return keeping(database, **options)

    with monkeypatch.context() as patched:
        patched.setattr(upkeep, "keeping", breaking)
        with pytest.raises(Broken):
            archive.carry_out(pruning_id)
    archive.read(3)
    archive.sign()

    archive.carry_out(pruning_id)
    archive.do(archive.first, logretention.finish, pruning_id=pruning_id, removed=0)

    assert archive.passing() == 0
    assert proven(archive, archive.lasting)


def test_without_an_approval_no_event_goes_even_below_the_least_index(archive):
    archive.prune()
    archive.at(PAST)
    archive.read(2)
    archive.at(NOW)
    before = archive.passing()

    keeper = archive.house.database.keeper.execution_options(**{WRITE: True})
    with (
        pytest.raises(DBAPIError, match="access_event is append-only"),
        keeper.begin() as connection,
    ):
        connection.execute(text("DELETE FROM access_event"))

    assert archive.passing() == before == 2


def test_detail_that_was_redacted_is_gone_and_its_event_is_proved(archive):
    archive.do(archive.first, logretention.order_redaction, event_id=archive.young, reason="request 7")

    assert redaction.carry_out(archive.house.database, archive.young)
    assert not redaction.carry_out(archive.house.database, archive.young)

    event = next(one for one in logged(archive.house.database) if one.id == archive.young)
    assert event.detail_bytes is None
    assert eventseals.leaf_hash(event.body) == event.columns["leaf_hash"]
    assert proven(archive, archive.young)
    said = [one for one in logged(archive.house.database) if one.columns["op"] == Op.LOG_REDACT][-1]
    assert said.fields["changed"][0][0] == archive.young.hex
    assert "request 7" in said.detail_bytes.decode()
    assert SECRET not in said.detail_bytes.decode()


def test_hold_keeps_a_detail_from_redaction(archive):
    archive.hold(object_id=archive.things[1])

    with pytest.raises(OnHold, match="a hold keeps this event with its detail"):
        archive.do(archive.first, logretention.order_redaction, event_id=archive.last, reason="r")
    archive.do(archive.first, logretention.order_redaction, event_id=archive.young, reason="r")


def test_only_what_was_ordered_is_redacted(archive):
    with pytest.raises(DBAPIError, match="append-only|nobody has ordered this"):
        redaction.carry_out(archive.house.database, archive.young)
    with pytest.raises(NotFound, match="the access log holds no event"):
        archive.do(archive.first, logretention.order_redaction, event_id=new_id(), reason="r")

    assert next(one for one in logged(archive.house.database) if one.id == archive.young).detail_bytes


def test_bytes_of_what_went_are_no_longer_in_the_file(archive):
    if not archive.house.database.is_sqlite:
        pytest.skip("PostgreSQL drops the files of a month")
    home = archive.house.settings.home
    archive.at(PAST)
    event = archive.read(1, thing=2)
    archive.at(NOW)
    archive.sign()
    assert any(event.bytes in path.read_bytes() for path in home.glob("dms.sqlite3*"))

    body = next(one.body for one in logged(archive.house.database) if one.id == event)
    archive.prune()

    assert not any(body in path.read_bytes() for path in home.glob("dms.sqlite3*"))
