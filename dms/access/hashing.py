"""A small process of its own that hashes passwords, so that a storm of log-ins starves nobody.

Protocol: one JSON line asks, one JSON line answers. The process runs at low priority, ends when its
parent ends, and is started at the first use and again whenever it is found dead.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import IO, Protocol, cast

import orjson

from dms.access.passwords import Hasher, Parameters, Verdict, dummy_hash
from dms.base.clock import monotonic_s
from dms.base.errors import Busy, Unavailable

NICE = 15
QUEUE = 4
TIMEOUT_S = 10.0

_ROOT = Path(__file__).resolve().parents[2]
_SMOOTHING = 0.1
_PATIENCE_S = 2.0


class Seat(Protocol):
    """The right to have one password hashed now; others wait or are sent away."""

    def hash(self, password: str) -> str:
        """Hash an accepted password."""
        ...

    def verify(self, stored: str | None, password: str) -> Verdict:
        """Compare with a stored hash; None stands for an account that has none."""
        ...


class Pool(Protocol):
    """Hands out seats."""

    @property
    def parameters(self) -> Parameters:
        """Return what a hash costs here."""
        ...

    def seat(self) -> AbstractContextManager[Seat]:
        """Take a seat for one log-in, or raise `Busy`."""
        ...

    def pretend(self) -> None:
        """Let as much time pass as a comparison takes, without taking a seat."""
        ...

    def close(self) -> None:
        """Give back what the pool holds."""
        ...


class HashPool:
    """Bounds how many passwords are hashed at once: `processes` at work and `queue` waiting."""

    def __init__(
        self,
        parameters: Parameters,
        *,
        processes: int | None = None,
        queue: int = QUEUE,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        count = processes or (2 if (os.cpu_count() or 1) >= 4 else 1)
        self.parameters = parameters
        self._dummy = dummy_hash(parameters)
        self._seats = threading.BoundedSemaphore(count + queue)
        self._free = threading.BoundedSemaphore(count)
        self._workers = deque(_Worker(parameters, timeout_s=timeout_s) for _ in range(count))
        self._typical_s = 0.0

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """Take a seat for one log-in; `Busy` at once when all are taken (R5)."""
        if not self._seats.acquire(blocking=False):
            raise Busy("too many people log in at once: try again in a moment")
        try:
            yield _PoolSeat(self)
        finally:
            self._seats.release()

    def close(self) -> None:
        """End the processes; a later use starts them again."""
        for worker in self._workers:
            worker.close()

    def ask(self, question: dict[str, str]) -> dict[str, object]:
        """Put one question to the next free process."""
        with self._free:
            worker = self._workers.popleft()
            try:
                return worker.ask(question)
            finally:
                self._workers.append(worker)

    def verify(self, stored: str | None, password: str) -> Verdict:
        """Compare a password and remember how long that takes at present."""
        began = monotonic_s()
        answer = self.ask({"stored": stored or self._dummy, "password": password})
        self._remember(monotonic_s() - began)
        better = answer["better_hash"]
        return Verdict(answer["matches"] is True, better if isinstance(better, str) else None)

    def pretend(self) -> None:
        """Wait as long as a comparison takes at present; before the first one it really compares."""
        if not self._typical_s:
            self.verify(None, "")
            return
        threading.Event().wait(self._typical_s)

    def _remember(self, took_s: float) -> None:
        known = self._typical_s or took_s
        self._typical_s = known + _SMOOTHING * (took_s - known)


class _PoolSeat:
    __slots__ = ("_pool",)

    def __init__(self, pool: HashPool) -> None:
        self._pool = pool

    def hash(self, password: str) -> str:
        return str(self._pool.ask({"password": password})["hash"])

    def verify(self, stored: str | None, password: str) -> Verdict:
        return self._pool.verify(stored, password)


class _Worker:
    """One process and the pipe to it. Used by one thread at a time."""

    def __init__(self, parameters: Parameters, *, timeout_s: float) -> None:
        self._parameters = parameters
        self._timeout_s = timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, question: dict[str, str]) -> dict[str, object]:
        line = orjson.dumps(question) + b"\n"
        try:
            return self._exchange(line)
        except _Dead:
            self.close()
        try:
            return self._exchange(line)
        except _Dead as error:
            self.close()
            raise Unavailable("passwords cannot be checked now: try again in a moment") from error

    def close(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        stdin, stdout = _pipes(process)
        stdin.close()  # which tells it to end
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        stdout.close()

    def _exchange(self, line: bytes) -> dict[str, object]:
        process = self._process = self._process or self._start()
        stdin, stdout = _pipes(process)
        try:
            stdin.write(line)
        except OSError as error:
            raise _Dead from error
        answer: dict[str, object] = orjson.loads(self._read(stdout))
        return answer

    def _read(self, stdout: IO[bytes]) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not selector.select(self._timeout_s):
                raise _Dead
        # An answer is far below PIPE_BUF, so it comes in one piece.
        line = os.read(stdout.fileno(), 4_096)
        if not line.endswith(b"\n"):
            raise _Dead
        return line

    def _start(self) -> subprocess.Popen[bytes]:
        p = self._parameters
        numbers = [str(p.passes), str(p.memory_kib), str(p.lanes)]
        return subprocess.Popen(  # noqa: S603  this program itself
            [sys.executable, "-m", "dms.access.hashing", *numbers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=_ROOT,
            bufsize=0,
        )


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    return cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)  # `_start` asks for both


class _Dead(Exception):
    """The process ended, or answers nothing."""


class InlinePool:
    """Hashes in the calling thread: for commands, which serve one person at a time."""

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._hasher = Hasher(parameters)
        self._dummy = dummy_hash(parameters)

    @contextmanager
    def seat(self) -> Iterator[Seat]:
        """Take a seat; there is always one."""
        yield self

    def close(self) -> None:
        """End nothing: there is no process."""

    def hash(self, password: str) -> str:
        """Hash an accepted password."""
        return self._hasher.hash(password)

    def verify(self, stored: str | None, password: str) -> Verdict:
        """Compare with a stored hash; None stands for an account that has none."""
        return self._hasher.verify(stored or self._dummy, password)

    def pretend(self) -> None:
        """Let as much time pass as a comparison takes."""
        self.verify(None, "")


def answer(hasher: Hasher, question: dict[str, str]) -> dict[str, object]:
    """Answer one question: a hash, or with `stored` a comparison."""
    if "stored" not in question:
        return {"hash": hasher.hash(question["password"])}
    verdict = hasher.verify(question["stored"], question["password"])
    return {"matches": verdict.matches, "better_hash": verdict.better_hash}


def main(arguments: list[str]) -> None:
    """Answer questions from standard input until it ends."""
    # Ctrl-C on a terminal reaches the whole group: the parent decides when this process ends.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICE)
    passes, memory_kib, lanes = (int(text) for text in arguments)
    hasher = Hasher(Parameters(passes, memory_kib, lanes))
    for line in sys.stdin.buffer:
        sys.stdout.buffer.write(orjson.dumps(answer(hasher, orjson.loads(line))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
