"""Every setting of an installation in one typed object.

Values come from `DMS_<NAME>` environment variables over `$DMS_HOME/dms.toml`. An unknown name in
either is refused at start, with the nearest known one.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import re
import socket
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dms.base.errors import ConfigurationError
from dms.base.settingfields import Settings

__all__ = ["PREFIX", "Settings", "acting_account", "host_name", "load", "operator_name", "pass_on"]

PREFIX = "DMS_"

_FOR_READERS = ("PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "LANG", "TESSDATA_PREFIX")
_NOT_SETTINGS = frozenset({"DMS_HOME", "DMS_AS", "DMS_TEST_DATABASE_URL"})
"""Variables of ours that are read elsewhere: the folder itself, the command line, the tests."""

_LAST_PORT = 65_535

_LAST_LEVEL = 9

_LEAST_GRACE_S = 3_600
"""Bytes are published before the row that names them: nobody may take them for orphans in between."""

_MODES = ("off", "preferred", "required")
_WORDS = {
    "blob_store": ("local", "s3"),
    "introspection": ("auto", "off", "authenticated", "on"),
    "trusted_documents": _MODES,
    "trusted_documents_services": _MODES,
}
"""Settings with a closed set of words."""

_LANGUAGES = re.compile(r"[A-Za-z][A-Za-z0-9_/]*(\+[A-Za-z][A-Za-z0-9_/]*)*")

# As a browser writes the origin of a page; never `*`, and never `null`, which any sandboxed page sends.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?")
_NEEDLESS_PORT = re.compile(r"^(http://.*:80|https://.*:443)$")

_WANTED = {bool: "true or false", int: "a whole number", float: "a number"}


def load(environment: Mapping[str, str] | None = None, *, home: Path | None = None) -> Settings:
    """Read the settings; `ConfigurationError` names the first one that is unknown or unreadable."""
    env = os.environ if environment is None else environment
    folder = Path(home or env.get("DMS_HOME") or "var").absolute()
    in_file = _from_file(folder / "dms.toml")
    values: dict[str, object] = dict(in_file)
    for key, text in env.items():
        if key.startswith(PREFIX) and key not in _NOT_SETTINGS:
            values[key.removeprefix(PREFIX).lower()] = text
    known = {f.name: f for f in dataclasses.fields(Settings) if f.name != "home"}
    for name in values:
        if name not in known:
            raise ConfigurationError(_unknown(name, list(known)))
    # Any: `_convert` returns what the field declares, which no type can say for a dict of fields.
    typed: dict[str, Any] = {
        name: _convert(name, value, known[name].default) for name, value in values.items()
    }
    settings = Settings(home=folder, **typed)
    _check(settings)
    _check_bucket(settings, has_secret_in_file="s3_secret_key" in in_file)
    return settings


def pass_on(home: Path, *, processes: int) -> None:
    """Say in the environment what the worker processes that this one starts must know."""
    os.environ["DMS_HOME"] = str(home)
    os.environ[f"{PREFIX}SERVER_PROCESSES"] = str(processes)


def acting_account(environment: Mapping[str, str] | None = None) -> str | None:
    """Return the account named in `DMS_AS`, for which a command acts."""
    env = os.environ if environment is None else environment
    return env.get("DMS_AS") or None


def reader_environment() -> dict[str, str]:
    """Return the environment of a process that reads content: how to find the program, and no secret."""
    return {name: os.environ[name] for name in _FOR_READERS if name in os.environ}


def program_environment() -> dict[str, str]:
    """Return the environment of a program of somebody else's that reads content: it is to have one thread."""
    return {**reader_environment(), "OMP_THREAD_LIMIT": "1"}


def host_name() -> str:
    """Return the name of this machine, for logs that nobody has named."""
    return socket.gethostname().lower() or "localhost"


def operator_name() -> str:
    """Return the name of the operating-system user who runs this process."""
    try:
        import pwd  # noqa: PLC0415  absent on some systems

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError):
        return "unknown"


def _from_file(path: Path) -> Mapping[str, object]:
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"`{path}` is not readable TOML: {error}") from error


