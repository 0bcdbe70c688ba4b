"""What the archive of the access benchmarks holds, in plain numbers: always the same of the same size.

A deep tree of Aggregations, of which one in twenty bears entries; classes; marks over levels and
compartments; thousands of foreign lines; and six readers from ten own Documents to ten thousand lines.
Unkind on purpose: where a Document lies, its class and its mark have little to do with each other.
"""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from uuid import UUID

from dms.rules.access import Action, Effect, NodeKind

BEGIN = 1_577_836_800_000_000
"""The first Document is registered at the beginning of 2020, and then one each minute."""

MINUTE = 60_000_000

OLD_FOLDER = 214
"""So many Documents, the oldest of all, lie in one Aggregation that one reader may see."""

RANKS = (100, 200, 300, 400, 500)
COMPARTMENTS = 7
SETS = 120
"""Sets of compartments; with the ranks they make 600 marks."""

CLEARANCE = (400, frozenset(range(COMPARTMENTS - 1)))
FOREIGN_USERS = 1_500
FOREIGN_GROUPS = 300
OWN_GROUPS = 31

DENIES = 0.15
EXPIRED = 0.05
READING = (Action.READ_METADATA, Action.READ_CONTENT, Action.EXPORT, Action.EDIT, Action.DISPOSE, Action.LEND)
NARROW = (Action.EDIT, Action.EXPORT, Action.LEND, Action.HOLD)
"""Actions whose deny leaves the reading of metadata as it is."""

WORDS = ("accounts", "agenda", "charter", "contract", "letter", "map", "minutes", "plan", "report", "survey")

_KINDS = {kind: number for number, kind in enumerate(NodeKind, start=1)}
_PRINCIPAL, _ENTRY, _OTHER = 8, 9, 10


Node: TypeAlias = tuple[NodeKind, int]


@dataclass(frozen=True, slots=True)
class Size:
    """How much of everything there is."""

    documents: int = 100_000
    aggregations: int = 60_000
    named: int = 2_861
    """Aggregations with entries."""
    classes: int = 2_000
    named_classes: int = 192
    entries: int = 70_000


@dataclass(frozen=True, slots=True)
class Entry:
    """A line; principal and node by their numbers."""

    principal: int
    kind: NodeKind
    node: int
    action: Action
    effect: Effect
    is_expired: bool = False


@dataclass(frozen=True, slots=True)
class Reader:
    """Somebody whose lists are measured, with the numbers of all its principals."""

    name: str
    principals: tuple[int, ...]


@dataclass(slots=True)
class Plan:
    """The archive; -1 is the roof of a tree, and what is not marked bears mark 0."""

    size: Size
    parents: array[int]
    class_parents: array[int]
    aggregation_classes: array[int]
    marks: list[tuple[int, frozenset[int]]]
    places: array[int]
    """The Aggregation of each Document."""
    document_classes: array[int]
    document_marks: array[int]
    old_folder: int
    named: list[int] = field(default_factory=list)
    named_classes: list[int] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    principals: int = FOREIGN_USERS + FOREIGN_GROUPS
    links: list[tuple[int, int]] = field(default_factory=list)

    def nodes(self) -> list[Node]:
        """Return every node of a tree that bears entries."""
        aggregations = [(NodeKind.AGGREGATION, number) for number in self.named]
        return aggregations + [(NodeKind.CLASS, number) for number in self.named_classes]

    def is_user(self, principal: int) -> bool:
        """Tell whether a principal is a user, not a group."""
        return principal < FOREIGN_USERS or any(principal == reader.principals[0] for reader in self.readers)


def identify(kind: int, number: int) -> UUID:
    """Return the id of a thing: a UUIDv7 of its kind and number."""
    millis = (BEGIN + number * MINUTE) // 1000
    return UUID(int=millis << 80 | 0x7 << 76 | kind << 64 | 0b10 << 62 | number)


def node_id(kind: NodeKind, number: int) -> UUID:
    """Return the id of a Document, Aggregation or class."""
    return identify(_KINDS[kind], number)


def principal_id(number: int) -> UUID:
    """Return the id of a principal."""
    return identify(_PRINCIPAL, number)


