"""A thing of every kind, all in one room, and what the smallest operations need to be valid."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from dms.access import gate
from dms.base.ids import Kind, global_id, new_id, parse_global_id
from dms.base.paging import PageRequest
from dms.models.classassignruns import ClassAssignRun
from dms.models.classrules import ClassRule
from dms.models.documents import Document, Medium
from dms.models.imports import ImportRun
from dms.models.jobs import Job
from dms.models.logalerts import LogAlert, LogAlertHit
from dms.models.logexports import ExportState, LogExport
from dms.models.retention import Target
from dms.models.search import SubjectKind
from dms.models.security import MarkedKind
from dms.models.users import PrincipalKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accesschanges import EntryGrant
from dms.rules.alertterms import AlertKind
from dms.rules.classassignruns import Chosen, RunState
from dms.rules.classrules import Conditions
from dms.rules.crossreferences import CrossReferenceKind
from dms.rules.holds import CoveredKind
from dms.rules.jobs import OPEN, JobKind, JobState
from dms.rules.logexports import ExportFormat
from dms.rules.registers import Direction, Numbering
from dms.rules.security import Mark
from dms.rules.states import AggregationState
from dms.services import (
    accessproposals,
    assignments,
    classrules,
    crossreferences,
    disposalbatches,
    holdnotices,
    holds,
    indexterms,
    registers,
    relativeindex,
    savedqueries,
    scheduleeditions,
    schemeeditions,
    searchlists,
    securitychanges,
    triggerevents,
    users,
    versions,
)
from dms.services.classrules import RuleWords
from dms.services.crossreferences import End, NewReference
from dms.services.holdcoverage import Cover
from dms.services.holdnotices import Custodian
from dms.services.holds import Placing
from dms.services.registers import NewEntry, NewRegister
from dms.services.search import Asked
from dms.services.security import AskedMark
from dms.services.triggerevents import NewTriggerEvent
from dms.services.versions import NamedUpload
from dms.stores.work import session_of
from tests import retaining
from tests.desk import Desk
from tests.duewordings import track
from tests.factories import World, end_entries, make_clearance, make_review
from tests.graphql.front import Front
from tests.logged import logged
from tests.services.disposing import Archive
from tests.services.schedules import Office
from tests.services.schemes import Plan
from tests.services.vocabulary import Vocabulary
from tests.signing import signed

WORK = (Action.READ_CONTENT, Action.EDIT, Action.FILE, Action.MARK)
"""What somebody at work may do with everything in the room."""

GONE = {"expected_revision": 1, "reason": "left"}

_numbers = itertools.count(1)


@dataclass
class Things:
    """Makes things in a room: an Aggregation in which nobody has an entry but the clerk."""

    front: Front
    world: World
    mark: Mark = field(default_factory=lambda: Mark(100))
    proposer: UUID | None = None
    """Who made the proposals."""
    schedule: UUID | None = None
    """The edition that holds the rules of retention."""
    kept: UUID | None = None
    """A saved search that everybody asks for; without it each asks for one of his own."""

    kept_order: UUID | None = None
    """An order to class things that everybody asks for, in the same way."""

    def __post_init__(self):
        self.desk = Desk(self.front.house, self.world)
        self.plan = Plan(self.desk)
        self.rules = Office(self.desk)
        self.words = Vocabulary(self.desk)
        self._archive: Archive | None = None
        self.world.level(200)
        self.room = self.world.aggregation(mark=self.mark)
        self.clerk = self.world.user(rank=400)
        self.employ(self.clerk, *WORK, Action.DOWNGRADE)

    def employ(self, user: UUID, *actions: Action) -> None:
        """Give somebody these actions on everything in the room."""
        for action in actions:
            self.world.entry(user, self.room, action)

    def make(self, kind: Kind) -> str:
        """The id of a new thing of this kind."""
        return global_id(kind, getattr(self, kind.name.lower())())

    def case(self, name: str, sender: UUID) -> dict[str, Any]:
        """What the smallest operation of a root field needs beside what its types say."""
        return CASES[name](self, sender) if name in CASES else {}

    def document(self, **values):
        return self.world.document(self.room, **{"mark": self.mark, **values})

    def aggregation(self, **values):
        return self.world.aggregation(self.room, mark=self.mark, **values)

    def version(self):
        upload = NamedUpload(self.desk.upload(self.clerk), "letter.txt")
        return self.desk.do(self.clerk, versions.add, self.document(), expected_revision=1, upload=upload)

    def versioned(self):
        """The id of a Document with a Version."""
        document = self.document()
        upload = NamedUpload(self.desk.upload(self.clerk), "letter.txt")
        self.desk.do(self.clerk, versions.add, document, expected_revision=1, upload=upload)
        return global_id(Kind.DOCUMENT, document)

    def record_class(self):
        return self.world.record_class()

    def scheme(self):
        rows = self.front.house.database.engine.connect()
        with rows as connection:
            return UUID(str(connection.exec_driver_sql("SELECT id FROM classification_scheme").scalar_one()))

    def scheme_edition(self):
        return self.plan.draft().id

    def class_entry(self):
        return self.plan.draft().add(f"class-{next(_numbers)}").id

    def retention_schedule(self):
        return self.book().id

    def book(self):
        """A new schedule."""
        return self.rules.schedule(f"schedule-{next(_numbers)}")

    def schedule_edition(self):
        return self.book().draft().id

    def rule_entry(self):
        return self.book().draft().add("1", DOUBTFUL).id

    def thesaurus(self):
        return self.words.begin()

    def concept(self):
        return self.words.add(unique(self))

    def cross_reference(self):
        """A reference from one Document of the room to another."""
        source, target = (End(MarkedKind.DOCUMENT, self.document()) for _ in range(2))
        new = NewReference(source, CrossReferenceKind.RELATED, "belongs to it", target)
        return self.desk.do(self.clerk, crossreferences.add, new).id

    def register(self):
        """A register in the room."""
        new = NewRegister(
            self.room, f"R{next(_numbers)}", "Mail in", Direction.IN, Numbering.RUNNING, "{counter}"
        )
        return self.desk.do(self.clerk, registers.create, new).id

    def register_entry(self):
        """An entry of such a register."""
        new = NewEntry(self.register(), date(2026, 1, 2), "Roof", sender="Mr Smith")
        return self.desk.do(self.clerk, registers.add, new).id

    def hold(self):
        """A Hold of the records manager on a Document of its own."""
        return self.desk.do(self.plan.manager, holds.place, PLACING, self._held()).id

    def _held(self):
        return Cover({self.document(): CoveredKind.DOCUMENT})

    def hold_notice(self, user: UUID | None = None):
        """A notice of a Hold to somebody."""
        hold = self.hold()
        told = Custodian(user or self.user())
        self.desk.do(self.plan.manager, holdnotices.notify, hold, told, note=None, expected_revision=1)
        return self.desk.see(self.plan.manager, notice_of, hold)

    @property
    def archive(self):
        """Where something may be destroyed; made when somebody asks for it."""
        self._archive = self._archive or Archive(self.desk)
        return self._archive

    def disposal_batch(self):
        return self.archive.begin().id

    def index_term(self):
        """A term of a Document in the room."""
        words = self.words.approved(unique(self))
        document = self.document()
        return self.desk.do(self.clerk, indexterms.add, document, words, kind=SubjectKind.DOCUMENT).id

    def relative_index_entry(self):
        new = relativeindex.NewEntry(unique(self), class_id=self.record_class())
        return self.desk.do(self.words.writer, relativeindex.add, new).id

    def user(self):
        return self.world.user()

    def disabled_user(self):
        user = self.world.user()
        self.world.build(lambda work: users.disable(work, user, **GONE))
        return user

    def group(self):
        return self.world.principal(PrincipalKind.GROUP)

    def role(self):
        return self.world.role("technician")

    def reader(self):
        """Somebody who saw a Document."""
        self.read()
        return self.clerk

    def read(self):
        """A Document that the clerk has read."""
        document = self.document()
        self.desk.see(self.clerk, lambda work: gate.visible(work, Document, Action.DISCOVER).one(document))
        return document

    def session(self):
        return self.front.issue(self.clerk).token_id

    def security_level(self):
        return self.world.level(1_000 + next(_numbers))

    def compartment(self):
        return self.world.compartment()

    def clearance(self):
        user = self.world.user(rank=None)
        return self.world.build(lambda work: make_clearance(work, user, Mark(100)))

    def access_entry(self):
        return self.world.entry(self.world.user(), self.room, Action.DISCOVER)

    def access_review(self):
        """A review of the room's list, of which a line is open."""
        return self.reviewed()[0]

    def access_review_line(self):
        """An open line of such a review."""
        return self.reviewed()[1]

    def reviewed(self):
        """A review of a list of its own in the room, with its only line."""
        folder = self.world.aggregation(self.room, mark=self.mark)
        self.world.entry(self.world.user(), folder, Action.DISCOVER)
        return self.world.build(lambda work: make_review(work, folder, self.clerk))

    def access_proposal(self):
        """A proposal of another officer."""
        return self.proposed().id

    def proposed(self):
        if self.proposer is None:
            self.proposer = self.world.officer()
        change = EntryGrant(self.user(), NodeKind.AGGREGATION, self.room, Action.READ_METADATA, Effect.ALLOW)
        return self.desk.do(self.proposer, accessproposals.propose, [change], reason="agreed")

    def access_event(self):
        return logged(self.front.house.database)[-1].id

    def log_alert(self):
        """A rule of somebody."""
        rule_id = new_id()
        self.world.build(lambda work: work.add(alert_rule(rule_id, self.clerk, at=work.now)))
        return rule_id

    def log_alert_hit(self):
        """An alert that waits."""
        rule_id, hit_id = self.log_alert(), new_id()
        self.world.build(lambda work: work.add(alert_hit(hit_id, rule_id, at=work.now)))
        return hit_id

    def log_export(self, user: UUID | None = None):
        """An export of the access log that waits."""
        owner, export_id = user or self.world.user(), new_id()
        self.world.build(lambda work: work.add(waiting(export_id, owner, at=work.now)))
        return export_id

    def job(self, user: UUID | None = None, state: JobState = JobState.QUEUED):
        """A job of somebody."""
        owner, job_id = user or self.world.user(), new_id()
        self.world.build(lambda work: work.add(queued(job_id, owner, state=state, at=work.now)))
        return job_id

    def retention_rule(self):
        """A rule in force."""
        edition = self.retained()
        return self.world.build(lambda work: retaining.make_rule(work, edition, "dated, P5Y"))

    def retention_assignment(self):
        """A rule that is bound to a Document beside an equal one."""
        _, line = self.bound("dated, P5Y", "dated, P5Y")
        return line

    def retention_proposal(self):
        """The end of a rule that would let a Document go sooner, which waits for a second person."""
        longer, _ = self.bound("dated, P9Y", "dated, P5Y")
        return self.desk.do(self.plan.manager, assignments.end, longer, reason="by mistake").id

    def bound(self, *rules):
        """Lines that bind rules to a new Document."""
        document, edition = self.document(dates="2020", last_day=date(2020, 12, 31)), self.retained()

        def bind(work):
            made = [retaining.make_rule(work, edition, rule) for rule in rules]
            return [retaining.bind(work, rule, Target.DOCUMENT, document) for rule in made]

        return self.world.build(bind)

    def retained(self):
        """The edition that holds the rules."""
        if self.schedule is None:
            self.schedule = self.world.build(retaining.make_schedule)
        return self.schedule

    def trigger_event(self):
        """A fact that the clerk recorded."""
        new = NewTriggerEvent(Target.DOCUMENT, self.document(), "superseded", "2020")
        return self.desk.do(self.clerk, triggerevents.record, new).id

    def saved_query(self, user: UUID | None = None):
        """A saved search of somebody."""
        asked, owner = Asked("letter"), user or self.clerk
        return self.desk.do(owner, savedqueries.save, asked, name=unique(self)).id

    def search_list(self, user: UUID | None = None):
        """A list that somebody froze."""
        return self.desk.do(user or self.clerk, searchlists.freeze, Asked("letter"), title="Letters").id

    def class_assign_run(self, user: UUID | None = None):
        """An order of somebody to class things."""
        owner, run_id = user or self.clerk, new_id()
        target = self.record_class()
        self.world.build(lambda work: work.add(order(run_id, owner, target, at=work.now)))
        return run_id

    def class_rule(self):
        """A rule that classes Documents."""
        words = RuleWords(unique(self), self.record_class(), Conditions(title_words=(unique(self),)))
        return self.desk.do(self.plan.manager, classrules.add, words).id

    def class_rules(self) -> list[str]:
        """All rules, of which there is one at least."""
        self.class_rule()
        rows = self.world.build(lambda work: session_of(work).query(ClassRule).all())
        return [global_id(Kind.CLASS_RULE, row.id) for row in rows]

    def unclassed(self) -> str:
        """The room, in which something is not classed."""
        self.document()
        return global_id(Kind.AGGREGATION, self.room)

    def import_run(self, user: UUID) -> None:
        """An import of somebody, which shows to nobody else."""
        self.world.build(
            lambda work: work.add(
                ImportRun(
                    id=new_id(), aggregation_id=self.room, source="in", started_at=work.now, started_by=user
                )
            )
        )

    def security_change(self):
        """A proposal of the clerk."""
        change = self.desk.do(
            self.clerk,
            securitychanges.set_mark,
            kind=MarkedKind.DOCUMENT,
            object_id=self.document(mark=Mark(self.mark.rank + 100)),
            asked=AskedMark("open"),
            reason="no longer secret",
            expected_revision=1,
        )
        return change.id


