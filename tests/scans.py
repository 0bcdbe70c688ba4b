"""Scans, and a stand-in for the program that reads them, so that tests prove the way to it without it."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

_STAND_IN = """#!{python} -IS
import os, sys, time
if "--version" in sys.argv:
    print("tesseract 9.8.7")
elif "--list-langs" in sys.argv:
    print("List of available languages in ...:")
    print(open({languages!r}).read())
else:
    what = sys.argv[sys.argv.index("-l") + 1]
    head = [sys.stdin.buffer.readline() for _ in range(3)]
    pixels = sys.stdin.buffer.read()
    if what == "asleep":
        time.sleep(60)
    while pixels[0] == 0 or what == "slow":
        pass
    while what == "endless":
        sys.stdout.write("more " * 4096)
    if what == "greedy":
        bytes(4 << 30)
    if what == "writing":
        open({languages!r}, "ab", buffering=0).write(b"x")
    if what == "peeking":
        try:
            print(os.listdir("/etc"))
        except OSError as error:
            print(error.strerror)
    if what == "crashing":
        os.abort()
    if what == "telling":
        for each in range(3, 32):
            try:
                os.fstat(each)
                print("open:", each)
            except OSError:
                pass
        print(sorted(os.environ))
    if min(pixels) < 255:
        print(head[0].decode().strip(), head[1].decode().strip(), what, *sys.argv[5:7], "\\x0c\\x0c")
"""


def stand_in(folder: Path, languages: str) -> str:
    """Write a program that answers like tesseract and says what it was given, of blank paper nothing."""
    known, program = folder / "languages", folder / "tesseract"
    known.write_text(languages.replace(" ", "\n"))
    program.write_text(_STAND_IN.format(python=sys.executable, languages=str(known)))
    program.chmod(0o755)
    return str(program)


def written(*lines: str, size: tuple[int, int] = (1240, 400)) -> Image.Image:
    """Return a picture of some lines, as a scanner would make it."""
    made = Image.new("L", size, 255)
    for number, line in enumerate(lines):
        ImageDraw.Draw(made).text((20, 20 + 80 * number), line, 0, font=ImageFont.load_default(44))
    return made


def tiff(*pages: Image.Image) -> bytes:
    """Return pictures as one file, at 150 dots an inch."""
    made = io.BytesIO()
    pages[0].save(
        made, "TIFF", save_all=True, append_images=pages[1:], compression="tiff_lzw", dpi=(150, 150)
    )
    return made.getvalue()


def pdf(*pages: str) -> bytes:
    """Return a file of pages, each drawn by these operators; `F` is a font."""
    font = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>"
    parts = ["<</Type/Catalog/Pages 2 0 R>>", ""]
    for drawn in pages:
        number = len(parts) + 1
        parts.append(
            f"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents {number + 1} 0 R"
            f"/Resources<</Font<</F {font}>>>>>>"
        )
        parts.append(f"<</Length {len(drawn)}>>\nstream\n{drawn}\nendstream")
    kids = " ".join(f"{number} 0 R" for number in range(3, len(parts) + 1, 2))
    parts[1] = f"<</Type/Pages/Count {len(pages)}/Kids[{kids}]>>"
    made, places = "%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(made))
        made += f"{number} 0 obj\n{part}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        f"{made}xref\n0 {len(parts) + 1}\n0000000000 65535 f \n{table}"
        f"trailer\n<</Root 1 0 R/Size {len(parts) + 1}>>\nstartxref\n{len(made)}\n%%EOF\n"
    ).encode()
