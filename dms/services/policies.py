"""The policy as a whole: judged, exported, and proved by sample. For commands; nothing here changes it."""

from __future__ import annotations

import csv
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO
from uuid import UUID

from dms.access import gate, policyproof
from dms.access.policyproof import Difference, Part
from dms.access.standing import policy_of
from dms.base.actor import Actor
from dms.base.clock import monotonic_s
from dms.base.draws import Draws
from dms.rules import policychecks
from dms.rules import policylines as rules
from dms.rules.access import Action, NodeKind
from dms.rules.accessevents import Op
from dms.rules.policychecks import Finding
from dms.stores import policylines
from dms.stores.work import Work, Works


@dataclass(frozen=True, slots=True)
class Sample:
    """How much is drawn for a proof; the same seed draws the same of the same installation."""

    subjects: int
    documents: int
    seed: int
    seconds: float
    """After how long to draw no more."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a proof by sample came to."""

    subjects: int
    decisions: int
    differences: tuple[Difference, ...]
    is_whole: bool
    """False if the time was up before the whole sample was looked at."""


@dataclass(frozen=True, slots=True)
class Exported:
    """How many lines an export has, and the digest of its bytes."""

    lines: int
    sha256: str


def validate(work: Work) -> Sequence[Finding]:
    """Return what is wrong with the lines of the policy, the worst first; loads all of them."""
    work.performs(Op.POLICY_VALIDATE)
    policy = policyproof.policy_now(work)
    nodes: dict[NodeKind, set[UUID]] = defaultdict(set)
    for entry in policy.entries:
        nodes[entry.node_kind].add(entry.node_id)
    above: dict[UUID, frozenset[UUID]] = {}
    for kind, ids in nodes.items():
        above |= policylines.above(work, kind, ids)
    found = policychecks.examine(policy, above=above)
    work.notes.detail["policy"] = {"findings": len(found), "sound": policychecks.is_sound(found)}
    return found


def export(work: Work, target: BinaryIO) -> Exported:
    """Write all lines that nobody has ended into a sheet (`rules.policylines`); they pass one by one."""
    work.performs(Op.POLICY_EXPORT)
    target.seek(0)
    target.truncate()  # this may be the second try
    sheet = _Sheet(target)
    write = csv.writer(sheet, lineterminator="\r\n").writerow
    write(rules.HEADER)
    count = 0
    for cells in _cells(work):
        write(cells)
        count += 1
    exported = Exported(count, sheet.sha256.hexdigest())
    work.notes.detail["policy"] = {"lines": count, "sha256": exported.sha256}
    return exported


def verify(works: Works, actor: Actor, sample: Sample, *, tell: Callable[[int, int], None]) -> Proof:
    """Hold the fast ways of deciding against Casbin over all lines; each account in a reading of its own.

    The actions go round, so that each comes before one comes twice, and begin anywhere, so that runs that
    end early come to all of them. Ends with the decision during which the time of the sample is up.
    """
    until_s = monotonic_s() + sample.seconds
    draws = Draws(sample.seed)

    def begin(work: Work) -> tuple[list[UUID], int]:
        work.performs(Op.POLICY_VERIFY)
        return draws.some(policylines.accounts(work), count=sample.subjects), policylines.documents(work)

    accounts, documents = works.read(actor, begin)
    actions = list(Action)
    parts = []
    for number, account in enumerate(accounts):
        places = draws.places(below=documents, count=sample.documents)
        action = actions[(sample.seed + number) % len(actions)]
        one = partial(_prove, account_id=account, action=action, places=places, until_s=until_s)
        parts.append(works.read(actor, one))
        tell(number + 1, len(accounts))
        if monotonic_s() > until_s:
            break
    return Proof(
        subjects=len(parts),
        decisions=sum(part.decisions for part in parts),
        differences=tuple(each for part in parts for each in part.differences),
        is_whole=len(parts) == len(accounts) and all(part.is_whole for part in parts),
    )


def _prove(work: Work, *, account_id: UUID, action: Action, places: Sequence[int], until_s: float) -> Part:
    work.performs(Op.POLICY_VERIFY)
    part = policyproof.prove(work, account_id, action=action, places=places, until_s=until_s)
    work.notes.detail["policy"] = {
        "account": account_id.hex,
        "action": action.value,
        "differences": len(part.differences),
    }
    return part


class _Sheet:
    """Takes text for a file of bytes, and keeps the digest of what passes."""

    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self.sha256 = hashlib.sha256()

    def write(self, text: str) -> None:
        raw = text.encode()
        self.sha256.update(raw)
        self._target.write(raw)


def _cells(work: Work) -> Iterator[tuple[str, ...]]:
    principals = policylines.principals(work)
    roof = gate.standing(work).roof
    for entry in policylines.entries(work):
        yield rules.entry_cells(entry, principals, scheme_id=roof.scheme_id)
    roles = policy_of(work).files.roles
    for line in sorted(principals.values(), key=lambda each: each.name):
        if line.kind == "role" and line.name in roles:
            for action in sorted(roles[line.name].actions):
                yield rules.role_cells(line, action, repository_id=roof.repository_id)
    for link in policylines.links(work):
        yield rules.link_cells(link, principals)
