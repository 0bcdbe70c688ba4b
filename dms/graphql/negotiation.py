"""The headers of a request, read to the letter: what the caller takes, and what the body is written in."""

from __future__ import annotations

import math
from functools import lru_cache

JSON = "application/json"
GRAPHQL_JSON = "application/graphql-response+json"

_KEPT_CHARACTERS = 256
"""A longer header is read anew each time, so that what is kept stays small."""


def answer_type(accept: str | None) -> str | None:
    """Return the media type of the answer; None if the caller takes neither.

    GraphQL's own type is for those who name it, so that `*/*` gets what every client reads.
    """
    if accept is None or not accept.strip():
        return JSON
    return (_answer_type if len(accept) <= _KEPT_CHARACTERS else _answer_type.__wrapped__)(accept)


def takes_gzip(accept_encoding: str) -> bool:
    """Tell whether the caller takes gzip, and does not rather have the plain bytes."""
    read = _takes_gzip if len(accept_encoding) <= _KEPT_CHARACTERS else _takes_gzip.__wrapped__
    return read(accept_encoding)


def is_utf8_json(content_type: str) -> bool:
    """Tell whether a body is JSON in UTF-8; other parameters than `charset` mean nothing to JSON."""
    if content_type == JSON:
        return True
    media_type, *parameters = (piece.strip().lower() for piece in content_type.split(";"))
    pairs = [piece.partition("=") for piece in parameters]
    charsets = {value.strip().strip('"') for name, _, value in pairs if name.strip() == "charset"}
    return media_type == JSON and charsets <= {"utf-8", "utf8"}


@lru_cache(maxsize=256)
def _answer_type(accept: str) -> str | None:
    weights = _weights(accept)
    others = weights.get("application/*", weights.get("*/*", 0.0))
    plain, modern = weights.get(JSON, others), weights.get(GRAPHQL_JSON, others)
    if GRAPHQL_JSON in weights and modern > 0 and modern >= plain:
        return GRAPHQL_JSON
    if plain > 0:
        return JSON
    return GRAPHQL_JSON if modern > 0 else None


@lru_cache(maxsize=256)
def _takes_gzip(accept_encoding: str) -> bool:
    weights = _weights(accept_encoding)
    gzip = weights.get("gzip", weights.get("*", 0.0))
    return gzip > 0 and gzip >= weights.get("identity", 0.0)


def _weights(header: str) -> dict[str, float]:
    """Return what the header names, each with its weight (RFC 9110, 12.4.2); of two the greater counts."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        name, *parameters = (piece.strip() for piece in part.split(";"))
        if name:
            weights[name] = max(weights.get(name, 0.0), _weight(parameters))
    return weights


def _weight(parameters: list[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            return _number(value)
    return 1.0


def _number(text: str) -> float:
    # What cannot be read is as if it was not said.
    try:
        value = float(text)
    except ValueError:
        return 1.0
    return min(max(value, 0.0), 1.0) if math.isfinite(value) else 1.0
