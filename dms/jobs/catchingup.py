"""The job that finds contents that could be read better today than when they were."""

from __future__ import annotations

from functools import partial

from dms.jobs import recognising
from dms.jobs.holding import Ground, Held
from dms.services import renditions


def catch_up(ground: Ground, held: Held) -> None:
    """Queue some of what no reader of today has read; the next round finds what is left.

    What waits for OCR too, once that is switched on and installed.
    """
    has_ocr = recognising.installed(ground.settings, held) is not None
    held.finish(partial(renditions.catch_up, has_ocr=has_ocr))