def entry_id(number: int) -> UUID:
    """Return the id of an entry."""
    return identify(_ENTRY, number)


def other_id(number: int) -> UUID:
    """Return the id of something else, such as a clearance."""
    return identify(_OTHER, number)


def make(size: Size) -> Plan:
    """Lay out an archive of this size."""
    dice = random.Random(20)  # noqa: S311  the same archive each time
    parents = _tree(dice, size.aggregations, roots=20)
    class_parents = _tree(dice, size.classes, roots=4)
    folder = size.aggregations - 1
    classes = array("i", (dice.randrange(size.classes) for _ in range(size.aggregations)))
    for number, parent in enumerate(parents):
        if parent >= 0 and dice.random() < 0.98:
            classes[number] = classes[parent]
    marks = _marks(dice)
    count = size.documents
    places = array("i", (dice.randrange(folder) for _ in range(count)))
    places[:OLD_FOLDER] = array("i", [folder] * OLD_FOLDER)
    document_classes = array("i", (classes[place] for place in places))
    document_marks = array("i", bytes(4 * count))
    for number in range(count):
        if dice.random() < 0.10:
            document_classes[number] = dice.randrange(size.classes)
        if number >= OLD_FOLDER and dice.random() < 0.15:
            document_marks[number] = dice.randrange(len(marks))
    plan = Plan(
        size, parents, class_parents, classes, marks, places, document_classes, document_marks, folder
    )
    plan.named = sorted({folder, *dice.sample(range(1, folder), size.named - 1)})
    plan.named_classes = sorted({*range(4), *dice.sample(range(4, size.classes), size.named_classes - 4)})
    _Lines(plan, dice).write()
    return plan


def chain(parents: Sequence[int], start: int) -> Iterator[int]:
    """Yield a node and all above it, the nearest first."""
    while start >= 0:
        yield start
        start = parents[start]


def nearest(parents: Sequence[int], named: Sequence[int]) -> array[int]:
    """Return the nearest named node of each node, itself included; -1 for the roof."""
    wanted = set(named)
    found = array("i", parents)
    for number, parent in enumerate(parents):  # a parent comes before its children
        found[number] = number if number in wanted else (-1 if parent < 0 else found[parent])
    return found


def sizes(parents: Sequence[int], held: Counter[int]) -> array[int]:
    """Return how many Documents lie at or below each node."""
    total = array("i", (held[number] for number in range(len(parents))))
    for number in range(len(parents) - 1, -1, -1):
        if parents[number] >= 0:
            total[parents[number]] += total[number]
    return total


def _tree(dice: random.Random, count: int, *, roots: int) -> array[int]:
    """Hang each node below an earlier one, the early ones more often: about six levels deep."""
    return array("i", (-1 if number < roots else int(number * dice.random() ** 2) for number in range(count)))


def _marks(dice: random.Random) -> list[tuple[int, frozenset[int]]]:
    bits = range(COMPARTMENTS)
    subsets = [frozenset(bit for bit in bits if n >> bit & 1) for n in range(1 << COMPARTMENTS)]
    chosen = [subsets[0], *dice.sample(subsets[1:], SETS - 1)]
    return [(rank, subset) for rank in RANKS for subset in chosen]


