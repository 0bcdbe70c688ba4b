"""The unit of work: actor + session + clock = one transaction = one access event.

`Works` opens them. A service sees `add`, `remove`, `flush` and the notes; what reads goes through
`access.gate` or `stores.facts`, which alone may ask for the session (`session_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import inf
from typing import Any, NoReturn, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection, Engine, Executable, Table, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session
from sqlalchemy.sql import visitors

from dms.base.actor import Actor
from dms.base.canonical import Canonical, digest
from dms.base.clock import Clock, Instant, monotonic_s
from dms.base.errors import Busy, DmsError, NotRecorded
from dms.base.ids import new_id
from dms.rules.accessevents import Change, Disclosure, Op, Refusal, Release
from dms.stores.deadlines import DEADLINE, too_late
from dms.stores.engine import BROKEN, WRITE, Database, is_full, is_retryable, leaves_doubt, lock_statement

TRIES = 3

T = TypeVar("T")


@dataclass(slots=True)
class Notes:
    """What an operation did, in plain values; the access log turns them into its event."""

    event_id: UUID = field(default_factory=new_id)
    ops: list[Op] = field(default_factory=list)
    released: dict[UUID, Release] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    deciding: set[str] = field(default_factory=set)
    detail: dict[str, Any] = field(default_factory=dict)  # becomes canonical JSON at closing
    roles: Sequence[str] = ()
    clearance: str | None = None
    policy_revision: int | None = None
    policy_files: str | None = None
    text_sha256: str | None = None
    aggregates: int = 0
    withheld: int = 0
    bytes_sent: int | None = None
    failure: str | None = None
    writer_n: int | None = None


class Work:
    """One operation of one actor, at one instant, in one transaction."""

    __slots__ = (
        "_session",
        "actor",
        "deadline_s",
        "locks",
        "memory",
        "notes",
        "now",
        "wanted_locks",
        "writes",
    )

    def __init__(
        self,
        session: Session,
        actor: Actor,
        *,
        now: Instant,
        deadline_s: float,
        writes: bool,
        equipment: Mapping[str, Any],  # what `app` hands to storeys above, see `Works`
        locks: frozenset[str] | None = frozenset(),
    ) -> None:
        self._session = session
        self.actor = actor
        self.now = now
        self.deadline_s = deadline_s
        self.writes = writes
        self.notes = Notes()
        self.memory: dict[str, Any] = dict(equipment)  # what storeys above keep for this operation
        self.locks = locks
        """What this operation locked first; None where its writer lock keeps everybody else out."""
        self.wanted_locks: set[str] = set()

    def needs_lock(self, lock: str) -> None:
        """Go on only under a lock (see `Works.write`); without it the operation begins again with it.

        INVARIANT (locks-first): a lock that is taken after the snapshot would protect nothing.
        """
        if self.locks is None or not self.locks.isdisjoint({lock, lock.split(maxsplit=1)[0]}):
            return
        self.wanted_locks.add(lock)
        raise _LockNeeded("the operation begins again under a lock")

    def add(self, row: object) -> None:
        """Put a new row into the transaction."""
        self._session.add(row)

    def remove(self, row: object) -> None:
        """Delete a row."""
        self._session.delete(row)

    def flush(self) -> None:
        """Send what was added, so that the database's constraints speak now."""
        self._session.flush()

    def performs(self, op: Op) -> None:
        """Note what the operation does; the first op names the event."""
        if op not in self.notes.ops:
            self.notes.ops.append(op)

    def releases(
        self,
        object_id: UUID,
        *,
        revision: int,
        disclosure: Disclosure,
        security_id: int | None = None,
        class_id: UUID | None = None,
    ) -> None:
        """Note that the answer shows an object; of several disclosures the widest counts."""
        known = self.notes.released.get(object_id)
        if known is None or known.disclosure < disclosure:
            self.notes.released[object_id] = Release(object_id, revision, disclosure, security_id, class_id)

    def refuses(self, object_id: UUID | None, *, action: str, reason: str, exists: bool) -> None:
        """Note that something was asked for and not given."""
        self.notes.refusals.append(Refusal(object_id, action, reason, exists))

    def changed(
        self,
        object_id: UUID,
        *,
        before: int | None,
        after: int | None,
        old: Mapping[str, Canonical],
        new: Mapping[str, Canonical],
    ) -> None:
        """Note that a thing was written: revisions, and the values that differ (F38).

        The values go to the removable detail; the event itself binds them by their digest.
        """
        bound = digest({"old": old, "new": new})
        self.notes.changes.append(Change(object_id, before, after, bound))
        values = self.notes.detail.setdefault("changes", [])
        values.append([object_id.hex, dict(old), dict(new)])

    def check_deadline(self) -> None:
        """Raise `Deadline` when the operation has used up its time."""
        if monotonic_s() > self.deadline_s:
            raise too_late()

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undo what happens inside if it raises, and nothing else; the notes of it go too."""
        changes = len(self.notes.changes)
        memory = dict(self.memory)
        revision = self.notes.policy_revision
        released = dict(self.notes.released)
        detail = {**self.notes.detail, "changes": list(self.notes.detail.get("changes", ()))}
        try:
            with self._session.begin_nested():
                yield
        except BaseException:
            del self.notes.changes[changes:]
            self.notes.released = released
            self.notes.detail = detail
            self.notes.policy_revision = revision
            self.memory = memory  # what was read inside may never have been
            raise


def session_of(work: Work) -> Session:
    """Return the session of a unit of work: for `access` and `stores` only."""
    return work._session  # noqa: SLF001  the one door to it


def fetch(work: Work, statement: Executable, values: Mapping[str, Any] | None = None) -> Sequence[Any]:
    """Return the rows of a statement that reads columns, past the ORM: in half the time.

    `values` are those of its named parameters.
    """
    session = session_of(work)
    if work.writes:
        session.flush()
    return session.connection().execute(statement, values).all()


class Closing(Protocol):
    """How an operation's event becomes durable; `access.log` implements it."""

    def insert(self, work: Work) -> None:
        """Insert the event as the last statement of the operation's own transaction."""

    def record(self, work: Work) -> None:
        """Make the event of an ended SQLite reading durable, or raise `NotRecorded`."""

    def record_failure(self, work: Work) -> None:
        """Record a rolled-back operation in a transaction of its own, or raise `NotRecorded`."""

    def lacks_room(self, error: Exception) -> NoReturn:
        """Deal with a commit that a full disk refused: raise `NotRecorded`."""

    def settle(self, work: Work) -> None:
        """Deal with a commit whose outcome nobody knows; nothing of it is answered."""


