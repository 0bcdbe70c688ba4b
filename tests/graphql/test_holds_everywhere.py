"""Every mutation, sent for what Holds cover: nothing held is lost, written over, or slips out (F56)."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from dms.base.ids import Kind, global_id
from dms.graphql.schema import whole_schema
from dms.jobs import classassigning, disposing
from dms.jobs.handlers import Ground
from dms.jobs.working import Working
from dms.models.aggregations import Aggregation
from dms.models.documents import Document
from dms.models.schemes import UNASSIGNED
from dms.models.versions import BlobKey, ContentFile, Version
from dms.rules.holds import CoveredKind
from dms.rules.jobs import JobKind
from dms.rules.states import AggregationState, DocumentState
from dms.stores import facts, holds
from dms.stores.work import session_of
from tests.conftest import opened_house
from tests.factories import World
from tests.graphql.front import opened_front
from tests.graphql.minimal import Minimal
from tests.graphql.test_permissions import COLUMNS, Scene, rows
from tests.graphql.things import WORK, Things
from tests.services.holds import place

SCHEMA = whole_schema()
TABLE = Path(__file__).with_name("holdanswers.txt")
HERE = {DocumentState.DRAFT, DocumentState.DECLARED, AggregationState.OPEN, AggregationState.CLOSED}
ANSWERS = {"nothing", "goes_on", "follows", "spares", "refused"}
EARLIER = ("retentionAssignmentApprove", "retentionAssignmentReject")
"""They decide about what was proposed before the Hold: it could not be proposed now."""

KEPT = ("title", "dates", "authors", "addressees", "description", "medium", "reference_code", "original_name")


def answers() -> dict[str, str]:
    lines = TABLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if line[:1] not in {"", "#"})


def test_every_mutation_says_what_a_hold_does():
    said = answers()

    assert sorted(said) == sorted(SCHEMA.mutation_rules)
    assert set(said.values()) == ANSWERS


@pytest.fixture(scope="module")
def court(installation):
    # On SQLite alone: what each use case does under a Hold is tried on both beside it.
    with installation("sqlite") as settings, opened_house(settings) as house, opened_front(house) as front:
        yield Court(front, World(house))


class Court:
    """An installation in whose room everything is held twice: by the room, and by its class."""

    def __init__(self, front, world):
        self.scene = Scene(front, Things(front, world))
        self.scene.fill()
        self.things, self.world = self.scene.things, world
        self.made = {name: self.things.case(name, self.sender(name)) for name in EARLIER}
        unassigned = world.build(lambda work: facts.record_class_id(work, UNASSIGNED))
        self.holds = {
            place(world, CoveredKind.AGGREGATION, self.things.room),
            place(world, CoveredKind.CLASS, unassigned),
        }
        for _ in range(2):
            self.things.versioned()
        self.outside = world.aggregation()
        for action in WORK:
            world.entry(self.scene.people["reader"], self.outside, action)

    def moved(self, name):
        """What a mutation needs that is to lead out of what is covered, or to write over it."""
        outside, other = self.outside, self.world.record_class()
        return {
            "documentUpdate": {"title": "Another title"},
            "documentRefile": {"aggregationId": global_id(Kind.AGGREGATION, outside)},
            "documentClassAssign": {"recordClassId": global_id(Kind.RECORD_CLASS, other)},
            "aggregationRearrange": {"parentId": global_id(Kind.AGGREGATION, outside)},
            "aggregationUpdate": {"recordClassId": None},
        }.get(name, {})

    def send(self, name):
        """What the first who may gets for a mutation; as the table of permissions says it."""
        case = self.made.get(name) or self.things.case(name, self.sender(name))
        if name.startswith("disposal"):
            self.hold_archive()
        case["input"] = {**case.get("input", {}), **self.moved(name)}
        operation = Minimal(SCHEMA.core, self.things.make, depth=1).operation(name, case)
        before = self.look()
        return self.scene.send(may(name), operation), before

    def sender(self, name):
        """Who sends a mutation."""
        return self.scene.people[may(name)]

    def hold_archive(self):
        """Place a Hold on what was proposed for destruction: nothing that is held could have been."""
        listed = select(Document.id).where(Document.aggregation_id == self.things.archive.file)
        documents = self.world.build(lambda work: session_of(work).execute(listed).scalars().all())
        self.holds.add(place(self.world, CoveredKind.DOCUMENT, *documents))

    def work(self):
        """Do the jobs that class and destroy things."""
        house = self.world.house
        handlers = {JobKind.CLASS_ASSIGN: classassigning.assign, JobKind.DISPOSAL_EXECUTE: disposing.execute}
        Working(Ground(house.works, house.vault, house.settings), handlers=handlers).drain()

    def look(self):
        """Everything on which the two Holds stand, and the keys to all its contents."""
        return self.world.build(self._look)

    def _look(self, work):
        session, found = session_of(work), {}
        told = [Document.id, Document.state, *(getattr(Document, name) for name in KEPT)]
        for key, state, *words in session.execute(select(*told)):
            found[key, "words"], found[key, "is there"] = words, state in HERE
        for key, state in session.execute(select(Aggregation.id, Aggregation.state)):
            found[key, "is there"] = state in HERE
        held = holds.standing(work, [key for key, _ in found])
        found |= {(key, "holds"): self.holds & set(standing) for key, standing in held.items()}
        for column in (BlobKey.blob_id, ContentFile.id, Version.id):
            found |= {
                (column.class_.__name__, key): True for key in session.execute(select(column)).scalars()
            }
        return found


def may(name):
    """The first who may, by the table of permissions."""
    return next(each for each in COLUMNS if rows()[name][each] == "yes")


def lost(before, after):
    """What a Hold stood on and stands on no more, or is not as it was."""
    return [
        key
        for key, value in before.items()
        if not (value <= after.get(key, set()) if key[1] == "holds" else after.get(key) == value)
    ]


def test_nothing_held_is_lost_by_any_mutation(court):
    problems = {}
    for name, said in answers().items():
        outcome, before = court.send(name)
        if said == "spares" or name.endswith("Many"):
            court.work()
        gone = lost(before, court.look())
        if gone or outcome != ("HoldError" if said == "refused" else "yes"):
            problems[name] = (outcome, gone)

    assert problems == {}
    looked = court.look()
    assert sum(len(value) for key, value in looked.items() if key[1] == "holds") >= 50
