"""Pictures: a small one of each, and what was written into it about itself."""

from __future__ import annotations

import io
import mmap
import warnings
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from dms.rules.renditions import StepReason
from dms.stores.extraction import plain
from dms.stores.extraction.findings import Found, Refused

MAX_PIXELS = 100_000_000
THUMBNAIL_PIXELS = 320
"""The longer side of a thumbnail."""

MEDIA_TYPES = {
    "image/bmp": "BMP",
    "image/gif": "GIF",
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/tiff": "TIFF",
    "image/webp": "WEBP",
}
_FORMATS = tuple(MEDIA_TYPES.values())
_WORDS = ("ImageDescription", "XPTitle", "XPSubject", "XPKeywords", "XPComment", "Artist", "Copyright")
_TAGS = {tag.name: tag.value for tag in ExifTags.Base if tag.name in _WORDS}


def load() -> None:
    """Load the decoders, so that readers need not."""
    Image.init()


def text(content: mmap.mmap | bytes) -> Found:
    """Return what a picture says of itself in words; its size is a fact."""
    image = _opened(content)
    exif = image.getexif()
    words = [_word(exif.get(tag)) for tag in _TAGS.values()]
    comment = image.info.get("comment") or image.info.get("Description")
    words.append(_word(comment))
    facts: dict[str, Any] = {"width": image.width, "height": image.height}
    lines = list(dict.fromkeys(word for word in words if word))
    return Found(plain.tidy("\n".join(lines)).encode(), "text/plain", facts)


def thumbnail(content: mmap.mmap | bytes) -> Found:
    """Return a small picture."""
    image = _opened(content)
    image.draft("RGB", (THUMBNAIL_PIXELS * 2, THUMBNAIL_PIXELS * 2))
    return encoded(image)


def encoded(image: Image.Image) -> Found:
    """Return a picture as a thumbnail, upright and without what it says of itself."""
    try:
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        if upright.mode not in {"RGB", "RGBA"}:
            upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise Refused(StepReason.DAMAGED) from error
    made = io.BytesIO()
    upright.save(made, "WEBP", quality=80, method=2, exif=b"", icc_profile=b"")
    return Found(made.getvalue(), "image/webp", {"width": upright.width, "height": upright.height})


def _opened(content: mmap.mmap | bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(content), formats=_FORMATS)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
        raise Refused(StepReason.DAMAGED) from error
    except Image.DecompressionBombError as error:
        raise Refused(StepReason.BOMB) from error
    if image.width * image.height > MAX_PIXELS:
        raise Refused(StepReason.TOO_LARGE)
    return image


def _word(value: object) -> str:
    if isinstance(value, bytes):
        encoding = "utf-16-le" if value[1:2] == b"\0" else "utf-8"
        return value.decode(encoding, "ignore").strip("\0 ")
    return str(value).strip("\0 ") if isinstance(value, str) else ""