DOUBTFUL = "5 years after audit, or 6 years after the final report"
"""A sentence that a person must read."""

PLACING = Placing("Smith v. City", "Court order 7", "the case is open", None)


def notice_of(work, hold):
    """The only notice of a Hold."""
    (notice,) = holdnotices.pages(work, [hold], PageRequest(1))[hold].rows
    return notice.id


def told(things, sender):
    """A notice to whoever sends the operation."""
    return {"input": {"id": global_id(Kind.HOLD_NOTICE, things.hold_notice(sender))}}


def liftable(things, sender):
    """A Hold that somebody else proposed to lift."""
    hold, because = things.hold(), {"reason": "the case is closed", "expected_revision": 1}
    things.desk.do(things.plan.manager, holds.propose_lift, hold, **because)
    return {"input": {"id": global_id(Kind.HOLD, hold), "expectedRevision": 2}}


def given(**values):
    """The input of a mutation; what is callable is made anew each time."""
    return lambda things, sender: {"input": {k: v(things) if callable(v) else v for k, v in values.items()}}


def unique(things):
    return f"thing-{next(_numbers)}"


def belonging(kind: Kind, key: str):
    """Somebody who belongs to a group, or holds a role."""

    def case(things, sender):
        user, owner = things.user(), getattr(things, kind.name.lower())()
        things.world.link(user, owner)
        return {"input": {key: global_id(kind, owner), "memberId": global_id(Kind.USER, user)}}

    return case


