"""Messages as Outlook keeps them: head, body, names of attachments, and what is broken."""

from __future__ import annotations

import struct
from itertools import pairwise

import pytest

from dms.rules.renditions import StepReason
from dms.stores.extraction import outlook
from dms.stores.extraction.findings import Refused

pytest.importorskip("olefile", reason="olefile comes with the extra `formats`")

SECTOR, SMALL = 512, 64
FREE, END, FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
STREAM, STORAGE, ROOT = 2, 1, 5


class Compound:
    """A compound file in the making, of streams below 4 KiB; siblings hang in a chain."""

    def __init__(self):
        self.entries, self.mini, self.mini_chains, self.body, self.chains = [], b"", [], b"", []

    def put(self, content):
        """Append a stream; returns its first small sector."""
        start, count = len(self.mini_chains), -(-len(content) // SMALL)
        self.mini += content.ljust(count * SMALL, b"\0")
        self.mini_chains += chain(start, count)
        return start if count else END

    def lay(self, content):
        """Append whole sectors; returns the first."""
        start, count = len(self.chains), -(-len(content) // SECTOR)
        self.body += content.ljust(count * SECTOR, b"\0")
        self.chains += chain(start, count)
        return start

    def entry(self, name, kind, *, child=FREE, start=END, size=0):
        """Append an entry of the directory; returns its number."""
        raw = name.encode("utf-16-le") + b"\0\0"
        self.entries.append([raw, kind, FREE, child, start, size])
        return len(self.entries) - 1

    def folder(self, streams):
        """Append the entries of a storage; returns the first."""
        made = [
            self.entry(name, STORAGE, child=self.folder(content))
            if isinstance(content, dict)
            else self.entry(name, STREAM, start=self.put(content), size=len(content))
            for name, content in sorted(streams.items())
        ]
        for left, right in pairwise(made):
            self.entries[left][2] = right
        return made[0] if made else FREE

    def written(self, streams):
        """Return the file."""
        self.entry("Root Entry", ROOT)
        self.entries[0][3] = self.folder(streams)
        self.entries[0][4:] = self.lay(self.mini), len(self.mini)
        mini_table = self.lay(table(self.mini_chains))
        directory = self.lay(
            b"".join(
                struct.pack("<64sHBBIII36xIQ", name, len(name), kind, 1, FREE, right, child, start, size)
                for name, kind, right, child, start, size in self.entries
            )
        )
        head = struct.pack(
            "<8s16xHHHHH6xIIIIIIIIII",
            *(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", 0x3E, 3, 0xFFFE, 9, 6),
            *(0, 1, directory, 0, 4_096, mini_table, 1, END, 0, len(self.chains)),
        )
        return head.ljust(SECTOR, b"\xff") + self.body + table([*self.chains, FAT])


def chain(start, count):
    """Return what the table says of sectors that follow each other."""
    return [*range(start + 1, start + count), END] if count else []


def table(chains):
    """Return a sector that says which sector follows which."""
    assert len(chains) <= SECTOR // 4
    return struct.pack("<128I", *chains, *[FREE] * (128 - len(chains)))


def properties(**ticks):
    """The fixed properties of a message."""
    sent = struct.pack("<HHIQ", 0x40, 0x39, 6, ticks["sent"]) if ticks else b""
    return bytes(32) + struct.pack("<HHIQ", 0x40, 0x3007, 6, 1) + sent


def said(text):
    return text.encode("utf-16-le")


def message(**more):
    streams = {
        "__substg1.0_0037001F": said("Harbour dues"),
        "__substg1.0_0C1A001F": said("Ada"),
        "__substg1.0_0C1F001F": said("/o=house/cn=ada"),
        "__substg1.0_0E04001F": said("Ben\0"),
        "__substg1.0_1000001F": said("Dear Ben"),
        "__properties_version1.0": properties(sent=129_140_000_000_000_000),
    }
    return Compound().written({**streams, **more})


def test_message_gives_head_and_body():
    assert outlook.message(message()).body.decode().split("\n") == [
        "Subject: Harbour dues",
        "From: Ada",
        "To: Ben",
        "Date: 2010-03-25T14:13:20+00:00",
        "Dear Ben",
    ]


def test_attachments_are_named_and_not_opened():
    plan = {"__substg1.0_3707001F": said("plan.pdf"), "__substg1.0_37010102": b"secret of the plan"}
    short = {"__substg1.0_3704001E": b"TABLE~1.XLS"}

    found = outlook.message(
        message(**{"__attach_version1.0_#00000000": plan, "__attach_version1.0_#00000001": short})
    )

    assert found.body.decode().split("\n")[-2:] == ["plan.pdf", "TABLE~1.XLS"]
    assert b"secret" not in found.body


def test_message_without_plain_body_gives_that_of_its_page():
    page = {"__substg1.0_1000001F": b"", "__substg1.0_10130102": b"<p>Dear <b>Ben</b><script>x</script></p>"}

    assert outlook.message(message(**page)).body.decode().endswith("\nDear Ben")


def test_time_that_no_calendar_holds_is_left_out():
    late = {"__properties_version1.0": properties(sent=2**64 - 1)}

    assert b"Date" not in outlook.message(message(**late)).body


def test_broken_message_is_refused():
    whole = message()

    for broken in (whole[:600], whole[:SECTOR] + bytes(len(whole)), Compound().written({})):
        with pytest.raises(Refused) as refused:
            outlook.message(broken)
        assert refused.value.reason is StepReason.DAMAGED
