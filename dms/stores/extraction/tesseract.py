"""OCR by the program `tesseract` of the machine: what it can, and how it is asked.

It is given bare pixels that a reader of ours has painted, never a file that somebody sent, and writes text.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass

_VERSION = re.compile(r"tesseract v?(\S{1,40})")
_LEAST_DPI, _MOST_DPI = 70, 2_400
"""What the program takes; it guesses where a picture says something else."""

Ask = Callable[[Sequence[str]], str]
"""Has a command run within limits, and returns what it says; nothing if it fails."""


@dataclass(frozen=True, slots=True)
class Tesseract:
    """The program as it is installed."""

    path: str
    version: str
    languages: frozenset[str]

    @property
    def name(self) -> str:
        """Return its name and version."""
        return f"tesseract {self.version}"

    def reads(self, languages: str) -> bool:
        """Tell whether all of these languages, joined by `+`, are installed."""
        return self.languages.issuperset(languages.split("+"))

    def command(self, *, languages: str, dpi: int) -> list[str]:
        """Return the command that reads the picture it is given."""
        said = ["--dpi", str(dpi)] if _LEAST_DPI <= dpi <= _MOST_DPI else []
        return [self.path, "stdin", "stdout", "-l", languages, *said, "-c", "page_separator="]


def find(program: str, ask: Ask) -> Tesseract | None:
    """Return what is installed under a name or path; None if there is nothing that answers."""
    path = shutil.which(program)
    if path is None:
        return None
    version = _VERSION.search(ask([path, "--version"]))
    listed = ask([path, "--list-langs"]).splitlines()
    if version is None or not listed:
        return None
    return Tesseract(path, version[1], frozenset(line.strip() for line in listed[1:]))