def edition(*steps):
    """An edition that has come so far."""

    def case(things, sender):
        draft = things.plan.draft()
        for step in steps:
            draft.do(step, **({} if step is not schemeeditions.approve else {"by": things.plan.approver}))
        shown = {"id": global_id(Kind.SCHEME_EDITION, draft.id), "expectedRevision": draft.row.revision}
        return {"input": shown}

    return case


def booked(*steps):
    """An edition of a schedule, with a rule, that has come so far."""

    def case(things, sender):
        draft = things.book().draft()
        draft.add("1")
        for step in steps:
            draft.do(step, **({} if step is not scheduleeditions.approve else {"by": things.rules.approver}))
        shown = {"id": global_id(Kind.SCHEDULE_EDITION, draft.id), "expectedRevision": draft.row.revision}
        return {"input": shown}

    return case


def ruled(**words):
    """A rule of a draft."""

    def case(things, sender):
        draft = things.book().draft()
        entry = draft.add("1")
        shown = {"id": global_id(Kind.RULE_ENTRY, entry.id), "expectedRevision": draft.row.revision}
        return {"input": {"editionId": global_id(Kind.SCHEDULE_EDITION, draft.id), **shown, **words}}

    return case


def read_rule(state, **words):
    """A rule that is understood so far."""

    def case(things, sender):
        said = "5 years after closed" if state == "parsed" else DOUBTFUL
        entry = things.book().draft().add("1", said)
        if state == "proposed":
            entry = things.rules.resolve(entry.id, track("closed, P5Y destroy"))
        shown = {"id": global_id(Kind.RULE_ENTRY, entry.id), "expectedRevision": entry.revision}
        return {"input": {**shown, **words}}

    return case


