"""Verify a folder of tiles, or the proof of one event, by themselves: without a database or any setting.

From the bottom: bodies make leaves, leaves make tiles, tiles make those above them, and all of it makes the
root that was signed. Entry bundles may be missing where the log was pruned; tiles may not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

import orjson

from dms.access.log import continuity
from dms.access.log.continuity import Continuity, Stated, Trust
from dms.access.log.findings import Audit, Finding, Findings, Tell, Verdict
from dms.access.log.ledger import Ledger
from dms.access.log.tilestore import TileFolder
from dms.access.log.verify import UNREADABLE
from dms.base.errors import NotFound
from dms.rules import checkpoints, tiles, tree
from dms.rules.tiles import WIDTH, Tile

TELL_EVERY = 16
"""Tiles between two words of progress."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class FolderGround:
    """A folder of tiles, and what it is held against."""

    folder: TileFolder
    trust: Trust
    threads: int
    """How many numbers of a writer that was killed may be missing."""
    tell: Tell
    besides: Sequence[Stated] = ()
    """Checkpoints from elsewhere that the log must continue."""


def verify_folder(ground: FolderGround) -> Audit:
    """Verify a folder of tiles against its checkpoints."""
    audit = Audit()
    stated = last_checkpoint(ground.folder, ground.trust, audit.findings)
    if stated is None:
        return audit
    _Tiles(ground, audit, stated).verify()
    ground.trust.judge(audit.findings)
    return audit


def last_checkpoint(folder: TileFolder, trust: Trust, findings: Findings) -> Stated | None:
    """Return the last checkpoint of a folder; None, with a finding, if there is none to believe."""
    try:
        note = folder.checkpoint()
    except (OSError, ValueError) as error:
        findings.changed("checkpoint_unreadable", f"the last checkpoint: {error}")
        return None
    if note is None:
        message = f"there is no checkpoint in `{folder.root}`"
        findings.add(Finding("no_checkpoint", message, Verdict.UNREADABLE))
        return None
    return trust.verified(note, findings, name="the last checkpoint")


def verify_proof(text: str, body: bytes, trust: Trust) -> Audit:
    """Verify that an event's body is in the log, by the proof file that came with it."""
    audit = Audit()
    try:
        proof = checkpoints.read_proof(text)
    except ValueError as error:
        audit.findings.add(Finding("proof_unreadable", str(error), Verdict.UNREADABLE))
        return audit
    stated = trust.verified(proof.checkpoint, audit.findings, name="the checkpoint of the proof")
    if stated is None:
        return audit
    found, leaf = stated.checkpoint, tree.leaf_hash(body)
    audit.size, audit.root, audit.events, audit.checkpoints = found.size, found.root, 1, 1
    if tree.is_included(leaf, index=proof.index, size=found.size, proof=proof.path, root=found.root):
        audit.signed_size = found.size
    else:
        message = "the proof does not lead from this body to the checkpoint"
        audit.findings.changed("proof_refused", message, at=proof.index, event_id=event_id_of(body))
    trust.judge(audit.findings)
    return audit


def event_id_of(body: bytes) -> UUID | None:
    """Return the id of an event from its body; None for a body that nobody can read."""
    try:
        return UUID(hex=orjson.loads(body)["id"])
    except UNREADABLE:
        return None


