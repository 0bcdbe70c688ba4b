"""Pictures: a small one of each, and what was written into it about itself."""

from __future__ import annotations

import io
import math
import mmap
import struct
import warnings
from typing import Any

from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from dms.rules.renditions import StepReason
from dms.stores.extraction import plain
from dms.stores.extraction.findings import MAX_OCR_PIXELS, Found, Refused

MAX_PIXELS = 100_000_000
THUMBNAIL_PIXELS = 320
"""The longer side of a thumbnail."""

OCR_DPI = 300
MIN_OCR_PIXELS = 40
"""A picture with a shorter side holds nothing to read."""

_BROKEN = (OSError, SyntaxError, ValueError, EOFError, KeyError, TypeError, struct.error)
"""What the decoders raise for broken pictures."""

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
    """Return what a picture says of itself in words; its size, and the pages for OCR, are facts."""
    image = _opened(content)
    exif = image.getexif()
    words = [_word(exif.get(tag)) for tag in _TAGS.values()]
    comment = image.info.get("comment") or image.info.get("Description")
    words.append(_word(comment))
    pages = _pages(image) if min(image.size) >= MIN_OCR_PIXELS else 0
    facts: dict[str, Any] = {"width": image.width, "height": image.height}
    facts |= {"pages": pages, "silent": [*range(pages)]}
    lines = list(dict.fromkeys(word for word in words if word))
    return Found(plain.tidy("\n".join(lines)).encode(), "text/plain", facts)


def thumbnail(content: mmap.mmap | bytes) -> Found:
    """Return a small picture."""
    image = _opened(content)
    image.draft("RGB", (THUMBNAIL_PIXELS * 2, THUMBNAIL_PIXELS * 2))
    return encoded(image)


def page(content: mmap.mmap | bytes, number: int) -> Found:
    """Return one of the pictures of a file as OCR wants it: gray and upright."""
    image = _opened(content)
    try:
        if number:
            image.seek(number)
        if image.width * image.height > MAX_PIXELS:
            raise Refused(StepReason.TOO_LARGE)
        image.draft("L", image.size)
        dpi = image.info.get("dpi", (0, 0))[0]
        upright = ImageOps.exif_transpose(image)
    except _BROKEN as error:
        raise Refused(StepReason.DAMAGED) from error
    return for_ocr(upright, dpi=int(dpi))


def for_ocr(image: Image.Image, *, dpi: int) -> Found:
    """Return a picture as bare gray pixels, so that OCR meets none of the formats it came in."""
    try:
        gray = _gray(image)
    except _BROKEN as error:
        raise Refused(StepReason.DAMAGED) from error
    scale = ocr_scale(gray.width, gray.height, wanted=1.0)
    if scale < 1:
        gray = gray.resize((max(int(gray.width * scale), 1), max(int(gray.height * scale), 1)))
    head = f"P5\n{gray.width} {gray.height}\n255\n".encode()
    return Found(head + gray.tobytes(), "image/x-portable-graymap", {"dpi": round(dpi * scale)})


def ocr_scale(width: float, height: float, *, wanted: float) -> float:
    """Return the scale that is wanted, or the largest at which a page is not too large."""
    return min(wanted, math.sqrt(MAX_OCR_PIXELS / max(width * height, 1)))


def encoded(image: Image.Image) -> Found:
    """Return a picture as a thumbnail, upright and without what it says of itself."""
    try:
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        if upright.mode not in {"RGB", "RGBA"}:
            upright = upright.convert("RGBA" if "transparency" in upright.info else "RGB")
    except _BROKEN as error:
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


def _pages(image: Image.Image) -> int:
    """Return how many pages a scan has; of what moves only the first picture counts."""
    try:
        return int(getattr(image, "n_frames", 1)) if image.format == "TIFF" else 1
    except _BROKEN:
        return 1


def _gray(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):  # 16 bits for each point, of which the upper 8 are enough
        return image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    if "A" in image.getbands() or "transparency" in image.info:
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image.convert("RGBA"))
        return paper.convert("L")
    return image.convert("L")


def _word(value: object) -> str:
    if isinstance(value, bytes):
        encoding = "utf-16-le" if value[1:2] == b"\0" else "utf-8"
        return value.decode(encoding, "ignore").strip("\0 ")
    return str(value).strip("\0 ") if isinstance(value, str) else ""