TRACKS = [{"phases": [{"triggers": ["closed"], "period": "P5Y", "action": "DESTROY"}]}]


def disposing(*steps, **values):
    """A list of disposal with a Document on it that has come so far."""

    def case(things, sender):
        archive, batch = things.archive, things.archive.begin()
        archive.add(batch, archive.document())
        for step in steps:
            step(archive, batch)
        row = archive.now(batch)
        shown = {"id": global_id(Kind.DISPOSAL_BATCH, row.id), "expectedRevision": row.revision}
        asked = {key: value(things, row) if callable(value) else value for key, value in values.items()}
        return {"input": {**shown, **asked}}

    return case


def propose(archive, batch):
    archive.step(disposalbatches.propose, batch)


def approve(archive, batch):
    archive.approve(batch)


def certified(things, sender):
    """A list that was carried out."""
    batch = things.archive.execute(things.archive.document())
    return {"id": global_id(Kind.DISPOSAL_BATCH, batch.id)}


def fail(archive, batch):
    """Let its only line fail, whatever the reason."""
    archive.step(disposalbatches.execute, batch)
    archive.fail(batch)


def drafted(**values):
    """A class of a draft."""

    def case(things, sender):
        draft = things.plan.draft()
        entry = draft.add(unique(things))
        shown = {
            "editionId": global_id(Kind.SCHEME_EDITION, draft.id),
            "recordClassId": global_id(Kind.RECORD_CLASS, entry.class_id),
            "expectedRevision": draft.row.revision,
        }
        return {"input": {**shown, **values}}

    return case


