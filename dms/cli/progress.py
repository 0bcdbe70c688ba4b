"""How far a long command has come: a bar on a terminal, plain lines elsewhere, both on standard error."""

from __future__ import annotations

import sys
from typing import TextIO

from dms.base.clock import monotonic_s

WIDTH = 24
BAR_EVERY_S = 0.1
LINE_EVERY_S = 5.0


class Progress:
    """Tells of the steps of one command, one after the other; `end` closes the last one."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.is_terminal = self._stream.isatty()
        self._step = ""
        self._line = ""
        self._next_s = 0.0

    def tell(self, step: str, done: int, total: int | None, *, note: str = "") -> None:
        """Say that `done` of `total` things of a step are done, without a total just how many; add a note."""
        if step != self._step:
            self.end()
            self._step = step
            self._next_s = monotonic_s() + (0.0 if self.is_terminal else LINE_EVERY_S)
        total = None if total is None else max(done, total)  # more may have come since they were counted
        line = self._bar(done, total) if self.is_terminal else _plain(step, done, total)
        self._line = f"{line}, {note}" if note else line
        if monotonic_s() >= self._next_s:
            self._write()

    def end(self) -> None:
        """Write what the last step has come to."""
        if self._step:
            self._write()
            if self.is_terminal:
                self._stream.write("\n")
                self._stream.flush()
        self._step = ""

    def _write(self) -> None:
        self._stream.write(f"\r{self._line}\x1b[K" if self.is_terminal else f"{self._line}\n")
        self._stream.flush()
        self._next_s = monotonic_s() + (BAR_EVERY_S if self.is_terminal else LINE_EVERY_S)

    def _bar(self, done: int, total: int | None) -> str:
        if not total:
            return f"{self._step:14} {done}"
        filled = WIDTH * min(done, total) // total
        return f"{self._step:14} [{'#' * filled}{'.' * (WIDTH - filled)}] {done}/{total}"


def _plain(step: str, done: int, total: int | None) -> str:
    return f"{step}: {done}" if total is None else f"{step}: {done} of {total}"
