"""Passwords: what is accepted, and how one is hashed (`security.md` section 1, R2 and R3).

Hashing costs tens of milliseconds and megabytes by design. A server does it in `access.hashing`, a
command in its own process through `Hasher`.
"""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from argon2 import PasswordHasher, Type, extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError

from dms.base.errors import Invalid
from dms.base.ids import random_bytes

MIN_CHARACTERS = 8
MAX_BYTES = 1_024

SALT_BYTES = 16
HASH_BYTES = 32

_MIB = 1_024  # argon2 counts memory in KiB
_MIN_CONTEXT = 4

_COMMON = (
    "password passwort passwd passw0rd p@ssw0rd p@ssword geheim secret letmein welcome willkommen "
    "qwertyuiop qwertzuiop qwerty qwertz asdfghjkl asdfgh zxcvbnm yxcvbnm azerty 1qaz2wsx 1q2w3e4r "
    "1234567890 123456789 12345678 1234567 123456 12345 1234 0987654321 987654321 87654321 654321 4321 "
    "abcdefgh abcdef abcd abc123 changeme default iloveyou monkey dragon master sunshine princess "
    "football baseball superman batman shadow michael jordan summer winter spring autumn sommer "
    "january february october november december monday friday hello hallo login access "
    "administrator admin root user guest test temp trustno1 whatever starwars internet computer"
)
COMMON = frozenset(_COMMON.split())
"""Words that everybody tries first; they are no part of what makes a password long enough."""

CONTEXT = ("dms", "archive", "archiv", "records", "document", "repository")
"""Words that this product suggests by itself."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one argon2id hash costs."""

    passes: int
    memory_kib: int
    lanes: int = 1

    @property
    def cost(self) -> int:
        """Return a number that grows with the work of one guess."""
        return self.passes * self.memory_kib


PRESETS = {
    "default": Parameters(passes=2, memory_kib=19 * _MIB),
    "strong": Parameters(passes=3, memory_kib=64 * _MIB),
    "test": Parameters(passes=1, memory_kib=64),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a password was right, and its new hash if the stored one is weaker than today's."""

    matches: bool
    better_hash: str | None = None


class Hasher:
    """Hashes and verifies in the calling thread."""

    __slots__ = ("_argon2", "parameters")

    def __init__(self, parameters: Parameters) -> None:
        self.parameters = parameters
        self._argon2 = PasswordHasher(
            time_cost=parameters.passes,
            memory_cost=parameters.memory_kib,
            parallelism=parameters.lanes,
            hash_len=HASH_BYTES,
            salt_len=SALT_BYTES,
            type=Type.ID,
        )

    def hash(self, password: str) -> str:
        """Hash an accepted password with a new salt; the result names its own parameters."""
        return self._argon2.hash(_normal(password), salt=random_bytes(SALT_BYTES))

    def verify(self, stored: str, password: str) -> Verdict:
        """Compare a password with a stored hash, and hash it anew if the parameters have risen."""
        try:
            self._argon2.verify(stored, _normal(password))
        except (VerificationError, InvalidHashError, UnicodeEncodeError):
            return Verdict(matches=False)
        if is_weaker(stored, self.parameters):
            return Verdict(matches=True, better_hash=self.hash(password))
        return Verdict(matches=True)


def is_weaker(stored: str, wanted: Parameters) -> bool:
    """Tell whether a stored hash costs a guesser less than the wanted parameters."""
    found = extract_parameters(stored)
    return found.type is not Type.ID or found.time_cost * found.memory_cost < wanted.cost


def dummy_hash(parameters: Parameters) -> str:
    """Return a hash that no password matches and that costs as much to verify as a real one.

    An unknown account is verified against it, so that the time of the answer tells nothing (R4).
    """
    p = parameters
    salt, value = _base64(random_bytes(SALT_BYTES)), _base64(random_bytes(HASH_BYTES))
    return f"$argon2id$v=19$m={p.memory_kib},t={p.passes},p={p.lanes}${salt}${value}"


def accept(password: str, *, context: Iterable[str] = (), path: tuple[str, ...] = ("password",)) -> str:
    """Return a password in the form that is hashed, or raise `Invalid` and say what to change.

    `context` holds words a stranger would guess: the names of the account and of the repository.
    Common and context words do not count towards the eight characters; nothing else is asked of a
    password (no kinds of characters, no forced change: NIST SP 800-63B-4, section 3.1.1.2).
    """
    clean = _normal(password)
    try:
        size = len(clean.encode())
    except UnicodeEncodeError as error:
        raise Invalid("holds characters that no text may hold", path=path) from error
    if len(clean) < MIN_CHARACTERS:
        raise Invalid(f"must have at least {MIN_CHARACTERS} characters; 15 or more are better", path=path)
    if size > MAX_BYTES:
        raise Invalid(f"must have at most {MAX_BYTES} bytes, not {size}", path=path)
    if len(_without_words(clean, context)) < MIN_CHARACTERS:
        raise Invalid(
            "is too easy to guess: common words, the name of the account and repeated characters "
            f"do not count towards the {MIN_CHARACTERS} characters",
            path=path,
        )
    return clean


def _normal(password: str) -> str:
    return unicodedata.normalize("NFC", password)


def _without_words(clean: str, context: Iterable[str]) -> str:
    rest = clean.casefold()
    for word in sorted(COMMON.union(CONTEXT, _words(context)), key=len, reverse=True):
        rest = rest.replace(word, "")
    return re.sub(r"(.)\1{2,}", r"\1", rest, flags=re.DOTALL)


def _words(context: Iterable[str]) -> list[str]:
    found = [word for text in context for word in re.split(r"[\W_]+", text.casefold())]
    return [word for word in found if len(word) >= _MIN_CONTEXT]


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii").rstrip("=")
