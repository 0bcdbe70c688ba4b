"""Jobs: queued with their cause, done once by whoever holds them, given up in the end, seen by who may."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from functools import partial

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from dms.base.actor import system_actor
from dms.base.clock import DAY, HOUR, MINUTE, SECOND, system_clock
from dms.base.errors import Busy, Conflict, Duty, NotFound, State, Unauthenticated
from dms.base.ids import new_id
from dms.base.paging import PageRequest
from dms.jobs import handlers
from dms.jobs.holding import Ground, InVain
from dms.jobs.working import Working
from dms.models.jobs import Job
from dms.models.users import LoginThrottle
from dms.rules.jobs import JobKind, JobState
from dms.services import jobs as use_cases
from dms.services.jobs import JobFilter
from dms.stores import jobs
from dms.stores.jobs import LeaseLost, Order
from tests import factories
from tests.recorded import last_of

KIND = JobKind.JOBS_SWEEP


class Yard:
    """An installation without jobs, with a clock that a test sets, and workers."""

    def __init__(self, house):
        self.house = house
        self.database = house.database
        self.late = 0
        self.did: list[dict] = []

    def clock(self):
        return system_clock() + self.late

    def queue(self, *payloads, key=None, by=None, **order):
        orders = [Order(KIND, each, dedupe_key=key, **order) for each in payloads or ({},)]
        actor = system_actor("test") if by is None else factories.actor(by)
        self.house.works.write(actor, lambda work: jobs.queue(work, orders))

    def rows(self):
        with Session(self.database.engine) as session:
            return list(session.execute(select(Job).order_by(Job.id)).scalars())

    def row(self):
        (found,) = self.rows()
        return found

    def take(self, worker=None, limit=16):
        return jobs.take(self.database, self.clock, worker=worker or new_id(), kinds=[KIND], limit=limit)

    def begin(self, taken, worker):
        return jobs.begin(self.database, self.clock, taken.id, worker=worker)

    def worker(self, handle=None):
        works = replace(self.house.works, clock=self.clock)
        ground = Ground(works, self.house.vault, self.house.settings)
        return Working(
            ground, handlers={KIND: handle or (lambda _, held: self.did.append(held.taken.payload))}
        )


@pytest.fixture
def yard(house):
    with house.database.engine.begin() as connection:
        connection.execute(delete(Job))
        connection.execute(delete(LoginThrottle))
    return Yard(house)


def test_job_is_there_only_if_its_cause_is(yard):
    def body(work):
        jobs.queue(work, [Order(KIND)])
        raise Conflict("no")

    with pytest.raises(Conflict):
        yard.house.works.write(system_actor("test"), body)

    assert yard.rows() == []
    assert yard.worker().look() == 0


def test_jobs_are_done_by_priority_then_by_time(yard):
    yard.queue({"n": 1}, {"n": 2})
    yard.queue({"n": 3}, priority=20)
    yard.queue({"n": 4}, run_at=yard.clock() + HOUR)

    assert yard.worker().look() == 3

    assert [each["n"] for each in yard.did] == [3, 1, 2]
    assert [(row.state, row.attempts) for row in yard.rows()][:3] == [(JobState.DONE, 1)] * 3
    assert yard.rows()[3].state is JobState.QUEUED


def test_key_queues_once_while_it_waits_and_anew_once_it_was_done(yard):
    yard.queue({"n": 1}, key="k")
    yard.queue({"n": 2}, key="k")
    assert yard.worker().drain() == 1

    yard.queue({"n": 3}, key="k")

    assert [row.state for row in yard.rows()] == [JobState.DONE, JobState.QUEUED]
    assert [each["n"] for each in yard.did] == [1]


def test_several_orders_of_one_key_in_one_transaction_are_one_job(yard):
    yard.queue({"n": 1}, {"n": 2}, key="k")

    assert len(yard.rows()) == 1


def test_job_whose_cause_comes_up_again_while_it_runs_runs_once_more(yard):
    def handle(_, held):
        yard.did.append(held.taken.payload)
        if len(yard.did) == 1:
            yard.queue(key="k")

    yard.queue(key="k")
    worker = yard.worker(handle)
    assert worker.look() == 1
    assert (yard.row().state, yard.row().attempts) == (JobState.QUEUED, 0)

    assert worker.look() == 1

    assert len(yard.did) == 2
    assert yard.row().state is JobState.DONE


def test_worker_cannot_begin_a_job_before_the_cause_that_joined_it_is_kept(yard):
    """Else it would read the state before that cause, and be taken for having done both."""
    yard.queue(key="k")
    worker = new_id()
    (taken,) = yard.take(worker)
    begun = []

    def body(work):
        jobs.queue(work, [Order(KIND, dedupe_key="k")])
        thread = threading.Thread(target=lambda: begun.append(yard.begin(taken, worker)))
        thread.start()
        thread.join(0.3)
        assert begun == []
        return thread

    yard.house.works.write(system_actor("test"), body).join()

    assert begun == [1]


def test_two_workers_share_the_jobs_and_do_none_twice(yard):
    yard.queue(*({"n": n} for n in range(60)))
    workers = [yard.worker() for _ in range(2)]
    threads = [threading.Thread(target=each.drain) for each in workers]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert sorted(each["n"] for each in yard.did) == list(range(60))
    assert {row.state for row in yard.rows()} == {JobState.DONE}


def test_lease_that_ran_out_is_taken_by_another_and_the_first_keeps_nothing(yard):
    yard.queue()
    first, second = new_id(), new_id()
    (taken,) = yard.take(first)
    yard.begin(taken, first)
    assert yard.take(second) == []

    yard.late = MINUTE + SECOND
    (again,) = yard.take(second)

    assert again.id == taken.id
    assert yard.begin(again, second) == 2
    with pytest.raises(LeaseLost):
        jobs.finish(yard.database, yard.clock, taken.id, worker=first)
    jobs.finish(yard.database, yard.clock, taken.id, worker=second)
    assert yard.row().state is JobState.DONE


def test_lease_that_is_renewed_is_taken_by_nobody(yard):
    yard.queue()
    worker = new_id()
    (taken,) = yard.take(worker)
    yard.begin(taken, worker)

    yard.late = MINUTE - SECOND
    assert jobs.renew(yard.database, yard.clock, worker=worker) == {taken.id}
    yard.late = 2 * MINUTE - 2 * SECOND

    assert yard.take() == []


def test_what_a_late_worker_did_is_undone_with_its_lost_lease(yard):
    def handle(_, held):
        yard.late = 2 * MINUTE
        (taken,) = yard.take()
        assert taken.id == held.taken.id
        held.finish(lambda work: work.add(throttle("late")))

    yard.queue()
    yard.worker(handle).look()

    assert yard.row().state is JobState.RUNNING
    assert throttles(yard) == []


def test_work_and_the_end_of_its_job_are_one_transaction(yard):
    yard.queue()

    yard.worker(lambda _, held: held.finish(lambda work: work.add(throttle("kept")))).look()

    assert (yard.row().state, throttles(yard)) == (JobState.DONE, ["kept"])


def test_failing_job_is_put_off_longer_each_time_and_dead_after_eight_tries(yard, caplog):
    def handle(_, held):
        yard.did.append(held.taken.payload)
        raise Conflict("not yet")

    yard.queue()
    worker = yard.worker(handle)
    waits = []
    for _ in range(8):
        before = yard.clock()
        assert worker.look() == 1
        waits.append((yard.row().run_at - before) / SECOND)
        assert worker.look() == 0
        yard.late += 2 * HOUR

    found = yard.row()
    assert (found.state, found.attempts) == (JobState.DEAD, 8)
    assert (found.error_code, found.error) == ("CONFLICT", "not yet")
    assert all(7 <= wait / 2**n <= 16 for n, wait in enumerate(waits))
    assert [each.message for each in caplog.records if each.name == "dms.alarm"] == ["job_given_up"]
    assert worker.look() == 0


def test_busy_house_puts_a_job_off_without_counting_the_try(yard):
    def handle(_, held):
        raise Busy("in a moment")

    yard.queue()
    yard.worker(handle).look()

    assert (yard.row().state, yard.row().attempts) == (JobState.QUEUED, 0)
    assert yard.row().run_at > yard.clock()


def test_job_in_vain_fails_at_once_with_its_reason(yard):
    def handle(_, held):
        raise InVain("TOO_LARGE", "larger than can be read")

    yard.queue()
    yard.worker(handle).look()

    found = yard.row()
    assert (found.state, found.attempts) == (JobState.FAILED, 1)
    assert (found.error_code, found.error) == ("TOO_LARGE", "larger than can be read")


@pytest.mark.parametrize("error", [InVain("DAMAGED", "it is broken"), Conflict("not yet")])
def test_job_that_fails_for_good_runs_once_more_when_its_cause_came_up_again_meanwhile(yard, error):
    def handle(_, held):
        yard.did.append(held.taken.payload)
        if len(yard.did) == 8 or isinstance(error, InVain):
            yard.queue(key="k")
        raise error

    yard.queue(key="k")
    worker = yard.worker(handle)
    for _ in range(1 if isinstance(error, InVain) else 8):
        yard.late += 2 * HOUR
        assert worker.look() == 1

    found = yard.row()
    assert (found.state, found.attempts, found.ended_at) == (JobState.QUEUED, 0, None)
    assert (found.asked_again, found.error) == (False, str(error))


def test_job_whose_worker_died_eight_times_is_tried_again_for_a_new_cause(yard):
    yard.queue(key="k")
    for _ in range(8):
        worker = new_id()
        (taken,) = yard.take(worker)
        yard.begin(taken, worker)
        yard.late += 2 * MINUTE
    yard.queue(key="k")

    (taken,) = yard.take(worker)

    assert yard.begin(taken, worker) == 9
    yard.late += 2 * MINUTE
    assert yard.take() == []
    assert yard.row().state is JobState.DEAD


def test_unexpected_error_is_told_without_its_words(yard, caplog):
    def handle(_, held):
        raise RuntimeError("the title is Secret")

    yard.queue()
    with caplog.at_level(logging.CRITICAL):
        yard.worker(handle).look()

    assert yard.row().error_code == "INTERNAL"
    assert "Secret" not in yard.row().error


def test_job_whose_process_dies_each_time_is_given_up(yard):
    yard.queue()
    for tries in range(1, 9):
        worker = new_id()
        (taken,) = yard.take(worker)
        assert yard.begin(taken, worker) == tries
        yard.late += 2 * MINUTE

    assert yard.take() == []

    assert (yard.row().state, yard.row().error_code) == (JobState.DEAD, "WORKER_DIED")


def test_stopped_worker_gives_back_what_it_holds_and_no_try_counts(yard):
    yard.queue({"n": 1}, {"n": 2})
    begun = threading.Event()

    def handle(_, held):
        begun.set()
        while True:
            held.check()

    worker = yard.worker(handle)
    worker.start()
    assert begun.wait(10)

    worker.stop()

    assert {(row.state, row.attempts, row.leased_by) for row in yard.rows() if row.payload != "{}"} == {
        (JobState.QUEUED, 0, None)
    }


def test_worker_notices_that_its_lease_was_lost(yard):
    yard.queue()

    def handle(_, held):
        yard.house.works.write(system_actor("x"), lambda work: use_cases.cancel(work, held.taken.id))
        worker.renew()
        held.check()
        yard.did.append({})

    worker = yard.worker(handle)
    worker.look()

    assert yard.did == []
    assert yard.row().state is JobState.CANCELLED


def test_progress_is_kept_for_people(yard):
    yard.queue()
    yard.worker(lambda _, held: held.tell(3, 10)).look()

    assert (yard.row().progress_done, yard.row().progress_total) == (3, 10)


def test_what_comes_round_again_waits_once_and_its_time_after_the_last(yard):
    worker = yard.worker()
    worker.recur()
    worker.recur()
    assert worker.look() == 1

    worker.recur()

    done, waiting = [row for row in yard.rows() if row.kind == KIND]
    assert (done.state, waiting.state) == (JobState.DONE, JobState.QUEUED)
    assert waiting.run_at == done.started_at + HOUR


def test_sweep_forgets_done_jobs_after_a_week_and_others_after_ninety_days(yard):
    for state in (JobState.DONE, JobState.DEAD, JobState.CANCELLED, JobState.FAILED):
        for age in (8, 91):
            ended = yard.clock() - age * DAY
            yard.house.works.write(system_actor("test"), partial(add_ended, state=state, at=ended))
    yard.queue()

    Working(
        Ground(yard.house.works, yard.house.vault, yard.house.settings), handlers=handlers.HANDLERS
    ).look()

    left = sorted(row.state for row in yard.rows())
    assert left == [JobState.CANCELLED, JobState.DEAD, JobState.DONE, JobState.FAILED]


# Who may


@pytest.fixture
def operator(world):
    return world.officer(role="administrator")


def asked(desk, user):
    """A job that a user caused."""
    desk.do(user, lambda work: jobs.queue(work, [Order(KIND)]))
    return desk.see(user, use_cases.page, PageRequest(1), wanted=JobFilter()).rows[0].id


def test_person_sees_own_jobs_and_none_of_others(desk, user, clerk, operator):
    own, other = asked(desk, user), asked(desk, clerk)

    def page(who, **wanted):
        found = desk.see(who, use_cases.page, PageRequest(100), wanted=JobFilter(**wanted))
        return [row.id for row in found.rows if row.id in {own, other}]

    assert page(user) == [own]
    assert page(operator) == [other, own]
    assert page(operator, own_only=True) == []
    assert page(operator, states=(JobState.DONE,)) == []
    assert desk.see(user, use_cases.find, own).asked_by == user
    with pytest.raises(NotFound):
        desk.see(user, use_cases.find, other)
    assert desk.see(user, use_cases.nodes, [own, other]).keys() == {own}


def test_account_that_is_none_sees_no_jobs(house):
    nobody = factories.actor(new_id())

    with pytest.raises(Unauthenticated):
        house.works.read(nobody, partial(use_cases.page, request=PageRequest(1), wanted=JobFilter()))


def test_cancelling_needs_the_duty_and_is_recorded(desk, user, operator):
    job_id = asked(desk, user)
    with pytest.raises(Duty):
        desk.do(user, use_cases.cancel, job_id)
    assert desk.see(user, use_cases.find, job_id).state is JobState.QUEUED

    desk.do(operator, use_cases.cancel, job_id)

    event = last_of(desk.house, operator)
    assert (event["op"], event["outcome"]) == ("job.cancel", "committed")
    assert desk.see(user, use_cases.find, job_id).state is JobState.CANCELLED
    with pytest.raises(State, match="the job has ended already"):
        desk.do(operator, use_cases.cancel, job_id)


def test_person_has_an_own_job_tried_again_that_ended_badly(desk, user, clerk, operator):
    job_id = asked(desk, user)
    with pytest.raises(State, match="the job is queued: only one that ended badly is tried again"):
        desk.do(user, use_cases.retry, job_id)
    desk.do(operator, use_cases.cancel, job_id)
    with pytest.raises(NotFound):
        desk.do(clerk, use_cases.retry, job_id)

    found = desk.do(user, use_cases.retry, job_id)

    assert (found.state, found.attempts, found.ended_at) == (JobState.QUEUED, 0, None)
    assert last_of(desk.house, user)["op"] == "job.retry"


def test_job_is_not_tried_again_beside_an_open_one_of_its_key(desk, user, operator):
    orders = [Order(KIND, dedupe_key="same")]
    desk.do(user, lambda work: jobs.queue(work, orders))
    job_id = desk.see(user, use_cases.page, PageRequest(1), wanted=JobFilter()).rows[0].id
    desk.do(operator, use_cases.cancel, job_id)
    desk.do(user, lambda work: jobs.queue(work, orders))

    with pytest.raises(Conflict, match="the same is queued again already"):
        desk.do(user, use_cases.retry, job_id)


def throttle(key):
    return LoginThrottle(key_sha256=key.encode().ljust(32).hex(), failures=0, free_at=0, touched_at=0)


def throttles(yard):
    with Session(yard.database.engine) as session:
        return [
            bytes.fromhex(row.key_sha256).decode().strip()
            for row in session.execute(select(LoginThrottle)).scalars()
        ]


def add_ended(work, *, state, at):
    work.add(
        Job(
            id=new_id(),
            kind=KIND.value,
            payload="{}",
            priority=50,
            state=state,
            run_at=at,
            created_at=at,
            ended_at=at,
        )
    )