def moving(things):
    """A class of a draft, and another one to lie below."""
    case = drafted()(things, None)
    draft = things.plan.of(parse_global_id(case["input"]["editionId"])[1])
    above = draft.add(unique(things)).class_id
    return {
        "input": {
            **case["input"],
            "parentId": global_id(Kind.RECORD_CLASS, above),
            "expectedRevision": draft.row.revision,
        }
    }


def waiting_words(things, sender):
    """A thesaurus in which somebody else has proposed a concept."""
    home = things.words.begin()
    things.words.add(unique(things), home=home)
    shown = {"id": global_id(Kind.THESAURUS, home), "expectedRevision": things.words.home(home).revision}
    return {"input": shown}


def named_twice(things, sender):
    """Two concepts of one thesaurus."""
    one, other = (global_id(Kind.CONCEPT, things.concept()) for _ in range(2))
    return {"input": {"id": one, "intoId": other}}


def declarable(things):
    made = things.document(medium=Medium.PHYSICAL, record_class_id=things.record_class())
    return global_id(Kind.DOCUMENT, made)


def uploaded(things, sender):
    """An upload of whoever sends the operation."""
    return {"input": {"upload": {"id": str(things.desk.upload(sender)), "fileName": "letter.txt"}}}


def sheet(things, sender):
    """A file that grants somebody what the list does not say yet."""
    node, names = global_id(Kind.AGGREGATION, things.room), unique(things)
    things.world.user(names)
    head = "principal_kind,principal,node_kind,node_id,action,effect,reason"
    return {"input": {"csv": f"{head}\nuser,{names},aggregation,{node},READ_METADATA,allow,works on it\n"}}


RAISED = {"securityClassification": {"level": "level200"}}


