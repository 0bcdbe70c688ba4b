"""A TCP proxy that does to a connection what a bad line or a bad server does."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

ERROR = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass
class Fault:
    """What goes wrong, with so many requests (`times`), of those whose first line holds `only`."""

    times: int = 10**9
    only: bytes = b""
    error: bytes = b""
    """Answered in place of the server."""
    delay_s: float = 0.0
    cut_after: int | None = None
    """So many bytes of the answer pass, then the connection ends."""
    is_reset: bool = False
    """It ends by a reset, not in order."""
    swaps: tuple[bytes, bytes] | None = None
    """Bytes of the answer that are replaced."""
    hit: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def strikes(self, head: bytes) -> bool:
        with self.lock:
            if self.hit >= self.times or self.only not in head.partition(b"\r\n")[0]:
                return False
            self.hit += 1
            return True


class Proxy:
    """Passes connections on to a port of this machine; `fault` is what goes wrong now."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.fault = Fault(times=0)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(("127.0.0.1", self.target)) as server:
            while head := client.recv(65_536):
                fault = self.fault if self.fault.strikes(head) else Fault()
                if fault.error:
                    client.sendall(fault.error)
                    return
                server.sendall(_closing(head))
                self._carry(client, server, fault)
                return

    def _carry(self, client: socket.socket, server: socket.socket, fault: Fault) -> None:
        back = threading.Thread(target=self._answer, args=[server, client, fault], daemon=True)
        back.start()
        with suppress(OSError):
            while more := client.recv(65_536):
                server.sendall(more)
        back.join()

    def _answer(self, server: socket.socket, client: socket.socket, fault: Fault) -> None:
        time.sleep(fault.delay_s)
        passed = 0
        with suppress(OSError):
            while answer := server.recv(65_536):
                if fault.swaps:
                    answer = answer.replace(*fault.swaps)
                if fault.cut_after is not None and passed + len(answer) > fault.cut_after:
                    client.sendall(answer[: fault.cut_after - passed])
                    break
                client.sendall(answer)
                passed += len(answer)
        if fault.is_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            return
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)


def _closing(head: bytes) -> bytes:
    """Ask the server for one answer on this connection: then each request is a connection of its own."""
    first, line, rest = head.partition(b"\r\n")
    return first + line + b"Connection: close\r\n" + rest


@contextmanager
def proxied(target: int) -> Iterator[Proxy]:
    """A proxy in front of a port, for as long as the `with` lasts."""
    proxy = Proxy(target)
    try:
        yield proxy
    finally:
        proxy.close()
