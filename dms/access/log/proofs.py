"""Proofs from the tiles of a shard: that it holds an event, and that it continues what it was."""

from __future__ import annotations

from dms.access.log.tilestore import COSIGNED, STAMPS, TileFolder
from dms.base.errors import Unavailable
from dms.rules import checkpoints, signednotes, tiles, tree
from dms.rules.checkpoints import Checkpoint, EventProof


def latest(folder: TileFolder) -> tuple[Checkpoint, str]:
    """Return the newest checkpoint and the note that carries it; its signature is not verified here."""
    text = folder.checkpoint()
    if text is None:
        raise Unavailable("the access log has no checkpoint yet: run `dms log init`")
    return checkpoints.read(signednotes.read(text).text), text


def prove(folder: TileFolder, index: int) -> EventProof:
    """Prove that the event of an index is in the newest checkpoint; `Unavailable` if none covers it yet."""
    checkpoint, text = latest(folder)
    if index >= checkpoint.size:
        raise Unavailable("no checkpoint covers this event yet: ask again in some seconds")
    return EventProof(index, inclusion(folder, index, size=checkpoint.size), text)


def inclusion(folder: TileFolder, index: int, *, size: int) -> tuple[bytes, ...]:
    """Return the hashes that lead from a leaf to the root of a size, the lowest first."""
    spans = tree.inclusion_path(index, size)
    return tuple(tiles.subtree_hash(span, size=size, read=folder.hashes) for span in spans)


def consistency(folder: TileFolder, old_size: int, *, size: int) -> tuple[bytes, ...]:
    """Return the hashes that prove that a tree of a size continues one of an older size."""
    spans = tree.consistency_path(old_size, size)
    return tuple(tiles.subtree_hash(span, size=size, read=folder.hashes) for span in spans)


def root(folder: TileFolder, *, size: int) -> bytes:
    """Return the root of a tree of a size, from the tiles."""
    if not size:
        return tree.EMPTY_ROOT
    return tiles.subtree_hash(tree.Range(0, size), size=size, read=folder.hashes)


def is_anchored(folder: TileFolder) -> bool:
    """Tell whether anybody outside has ever cosigned or stamped a checkpoint."""
    return (folder.root / COSIGNED).exists() or any((folder.root / STAMPS).glob("*.tsr"))
