"""What can be told of events only when all were seen: numbers of their writers, and their parts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from dms.access.log.findings import Findings
from dms.access.log.verify import UNREADABLE
from dms.base.clock import HOUR, SECOND
from dms.rules.accessevents import Op
from dms.rules.logwriters import Numbers

_SHOWN = 3
"""Gaps of one writer that a message spells out."""

_ID_BYTES = 16
_STOP = Op.SYSTEM_STOP.value
_STOPS = b',"op":"%b"' % _STOP.encode()
_ALONE = b',"part":1,"parts":1,'

_SLACK = HOUR
"""By so much the clock may have been set back between the start of a process and its events."""


@dataclass(slots=True)
class _Split:
    """An event of several parts, of which not all were seen yet."""

    first_index: int | None
    event_id: UUID
    parts: int
    seen: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Ledger:
    """Counts writers and parts while events go by in their order."""

    begins_at: int = 0
    """The first index from which on nothing may have been pruned."""
    writers: dict[bytes, Numbers] = field(default_factory=dict)
    """By the writer's id, as its 16 bytes, or as the 32 characters of a body."""
    _splits: dict[tuple[str, str, int, int], _Split] = field(default_factory=dict)
    _began_at: int | None = None
    """The instant of the first event of which nothing may have been pruned."""

    def note(self, writer: bytes, number: int, *, at: int, op: str) -> None:
        """Note the number that a writer gave an event, at an index that nothing was pruned beyond."""
        numbers = self.writers.get(writer)
        if numbers is None:
            numbers = self.writers[writer] = self._first(writer, number, at=at)
        numbers.note(number)
        if op == _STOP:
            numbers.said_last = number  # nothing follows a clean stop

    def note_all(self, events: Iterable[tuple[bytes, int, int, str]]) -> None:
        """Note events by writer, number, instant and op; neighbours are mostly of one writer."""
        known, last, numbers = self.writers, b"", None
        for writer, number, at, op in events:
            if writer != last or numbers is None:
                last, numbers = writer, known.get(writer)
            if numbers is None or op == _STOP:
                self.note(writer, number, at=at, op=op)
            else:
                numbers.note(number)

    def note_body(self, body: bytes, *, index: int) -> str | None:
        """Note an event by its body alone; returns what is wrong with it, if nobody can read it."""
        # Bodies as this program writes them need no parsing: their keys stand in one order, and `,"` never
        # stands within a string before a name.
        begin = body.find(b',"n":')
        end = body.find(b',"op":"', begin)
        if begin > 0 and end > 0 and body[-45:-34] == b',"writer":"' and _ALONE in body:
            numbers = self.writers.get(body[-34:-2])
            if numbers is not None and not body.startswith(_STOPS, end):
                numbers.note(int(body[begin + 5 : end]))
                return None
        try:
            found = orjson.loads(body)
            self.note(found["writer"].encode(), found["n"], at=found["at"], op=found["op"])
            if found["parts"] != 1:
                self.note_part(found, index=index)
        except UNREADABLE:
            return "the body of the event is none that this program writes"
        return None

    def note_part(self, found: dict[str, Any], *, index: int | None) -> None:  # Any: JSON read back
        """Note a part of an event that was written in several."""
        parts = found["parts"]
        key = (found["writer"], found["request"], found["at"], parts)
        split = self._splits.setdefault(key, _Split(index, UUID(hex=found["id"]), parts))
        split.seen.add(found["part"])
        if len(split.seen) == parts:
            del self._splits[key]

    def judge(self, findings: Findings, *, threads: int) -> None:
        """Judge what was counted; so many threads of a writer that was killed may have taken a number."""
        for writer, numbers in self.writers.items():
            _judge_writer(findings, _raw(writer).hex(), numbers, threads=threads)
        for split in self._splits.values():
            if not self._is_cut_by_pruning(split):
                message = f"{len(split.seen)} of its {split.parts} parts are there"
                findings.changed("parts_missing", message, at=split.first_index, event_id=split.event_id)

    def _first(self, writer: bytes, number: int, *, at: int) -> Numbers:
        """Begin a writer; of one that wrote before the pruned time ended the lower numbers may be gone."""
        if self._began_at is None:
            self._began_at = at
        is_older = self.begins_at > 0 and _started_at(writer) <= self._began_at + _SLACK
        return Numbers(begins_at=number if is_older else 1)

    def _is_cut_by_pruning(self, split: _Split) -> bool:
        return (
            self.begins_at > 0
            and split.first_index is not None
            and split.first_index < self.begins_at + split.parts
        )


def _started_at(writer: bytes) -> int:
    """Return when a process started, from its id (a UUIDv7 begins with milliseconds)."""
    return int.from_bytes(_raw(writer)[:6], "big") * (SECOND // 1_000)


def _raw(writer: bytes) -> bytes:
    return writer if len(writer) == _ID_BYTES else bytes.fromhex(writer.decode())


def _judge_writer(findings: Findings, writer: str, numbers: Numbers, *, threads: int) -> None:
    if numbers.twice:
        findings.changed(
            "writer_number_twice", f"writer {writer} used a number again ({numbers.twice} times)"
        )
    gaps = numbers.gaps
    if not gaps:
        return
    missing = sum(gap.size for gap in gaps)
    shown = ", ".join(f"{gap.first}-{gap.last}" if gap.size > 1 else str(gap.first) for gap in gaps[:_SHOWN])
    more = " .." if len(gaps) > _SHOWN else ""
    message = f"writer {writer} lacks {missing:,} of its numbers: {shown}{more}"
    if numbers.said_last is not None:
        findings.changed("writer_gap", f"{message}; it had stopped in order")
    elif missing > threads:
        findings.incomplete("writer_gap", f"{message}; a kill explains {threads} at most")
    else:
        findings.note("writer_gap", f"{message}; it did not stop in order, and its threads explain them")
