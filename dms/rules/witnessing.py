"""What a log and a witness say to each other (C2SP tlog-witness), and when a witness agrees.

A witness keeps of a log only the last checkpoint that it cosigned. It cosigns the next one if that is
proved to continue it, so a log that shows different trees to different people needs every witness to lie.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from enum import IntEnum

from dms.rules.checkpoints import Checkpoint
from dms.rules.tree import HASH_BYTES, is_consistent

MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"
"""Media type of the answer that tells which size the witness knows."""

_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


class Verdict(IntEnum):
    """What a witness says to a checkpoint, as the status of its answer."""

    COSIGNED = 200
    MALFORMED = 400
    NOT_SIGNED = 403
    UNKNOWN_LOG = 404
    OTHER_SIZE = 409
    NOT_CONSISTENT = 422


@dataclass(frozen=True, slots=True)
class Addition:
    """A checkpoint for a witness, with the proof that it continues the one that the witness knows."""

    old_size: int
    proof: tuple[bytes, ...]
    note: str

    def __str__(self) -> str:
        hashes = "".join(f"{base64.b64encode(each).decode('ascii')}\n" for each in self.proof)
        return f"old {self.old_size}\n{hashes}\n{self.note}"


def read(text: str) -> Addition:
    """Read what a log sent; `ValueError` says what is wrong with it."""
    head, divider, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    spelled = _OLD.fullmatch(first)
    if not divider or not spelled:
        raise ValueError("a request begins with `old` and a size, and an empty line ends the proof")
    if len(lines) > MAX_PROOF:
        raise ValueError(f"a proof has at most {MAX_PROOF} hashes")
    return Addition(int(spelled[1]), tuple(_hash(line) for line in lines), note)


def judge(asked: Addition, checkpoint: Checkpoint, *, known: Checkpoint | None) -> Verdict:
    """Tell whether a checkpoint that its log has signed continues what a witness knows of the log."""
    size = known.size if known else 0
    if asked.old_size > checkpoint.size:
        return Verdict.MALFORMED
    if asked.old_size != size:
        return Verdict.OTHER_SIZE
    if known is None or not size:
        return Verdict.COSIGNED if not asked.proof else Verdict.NOT_CONSISTENT
    if checkpoint.size == size and checkpoint.root != known.root:
        return Verdict.OTHER_SIZE
    continues = is_consistent(
        known.root, checkpoint.root, old_size=size, size=checkpoint.size, proof=asked.proof
    )
    return Verdict.COSIGNED if continues else Verdict.NOT_CONSISTENT


def _hash(line: str) -> bytes:
    try:
        raw = base64.b64decode(line.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error):
        raw = b""
    if len(raw) != HASH_BYTES:
        raise ValueError(f"a hash is {HASH_BYTES} bytes in base64")
    return raw
