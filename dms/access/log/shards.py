"""Where the log's files and keys lie: a folder for each shard, the public keys, and the key file outside.

A shard is a tree with an origin of its own. There is one, until the log is begun anew (`dms log restart`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dms.access.log import keys, tilestore
from dms.access.log.keys import Signer
from dms.access.log.tilestore import TileFolder
from dms.base.errors import ConfigurationError, NotFound, Unavailable
from dms.base.settings import Settings, host_name
from dms.rules import signednotes
from dms.rules.signednotes import VerifierKey

PLACE = "log_place"
"""Key of a unit of work's memory under which `house` hands on the place."""

KEYS = "keys"
"""The file of all public keys that ever signed, one on a line: who was given them elsewhere believes more."""


@dataclass(frozen=True, slots=True)
class LogPlace:
    """Where the files of an installation's log lie."""

    root: Path
    key_path: Path
    host: str
    home: Path

    def shards(self) -> Sequence[int]:
        """Return the numbers of the shards, the oldest first."""
        if not self.root.is_dir():
            return []
        return sorted(int(folder.name) for folder in self.root.iterdir() if folder.name.isdigit())

    def shard(self, number: int | None = None) -> TileFolder:
        """Return the folder of a shard, without a number of the newest; `Unavailable` if there is none."""
        found = self.shards()
        if not found or (number is not None and number not in found):
            raise Unavailable("the access log has no files yet: run `dms log init`")
        return TileFolder(self.root / str(number or found[-1]))

    def file(self, shard: int, path: str) -> bytes:
        """Return a file of a shard as it lies there; `NotFound` if there is none."""
        try:
            return (self.root / str(shard) / path).read_bytes()
        except FileNotFoundError:
            raise NotFound(f"the access log has no file `{shard}/{path}`") from None

    def signers(self) -> Sequence[Signer]:
        """Read the keys that sign; `ConfigurationError` says why they cannot be read."""
        return keys.read_file(self.key_path)

    def known_keys(self) -> list[VerifierKey]:
        """Return all public keys that this log ever had."""
        file = self.root / KEYS
        if not file.exists():
            return []
        try:
            lines = file.read_text(encoding="utf-8").splitlines()
            return [signednotes.read_key(line) for line in lines if line.strip()]
        except ValueError as error:
            raise ConfigurationError(f"`{file}` is no list of verifier keys: {error}") from error

    def publish(self, found: Sequence[Signer]) -> None:
        """Add the public keys of signers to those that are known."""
        known = self.known_keys()
        new = [signer.verifier for signer in found if signer.verifier not in known]
        if new:
            text = "".join(f"{key}\n" for key in [*known, *new])
            tilestore.put(self.root / KEYS, text.encode())

    def origin(self, shard: int) -> str:
        """Return the origin of a shard, which is also the name of its keys."""
        return f"{self.host}/log/{shard}"


def place_of(settings: Settings) -> LogPlace:
    """Return the place that an installation's settings name."""
    host = settings.log_origin or host_name()
    return LogPlace(settings.log_root, settings.log_key_path, host, settings.home)
