"""Writes the contracts and the minutes as DOCX."""

from io import BytesIO
from pathlib import Path

import docx
from docx.document import Document
from docx.shared import Pt
from docx.text.paragraph import Paragraph

from examples.build.archive import settle
from examples.build.source import Piece, emphasis, read_pieces

DOCUMENTS = {
    "rental-contract-strandlyst-2026": "contracts",
    "supply-contract-termovia-2025": "contracts",
    "management-meeting-2026-05-12": "meetings",
}
LIST_STYLES = {
    "bullet": "List Bullet",
    "number": "List Number",
    "note": "Intense Quote",
    "paragraph": "Normal",
}


def write_all(folder: Path) -> list[Path]:
    """Every DOCX below `folder`; the paths written."""
    return [_write(name, folder / below / f"{name}.docx") for name, below in DOCUMENTS.items()]


def _write(name: str, path: Path) -> Path:
    pieces = read_pieces(name)
    document = docx.Document()
    document.styles["Normal"].font.name = "Calibri"
    document.styles["Normal"].font.size = Pt(10.5)
    document.core_properties.title = pieces[0].text
    document.core_properties.author = "Isvelde B.V."
    document.sections[0].footer.paragraphs[0].text = f"Isvelde B.V. | {pieces[0].text} | Confidential"
    for piece in pieces:
        _add(document, piece)
    buffer = BytesIO()
    document.save(buffer)
    return settle(buffer.getvalue(), path)


def _add(document: Document, piece: Piece) -> None:
    if piece.kind == "table":
        _add_table(document, piece.rows)
    elif piece.kind == "heading":
        document.add_heading(piece.text, level=piece.level - 1)
    else:
        _add_runs(document.add_paragraph(style=LIST_STYLES[piece.kind]), piece.text)


def _add_runs(paragraph: Paragraph, text: str) -> None:
    for words, mark in emphasis(text):
        run = paragraph.add_run(words)
        run.bold, run.italic = mark == "b" or None, mark == "i" or None


def _add_table(document: Document, rows: tuple[tuple[str, ...], ...]) -> None:
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Light Grid Accent 1")
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = text
    document.add_paragraph()
