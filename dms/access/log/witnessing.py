"""A witness: keeps the last checkpoint that it cosigned of each log, and agrees only to what continues it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from dms.access.log import keys, tilestore
from dms.access.log.keys import Signer
from dms.base.clock import SECOND, Clock, system_clock
from dms.rules import checkpoints, signednotes, witnessing
from dms.rules.checkpoints import Checkpoint
from dms.rules.signednotes import Note, VerifierKey
from dms.rules.witnessing import Verdict


@dataclass(frozen=True, slots=True)
class Answer:
    """What a witness answers: cosignature lines, the size that it knows, or what is wrong."""

    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness of the logs whose public keys it was given."""

    folder: Path
    signer: Signer
    logs: Mapping[str, Sequence[VerifierKey]]
    """The keys of each log by its origin."""
    clock: Clock = system_clock
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def add(self, text: str) -> Answer:
        """Cosign a checkpoint that continues the last one; it is kept before the answer can leave."""
        try:
            asked = witnessing.read(text)
            note = signednotes.read(asked.note)
            checkpoint = checkpoints.read(note.text)
        except ValueError as error:
            return Answer(Verdict.MALFORMED, f"{error}\n")
        log_keys = self.logs.get(checkpoint.origin)
        if log_keys is None:
            return Answer(Verdict.UNKNOWN_LOG, "this witness does not know the log\n")
        if not any(keys.is_signed(note, key) for key in log_keys):
            return Answer(Verdict.NOT_SIGNED, "no key of the log has signed this\n")
        with self._turn:
            known = self.known(checkpoint.origin)
            verdict = witnessing.judge(asked, checkpoint, known=known)
            if verdict is Verdict.COSIGNED:
                tilestore.put(self._file(checkpoint.origin), asked.note.encode())
        return Answer(verdict, self._text(verdict, note, known))

    def known(self, origin: str) -> Checkpoint | None:
        """Return the last checkpoint of a log that it cosigned."""
        file = self._file(origin)
        if not file.exists():
            return None
        return checkpoints.read(signednotes.read(file.read_text(encoding="utf-8")).text)

    def _text(self, verdict: Verdict, note: Note, known: Checkpoint | None) -> str:
        if verdict is Verdict.COSIGNED:
            signature = self.signer.sign(note.text, at_s=self.clock() // SECOND)
            return Note(note.text, (signature,)).signature_lines
        if verdict is Verdict.OTHER_SIZE:
            return f"{known.size if known else 0}\n"
        return "the proof does not lead from what this witness knows to the checkpoint\n"

    def _file(self, origin: str) -> Path:
        return self.folder / hashlib.sha256(origin.encode()).hexdigest()
