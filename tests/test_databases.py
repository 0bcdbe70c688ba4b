"""What runs of the tests leave behind when they are killed, and what the next run does with it."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from tests import databases


def test_folder_of_a_killed_run_is_removed_though_its_server_is_gone(tmp_path):
    folder = run_elsewhere(tmp_path)
    (folder / "pg").mkdir()
    (folder / "pg" / "postmaster.pid").write_text(f"{dead_number()}\n{folder / 'pg'}\n")

    databases.sweep(tmp_path)

    assert not folder.exists()


def test_program_that_took_the_number_of_a_killed_server_lives_on(tmp_path):
    folder = run_elsewhere(tmp_path)
    (folder / "pg").mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        (folder / "pg" / "postmaster.pid").write_text(f"{bystander.pid}\n{folder / 'pg'}\n")

        databases.sweep(tmp_path)

        assert bystander.poll() is None
        bystander.communicate(b"\n")
    assert not folder.exists()
    assert bystander.returncode == 0


def test_folder_of_a_run_that_goes_on_stays(tmp_path):
    folder = tmp_path / "dms-tests-lives"
    folder.mkdir()
    databases._hold(folder)

    databases.sweep(tmp_path)

    assert folder.exists()


def test_folder_that_was_never_held_goes_after_an_hour(tmp_path):
    young, old = (tmp_path / f"dms-tests-{name}" for name in ("young", "old"))
    young.mkdir()
    old.mkdir()
    os.utime(old, (time.time() - 3601,) * 2)

    databases.sweep(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["dms-tests-young"]


def run_elsewhere(place):
    """Let another process begin a run in this place and end without clearing up."""
    folder = place / "dms-tests-killed"
    folder.mkdir()
    lines = "import sys, pathlib; from tests import databases; databases._hold(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", lines, folder], check=True)
    return folder


def dead_number():
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return ended.pid
