"""The process from which readers are forked: it has loaded what they need, and opens no content itself.

`python -m dms.stores.extraction.nursery DESCRIPTOR [FOLDER]` takes requests on a socket: JSON with two
descriptors, the content and a pipe for what was found. It answers how the reader ended and what it used.
A request with a `command` has that program read the content in place of a reader, within the same limits.
"""

from __future__ import annotations

import contextlib
import gc
import math
import os
import select
import signal
import socket
import sys
from pathlib import Path
from typing import Any

import orjson

from dms.base.settings import program_environment
from dms.rules.renditions import StepOutcome, StepReason
from dms.stores.extraction import landlock, limits, steps
from dms.stores.extraction.findings import Found, Nothing, Refused

REQUEST_BYTES = 65_536

Request = dict[str, Any]  # JSON values


def main(descriptor: int, signatures: Path | None) -> None:
    """Serve until the other end closes."""
    control = socket.socket(fileno=descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for those who ask
    is_alone = limits.leave_network()
    version = steps.load(signatures)
    rules = landlock.ruleset(landlock.for_readers())
    gc.collect()
    gc.freeze()
    control.send(orjson.dumps({"signatures": version, "without_network": is_alone}))
    while True:
        asked, descriptors, _, _ = socket.recv_fds(control, REQUEST_BYTES, 2)
        if not asked:
            return
        _answer(control, orjson.loads(asked), descriptors, rules=rules)


def _answer(control: socket.socket, request: Request, descriptors: list[int], *, rules: int | None) -> None:
    content, pipe = descriptors
    child = os.fork()
    if child == 0:
        control.close()
        if "command" in request:
            _become(request, content, pipe)
        _read(request, content, pipe, rules=rules)
    for each in descriptors:
        os.close(each)
    is_late = _await(child, control, request["wall_s"])
    _, status, used = os.wait4(child, 0)
    told = {
        "code": os.waitstatus_to_exitcode(status),
        "late": is_late,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_bytes": used.ru_maxrss * 1024,
    }
    with contextlib.suppress(BrokenPipeError):  # whoever asked has gone; the next reading ends this process
        control.send(orjson.dumps(told))


def _await(child: int, control: socket.socket, wall_s: float) -> bool:
    """Wait for the end of a reader, and end it when its time is over or nobody waits for it; True if late."""
    end = os.pidfd_open(child)
    try:
        ready, _, _ = select.select([end, control.fileno()], [], [], wall_s)
        if end in ready:
            return False
        os.kill(child, signal.SIGKILL)
        return not ready
    finally:
        os.close(end)


def _read(request: Request, content: int, pipe: int, *, rules: int | None) -> None:
    """Read the content within limits, tell what was found, and end; never returns."""
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what libraries say of content may quote it
        limits.confine(content_bytes=os.fstat(content).st_size)
        landlock.close(rules)
        _tell(pipe, *_outcome(request, content))
        code = 0
    finally:
        os._exit(code)


def _become(request: Request, content: int, pipe: int) -> None:
    """Let a program read the content within limits, and write what it finds; never returns."""
    try:
        os.lseek(content, 0, os.SEEK_SET)
        os.dup2(content, 0)
        os.dup2(pipe, 1)
        os.dup2(os.open(os.devnull, os.O_WRONLY) if request["is_quiet"] else 1, 2)
        os.closerange(3, limits.DESCRIPTORS_BEFORE)
        for each in (signal.SIGPIPE, signal.SIGXFSZ):  # ignored here, and else by the program too
            signal.signal(each, signal.SIG_DFL)
        limits.confine(content_bytes=0, cpu_s=math.ceil(request["cpu_s"]))
        command, environment = request["command"], program_environment()
        landlock.close(landlock.ruleset(landlock.for_program(command[0], environment)))
        os.execve(command[0], command, environment)  # noqa: S606  no shell
    finally:
        os._exit(limits.NOT_FOUND)


def _outcome(request: Request, content: int) -> tuple[dict[str, Any], bytes]:
    try:
        found = steps.run(request, content)
    except Refused as refused:
        return _ended(StepOutcome.REFUSED, refused.reason), b""
    except Nothing as nothing:
        return {**_ended(StepOutcome.NOTHING, nothing.reason), "facts": nothing.facts}, b""
    except MemoryError:
        return _ended(StepOutcome.REFUSED, StepReason.OUT_OF_MEMORY), b""
    except Exception:  # noqa: BLE001  whatever a parser does with hostile bytes
        return _ended(StepOutcome.REFUSED, StepReason.DAMAGED), b""
    return _done(found), found.body


def _ended(outcome: StepOutcome, reason: StepReason) -> dict[str, Any]:
    return {"outcome": outcome, "reason": reason, "facts": {}}


def _done(found: Found) -> dict[str, Any]:
    return {"outcome": StepOutcome.DONE, "media_type": found.media_type, "facts": found.facts}


def _tell(pipe: int, head: dict[str, Any], body: bytes) -> None:
    with os.fdopen(pipe, "wb") as told:
        told.write(orjson.dumps(head, option=orjson.OPT_APPEND_NEWLINE))
        told.write(body)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[2:] else None)
