"""Operations that stop before each of their steps, so that a test says in which order they go on.

A racer is a worker with a policy of its own: a thread of this process, or another process on the same
database, which runs this module.
"""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from queue import SimpleQueue
from uuid import UUID

from dms.access import gate, keyset, revisions
from dms.base.errors import NotFound, Unauthenticated
from dms.base.paging import PageRequest
from dms.base.settings import PREFIX, Settings, load
from dms.house import House, open_house
from dms.models.documents import Document
from dms.models.security import MarkedKind
from dms.rules.access import Action, Effect, NodeKind
from dms.rules.accessevents import Op
from dms.services import accesslists, clearances, memberships, securitychanges, users, versions
from dms.services.accesslists import EntryDraft
from dms.services.security import AskedMark
from dms.stores.work import Work
from tests import forked
from tests.factories import actor

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 30.0
LOCKS = (revisions.LOCK,)

Stop = Callable[[str], None]

# What a racer can do. Everything is plain text, since it may have to go to another process.


def one(work: Work, asked: dict[str, str]) -> bool:
    work.performs(Op.DOCUMENT_READ)
    return gate.visible(work, Document, Action.READ_METADATA).one(UUID(asked["document"])) is not None


def listed(work: Work, asked: dict[str, str]) -> bool:
    work.performs(Op.DOCUMENT_LIST)
    reading = gate.visible(work, Document, Action.READ_METADATA).where(Document.id == UUID(asked["document"]))
    return len(reading.order_by(keyset.Order(Document.title_key)).page(PageRequest(5)).rows) == 1


def counted(work: Work, asked: dict[str, str]) -> bool:
    work.performs(Op.DOCUMENT_LIST)
    reading = gate.visible(work, Document, Action.READ_METADATA).where(Document.id == UUID(asked["document"]))
    return reading.count() == 1


def content(work: Work, asked: dict[str, str]) -> bool:
    return versions.content(work, UUID(asked["version"])) is not None


READS = {"one": one, "list": listed, "count": counted, "content": content}


def revoke_entry(work: Work, asked: dict[str, str]) -> None:
    accesslists.revoke(work, entry_id=UUID(asked["entry"]), reason="race")


def deny(work: Work, asked: dict[str, str]) -> None:
    draft = EntryDraft(
        principal_id=UUID(asked["user"]),
        node_kind=NodeKind.DOCUMENT,
        node_id=UUID(asked["document"]),
        action=Action.DISCOVER,
        effect=Effect.DENY,
        valid_from=None,
        valid_until=None,
        reason="race",
    )
    accesslists.grant(work, draft)


def unlink(work: Work, asked: dict[str, str]) -> None:
    memberships.member_remove(
        work, group_id=UUID(asked["group"]), member_id=UUID(asked["user"]), reason="race"
    )


def end_clearance(work: Work, asked: dict[str, str]) -> None:
    clearances.revoke(work, clearance_id=UUID(asked["clearance"]), reason="race")


def disable(work: Work, asked: dict[str, str]) -> None:
    users.disable(work, UUID(asked["user"]), expected_revision=1, reason="race")


def raise_mark(work: Work, asked: dict[str, str]) -> None:
    securitychanges.set_mark(
        work,
        kind=MarkedKind.DOCUMENT,
        object_id=UUID(asked["document"]),
        asked=AskedMark("level200"),
        reason="race",
        expected_revision=int(asked["revision"]),
    )


REVOKES = {
    "entry on the document": revoke_entry,
    "entry on the aggregation": revoke_entry,
    "entry on the class": revoke_entry,
    "deny": deny,
    "link": unlink,
    "clearance": end_clearance,
    "account": disable,
    "mark": raise_mark,
}


def perform(house: House, asked: dict[str, str], stop: Stop) -> dict[str, object]:
    """Do what is asked, stopping before each step."""
    who = actor(UUID(asked["by"]), asked["request"])
    if asked["do"] == "read":
        return _read(house, who, asked, stop)
    return _revoke(house, who, asked, stop)


def _read(house: House, who, asked: dict[str, str], stop: Stop) -> dict[str, object]:
    seen = {}

    def body(work: Work) -> bool:
        seen["now"] = work.now
        stop("snapshot")
        gate.standing(work)
        stop("read")
        found = READS[asked["kind"]](work, asked)
        stop("done")
        return found

    try:
        return {"released": house.works.read(who, body), **seen}
    except (NotFound, Unauthenticated) as refusal:
        stop("snapshot")
        stop("read")
        stop("done")
        return {"released": False, "refusal": refusal.code, **seen}