@dataclass(slots=True)
class _Lines:
    """Writes readers, groups and lines into a plan."""

    plan: Plan
    dice: random.Random

    def write(self) -> None:
        """Give each reader its lines, and everybody else the rest."""
        nodes = self._sizes()
        self._reader("ten Documents", lines=10, nodes=[], own=10)
        self._reader("old folder", lines=1, nodes=[(NodeKind.AGGREGATION, self.plan.old_folder)])
        for name, lines, share in (("418 lines", 418, 0.005), ("1,000 lines", 1_000, 0.18)):
            chosen = self._choose(nodes, most=lines * 4 // 5, share=share)
            self._reader(name, lines=lines, nodes=chosen, groups=OWN_GROUPS)
        chosen = self._choose(nodes, most=2_700, share=0.70)
        self._reader("10,000 lines", lines=10_000, nodes=chosen, groups=3, own=500)
        widest = max(nodes, key=lambda node: (node[1] is NodeKind.CLASS, node[0]))
        self._reader("root of the classes", lines=1, nodes=[widest[1:]])
        self._foreign()

    def _sizes(self) -> list[tuple[int, NodeKind, int]]:
        """Return (Documents below, kind, number) of every node with entries."""
        plan = self.plan
        held = sizes(plan.parents, Counter(plan.places))
        classed = sizes(plan.class_parents, Counter(plan.document_classes))
        return [
            *((held[number], NodeKind.AGGREGATION, number) for number in plan.named),
            *((classed[number], NodeKind.CLASS, number) for number in plan.named_classes),
        ]

    def _choose(self, nodes: list[tuple[int, NodeKind, int]], *, most: int, share: float) -> list[Node]:
        """Choose nodes at random that together hold about this share of the Documents."""
        left = int(share * self.plan.size.documents)
        found = []
        for below, kind, number in self.dice.sample(nodes, len(nodes)):
            if below <= left and len(found) < most and number != self.plan.old_folder:
                found.append((kind, number))
                left -= below
        return found

    def _reader(self, name: str, *, lines: int, nodes: list[Node], groups: int = 0, own: int = 0) -> None:
        plan, dice = self.plan, self.dice
        principals = tuple(range(plan.principals, plan.principals + 1 + groups))
        plan.principals += len(principals)
        plan.links += [(dice.choice(principals[:at]), principals[at]) for at in range(1, len(principals))]
        plan.readers.append(Reader(name, principals))
        unmarked = (number for number in iter(lambda: dice.randrange(plan.size.documents), -1))
        for _ in range(own):
            number = next(at for at in unmarked if not plan.document_marks[at])
            self._line(principals, (NodeKind.DOCUMENT, number), Effect.ALLOW)
        if len(nodes) == 1:
            self._line(principals, nodes[0], Effect.ALLOW)
            return
        hidden = nodes[: len(nodes) // 30]
        for number in range(lines - own):
            if dice.random() < DENIES:
                self._deny(principals, nodes, hidden)
            else:
                is_expired = number >= len(nodes) and dice.random() < EXPIRED
                self._line(principals, nodes[number % len(nodes)], Effect.ALLOW, is_expired=is_expired)

    def _deny(self, principals: tuple[int, ...], nodes: list[Node], hidden: list[Node]) -> None:
        if hidden and self.dice.random() < 0.3:
            self._line(principals, self.dice.choice(hidden), Effect.DENY, Action.DISCOVER)
        else:
            self._line(principals, self.dice.choice(nodes), Effect.DENY, self.dice.choice(NARROW))

    def _line(
        self,
        principals: tuple[int, ...],
        node: Node,
        effect: Effect,
        action: Action | None = None,
        *,
        is_expired: bool = False,
    ) -> None:
        chosen = action or self.dice.choice(READING)
        self.plan.entries.append(Entry(self.dice.choice(principals), *node, chosen, effect, is_expired))

    def _foreign(self) -> None:
        """Fill up with lines of others; every named node bears at least one."""
        plan, dice = self.plan, self.dice
        groups = range(FOREIGN_USERS, FOREIGN_USERS + FOREIGN_GROUPS)
        plan.links += [(group - dice.randrange(1, 20), group) for group in groups[20:]]
        plan.links += [(user, dice.choice(groups)) for user in range(FOREIGN_USERS)]
        everybody = tuple(range(FOREIGN_USERS + FOREIGN_GROUPS))
        for node in plan.nodes():
            self._line(everybody, node, Effect.ALLOW)
        plan.entries += list(foreign(plan, dice, plan.size.entries - len(plan.entries)))


def foreign(plan: Plan, dice: random.Random, count: int) -> Iterator[Entry]:
    """Yield lines of others: on named nodes, one in ten on a Document."""
    named = plan.nodes()
    for _ in range(count):
        node = dice.choice(named)
        if dice.random() < 0.10:
            node = (NodeKind.DOCUMENT, dice.randrange(plan.size.documents))
        effect = Effect.DENY if dice.random() < DENIES else Effect.ALLOW
        yield Entry(
            dice.randrange(FOREIGN_USERS + FOREIGN_GROUPS),
            *node,
            dice.choice(READING),
            effect,
            dice.random() < EXPIRED,
        )
