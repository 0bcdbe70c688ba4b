"""Somebody who sends uploads to a server that is killed again and again, and remembers what he was told."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import signal
import threading
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import select

from dms.base.ids import new_id
from dms.models.versions import PartialUpload, Upload
from dms.services.uploads import row_id
from dms.stores import sealedblobs, upkeep
from tests import forked
from tests.web.tus import PART, VERSION, checksum

STEPS = 60
"""A process that kills itself does so within so many steps, which some requests take."""

SIZES = ((0, 300), (65_400, 65_700), (1, 300_000), (1, 300_000), (1_000_000, 2_500_000))


class Lost(Exception):
    """The server died before it answered."""


@dataclass
class Sent:
    """One upload: its content, how much of it was acknowledged, and how much may be there."""

    upload_id: UUID
    content: bytes
    in_parts: bool
    acknowledged: int | None = None
    """None until the server answered at all."""
    tried: int = 0
    is_gone: bool = False
    """Given up, whether or not that was answered."""
    is_confirmed_gone: bool = False

    @property
    def is_whole(self) -> bool:
        return self.acknowledged == len(self.content)

    @property
    def is_open(self) -> bool:
        return not self.is_gone and not self.is_whole


@dataclass
class Sender:
    """One account's client; everything it does follows from its seed."""

    headers: dict[str, str]
    draw: random.Random
    sent: list[Sent] = field(default_factory=list)
    told: Counter[str] = field(default_factory=Counter)
    port: int = 0

    def go_on(self) -> None:
        """Send the next request, which may be two; `Lost` if it is not answered."""
        still_open = [each for each in self.sent if each.is_open]
        if still_open and self.draw.random() < 0.7:
            self._go_on(self.draw.choice(still_open))
        elif self.draw.random() < 0.5:
            self._put(self._new(in_parts=False))
        else:
            self._begin(self._new(in_parts=True))

    def finish(self) -> None:
        """Bring all that is open to its end."""
        for given_up in [each for each in self.sent if each.is_gone and not each.is_confirmed_gone]:
            self._cancel(given_up)
        while still_open := [each for each in self.sent if each.is_open]:
            self._go_on(still_open[0])

    def _new(self, *, in_parts: bool) -> Sent:
        content = self.draw.randbytes(self.draw.randint(*self.draw.choice(SIZES)))
        return Sent(new_id(), content, in_parts)

    def _go_on(self, sent: Sent) -> None:
        if not sent.in_parts:
            self._put(sent)
        elif self.draw.random() < 0.05:
            self._cancel(sent)
        else:
            self._part(sent)

    def _put(self, sent: Sent) -> None:
        if sent not in self.sent:
            self.sent.append(sent)
        sent.tried = len(sent.content)
        status, _ = self._ask("PUT", f"/uploads/{sent.upload_id}", sent.content)
        assert status in {200, 201}, status
        sent.acknowledged = len(sent.content)

    def _begin(self, sent: Sent) -> None:
        headers = {**VERSION, "Upload-Length": str(len(sent.content))}
        status, told = self._ask("POST", "/uploads", b"", headers)
        assert status == 201, status
        sent.upload_id = UUID(told["location"].rpartition("/")[2])
        self._acknowledge(sent, told)
        self.sent.append(sent)

    def _part(self, sent: Sent) -> None:
        path = f"/uploads/{sent.upload_id}"
        status, told = self._ask("HEAD", path, b"", VERSION)
        assert status == 200, status
        self._acknowledge(sent, told)
        if sent.is_whole:
            return
        rest = sent.content[sent.acknowledged :]
        part = rest[: self.draw.choice([len(rest), self.draw.randint(1, len(rest))])]
        headers = {**VERSION, "Content-Type": PART, "Upload-Offset": str(sent.acknowledged)}
        kind = self.draw.choice(["plain", "plain", "summed", "wrong"])
        if kind != "plain":
            headers["Upload-Checksum"] = checksum(part if kind == "summed" else b"something else")
        if kind != "wrong":
            sent.tried = max(sent.tried, sent.acknowledged + len(part))
        status, told = self._ask("PATCH", path, part, headers)
        assert status == (460 if kind == "wrong" else 204), status
        if kind != "wrong":
            self._acknowledge(sent, told)

    def _cancel(self, sent: Sent) -> None:
        sent.is_gone = True
        status, _ = self._ask("DELETE", f"/uploads/{sent.upload_id}", b"", VERSION)
        assert status in {204, 404}, status
        sent.is_confirmed_gone = True

    def _acknowledge(self, sent: Sent, told: dict[str, str]) -> None:
        offset = int(told["upload-offset"])
        if not (sent.acknowledged or 0) <= offset <= sent.tried:
            self.told["offset neither acknowledged nor sent"] += 1
        sent.acknowledged = offset

    def _ask(self, method, path, body, headers=None) -> tuple[int, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request(method, path, body, {**self.headers, **(headers or {})})
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.told["requests without an answer"] += 1
            raise Lost from error
        finally:
            connection.close()
        self.told["requests answered"] += 1
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}


def live(house, sender: Sender) -> None:
    """Have a server, send to it, and kill it: at a step of its own, or at any time."""
    deadly = sender.draw.randint(1, STEPS) if sender.draw.random() < 0.7 else 0
    settings = house.settings
    arguments = (str(settings.home), settings.database_url, str(deadly))
    with forked.begin(*arguments, module="tests.faults.upload_victim") as server:
        sender.port = int(server.stdout.readline())
        killing = threading.Timer(sender.draw.uniform(0.0, 0.5), _kill, [server.pid])
        if not deadly:
            killing.start()
        try:
            while True:
                sender.go_on()
        except Lost:
            sender.told["killed at a step" if deadly else "killed at any time"] += 1
        finally:
            killing.cancel()
            _kill(server.pid)


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def judge(house, sender: Sender, owner) -> Counter[str]:
    """Compare what the database and the store hold with what the sender was told."""
    with upkeep.reading(house.database) as connection:
        whole = {row.id: row for row in connection.execute(select(Upload.__table__))}
        parts = {row.id: row for row in connection.execute(select(PartialUpload.__table__))}
    wrong: Counter[str] = Counter()
    for sent in sender.sent:
        own_id = row_id(owner, sent.upload_id)
        wrong += _compared(house, sent, whole.get(own_id), parts.get(own_id))
    return wrong


def _compared(house, sent: Sent, whole, part) -> Counter[str]:
    wrong: Counter[str] = Counter()
    if whole is not None:
        digest = hashlib.sha256()
        for piece in house.vault.read(sealedblobs.of_upload(whole), start=0, length=whole.plain_bytes):
            digest.update(piece)
        wrong["half-visible"] += digest.digest() != hashlib.sha256(sent.content).digest()
        wrong["kept, and never sent"] += sent.tried < len(sent.content)
        wrong["whole and in parts"] += part is not None
    elif sent.is_gone or sent.acknowledged is None:  # also of what was given up with its answer lost
        pass
    elif part is None:
        wrong["acknowledged lost"] += 1
    else:
        wrong["acknowledged lost"] += part.plain_bytes < sent.acknowledged
        wrong["kept, and never sent"] += part.plain_bytes > sent.tried
        staged = house.settings.blob_root / "staging" / (part.staging or "")
        wrong["acknowledged lost"] += part.plain_bytes > 0 and not staged.is_file()
    return +wrong
