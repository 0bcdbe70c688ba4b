"""PDF files: letters and reports with text, and scans that are pictures only."""

from __future__ import annotations

import io
from xml.sax.saxutils import escape

from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer

from dms.cli.sample import images, layout
from dms.cli.sample.seeded import Seeded

# Plain binary streams: ASCII85 makes pictures a quarter larger and takes most of the time.
rl_config.useA85 = 0

_CHINESE = "STSong-Light"
_LINES_A_PAGE = 26
_INKS = ("#1f3a5f", "#4a1f2b", "#22432c", "#3a3a3a")
_FONTS = ("Helvetica", "Times-Roman", "Times-Roman", "Courier")


def written(title: str, text: str, seed: str) -> bytes:
    """Write a PDF with a letterhead, selectable text and numbered pages."""
    draws = Seeded(seed)
    ink, font = draws.pick(_INKS), draws.pick(_FONTS)
    out = io.BytesIO()
    made = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=28 * mm,
        rightMargin=24 * mm,
        topMargin=34 * mm,
        bottomMargin=24 * mm,
        title=title,
        author=layout.TOWN,
        invariant=1,
    )

    def dress(canvas: Canvas, page: SimpleDocTemplate) -> None:
        _letterhead(canvas, page.page, ink=ink)

    made.build(_flow(title, text, font=font), onFirstPage=dress, onLaterPages=dress)
    return out.getvalue()


def scanned(title: str, text: str, seed: str) -> bytes:
    """Write a PDF whose pages are pictures of typed sheets: no text can be selected."""
    lines = images.typed_lines(title, text)
    pages = [lines[at : at + _LINES_A_PAGE] for at in range(0, len(lines), _LINES_A_PAGE)]
    out = io.BytesIO()
    canvas = Canvas(out, pagesize=A4, invariant=1, pageCompression=1)
    canvas.setTitle(title)
    canvas.setAuthor(layout.TOWN)
    for at, page in enumerate(pages):
        sheet = images.typed_sheet(page, f"{seed}/{at}")
        canvas.drawImage(ImageReader(io.BytesIO(sheet)), 0, 0, width=A4[0], height=A4[1])
        canvas.showPage()
    canvas.save()
    return out.getvalue()


def _flow(title: str, text: str, *, font: str) -> list[Flowable]:
    body = ParagraphStyle("body", fontName=font, fontSize=10.5, leading=15, spaceAfter=8)
    heading = ParagraphStyle("heading", parent=body, fontSize=15, leading=20, spaceAfter=14)
    parts = [_paragraph(part, body) for part in layout.paragraphs(text)]
    return [_paragraph(title, heading), Spacer(1, 2 * mm), *parts]


def _paragraph(text: str, style: ParagraphStyle) -> Paragraph:
    if not layout.is_chinese(text):
        return Paragraph(escape(text), style)
    if _CHINESE not in pdfmetrics.getRegisteredFontNames():
        pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    chinese = ParagraphStyle("chinese", parent=style, fontName=_CHINESE, wordWrap="CJK")
    return Paragraph(escape(text), chinese)


def _letterhead(canvas: Canvas, page: int, *, ink: str) -> None:
    width, height = A4
    canvas.saveState()
    canvas.setFillColor(HexColor(ink))
    canvas.setStrokeColor(HexColor(ink))
    canvas.circle(28 * mm, height - 20 * mm, 5 * mm, fill=0)
    canvas.line(25 * mm, height - 21 * mm, 31 * mm, height - 21 * mm)
    canvas.line(28 * mm, height - 24 * mm, 28 * mm, height - 16 * mm)
    canvas.setFont("Times-Bold", 13)
    canvas.drawString(37 * mm, height - 21.5 * mm, f"Town of {layout.TOWN}")
    canvas.line(24 * mm, height - 28 * mm, width - 24 * mm, height - 28 * mm)
    canvas.setFont("Helvetica", 8)
    canvas.drawRightString(width - 24 * mm, 14 * mm, str(page))
    canvas.restoreState()
