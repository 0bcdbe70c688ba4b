"""What reading contents apart costs: `python -m benchmarks extraction`, on the real files of ../shared/data.

Each file is read three ways: as the server does it, in a process of its own within limits; by the same reader
in this process; and, where a library does most of the work, by that library alone. CPU counts all processes
that take part, so that other work on the machine spoils little. Without the files it says so and ends.
"""

from __future__ import annotations

import argparse
import contextlib
import email
import email.policy
import io
import os
import shutil
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from xml.etree import ElementTree as ET

import pypdfium2
from PIL import Image

from dms.base.settings import Settings
from dms.rules.renditions import READ, Step, StepOutcome
from dms.stores.extraction import steps, tesseract
from dms.stores.extraction.asking import Read, Readers, in_memory, signatures_folder
from dms.stores.formats import HEAD_BYTES, TAIL_BYTES, identify
from tests import scans

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
FOLDERS = ("documents", "damaged")
MB = 1_000_000
KINDS = (
    ("PDF", ("application/pdf",)),
    ("Office Open XML", ("application/vnd.openxmlformats", "application/vnd.ms-")),
    ("OpenDocument", ("application/vnd.oasis",)),
    ("e-mail", ("message/", "multipart/", "application/mbox")),
    ("HTML, XML", ("text/html", "text/xml", "application/xml", "application/xhtml", "image/svg")),
    ("RTF", ("application/rtf", "text/rtf")),
    ("plain text", ("text/", "application/json")),
    ("pictures", ("image/",)),
)


@dataclass
class Group:
    """What the files of one kind came to."""

    files: int = 0
    size_bytes: int = 0
    apart_s: float = 0.0
    inside_s: float = 0.0
    bare_s: float = 0.0
    is_bare: bool = False
    ended: Counter[str] = field(default_factory=Counter)
    most_cpu_s: float = 0.0
    most_bytes: int = 0


