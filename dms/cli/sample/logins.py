"""The passwords of the sample people: drawn at random at the first loading, kept for their owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from dms.base.errors import ConfigurationError
from dms.base.ids import random_bytes

FILE = "demo-logins.json"

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that are read as another
_PARTS, _PART = 4, 5


@dataclass(frozen=True, slots=True)
class Logins:
    """A password for each person, and whether all of the sample archive was loaded."""

    passwords: Mapping[str, str] = field(repr=False)
    is_complete: bool = False


def read(home: Path) -> Logins | None:
    """Read the kept passwords; None if nothing was ever loaded here."""
    path = home / FILE
    try:
        kept = orjson.loads(path.read_bytes())
        return Logins(dict(kept["passwords"]), bool(kept["complete"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigurationError(
            f"`{path}` cannot be read: remove it together with the sample archive, and load that again"
        ) from error


def begin(home: Path, names: Iterable[str]) -> Logins:
    """Draw a password for each person and keep them, before anybody gets an account."""
    return _keep(home, Logins({name: _drawn() for name in names}))


def complete(home: Path, logins: Logins) -> Logins:
    """Note that everything was loaded."""
    return _keep(home, replace(logins, is_complete=True))


def _keep(home: Path, logins: Logins) -> Logins:
    content = {"complete": logins.is_complete, "passwords": dict(logins.passwords)}
    staged = home / f"{FILE}.new"
    staged.unlink(missing_ok=True)  # what a killed loading left
    descriptor = os.open(staged, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2))
        file.flush()
        os.fsync(file.fileno())
    staged.rename(home / FILE)
    return logins


def _drawn() -> str:
    """Draw 20 letters and digits, 99 bits, in parts that can be read aloud."""
    number = int.from_bytes(random_bytes(32), "big")  # so long that no letter is likelier than another
    letters = ""
    for _ in range(_PARTS * _PART):
        number, at = divmod(number, len(_LETTERS))
        letters += _LETTERS[at]
    return "-".join(letters[at : at + _PART] for at in range(0, len(letters), _PART))
