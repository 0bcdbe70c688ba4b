"""Log-in, log-out and one-time codes (`security.md` section 1).

The order is always: a seat in the hash pool, the throttles, the comparison outside any transaction,
then one unit of work with its access event. Whatever is wrong, the answer is the same.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field, replace
from uuid import UUID

from sqlalchemy import Connection, select, update

from dms.access import passwords, throttles, tokens
from dms.access.hashing import Pool
from dms.access.passwords import Verdict
from dms.access.tokens import Issued, Minted, Sign
from dms.base.actor import Actor, ActorKind
from dms.base.canonical import sha256
from dms.base.clock import HOUR, Instant
from dms.base.errors import Invalid, Unauthenticated
from dms.models.users import (
    Account,
    OneTimeCode,
    Principal,
    PrincipalKind,
    PrincipalStatus,
    TokenKind,
)
from dms.rules.accessevents import Op
from dms.stores import upkeep
from dms.stores.work import Work, Works, session_of

CODE_LIFE = 24 * HOUR
MAX_NAME = 200

REFUSED = "name or password is wrong"
CODE_REFUSED = "the code is wrong, used or expired: ask an administrator for a new one"


@dataclass(frozen=True, slots=True)
class Entrance:
    """What log-in works with."""

    works: Works
    pool: Pool
    idle_s: int
    absolute_s: int
    context: tuple[str, ...] = ()
    """Words that nobody may use as a password here, such as the name of the Repository."""


@dataclass(frozen=True, slots=True)
class Code:
    """A one-time code as it is shown, once."""

    text: str = field(repr=False)
    expires_at: Instant


@dataclass(frozen=True, slots=True)
class _Known:
    """An account as it was before its password was compared."""

    principal_id: UUID
    is_active: bool
    password_hash: str | None = field(repr=False)
    changed_at: int | None


@dataclass(frozen=True, slots=True)
class _Try:
    """One try to log in, up to the comparison."""

    name: str = field(repr=False)
    keys: tuple[throttles.Key, ...]
    known: _Known | None
    is_throttled: bool


def log_in(entrance: Entrance, actor: Actor, *, name: str, password: str) -> Issued:
    """Check a password and return a new session's token.

    Raises `Unauthenticated` with one message for every reason (R4), `Busy` when too many try at once
    (R5). Costs two short transactions and one password hash.
    """
    with entrance.pool.seat() as seat:
        tried = _try(entrance, actor, name=_as_name(name))
        verdict = Verdict(matches=False)
        if not tried.is_throttled:
            verdict = seat.verify(tried.known.password_hash if tried.known else None, password)
    if tried.is_throttled:
        entrance.pool.pretend()
    flaw = _flaw(tried, verdict)
    if flaw is None and tried.known is not None:
        issued = _open_session(entrance, actor, tried=tried, known=tried.known, verdict=verdict)
        if issued is not None:
            return issued
    else:
        entrance.works.read(actor, lambda work: _refuse(work, tried, reason=flaw or "unknown"))
    raise Unauthenticated(REFUSED)


def log_out(entrance: Entrance, actor: Actor) -> None:
    """End the session that the actor came with; `Invalid` if it came with a key."""

    def body(work: Work) -> None:
        work.performs(Op.SESSION_END)
        if actor.session_id is None or not tokens.end_session(work, actor.session_id):
            raise Invalid("only a session logs out: a key is revoked instead")
        work.notes.detail["session"] = actor.session_id.hex

    entrance.works.write(actor, body)


def start_reset(work: Work, principal_id: UUID) -> Code:
    """Make a code with which its holder chooses the password of an account, once; older ones end."""
    end_codes(work, principal_id)
    minted = tokens.mint(Sign.CODE)
    expires_at = Instant(work.now + CODE_LIFE)
    work.add(
        OneTimeCode(
            id=minted.id,
            principal_id=principal_id,
            code_sha256=minted.sha256_hex,
            created_at=work.now,
            expires_at=expires_at,
        )
    )
    return Code(minted.text, expires_at)


def end_codes(work: Work, principal_id: UUID) -> None:
    """Let every code of an account that is still good expire now."""
    session_of(work).execute(
        update(OneTimeCode)
        .where(OneTimeCode.principal_id == principal_id, OneTimeCode.expires_at > work.now)
        .values(expires_at=work.now)
    )


def use_code(entrance: Entrance, actor: Actor, *, code: str, password: str) -> None:
    """Choose a password with a one-time code; every session of the account ends (R10).

    Raises `Unauthenticated` with one message whatever is wrong with the code, `Invalid` for a
    password that is not accepted (the code stays good).
    """
    digest = tokens.digest_of(code.strip(), Sign.CODE) or ""
    password_hash = ""
    with entrance.pool.seat() as seat:
        found = _code_holder(entrance, actor, digest=digest)
        if found is not None:
            accepted = passwords.accept(password, context=(*found[1], *entrance.context))
            password_hash = seat.hash(accepted)
    if found is None:
        entrance.works.read(actor, _refuse_code)
        raise Unauthenticated(CODE_REFUSED)
    was_used = entrance.works.write(
        _as_account(actor, found[0]),
        lambda work: _take_code(work, digest, password_hash=password_hash),
    )
    if not was_used:
        raise Unauthenticated(CODE_REFUSED)


def set_password(work: Work, principal_id: UUID, *, password_hash: str) -> None:
    """Give an account a password that was hashed before this transaction began."""
    session_of(work).execute(
        update(Account)
        .where(Account.principal_id == principal_id)
        .values(password_hash=password_hash, password_changed_at=work.now)
    )


def _as_name(name: str) -> str:
    """Return the name as accounts are written; what no database can hold names nobody."""
    clean = unicodedata.normalize("NFC", name).strip().lower()[:MAX_NAME]
    return clean.replace("\0", "?").encode(errors="replace").decode()


def _as_account(actor: Actor, principal_id: UUID, *, session_id: UUID | None = None) -> Actor:
    return replace(actor, kind=ActorKind.USER, principal_id=principal_id, session_id=session_id)


def _try(entrance: Entrance, actor: Actor, *, name: str) -> _Try:
    """Ask the throttles and look for the account: the same statements, whatever there is."""
    database, now = entrance.works.database, entrance.works.clock()
    keys = throttles.keys_of(actor.source.address, name=name)
    with upkeep.writing(database, locks=(throttles.LOCK,)) as connection:
        is_free = throttles.charge(connection, keys, now=now)
        return _Try(name, keys, _known(connection, name), not is_free)


def _known(connection: Connection, name: str) -> _Known | None:
    row = connection.execute(
        select(Principal.id, Principal.status, Account.password_hash, Account.password_changed_at)
        .join(Account, Account.principal_id == Principal.id)
        .where(Principal.kind == PrincipalKind.USER, Principal.name == name)
    ).one_or_none()
    if row is None:
        return None
    is_active = row.status is PrincipalStatus.ACTIVE
    return _Known(row.id, is_active, row.password_hash, row.password_changed_at)


def _flaw(tried: _Try, verdict: Verdict) -> str | None:
    """Name what is wrong, for the access log only; None when nothing is."""
    if tried.is_throttled:
        return "throttled"
    if tried.known is None:
        return "unknown"
    if not tried.known.is_active:
        return "disabled"
    return None if verdict.matches else "wrong_password"


def _open_session(
    entrance: Entrance, actor: Actor, *, tried: _Try, known: _Known, verdict: Verdict
) -> Issued | None:
    """Start a session; None if the account changed while its password was compared."""
    minted = tokens.mint(Sign.SESSION)

    def body(work: Work) -> Issued | None:
        account = session_of(work).get(Account, known.principal_id)
        principal = session_of(work).get(Principal, known.principal_id)
        if account is None or principal is None or principal.status is not PrincipalStatus.ACTIVE:
            _refuse(work, tried, reason="disabled")
            return None
        # Not the hash itself: another log-in may have raised its parameters meanwhile.
        if account.password_changed_at != known.changed_at:
            _refuse(work, tried, reason="wrong_password")
            return None
        account.password_hash = verdict.better_hash or account.password_hash
        return _start(entrance, work, tried=tried, principal_id=principal.id, minted=minted)

    owner = _as_account(actor, known.principal_id, session_id=minted.id)
    return entrance.works.write(owner, body, locks=(throttles.LOCK,))


def _start(entrance: Entrance, work: Work, *, tried: _Try, principal_id: UUID, minted: Minted) -> Issued:
    connection = session_of(work).connection()
    throttles.refund(connection, tried.keys, now=work.now)
    throttles.sweep(connection, now=work.now)
    work.performs(Op.SESSION_START)
    work.notes.detail.update(account=principal_id.hex, session=minted.id.hex, method="password")
    return tokens.issue(
        work,
        principal_id,
        kind=TokenKind.SESSION,
        idle_s=entrance.idle_s,
        absolute_s=entrance.absolute_s,
        note="log-in",
        minted=minted,
    )


def _refuse(work: Work, tried: _Try, *, reason: str) -> None:
    work.performs(Op.SESSION_REFUSED)
    principal_id = tried.known.principal_id if tried.known else None
    work.refuses(principal_id, action="log_in", reason=reason, exists=principal_id is not None)
    work.notes.detail["method"] = "password"
    if principal_id is not None:
        work.notes.detail["account"] = principal_id.hex
    else:
        # Only a digest: people type their password into the field of the name.
        work.notes.detail["name_sha256"] = sha256(tried.name.encode()).hex()


def _code_holder(entrance: Entrance, actor: Actor, *, digest: str) -> tuple[UUID, tuple[str, str]] | None:
    """Return the account of a code that is still good, and the names that its password must not be."""
    keys = throttles.keys_of(actor.source.address)
    database, now = entrance.works.database, entrance.works.clock()
    with upkeep.writing(database, locks=(throttles.LOCK,)) as connection:
        if not throttles.charge(connection, keys, now=now):
            return None
        row = connection.execute(
            select(Principal.id, Principal.name, Principal.display_name)
            .join(OneTimeCode, OneTimeCode.principal_id == Principal.id)
            .where(
                OneTimeCode.code_sha256 == digest,
                OneTimeCode.used_at.is_(None),
                OneTimeCode.expires_at > now,
                Principal.status == PrincipalStatus.ACTIVE,
            )
        ).one_or_none()
        if row is None:
            return None
        throttles.refund(connection, keys, now=now)
    return row.id, (row.name, row.display_name)


def _take_code(work: Work, digest: str, *, password_hash: str) -> bool:
    """Spend the code and set the password; False if somebody was quicker."""
    work.performs(Op.CODE_USED)
    spent = (
        update(OneTimeCode)
        .where(
            OneTimeCode.code_sha256 == digest,
            OneTimeCode.used_at.is_(None),
            OneTimeCode.expires_at > work.now,
        )
        .values(used_at=work.now)
        .returning(OneTimeCode.principal_id)
    )
    principal_id = session_of(work).execute(spent).scalar_one_or_none()
    principal = session_of(work).get(Principal, principal_id) if principal_id else None
    if principal is None or principal.status is not PrincipalStatus.ACTIVE:
        work.refuses(work.actor.principal_id, action="use_code", reason="code", exists=True)
        return False
    set_password(work, principal.id, password_hash=password_hash)
    tokens.end_sessions(work, principal.id)
    revision = principal.revision
    work.changed(principal.id, before=revision, after=revision, old={}, new={"password": "chosen"})
    return True


def _refuse_code(work: Work) -> None:
    work.performs(Op.CODE_USED)
    work.refuses(None, action="use_code", reason="code", exists=False)
