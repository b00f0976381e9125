"""Writes the company presentation as PPTX, with speaker notes."""

from io import BytesIO
from pathlib import Path
from typing import Any

import pptx
from pptx.util import Inches, Pt

from examples.build.archive import settle
from examples.build.source import Piece, read_pieces

NAME = "company-presentation-2026"


def write(folder: Path) -> list[Path]:
    """The presentation below `folder`; its path."""
    show = pptx.Presentation()
    show.core_properties.title = "Isvelde: company presentation 2026"
    show.core_properties.author = "Isvelde B.V."
    for number, pieces in enumerate(_by_slide(read_pieces(NAME))):
        _add_slide(show, number, pieces)
    buffer = BytesIO()
    show.save(buffer)
    return [settle(buffer.getvalue(), folder / "presentations" / f"{NAME}.pptx")]


def _by_slide(pieces: list[Piece]) -> list[list[Piece]]:
    slides: list[list[Piece]] = []
    for piece in pieces:
        if piece.kind == "heading":
            slides.append([])
        slides[-1].append(piece)
    return slides


def _add_slide(show: Any, number: int, pieces: list[Piece]) -> None:
    tables = [piece for piece in pieces if piece.kind == "table"]
    layout = 0 if number == 0 else (5 if tables else 1)
    slide = show.slides.add_slide(show.slide_layouts[layout])
    slide.shapes.title.text = pieces[0].text
    lines = [piece.text for piece in pieces[1:] if piece.kind in ("bullet", "paragraph")]
    if lines:
        slide.placeholders[1].text_frame.text = "\n".join(lines)
    for table in tables:
        _add_table(slide, table.rows)
    notes = [piece.text for piece in pieces if piece.kind == "note"]
    slide.notes_slide.notes_text_frame.text = "\n".join(notes)


def _add_table(slide: Any, rows: tuple[tuple[str, ...], ...]) -> None:
    height = Inches(0.5 * len(rows))
    frame = slide.shapes.add_table(len(rows), len(rows[0]), Inches(0.8), Inches(1.7), Inches(8.4), height)
    for cells, row in zip(frame.table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = text
            cell.text_frame.paragraphs[0].runs[0].font.size = Pt(18)