def _unknown(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean `{PREFIX}{near[0].upper()}`?" if near else "see docs/operating/settings.md"
    return f"unknown setting `{PREFIX}{name.upper()}`: {hint}"


def _convert(name: str, value: object, default: object) -> bool | int | float | str:
    text = str(value).strip()
    try:
        match default:
            case bool():
                return {"true": True, "1": True, "false": False, "0": False}[text.lower()]
            case int():
                return int(text)
            case float():
                return float(text)
            case _:
                return text
    except (ValueError, KeyError) as error:
        wanted = _WANTED[type(default)]
        raise ConfigurationError(f"`{PREFIX}{name.upper()}` must be {wanted}, not `{text}`") from error


def _check(settings: Settings) -> None:
    _check_numbers(settings)
    if settings.password_preset not in {"default", "strong", "test"}:
        raise ConfigurationError("`DMS_PASSWORD_PRESET` must be default, strong or test")
    if settings.production and settings.password_preset == "test":  # noqa: S105  the name of a preset
        raise ConfigurationError("`DMS_PASSWORD_PRESET=test` is refused in the production profile")
    if settings.log_level not in {"debug", "info", "warning", "error"}:
        raise ConfigurationError("`DMS_LOG_LEVEL` must be debug, info, warning or error")
    _check_door(settings)
    if settings.sweep_grace_s < _LEAST_GRACE_S:
        raise ConfigurationError(f"`DMS_SWEEP_GRACE_S` must be at least {_LEAST_GRACE_S}")
    if settings.worker_threads < 1 or settings.queue_limit < 1:
        raise ConfigurationError("`DMS_WORKER_THREADS` and `DMS_QUEUE_LIMIT` must be at least 1")
    if min(settings.server_processes, settings.graphql_points, settings.graphql_points_per_s) < 1:
        raise ConfigurationError(
            "`DMS_SERVER_PROCESSES`, `DMS_GRAPHQL_POINTS` and `DMS_GRAPHQL_POINTS_PER_S` must be at least 1"
        )
    _check_ocr(settings)
    if settings.database_url and not settings.sqlalchemy_url.startswith("postgresql+psycopg://"):
        raise ConfigurationError("`DMS_DATABASE_URL` must be empty or start with postgresql://")


def _check_ocr(settings: Settings) -> None:
    if not _LANGUAGES.fullmatch(settings.ocr_languages):
        raise ConfigurationError("`DMS_OCR_LANGUAGES` must be names joined by +, such as `eng+fra`")
    if settings.ocr_page_s < 1 or settings.ocr_pages_max < 1:
        raise ConfigurationError("`DMS_OCR_PAGE_S` and `DMS_OCR_PAGES_MAX` must be at least 1")


def _check_bucket(settings: Settings, *, has_secret_in_file: bool) -> None:
    if has_secret_in_file:
        raise ConfigurationError("`s3_secret_key` must not lie in the data folder: set `DMS_S3_SECRET_KEY`")
    if settings.blob_store != "s3":
        return
    if not settings.s3_bucket:
        raise ConfigurationError("`DMS_BLOB_STORE=s3` needs `DMS_S3_BUCKET`")
    if bool(settings.s3_access_key) != bool(settings.s3_secret_key):
        raise ConfigurationError("`DMS_S3_ACCESS_KEY` and `DMS_S3_SECRET_KEY` go together")
    schemes = ("https://",) if settings.production else ("https://", "http://")
    if settings.s3_endpoint and not settings.s3_endpoint.startswith(schemes):
        raise ConfigurationError(f"`DMS_S3_ENDPOINT` must begin with {' or '.join(schemes)}")


def _check_door(settings: Settings) -> None:
    for name, known in _WORDS.items():
        if getattr(settings, name) not in known:
            raise ConfigurationError(
                f"`{PREFIX}{name.upper()}` must be {', '.join(known[:-1])} or {known[-1]}"
            )
    if settings.production and settings.introspection == "on":
        raise ConfigurationError("`DMS_INTROSPECTION=on` is refused in the production profile")
    if settings.production and settings.graphql_get:
        raise ConfigurationError("`DMS_GRAPHQL_GET` is refused in the production profile")
    if settings.compression_level > _LAST_LEVEL:
        raise ConfigurationError(f"`DMS_COMPRESSION_LEVEL` must be {_LAST_LEVEL} or less")
    modes = {settings.trusted_documents, settings.trusted_documents_services}
    if "required" in modes and not settings.trusted_documents_file:
        raise ConfigurationError(
            "`DMS_TRUSTED_DOCUMENTS_FILE` must name a manifest where trusted documents are required"
        )
    for origin in settings.cors_origins.split():
        if not _ORIGIN.fullmatch(origin) or _NEEDLESS_PORT.search(origin):
            raise ConfigurationError(
                f"`DMS_CORS_ORIGINS` holds `{origin}`, which no browser sends: write each as "
                "`https://archive.example.org` or `http://localhost:5173`, in lower case, without a path"
            )


def _check_numbers(settings: Settings) -> None:
    for setting in dataclasses.fields(settings):
        value = getattr(settings, setting.name)
        if isinstance(value, int | float) and not 0 <= value < math.inf:
            raise ConfigurationError(f"`{PREFIX}{setting.name.upper()}` must be 0 or more, and finite")
    if settings.port > _LAST_PORT:
        raise ConfigurationError(f"`DMS_PORT` must be {_LAST_PORT} or less")
