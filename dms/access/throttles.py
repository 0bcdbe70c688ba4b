"""Log-in throttles in the database: shared by processes, kept over a restart (R7)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, insert, select, update

from dms.base.canonical import sha256
from dms.base.clock import DAY, HOUR
from dms.models.users import LoginThrottle
from dms.rules.throttles import ACCOUNT, SOURCE, Allowance, Bucket, charged, must_wait, refunded

LOCK = "login_throttle"
"""Table that PostgreSQL locks first, so that tries at once are counted one after the other."""


@dataclass(frozen=True, slots=True)
class Key:
    """What tries are counted under; only a digest, since names tried may be mistyped passwords."""

    sha256_hex: str
    allowance: Allowance


def keys_of(source: str | None, *, name: str | None = None) -> tuple[Key, ...]:
    """Return the keys of a try: the source, and the name tried from that source.

    The name need not exist: an unknown one is throttled like any other (R4).
    """
    place = _network(source)
    by_source = Key(_digest("source", place), SOURCE)
    if name is None:
        return (by_source,)
    return (by_source, Key(_digest("account", place, name), ACCOUNT))


def charge(connection: Connection, keys: Sequence[Key], *, now: int) -> bool:
    """Count a try under every key; False, and nothing counted, if it comes too early for one."""
    known = _read(connection, keys)
    if any(
        key.sha256_hex in known and must_wait(known[key.sha256_hex], key.allowance, now=now) for key in keys
    ):
        # Written all the same: a try that is turned away must not be quicker than another (R4).
        for digest, bucket in known.items():
            _write(connection, digest, bucket, is_new=False)
        return False
    for key in keys:
        before = known.get(key.sha256_hex)
        after = charged(before, key.allowance, now=now)
        _write(connection, key.sha256_hex, after, is_new=before is None)
    return True


def refund(connection: Connection, keys: Sequence[Key], *, now: int) -> None:
    """Take back what `charge` counted, since the try was good; its account starts afresh."""
    known = _read(connection, keys)
    for key in keys:
        bucket = known.get(key.sha256_hex)
        if bucket is None:
            continue
        if key.allowance is ACCOUNT:
            connection.execute(delete(LoginThrottle).where(LoginThrottle.key_sha256 == key.sha256_hex))
        else:
            _write(connection, key.sha256_hex, refunded(bucket, key.allowance, now=now), is_new=False)


def sweep(connection: Connection, *, now: int) -> None:
    """Forget what time has emptied long ago."""
    stale = (LoginThrottle.touched_at < now - DAY) & (LoginThrottle.free_at < now - HOUR)
    connection.execute(delete(LoginThrottle).where(stale))


def _read(connection: Connection, keys: Sequence[Key]) -> dict[str, Bucket]:
    rows = connection.execute(
        select(
            LoginThrottle.key_sha256,
            LoginThrottle.failures,
            LoginThrottle.free_at,
            LoginThrottle.touched_at,
        ).where(LoginThrottle.key_sha256.in_([key.sha256_hex for key in keys]))
    )
    return {row[0]: Bucket(row[1], row[2], row[3]) for row in rows}


def _write(connection: Connection, digest: str, bucket: Bucket, *, is_new: bool) -> None:
    values = {
        "failures": bucket.failures,
        "free_at": bucket.free_at,
        "touched_at": bucket.touched_at,
    }
    if is_new:
        connection.execute(insert(LoginThrottle).values(key_sha256=digest, **values))
    else:
        connection.execute(update(LoginThrottle).where(LoginThrottle.key_sha256 == digest).values(**values))


def _network(source: str | None) -> str:
    """Return what one stranger commands: an IPv4 address, a /64 of IPv6."""
    try:
        address = ipaddress.ip_address(source or "")
    except ValueError:
        return source or "-"
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            return str(ipaddress.ip_network((address, 64), strict=False))
        address = address.ipv4_mapped
    return str(address)


def _digest(*parts: str) -> str:
    return sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hex()
