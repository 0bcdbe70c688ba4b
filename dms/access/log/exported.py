"""Verify an export of events (JSON Lines) by itself: its bytes, and each event against its checkpoint."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from dms.access.log.continuity import Continuity, Stated, Trust
from dms.access.log.findings import Audit, Finding, Tell, Verdict
from dms.access.log.ledger import Ledger
from dms.access.log.offline import event_id_of
from dms.access.log.verify import UNREADABLE
from dms.rules import eventseals, logexports, tree

SLICE = 1_000

Line = Mapping[str, Any]  # JSON read back


@dataclass(frozen=True, slots=True)
class ExportGround:
    """An export, and what it is held against."""

    path: Path
    trust: Trust
    threads: int
    """How many numbers of a writer that was killed may be missing."""
    tell: Tell
    besides: Sequence[Stated] = ()
    """Checkpoints from elsewhere that the log must continue."""


def verify_export(ground: ExportGround) -> Audit:
    """Verify an export; all events of a log prove each other, of a choice each brings its own path."""
    audit = Audit()
    with ground.path.open("rb") as file:
        first = file.readline()
        try:
            header = _read(first)
            stated = _begin(header, ground, audit)
        except UNREADABLE as error:
            message = f"`{ground.path}` is no export of the access log: {error}"
            audit.findings.add(Finding("export_unreadable", message, Verdict.UNREADABLE))
            return audit
        if stated is not None:
            _Lines(ground, audit, header, stated).verify(first, file)
    ground.trust.judge(audit.findings)
    return audit


def _begin(header: Line, ground: ExportGround, audit: Audit) -> Stated | None:
    if header["format"] != logexports.FORMAT:
        raise ValueError(f"its format is `{header['format']}`")
    if not all(isinstance(header[name], int) for name in ("size", "count")):
        raise ValueError("its first line does not say how much it holds")
    stated = ground.trust.verified(header["checkpoint"], audit.findings, name="the checkpoint of the export")
    if stated is None:
        return None
    if (header["origin"], header["size"]) != (stated.checkpoint.origin, stated.checkpoint.size):
        audit.findings.changed("export_differs", "its first line says otherwise than its checkpoint")
    return stated


class _Lines:
    """Goes through the lines of an export."""

    def __init__(self, ground: ExportGround, audit: Audit, header: Line, stated: Stated) -> None:
        self._ground, self._audit, self._findings = ground, audit, audit.findings
        self._count: int = header["count"]
        self._signed = stated.checkpoint
        self._is_whole = self._count == self._signed.size
        """All events that the checkpoint covers: they need no paths."""
        besides = [*ground.besides, stated] if self._is_whole else []
        self._growing = Continuity(
            iter(sorted(besides, key=lambda each: each.checkpoint.size)), self._findings
        )
        self._ledger = Ledger()
        self._leaves: list[bytes] = []
        self._last_index = -1
        self._unproved = 0
        self._details = 0

    def verify(self, first: bytes, rest: Iterator[bytes]) -> None:
        """Verify all lines after the first one."""
        digest, ending = hashlib.sha256(first), None
        for number, raw in enumerate(rest, start=2):
            try:
                line = _read(raw)
                if "end" in line:
                    ending = (line["count"], line["sha256"])
                    break
                self._event(line)
            except (*UNREADABLE, binascii.Error) as error:
                self._findings.changed("line_unreadable", f"line {number} cannot be read: {error}")
            digest.update(raw)
        self._finish(ending, digest.hexdigest(), beyond=next(rest, None))

    def _event(self, line: Line) -> None:
        index, body = line["index"], line["body"].encode()
        event_id, audit = event_id_of(body), self._audit
        audit.events += 1
        if index <= self._last_index or (self._is_whole and index != audit.events - 1):
            message = f"it stands after event {self._last_index:,}"
            self._findings.changed("order_differs", message, at=index, event_id=event_id)
        self._last_index = index
        leaf = tree.leaf_hash(body)
        path = line.get("path")
        if path is not None:
            self._compare(index, leaf, [_hash(each) for each in path], body)
        elif not self._is_whole:
            self._unproved += 1
        if self._is_whole:
            self._grow(index, body, leaf)
        self._compare_detail(line, index, body)
        if audit.events % SLICE == 0 or audit.events == self._count:
            self._ground.tell("events", audit.events, self._count)

    def _grow(self, index: int, body: bytes, leaf: bytes) -> None:
        if fault := self._ledger.note_body(body, index=index):
            self._findings.changed("event_body", fault, at=index)
        self._leaves.append(leaf)
        if len(self._leaves) == SLICE:
            self._growing.extend(self._leaves)
            self._leaves = []

    def _compare(self, index: int, leaf: bytes, path: Sequence[bytes], body: bytes) -> None:
        signed = self._signed
        if not tree.is_included(leaf, index=index, size=signed.size, proof=path, root=signed.root):
            message = "its path does not lead from its body to the checkpoint"
            self._findings.changed("event_replaced", message, at=index, event_id=event_id_of(body))

    def _compare_detail(self, line: Line, index: int, body: bytes) -> None:
        detail = line.get("detail")
        if detail is None:
            return
        self._details += 1
        seal = eventseals.seal_detail(bytes.fromhex(detail["salt"]), detail["detail"].encode())
        if seal != orjson.loads(body)["detail"]:
            message = "the detail of the event is not the one that was written"
            self._findings.changed("event_detail", message, at=index, event_id=event_id_of(body))

    def _finish(self, ending: tuple[int, str] | None, sha256_hex: str, *, beyond: bytes | None) -> None:
        audit, findings = self._audit, self._findings
        if self._is_whole:
            self._growing.extend(self._leaves)
            self._growing.finish(lambda: audit.events)
            self._growing.tell(audit)
            self._ledger.judge(findings, threads=self._ground.threads)
        else:
            audit.size, audit.root, audit.checkpoints = self._signed.size, self._signed.root, 1
            audit.signed_size = self._signed.size
            if self._ground.besides:
                message = "only an export of all events can be held against another checkpoint"
                findings.incomplete("since_not_covered", message)
        if self._unproved:
            message = f"{self._unproved:,} events bring no path to the checkpoint"
            findings.incomplete("event_unproved", message)
        if ending is None:
            message = f"it ends after {audit.events:,} of {self._count:,} events, without its last line"
            findings.incomplete("export_cut", message)
        elif ending != (audit.events, sha256_hex) or audit.events != self._count or beyond is not None:
            message = f"its last line says {ending[0]:,} events and another digest than its {audit.events:,}"
            findings.changed("export_differs", message)


def _read(raw: bytes) -> Line:
    line = orjson.loads(raw)
    if not isinstance(line, dict):
        raise TypeError("a line is a JSON object")
    return line


def _hash(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
