"""`dms import` in a process to which something happens at a chosen moment; run by test_import.py.

Arguments: the moment, the how-manieth time, the deed (`kill`, `interrupt` or `unlink:PATH`), those of `dms`.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from sqlalchemy import Engine, event
from sqlalchemy.orm import Session

from dms.cli import main


class Fuse:
    """Counts the moments and does the deed when its number has come."""

    def __init__(self, at: int, deed: str) -> None:
        self.left = at
        self.deed = deed
        self.lock = threading.Lock()

    def burn(self) -> None:
        with self.lock:
            self.left -= 1
            comes = self.left == 0
        if not comes:
            return
        if self.deed == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.deed == "interrupt":
            os.kill(os.getpid(), signal.SIGINT)
        else:
            Path(self.deed.removeprefix("unlink:")).unlink()


def lay(moment: str, fuse: Fuse) -> None:
    """Have the fuse burn at every such moment."""
    if moment in {"write", "fsync", "rename"}:
        call = getattr(os, moment)

        def called(*arguments):
            fuse.burn()
            return call(*arguments)

        setattr(os, moment, called)
    elif moment == "commit":
        event.listen(Engine, "commit", lambda _: fuse.burn())
    elif moment == "committed":
        commit = Session.commit

        def committed(session):
            commit(session)
            fuse.burn()

        Session.commit = committed
    else:
        start = f"INSERT INTO {moment} "

        def executing(_connection, _cursor, statement, *_rest):
            if start in statement:
                fuse.burn()

        event.listen(Engine, "before_cursor_execute", executing)


if __name__ == "__main__":
    moment, number, deed, *arguments = sys.argv[1:]
    lay(moment, Fuse(int(number), deed))
    main(arguments)
