"""Pictures of the sample archive: photographs, slides, typed sheets, maps and drawings."""

from __future__ import annotations

import io
import textwrap
from functools import cache
from pathlib import Path

import reportlab
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont, ImageOps

from dms.cli.sample import layout
from dms.cli.sample.seeded import Seeded

Colour = tuple[int, int, int]

_VERA = Path(reportlab.__file__).parent / "fonts" / "Vera.ttf"
_WIDE = (1040, 760)
_SHEET = (826, 1169)
_SKIES: tuple[tuple[Colour, Colour], ...] = (
    ((116, 160, 205), (226, 232, 230)),
    ((150, 168, 182), (236, 226, 205)),
    ((92, 112, 150), (240, 190, 150)),
    ((176, 182, 186), (220, 222, 220)),
)
_WALLS: tuple[Colour, ...] = (
    (214, 178, 128),
    (198, 140, 110),
    (226, 206, 170),
    (170, 150, 132),
    (205, 190, 182),
    (188, 120, 96),
)
_PLOTS: tuple[Colour, ...] = ((222, 200, 172), (228, 210, 186), (206, 214, 184))
_SEA: Colour = (70, 104, 122)


def photograph(title: str, text: str, seed: str) -> bytes:
    """Make a JPEG of a toned print: the scene with grain, fading and a white border."""
    del title, text
    draws = Seeded(seed)
    grey = ImageOps.grayscale(_scene(draws)).filter(ImageFilter.GaussianBlur(1.1))
    grained = ImageChops.add(grey, _grain(draws, _WIDE), scale=1, offset=-34)
    brown = draws.pick((("#20160e", "#efe2c8"), ("#1a1a1c", "#e9e7e2"), ("#2a1d10", "#f2dfb8")))
    toned = ImageOps.colorize(grained, black=brown[0], white=brown[1])
    return _jpeg(ImageOps.expand(toned, border=26, fill=(244, 238, 224)), quality=78)


def slide(title: str, text: str, seed: str) -> bytes:
    """Make a JPEG in colour, as from a slide or a camera."""
    del title, text
    draws = Seeded(seed)
    picture = _scene(draws)
    grain = Image.merge("RGB", [_grain(draws, _WIDE, spread=22)] * 3)
    return _jpeg(ImageChops.add(picture, grain, scale=1, offset=-11), quality=80)


def scan(title: str, text: str, seed: str) -> bytes:
    """Make a JPEG of one typed sheet; what does not fit on it is left out."""
    return typed_sheet(typed_lines(title, text)[:34], seed)


def typed_lines(title: str, text: str) -> list[str]:
    """Break a text into the lines of a typewriter."""
    lines = [*textwrap.wrap(title.upper(), 52), ""]
    for part in layout.paragraphs(text):
        lines += [*textwrap.wrap(part, 62), ""]
    return lines


def typed_sheet(lines: list[str], seed: str) -> bytes:
    """Make a JPEG of a typed sheet: yellowed, askew, stamped."""
    draws = Seeded(seed)
    shade = draws.between(214, 236)
    sheet = Image.new("L", _SHEET, shade)
    pen = ImageDraw.Draw(sheet)
    font = _font(20)
    for at, line in enumerate(lines):
        ink = draws.between(30, 84)
        pen.text((92 + draws.below(3), 104 + at * 30 + draws.below(3)), line, fill=ink, font=font)
    _stamp(pen, draws)
    turned = sheet.rotate(
        draws.between(-12, 12) / 10, fillcolor=shade - 30, resample=Image.Resampling.BILINEAR
    )
    aged = ImageChops.add(turned, _grain(draws, _SHEET, spread=24), scale=1, offset=-12)
    return _jpeg(ImageOps.colorize(aged, black="#1d1712", white="#f7efdb"), quality=62)