def listed(things, sender):
    """A list that holds something to review."""
    folder = things.world.aggregation(things.room, mark=things.mark)
    things.world.entry(things.user(), folder, Action.DISCOVER)
    return {"input": {"nodeId": global_id(Kind.AGGREGATION, folder)}}


def attested(things, sender):
    """A line of a review."""
    review, line = things.reviewed()
    return {
        "input": {
            "id": global_id(Kind.ACCESS_REVIEW, review),
            "lineIds": [global_id(Kind.ACCESS_REVIEW_LINE, line)],
        }
    }


def overtaken(things, sender):
    """A review whose only line was revoked elsewhere."""
    review, _ = things.reviewed()
    things.world.build(lambda work: end_entries(work, review))
    return {"input": {"id": global_id(Kind.ACCESS_REVIEW, review)}}


def proposed(*keys: str):
    """A proposal, named with the digest of what it says."""

    def case(things, sender):
        row = things.proposed()
        known = {"id": global_id(Kind.ACCESS_PROPOSAL, row.id), "digest": row.digest}
        return {"input": {key: known[key] for key in keys}}

    return case


def saved(things, sender):
    """A saved search of whoever sends the operation."""
    return {"input": {"id": global_id(Kind.SAVED_QUERY, things.saved_query(sender))}}


def frozen(things, sender):
    """A list of whoever sends the operation."""
    return {"input": {"id": global_id(Kind.SEARCH_LIST, things.search_list(sender)), "expectedRevision": 1}}


def found(things, sender):
    """The saved search that everybody asks for."""
    return {"id": global_id(Kind.SAVED_QUERY, things.kept or things.saved_query(sender))}


def waiting(export_id: UUID, owner: UUID, *, at: int) -> LogExport:
    return LogExport(
        id=export_id,
        requested_by=owner,
        requested_at=at,
        format=ExportFormat.CSV,
        selection="{}",
        with_objects=False,
        with_details=False,
        state=ExportState.WAITING,
    )


def order(run_id: UUID, owner: UUID, target: UUID, *, at: int) -> ClassAssignRun:
    return ClassAssignRun(
        id=run_id,
        kind=SubjectKind.DOCUMENT,
        chosen=Chosen.THINGS,
        record_class_id=target,
        reason="mended",
        state=RunState.OPEN,
        asked_by=owner,
        asked_at=at,
    )


def alert_rule(rule_id: UUID, owner: UUID, *, at: int) -> LogAlert:
    return LogAlert(
        id=rule_id,
        name="A rule",
        kind=AlertKind.DENIALS,
        terms='{"count":3,"minutes":5}',
        since_index=0,
        created_by=owner,
        created_at=at,
        revision=1,
    )


def alert_hit(hit_id: UUID, rule_id: UUID, *, at: int) -> LogAlertHit:
    return LogAlertHit(
        id=hit_id,
        alert_id=rule_id,
        alert_revision=1,
        subject="denials",
        first_at=at,
        last_at=at,
        found_at=at,
        message="was refused",
        figures="{}",
        events="[]",
    )


def queued(job_id: UUID, owner: UUID, *, state: JobState, at: int) -> Job:
    return Job(
        id=job_id,
        kind=JobKind.JOBS_SWEEP.value,
        payload="{}",
        priority=50,
        state=state,
        run_at=at,
        asked_by=owner,
        created_at=at,
        ended_at=None if state in OPEN else at,
    )


def exported(things, sender):
    """An export of whoever sends the operation."""
    return {"input": {"id": global_id(Kind.LOG_EXPORT, things.log_export(sender))}}


def ordered(things, sender):
    """An order of whoever sends the operation to class things."""
    return {"input": {"id": global_id(Kind.CLASS_ASSIGN_RUN, things.class_assign_run(sender))}}


def asked_order(things, sender):
    """The order that everybody asks for."""
    return {"id": global_id(Kind.CLASS_ASSIGN_RUN, things.kept_order or things.class_assign_run(sender))}


def on_a_document(**values):
    """A Document in the room."""
    return given(nodeId=lambda t: t.make(Kind.DOCUMENT), **values)