@dataclass(frozen=True, slots=True)
class Works:
    """Opens units of work on one database."""

    database: Database
    closing: Closing
    clock: Clock
    deadline_s: float = 10.0
    stops_late: bool = False
    """Whether what has used up its time is stopped between its statements, and in the midst of one."""
    equipment: Mapping[str, Any] = field(default_factory=dict)  # Any: `stores` knows none of it
    apart: Mapping[Table, Engine] = field(default_factory=dict)
    """Tables that are read through an engine of their own, in a second transaction."""

    def read(self, actor: Actor, body: Callable[[Work], T], *, locks: Sequence[str] = ()) -> T:
        """Run `body` on one snapshot; its result may leave only because its event is durable.

        `locks` as in `write`: an export holds off changes of the policy while a slice of it is read.
        """
        return self._perform(actor, body, writes=False, locks=locks)

    def write(self, actor: Actor, body: Callable[[Work], T], *, locks: Sequence[str] = ()) -> T:
        """Run `body` in one transaction that writes; run it again if others got in its way.

        `locks` names tables to lock first on PostgreSQL (`api.md` section 2): a bare name locks out all
        other writers of the table, `table IN .. MODE` says another mode. What the body finds missing it
        asks for by `Work.needs_lock`.
        """
        return self._perform(actor, body, writes=True, locks=locks)

    def _perform(
        self,
        actor: Actor,
        body: Callable[[Work], T],
        *,
        writes: bool,
        locks: Sequence[str],
        tries: int = TRIES,
        number: int | None = None,
        until_s: float | None = None,
    ) -> T:
        work = self._open(actor, writes=writes, number=number, locks=locks, until_s=until_s)
        try:
            return self._once(work, body, locks=locks)
        except _RunAgain:
            pass
        except NotRecorded:
            raise
        except Exception as error:
            if not (work.wanted_locks or is_retryable(error)):
                self._record_failure(work, error)
                raise
        if work.wanted_locks:
            # INVARIANT (lock-order): sorted, so that two operations never wait for each other.
            locks = sorted({*locks, *work.wanted_locks})
            tries += 1
        if tries == 1:
            busy = Busy("too many others change the same things: try again in a moment")
            self._record_failure(work, busy)
            raise busy
        number = work.notes.writer_n
        until_s = work.deadline_s if self.stops_late else None
        return self._perform(
            actor, body, writes=writes, locks=locks, tries=tries - 1, number=number, until_s=until_s
        )

    def _open(
        self, actor: Actor, *, writes: bool, number: int | None, locks: Sequence[str], until_s: float | None
    ) -> Work:
        work = Work(
            self._session(),
            actor,
            now=self.clock(),
            deadline_s=until_s or monotonic_s() + self.deadline_s,
            writes=writes,
            equipment=self.equipment,
            locks=None if self.database.is_sqlite else frozenset(locks),
        )
        work.notes.writer_n = number
        return work

    def _session(self) -> Session:
        if not self.apart:
            return Session(self.database.engine, expire_on_commit=False)
        return _Divided(self.database.engine, self.apart)

    def _once(self, work: Work, body: Callable[[Work], T], *, locks: Sequence[str]) -> T:
        held = work.writes and self.database.is_sqlite
        if held and not self.database.writer_lock.acquire(timeout=max(work.deadline_s - monotonic_s(), 0)):
            raise Busy("the database is busy writing: try again in a moment")
        session = session_of(work)
        try:
            work.now = self.clock()
            self._begin(work, session, locks)
            result = body(work)
            self._close(work, session)
        finally:
            session.close()
            if held:
                self.database.writer_lock.release()
        return result

    def _begin(self, work: Work, session: Session, locks: Sequence[str]) -> None:
        until_s = work.deadline_s if self.stops_late else inf
        connection = session.connection(execution_options={WRITE: work.writes, DEADLINE: until_s})
        connection.info.pop(BROKEN, None)
        if self.database.is_sqlite:
            return
        # INVARIANT (locks-first): LOCK TABLE comes before the snapshot is taken.
        for table in locks:
            session.execute(text(lock_statement(table)))
        if not self.stops_late:
            session.execute(text(f"SET LOCAL statement_timeout = {int(self.deadline_s * 1000)}"))

    def _close(self, work: Work, session: Session) -> None:
        session.flush()
        if work.wanted_locks or session.connection().info.get(BROKEN):
            raise _RunAgain
        if self.database.is_sqlite and not work.writes:
            session.close()
            self.closing.record(work)
            return
        self.closing.insert(work)
        self._commit(work, session)

    def _commit(self, work: Work, session: Session) -> None:
        connection = session.connection()
        try:
            session.commit()
        except DBAPIError as error:
            # It may still be inside its transaction, which the pool would hand to the next operation.
            connection.invalidate()
            if is_full(error):
                self.closing.lacks_room(error)
            if not leaves_doubt(error):
                raise
            session.close()
            self.closing.settle(work)
            raise NotRecorded("nobody knows whether this was kept: look before you repeat it") from error

    def _record_failure(self, work: Work, error: Exception) -> None:
        work.notes.failure = error.code if isinstance(error, DmsError) else "INTERNAL"
        self.closing.record_failure(work)


class _Divided(Session):
    """Reads some tables through another engine; the ORM knows none of them."""

    def __init__(self, engine: Engine, apart: Mapping[Table, Engine]) -> None:
        super().__init__(engine, expire_on_commit=False)
        self._apart = apart

    def get_bind(self, mapper: Any = None, *, clause: Any = None, **options: Any) -> Engine | Connection:
        """Choose the engine by the tables of a statement."""
        if mapper is None and clause is not None:
            for part in visitors.iterate(clause):
                if isinstance(part, Table) and part in self._apart:
                    return self._apart[part]
        return super().get_bind(mapper, clause=clause, **options)


class _RunAgain(Exception):
    """A statement failed for others' sake, and somebody swallowed the error."""


class _LockNeeded(Busy):
    """Ends a try that must begin again under a lock; a busy answer to whoever shows it."""
