"""Other XML, and SVG: the text in it, element by element; flat Office and OpenDocument files as what they are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loaders.readers.base import FileLoader
from loaders.readers.docx import BodyWriter
from loaders.readers.opendocument import OdpLoader, OdsLoader, OdtLoader
from loaders.readers.part import Part
from loaders.readers.tables import GridRow, SheetWriter
from loaders.readers.xmlsafe import attribute, local_name, parse_xml

_WORD_2003 = "{http://schemas.microsoft.com/office/word/2003/wordml}"
_WORD_2007 = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_DRAWN = {"style", "script", "defs", "metadata", "binData", "pict", "path"}
_TITLES = {"title", "head", "heading", "h1", "h2", "h3", "h4"}


class XmlLoader(FileLoader):
    """One part; entities stay unresolved and nothing is fetched."""

    media_type = "application/xml"

    def parts(self) -> Iterator[Part]:
        root = parse_xml(self.source.data, self.source.label)
        flat = attribute(root, "mimetype")
        if local_name(root) == "document" and "opendocument" in flat:
            loader = (
                OdsLoader if "spreadsheet" in flat else OdpLoader if "presentation" in flat else OdtLoader
            )
            yield from loader(self.source).parts()
            return
        part = self.new_part()
        if local_name(root) == "Workbook":
            yield from self._sheets(root)
            return
        body = next(root.iter(f"{_WORD_2003}body", f"{_WORD_2007}body"), None)
        if body is not None:
            BodyWriter(part, {f"Heading{level}": level for level in range(1, 7)}).blocks(body)
        else:
            _write_elements(part, root)
        yield part

    def _sheets(self, workbook: Any) -> Iterator[Part]:
        """SpreadsheetML of Excel 2003."""
        for sheet in workbook.iter("{*}Worksheet"):
            part = self.new_part(sheet=attribute(sheet, "Name"))
            writer = SheetWriter(part)
            number = 0
            for row in sheet.iter("{*}Row"):
                number = _index(row) or number + 1
                writer.add(GridRow(number, _row_cells(row)))
            writer.close_band()
            yield part


def _row_cells(row: Any) -> dict[int, str]:
    cells: dict[int, str] = {}
    column = 0
    for cell in row:
        if local_name(cell) == "Cell":
            column = _index(cell) or column + 1
            text = " ".join(
                "".join(piece for data in cell.iter("{*}Data") for piece in data.itertext()).split()
            )
            if text:
                cells[column] = text
    return cells


def _index(element: Any) -> int:
    value = attribute(element, "Index")
    return int(value) if value.isdigit() and len(value) < 8 else 0


def _write_elements(part: Part, root: Any) -> None:
    """A block for each element that holds text of its own, with the inline elements in it."""
    stack: list[Any] = [root]
    while stack:
        element = stack.pop()
        name = local_name(element)
        if not name or name in _DRAWN:
            continue
        if (element.text or "").strip() or any((child.tail or "").strip() for child in element):
            text = " ".join(_inside(element).split())
            heading = name.lower() in _TITLES and len(text) <= 200
            part.add("heading" if heading else "paragraph", text, level=2 if heading else 0)
        else:
            stack.extend(reversed(element))


def _inside(element: Any) -> str:
    pieces: list[str] = []
    stack: list[Any] = [element]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        if item is not element and item.tail:
            stack.append(item.tail)
        if not local_name(item) or local_name(item) in _DRAWN:
            continue
        if len(item) == 0 and item is not element:
            pieces.append("")
        stack.extend(reversed(item))
        if item.text:
            stack.append(item.text)
    return (
        " ".join(pieces)
        if len(element) > 0 and local_name(element) not in ("p", "para", "title", "text")
        else "".join(pieces)
    )