def main(arguments: list[str]) -> None:
    """Read them all, or with `--small` every fourth, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks extraction")
    parser.add_argument("--small", action="store_true", help="every fourth file, to try it")
    asked = parser.parse_args(arguments)
    paths = sorted(path for name in FOLDERS for path in (DATA / name).rglob("*") if path.is_file())
    if not paths:
        print("The files lie in ../shared/data/documents and damaged, which are not there.")
        return
    signatures = signatures_folder(Settings(home=Path("unused")))
    steps.load(signatures)
    with contextlib.closing(Readers(signatures)) as readers:
        groups = texts(readers, paths[:: 4 if asked.small else 1])
        print(table(groups))
        print(f"\n{everything(readers, paths[:: 4 if asked.small else 1])}")
        print(ocr(readers))


def texts(readers: Readers, paths: list[Path]) -> dict[str, Group]:
    """Read the text of each file three ways, and sum it up by kind."""
    groups = {name: Group() for name, _ in (*KINDS, ("others", ()))}
    _read(readers, Step.TEXT, b"warm", "text/plain")
    for path in paths:
        content = path.read_bytes()
        media_type = _media_type(path, content)
        group = groups[_kind(media_type)]
        found, apart_s = _spent(readers, lambda c=content, m=media_type: _read(readers, Step.TEXT, c, m))
        group.files += 1
        group.size_bytes += len(content)
        group.apart_s += apart_s
        group.ended[str(found.reason or "text")] += 1
        group.most_cpu_s = max(group.most_cpu_s, found.cpu_s)
        group.most_bytes = max(group.most_bytes, found.peak_bytes)
        group.inside_s += _cpu(lambda c=content, m=media_type: _inside(c, m))
        bare = _bare(media_type)
        if bare is not None and found.outcome is StepOutcome.DONE:
            group.bare_s += _cpu(lambda c=content, b=bare: _whatever(b, c))
            group.is_bare = True
    return {name: group for name, group in groups.items() if group.files}


def everything(readers: Readers, paths: list[Path]) -> str:
    """Do all steps of all files, and say how many files a second that makes."""
    began_s, size = time.perf_counter(), 0
    most = Read(Step.TEXT, StepOutcome.NOTHING)
    spent_s = 0.0
    for path in paths:
        content = path.read_bytes()
        size += len(content)
        for step in READ:
            read = partial(_read, readers, step, content, _media_type(path, content), path.name)
            found, cpu_s = _spent(readers, read)
            spent_s += cpu_s
            most = max(most, found, key=lambda each: each.cpu_s)
    took_s = time.perf_counter() - began_s
    return (
        f"Format, text and thumbnail of {len(paths)} files, {size / MB:.1f} MB: {took_s:.1f} s, "
        f"{len(paths) / took_s:.1f} files and {size / MB / took_s:.2f} MB a second; "
        f"{spent_s:.1f} CPU-s, {len(paths) / spent_s:.1f} files and {size / MB / spent_s:.2f} MB for each; "
        f"the dearest step took {most.cpu_s:.2f} s."
    )


def ocr(readers: Readers) -> str:
    """Read a page of A4 by OCR, apart and by the program alone."""

    def ask(command: list[str]) -> str:
        with in_memory([b""]) as nothing:
            said = readers.run(command, nothing, cpu_s=10, is_quiet=False, is_stopped=lambda: False)
        return said.body.decode()

    program = tesseract.find("tesseract", ask)
    if program is None or shutil.which("tesseract") is None:
        return "\nOCR was not measured: the Debian package `tesseract-ocr` brings the program."
    lines = [f"Line {number} of the ledger of the harbour dues" for number in range(40)]
    page = scans.tiff(scans.written(*lines, size=(2480, 3508)))

    def apart() -> Read:
        with in_memory([page]) as content:
            painted = readers.page(content, media_type="image/tiff", number=0, is_stopped=lambda: False)
        command = program.command(languages="eng", dpi=300)
        with in_memory([painted.body]) as picture:
            return readers.run(command, picture, cpu_s=120, is_quiet=True, is_stopped=lambda: False)

    def bare() -> None:
        command = [program.path, "stdin", "stdout", "-l", "eng", "--dpi", "300"]
        alone = {**os.environ, "OMP_THREAD_LIMIT": "1"}
        subprocess.run(command, input=page, env=alone, capture_output=True, check=True)

    found, apart_s = _spent(readers, apart)
    before_s = _children_s()
    bare()
    bare_s = _children_s() - before_s
    words = len(found.body.split())
    return (
        f"OCR of a page of A4 at 300 dots an inch ({words} words, {program.name}): {apart_s:.2f} CPU-s, "
        f"the program alone {bare_s:.2f} (ratio {apart_s / bare_s:.2f}), {found.peak_bytes >> 20} MiB."
    )


def table(groups: dict[str, Group]) -> str:
    """Return it as Markdown."""
    heads = "kind|files, MB|text|apart, CPU ms a file|in process|ratio|library alone|dearest|memory, MiB"
    columns = heads.split("|")
    rows = [f"| {' | '.join(columns)} |", "|" + " --- |" * len(columns)]
    for name, group in groups.items():
        ended = ", ".join(f"{count} {word}" for word, count in group.ended.most_common())
        apart, inside, bare = (
            1000 * each / group.files for each in (group.apart_s, group.inside_s, group.bare_s)
        )
        alone = f"{bare:.1f}" if group.is_bare else ""
        rows.append(
            f"| {name} | {group.files}, {group.size_bytes / MB:.1f} | {ended} | {apart:.1f} | {inside:.1f} "
            f"| {apart / max(inside, 0.01):.1f} | {alone} | {group.most_cpu_s:.2f} s "
            f"| {group.most_bytes >> 20} |"
        )
    return "\n".join(rows)


def _read(readers: Readers, step: Step, content: bytes, media_type: str, name: str = "") -> Read:
    with in_memory([content]) as memory:
        return readers.read(step, memory, media_type=media_type, name=name, is_stopped=lambda: False)


def _inside(content: bytes, media_type: str) -> None:
    request = {"step": Step.TEXT, "media_type": media_type, "name": ""}
    with in_memory([content]) as memory, contextlib.suppress(Exception):  # as the process apart does
        steps.run(request, memory)


def _bare(media_type: str) -> Callable[[bytes], object] | None:
    """Return the library that does most of the work for a media type."""
    match _kind(media_type):
        case "PDF":
            return _bare_pdf
        case "Office Open XML" | "OpenDocument":
            return _bare_office
        case "e-mail":
            return lambda content: email.message_from_bytes(content, policy=email.policy.default)
        case "pictures":
            return lambda content: Image.open(io.BytesIO(content)).getexif()
        case _:
            return None


def _whatever(library: Callable[[bytes], object], content: bytes) -> None:
    with contextlib.suppress(Exception):  # of a part that is broken ours reads the rest
        library(content)


def _bare_pdf(content: bytes) -> list[str]:
    document = pypdfium2.PdfDocument(content)
    return [document[number].get_textpage().get_text_range() for number in range(len(document))]


def _bare_office(content: bytes) -> list[str]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = [name for name in archive.namelist() if name.endswith(".xml") and "theme" not in name]
        return ["".join(ET.fromstring(archive.read(name)).itertext()) for name in names]  # noqa: S314


def _media_type(path: Path, content: bytes) -> str:
    return identify(content[:HEAD_BYTES], tail=content[-TAIL_BYTES:], name=path.name)


def _kind(media_type: str) -> str:
    return next((name for name, heads in KINDS if media_type.startswith(heads)), "others")


def _spent(readers: Readers, step: Callable[[], Read]) -> tuple[Read, float]:
    before_s = _own_s(readers)
    found = step()
    return found, _own_s(readers) - before_s + found.cpu_s


def _own_s(readers: Readers) -> float:
    """Return the CPU seconds of this process and of the one that forks readers, without those."""
    nursery = Path(f"/proc/{readers._process.pid}/schedstat").read_text("ascii")
    return time.process_time() + int(nursery.split()[0]) / 1e9


def _children_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _cpu(step: Callable[[], object]) -> float:
    before_s = time.process_time()
    step()
    return time.process_time() - before_s


if __name__ == "__main__":
    main(sys.argv[1:])
