"""Processes of dms, forked from one that has loaded it: two seconds of CPU less for each.

Such a process is a real one: memory, files and a status of its own, and death by any signal. Only the
loading is shared; `tests/web/test_large.py` starts one from nothing.
"""

from __future__ import annotations

import atexit
import functools
import gc
import importlib
import json
import os
import resource
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

ROOT = Path(__file__).resolve().parents[1]
LOADED = ("dms.app", "dms.cli", "psycopg")
"""What the mother of these processes has loaded."""

_WIDTH = 12
"""Bytes of a number on the pipe by which the birth and the end of a process are told."""


@dataclass(eq=False)
class Forked:
    """A process that was begun; as much of `subprocess.Popen` as the tests need."""

    pid: int
    stdin: IO[str]
    stdout: IO[str]
    stderr: IO[str]
    _told: int
    returncode: int | None = field(default=None, init=False)

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        return self._ended(within_s=0)

    def wait(self, timeout: float = 300) -> int:
        """Return how it ended once it has."""
        ended = self._ended(within_s=timeout)
        if ended is None:
            raise subprocess.TimeoutExpired(f"process {self.pid}", timeout)
        return ended

    def send_signal(self, number: int) -> None:
        """Send it a signal if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it as nothing can prevent."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_of: object) -> None:
        self.stdin.close()
        self.wait()
        self.stdout.close()
        self.stderr.close()

    def _ended(self, *, within_s: float) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], within_s)[0]:
            self.returncode = int(os.read(self._told, _WIDTH))
            os.close(self._told)
        return self.returncode


def begin(*arguments: str, **options: Any) -> Forked:
    """Begin `dms ARGUMENTS`, with pipes for its input, output and errors; options as of `run`."""
    ends = [os.pipe(), os.pipe(), os.pipe()]
    (given, giving), (out, writing), (err, complaining) = ends
    pid, told = _begin(arguments, streams=(given, writing, complaining), **options)
    for number in (given, writing, complaining):
        os.close(number)
    return Forked(pid, os.fdopen(giving, "w"), os.fdopen(out), os.fdopen(err), told)


def run(*arguments: str, stderr: int | None = None, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run `dms ARGUMENTS` to its end, as `subprocess.run` does with `capture_output`.

    `module` is run instead of `dms.cli`; `env` and `cwd` are this process's unless given; `limits` are
    pairs of a resource (the module `resource`) and its bound; `stderr` is the number of an open file.
    """
    empty, file = Path(os.devnull), tempfile.TemporaryFile
    with empty.open() as nothing, file("w+") as out, file("w+") as err:
        streams = (nothing.fileno(), out.fileno(), err.fileno() if stderr is None else stderr)
        pid, told = _begin(arguments, streams=streams, **options)
        code = Forked(pid, nothing, out, err, told).wait()
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(arguments, code, out.read(), err.read())


def _begin(arguments, *, streams, **options) -> tuple[int, int]:
    told, telling = os.pipe()
    job = {"module": "dms.cli", "env": dict(os.environ), "cwd": str(ROOT), "limits": [], **options}
    with tempfile.TemporaryFile("w+") as letter:
        json.dump({**job, "arguments": arguments}, letter)
        letter.flush()
        socket.send_fds(_mother(), [b"!"], [letter.fileno(), telling, *streams])
        os.close(telling)
        return int(os.read(told, _WIDTH)), told


@functools.cache
def _mother() -> socket.socket:
    ours, theirs = socket.socketpair()
    command = [sys.executable, "-m", "tests.forked", str(theirs.fileno())]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()])
    theirs.close()
    atexit.register(process.wait)
    atexit.register(ours.close)  # which ends it, and runs before the line above
    return ours


def _bear(control: socket.socket) -> None:
    """Fork whatever is asked for; returns in each child, to be what it should be, and at the end."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while fds := socket.recv_fds(control, 1, 5)[1]:
        if os.fork() == 0:
            control.close()
            _attend(*fds)
            return
        for number in fds:
            os.close(number)
    os._exit(0)


def _attend(letter: int, telling: int, *streams: int) -> None:
    """Have a child, and tell of it; returns in the child."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if child == 0:
        os.close(telling)
        _become(letter, streams)
        return
    os.write(telling, b"%*d" % (_WIDTH, child))
    for number in (letter, *streams):
        os.close(number)
    _, status = os.waitpid(child, 0)
    os.write(telling, b"%*d" % (_WIDTH, os.waitstatus_to_exitcode(status)))
    os._exit(0)


def _become(letter: int, streams: tuple[int, ...]) -> None:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.lseek(letter, 0, os.SEEK_SET)
    with os.fdopen(letter) as file:
        job = json.load(file)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    for kind, bound in job["limits"]:
        resource.setrlimit(kind, (bound, bound))
    sys.argv[1:] = job["arguments"]
    _JOB.append(job["module"])


_JOB: list[str] = []
"""The module that this process is there for."""


if __name__ == "__main__":
    for name in LOADED:
        importlib.import_module(name)
    sys.modules["dms.graphql.schema"].whole_schema()  # a server would put it together anew
    gc.collect()
    gc.freeze()
    _bear(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_module(_JOB[0], run_name="__main__", alter_sys=True)
