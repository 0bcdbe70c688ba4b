"""Opaque bearer tokens and one-time codes: random bits that mean nothing without our table.

A token is its kind, 256 random bits and a checksum. Only its SHA-256 is kept: a copy of the database
logs nobody in, and a slow hash would add nothing to 256 bits (`security.md` section 1).
"""

from __future__ import annotations

import re
import zlib
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlalchemy import ColumnElement, bindparam, select, update
from sqlalchemy.exc import DBAPIError

from dms.base.canonical import sha256
from dms.base.clock import SECOND, Instant
from dms.base.errors import Busy, Unauthenticated
from dms.base.ids import new_id, random_bytes
from dms.models.users import (
    BearerToken,
    Principal,
    PrincipalKind,
    PrincipalStatus,
    TokenKind,
)
from dms.rules.sessions import Term, is_current, is_touch_due
from dms.stores import upkeep
from dms.stores.engine import Database, is_retryable
from dms.stores.work import Work, session_of

RANDOM_BYTES = 32

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_BODY = 43
_CHECK = 6
_TOKEN = re.compile(rf"dms_([a-z])_([0-9A-Za-z]{{{_BODY}}})([0-9A-Za-z]{{{_CHECK}}})")


class Sign(StrEnum):
    """The letter that tells people and secret scanners what they are looking at."""

    SESSION = "s"
    KEY = "k"
    CODE = "c"


_SIGNS = {TokenKind.SESSION: Sign.SESSION, TokenKind.KEY: Sign.KEY}

# One statement object for all: SQLAlchemy adapts what it cached to every other one anew.
_HOLDER = (
    select(
        BearerToken.id,
        BearerToken.principal_id,
        BearerToken.kind,
        BearerToken.created_at,
        BearerToken.last_used_at,
        BearerToken.idle_s,
        BearerToken.expires_at,
        BearerToken.ended_at,
        Principal.kind.label("principal_kind"),
        Principal.status,
    )
    .join(Principal, Principal.id == BearerToken.principal_id)
    .where(BearerToken.token_sha256 == bindparam("digest"))
)


@dataclass(frozen=True, slots=True)
class Minted:
    """A new secret, shown once, with the id and digest under which it is kept."""

    id: UUID
    text: str = field(repr=False)
    sha256_hex: str


@dataclass(frozen=True, slots=True)
class Issued:
    """A token as it is handed to its owner."""

    token: str = field(repr=False)
    token_id: UUID
    principal_id: UUID
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose token it is; `is_touch_due` asks for `touch` after the answer."""

    principal_id: UUID
    principal_kind: PrincipalKind
    token_id: UUID
    token_kind: TokenKind
    is_touch_due: bool


def mint(sign: Sign) -> Minted:
    """Make a new secret of this kind."""
    head = f"dms_{sign}_{_base62(int.from_bytes(random_bytes(RANDOM_BYTES), 'big'), _BODY)}"
    text = head + _checksum(head)
    return Minted(new_id(), text, sha256(text.encode("ascii")).hex())


def digest_of(text: str, *signs: Sign) -> str | None:
    """Return the digest under which a secret is kept; None if it cannot be one of these kinds.

    The checksum spares the database what was mistyped, and says nothing about what is real.
    """
    found = _TOKEN.fullmatch(text)
    if found is None or found[1] not in signs:
        return None
    if _checksum(text[:-_CHECK]) != found[3]:
        return None
    return sha256(text.encode("ascii")).hex()


def issue(
    work: Work,
    principal_id: UUID,
    *,
    kind: TokenKind,
    idle_s: int,
    absolute_s: int,
    note: str,
    minted: Minted | None = None,
) -> Issued:
    """Give an account a token; `minted` is one that the caller had to know before."""
    secret = minted or mint(_SIGNS[kind])
    expires_at = Instant(work.now + absolute_s * SECOND)
    work.add(
        BearerToken(
            id=secret.id,
            principal_id=principal_id,
            kind=kind,
            token_sha256=secret.sha256_hex,
            note=note,
            created_at=work.now,
            last_used_at=work.now,
            idle_s=idle_s,
            expires_at=expires_at,
        )
    )
    return Issued(secret.text, secret.id, principal_id, expires_at)


def look_up(database: Database, token: str, *, now: int) -> Holder | None:
    """Return who holds a token; None for every reason for which it does not count.

    Found by its digest, which nobody can steer towards a stored one: how long the search takes
    tells nothing about any token.
    """
    digest = digest_of(token, Sign.SESSION, Sign.KEY)
    if digest is None:
        return None
    with upkeep.reading(database) as connection:
        row = connection.execute(_HOLDER, {"digest": digest}).one_or_none()
    if row is None or row.status is not PrincipalStatus.ACTIVE:
        return None
    term = Term(row.created_at, row.last_used_at, row.idle_s, row.expires_at, row.ended_at)
    if not is_current(term, now=now):
        return None
    due = is_touch_due(term, now=now)
    return Holder(row.principal_id, row.principal_kind, row.id, row.kind, is_touch_due=due)


def touch(database: Database, token_id: UUID, *, now: int) -> bool:
    """Write the last use of a token, outside any operation; False if others were in the way.

    Inside the operations it would make those of one person fail each other. What fails here is
    tried again with the next request.
    """
    statement = (
        update(BearerToken)
        .where(BearerToken.id == token_id, BearerToken.ended_at.is_(None))
        .where(BearerToken.last_used_at < now)
        .values(last_used_at=now)
    )
    try:
        with upkeep.writing(database, patience_s=0.25) as connection:
            connection.execute(statement)
    except Busy:
        return False
    except DBAPIError as error:
        if not is_retryable(error):
            raise
        return False
    return True


def require_living(database: Database, token_id: UUID | None) -> None:
    """Raise `Unauthenticated` if a token was ended while its request runs; None, of no token, passes.

    Idle time does not count here: the request is the use.
    """
    with upkeep.reading(database) as connection:
        ended = select(BearerToken.id).where(BearerToken.id == token_id, BearerToken.ended_at.is_not(None))
        if connection.execute(ended).first() is not None:
            raise Unauthenticated("the session was ended")


def end(work: Work, token_id: UUID) -> bool:
    """End one token; False if it had ended before."""
    return _end(work, BearerToken.id == token_id) == 1


def end_session(work: Work, token_id: UUID) -> bool:
    """End one session; False if it had ended before, or is a key."""
    return _end(work, BearerToken.id == token_id, BearerToken.kind == TokenKind.SESSION) == 1


def end_sessions(work: Work, principal_id: UUID) -> int:
    """End every session of an account and return how many there were; its keys stay."""
    return _end(work, BearerToken.principal_id == principal_id, BearerToken.kind == TokenKind.SESSION)


def _end(work: Work, *conditions: ColumnElement[bool]) -> int:
    ended = (
        update(BearerToken)
        .where(*conditions, BearerToken.ended_at.is_(None))
        .values(ended_at=work.now)
        .returning(BearerToken.id)
    )
    return len(session_of(work).execute(ended).all())


def _checksum(head: str) -> str:
    return _base62(zlib.crc32(head.encode("ascii")), _CHECK)


def _base62(number: int, length: int) -> str:
    digits = []
    for _ in range(length):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
