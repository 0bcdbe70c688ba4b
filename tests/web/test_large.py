"""Half a gigabyte up and down through a server process of its own, whose memory stays flat."""

from __future__ import annotations

import hashlib
import http.client
import os
import random
import re
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from dms.base.ids import new_id
from dms.rules.access import Action
from dms.services import versions
from dms.services.versions import NamedUpload
from tests.conftest import opened_house
from tests.web.transfers import Transfers, path_of

MIB = 1_048_576
SIZE_MIB = 500
GROWTH_MIB = 64
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Server:
    """A running process, as /proc shows it."""

    process: subprocess.Popen
    port: int

    def memory_mib(self, name):
        """`VmRSS` now, or `VmHWM` at its highest."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{name}:\s+(\d+) kB", status)[1]) / 1_024

    def cpu_s(self):
        """User and system time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(settings):
    """`dms serve` for an installation on SQLite."""
    environment = {**os.environ, "DMS_HOME": str(settings.home), "DMS_PORT": "0", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", "from dms.cli import main; main()", "serve"]
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline()
            yield Server(process, int(address.rpartition(":")[2]))
        finally:
            process.terminate()


def pieces(count):
    """Pieces of 1 MiB that all differ."""
    noise = random.Random(3).randbytes(MIB - 8)
    for number in range(count):
        yield number.to_bytes(8, "big") + noise


def send(server, headers, count):
    """Send so many MiB; returns the upload's id and its digest as we know it."""
    upload_id, digest = new_id(), hashlib.sha256()
    line = http.client.HTTPConnection("127.0.0.1", server.port)
    line.putrequest("PUT", f"/uploads/{upload_id}")
    for name, value in {**headers, "Content-Length": str(count * MIB)}.items():
        line.putheader(name, value)
    line.endheaders()
    for piece in pieces(count):
        digest.update(piece)
        line.send(piece)
    answer = line.getresponse()
    assert answer.status == 201
    assert digest.hexdigest().encode() in answer.read()
    line.close()
    return upload_id, digest.hexdigest()


def fetch(server, headers, version):
    """Fetch a content; returns its size and digest."""
    size, digest = 0, hashlib.sha256()
    line = http.client.HTTPConnection("127.0.0.1", server.port)
    line.request("GET", path_of(version), headers=headers)
    answer = line.getresponse()
    assert answer.status == 200
    while piece := answer.read(MIB):
        size += len(piece)
        digest.update(piece)
    line.close()
    return size, digest.hexdigest()


def round_trip(desk, server, clerk, document, *, count, revision):
    """Send, file and fetch; returns what came back as it should be, and as it is."""
    headers = desk.log_in(clerk)
    upload_id, sha256 = send(server, headers, count)
    named = NamedUpload(upload_id, "large.bin", sha256=sha256)
    version = desk.desk.do(clerk, versions.add, document, expected_revision=revision, upload=named)
    return fetch(server, headers, version), (count * MIB, sha256)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
def test_half_a_gigabyte_goes_up_and_down_with_flat_memory(installation):
    with installation("sqlite") as settings, opened_house(settings) as house, serving(settings) as server:
        desk = Transfers(house, None)
        clerk = desk.world.user()
        document = desk.world.document(desk.world.aggregation())
        for action in (Action.EDIT, Action.READ_CONTENT):
            desk.world.entry_on_document(clerk, document, action)
        round_trip(desk, server, clerk, document, count=4, revision=1)
        before = server.memory_mib("VmRSS")

        came, sent = round_trip(desk, server, clerk, document, count=SIZE_MIB, revision=2)

        assert came == sent
        assert server.memory_mib("VmHWM") - before < GROWTH_MIB
