"""Servers under measurement: started on a socket of ours, their CPU read from the system."""

from __future__ import annotations

import contextlib
import http.client
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette


@dataclass
class Server:
    """A process that answers on loopback."""

    port: int
    pid: int

    def cpu_s(self) -> float:
        """CPU seconds of the process, user and system."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Load:
    """What one round of requests cost."""

    cpu_ms: float
    per_s: float


def serve(application: Starlette, *, descriptor: int) -> None:
    """Serve on an inherited socket until told to stop."""
    config = uvicorn.Config(application, log_config=None, access_log=False, server_header=False, ws="none")
    uvicorn.Server(config).run(sockets=[socket.socket(fileno=descriptor)])


@contextlib.contextmanager
def running(arguments: list[str], environment: dict[str, str]) -> Iterator[Server]:
    """Start `python ARGUMENTS FD` and stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        descriptor = listening.fileno()
        process = subprocess.Popen(
            [sys.executable, *arguments, str(descriptor)],
            env={**os.environ, **environment},
            pass_fds=[descriptor],
        )
        try:
            yield Server(listening.getsockname()[1], process.pid)
        finally:
            process.terminate()
            process.wait(30)


@contextlib.contextmanager
def within(application: Starlette) -> Iterator[Server]:
    """Serve from a thread of this process, whose stacks can then be sampled."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(application, log_config=None, access_log=False, ws="none")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield Server(listening.getsockname()[1], os.getpid())
        finally:
            server.should_exit = True
            thread.join()


def load(server: Server, path: str, body: bytes, headers: dict[str, str], *, requests: int) -> Load:
    """Send requests one after the other over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    cpu, began = server.cpu_s(), time.perf_counter()
    for _ in range(requests):
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200 or b'"errors":[{' in answer:
            raise SystemExit(f"the server answered {response.status}: {answer[:300]!r}")
    seconds = time.perf_counter() - began
    return Load((server.cpu_s() - cpu) / requests * 1000, requests / seconds)
