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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dms.base.errors import ConfigurationError

PREFIX = "DMS_"

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

# As a browser writes the origin of a page; never `*`, and never `null`, which any sandboxed page sends.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://([a-z0-9_-]+(\.[a-z0-9_-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?")
_NEEDLESS_PORT = re.compile(r"^(http://.*:80|https://.*:443)$")

_WANTED = {bool: "true or false", int: "a whole number", float: "a number"}


@dataclass(frozen=True, slots=True)
class Settings:
    """One installation. Times are in seconds, sizes in bytes unless the name says otherwise."""

    home: Path
    database_url: str = field(
        default="", repr=False, metadata={"help": "empty: the embedded SQLite file under the data folder"}
    )
    host: str = field(default="127.0.0.1", metadata={"help": "address the server binds to"})
    port: int = field(default=8000, metadata={"help": "port the server binds to; 0 lets the system choose"})
    production: bool = field(
        default=False, metadata={"help": "production profile: introspection and debug helps are off"}
    )
    introspection: str = field(
        default="auto",
        metadata={
            "help": "who may ask for the schema: off, authenticated, on (nobody need log in); "
            "auto is off in production, else authenticated; `/graphiql`, which production has not, shows it "
            "to all"
        },
    )
    graphql_get: bool = field(
        default=False,
        metadata={"help": "take queries by GET too, for tools that ask so; never in production"},
    )
    cors_origins: str = field(
        default="",
        metadata={"help": "origins of other front ends in browsers, apart by spaces; empty: only our own"},
    )
    compression_level: int = field(
        default=0,
        metadata={"help": "gzip level of answers to queries, 1 to 9; 0: the proxy does it, or nobody"},
    )
    trusted_documents_file: str = field(
        default="", metadata={"help": "manifest of trusted documents, or a folder of them; empty: none"}
    )
    trusted_documents: str = field(
        default="preferred",
        metadata={"help": "what people send: off (texts), preferred (either), required (trusted documents)"},
    )
    trusted_documents_services: str = field(
        default="preferred", metadata={"help": "the same for service accounts"}
    )
    worker_threads: int = field(default=8, metadata={"help": "threads that run operations, per process"})
    queue_limit: int = field(
        default=64, metadata={"help": "operations that may wait for a thread, per process"}
    )
    server_processes: int = field(
        default=1, metadata={"help": "server processes that share the work; `dms serve --workers` says it"}
    )
    graphql_points: int = field(
        default=20_000, metadata={"help": "points that one account may spend at once in GraphQL"}
    )
    graphql_points_per_s: int = field(
        default=1_000, metadata={"help": "points that come back to each account in a second"}
    )
    decide_once: bool = field(
        default=True, metadata={"help": "keep access decisions in the process while no policy changes"}
    )
    decide_once_items: int = field(
        default=1_000_000, metadata={"help": "so many ids and decisions are kept at most, per process"}
    )
    second_officer_rank: int = field(
        default=400, metadata={"help": "grants that reach levels above this rank need a second officer"}
    )
    graphql_compiled: bool = field(
        default=True, metadata={"help": "show plain objects of GraphQL answers by compiled functions"}
    )
    job_workers: int = field(
        default=1,
        metadata={"help": "threads of each server process that do jobs; 0: `dms jobs work` does them"},
    )
    deadline_s: float = field(default=10.0, metadata={"help": "longest time one operation may take"})
    body_limit_bytes: int = field(default=262_144, metadata={"help": "largest body of a GraphQL request"})
    upload_limit_bytes: int = field(default=5_368_709_120, metadata={"help": "largest single upload"})
    upload_quota_bytes: int = field(
        default=21_474_836_480, metadata={"help": "unfiled uploads one person may hold"}
    )
    upload_expiry_s: int = field(default=86_400, metadata={"help": "how long an unfiled upload is kept"})
    disk_reserve_bytes: int = field(
        default=268_435_456, metadata={"help": "free space below which uploads are refused"}
    )
    blob_store: str = field(
        default="local", metadata={"help": "where content is stored: local (under the data folder) or s3"}
    )
    s3_bucket: str = field(default="", metadata={"help": "bucket of content"})
    s3_endpoint: str = field(
        default="", metadata={"help": "address of the S3 service; empty: that of AWS in the region"}
    )
    s3_region: str = field(default="us-east-1", metadata={"help": "region of the bucket"})
    s3_prefix: str = field(default="", metadata={"help": "folder within the bucket; empty: its root"})
    s3_access_key: str = field(
        default="", repr=False, metadata={"help": "access key; empty: the role of the machine"}
    )
    s3_secret_key: str = field(
        default="", repr=False, metadata={"help": "its secret key; from the environment only"}
    )
    s3_virtual_hosted: bool = field(
        default=False, metadata={"help": "name the bucket in the host name instead of the path"}
    )
    s3_timeout_s: float = field(
        default=60.0, metadata={"help": "longest time one request to the S3 service may take"}
    )
    sweep_grace_s: int = field(
        default=172_800,
        metadata={"help": "stored bytes that nothing names stay this long; longer than a backup takes"},
    )
    scrub_every_s: int = field(
        default=2_592_000,
        metadata={"help": "the server checks stored content again after this long; 0: only commands do"},
    )
    scrub_bytes_per_s: int = field(
        default=20_971_520, metadata={"help": "how fast the server reads to check content; 0: at full speed"}
    )
    session_idle_s: int = field(
        default=3_600, metadata={"help": "a session ends after this long without use"}
    )
    session_absolute_s: int = field(
        default=43_200, metadata={"help": "a session ends this long after log-in"}
    )
    password_preset: str = field(
        default="default", metadata={"help": "argon2id parameters: default, strong or test"}
    )
    key_file: str = field(
        default="", metadata={"help": "key-encryption keys; empty: a file beside the data folder"}
    )
    log_folder: str = field(
        default="",
        metadata={"help": "tiles and checkpoints of the access log; empty: beside the data folder"},
    )
    log_key_file: str = field(
        default="", metadata={"help": "keys that sign the access log; empty: a file beside the data folder"}
    )
    log_origin: str = field(
        default="", metadata={"help": "name of the access log as the world knows it; empty: the host's name"}
    )
    log_witness_file: str = field(
        default="",
        metadata={"help": "who is asked to cosign the access log, and how many must; empty: nobody"},
    )
    log_stamp_url: str = field(
        default="", metadata={"help": "RFC 3161 authority that stamps a checkpoint each day; empty: none"}
    )
    log_stamp_roots: str = field(
        default="", metadata={"help": "PEM file of the certificates that stamps must lead to"}
    )
    log_apart: bool = field(
        default=False,
        metadata={"help": "`dms serve` signs nothing, and on PostgreSQL orders nothing: other processes do"},
    )
    log_kept_months_max: int = field(
        default=36, metadata={"help": "longest time for which readings, refusals and log-ins may be kept"}
    )
    log_keeper_url: str = field(
        default="",
        repr=False,
        metadata={"help": "database address of the role that prunes the log; empty: the same"},
    )
    log_reader_url: str = field(
        default="",
        repr=False,
        metadata={"help": "database address of the role that reads the log; empty: the same"},
    )
    log_level: str = field(
        default="info", metadata={"help": "operational log: debug, info, warning or error"}
    )
    repository_name: str = field(
        default="Repository", metadata={"help": "name of the Repository made at the first migration"}
    )

    @property
    def is_sqlite(self) -> bool:
        """Tell whether the embedded database is in use."""
        return self.sqlalchemy_url.startswith("sqlite")

    @property
    def allows_introspection(self) -> bool:
        """Tell whether anybody may ask the API for its schema."""
        return not self.production if self.introspection == "auto" else self.introspection != "off"

    @property
    def origins(self) -> frozenset[str]:
        """Return the origins whose scripts may call the API from a browser."""
        return frozenset(self.cors_origins.split())

    @property
    def sqlite_path(self) -> Path:
        """Return the path of the embedded database file."""
        return self.home / "dms.sqlite3"

    @property
    def sqlalchemy_url(self) -> str:
        """Return the database address in the form that SQLAlchemy takes."""
        if not self.database_url:
            return f"sqlite:///{self.sqlite_path}"
        for scheme in ("postgresql://", "postgres://"):
            if self.database_url.startswith(scheme):
                return "postgresql+psycopg://" + self.database_url.removeprefix(scheme)
        return self.database_url

    @property
    def blob_root(self) -> Path:
        """Return the folder of the local Blob store."""
        return self.home / "blobs"

    @property
    def key_path(self) -> Path:
        """Return the file of key-encryption keys, outside the data folder: a copy of it holds no key."""
        if self.key_file:
            return Path(self.key_file)
        return self._beside_home("keys")

    @property
    def log_root(self) -> Path:
        """Return the folder of the access log's files: a copy of the data must not take them back too."""
        return Path(self.log_folder) if self.log_folder else self._beside_home("log")

    @property
    def log_key_path(self) -> Path:
        """Return the file of the keys that sign the access log; the server need not be able to read it."""
        return Path(self.log_key_file) if self.log_key_file else self._beside_home("log.keys")

    def _beside_home(self, kind: str) -> Path:
        return self.home.parent / f"{self.home.name}.{kind}"


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
    if settings.database_url and not settings.sqlalchemy_url.startswith("postgresql+psycopg://"):
        raise ConfigurationError("`DMS_DATABASE_URL` must be empty or start with postgresql://")


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
