"""Asking for one content to be read apart: it goes in as anonymous memory, what was found comes by a pipe."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import select
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from dms.base.clock import monotonic_s
from dms.base.errors import Unavailable
from dms.base.settings import Settings, reader_environment
from dms.rules.renditions import Step, StepOutcome, StepReason
from dms.stores.extraction.findings import MAX_OUTPUT_BYTES
from dms.stores.extraction.limits import WALL_S

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
        control = self._open()
        request = {"step": step, "media_type": media_type, "name": name, "wall_s": self._wall_s}
        receiving, sending = os.pipe()
        try:
            try:
                socket.send_fds(control, [orjson.dumps(request)], [content, sending])
            finally:
                os.close(sending)
            told, is_cut = self._gather(receiving, is_stopped)
            ended = self._hear(control)
        except (OSError, ValueError) as error:
            self.close()
            raise Unavailable("the process that reads content has died: look into the log") from error
        except Interrupted:
            self.close()
            raise
        finally:
            os.close(receiving)
        return _judged(step, told, ended, is_cut=is_cut)

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
            self._hear(ours)
        except (OSError, ValueError) as error:
            self.close()
            raise Unavailable("the process that reads content does not start: look into the log") from error
        return ours

    def _gather(self, receiving: int, is_stopped: Callable[[], bool]) -> tuple[bytes, bool]:
        """Return what a reader tells, and whether that was more than it may."""
        told = bytearray()
        until_s = monotonic_s() + self._wall_s + PATIENCE_S
        while True:
            if is_stopped():
                raise Interrupted
            ready, _, _ = select.select([receiving], [], [], _LOOKS_EVERY_S)
            if ready:
                piece = os.read(receiving, 1 << 20)
                if not piece:
                    return bytes(told), False
                told += piece
            if len(told) > _HEAD_BYTES + 2 * MAX_OUTPUT_BYTES:
                return b"", True
            if monotonic_s() > until_s:
                raise ValueError("nothing ends this reader")

    def _hear(self, control: socket.socket) -> dict[str, Any]:
        told: dict[str, Any] = orjson.loads(control.recv(_HEAD_BYTES))
        return told


def _judged(step: Step, told: bytes, ended: dict[str, Any], *, is_cut: bool) -> Read:
    cost = {"cpu_s": ended["cpu_s"], "peak_bytes": ended["peak_bytes"]}
    head, found, body = told.partition(b"\n")
    if ended["code"] == 0 and found and not is_cut:
        said = orjson.loads(head)
        outcome = StepOutcome(said["outcome"])
        if outcome is not StepOutcome.DONE:
            return Read(step, outcome, StepReason(said["reason"]), **cost)
        return Read(step, outcome, None, body, said["media_type"], said["facts"], **cost)
    return Read(step, StepOutcome.REFUSED, _reason(ended, is_cut=is_cut), **cost)


def _reason(ended: dict[str, Any], *, is_cut: bool) -> StepReason:
    if is_cut:
        return StepReason.TOO_LARGE
    if ended["late"] or ended["code"] in {_OUT_OF_CPU, _KILLED}:
        return StepReason.TOO_SLOW
    return StepReason.CRASHED
