"""Files of RDF as graphs. Nothing is fetched: only the bytes in hand are read.

XML with a document type, and so with entities, is refused before anything is made of it.
"""

from __future__ import annotations

from xml.parsers import expat
from xml.sax import SAXException

import rdflib
from rdflib import Graph
from rdflib.exceptions import ParserError
from rdflib.plugins.parsers.notation3 import BadSyntax

from dms.base.errors import Invalid
from dms.rules.skosvalues import MAX_SOURCE_BYTES, Format

# A number such as `01` is to stay as it is written; the library has this switch for all who use it.
rdflib.NORMALIZE_LITERALS = False

MAX_XML_DEPTH = 100
_BASE = "https://relative.invalid/"
"""What an IRI is taken to be relative to that is not absolute."""
# The parsers stumble over broken text in all of these ways.
_UNREADABLE = (
    BadSyntax,
    ParserError,
    SAXException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)


def parsed(source: bytes, kind: Format) -> Graph:
    """Return what a file says as a graph; `Invalid` says where it cannot be read."""
    if len(source) > MAX_SOURCE_BYTES:
        raise Invalid(f"the file is larger than {MAX_SOURCE_BYTES} bytes: split it", path=("file",))
    try:
        written = source.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"the file is not UTF-8 (byte {error.start}): save it as UTF-8"
        raise Invalid(message, path=("file",)) from error
    if kind is Format.XML:
        _check_xml(source)
    graph = Graph(bind_namespaces="none")
    try:
        graph.parse(data=written, format=kind.value, publicID=_BASE)
    except _UNREADABLE as error:
        raise Invalid(
            f"the file cannot be read as {kind.value}: {_first_line(error)}", path=("file",)
        ) from error
    return graph


def _check_xml(source: bytes) -> None:
    """Refuse XML with a document type, or nested too deep, before a graph is made of it."""
    parser = expat.ParserCreate()
    depth = 0

    def begin(_name: str, _attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > MAX_XML_DEPTH:
            raise Invalid(f"the file nests deeper than {MAX_XML_DEPTH} elements", path=("file",))

    def end(_name: str) -> None:
        nonlocal depth
        depth -= 1

    def refuse(*_given: object) -> None:
        message = "the file declares a document type or entities, which are not read: write it without"
        raise Invalid(message, path=("file",))

    parser.StartElementHandler, parser.EndElementHandler = begin, end
    parser.StartDoctypeDeclHandler = refuse
    try:
        parser.Parse(source, True)
    except expat.ExpatError as error:
        raise Invalid(f"the file cannot be read as xml: {error}", path=("file",)) from error


def _first_line(error: Exception) -> str:
    said = str(error).strip().splitlines()
    return (
        said[0][:200] if said else "it nests too deep" if isinstance(error, RecursionError) else "no reason"
    )
