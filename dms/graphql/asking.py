"""What a body asks for: a text or a trusted document, and its variables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from dms.base import strictjson
from dms.base.errors import ArgumentInvalid

_AS_JSON = frozenset({"variables", "extensions"})
_MOST_PARAMETERS = 16


@dataclass(frozen=True, slots=True)
class Asked:
    """The body of a request: one of `text` and `document_id`."""

    text: str | None
    document_id: str | None
    operation_name: str | None
    variables: dict[str, Any] | None  # JSON


def asked(body: object) -> Asked:
    """Read a decoded body; `ArgumentInvalid` says which part of it cannot be meant."""
    if not isinstance(body, dict):
        raise ArgumentInvalid("the body must be one JSON object: batches are not accepted")
    _refuse_registration(body.get("extensions"))
    text, document_id = body.get("query"), body.get("documentId")
    name, variables = body.get("operationName"), body.get("variables")
    if not isinstance(document_id, str | None):
        raise ArgumentInvalid("`documentId` must be text")
    if document_id is not None and text is not None:
        raise ArgumentInvalid("send `documentId` or `query`, not both")
    if document_id is None and (not isinstance(text, str) or not text.strip()):
        raise ArgumentInvalid("`query` must be the text of an operation")
    if not isinstance(name, str | None):
        raise ArgumentInvalid("`operationName` must be text")
    if not isinstance(variables, dict | None):
        raise ArgumentInvalid("`variables` must be an object")
    _refuse_fractions(variables)
    return Asked(text, document_id, name, variables)


def parameters(query_string: bytes) -> dict[str, object]:
    """Read the parameters of an address as the body that says the same."""
    try:
        pairs = parse_qsl(query_string.decode("ascii"), errors="strict", max_num_fields=_MOST_PARAMETERS)
    except ValueError as error:  # UnicodeDecodeError is one
        raise ArgumentInvalid("the parameters of the address cannot be read") from error
    return {name: strictjson.decode(value.encode()) if name in _AS_JSON else value for name, value in pairs}


def _refuse_registration(extensions: object) -> None:
    if not isinstance(extensions, dict | None):
        raise ArgumentInvalid("`extensions` must be an object")
    # A client that could name texts could fill the list that an allow list is meant to close.
    if extensions and "persistedQuery" in extensions:
        raise ArgumentInvalid(
            "`extensions.persistedQuery` is refused, since clients register no texts here: "
            "send `query`, or the `documentId` of a trusted document"
        )


def _refuse_fractions(value: object) -> None:
    # No input of the API is a fraction, and graphql-core would take 1.0 for the whole number 1.
    match value:
        case float():
            raise ArgumentInvalid("numbers in `variables` must be whole and of at most 64 bits")
        case dict():
            for item in value.values():
                _refuse_fractions(item)
        case list():
            for item in value:
                _refuse_fractions(item)
