"""The operational log: one JSON object a line, for those who run the system.

It is not the access log and holds no titles, names or secrets. Our own loggers (`dms.*`) write a
code as the message and the rest as `extra`; what libraries write passes through the same gate.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import traceback
from types import TracebackType
from typing import Any, TextIO

from dms.base.clock import to_iso

ROOT = "dms"

_SECRETS = re.compile(
    r"""
    \bdms_[a-z]_[0-9A-Za-z]{8,}            # our own tokens and codes
    | (?i:\b(?:bearer|basic))\ [^\s"\\]+   # what an Authorization header holds
    | \$argon2[a-z]{0,2}\$[^\s"\\]+        # a stored password
    | (?<=://)[^\s/"@]+(?=@)               # user and password in an address
    """,
    re.VERBOSE,
)
_SECRET_FIELD = re.compile(r"password|passwd|secret|token|authorization|cookie", re.IGNORECASE)
_HIDDEN = "***"

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_Raised = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(level: str, *, stream: TextIO | None = None) -> None:
    """Send everything that is logged in this process to one stream, as JSON lines.

    Libraries speak from warnings upwards only, at `debug` about everything.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonLines())
    chosen = logging.getLevelNamesMapping()[level.upper()]
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(chosen if chosen == logging.DEBUG else logging.WARNING)
    logging.getLogger(ROOT).setLevel(chosen)
    # Its lines hold whole addresses; ours holds what is needed.
    logging.getLogger("uvicorn.access").disabled = True
    logging.captureWarnings(True)


def redact(text: str) -> str:
    """Return text without anything that looks like a secret."""
    return _SECRETS.sub(_HIDDEN, text)


class JsonLines(logging.Formatter):
    """Writes a record as one line; control characters appear escaped, so no line can be forged."""

    def format(self, record: logging.LogRecord) -> str:
        """Write one record."""
        entry: dict[str, Any] = {  # Any: whatever `extra` held
            "at": to_iso(int(record.created * 1_000_000)),
            "level": record.levelname.lower(),
            "logger": record.name,
        }
        if _is_ours(record.name):
            entry["code"] = record.getMessage()
        else:
            entry["code"] = "library"
            entry["message"] = record.getMessage()
        entry.update(_extra(record))
        if record.exc_info and record.exc_info[0] is not None:
            entry.update(_trace(record.exc_info, with_message=_tells_all()))
        return redact(json.dumps(entry, ensure_ascii=True, default=str))


def _is_ours(name: str) -> bool:
    return name == ROOT or name.startswith(f"{ROOT}.")


def _extra(record: logging.LogRecord) -> dict[str, object]:
    return {
        key: _HIDDEN if _SECRET_FIELD.search(key) else value
        for key, value in vars(record).items()
        if key not in _STANDARD and value is not None
    }


def _trace(raised: _Raised, *, with_message: bool) -> dict[str, object]:
    """Return type and places; the message of an error may quote a title, so only `debug` shows it."""
    _, error, where = raised
    frames = traceback.extract_tb(where)
    entry: dict[str, object] = {
        "error": _name(error),
        "trace": [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames],
    }
    causes = _causes(error)
    if causes:
        entry["causes"] = causes
    if with_message:
        entry["message"] = str(error)
    return entry


def _causes(error: BaseException) -> list[str]:
    found: list[str] = []
    cause = error.__cause__ or error.__context__
    while cause is not None and len(found) < 5:
        found.append(_name(cause))
        cause = cause.__cause__ or cause.__context__
    return found


def _name(error: BaseException) -> str:
    kind = type(error)
    return f"{kind.__module__}.{kind.__qualname__}"


def _tells_all() -> bool:
    return logging.getLogger(ROOT).isEnabledFor(logging.DEBUG)
