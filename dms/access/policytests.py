"""Policy tests against the real engine: each expectation decided in every way there is.

As check by Casbin on the slice, by Casbin over all lines, by the reference, as list and as count.
Casbin over all lines and the reference take their world out of the file, the others out of the tables.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar
from uuid import UUID

from dms.access import accessnodes, gate, policyworlds, reading, revisions
from dms.access.standing import of_principal, policy_of
from dms.base.actor import Actor, ActorKind, system_actor
from dms.base.clock import Instant
from dms.base.ids import new_id
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.rules import access as rules
from dms.rules import policytests
from dms.rules import policyworlds as worlds
from dms.rules.access import Action, Decision, Line, Subject, Target
from dms.rules.policytests import (
    Difference,
    DutyExpectation,
    Expectation,
    Expected,
    Found,
    PolicyTest,
    Subjects,
    Told,
    Way,
)
from dms.rules.policyworlds import Ids, Roles
from dms.stores.work import Work, Works


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one expectation ended; every difference has the decisions that explain it."""

    expected: Expected
    differences: tuple[Difference, ...]
    decisions: Mapping[str, Told]

    @property
    def is_met(self) -> bool:
        """Tell whether everything came as expected."""
        return not self.differences


def run(works: Works, test: PolicyTest) -> Sequence[Outcome]:
    """Write the world of a test into an installation that holds nothing else, and decide all it expects."""
    return stand(works, test).outcomes(test.expect)


def stand(works: Works, test: PolicyTest) -> Case:
    """Write the world of a test into an installation that holds nothing else."""
    first = min(test.now, *(expected.at for expected in test.expect))
    then = replace(works, clock=lambda: Instant(first))

    def body(work: Work) -> tuple[Ids, Roles]:
        return policyworlds.build(work, test), policyworlds.roles_of(work)

    ids, roles = then.write(
        system_actor(new_id().hex), body, locks=(accessnodes.RESTRUCTURES, revisions.LOCK)
    )
    return Case(works, test, ids, roles)


class _Permits(Protocol):
    def __call__(
        self, subject: Subject, target: Target, *, action: Action, lines: Iterable[Line], now: int
    ) -> bool: ...


def _refer(subject: Subject, target: Target, *, action: Action, lines: Iterable[Line], now: int) -> bool:
    return rules.decide(subject, target, action=action, lines=lines, now=now).may


R = TypeVar("R", Document, Aggregation)


def _answers(
    work: Work, model: type[R], names: Mapping[UUID, str], *, who: UUID, action: Action
) -> tuple[Mapping[str, Decision], frozenset[str], int]:
    """Decide each row for the account, list what it sees, and count it."""
    rows = reading.rows_of(work, model, list(names))
    visible = gate.visible(work, model, action)
    return (
        {names[row.id]: gate.decide_for(work, who, row, action=action) for row in rows},
        frozenset(names[row.id] for row in visible.scan()),
        visible.count(),
    )


@dataclass(frozen=True, slots=True)
class Case:
    """A test whose world stands in the tables."""

    works: Works
    test: PolicyTest
    ids: Ids
    roles: Roles

    def outcomes(self, expectations: Sequence[Expected]) -> list[Outcome]:
        """Decide what is expected: one operation for all that an account asks at the same instant."""
        found: dict[int, Outcome] = {}
        groups: dict[tuple[str, int], list[int]] = {}
        for number, expected in enumerate(expectations):
            groups.setdefault((expected.who, expected.at), []).append(number)
        for (who, at), numbers in groups.items():
            asked = [expectations[number] for number in numbers]
            found |= zip(numbers, self._asked(who, at, asked), strict=True)
        return [found[number] for number in range(len(expectations))]

    def _asked(self, who: str, at: int, asked: Sequence[Expected]) -> list[Outcome]:
        works = replace(self.works, clock=lambda: Instant(at))
        actor = Actor(ActorKind.USER, self.ids.principals[who], None, new_id().hex)
        return works.read(actor, lambda work: [self._outcome(work, expected) for expected in asked])

    def _outcome(self, work: Work, expected: Expected) -> Outcome:
        if isinstance(expected, DutyExpectation):
            held = of_principal(work, self.ids.principals[expected.who]).duties
            return Outcome(expected, tuple(policytests.judge_duties(expected, held)), {})
        found = self._found(work, expected)
        return Outcome(expected, tuple(policytests.judge(expected, found)), found.decisions)

    def _found(self, work: Work, expected: Expectation) -> Found:
        names = {self.ids.nodes[name]: name for name in self.test.named(expected.of)}
        who = self.ids.principals[expected.who]
        if expected.of is Subjects.DOCUMENTS:
            answers = _answers(work, Document, names, who=who, action=expected.action)
        else:
            answers = _answers(work, Aggregation, names, who=who, action=expected.action)
        decisions, listed, count = answers
        allowed = {
            Way.CHECK: frozenset(name for name, decision in decisions.items() if decision.may),
            Way.CASBIN: self._decided(expected, policy_of(work).permits),
            Way.REFERENCE: self._decided(expected, _refer),
            Way.LIST: listed,
        }
        return Found(allowed, count, {name: self._told(each) for name, each in decisions.items()})

    def _decided(self, expected: Expectation, permits: _Permits) -> frozenset[str]:
        """Decide by the world of the file alone, over all lines there are."""
        lines = worlds.lines(self.test, self.ids, roles=self.roles)
        who = worlds.subject(self.test, self.ids, expected.who, at=expected.at, roles=self.roles)
        return frozenset(
            name
            for name in self.test.named(expected.of)
            if permits(
                who,
                worlds.target(self.test, self.ids, name),
                action=expected.action,
                lines=lines,
                now=expected.at,
            )
        )

    def _told(self, decision: Decision) -> Told:
        entries = {key: name for name, key in self.ids.entries.items()}
        lines = (line if isinstance(line, str) else entries[line] for line in decision.line_ids)
        return Told(decision.reason, frozenset(lines))