def shortening(things, sender):
    """A line that waits for a second person."""
    return {"input": {"id": global_id(Kind.RETENTION_ASSIGNMENT, things.retention_proposal())}}


CASES = {
    "retentionAssign": on_a_document(),
    "retentionAssignmentApprove": shortening,
    "retentionAssignmentReject": shortening,
    "retentionCalendarSet": given(fiscalMonth=1, fiscalDay=1, zone="UTC"),
    "triggerEventRecord": on_a_document(trigger="superseded", dates="2020"),
    "aggregationClassAssign": given(recordClassId=lambda t: t.make(Kind.RECORD_CLASS)),
    "classAssignRun": asked_order,
    "classRuleAdd": given(conditions={"titleWords": ["some text"]}),
    "classRuleOrder": lambda t, sender: {"input": {"classRuleIds": t.class_rules()}},
    "classRulesApply": given(aggregationId=lambda t: t.unclassed()),
    "classAssignRunCancel": ordered,
    "holdAcknowledge": told,
    "holdCover": given(nodeIds=lambda t: [t.make(Kind.DOCUMENT)]),
    "holdLift": liftable,
    "holdLiftReject": liftable,
    "holdNotify": given(custodianName="Ms Smith"),
    "holdPlace": given(nodeIds=lambda t: [t.make(Kind.DOCUMENT)]),
    "jobRetry": lambda t, sender: {"input": {"id": global_id(Kind.JOB, t.job(state=JobState.DEAD))}},
    "logExportCancel": exported,
    "savedQueryRemove": saved,
    "savedQueryRun": found,
    "savedQuerySave": given(name=unique, query="letter"),
    "searchListFreeze": given(query="letter"),
    "searchListRemove": frozen,
    "searchListUpdate": frozen,
    "accessChangeApprove": proposed("id", "digest"),
    "accessChangeEdit": proposed("id", "digest"),
    "roleAssign": given(roleId=lambda t: global_id(Kind.ROLE, t.world.role("reader"))),
    "accessReviewAttest": attested,
    "accessReviewClose": overtaken,
    "accessReviewStart": listed,
    "couldHaveSeen": lambda t, sender: {"since": "2020-01-01T00:00:00Z", "until": "2040-01-01T00:00:00Z"},
    "accessStatistics": lambda t, sender: {"groupBy": ["ACTOR", "DAY"]},
    "logCheckpoints": lambda t, sender: signed(t.front.house) and {},
    "whatSaw": lambda t, sender: {"principalId": global_id(Kind.USER, t.reader())},
    "whoSaw": lambda t, sender: {"objectId": global_id(Kind.DOCUMENT, t.read())},
    "whatCanSee": lambda t, sender: {"principalId": global_id(Kind.USER, t.clerk)},
    "accessListImport": sheet,
    "versions": lambda t, sender: {"documentId": t.versioned()},
    "userCreate": given(name=unique),
    "userEnable": given(id=lambda t: global_id(Kind.USER, t.disabled_user()), expectedRevision=2),
    "groupCreate": given(name=unique),
    "groupMemberRemove": belonging(Kind.GROUP, "groupId"),
    "roleWithdraw": belonging(Kind.ROLE, "roleId"),
    "securityLevelCreate": given(code=unique, rank=lambda t: 10_000 + next(_numbers)),
    "compartmentCreate": given(code=unique),
    "classEntryAdd": given(code=unique, editionId=lambda t: t.make(Kind.SCHEME_EDITION), expectedRevision=1),
    "classEntryUpdate": drafted(title="Worded anew"),
    "classEntryMove": lambda t, sender: moving(t),
    "classEntryClose": drafted(),
    "conceptCreate": given(labels=lambda t: [{"text": unique(t)}]),
    "conceptUpdate": given(labels=lambda t: [{"text": unique(t)}]),
    "conceptDeprecate": given(reason="nobody says so"),
    "conceptMerge": named_twice,
    "thesaurusCreate": given(code=unique),
    "indexTermAdd": given(conceptId=lambda t: global_id(Kind.CONCEPT, t.words.approved(unique(t)))),
    "relativeIndexEntryAdd": given(term=unique, recordClassId=lambda t: t.make(Kind.RECORD_CLASS)),
    "thesaurusApprove": waiting_words,
    "crossReferenceAdd": given(
        targetId=lambda t: t.make(Kind.DOCUMENT), sourceId=lambda t: t.make(Kind.DOCUMENT)
    ),
    "crossReferenceSheet": lambda t, sender: {"nodeId": t.make(Kind.DOCUMENT)},
    "registerCreate": given(code=unique),
    "registerEntryAdd": given(day="2026-01-02", sender="Mr Smith"),
    "registerEntryCorrect": given(subject="Roof of the school"),
    "retentionScheduleCreate": given(code=unique),
    "ruleEntryAdd": given(
        code=unique,
        retention="permanent",
        editionId=lambda t: t.make(Kind.SCHEDULE_EDITION),
        expectedRevision=1,
    ),
    "ruleEntryApprove": read_rule("proposed"),
    "ruleEntryFlag": read_rule("parsed"),
    "ruleEntryRemove": ruled(),
    "ruleEntryResolve": read_rule("needs_review", tracks=TRACKS),
    "ruleEntryReturn": read_rule("proposed"),
    "ruleEntryUpdate": ruled(title="Worded anew"),
    "scheduleEditionActivate": booked(scheduleeditions.submit, scheduleeditions.approve),
    "scheduleEditionApprove": booked(scheduleeditions.submit),
    "scheduleEditionReturn": booked(scheduleeditions.submit),
    "scheduleEditionSubmit": booked(),
    "schemeEditionActivate": edition(schemeeditions.submit, schemeeditions.approve),
    "schemeEditionApprove": edition(schemeeditions.submit),
    "schemeEditionReturn": edition(schemeeditions.submit),
    "disposalBatchUpdate": disposing(title="Worded anew"),
    "disposalBatchAdd": disposing(nodeIds=lambda t, row: [global_id(Kind.DOCUMENT, t.archive.document())]),
    "disposalBatchRemove": disposing(
        nodeIds=lambda t, row: [global_id(Kind.DOCUMENT, t.archive.listed(row))]
    ),
    "disposalBatchSample": disposing(plan={"method": "RANDOM_COUNT", "number": 1}),
    "disposalBatchReseed": disposing(reason="nobody saw it drawn"),
    "disposalBatchPropose": disposing(),
    "disposalBatchReturn": disposing(propose, reason="the dates are wrong"),
    "disposalBatchApprove": disposing(propose, digest=lambda t, row: row.digest),
    "disposalBatchCancel": disposing(reason="not needed"),
    "disposalBatchExecute": disposing(propose, approve),
    "disposalBatchRetry": disposing(propose, approve, fail),
    "disposalBatchSettle": disposing(propose, approve, fail, reason="it stays"),
    "disposalCertificate": certified,
    "disposalItems": lambda t, sender: {"id": disposing()(t, sender)["input"]["id"]},
    "documentDiscard": given(
        id=lambda t: global_id(Kind.DOCUMENT, t.document()), expectedRevision=1, reason="left"
    ),
    "clearanceGrant": given(level="open", userId=lambda t: global_id(Kind.USER, t.world.user(rank=None))),
    "documentSecuritySet": given(**RAISED),
    "aggregationSecuritySet": given(**RAISED),
    "documentDeclare": given(id=declarable),
    "accessNodePrepare": given(nodeId=lambda t: global_id(Kind.AGGREGATION, t.room)),
    "documentRegister": given(aggregationId=lambda t: global_id(Kind.AGGREGATION, t.room)),
    "versionAdd": uploaded,
    "aggregationCreate": given(level="FILE", parentId=lambda t: global_id(Kind.AGGREGATION, t.room)),
    "aggregationReopen": given(
        id=lambda t: global_id(Kind.AGGREGATION, t.aggregation(state=AggregationState.CLOSED))
    ),
    "aggregationRearrange": given(parentId=lambda t: t.make(Kind.AGGREGATION)),
}


def absent(kind: Kind) -> str:
    """The id of a thing of this kind that never was."""
    return global_id(kind, new_id())
