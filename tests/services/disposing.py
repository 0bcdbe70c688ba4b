"""Lists of disposal for tests: things that are due, people of the offices, and the job done by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from dms.base import errors
from dms.base.actor import system_actor
from dms.models.retention import Target
from dms.rules.access import Action
from dms.rules.disposal import DisposalAction
from dms.rules.states import DocumentState
from dms.services import disposalbatches, disposalitems, disposalruns, users
from dms.services.disposalbatches import Heading
from dms.stores import disposals
from tests import factories, retaining

LONG_AGO = int(datetime(2015, 6, 30, tzinfo=UTC).timestamp()) * 1_000_000
DESTROYED_LONG_AGO = "registered, P1Y"


@dataclass
class Archive:
    """A class whose Documents may be destroyed a year after their creation, and who may do it."""

    desk: object
    DOCUMENT = Target.DOCUMENT

    manager: object = None
    approver: object = None
    record_class: object = None
    file: object = None
    clerk: object = None

    def __post_init__(self):
        world = self.desk.world
        self.manager = self.manager or world.officer(role="records_manager")
        self.approver = self.approver or world.officer(role="disposal_approver")
        self.record_class = world.record_class()
        self.file = world.aggregation(record_class_id=self.record_class)
        self.clerk = world.holder(self.file, Action.FILE, Action.EDIT)
        self.bind(DESTROYED_LONG_AGO)

    def bind(self, *said, target=None, kind=Target.CLASS):
        """Bind a rule in force to the class, or to something else."""

        def body(work):
            edition = retaining.make_schedule(work)
            rule = retaining.make_rule(work, edition, *said, code="GS-1")
            retaining.bind(work, rule, kind, target or self.record_class)

        self.desk.world.build(body)

    def document(self, *, world=None, **values):
        """A declared Document of long ago."""
        told = {"state": DocumentState.DECLARED, "record_class_id": self.record_class} | values
        return (world or self.desk.world).document(
            told.pop("aggregation", self.file), created_at=LONG_AGO, declared_at=LONG_AGO, **told
        )

    def begin(self, action=DisposalAction.DESTROY, **heading):
        """A draft of the manager."""
        told = {"title": "Invoices of 2015", "authority": "General schedule GS-1"} | heading
        return self.desk.do(self.manager, disposalbatches.create, action, Heading(**told))

    def add(self, batch, *things, user=None):
        """Put things on a draft."""
        return self.desk.do(
            user or self.manager, disposalitems.add, batch.id, things, expected_revision=batch.revision
        )

    def disable(self, user):
        """Let somebody have no account any more."""
        self.desk.world.build(lambda work: users.disable(work, user, expected_revision=1, reason="left"))

    def step(self, step, batch, user=None, **said):
        """Take a step of a list as it is now."""
        row = self.now(batch)
        return self.desk.do(user or self.manager, step, row.id, expected_revision=row.revision, **said)

    def now(self, batch):
        """The list as it is."""
        return self.desk.look(type(batch), batch.id)

    def approve(self, batch, user=None):
        """Approve a list as it is now."""
        digest = self.now(batch).digest
        return self.step(disposalbatches.approve, batch, user or self.approver, digest=digest)

    def approved(self, *things, action=DisposalAction.DESTROY, **heading):
        """A list of things that was proposed and approved."""
        batch = self.begin(action, **heading)
        self.add(batch, *things)
        self.step(disposalbatches.propose, batch)
        self.approve(batch)
        return self.now(batch)

    def listed(self, batch):
        """The one thing that a list names."""
        (line,) = self.desk.world.build(lambda work: disposals.lines(work, batch.id))
        return line.subject

    def fail(self, batch):
        """Let all lines of a list that was started fail, and end it."""
        works = self.desk.house.works
        actor, error = factories.actor(self.manager), errors.Invalid("nobody knows why")
        works.write(actor, partial(disposalruns.fail_next, batch_id=batch.id, error=error))
        works.write(system_actor("job"), partial(disposalruns.finish, batch_id=batch.id))

    def run(self, batch, *, slices=None):
        """Do what the job does, in the name of who started it."""
        actor = factories.actor(self.now(batch).started_by or self.manager)
        works = self.desk.house.works
        while slices is None or slices > 0:
            if not works.write(actor, partial(disposalruns.carry_out, batch_id=batch.id)):
                break
            slices = None if slices is None else slices - 1
        else:
            return None
        works.write(system_actor("job"), partial(disposalruns.finish, batch_id=batch.id))
        return self.now(batch)

    def execute(self, *things, **heading):
        """A list carried out from its beginning to its end."""
        batch = self.approved(*things, **heading)
        self.step(disposalbatches.execute, batch)
        return self.run(batch)
