"""Sets the policies and the rental terms as PDF: real text, tables, running head, page numbers."""

# reportlab ships no types.
# mypy: disable-error-code="import-untyped"

from collections.abc import Callable
from functools import partial
from html import escape
from pathlib import Path

from reportlab.lib.colors import Color, HexColor, white
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    BaseDocTemplate,
    Flowable,
    Frame,
    KeepTogether,
    PageTemplate,
    Paragraph,
    Spacer,
    Table,
    TableStyle,
)

from examples.build.source import Piece, emphasis, read_pieces

BLUE = HexColor("#1c4e80")
PALE = HexColor("#e8eff6")
GREY = HexColor("#606b75")
INK = HexColor("#1a1a1a")

DOCUMENTS = {
    "travel-policy-2025": "policies",
    "travel-policy-2026": "policies",
    "health-and-safety-policy": "policies",
    "calibration-and-food-safety-procedure": "policies",
    "purchasing-policy-2026": "policies",
    "general-rental-terms-2026": "contracts",
}


def write_all(folder: Path) -> list[Path]:
    """Every PDF below `folder`; the paths written."""
    return [_write(name, folder / below / f"{name}.pdf") for name, below in DOCUMENTS.items()]


def _write(name: str, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pieces = read_pieces(name)
    title = pieces[0].text
    frame = Frame(22 * mm, 20 * mm, 166 * mm, 250 * mm, id="body")
    document = BaseDocTemplate(
        str(path), pagesize=A4, title=title, author="Isvelde B.V.", subject=pieces[1].text, invariant=1
    )
    document.addPageTemplates(PageTemplate("page", [frame], onPage=partial(_decorate, title)))
    document.build(_story(pieces))
    return path


def _decorate(title: str, canvas: Canvas, document: BaseDocTemplate) -> None:
    width, height = A4
    canvas.setFont("Helvetica", 8)
    canvas.setFillColor(GREY)
    canvas.drawString(22 * mm, height - 14 * mm, f"Isvelde B.V.  |  {title}")
    canvas.drawRightString(width - 22 * mm, 12 * mm, f"Page {document.page}")


def _style(name: str, size: float, lead: float, colour: Color = INK, **more: float) -> ParagraphStyle:
    font = "Helvetica-Bold" if name.startswith(("heading", "head")) else "Helvetica"
    return ParagraphStyle(name, fontName=font, fontSize=size, leading=lead, textColor=colour, **more)


STYLES = {
    "heading1": _style("heading1", 20, 25, BLUE, spaceAfter=8),
    "heading2": _style("heading2", 12.5, 16, BLUE, spaceBefore=11, spaceAfter=4),
    "paragraph": _style("paragraph", 10, 14.2, spaceAfter=6),
    "item": _style("item", 10, 14.2, leftIndent=14, bulletIndent=3, spaceAfter=3),
    "note": ParagraphStyle(
        "note",
        fontName="Helvetica-Bold",
        fontSize=10,
        leading=14,
        backColor=HexColor("#fff3d6"),
        borderPadding=6,
        spaceBefore=6,
        spaceAfter=12,
    ),
    "cell": _style("cell", 9, 11.5),
    "head": _style("head", 9, 11.5, white),
}


def _story(pieces: list[Piece]) -> list[Flowable]:
    flowables: list[Flowable] = []
    for index, piece in enumerate(pieces):
        flowable = _flowable(piece)
        after_heading = index and pieces[index - 1].kind == "heading" and pieces[index - 1].level == 2
        if after_heading and piece.kind != "table":
            flowables.append(KeepTogether([flowables.pop(), flowable]))
        else:
            flowables.append(flowable)
        if piece.kind == "table":
            flowables.append(Spacer(1, 8))
    return flowables


def _flowable(piece: Piece) -> Flowable:
    if piece.kind == "table":
        return _table(piece.rows)
    if piece.kind == "heading":
        return Paragraph(_markup(piece.text), STYLES[f"heading{piece.level}"])
    if piece.kind in ("bullet", "number"):
        return Paragraph(_markup(piece.text), STYLES["item"], bulletText="\u2022")
    return Paragraph(_markup(piece.text), STYLES["note" if piece.kind == "note" else "paragraph"])


def _markup(text: str) -> str:
    wrap: dict[str, Callable[[str], str]] = {"b": "<b>{}</b>".format, "i": "<i>{}</i>".format, "": str}
    return "".join(wrap[mark](escape(words, quote=False)) for words, mark in emphasis(text))


def _table(rows: tuple[tuple[str, ...], ...]) -> Table:
    head, *body = rows
    cells = [[Paragraph(_markup(cell), STYLES["head"]) for cell in head]]
    cells += [[Paragraph(_markup(cell), STYLES["cell"]) for cell in row] for row in body]
    weights = [max(len(row[column]) for row in rows) ** 0.6 for column in range(len(head))]
    widths = [166 * mm * weight / sum(weights) for weight in weights]
    style = TableStyle(
        [
            ("BACKGROUND", (0, 0), (-1, 0), BLUE),
            ("ROWBACKGROUNDS", (0, 1), (-1, -1), [white, PALE]),
            ("GRID", (0, 0), (-1, -1), 0.4, HexColor("#b8c4cf")),
            ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ("TOPPADDING", (0, 0), (-1, -1), 3),
            ("BOTTOMPADDING", (0, 0), (-1, -1), 3),
        ]
    )
    return Table(cells, colWidths=widths, repeatRows=1, style=style)
