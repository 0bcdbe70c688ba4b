"""Canonical JSON: the bytes of an access event, hashed once and never written again.

Sorted keys, UTF-8, no spaces, integers only. Shape of a subset of RFC 8785 without numbers that
two writers could print differently.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence

import orjson

_REFUSAL = "canonical JSON holds text, integers, booleans, null, lists and objects only"

_PLAIN = frozenset({str, int, bool, type(None)})

Canonical = None | bool | int | str | Sequence["Canonical"] | Mapping[str, "Canonical"]


def canonical_bytes(value: Canonical) -> bytes:
    """Write a value as canonical JSON; `TypeError` for floats and other types."""
    _check(value)
    return trusted_bytes(value)


def trusted_bytes(value: Canonical) -> bytes:
    """Write a value whose parts are canonical by their types, without looking at each again."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return _written_slowly(value)


def sha256(data: bytes) -> bytes:
    """Return the 32 bytes of SHA-256."""
    return hashlib.sha256(data).digest()


def digest(value: Canonical) -> str:
    """Return SHA-256 (hex) of the canonical bytes of a value."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def _written_slowly(value: Canonical) -> bytes:
    # The same bytes; orjson stops at integers of more than 64 bits and at 254 levels.
    return json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    ).encode("utf-8")


def _check(value: Canonical) -> None:
    if isinstance(value, list | tuple):
        _check_all(value)
    elif isinstance(value, dict):
        _check_all(value.values())
        if not all(isinstance(key, str) for key in value):
            raise TypeError(_REFUSAL)
    elif value is not None and not isinstance(value, str | int):
        raise TypeError(_REFUSAL)


def _check_all(values: Iterable[Canonical]) -> None:
    for item in values:
        if type(item) not in _PLAIN:  # most are: a call for each would be most of the cost
            _check(item)
