"""A folder is read in order, through no link, and what moves meanwhile is not taken."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import tracemalloc
from pathlib import Path

import pytest

from dms.base.errors import ConfigurationError
from dms.stores.folders import PIECE_BYTES, Entry, Folder, Unfit

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65_534

LINK = "a symbolic link: import what it points to from where it lies"
CHANGED = "changed while it was read: import it again when it is at rest"


@pytest.fixture
def root(tmp_path):
    made = tmp_path / "in"
    made.mkdir()
    return made


@pytest.fixture
def open_root():
    """A folder that other users may enter: those of pytest they may not."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o755)
        yield Path(made)


def put(root, path, content=b"x"):
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file


def entries(root):
    with Folder(root) as folder:
        return list(folder.entries())


def read(root, path):
    with Folder(root) as folder, folder.open(path) as file:
        return b"".join(file.pieces())


def test_files_come_in_the_order_of_their_paths_parts(root):
    for path in ("b", "a/2", "a/10", "a-", "c/d/e", "c.x", "Z"):
        put(root, path)

    assert [entry.path for entry in entries(root)] == [b"Z", b"a/10", b"a/2", b"a-", b"b", b"c/d/e", b"c.x"]


def test_names_of_any_bytes_are_found_and_opened(root):
    for name in (b"\xff\xfe", b"two\nlines", "a\u202eb".encode(), b"..\\x", b" ", b"n" * 255):
        put(root, os.fsdecode(name), name)

    found = [entry.path for entry in entries(root)]

    assert sorted(found) == found
    assert [read(root, path) for path in found] == found


def test_what_is_no_file_is_named_with_the_reason_and_never_opened(root, tmp_path):
    put(tmp_path, "outside/secret")
    (root / "link").symlink_to(tmp_path / "outside" / "secret")
    (root / "linked folder").symlink_to(tmp_path / "outside", target_is_directory=True)
    (root / "nowhere").symlink_to("gone")
    os.mkfifo(root / "pipe")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(root / "socket"))

        found = entries(root)

    assert [(entry.path, entry.unfit) for entry in found] == [
        (b"link", LINK),
        (b"linked folder", LINK),
        (b"nowhere", LINK),
        (b"pipe", "a named pipe, not a file"),
        (b"socket", "a socket, not a file"),
    ]
    for entry in found:
        with pytest.raises(Unfit) as refused:
            read(root, entry.path)
        assert refused.value.message == entry.unfit


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make a device")
def test_device_is_refused(root):
    os.mknod(root / "null", 0o020666, os.makedev(1, 3))

    assert entries(root) == [Entry(b"null", unfit="a device, not a file")]


def test_folder_swapped_for_a_link_after_the_walk_leads_nowhere(root, tmp_path):
    put(root, "a/file", b"mine")
    put(tmp_path, "outside/file", b"secret")

    with Folder(root) as folder:
        (entry,) = folder.entries()
        (root / "a").rename(root / "b")
        (root / "a").symlink_to(tmp_path / "outside", target_is_directory=True)

        with pytest.raises(Unfit, match="vanished before it was read"):
            folder.open(entry.path)


def test_vanished_file_is_unfit_with_the_moment(root):
    put(root, "early")
    put(root, "late")
    with Folder(root) as folder:
        (root / "early").unlink()
        with pytest.raises(Unfit, match="vanished before it was read"):
            folder.open(b"early")

        with folder.open(b"late") as file:
            pieces = file.pieces()
            next(pieces)
            (root / "late").unlink()
            with pytest.raises(Unfit, match="vanished while it was read"):
                list(pieces)


@pytest.mark.parametrize("how", ["grown", "cut", "rewritten", "replaced", "back-dated"])
def test_file_that_changes_meanwhile_is_unfit(root, how):
    path = put(root, "file", b"x" * (PIECE_BYTES + 5))
    before = path.stat()
    with Folder(root) as folder, folder.open(b"file") as file:
        pieces = file.pieces()
        next(pieces)

        match how:
            case "grown":
                os.truncate(path, before.st_size + 1)
            case "cut":
                os.truncate(path, 7)
            case "rewritten":
                path.write_bytes(b"z" * before.st_size)
            case "replaced":
                put(root, "other", path.read_bytes()).rename(path)
            case "back-dated":
                path.write_bytes(b"z" * before.st_size)
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

        with pytest.raises(Unfit) as refused:
            list(pieces)
    assert refused.value.message == CHANGED


def test_file_that_says_nothing_of_its_size_is_unfit():
    with Folder(Path("/proc/self")) as folder, folder.open(b"status") as file:
        assert file.size_bytes == 0
        with pytest.raises(Unfit, match="changed while it was read"):
            list(file.pieces())


def test_empty_file_has_no_pieces(root):
    put(root, "empty", b"")

    assert read(root, b"empty") == b""


def test_file_can_be_read_twice(root):
    put(root, "file", b"abc")

    with Folder(root) as folder, folder.open(b"file") as file:
        assert [list(file.pieces()), list(file.pieces())] == [[b"abc"], [b"abc"]]


def test_date_of_the_last_change_is_kept_to_the_microsecond(root):
    os.utime(put(root, "file"), ns=(0, 1_234_567_890_123_456_789))

    with Folder(root) as folder, folder.open(b"file") as file:
        assert file.modified_at == 1_234_567_890_123_456


@pytest.mark.skipif(os.geteuid() != 0, reason="root may read everything, so another user must look")
def test_what_must_not_be_read_is_named_with_the_reason(open_root):
    put(open_root, "closed/file")
    put(open_root, "open/mine").chmod(0o000)
    (open_root / "closed").chmod(0o000)
    script = (
        "from pathlib import Path; import os, sys; from dms.stores.folders import *\n"
        f"os.setgroups([]); os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "with Folder(Path(sys.argv[1])) as folder:\n"
        "    for entry in folder.entries():\n"
        "        print(entry.path.decode(), entry.unfit)\n"
        "    try: folder.open(b'open/mine')\n"
        "    except Unfit as error: print(error.message)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", script, str(open_root)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.splitlines() == [
        "closed the folder cannot be read (Permission denied): nothing in it was looked at",
        "open/mine None",
        "cannot be read (Permission denied)",
    ]


def test_folders_nest_deeper_than_a_path_can_be_long(root):
    depth, name = 600, "d" * 20
    at = os.open(root, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=at)
        below = os.open(name, os.O_RDONLY, dir_fd=at)
        os.close(at)
        at = below
    os.close(os.open("bottom", os.O_CREAT | os.O_WRONLY, dir_fd=at))
    os.close(at)

    (entry,) = entries(root)

    assert entry.path == f"{name}/".encode() * depth + b"bottom"
    assert read(root, entry.path) == b""
    subprocess.run(["rm", "-r", str(root / name)], check=True)


def test_large_file_is_read_in_flat_memory(root):
    with put(root, "large").open("r+b") as file:
        file.truncate(64 * PIECE_BYTES)

    with Folder(root) as folder, folder.open(b"large") as opened:
        tracemalloc.start()
        assert sum(len(piece) for piece in opened.pieces()) == 64 * PIECE_BYTES
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert peak < 4 * PIECE_BYTES


@pytest.mark.parametrize("path", ["absent", "file"])
def test_what_is_no_folder_cannot_be_imported(root, path):
    put(root, "file")

    with pytest.raises(ConfigurationError, match="is no folder that can be read"):
        Folder(root / path)
