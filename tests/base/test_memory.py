"""Freed memory is kept for what comes next: pieces of 1 MiB come and go without faults."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

SCRIPT = """
import resource, sys
if sys.argv[1] == "kept":
    from dms.base import memory
    memory.keep_freed()
def move():
    pieces = [bytearray(1 << 20) for _ in range(6)]
move()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    move()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(manner):
    ran = subprocess.run([sys.executable, "-c", SCRIPT, manner], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc's malloc is told to keep memory")
def test_pieces_come_and_go_without_page_faults():
    assert (faults("kept") < 1_000, faults("not") > 10_000) == (True, True)
