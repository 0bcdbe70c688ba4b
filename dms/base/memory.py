"""What the C library does with memory that is freed."""

from __future__ import annotations

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h

KEPT_BYTES = 8 << 20
"""Of freed memory so much is kept at the end of each heap; uploads and downloads move pieces of 1 MiB."""

LARGE_BYTES = 4 << 20
"""What is smaller comes from a heap."""


def keep_freed() -> None:
    """Keep some freed memory for what is allocated next, where the C library can be told to.

    glibc gives pieces of more than 128 KiB back to the system at once, and has each of their pages brought
    in again for the next piece, which costs more than receiving and copying them.
    """
    with suppress(OSError, AttributeError):  # another C library: it does as it likes
        adjust = ctypes.CDLL(None).mallopt
        adjust(_MMAP_THRESHOLD, LARGE_BYTES)
        adjust(_TRIM_THRESHOLD, KEPT_BYTES)
