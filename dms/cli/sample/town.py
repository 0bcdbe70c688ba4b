"""The town at work: its people act one after the other, in short transactions of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby, islice
from typing import TypeAlias, TypeVar
from uuid import UUID

from dms.base.actor import Actor, ActorKind, Source, system_actor
from dms.base.clock import monotonic_s
from dms.base.ids import new_id
from dms.cli.sample.values import Plan
from dms.house import House
from dms.models.users import PrincipalKind
from dms.stores import lookups
from dms.stores.work import Work

BATCH = 40
BATCH_S = 0.12
"""A transaction takes no further item after this long, so that others wait less than 250 ms."""

Tell: TypeAlias = Callable[[str, int, int | None], None]
Do: TypeAlias = Callable[[Work, "T"], object]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Town:
    """An installation in which the plan comes to life, and who learns of the progress."""

    house: House
    plan: Plan
    operator: str
    """The operating-system user for whom all of this is done."""
    tell: Tell
    _accounts: dict[str, UUID] = field(default_factory=dict)

    @property
    def source(self) -> Source:
        """Return where the acts come from, for their events."""
        return Source(operator=self.operator)

    def system(self) -> Actor:
        """Return the operator, who acts for nobody in particular."""
        return system_actor(new_id().hex, operator=self.operator)

    def person(self, name: str) -> Actor:
        """Return a person of the town, who must have an account."""
        if name not in self._accounts:
            known = self.look(lookups.principals)
            self._accounts.update(
                {who: key for (kind, who), key in known.items() if kind is PrincipalKind.USER}
            )
        return Actor(ActorKind.USER, self._accounts[name], None, new_id().hex, self.source)

    def look(self, fact: Callable[[Work], T]) -> T:
        """Read what is there."""
        return self.house.works.read(self.system(), fact)

    def each(
        self,
        step: str,
        items: Sequence[T],
        do: Do[T],
        *,
        by: Callable[[T], str],
        locks: Sequence[str] = (),
        before: int = 0,
        total: int | None = None,
    ) -> None:
        """Let each item be done by its person, in order, many in one transaction.

        `before` of `total` items of the step were done already, if the caller cuts the step into pieces.
        """
        done = before
        for name, group in groupby(items, key=by):
            left = list(group)
            person = self.person(name)
            while left:
                count = self.house.works.write(person, partial(_some, items=left, do=do), locks=locks)
                left = left[count:]
                done += count
                self.tell(step, done, len(items) if total is None else total)


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut items into lists of at most `size`."""
    rest = iter(items)
    while chunk := list(islice(rest, size)):
        yield chunk


def _some(work: Work, *, items: Sequence[T], do: Do[T]) -> int:
    """Do the first of the items and return how many."""
    until_s = monotonic_s() + BATCH_S
    for count, item in enumerate(items[:BATCH], start=1):
        do(work, item)
        if monotonic_s() > until_s:
            return count
    return min(len(items), BATCH)
