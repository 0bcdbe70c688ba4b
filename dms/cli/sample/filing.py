"""Reads the papers of the sample archive: what each series files, from `papers/*.toml`."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dms.cli.sample import tables
from dms.cli.sample.dates import span
from dms.cli.sample.values import Document, Kind, Security, Version
from dms.models.documents import Medium

PAPERS = Path(__file__).parent / "papers"

ENDINGS: Mapping[Kind, str] = {
    Kind.PDF: "pdf",
    Kind.SCANNED_PDF: "pdf",
    Kind.TEXT: "txt",
    Kind.CSV: "csv",
    Kind.PHOTOGRAPH: "jpg",
    Kind.SLIDE: "jpg",
    Kind.SCAN: "jpg",
    Kind.MAP: "png",
    Kind.DRAWING: "png",
    Kind.DOCX: "docx",
    Kind.XLSX: "xlsx",
    Kind.ODT: "odt",
    Kind.ODS: "ods",
    Kind.EML: "eml",
}


@dataclass(frozen=True, slots=True)
class Paper:
    """One Document as its series describes it; a series' words are the default of its Documents."""

    dates: str
    title: str
    by: str
    kind: str
    """Empty for a Document without bytes."""
    authors: str
    key: str = ""
    text: str = ""
    table: str = ""
    closing: str = ""
    file: str = ""
    to: str = ""
    note: str = ""
    language: str = "en"
    medium: str = "digital"
    security: str = "open"
    coded: bool = False
    declared: bool = False
    later: tuple[Mapping[str, str], ...] = ()
    """Further Versions: what changed against the one before."""


def documents() -> tuple[Document, ...]:
    """Read all papers; an unknown field or code raises."""
    return tuple(document for source in sorted(PAPERS.glob("*.toml")) for document in _read(source))


def _read(source: Path) -> Iterator[Document]:
    filed: Counter[str] = Counter()
    for series in tomllib.loads(source.read_text(encoding="utf-8"))["series"]:
        shared = {name: value for name, value in series.items() if name not in {"in", "document"}}
        for own in series["document"]:
            filed[series["in"]] += 1
            code = f"{series['in']}.{filed[series['in']]:02d}"
            yield _document(_paper({**shared, **own}), code, aggregation=series["in"])


def _paper(fields: Mapping[str, Any]) -> Paper:  # Any: TOML values, checked by the fields' names
    return Paper(**{**fields, "later": tuple(fields.get("later", ()))})


def _document(paper: Paper, code: str, *, aggregation: str) -> Document:
    level, *compartments = paper.security.split("/")
    key = paper.key or code
    return Document(
        key=key,
        aggregation=aggregation,
        reference_code=code if paper.coded else None,
        title=paper.title,
        dates=span(paper.dates),
        medium=Medium(paper.medium),
        language=paper.language,
        authors=paper.authors,
        addressees=paper.to,
        security=Security(level, tuple(sorted(compartments))),
        versions=tuple(_versions(paper, key)) if paper.kind else (),
        # Nothing is declared before it has a Version; paper pieces are registered later.
        is_declared=paper.declared and bool(paper.kind),
        registered_by=paper.by,
    )


def _versions(paper: Paper, key: str) -> Iterator[Version]:
    kind, text = Kind(paper.kind), _text(paper.table, paper.text)
    for number, change in enumerate(({}, *paper.later), start=1):
        note = change.get("note", paper.note)
        kind = Kind(change.get("kind", kind))
        text = _text(change.get("table", ""), change.get("text", "")) or (
            f"{text}\n\n{note}." if number > 1 else text
        )
        yield Version(
            kind=kind,
            file_name=_file_name(paper, kind, number=number),
            text=f"{text}\n\n{paper.closing}".strip(),
            seed=f"{key}:{number}",
            note=note,
            added_by=change.get("by", paper.by),
        )


def _text(table: str, text: str) -> str:
    return tables.drawn(table) if table else text.strip()


def _file_name(paper: Paper, kind: Kind, *, number: int) -> str:
    if paper.file and number == 1:
        return paper.file
    stem = Path(paper.file).stem if paper.file else _slug(paper.title)
    return f"{stem}{f'-v{number}' if number > 1 else ''}.{ENDINGS[kind]}"


def _slug(title: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", title) if not unicodedata.combining(c))
    return re.sub(r"[\W_]+", "-", plain).strip("-").lower()[:64].rstrip("-")
