"""Tiles: the tree of the log as static files (C2SP tlog-tiles).

A tile holds up to 256 hashes of one height: tile `n` of level `l` those of the perfect subtrees of
`2 ** (8 * l)` leaves from number `256 * n` on. An entry bundle holds the bodies of up to 256 events. A full
file never changes; the last one of each level is written anew under the number of its hashes.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from dms.rules import tree
from dms.rules.tree import HASH_BYTES, Node, Range

WIDTH = 256
_HEIGHT = 8
_PATH = re.compile(r"(?P<number>(x[0-9]{3}/){0,5}[0-9]{3})(\.p/(?P<width>[1-9][0-9]{0,2}))?")
_LENGTH = struct.Struct(">H")


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """A tile by its level and number, and how many hashes it holds."""

    level: int
    number: int
    width: int

    @property
    def whole(self) -> Tile:
        """Return the full tile at this place."""
        return replace(self, width=WIDTH)

    @property
    def path(self) -> str:
        """Return where it lies below the folder of the log."""
        return f"tile/{self.level}/{_spelled(self.number, self.width)}"

    @property
    def bundle_path(self) -> str:
        """Return where the entry bundle lies that a tile of level 0 is made of."""
        return f"tile/entries/{_spelled(self.number, self.width)}"


def named(level: int, path: str) -> Tile:
    """Read what stands in a path after the level; `ValueError` unless it is spelled as `Tile` does."""
    spelled = _PATH.fullmatch(path)
    if not spelled:
        raise ValueError("no tile has this path")
    number = int(spelled["number"].replace("x", "").replace("/", ""))
    tile = Tile(level, number, int(spelled["width"] or WIDTH))
    if tile.width > WIDTH or tile.path != f"tile/{level}/{path}":
        raise ValueError("no tile has this path")
    return tile


def of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """Yield the tiles of a tree that a tree of `since` leaves did not have as they are, level by level."""
    level = 0
    while count := size >> (_HEIGHT * level):
        before = since >> (_HEIGHT * level)
        if count != before:
            for number in range(before // WIDTH, -(-count // WIDTH)):
                yield Tile(level, number, min(WIDTH, count - number * WIDTH))
        level += 1


def at(level: int, number: int, *, size: int) -> Tile:
    """Return a tile as it is in a tree of a size; `ValueError` if the tree has none there."""
    width = min(WIDTH, (size >> (_HEIGHT * level)) - number * WIDTH)
    if number < 0 or width < 1:
        raise ValueError(f"a tree of {size} leaves has no tile {number} of level {level}")
    return Tile(level, number, width)


def subtree_hash(span: Range, *, size: int, read: Callable[[Tile], Sequence[bytes]]) -> bytes:
    """Return the hash of a subtree from the tiles of a tree of a size."""
    return tree.joined([_node_hash(node, size, read) for node in tree.nodes(span)])


def packed(hashes: Iterable[bytes]) -> bytes:
    """Return the bytes of a tile."""
    return b"".join(hashes)


def unpacked(raw: bytes, tile: Tile) -> list[bytes]:
    """Return the hashes of a tile, from its bytes or those of the full one; `ValueError` for any others."""
    if len(raw) not in {tile.width * HASH_BYTES, WIDTH * HASH_BYTES}:
        raise ValueError(f"`{tile.path}` has {len(raw):,} bytes instead of {tile.width * HASH_BYTES:,}")
    return [raw[start : start + HASH_BYTES] for start in range(0, tile.width * HASH_BYTES, HASH_BYTES)]


def bundled(bodies: Iterable[bytes]) -> bytes:
    """Return the bytes of an entry bundle."""
    return b"".join(_LENGTH.pack(len(body)) + body for body in bodies)


def unbundled(raw: bytes, tile: Tile) -> list[bytes]:
    """Return the bodies of an entry bundle, from its bytes or the full one's; `ValueError` for any others."""
    found, start = [], 0
    while start + _LENGTH.size <= len(raw):
        (length,) = _LENGTH.unpack_from(raw, start)
        found.append(raw[start + _LENGTH.size : start + _LENGTH.size + length])
        start += _LENGTH.size + length
    if start != len(raw) or len(found) not in {tile.width, WIDTH}:
        raise ValueError(f"`{tile.bundle_path}` does not hold {tile.width} whole events")
    return found[: tile.width]


def _node_hash(node: Node, size: int, read: Callable[[Tile], Sequence[bytes]]) -> bytes:
    level, height = divmod(node.level, _HEIGHT)
    number, first = divmod(node.number << height, WIDTH)
    return tree.joined_pairs(read(at(level, number, size=size))[first : first + (1 << height)])


def _spelled(number: int, width: int) -> str:
    """Write a number in groups of three digits, all but the last after an `x`."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.append(f"x{number % 1000:03}")
    return "/".join(reversed(groups)) + ("" if width == WIDTH else f".p/{width}")
