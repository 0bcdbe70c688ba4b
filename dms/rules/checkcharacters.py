"""Check characters of ISO/IEC 7064: what tells a code that was typed wrong from one that was made.

Only the digits and the letters A to Z of a code count, small ones as capitals; what stands between them for
the eye does not.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUES = {char: value for value, char in enumerate(_ALPHABET)}
_DIGITS = frozenset("0123456789")


class CheckSystem(StrEnum):
    """Ways to compute check characters, as the standard calls them."""

    MOD37_36 = "mod37-36"
    """One digit or letter, over digits and letters."""
    MOD97_10 = "mod97-10"
    """Two digits, over digits and letters, of which each letter counts as two digits."""
    MOD11_2 = "mod11-2"
    """One digit or X, over digits alone."""


def check(code: str, *, system: CheckSystem) -> str:
    """Return the check characters that go at the end of a code."""
    covered = _covered(code, system)
    match system:
        case CheckSystem.MOD37_36:
            return _mod37_36(covered)
        case CheckSystem.MOD97_10:
            return _mod97_10(covered)
        case CheckSystem.MOD11_2:
            return _mod11_2(covered)
        case _:
            assert_never(system)


def length(system: CheckSystem) -> int:
    """Return how many check characters a system gives."""
    return 2 if system is CheckSystem.MOD97_10 else 1


def holds(code: str, *, system: CheckSystem) -> bool:
    """Tell whether a code ends with the check characters of what stands before them."""
    size = length(system)
    return check(code[:-size], system=system) == code[-size:].upper()


def _covered(code: str, system: CheckSystem) -> str:
    counted = _DIGITS if system is CheckSystem.MOD11_2 else _VALUES.keys()
    return "".join(char for char in code.upper() if char in counted)


def _mod37_36(covered: str) -> str:
    product = 36
    for char in covered:
        total = (product + _VALUES[char]) % 36 or 36
        product = total * 2 % 37
    return _ALPHABET[(37 - product) % 36]


def _mod97_10(covered: str) -> str:
    digits = "".join(str(_VALUES[char]) for char in covered)
    return f"{98 - int(digits + '00') % 97:02}"


def _mod11_2(covered: str) -> str:
    product = 0
    for char in covered:
        product = (product + _VALUES[char]) * 2 % 11
    return "0123456789X"[(12 - product) % 11]
