"""Office Open XML files: DOCX by python-docx, XLSX by XlsxWriter."""

from __future__ import annotations

import io
import zipfile

import docx
import xlsxwriter

from dms.cli.sample import layout


def docx_file(title: str, text: str, seed: str) -> bytes:
    """Write a DOCX with the title as a heading."""
    del seed
    written = docx.Document()
    written.core_properties.title = title
    written.core_properties.author = layout.TOWN
    written.core_properties.created = layout.STAMPED.replace(tzinfo=None)
    written.core_properties.modified = layout.STAMPED.replace(tzinfo=None)
    written.add_heading(title, level=1)
    for part in layout.paragraphs(text):
        written.add_paragraph(part)
    out = io.BytesIO()
    written.save(out)
    return _undated(out.getvalue())


def xlsx_file(title: str, text: str, seed: str) -> bytes:
    """Write an XLSX with one sheet, the first row in bold, numbers as numbers."""
    del seed
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        book.set_properties({"title": title, "created": layout.STAMPED.replace(tzinfo=None)})
        bold = book.add_format({"bold": True})
        sheet = book.add_worksheet("Sheet1")
        for at, row in enumerate(layout.rows(text)):
            _write_row(sheet, at, cells=row, style=bold if at == 0 else None)
    return out.getvalue()


def _write_row(
    sheet: xlsxwriter.worksheet.Worksheet,
    at: int,
    *,
    cells: list[str],
    style: xlsxwriter.format.Format | None,
) -> None:
    for column, cell in enumerate(cells):
        number = layout.number(cell)
        if number is None:
            sheet.write_string(at, column, cell, style)
        else:
            sheet.write_number(at, column, number, style)


def _undated(package: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as made, zipfile.ZipFile(out, "w") as clean:
        for name in made.namelist():
            member = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            member.compress_type = zipfile.ZIP_DEFLATED
            clean.writestr(member, made.read(name))
    return out.getvalue()
