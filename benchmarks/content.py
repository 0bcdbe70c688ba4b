"""Content in and out over HTTP, sealed, beside what the machine can do: `python -m benchmarks content`.

Limits, measured in the same run: a process that takes bytes from a socket, hashes them (SHA-256), writes
and fsyncs; and one that gives a file away by sendfile. What sealing costs is measured in this process, on
the writing side alone. Everything but files per second is in MB per CPU-second of the serving process.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import http.client
import os
import socket
import statistics
import struct
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks import installations
from benchmarks.servers import Server, running
from dms.access import tokens
from dms.base import memory
from dms.base.actor import system_actor
from dms.base.clock import system_clock
from dms.base.ids import Kind, global_id, new_id
from dms.base.settings import Settings
from dms.house import open_house
from dms.models.users import TokenKind
from dms.rules.access import Action
from dms.services import versions
from dms.services.versions import NamedUpload
from dms.stores.blobs_local import LocalBlobStore
from dms.stores.keys_file import FileKeyStore
from dms.stores.vault import Vault
from tests.desk import Desk
from tests.factories import World

PIECE_BYTES = 1_048_576
MB = 1_000_000
SIZES = {"200 MB": (200 * MB, 3), "1 MB": (MB, 60), "20 KB": (20_000, 200)}
SMALL_FILES, SMALL_BYTES = 2_048, 20_000
HUGE_BYTES = 1 << 30
RANGE_BYTES = 65_536
ROUNDS = 3

_HEAD = struct.Struct(">cQ")


@dataclass(frozen=True)
class Row:
    """One size, one way: MB per CPU-second of the limit and of ours."""

    what: str
    limit: float
    ours: float


@dataclass
class Found:
    """What a run has measured."""

    rows: list[Row] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


def main(arguments: list[str]) -> None:
    """Run it all, or with `--small` an eighth of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks content")
    parser.add_argument("--small", action="store_true", help="a small part, to try it")
    asked = parser.parse_args(arguments)
    scale = 8 if asked.small else 1
    found = Found()
    memory.keep_freed()
    with installations.fresh("sqlite") as settings:
        over_http(settings, found, scale)
    with tempfile.TemporaryDirectory(prefix="dms-bench-") as folder:
        vault = _vault(Path(folder))
        sealing(vault, found, 200 * MB // scale)
        small_files(vault, Path(folder), found, SMALL_FILES // scale)
        one_range(vault, found, HUGE_BYTES // scale)
    print(table(found))


def table(found: Found) -> str:
    """Return it as Markdown."""
    head = ["| what | limit, MB/cpu-s | ours, MB/cpu-s | ratio |", "| --- | --- | --- | --- |"]
    rows = [f"| {r.what} | {r.limit:,.0f} | {r.ours:,.0f} | {r.ours / r.limit:.2f} |" for r in found.rows]
    return "\n".join([*head, *rows, "", *found.lines])


def over_http(settings: Settings, found: Found, scale: int) -> None:
    """Send and fetch contents of several sizes, through the server and through the limits."""
    with contextlib.closing(open_house(settings)) as house:
        world = World(house)
        user = world.user()
        room = world.aggregation()
        token = house.works.write(system_actor("bench"), lambda work: _token(work, user)).token
    headers = {"Authorization": f"Bearer {token}"}
    environment = {**installations.environment(settings), "DMS_UPLOAD_QUOTA_BYTES": str(1 << 40)}
    with (
        running(["-m", "benchmarks.ours"], environment) as server,
        running(["-m", "benchmarks.content", str(settings.home)], environment) as limit,
    ):
        _warm(server, headers)
        sent = {}
        for what, size_bytes, times in _sizes(scale):
            content = os.urandom(size_bytes)
            sent[what] = []
            ours = _spent(server, lambda c=content, s=sent[what]: s.append(_put(server, c, headers)), times)
            least = _spent(limit, lambda c=content: _give(limit, c), times)
            found.rows.append(Row(f"upload, {what}", size_bytes / least / MB, size_bytes / ours / MB))
        before = _peak_kb(server)
        _put(server, None, headers, size=HUGE_BYTES // scale)
        grown = (_peak_kb(server) - before) / 1024
        found.lines.append(
            f"Memory grew by {grown:.0f} MiB in an upload of {HUGE_BYTES // scale / MB:,.0f} MB."
        )
        paths = _filed(settings, user, room, sent)
        for what, size_bytes, times in _sizes(scale):
            ours = _spent(server, lambda p=paths[what]: _get(server, p, headers), times)
            least = _spent(limit, lambda s=size_bytes: _take(limit, s), times)
            found.rows.append(Row(f"download, {what}", size_bytes / least / MB, size_bytes / ours / MB))


def sealing(vault: Vault, found: Found, size_bytes: int) -> None:
    """Compare a sealed blob with the same bytes, hashed and written as they are."""
    content = os.urandom(min(size_bytes, 32 * MB))
    times = max(1, size_bytes // len(content))

    def sealed() -> None:
        with vault.writer(new_id()) as writer:
            for _ in range(times):
                for piece in _pieces(content):
                    writer.write(piece)
            writer.finish()

    def plain() -> None:
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=vault.store._root) as file:
            for _ in range(times):
                for piece in _pieces(content):
                    digest.update(piece)
                    file.write(piece)
            file.flush()
            os.fsync(file.fileno())

    total = times * len(content)
    rows = [(total / _cpu(plain) / MB, total / _cpu(sealed) / MB) for _ in range(ROUNDS)]
    limit, ours = (statistics.median(column) for column in zip(*rows, strict=True))
    found.rows.append(Row("writing, sealed beside plain (one hash, no cipher)", limit, ours))


def small_files(vault: Vault, folder: Path, found: Found, count: int) -> None:
    """File small contents in groups and one by one, beside what the disk confirms at all."""
    content = os.urandom(SMALL_BYTES)
    grouped, single, disk = [], [], []
    for number in range(ROUNDS):
        grouped.append(count / _clock(lambda: _grouped(vault, content, count)))
        single.append(count // 4 / _clock(lambda: _singly(vault, content, count // 4)))
        disk.append(count / _clock(lambda n=number: _plainly(folder / f"disk-{n}", content, count)))
    medians = [statistics.median(each) for each in (grouped, single, disk)]
    found.lines.append(
        f"Small files of 20 KB, each confirmed by the disk: {medians[0]:,.0f} a second in groups of 256, "
        f"{medians[1]:,.0f} one by one (groups {medians[0] / medians[1]:.1f} times as many); "
        f"written plainly, 8 fsyncs at once, {medians[2]:,.0f}."
    )


def one_range(vault: Vault, found: Found, size_bytes: int) -> None:
    """Read a range out of a huge blob."""
    piece = os.urandom(PIECE_BYTES)
    with vault.writer(new_id(), expected_bytes=size_bytes) as writer:
        for _ in range(size_bytes // PIECE_BYTES):
            writer.write(piece)
        blob = writer.finish()
    starts = range(0, blob.plain_bytes - RANGE_BYTES, size_bytes // 200)

    def read() -> None:
        for start in starts:
            for _ in vault.read(blob, start=start, length=RANGE_BYTES):
                pass

    spent_ms = _cpu(read) / len(starts) * 1000
    found.lines.append(f"A range of 64 KiB in {size_bytes / MB:,.0f} MB: {spent_ms:.2f} ms of CPU.")


def _sizes(scale: int) -> Iterator[tuple[str, int, int]]:
    for what, (size, times) in SIZES.items():
        yield what, size // scale if size > MB else size, max(1, times // scale)


def _vault(folder: Path) -> Vault:
    root = folder / "var" / "blobs"
    LocalBlobStore.set_up(root)
    keys = FileKeyStore.create(folder / "keys", data_folder=folder / "var", clock=system_clock)
    return Vault(LocalBlobStore(root, reserve_bytes=0), keys)


def _token(work: object, user: object) -> tokens.Issued:
    return tokens.issue(work, user, kind=TokenKind.SESSION, idle_s=9_000, absolute_s=9_000, note="bench")


def _warm(server: Server, headers: dict[str, str]) -> None:
    for _ in range(3):
        _put(server, b"warm", headers)


def _spent(server: Server, step: Callable[[], object], times: int) -> float:
    """CPU seconds of a server for one step."""
    before = server.cpu_s()
    for _ in range(times):
        step()
    return max(server.cpu_s() - before, 0.005) / times


def _put(server: Server, content: bytes | None, headers: dict[str, str], *, size: int = 0) -> str:
    """Upload; without content so many zeros."""
    upload_id = str(new_id())
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    body = _zeros(size) if content is None else content
    length = size if content is None else len(content)
    connection.request("PUT", f"/uploads/{upload_id}", body, {**headers, "Content-Length": str(length)})
    answer = connection.getresponse()
    text = answer.read()
    connection.close()
    if answer.status != 201:
        raise SystemExit(f"the server answered {answer.status}: {text[:300]!r}")
    return upload_id


def _get(server: Server, path: str, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=600)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    buffer = bytearray(PIECE_BYTES)
    while answer.readinto(buffer):
        pass
    connection.close()
    if answer.status != 200:
        raise SystemExit(f"the server answered {answer.status}")


def _filed(settings: Settings, user: object, room: object, sent: dict[str, list[str]]) -> dict[str, str]:
    """File one upload of each size; return where to fetch it."""
    paths = {}
    with contextlib.closing(open_house(settings)) as house:
        desk = Desk(house, World(house))
        for what, uploads in sent.items():
            document = desk.world.document(room)
            for action in (Action.EDIT, Action.READ_CONTENT):
                desk.world.entry_on_document(user, document, action)
            named = NamedUpload(installations.as_uuid(uploads[0]), "content.bin")
            version = desk.do(user, versions.add, document, expected_revision=1, upload=named)
            paths[what] = f"/content/versions/{global_id(Kind.VERSION, version)}"
    return paths


def _peak_kb(server: Server) -> int:
    status = Path(f"/proc/{server.pids[0]}/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _pieces(content: bytes) -> Iterator[memoryview]:
    view = memoryview(content)
    for at in range(0, len(view), PIECE_BYTES):
        yield view[at : at + PIECE_BYTES]


def _zeros(size: int) -> Iterator[bytes]:
    piece = bytes(PIECE_BYTES)
    for at in range(0, size, PIECE_BYTES):
        yield piece[: size - at]


def _cpu(step: Callable[[], object]) -> float:
    before = time.process_time()
    step()
    return time.process_time() - before


def _clock(step: Callable[[], object]) -> float:
    before = time.perf_counter()
    step()
    return time.perf_counter() - before


def _grouped(vault: Vault, content: bytes, count: int) -> None:
    for _ in range(0, count, 256):
        with vault.group() as group:
            for _ in range(min(256, count)):
                with group.writer(new_id()) as writer:
                    writer.write(content)
                    writer.finish()
            group.publish()


def _singly(vault: Vault, content: bytes, count: int) -> None:
    for _ in range(count):
        with vault.writer(new_id()) as writer:
            writer.write(content)
            writer.finish()


def _plainly(folder: Path, content: bytes, count: int) -> None:
    folder.mkdir()

    def write(number: int) -> None:
        with (folder / str(number)).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(count)))


def _give(limit: Server, content: bytes) -> None:
    with socket.create_connection(("127.0.0.1", limit.port)) as line:
        line.sendall(_HEAD.pack(b"U", len(content)))
        line.sendall(content)
        line.recv(1)


def _take(limit: Server, size_bytes: int) -> None:
    buffer = bytearray(PIECE_BYTES)
    with socket.create_connection(("127.0.0.1", limit.port)) as line:
        line.sendall(_HEAD.pack(b"D", size_bytes))
        while line.recv_into(buffer):
            pass


def limits(folder: Path, descriptor: int) -> None:
    """Serve the limits on an inherited socket: bytes in, hashed, written, confirmed; out by sendfile."""
    listening = socket.socket(fileno=descriptor)
    buffer = bytearray(PIECE_BYTES)
    while True:
        line, _ = listening.accept()
        with line:
            kind, size = _HEAD.unpack(line.recv(_HEAD.size, socket.MSG_WAITALL))
            if kind == b"U":
                _swallow(line, folder / "limit", size, buffer)
            else:
                _hand_out(line, folder / f"limit-{size}", size)


def _swallow(line: socket.socket, path: Path, size: int, buffer: bytearray) -> None:
    digest, view = hashlib.sha256(), memoryview(buffer)
    with path.open("wb", buffering=0) as file:
        while size:
            count = line.recv_into(view, min(size, len(view)))
            digest.update(view[:count])
            file.write(view[:count])
            size -= count
        os.fsync(file.fileno())
    line.sendall(b"!")


def _hand_out(line: socket.socket, path: Path, size: int) -> None:
    if not path.exists():
        path.write_bytes(bytes(size))
    with path.open("rb") as file:
        line.sendfile(file)


if __name__ == "__main__":
    limits(Path(sys.argv[1]), int(sys.argv[2]))
