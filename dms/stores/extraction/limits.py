"""What a process may use that reads one content: little memory and time, no files, no network, no children.

Linux has all of it; where something is missing the rest holds.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from pathlib import Path

MEMORY_BYTES = 512 << 20
"""Address space beside what the process begins with, and beside the content itself."""

CPU_S = 30
WALL_S = 60
DESCRIPTORS = 32
NOT_FOUND = 127
"""How a process ends whose program is not there, as shells have it."""

DESCRIPTORS_BEFORE = 1_024
"""More than the process has open from which others are forked."""

_NO_NEW_PRIVILEGES, _DUMPABLE, _DIE_WITH_PARENT = 38, 4, 1  # prctl(2)
_NEW_USERS, _NEW_NETWORK = 0x10000000, 0x40000000  # unshare(2)


def leave_network() -> bool:
    """Give this process and its children a network of their own with nothing in it; False if that fails."""
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "unshare"):
        return False
    return any(libc.unshare(flags) == 0 for flags in (_NEW_NETWORK, _NEW_USERS | _NEW_NETWORK))


def confine(*, content_bytes: int, cpu_s: int = CPU_S) -> None:
    """Bind this process, which maps so large a content, for the rest of its life; also as another program."""
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        libc.prctl(_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(_DIE_WITH_PARENT, int(signal.SIGKILL), 0, 0, 0)
    with contextlib.suppress(OSError):
        os.nice(10)
    bounds = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_AS: _address_space() + content_bytes + MEMORY_BYTES,
        resource.RLIMIT_CPU: cpu_s,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: DESCRIPTORS,
        resource.RLIMIT_NPROC: 0,
    }
    for kind, bound in bounds.items():
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (bound, bound))


def _address_space() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0]) * resource.getpagesize()
    except OSError:
        return MEMORY_BYTES
