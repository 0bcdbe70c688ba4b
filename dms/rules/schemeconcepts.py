"""A functions thesaurus in SKOS as classes: one class for each concept, below its broader one."""

from __future__ import annotations

from collections.abc import Collection

from dms.base.errors import Invalid
from dms.rules import schemefiles, text
from dms.rules.concepts import LabelKind, LinkKind, NoteKind
from dms.rules.schemefiles import ClassRow, Finding, Remark, Rows
from dms.rules.skosvalues import Said, Source

_SCOPE = (NoteKind.SCOPE, NoteKind.DEFINITION)
"""What becomes the scope note: the first of these that is there."""


def rows(source: Source, *, language: str = "en", known: Collection[str] = ()) -> Rows:
    """Return the concepts as classes; what has two places is left out, since a class has one.

    The code is the notation, else the last part of the IRI; a line is the place in the order of IRIs.
    """
    codes = {said.uri: _code(said) for said in source.concepts}
    above: dict[str, list[str]] = {}
    for link in source.links:
        if link.kind is LinkKind.BROADER:
            above.setdefault(link.uri, []).append(link.target)
    found, told = list[ClassRow](), list[Finding]()
    for line, said in enumerate(source.concepts, start=1):
        code, parents = codes[said.uri], above.get(said.uri, [])
        row = _row(line, said, code, language=language)
        if len(parents) > 1:
            message = f"it lies in {len(parents)} classes: choose one"
            told.append(Finding(line, Remark.TWO_PLACES, code, message))
        elif row is None:
            told.append(Finding(line, Remark.CODE_REFUSED, code, "its code or its title is refused"))
        else:
            found.append(row._replace(parent_code=codes.get(parents[0]) if parents else None))
    return schemefiles.checked(found, told, known=known)


def _code(said: Said) -> str:
    return said.wording.notation or said.uri.rstrip("/#").replace("#", "/").rpartition("/")[2]


def _row(line: int, said: Said, code: str, *, language: str) -> ClassRow | None:
    labels = [each for each in said.wording.labels if each.kind is LabelKind.PREFERRED]
    chosen = next((each for each in labels if each.language == language), labels[0] if labels else None)
    try:
        title = text.line("" if chosen is None else chosen.text, ("title",))
        return ClassRow(line, text.code(code), title, scope_note=_note(said, language))
    except Invalid:
        return None


def _note(said: Said, language: str) -> str | None:
    for kind in _SCOPE:
        notes = [each for each in said.wording.notes if each.kind is kind]
        if notes:
            chosen = next((each for each in notes if each.language == language), notes[0])
            return text.block(chosen.text, ("scopeNote",)) or None
    return None
