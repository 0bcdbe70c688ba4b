"""What every part of a check stands on: the ground it reads from, slices, and what is found.

Every slice is a short reading of its own, so a check may run beside a server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar
from uuid import UUID

from dms.base.actor import Actor
from dms.rules.accessevents import Op
from dms.stores.vault import Vault
from dms.stores.work import Work, Works

SLICE = 500

T = TypeVar("T")
U = TypeVar("U")
P = ParamSpec("P")


class Weight(StrEnum):
    """Whether something is wrong, or merely worth knowing."""

    FAULT = "fault"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something found: a stable code, what it speaks of, and what to know of it."""

    code: str
    subject: str
    message: str
    weight: Weight = Weight.FAULT


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the check: how many things it looked at, and what it found."""

    name: str
    examined: int
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """The whole check."""

    parts: tuple[Part, ...]

    def count(self, weight: Weight) -> int:
        """Count the findings of a weight."""
        return sum(finding.weight is weight for part in self.parts for finding in part.findings)

    @property
    def is_sound(self) -> bool:
        """Tell whether nothing is wrong; notes are no fault."""
        return self.count(Weight.FAULT) == 0


@dataclass(frozen=True, slots=True)
class Ground:
    """What is checked, for whom, and how thoroughly.

    With `is_deep` all content is opened and its digest compared too. `tell` learns of progress: the
    name of the part, how much of it was examined, and of how much where that is known.
    """

    works: Works
    vault: Vault
    actor: Actor
    is_deep: bool
    tell: Callable[[str, int, int | None], None]

    def read(self, body: Callable[Concatenate[Work, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Read a slice."""

        def noted(work: Work) -> T:
            work.performs(Op.SYSTEM_CHECK)
            return body(work, *args, **kwargs)

        return self.works.read(self.actor, noted)


Slice: TypeAlias = tuple[int, Sequence[Finding]]
"""How many things were examined, and what was found about them."""


def slices(
    ground: Ground,
    body: Callable[[Work, UUID | None], tuple[Sequence[T], U]],
    key: Callable[[T], UUID],
) -> Iterator[tuple[Sequence[T], U]]:
    """Read slice after slice, each in a reading of its own, until one is empty."""
    after: UUID | None = None
    while True:
        rows, beside = ground.read(body, after)
        if not rows:
            return
        yield rows, beside
        after = key(rows[-1])


def chunks(things: Iterator[T]) -> Iterator[list[T]]:
    """Cut things into slices."""
    while chunk := list(islice(things, SLICE)):
        yield chunk


def fault(code: str, kind: str, row_id: UUID, message: str) -> Finding:
    """Return a fault of a row."""
    return Finding(code, f"{kind}:{row_id}", message)