class _Tiles:
    """Goes through the tiles of a folder, from the lowest level up."""

    def __init__(self, ground: FolderGround, audit: Audit, last: Stated) -> None:
        self._folder, self._audit, self._findings = ground.folder, audit, audit.findings
        self._ground = ground
        self._size, self._root = last.checkpoint.size, last.checkpoint.root
        self._ledger = Ledger()
        self._missing: list[Tile] = []
        """Tiles of level 0 whose bundle is missing."""
        # The history knows a checkpoint before it is published, so one of it may be ahead.
        stated = continuity.history(ground.folder, ground.trust, audit.findings, may_lead=True)
        besides = [*ground.besides, last]
        self._growing = Continuity(continuity.merged(stated, besides), audit.findings)

    def verify(self) -> None:
        """Verify all levels."""
        above, level = self._lowest(), 1
        while above:
            above = self._level(level, above)
            level += 1
        self._growing.finish(self._published)
        self._growing.tell(self._audit)
        if self._judge_bundles():
            self._ledger.judge(self._findings, threads=self._ground.threads)

    def _lowest(self) -> list[bytes]:
        """Look at bundles and the tiles over them; returns the hashes that belong into level 1."""
        above = []
        count = -(-self._size // WIDTH)
        for number in range(count):
            leaves = self._leaves(tiles.at(0, number, size=self._size))
            if leaves is None:
                return []  # nothing beyond a hole can be told
            if len(leaves) == WIDTH:
                above.append(tree.joined_pairs(leaves))
                self._growing.extend_tile(leaves, above[-1])
            else:
                self._growing.extend(leaves)
            if number % TELL_EVERY == 0 or number == count - 1:
                self._ground.tell("tiles", number + 1, count)
        return above

    def _leaves(self, tile: Tile) -> list[bytes] | None:
        """Return the hashes of the leaves of a tile, as its bundle and the level above tell them."""
        first = tile.number * WIDTH
        hashes = self._read(self._folder.hashes, tile, at=first)
        try:
            bodies = self._folder.bodies(tile)
        except NotFound:
            self._missing.append(tile)
            return hashes
        except (OSError, ValueError) as error:
            self._findings.changed("bundle_damaged", str(error), at=first)
            return hashes
        found = [hashlib.sha256(b"\x00" + body).digest() for body in bodies]
        self._note(bodies, first)
        if hashes is None or found == hashes:
            return found
        at = next(at for at, pair in enumerate(zip(found, hashes, strict=True)) if pair[0] != pair[1])
        return self._decided(tile, at, found, hashes, bodies)

    def _decided(
        self, tile: Tile, at: int, found: list[bytes], hashes: list[bytes], bodies: Sequence[bytes]
    ) -> list[bytes]:
        """Tell which of bundle and tile was changed: the level above, or the checkpoint, knows."""
        index, event_id = tile.number * WIDTH + at, event_id_of(bodies[at])
        if self._is_expected(tile, found):
            message = f"`{tile.path}` does not hold the hash of this event, which is what was signed"
            self._findings.changed("tile_differs", message, at=index, event_id=event_id)
            return found
        message = f"`{tile.bundle_path}` holds another event here than the one that was signed"
        self._findings.changed("bundle_differs", message, at=index, event_id=event_id)
        return hashes

    def _is_expected(self, tile: Tile, leaves: Sequence[bytes]) -> bool:
        if tile.width < WIDTH:
            growing, size = self._growing.frontier, tile.number * WIDTH
            return growing.size == size and growing.extended(leaves).root == self._root
        try:
            above = self._folder.hashes(tiles.at(1, tile.number // WIDTH, size=self._size))
        except (NotFound, OSError, ValueError):
            return False
        return tree.joined_pairs(leaves) == above[tile.number % WIDTH]

    def _level(self, level: int, expected: Sequence[bytes]) -> list[bytes]:
        """Compare the tiles of a level with what is below; returns the hashes that belong above."""
        above = []
        for number in range(-(-len(expected) // WIDTH)):
            tile = tiles.at(level, number, size=self._size)
            own = list(expected[number * WIDTH : number * WIDTH + tile.width])
            covered = WIDTH**level
            hashes = self._read(self._folder.hashes, tile, at=number * WIDTH * covered)
            if hashes is not None and hashes != own:
                at = next(at for at, pair in enumerate(zip(own, hashes, strict=True)) if pair[0] != pair[1])
                index = (number * WIDTH + at) * covered
                message = f"`{tile.path}` is not what follows from the {covered:,} leaves from {index:,} on"
                self._findings.changed("tile_differs", message, at=index)
            if tile.width == WIDTH:
                above.append(tree.joined_pairs(own))
        return above

    def _read(self, read: Callable[[Tile], T], tile: Tile, *, at: int) -> T | None:
        try:
            return read(tile)
        except NotFound:
            self._findings.changed("tile_missing", f"`{tile.path}` is gone", at=at)
        except (OSError, ValueError) as error:
            self._findings.changed("tile_damaged", str(error), at=at)
        return None

    def _note(self, bodies: Sequence[bytes], first: int) -> None:
        if not self._audit.events:
            self._ledger.begins_at = first
        self._audit.events += len(bodies)
        for index, body in enumerate(bodies, start=first):
            if fault := self._ledger.note_body(body, index=index):
                self._findings.changed("event_body", fault, at=index, event_id=event_id_of(body))

    def _judge_bundles(self) -> bool:
        """Tell of bundles that are missing; returns whether none is but the oldest, which were pruned."""
        begins_at = self._ledger.begins_at if self._audit.events else self._size
        pruned = sum(tile.width for tile in self._missing if tile.number * WIDTH < begins_at)
        if pruned:
            message = f"{pruned:,} events before leaf {begins_at:,} have no bundle: they were pruned"
            self._findings.note("bundles_pruned", message)
        later = [tile for tile in self._missing if tile.number * WIDTH >= begins_at]
        for tile in later:
            message = f"`{tile.bundle_path}` is gone, though older ones are there"
            self._findings.incomplete("bundle_missing", message, at=tile.number * WIDTH)
        return not later

    def _published(self) -> int:
        stated = last_checkpoint(self._folder, self._ground.trust, Findings())
        return self._size if stated is None else stated.checkpoint.size
