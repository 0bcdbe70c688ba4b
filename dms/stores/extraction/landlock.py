"""Closing the files of the machine to a process that reads content, with Landlock of Linux (5.13 and later).

Whoever takes over a reader would else read what the server's account may: keys, database, other contents.
Where the kernel has no Landlock the other limits hold.
"""

from __future__ import annotations

import ctypes
import os
import struct
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from pathlib import Path

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_ASK_VERSION, _BENEATH = 1, 1
_EXECUTE, _READ_FILE, _READ_FOLDER = 1, 4, 8
_ON_FILES = _EXECUTE | _READ_FILE
_RIGHTS = {1: 13, 2: 14, 3: 15, 5: 16}
"""How many rights over files each version of Landlock knows, from the lowest bit."""

_NET_SINCE, _SCOPES_SINCE = 4, 6
_ALL = 3
"""Both rights over TCP, and both scopes: sockets without a name, and signals."""

_SYSTEM = ("/usr", "/lib", "/lib64", "/bin", "/nix/store", "/etc/ld.so.cache")
_PACKAGES = frozenset({"site-packages", "dist-packages"})


def version() -> int:
    """Return the version of Landlock of this kernel, 0 if it has none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(int(libc.syscall(_CREATE, None, 0, _ASK_VERSION)), 0)


def for_readers() -> dict[str, int]:
    """Return what readers must reach: the library of Python, since codecs are loaded when they are met."""
    packages = {each for each in sys.path if Path(each).name in _PACKAGES}
    library = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    return dict.fromkeys(packages | library, _READ_FILE | _READ_FOLDER)


def for_program(path: str, environment: Mapping[str, str]) -> dict[str, int]:
    """Return what a program must reach: the system's libraries, what was installed with it, its data."""
    folder = Path(path).resolve().parent
    beside = [folder.parent / name for name in ("lib", "share")] if folder.name == "bin" else []
    data = environment.get("TESSDATA_PREFIX")
    places = [*_SYSTEM, sys.prefix, sys.base_prefix, str(folder), *map(str, beside), *filter(None, [data])]
    return dict.fromkeys(places, _EXECUTE | _READ_FILE | _READ_FOLDER)


def ruleset(but: Mapping[str, int]) -> int | None:
    """Return a descriptor of rules that close all files but these; None without Landlock."""
    known = version()
    if not known:
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    handled = (1 << _RIGHTS[max(each for each in _RIGHTS if each <= known)]) - 1
    words = [handled, *([_ALL] * (known >= _NET_SINCE)), *([_ALL] * (known >= _SCOPES_SINCE))]
    attributes = struct.pack(f"{len(words)}Q", *words)
    made = int(libc.syscall(_CREATE, attributes, len(attributes), 0))
    if made < 0:
        return None
    _allow(libc, made, but.items())
    return made


def close(rules: int | None) -> bool:
    """Hold this process to the rules for the rest of its life; False without Landlock.

    It must have given up new privileges. What is open stays open.
    """
    if rules is None:
        return False
    return bool(ctypes.CDLL(None, use_errno=True).syscall(_RESTRICT, rules, 0) == 0)


def _allow(libc: ctypes.CDLL, rules: int, places: Iterable[tuple[str, int]]) -> None:
    for place, rights in places:
        try:
            descriptor = os.open(place, os.O_PATH | os.O_CLOEXEC)
        except OSError:  # not on this machine
            continue
        allowed = rights if Path(place).is_dir() else rights & _ON_FILES
        libc.syscall(_ADD, rules, _BENEATH, struct.pack("=Qi", allowed, descriptor), 0)
        os.close(descriptor)
