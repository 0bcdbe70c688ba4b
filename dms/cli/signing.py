"""The signer beside the server: a child process, so that the server never holds the key."""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

from dms.base.settings import Settings

AGAIN_S = 5.0
ENDS_S = 20.0

_alarm = logging.getLogger("dms.alarm")


@contextlib.contextmanager
def signer_beside(settings: Settings) -> Iterator[None]:
    """Keep a signer running, unless it runs elsewhere; at the end it signs what is left."""
    if settings.log_apart:
        yield
        return
    child = _Child(settings)
    try:
        yield
    finally:
        child.end()


class _Child:
    """A signer process, begun again when it ends by itself."""

    def __init__(self, settings: Settings) -> None:
        self._command = [sys.executable, "-m", "dms.cli", "--home", str(settings.home)]
        self._command += ["log", "sign", "--follow", "--until-eof"]
        self._stopped = threading.Event()
        self._process = self._begun()
        self._watch = threading.Thread(target=self._keep, name="signer", daemon=True)
        self._watch.start()

    def end(self) -> None:
        """Tell it to end, and wait until it has signed what is left."""
        self._stopped.set()
        self._watch.join()
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(ENDS_S)
        except subprocess.TimeoutExpired:
            _alarm.error("signer_did_not_end")
            self._process.kill()
            self._process.wait()

    def _begun(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(self._command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)  # noqa: S603

    def _keep(self) -> None:
        while not self._stopped.wait(1.0):
            if self._process.poll() is None:
                continue
            _alarm.error("signer_ended", extra={"exit_code": self._process.returncode})
            if self._stopped.wait(AGAIN_S):
                return
            self._process = self._begun()
