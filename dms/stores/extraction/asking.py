"""Asking for one content to be read apart: it goes in as anonymous memory, what was found comes by a pipe."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from dms.base.clock import monotonic_s
from dms.base.errors import Unavailable
from dms.base.settings import Settings, reader_environment
from dms.rules.renditions import Step, StepOutcome, StepReason
from dms.stores.extraction.findings import MAX_OCR_PIXELS, MAX_OUTPUT_BYTES
from dms.stores.extraction.limits import MEMORY_BYTES, NOT_FOUND, WALL_S

WAITS = 5
"""So many times its CPU a program may take in all."""

PATIENCE_S = 15.0
"""How long the nursery may take beyond the time of a reader, and to start."""

_HEAD_BYTES = 65_536
_LOOKS_EVERY_S = 0.2
_KILLED, _OUT_OF_CPU = -9, -24


@dataclass(frozen=True, slots=True)
class Read:
    """How a step ended: what was found or the reason why not, and what it cost."""

    step: Step
    outcome: StepOutcome
    reason: StepReason | None = None
    body: bytes = b""
    media_type: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # JSON values
    cpu_s: float = 0.0
    peak_bytes: int = 0


class Interrupted(Exception):
    """Whoever asked no longer wants to know."""


@contextmanager
def in_memory(pieces: Iterable[bytes]) -> Iterator[int]:
    """Hold a content in anonymous memory for the length of a `with`: plaintext that touches no disk."""
    descriptor = os.memfd_create("content", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(descriptor), "wb") as memory:
            for piece in pieces:
                memory.write(piece)
        yield descriptor
    finally:
        os.close(descriptor)


def signatures_folder(settings: Settings) -> Path | None:
    """Return where the signatures of formats lie: as set, else those of the extra `formats`, else None."""
    if settings.format_signatures:
        return Path(settings.format_signatures)
    found = importlib.util.find_spec("fido")
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) / "conf" if places else None


class Readers:
    """A nursery and the way to it; belongs to one thread. It is started with the first question."""

    def __init__(self, signatures: Path | None, *, wall_s: float = WALL_S) -> None:
        self._signatures = signatures
        self._wall_s = wall_s
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def read(
        self, step: Step, content: int, *, media_type: str, name: str = "", is_stopped: Callable[[], bool]
    ) -> Read:
        """Do a step with a content; `Interrupted` if it shall stop, `Unavailable` if nothing can be read."""
        request = {"step": step, "media_type": media_type, "name": name, "wall_s": self._wall_s}
        return _judged(step, self._ask(request, content, most=2 * MAX_OUTPUT_BYTES, is_stopped=is_stopped))

    def page(self, content: int, *, media_type: str, number: int, is_stopped: Callable[[], bool]) -> Read:
        """Paint a page of a content as a gray picture, the first as 0; raises like `read`."""
        request = {"step": Step.OCR, "media_type": media_type, "name": "", "page": number}
        most = _HEAD_BYTES + MAX_OCR_PIXELS
        told = self._ask({**request, "wall_s": self._wall_s}, content, most=most, is_stopped=is_stopped)
        return _judged(Step.OCR, told)

    def run(
        self,
        command: Sequence[str],
        content: int,
        *,
        cpu_s: float,
        is_quiet: bool,
        is_stopped: Callable[[], bool],
    ) -> Read:
        """Have a program read a content and return what it writes; what it complains of too, unless quiet.

        It is ended after so much CPU, or five times that in all: on a busy machine others go first.
        """
        times = {"cpu_s": cpu_s, "wall_s": cpu_s * WAITS}
        request = {"command": command, "is_quiet": is_quiet, **times}
        return _said(self._ask(request, content, most=MAX_OUTPUT_BYTES, is_stopped=is_stopped))

    def _ask(
        self, request: dict[str, Any], content: int, *, most: int, is_stopped: Callable[[], bool]
    ) -> _Told:
        control = self._open()
        receiving, sending = os.pipe()
        until_s = monotonic_s() + request["wall_s"] + PATIENCE_S
        try:
            with os.fdopen(receiving, "rb", buffering=0):  # closed before the end: who still writes is told
                try:
                    socket.send_fds(control, [orjson.dumps(request)], [content, sending])
                finally:
                    os.close(sending)
                said, is_cut = _gather(receiving, is_stopped, until_s=until_s, most=_HEAD_BYTES + most)
            control.settimeout(max(until_s - monotonic_s(), _LOOKS_EVERY_S))
            ended = _hear(control)
        except (OSError, ValueError) as error:
            self.close()
            raise Unavailable("the process that reads content has died: look into the log") from error
        except Interrupted:
            self.close()
            raise
        return _Told(said, ended, is_cut=is_cut)

    def close(self) -> None:
        """End the nursery, and the reader that may be at work."""
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(PATIENCE_S)
            self._process.kill()
            self._process.wait()
        self._control = self._process = None

    def _open(self) -> socket.socket:
        if self._control is not None:
            return self._control
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(PATIENCE_S)
        command = [sys.executable, "-m", "dms.stores.extraction.nursery", str(theirs.fileno())]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  our own
                [*command, *([] if self._signatures is None else [str(self._signatures)])],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=reader_environment(),
            )
        self._control = ours
        try:
            _hear(ours)
        except (OSError, ValueError) as error:
            self.close()
            raise Unavailable("the process that reads content does not start: look into the log") from error
        return ours


@dataclass(frozen=True, slots=True)
class _Told:
    """What came out of a process, and how that ended; `is_cut` if it said more than it may."""

    said: bytes
    ended: dict[str, Any]
    is_cut: bool

    def cost(self) -> dict[str, Any]:
        return {"cpu_s": self.ended["cpu_s"], "peak_bytes": self.ended["peak_bytes"]}

    def is_whole(self) -> bool:
        return self.ended["code"] == 0 and not self.is_cut


def _gather(
    receiving: int, is_stopped: Callable[[], bool], *, until_s: float, most: int
) -> tuple[bytes, bool]:
    """Return what a reader tells, and whether that was more than it may."""
    told = bytearray()
    while True:
        if is_stopped():
            raise Interrupted
        ready, _, _ = select.select([receiving], [], [], _LOOKS_EVERY_S)
        if ready:
            piece = os.read(receiving, 1 << 20)
            if not piece:
                return bytes(told), False
            told += piece
        if len(told) > most:
            return b"", True
        if monotonic_s() > until_s:
            raise ValueError("nothing ends this reader")


def _hear(control: socket.socket) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(control.recv(_HEAD_BYTES))
    return told


def _judged(step: Step, told: _Told) -> Read:
    head, found, body = told.said.partition(b"\n")
    if not found or not told.is_whole():
        return Read(step, StepOutcome.REFUSED, _reason(told), **told.cost())
    said = orjson.loads(head)
    outcome = StepOutcome(said["outcome"])
    if outcome is not StepOutcome.DONE:
        return Read(step, outcome, StepReason(said["reason"]), facts=said["facts"], **told.cost())
    return Read(step, outcome, None, body, said["media_type"], said["facts"], **told.cost())


def _said(told: _Told) -> Read:
    if told.is_whole():
        return Read(Step.OCR, StepOutcome.DONE, None, told.said, "text/plain", **told.cost())
    return Read(Step.OCR, StepOutcome.REFUSED, _reason(told), **told.cost())


def _reason(told: _Told) -> StepReason:
    if told.is_cut:
        return StepReason.TOO_LARGE
    if told.ended["late"] or told.ended["code"] in {_OUT_OF_CPU, _KILLED}:
        return StepReason.TOO_SLOW
    if told.ended["code"] == NOT_FOUND:
        return StepReason.UNAVAILABLE
    # A library that is refused memory often ends its process, and asks for twice as much each time.
    is_large = told.ended["code"] < 0 and told.ended["peak_bytes"] > MEMORY_BYTES / 2
    return StepReason.OUT_OF_MEMORY if is_large else StepReason.CRASHED