def _revoke(house: House, who, asked: dict[str, str], stop: Stop) -> dict[str, object]:
    def body(work: Work) -> dict[str, object]:
        stop("write")
        gate.standing(work)
        before = work.notes.policy_revision
        REVOKES[asked["kind"]](work, asked)
        work.flush()
        stop("commit")
        return {"before": before, "after": work.notes.policy_revision, "now": work.now}

    return house.works.write(who, body, locks=LOCKS)


# How a racer is driven.


class Racer:
    """Begins an operation, lets it take one step after the other, and tells its result."""

    def __init__(self, send: Callable[[object], None], receive: Callable[[], dict]) -> None:
        self._send = send
        self._receive = receive
        self._last: dict = {}

    def begin(self, asked: dict[str, object]) -> None:
        """Open an operation; it waits before its first step."""
        self._send(_plain(asked))
        self._last = self._receive()

    def step(self) -> None:
        """Let it take one step, and wait until it has."""
        self._send("go")
        self._last = self._receive()

    def result(self) -> dict:
        """Wait for its end, and return what `perform` returned."""
        while "ended" not in self._last:
            assert self._last.get("at") == "done", self._last
            self._last = self._receive()
        return self._last["ended"]

    def whole(self, asked: dict[str, object]) -> dict:
        """Do an operation in one go."""
        self._send({**_plain(asked), "whole": "yes"})
        self._last = self._receive()
        return self.result()

    def freeze(self) -> None:
        """Stop the whole worker where it can be stopped."""

    def thaw(self) -> None:
        """Let it go on."""

    def close(self) -> None:
        """End the worker."""
        self._send(None)


class ThreadRacer(Racer):
    """A worker in this process."""

    def __init__(self, house: House) -> None:
        asked: SimpleQueue = SimpleQueue()
        told: SimpleQueue = SimpleQueue()
        super().__init__(asked.put, lambda: told.get(timeout=PATIENCE_S))
        self._thread = threading.Thread(target=serve, args=(house, asked.get, told.put))
        self._thread.start()

    def close(self) -> None:
        super().close()
        self._thread.join()


class ProcessRacer(Racer):
    """A worker in another process; frozen between its steps, it keeps what it holds."""

    def __init__(self, settings: Settings) -> None:
        self._process = forked.begin(module="tests.access.racing")
        super().__init__(self._write, self._read)
        self._write({name: str(value) for name, value in dataclasses.asdict(settings).items()})
        assert self._read() == {"at": "ready"}

    def freeze(self) -> None:
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self._process.pid, signal.SIGCONT)

    def close(self) -> None:
        self.thaw()
        super().close()
        with self._process:
            self._process.stdin.close()

    def _write(self, asked: object) -> None:
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()

    def _read(self) -> dict:
        line = self._process.stdout.readline()
        assert line, "the other process has ended"
        return json.loads(line)


def serve(house: House, take: Callable[[], object], tell: Callable[[object], None]) -> None:
    """Do what is asked until nothing is: the loop of a worker."""
    while (asked := take()) is not None:
        assert isinstance(asked, dict)
        stop = _ignore if "whole" in asked else _stopper(take, tell)
        try:
            tell({"ended": perform(house, asked, stop)})
        except Exception as error:  # noqa: BLE001  the test says what it was
            tell({"failed": repr(error)})


def _stopper(take: Callable[[], object], tell: Callable[[object], None]) -> Stop:
    passed: set[str] = set()

    def stop(step: str) -> None:
        if step in passed:  # the operation runs again for others' sake
            return
        passed.add(step)
        tell({"at": step})
        if step != "done":
            take()

    return stop


def _ignore(_: str) -> None:
    pass


def _plain(asked: dict[str, object]) -> dict[str, str]:
    return {name: value.hex if isinstance(value, UUID) else str(value) for name, value in asked.items()}


def main() -> None:
    told = json.loads(sys.stdin.readline())
    house = open_house(load({PREFIX + name.upper(): value for name, value in told.items()}))
    answers = sys.stdout

    def tell(answer: object) -> None:
        answers.write(json.dumps(answer) + "\n")
        answers.flush()

    tell({"at": "ready"})
    serve(house, lambda: json.loads(sys.stdin.readline() or "null"), tell)
    house.close()


if __name__ == "__main__":
    main()
