"""`dms schema trusted`: judges a manifest of trusted documents before a server must live with it."""

from __future__ import annotations

from pathlib import Path

import click

from dms.cli.frame import REFUSED, emit, json_option
from dms.graphql import trusted
from dms.graphql.schema import whole_schema


@click.command("trusted")
@click.argument("manifest", type=click.Path(exists=True, path_type=Path))
@json_option
def command(manifest: Path, *, as_json: bool) -> None:
    """Check a manifest of trusted documents, or a folder of them, against the schema of this release."""
    found = trusted.read(manifest, whole_schema())
    result = {
        "documents": len(found.texts),
        "files": [str(file) for file in found.files],
        "faults": [
            {"file": str(each.file), "documentId": each.document_id, "problem": each.problem}
            for each in found.faults
        ],
    }
    count = f"{len(found.texts)} good in {len(found.files)} files, {len(found.faults)} faults"
    emit(result, as_json=as_json, lines=[*(str(each) for each in found.faults), count])
    if found.faults:
        raise click.exceptions.Exit(REFUSED)
