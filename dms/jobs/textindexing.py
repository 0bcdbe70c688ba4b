"""The jobs that let what was read out of contents be found by its words."""

from __future__ import annotations

from functools import partial
from uuid import UUID

from dms.jobs.holding import Ground, Held, InVain
from dms.services import renditions, searchindex
from dms.stores.blobs import BlobDamaged, BlobMissing
from dms.stores.fulltext import analysed
from dms.stores.renditions import read_text


def index(ground: Ground, held: Held) -> None:
    """Index the text of a Version, if it still has one."""
    version_id = UUID(hex=held.taken.payload["version"])
    blob = held.works.read(held.actor, partial(renditions.text_of, version_id=version_id))
    if blob is None:
        return
    try:
        text = read_text(ground.vault, blob)
    except (BlobMissing, BlobDamaged) as error:
        raise InVain(error.code, "the text is not readable: run `dms check --deep`") from error
    held.finish(partial(searchindex.index_text, version_id=version_id, text=analysed(text)))


def catch_up(_ground: Ground, held: Held) -> None:
    """Queue some of the texts by which nothing is found; the next round finds what is left."""
    held.finish(searchindex.catch_up)