def town_map(title: str, text: str, seed: str) -> bytes:
    """Make a PNG map: coast, river, streets, blocks, a compass and a title."""
    del text
    draws = Seeded(seed)
    sheet = Image.new("RGB", (1200, 900), (244, 238, 218))
    pen = ImageDraw.Draw(sheet)
    _blocks(pen, draws)
    river = [(620 + draws.between(-26, 26) + y // 9, y) for y in range(0, 760, 45)]
    pen.line(river, fill=(60, 90, 110), width=26, joint="curve")
    pen.line(river, fill=(188, 212, 220), width=23, joint="curve")
    coast = _ridge(draws, 1200, low=560, high=690)
    pen.polygon([(0, 900), *coast, (1200, 900)], fill=(188, 212, 220), outline=(60, 90, 110))
    for step in range(1, 5):
        pen.line([(x, y + 34 * step) for x, y in coast], fill=(150, 184, 198), width=1)
    mole = draws.between(250, 450)
    pen.line([(mole, 560), (mole + 20, 740), (mole + 130, 800)], fill=(150, 130, 110), width=9, joint="curve")
    _legend(pen, title, at=(40, 800))
    return _png(sheet, colours=32)


def drawing(title: str, text: str, seed: str) -> bytes:
    """Make a PNG elevation of a building with storeys, openings and measures."""
    del text
    draws = Seeded(seed)
    sheet = Image.new("RGB", (1200, 850), (250, 250, 246))
    pen = ImageDraw.Draw(sheet)
    ink = draws.pick(((20, 30, 60), (60, 20, 20), (20, 20, 20)))
    _elevation(pen, draws, ink=ink)
    pen.rectangle((20, 20, 1180, 830), outline=ink, width=2)
    _legend(pen, title, at=(44, 770))
    return _png(sheet, colours=8)


def _scene(draws: Seeded) -> Image.Image:
    width, height = _WIDE
    top, low = draws.pick(_SKIES)
    upward = Image.linear_gradient("L").resize(_WIDE)
    picture = Image.composite(Image.new("RGB", _WIDE, low), Image.new("RGB", _WIDE, top), upward)
    pen = ImageDraw.Draw(picture)
    for shade in (168, 140):
        hills = _ridge(draws, width, low=180 + 220 - shade, high=300 + 220 - shade)
        pen.polygon([(0, height), *hills, (width, height)], fill=(shade - 30, shade - 8, shade - 16))
    quay = draws.between(470, 560)
    _houses(pen, draws, quay=quay)
    _water(pen, draws, quay=quay)
    for _ in range(draws.between(1, 4)):
        _boat(pen, draws, quay=quay)
    return picture


def _ridge(draws: Seeded, width: int, *, low: int, high: int) -> list[tuple[int, int]]:
    points, y = [], draws.between(low, high)
    for x in range(0, width + 1, 40):
        y = min(high, max(low, y + draws.between(-22, 22)))
        points.append((x, y))
    return [*points, (width, y)]


def _houses(pen: ImageDraw.ImageDraw, draws: Seeded, *, quay: int) -> None:
    x = -draws.below(60)
    while x < _WIDE[0]:
        width, height = draws.between(70, 150), draws.between(120, 270)
        wall, roof = draws.pick(_WALLS), quay - height
        pen.rectangle((x, roof, x + width, quay), fill=wall, outline=(80, 66, 54))
        peak = (x + width // 2, roof - draws.between(18, 52))
        pen.polygon([(x - 5, roof), peak, (x + width + 5, roof)], fill=(132, 74, 56))
        for wx in range(x + 12, x + width - 20, 28):
            for wy in range(roof + 16, quay - 34, 44):
                pen.rectangle((wx, wy, wx + 13, wy + 22), fill=draws.pick(((52, 52, 58), (92, 88, 80))))
        x += width + draws.pick((0, 0, 3, 16))


def _water(pen: ImageDraw.ImageDraw, draws: Seeded, *, quay: int) -> None:
    width, height = _WIDE
    pen.rectangle((0, quay, width, quay + 16), fill=(146, 136, 122))
    pen.rectangle((0, quay + 16, width, height), fill=_SEA)
    for _ in range(260):
        x, y = draws.below(width), draws.between(quay + 20, height)
        light = draws.between(10, 60)
        pen.line((x, y, x + draws.between(14, 90), y), fill=tuple(c + light for c in _SEA), width=2)


def _boat(pen: ImageDraw.ImageDraw, draws: Seeded, *, quay: int) -> None:
    x, y, length = draws.below(850), draws.between(quay + 60, _WIDE[1] - 40), draws.between(90, 210)
    hull = [(x, y), (x + length, y), (x + length - 22, y + 28), (x + 18, y + 28)]
    pen.polygon(hull, fill=draws.pick(((60, 44, 40), (120, 40, 36), (40, 60, 84))))
    mast = x + length // 2
    pen.line((mast, y, mast, y - length), fill=(70, 52, 40), width=4)
    pen.polygon([(mast + 5, y - length), (mast + 5, y - 12), (x + length, y - 12)], fill=(228, 222, 206))


def _grain(draws: Seeded, size: tuple[int, int], *, spread: int = 68) -> Image.Image:
    # A quarter of the pixels, doubled: film grain is coarser than a pixel, and bytes cost time.
    width, height = (size[0] + 1) // 2, (size[1] + 1) // 2
    noise = Image.frombytes("L", (width, height), draws.grain(width * height))
    return noise.resize(size, Image.Resampling.BILINEAR).point(
        [value * spread // 255 for value in range(256)]
    )


def _stamp(pen: ImageDraw.ImageDraw, draws: Seeded) -> None:
    x, y = draws.between(470, 600), draws.between(900, 1000)
    pen.ellipse((x, y, x + 150, y + 150), outline=110, width=4)
    pen.ellipse((x + 16, y + 16, x + 134, y + 134), outline=120, width=2)
    pen.text((x + 30, y + 62), layout.TOWN.upper(), fill=110, font=_font(13))


def _blocks(pen: ImageDraw.ImageDraw, draws: Seeded) -> None:
    slope = draws.between(-20, 20) / 100
    for x in range(10, 1190, 74):
        for y in range(-200, 900, 58):
            wide, high = draws.between(40, 64), draws.between(28, 50)
            top = y + int(x * slope)
            corners = [
                (x, top),
                (x + wide, top + int(wide * slope)),
                (x + wide - 4, top + high),
                (x - 4, top + high - 5),
            ]
            pen.polygon(corners, fill=draws.pick(_PLOTS), outline=(150, 120, 96))


def _elevation(pen: ImageDraw.ImageDraw, draws: Seeded, *, ink: Colour) -> None:
    left, ground, storeys = 180, 640, draws.between(2, 5)
    right, height = left + draws.between(5, 8) * 100, storeys * 100
    pen.rectangle((left, ground - height, right, ground), outline=ink, width=3)
    pen.polygon(
        [
            (left - 16, ground - height),
            ((left + right) // 2, ground - height - 80),
            (right + 16, ground - height),
        ],
        outline=ink,
        width=3,
    )
    for floor in range(storeys):
        y = ground - floor * 100
        pen.line((left, y, right, y), fill=ink)
        for x in range(left + 30, right - 40, 100):
            pen.rectangle((x, y - 74, x + 40, y - 20), outline=ink, width=2)
        pen.text((left - 70, y - 60), f"{3.2 + draws.below(6) / 10:.1f} m", fill=ink, font=_font(16))
    pen.line((left, ground + 40, right, ground + 40), fill=ink)
    pen.text(((left + right) // 2, ground + 46), f"{(right - left) / 50:.1f} m", fill=ink, font=_font(16))


def _legend(pen: ImageDraw.ImageDraw, title: str, *, at: tuple[int, int]) -> None:
    x, y = at
    pen.rectangle((x, y, x + 700, y + 60), fill=(252, 248, 236), outline=(40, 40, 40), width=2)
    pen.text((x + 14, y + 8), title[:70], fill=(30, 30, 30), font=_font(19))
    pen.text((x + 14, y + 34), f"Town of {layout.TOWN}   scale 1:2500", fill=(70, 70, 70), font=_font(15))
    pen.polygon([(x + 1060, y), (x + 1046, y + 44), (x + 1074, y + 44)], fill=(50, 50, 50))


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    # Bitstream Vera comes with reportlab; the built-in font of Pillow has no accents.
    return ImageFont.truetype(_VERA, size)


def _jpeg(picture: Image.Image, *, quality: int) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def _png(picture: Image.Image, *, colours: int) -> bytes:
    out = io.BytesIO()
    few = picture.quantize(colours, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(out, "PNG")
    return out.getvalue()
