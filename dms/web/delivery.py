"""Handing one content out, step by step in worker threads: open, read, ask again, record."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from threading import Lock
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from dms.access import tokens
from dms.access.log.again import asking_again
from dms.base.actor import Actor
from dms.base.clock import monotonic_s
from dms.base.errors import DmsError, NotFound, Unauthenticated, Unavailable
from dms.rules.accessevents import Op
from dms.services import versions
from dms.services.versions import ContentRef
from dms.stores.blobs import PIECE_BYTES
from dms.stores.vault import SealedReader, Vault
from dms.stores.work import Work, Works
from dms.web.conditions import Part

ASK_BYTES = 16 * PIECE_BYTES
ASK_S = 10.0
"""After so many bytes or seconds the gate is asked again."""

Find = Callable[[Work, UUID], ContentRef]
"""Returns the way to the content of a thing by its id, or raises `NotFound`."""

_alarm = logging.getLogger("dms.alarm")


class Ending(StrEnum):
    """How a delivery ended; all but the first are failures in the access log."""

    SENT = "sent"
    CUT = "cut"
    CLIENT_GONE = "client_gone"
    STALLED = "stalled"
    REVOKED = "revoked"
    UNDECIDED = "undecided"
    DAMAGED = "damaged"


@dataclass(frozen=True, slots=True)
class Released:
    """A content whose release is on record, under the id of that event."""

    ref: ContentRef
    event_id: UUID


class Stopped(Exception):
    """The delivery ends here, in the middle of the content."""

    def __init__(self, ending: Ending) -> None:
        super().__init__(ending)
        self.ending = ending


def release(works: Works, actor: Actor, asked: UUID, *, find: Find) -> Released:
    """Ask the gate for the content of a thing; its event is durable when this returns."""

    def body(work: Work) -> Released:
        return Released(find(work, asked), work.notes.event_id)

    return works.read(actor, body)


class Delivery:
    """One content on its way out.

    INVARIANT (one at a time): a request that is cancelled closes its content while a step may still run
    in its thread; the lock keeps that step from reading a file that is closed already.
    """

    def __init__(self, works: Works, vault: Vault, *, actor: Actor, released: Released, part: Part) -> None:
        self._works = works
        self._vault = vault
        self._actor = actor
        self._released = released
        self._part = part
        self._lock = Lock()
        self._reader: SealedReader | None = None
        self._pieces: Iterator[bytes] = iter(())
        self._asked_at_s = monotonic_s()
        self._asked_at_byte = 0
        self.sent_bytes = 0
        self.ending = Ending.CUT

    def open(self) -> bytes:
        """Open the content and return its first piece; `Unavailable` if it cannot be read."""
        with self._lock, _alarmed(self._released):
            self.ending = Ending.DAMAGED
            self._reader = self._vault.open(self._released.ref.blob)
            self._pieces = self._reader.pieces(self._part.start, self._part.length)
            piece = next(self._pieces, b"")
            self.ending = Ending.CUT
            return piece

    def probe(self) -> None:
        """Raise `Unavailable` if the content cannot be opened."""
        with self._lock, _alarmed(self._released), self._vault.open(self._released.ref.blob):
            pass

    def next(self) -> bytes:
        """Return the next piece, empty after the last; `Stopped` if no more may or can be given."""
        with self._lock:
            if self._reader is None:
                raise Stopped(self.ending)
            if self._is_question_due():
                self._ask_again()
            try:
                with _alarmed(self._released):
                    return next(self._pieces, b"")
            except Unavailable as error:
                raise Stopped(Ending.DAMAGED) from error

    def close(self) -> None:
        """Let go of the content, and record how much of it was really sent and how that ended."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
        try:
            self._works.read(self._actor, self._note)
        except (DmsError, SQLAlchemyError):  # too late to take anything back
            _alarm.exception("delivery_not_recorded")

    def _is_question_due(self) -> bool:
        if self.sent_bytes >= self._part.length:
            return False
        is_far = self.sent_bytes - self._asked_at_byte >= ASK_BYTES
        return is_far or monotonic_s() - self._asked_at_s >= ASK_S

    def _ask_again(self) -> None:
        # INVARIANT (fail closed): whatever keeps the gate from deciding ends the delivery.
        document_id = self._released.ref.version.document_id
        again = asking_again(self._works, released=[document_id])
        try:
            tokens.require_living(self._works.database, self._actor.session_id)
            again.read(self._actor, lambda work: versions.ask_again(work, document_id))
        except (NotFound, Unauthenticated) as error:
            raise Stopped(Ending.REVOKED) from error
        except (DmsError, SQLAlchemyError) as error:
            _alarm.exception("delivery_undecided")
            raise Stopped(Ending.UNDECIDED) from error
        self._asked_at_byte, self._asked_at_s = self.sent_bytes, monotonic_s()

    def _note(self, work: Work) -> None:
        work.performs(Op.CONTENT_DOWNLOAD)
        work.notes.bytes_sent = self.sent_bytes
        work.notes.detail.update(
            download=self._released.event_id.hex,
            version=self._released.ref.version.id.hex,
            start=self._part.start,
            length=self._part.length,
        )
        if self.ending is not Ending.SENT:
            work.notes.failure = self.ending.upper()


@contextmanager
def _alarmed(released: Released) -> Iterator[None]:
    """Raise the alarm for content that cannot be read: it was on disk when its row was written."""
    try:
        yield
    except Unavailable:
        version = released.ref.version
        _alarm.exception("content_unreadable", extra={"version": version.id.hex})
        raise
