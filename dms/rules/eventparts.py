"""How an access event that names very much is cut into parts, each with a body of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from dms.base.canonical import canonical_bytes
from dms.rules.accessevents import (
    MAX_BODY_BYTES,
    MAX_OBJECTS,
    Head,
    Place,
    Share,
    fields,
    line_of_change,
    line_of_refusal,
)

_WIDEST = Place(UUID(int=0), n=2**62, part=10**6, parts=10**6)
"""A place whose numbers are longer than any that are ever written."""

_GROUP_BYTES = 40
"""What one more disclosure and mark, or one more class, add to a body, beside the lines under them."""


def shares(head: Head, whole: Share) -> list[Share]:
    """Cut what an event names into parts of at most 1,500 released objects and one body each.

    Nearly always one. The order is kept, and changes come first.
    """
    if _is_small(whole):
        return [whole]
    nothing = fields(head, Share(), place=_WIDEST, detail_sha256="0" * 64)
    groups = {(item.disclosure, item.security_id) for item in whole.released}
    classes = {item.class_id for item in whole.released}
    room = MAX_BODY_BYTES - len(canonical_bytes(nothing)) - _GROUP_BYTES * (len(groups) + len(classes))
    parts = [_Part()]
    for kind, item, size in _sized(whole):
        if not parts[-1].has_room(kind, size=size, room=room):
            parts.append(_Part())
        parts[-1].put(kind, item, size=size)
    return [Share(**part.items) for part in parts]


def _is_small(whole: Share) -> bool:
    """Tell whether the parts need no counting: with all of it no body comes near its limit."""
    most = 150 * len(whole.released) + 200 * (len(whole.changed) + len(whole.refused))
    return most + 150 * len(whole.deciding) < MAX_BODY_BYTES // 2


@dataclass(slots=True)
class _Part:
    """A part being filled."""

    items: dict[str, list[Any]] = field(default_factory=dict)  # by the names of `Share`
    size: int = 0

    def has_room(self, kind: str, *, size: int, room: int) -> bool:
        """Tell whether one more item fits."""
        is_full = kind == "released" and len(self.items.get(kind, ())) >= MAX_OBJECTS
        return not is_full and self.size + size <= room

    def put(self, kind: str, item: object, *, size: int) -> None:
        """Add an item."""
        self.items.setdefault(kind, []).append(item)
        self.size += size


def _sized(whole: Share) -> Iterator[tuple[str, object, int]]:
    """Yield each item with its kind and the bytes that it may add to a body."""
    widest_place = len(str(len({item.class_id for item in whole.released}))) + 1
    for change in whole.changed:
        yield "changed", change, len(canonical_bytes(line_of_change(change))) + 1
    for refusal in whole.refused:
        yield "refused", refusal, len(canonical_bytes(line_of_refusal(refusal))) + 1
    for line in whole.deciding:
        yield "deciding", line, len(canonical_bytes(line)) + 1
    for item in whole.released:
        place = 0 if item.class_id is None else widest_place
        yield "released", item, len(str(item.revision)) + 38 + place
