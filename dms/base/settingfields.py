"""What can be set of an installation: each field with its default, and what follows from several."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


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
    format_signatures: str = field(
        default="",
        metadata={"help": "folder of DROID's signature files; empty: those of the extra `formats`, or none"},
    )
    ocr: bool = field(
        default=False, metadata={"help": "read text in scans by OCR, with the program `tesseract`"}
    )
    ocr_program: str = field(
        default="tesseract", metadata={"help": "the program that does OCR: a path, or a name on `PATH`"}
    )
    ocr_languages: str = field(
        default="eng",
        metadata={"help": "languages of OCR as `tesseract --list-langs` calls them, such as eng+fra+chi_sim"},
    )
    ocr_pages_max: int = field(
        default=500, metadata={"help": "so many pages of one content are read by OCR at most"}
    )
    ocr_page_s: float = field(
        default=60.0, metadata={"help": "CPU time that OCR of one page may take; five times that in all"}
    )
    job_workers: int = field(
        default=1,
        metadata={"help": "threads of each server process that do jobs; 0: `dms jobs work` does them"},
    )
    deadline_s: float = field(default=10.0, metadata={"help": "longest time one operation may take"})
    body_limit_bytes: int = field(default=262_144, metadata={"help": "largest body of a GraphQL request"})
    upload_limit_bytes: int = field(default=5_368_709_120, metadata={"help": "largest single upload"})
    upload_quota_bytes: int = field(
        default=21_474_836_480, metadata={"help": "bytes of unfiled uploads one person may hold"}
    )
    upload_quota_count: int = field(
        default=2_000, metadata={"help": "unfiled uploads one person may hold, whole or in parts"}
    )
    upload_expiry_s: int = field(default=86_400, metadata={"help": "how long an unfiled upload is kept"})
    download_bytes_per_s: int = field(
        default=0, metadata={"help": "how fast one download may be; 0: as fast as it is taken"}
    )
    no_store_rank: int = field(
        default=400,
        metadata={"help": "content marked with this rank or a higher one is kept by no browser"},
    )
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
    backup_kept_days: int = field(
        default=0,
        metadata={"help": "how many days backups are kept, for what destruction says; 0: not said"},
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
