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
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette


@dataclass
class Server:
    """Processes that answer on one port of loopback."""

    port: int
    pids: tuple[int, ...]

    def cpu_s(self) -> float:
        """CPU seconds of the processes, user and system."""
        return sum(_cpu_s(pid) for pid in self.pids)


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Crowd:
    """What many clients at once got."""

    per_s: float
    p50_ms: float
    p99_ms: float


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
def running(arguments: list[str], environment: dict[str, str], *, workers: int = 1) -> Iterator[Server]:
    """Start `python ARGUMENTS FD`, once or several times on one socket, and stop it at the end."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        descriptor = listening.fileno()
        processes = [
            subprocess.Popen(
                [sys.executable, *arguments, str(descriptor)],
                env={**os.environ, **environment},
                pass_fds=[descriptor],
            )
            for _ in range(workers)
        ]
        try:
            yield Server(listening.getsockname()[1], tuple(process.pid for process in processes))
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
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
            yield Server(listening.getsockname()[1], (os.getpid(),))
        finally:
            server.should_exit = True
            thread.join()


def load(
    server: Server,
    path: str,
    body: bytes | Callable[[], bytes],
    headers: dict[str, str],
    *,
    requests: int,
    before: Callable[[], None] | None = None,
) -> Load:
    """Send requests one after the other over one connection; a changing body is made for each."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    cpu, began = server.cpu_s(), time.perf_counter()
    for _ in range(requests):
        if before is not None:
            before()
        connection.request("POST", path, body() if callable(body) else body, headers)
        response = connection.getresponse()
        answer = response.read()
        if response.status != 200 or b'"errors":[{' in answer:
            raise SystemExit(f"the server answered {response.status}: {answer[:300]!r}")
    seconds = time.perf_counter() - began
    return Load((server.cpu_s() - cpu) / requests * 1000, requests / seconds)


def crowd(
    server: Server, path: str, body: bytes, headers: dict[str, str], *, clients: int, for_s: float
) -> Crowd:
    """Send requests over so many connections at once, each as fast as it is answered."""
    until = time.perf_counter() + for_s
    taken: list[float] = []
    threads = [
        threading.Thread(target=_keep_asking, args=(server, ("POST", path, body, headers), until, taken))
        for _ in range(clients)
    ]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    taken.sort()
    return Crowd(len(taken) / seconds, taken[len(taken) // 2] * 1000, taken[len(taken) * 99 // 100] * 1000)


def _keep_asking(server: Server, request: tuple, until: float, taken: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    while (began := time.perf_counter()) < until:
        connection.request(*request)
        response = connection.getresponse()
        response.read()
        if response.status != 200:
            raise SystemExit(f"the server answered {response.status}")
        taken.append(time.perf_counter() - began)
