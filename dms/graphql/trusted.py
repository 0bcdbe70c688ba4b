"""Trusted documents: the texts that a front end was built with, called by their ids.

Manifests are what relay-compiler (`persistConfig`) and graphql-codegen (`persisted-documents.json`)
write: one JSON object of id and text. They are read and validated at the start, and never grow after it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import orjson
from graphql import GraphQLError, parse, validate

from dms.base.actor import ActorKind
from dms.base.errors import ArgumentInvalid, ConfigurationError
from dms.base.settings import Settings
from dms.graphql.asking import Asked
from dms.graphql.operations import RULES
from dms.graphql.schema import Schema

SHA256 = "sha256:"
"""Before an id that is the digest of its text."""

_DIGEST = re.compile(r"[0-9a-f]{64}")
_MAX_ID = 200


class Mode(StrEnum):
    """What somebody may send."""

    OFF = "off"
    """Texts only."""
    PREFERRED = "preferred"
    """Trusted documents, and texts as well."""
    REQUIRED = "required"
    """Trusted documents only."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a manifest cannot be used; without an id it is about the file."""

    file: Path
    document_id: str | None
    problem: str

    def __str__(self) -> str:
        """Return one line for people."""
        at = (
            f"the trusted document `{self.document_id[:_MAX_ID]}` in `{self.file}`"
            if self.document_id
            else ""
        )
        return f"{at or f'`{self.file}`'}: {self.problem}"


@dataclass(frozen=True, slots=True)
class Manifest:
    """Texts by id, as files hold them."""

    texts: Mapping[str, str]
    files: tuple[Path, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Trusted:
    """The trusted documents of a server, and who must use them."""

    texts: Mapping[str, str]
    people: Mode
    services: Mode

    def text_for(self, kind: ActorKind, asked: Asked) -> str:
        """Return the text that a request runs; `ArgumentInvalid` if it names none that may be run."""
        mode = self.services if kind is ActorKind.SERVICE else self.people
        if asked.document_id is None:
            return asked.text or ""
        if mode is Mode.OFF:
            raise ArgumentInvalid("`documentId` is of no use here: send the text of the operation as `query`")
        text = self.texts.get(_bare(asked.document_id))
        if text is None:
            raise ArgumentInvalid(
                "`documentId` names no trusted document of this server: put the manifest of this very build "
                "of the front end in force"
            )
        return text

    def refuses_texts_of(self, kind: ActorKind) -> bool:
        """Tell whether this kind of principal must send trusted documents."""
        return (self.services if kind is ActorKind.SERVICE else self.people) is Mode.REQUIRED


def open_trusted(settings: Settings, schema: Schema) -> Trusted:
    """Read the manifests of an installation; `ConfigurationError` names the first fault in them."""
    texts: Mapping[str, str] = {}
    if settings.trusted_documents_file:
        manifest = read(Path(settings.trusted_documents_file), schema)
        if manifest.faults:
            first, *others = manifest.faults
            more = f", and {len(others)} more" if others else ""
            raise ConfigurationError(f"{first}{more}: look with `dms schema trusted`")
        texts = manifest.texts
    return Trusted(texts, Mode(settings.trusted_documents), Mode(settings.trusted_documents_services))


def read(path: Path, schema: Schema) -> Manifest:
    """Read and validate a manifest, or all `*.json` files in a folder."""
    files = tuple(sorted(path.glob("*.json"))) if path.is_dir() else (path,)
    texts: dict[str, str] = {}
    faults = [] if files else [Fault(path, None, "the folder holds no manifest (`*.json`)")]
    for file in files:
        faults += _read_file(file, texts, schema=schema)
    return Manifest(texts, files, tuple(faults))


def _read_file(file: Path, texts: dict[str, str], *, schema: Schema) -> Iterator[Fault]:
    """Add the texts of a file; what is wrong with them is returned."""
    try:
        held = orjson.loads(file.read_bytes())
    except OSError as error:
        yield Fault(file, None, f"cannot be read: {error.strerror}")
        return
    except orjson.JSONDecodeError as error:
        yield Fault(file, None, f"is not JSON: {error}")
        return
    if not isinstance(held, dict) or not all(isinstance(text, str) for text in held.values()):
        yield Fault(file, None, "must be one JSON object of ids and texts")
        return
    for document_id, text in held.items():
        problem = _problem(document_id, text, schema=schema)
        bare = _bare(document_id)
        if problem is None and texts.setdefault(bare, text) != text:
            problem = "the same id stands for another text"
        if problem is not None:
            yield Fault(file, document_id, problem)


def _problem(document_id: str, text: str, *, schema: Schema) -> str | None:
    bare = _bare(document_id)
    if not bare or len(document_id) > _MAX_ID:
        return f"an id has 1 to {_MAX_ID} characters"
    # What claims to be a digest must be one: else a manifest could give a text the name of another.
    claims = document_id.startswith(SHA256) or _DIGEST.fullmatch(bare)
    if claims and bare != hashlib.sha256(text.encode()).hexdigest():
        return "the id is not the SHA-256 of its text"
    return _fault_of_text(text, schema)


def _fault_of_text(text: str, schema: Schema) -> str | None:
    # The rules of GraphQL leave no text without an operation, nor one with a subscription.
    try:
        document = parse(text)
        errors = validate(schema.core, document, RULES, 1)
    except GraphQLError as error:
        return _shown(error)
    return _shown(errors[0]) if errors else None


def _shown(error: GraphQLError) -> str:
    places = "".join(f" (line {at.line}, column {at.column})" for at in (error.locations or ())[:1])
    return f"{error.message}{places}"


def _bare(document_id: str) -> str:
    return document_id.removeprefix(SHA256)
