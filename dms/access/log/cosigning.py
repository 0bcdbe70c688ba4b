"""Asking witnesses to cosign the newest checkpoint, and putting what they signed under it."""

from __future__ import annotations

import http.client
import logging
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dms.access.log import keys, proofs
from dms.access.log.tilestore import TileFolder
from dms.base.clock import Clock, system_clock
from dms.base.errors import ConfigurationError
from dms.rules import signednotes
from dms.rules.checkpoints import Checkpoint
from dms.rules.signednotes import KeyKind, Note, Signature, VerifierKey
from dms.rules.witnessing import Addition

PATIENCE_S = 5.0
MAX_ANSWER_BYTES = 65_536

_log = logging.getLogger("dms.witnesses")


@dataclass(frozen=True, slots=True)
class Listed:
    """A witness as the policy file lists it."""

    name: str
    key: VerifierKey
    url: str


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Who is asked, and how many must agree."""

    witnesses: Sequence[Listed] = ()
    quorum: int = 0

    def agreed(self, note: Note) -> int:
        """Count the witnesses whose cosignature stands under a note."""
        return sum(keys.is_signed(note, each.key) for each in self.witnesses)


def read_policy(path: Path) -> WitnessPolicy:
    """Read a policy file: lines `witness NAME KEY URL` and one `quorum NUMBER`; `#` begins a remark."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"no witnesses can be read at `{path}`: {error}") from error
    found: list[Listed] = []
    quorum = 0
    for number, line in enumerate(text.splitlines(), start=1):
        match line.partition("#")[0].split():
            case []:
                continue
            case ["witness", name, key, url] if url.startswith(("http://", "https://")):
                found.append(Listed(name, _key(path, number, key), url.rstrip("/")))
            case ["quorum", count] if count.isdecimal():
                quorum = int(count)
            case _:
                raise ConfigurationError(
                    f"`{path}`, line {number}: write `witness NAME KEY URL` or `quorum NUMBER`"
                )
    if not found or not 1 <= quorum <= len(found):
        raise ConfigurationError(f"`{path}` must list witnesses, and a quorum of at most so many")
    return WitnessPolicy(found, quorum)


@dataclass(slots=True)
class Cosigner:
    """Asks the witnesses of a policy; knows of each the size that it knew last."""

    policy: WitnessPolicy
    clock: Clock = system_clock
    _sizes: dict[str, int] = field(default_factory=dict)

    def ask(self, folder: TileFolder) -> int:
        """Have the newest checkpoint cosigned, and return how many witnesses have done so."""
        checkpoint, text = proofs.latest(folder)
        note = signednotes.read(text)
        new: list[Signature] = []
        for witness in self.policy.witnesses:
            if checkpoint.size and not keys.is_signed(note, witness.key):
                new += self._cosigned(witness, folder, checkpoint, note)
        if new:
            note = Note(note.text, (*note.signatures, *new))
            folder.publish(str(note), at=self.clock())
        agreed = self.policy.agreed(note)
        if new and agreed >= self.policy.quorum:
            folder.publish_cosigned(str(note))
        return agreed

    def _cosigned(
        self, witness: Listed, folder: TileFolder, checkpoint: Checkpoint, note: Note
    ) -> Sequence[Signature]:
        """Return the cosignatures of one witness; one that cannot be reached, or disagrees, gives none."""
        try:
            status, answer = self._send(witness, folder, checkpoint, note)
            if status == 409:
                self._sizes[witness.name] = int(answer)
                status, answer = self._send(witness, folder, checkpoint, note)
            found = signednotes.read_signatures(answer) if status == 200 else ()
        except (OSError, http.client.HTTPException, ValueError) as error:
            _log.warning("witness_not_reached", extra={"witness": witness.name, "error": str(error)})
            return ()
        good = [each for each in found if keys.is_signed(Note(note.text, (each,)), witness.key)]
        if not good:
            _log.error("witness_disagrees", extra={"witness": witness.name, "status": status})
            return ()
        self._sizes[witness.name] = checkpoint.size
        return good[:1]

    def _send(
        self, witness: Listed, folder: TileFolder, checkpoint: Checkpoint, note: Note
    ) -> tuple[int, str]:
        old = self._sizes.get(witness.name, 0)
        if old > checkpoint.size:
            raise ValueError("the witness knows a longer log")
        proof = proofs.consistency(folder, old, size=checkpoint.size) if old else ()
        own = Note(note.text, tuple(each for each in note.signatures if each.name == checkpoint.origin))
        return _post(f"{witness.url}/add-checkpoint", str(Addition(old, proof, str(own))))


def _post(url: str, body: str) -> tuple[int, str]:
    request = urllib.request.Request(url, body.encode(), {"Content-Type": "text/plain"})  # noqa: S310  checked
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as answer:  # noqa: S310  checked when read
            return answer.status, answer.read(MAX_ANSWER_BYTES).decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read(MAX_ANSWER_BYTES).decode()


def _key(path: Path, number: int, text: str) -> VerifierKey:
    try:
        key = signednotes.read_key(text)
    except ValueError as error:
        raise ConfigurationError(f"`{path}`, line {number}: {error}") from error
    if key.kind is not KeyKind.COSIGNATURE:
        raise ConfigurationError(f"`{path}`, line {number}: this is no key of a witness")
    return key
