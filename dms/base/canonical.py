"""Canonical JSON: the bytes of an access event, hashed once and never written again.

Sorted keys, UTF-8, no spaces, integers only. Shape of a subset of RFC 8785 without numbers that
two writers could print differently.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

_REFUSAL = "canonical JSON holds text, integers, booleans, null, lists and objects only"

Canonical = None | bool | int | str | Sequence["Canonical"] | Mapping[str, "Canonical"]


def canonical_bytes(value: Canonical) -> bytes:
    """Write a value as canonical JSON; `TypeError` for floats and other types."""
    _check(value)
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def sha256(data: bytes) -> bytes:
    """Return the 32 bytes of SHA-256."""
    return hashlib.sha256(data).digest()


def digest(value: Canonical) -> str:
    """Return SHA-256 (hex) of the canonical bytes of a value."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _check(value: Canonical) -> None:
    match value:
        case None | bool() | int() | str():
            return
        case dict():
            for key, item in value.items():
                if not isinstance(key, str):
                    raise TypeError(_REFUSAL)
                _check(item)
        case list() | tuple():
            for item in value:
                _check(item)
        case _:
            raise TypeError(_REFUSAL)
