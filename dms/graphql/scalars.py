"""Scalars of the API and the ids of its things."""

from __future__ import annotations

import re
from datetime import date
from typing import NewType
from uuid import UUID

import strawberry
from strawberry.types.scalar import ScalarDefinition

from dms.base.clock import Instant, from_iso, to_iso
from dms.base.ids import Kind, global_id, parse_id_of

BigInt = NewType("BigInt", int)
"""A whole number of up to 64 bits, such as a size in bytes."""

Digest = NewType("Digest", str)
"""SHA-256 as 64 lower-case hexadecimal characters."""

MediaType = NewType("MediaType", str)
"""A media type without parameters, such as `application/pdf`."""

Edtf = NewType("Edtf", str)
"""An EDTF expression, as `rules.dates` reads it."""

ABSENT = UUID(int=0)
"""The id that no row has."""

_MAX_BIG = 2**63
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")


def shown_id(kind: Kind, value: UUID) -> strawberry.ID:
    """Write the id of a thing as the API shows it."""
    return strawberry.ID(global_id(kind, value))


def shown_instant(value: int | None) -> Instant | None:
    """Return an instant that may be missing as the API shows it."""
    return None if value is None else Instant(value)


def shown_big(value: int | None) -> BigInt | None:
    """Return a number that may be missing as the API shows it."""
    return None if value is None else BigInt(value)


def shown_edtf(value: str | None) -> Edtf | None:
    """Return dates that may be missing as the API shows them."""
    return None if value is None else Edtf(value)


def asked_id(kind: Kind, text: str) -> UUID:
    """Read the id of a thing of this kind.

    A malformed id, or one of another kind, reads as `ABSENT`: from here on it takes the way of an id
    that never existed, so that the answers are equal and nothing is told by a shorter way.
    """
    return parse_id_of(kind, text) or ABSENT


def _read_instant(value: object) -> Instant:
    if isinstance(value, str):
        try:
            return from_iso(value)
        except ValueError:
            pass
    raise ValueError("a date with time and offset is needed, such as `2031-05-04T10:00:00Z`")


def _read_date(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("a date is needed, such as `2031-05-04`")


def _read_big(value: object) -> BigInt:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,19}", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and -_MAX_BIG <= value < _MAX_BIG:
        return BigInt(value)
    raise ValueError("a whole number of at most 64 bits is needed")


def _read_digest(value: object) -> Digest:
    if isinstance(value, str) and _DIGEST.fullmatch(value.lower()):
        return Digest(value.lower())
    raise ValueError("a SHA-256 is needed: 64 hexadecimal characters")


def _read_media_type(value: object) -> MediaType:
    if isinstance(value, str) and _MEDIA_TYPE.fullmatch(value.lower()):
        return MediaType(value.lower())
    raise ValueError("a media type is needed, such as `application/pdf`")


def _read_edtf(value: object) -> Edtf:
    # What it says is read by the rules: a date that a person typed wrong is told in the payload, at the
    # field of the form it was typed into. A refusal here would be a 400 for the whole request.
    if isinstance(value, str):
        return Edtf(value)
    raise ValueError("a date in EDTF is needed, such as `1890-05` or `1890/1900`")


SCALARS: dict[object, ScalarDefinition] = {
    Instant: strawberry.scalar(
        name="DateTime",
        description="An instant in UTC with its offset written, such as `2031-05-04T10:00:00.000000Z`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=to_iso,
        parse_value=_read_instant,
    ),
    date: strawberry.scalar(
        name="Date",
        description="A calendar day, such as `2031-05-04`.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc3339#section-5.6",
        serialize=date.isoformat,
        parse_value=_read_date,
    ),
    BigInt: strawberry.scalar(
        name="BigInt",
        description="A whole number of at most 64 bits, such as a size in bytes; never a fraction.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc8259#section-6",
        serialize=int,
        parse_value=_read_big,
    ),
    Digest: strawberry.scalar(
        name="Digest",
        description="The SHA-256 of bytes: 64 lower-case hexadecimal characters.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc6234",
        serialize=str,
        parse_value=_read_digest,
    ),
    MediaType: strawberry.scalar(
        name="MediaType",
        description="What kind of file it is, such as `application/pdf`; without parameters.",
        specified_by_url="https://www.rfc-editor.org/rfc/rfc6838#section-4.2",
        serialize=str,
        parse_value=_read_media_type,
    ),
    Edtf: strawberry.scalar(
        name="EDTF",
        description="A date or period of description (EDTF, ISO 8601-2 level 1): `1890`, `1890-05`, "
        "`1890-05-17`, with `?`, `~` or `%` where it is uncertain, approximate or both, `189X` where digits "
        "are not known, `1890/1900` for a period, `..` for an open end and nothing for an unknown one. No "
        "seasons, and only years from 0001 to 9999. What cannot be read is a `ValidationError` in the "
        "payload.",
        specified_by_url="https://www.loc.gov/standards/datetime/",
        serialize=str,
        parse_value=_read_edtf,
    ),
}
"""What the schema makes of these Python types."""
