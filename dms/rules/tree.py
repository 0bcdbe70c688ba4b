"""The Merkle tree over the access log: RFC 9162 section 2.1, with SHA-256.

A leaf is an event, in the order of the sequencer. The tree of a size is fixed by its leaves; its root
stands for all of them. Ranges `[first, end)` count leaves; a perfect node `(level, number)` covers the leaves
`[number * 2**level, (number + 1) * 2**level)`. Hashes are 32 bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Node(NamedTuple):
    """A perfect subtree: its height, and its place among those of its height."""

    level: int
    number: int


class Range(NamedTuple):
    """Leaves from `first` up to and without `end`, that make one subtree."""

    first: int
    end: int


def leaf_hash(body: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """The right edge of a tree: all that is needed to append, and to tell the root."""

    size: int = 0
    hashes: tuple[bytes, ...] = ()
    """Of the perfect subtrees that the size splits into, the largest first."""

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.hashes) != self.size.bit_count():
            raise ValueError(f"a frontier of size {self.size} has {self.size.bit_count()} hashes")

    @property
    def root(self) -> bytes:
        """Return the root of the tree."""
        return joined(self.hashes) if self.hashes else EMPTY_ROOT

    def extended(self, leaves: Iterable[bytes]) -> Frontier:
        """Return the frontier after these leaves' hashes."""
        size, hashes = self.size, list(self.hashes)
        for leaf in leaves:
            merged, rest = leaf, size
            while rest & 1:
                merged = node_hash(hashes.pop(), merged)
                rest >>= 1
            hashes.append(merged)
            size += 1
        return Frontier(size, tuple(hashes))


def joined(hashes: Sequence[bytes]) -> bytes:
    """Return the hash of a subtree from those of its `nodes`."""
    *rest, found = hashes
    for left in reversed(rest):
        found = node_hash(left, found)
    return found


def joined_pairs(hashes: Sequence[bytes]) -> bytes:
    """Return the hash above a power of two of neighbours of one height."""
    found = list(hashes)
    while len(found) > 1:
        found = [node_hash(*found[pair : pair + 2]) for pair in range(0, len(found), 2)]
    return found[0]


def nodes(span: Range) -> list[Node]:
    """Return the perfect subtrees of a subtree, the largest first: their hashes make its own."""
    found = []
    first = span.first
    while first < span.end:
        level = (span.end - first).bit_length() - 1
        found.append(Node(level, first >> level))
        first += 1 << level
    return found


def inclusion_path(index: int, size: int) -> list[Range]:
    """Return the subtrees whose hashes prove that a leaf is in the tree of a size, the lowest first."""
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    return list(_beside_leaf(index, Range(0, size)))[::-1]


def consistency_path(old_size: int, size: int) -> list[Range]:
    """Return the subtrees whose hashes prove that a tree continues an older one, the lowest first."""
    if not 0 < old_size <= size:
        raise ValueError(f"no proof leads from a tree of {old_size} leaves to one of {size}")
    return list(_beside_tree(old_size, Range(0, size)))[::-1]


def is_included(leaf: bytes, *, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Tell whether a proof leads from a leaf's hash to a root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or not _are_hashes(leaf, root, *proof):
        return False
    at, last, found = index, size - 1, leaf
    for beside in proof:
        if not last:
            return False
        if at & 1 or at == last:
            found = node_hash(beside, found)
            at, last = _up_to_odd(at, last)
        else:
            found = node_hash(found, beside)
        at, last = at >> 1, last >> 1
    return not last and found == root


def is_consistent(old_root: bytes, root: bytes, *, old_size: int, size: int, proof: Sequence[bytes]) -> bool:
    """Tell whether a proof shows that a tree continues an older one (RFC 9162, 2.1.4.2).

    An empty older tree proves nothing: it is refused.
    """
    if not 0 < old_size <= size:
        return False
    if old_size == size:
        return not proof and old_root == root
    if not _are_hashes(old_root, root, *proof):
        return False
    path = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not path:
        return False
    at, last = old_size - 1, size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for beside in path[1:]:
        if not last:
            return False
        if at & 1 or at == last:
            old, new = node_hash(beside, old), node_hash(beside, new)
            at, last = _up_to_odd(at, last)
        else:
            new = node_hash(new, beside)
        at, last = at >> 1, last >> 1
    return not last and old == old_root and new == root


def _are_hashes(*found: bytes) -> bool:
    return all(len(each) == HASH_BYTES for each in found)


def _up_to_odd(at: int, last: int) -> tuple[int, int]:
    """Climb from a right edge without a sibling to the height at which it has one on its left."""
    while at and not at & 1:
        at, last = at >> 1, last >> 1
    return at, last


def _split(span: Range) -> tuple[Range, Range]:
    """Split a subtree of two leaves or more as RFC 9162 does: the left part is perfect."""
    middle = span.first + (1 << ((span.end - span.first - 1).bit_length() - 1))
    return Range(span.first, middle), Range(middle, span.end)


def _beside_leaf(index: int, span: Range) -> Iterator[Range]:
    while span.end - span.first > 1:
        left, right = _split(span)
        span, beside = (left, right) if index < left.end else (right, left)
        yield beside


def _beside_tree(old_size: int, span: Range) -> Iterator[Range]:
    while old_size != span.end:
        left, right = _split(span)
        span, beside = (left, right) if old_size <= left.end else (right, left)
        yield beside
    if span.first:
        yield span
