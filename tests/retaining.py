"""Rules of retention in force, bound to things: for tests of what follows for these."""

from __future__ import annotations

import itertools

from sqlalchemy import select

from dms.base.actor import system_actor
from dms.base.ids import new_id
from dms.models.retention import BindingKind, LineState, RetentionAssignment, RetentionOutcome
from dms.models.schedules import RetentionRule, RetentionSchedule, RuleEntry, ScheduleEdition
from dms.rules import duedays, tracks
from dms.rules.retention import Bound
from dms.rules.states import EditionState, RuleEntryState
from dms.services import retention
from dms.stores import outcomes, retentionfacts
from dms.stores.work import session_of
from tests import duewordings

_numbers = itertools.count(1)


def make_schedule(work):
    """A schedule with an edition in force, without rules."""
    number = next(_numbers)
    schedule = RetentionSchedule(
        id=new_id(), code=f"S{number}", code_key=f"s{number:09}", title=f"Schedule {number}"
    )
    schedule.created_at = work.now
    work.add(schedule)
    work.flush()
    edition = ScheduleEdition(
        id=new_id(), schedule_id=schedule.id, number=1, state=EditionState.IN_FORCE, title="First"
    )
    edition.revision, edition.created_at, edition.digest = 1, work.now, "00" * 32
    work.add(edition)
    work.flush()
    return edition.id


def make_rule(work, edition, *said, bound=Bound.MINIMUM, code=None):
    """A rule that an edition words as `closed, P5Y`; without words nobody has read it yet."""
    number = next(_numbers)
    row = session_of(work).get(ScheduleEdition, edition)
    rule = RetentionRule(id=new_id(), schedule_id=row.schedule_id, number=f"n{number}")
    work.add(rule)
    work.flush()
    entry = RuleEntry(
        id=new_id(),
        edition_id=edition,
        rule_id=rule.id,
        code=code or f"R{number}",
        code_key=f"r{number:09}",
        title=f"Rule {number}",
        bound=bound,
        raw_text="; ".join(said),
        is_vital=False,
        has_personal_information=False,
        is_confidential=False,
        state=RuleEntryState.PARSED if said else RuleEntryState.NEEDS_REVIEW,
        reasons="" if said else "no_period",
        tracks=tracks.written([duewordings.track(each) if isinstance(each, str) else each for each in said]),
        periods="[]",
    )
    work.add(entry)
    work.flush()
    return rule.id


def reword(work, rule, *said):
    """Let a rule say something else at once, and mark what it bears on."""
    entry = session_of(work).execute(select(RuleEntry).where(RuleEntry.rule_id == rule)).scalar_one()
    entry.tracks = tracks.written([duewordings.track(each) for each in said])
    work.flush()
    retention.rules_changed(work, [rule])


def bind(work, rule, kind, target, *, binding=BindingKind.MANUAL):
    """Bind a rule at once, whatever it shortens."""
    line = RetentionAssignment(
        id=new_id(),
        target_kind=kind,
        target_id=target,
        rule_id=rule,
        kind=binding,
        state=LineState.IN_EFFECT,
        reason="factory",
        shortens=False,
        created_at=work.now,
        effective_at=work.now,
    )
    work.add(line)
    work.flush()
    outcomes.mark(work, [outcomes.Marked(kind, target)])
    return line.id


def recompute(house):
    """Do what the jobs do; returns how many things were computed."""
    done = 0
    while count := house.works.write(system_actor("test"), retention.recompute):
        done += count
    return done


def kept(world, thing):
    """The outcome that is kept of a thing."""
    return world.build(lambda work: session_of(work).get(RetentionOutcome, thing))


def disagreeing(work):
    """Return the ids of all things of which another outcome is kept than follows from nothing."""
    rows = {row.id: row for row in session_of(work).execute(select(RetentionOutcome)).scalars()}
    things = [row[0] for model in outcomes.THINGS for row in session_of(work).execute(select(model.id))]
    days = retentionfacts.calendar(work)
    found = outcomes.computed(work, things)
    wrong = rows.keys() ^ found.keys()
    for thing in rows.keys() & found.keys():
        gathered = found[thing].gathered
        digest = duedays.digest(gathered.thing, gathered.assignments, fiscal_year=days.fiscal_year)
        told = outcomes.values(thing, found[thing], digest=digest, now=rows[thing].computed_at)
        if any(getattr(rows[thing], name) != value for name, value in told.items()):
            wrong.add(thing)
    return wrong
