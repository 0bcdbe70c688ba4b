"""What the threads of a server process have in common: they begin with it, and end when it does."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod


class Beside(ABC):
    """A thread beside the requests, from `start` until `stop`; `_run` goes on until `_stopped` is set."""

    def __init__(self, name: str) -> None:
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End after the piece in hand, and wait for that."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()

    @abstractmethod
    def _run(self) -> None:
        """Do what the thread is there for."""
