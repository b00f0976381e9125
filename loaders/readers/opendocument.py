"""OpenDocument text, spreadsheets and presentations (ISO/IEC 26300), read with lxml; flat XML files as well."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from errors import CorruptFileError
from loaders.readers.base import FileLoader, mapped_errors
from loaders.readers.package import Package
from loaders.readers.part import Part
from loaders.readers.tables import GridRow, SheetGrid, SheetWriter, write_rows
from loaders.readers.xmlsafe import attribute, local_name, parse_xml

_SKIP = {
    "tracked-changes",
    "annotation-end",
    "sequence-decls",
    "forms",
    "bookmark",
    "settings",
    "note-citation",
}
_MAX_REPEAT = 1024  # of a cell with text; blank ones may repeat a million times


class OpenDocumentLoader(FileLoader):
    """What the three kinds share: opening, decryption refused in one sentence, the title."""

    def content(self) -> Any:
        """The root of content.xml, or of a flat XML file."""
        if not self.source.data.startswith(b"PK"):
            return parse_xml(self.source.data, self.source.label)
        package = Package(self.source)
        manifest = package.optional_xml("META-INF/manifest.xml")
        if manifest is not None and next(manifest.iter("{*}encryption-data"), None) is not None:
            from loaders.readers.odf_decryption import decrypted_member

            return parse_xml(decrypted_member(package, manifest, "content.xml"), self.source.label)
        meta = package.optional_xml("meta.xml")
        title = next(meta.iter("{*}title"), None) if meta is not None else None
        self.use_title("".join(title.itertext()) if title is not None else "")
        changed = (
            next(meta.iter("{http://purl.org/dc/elements/1.1/}date"), None) if meta is not None else None
        )
        self.use_file_date("".join(changed.itertext()) if changed is not None else "")
        if "content.xml" not in package:
            raise CorruptFileError(f"{self.source.label} lacks its content: get a complete copy of it.")
        return package.xml("content.xml")


class OdtLoader(OpenDocumentLoader):
    """One part: headings, paragraphs, lists and tables in order."""

    media_type = "application/vnd.oasis.opendocument.text"

    def parts(self) -> Iterator[Part]:
        part = self.new_part()
        for body in self.content().iter("{*}text"):
            if local_name(body.getparent()) == "body":
                write_blocks(part, body)
        yield part


class OdpLoader(OpenDocumentLoader):
    """One part a slide; the title shape is its heading."""

    media_type = "application/vnd.oasis.opendocument.presentation"

    def parts(self) -> Iterator[Part]:
        for number, page in enumerate(self.content().iter("{*}page"), start=1):
            part = self.new_part(slide=number)
            for shape in page:
                kind = attribute(shape, "class")
                if kind in ("title", "subtitle") and kind == "title":
                    part.add("heading", " ".join(node_text(shape).split()), level=1)
                elif local_name(shape) == "notes":
                    text = " ".join(node_text(shape).split())
                    part.add("paragraph", f"Notes: {text}" if text else "")
                else:
                    write_blocks(part, shape)
            yield part


class OdsLoader(OpenDocumentLoader):
    """One part a sheet; values as the file's author saw them."""

    media_type = "application/vnd.oasis.opendocument.spreadsheet"

    def parts(self) -> Iterator[Part]:
        for table in _sheets(self.content()):
            part = self.new_part(sheet=attribute(table, "name"))
            writer = SheetWriter(part)
            for row in _grid_rows(table):
                writer.add(row)
            writer.close_band()
            part.extra |= _row_facts(table)
            yield part

    def grids(self) -> Iterator[SheetGrid]:
        """The sheets as cells. Raises ReadError."""
        with mapped_errors(self.source):
            content = self.content()
            unseen = _hidden_styles(content)
            for table in _sheets(content):
                yield SheetGrid(
                    name=attribute(table, "name"),
                    hidden=attribute(table, "style-name") in unseen,
                    rows=partial(_grid_rows, table),
                    merged_down=tuple(_merged_down(table)),
                )


def _sheets(content: Any) -> Iterator[Any]:
    return (table for table in content.iter("{*}table") if local_name(table.getparent()) == "spreadsheet")


def _hidden_styles(content: Any) -> frozenset[str]:
    """Names of the styles of sheets that are not shown."""
    return frozenset(
        attribute(properties.getparent(), "name")
        for properties in content.iter("{*}table-properties")
        if attribute(properties, "display") == "false"
    )


def _merged_down(table: Any) -> Iterator[tuple[int, int, int]]:
    """(column, first row, last row) of cells merged over several rows."""
    number = 1
    for row in table.iter("{*}table-row"):
        column = 1
        for cell in row:
            if local_name(cell) in ("table-cell", "covered-table-cell"):
                rows = _count(cell, "number-rows-spanned")
                if rows > 1:
                    yield column, number, number + rows - 1
                column += _count(cell, "number-columns-repeated")
        number += _count(row, "number-rows-repeated")


def _row_facts(table: Any) -> dict[str, Any]:
    """The sheet's rows as its XML declares them, repeated ones in full (loaders/sheets.py says what for)."""
    filled, hidden, number = [], [], 0
    for row in table.iter("{*}table-row"):
        repeat = _count(row, "number-rows-repeated")
        texts = ("".join(cell.itertext()) for cell in row if local_name(cell).endswith("table-cell"))
        if any(text.strip() for text in texts):
            filled.append([number + 1, number + repeat])
        if attribute(row, "visibility") in ("collapse", "filter"):
            hidden.append([number + 1, number + repeat])
        number += repeat
    return {"file_rows": filled} | ({"hidden_rows": hidden} if hidden else {})


def _grid_rows(table: Any) -> Iterator[GridRow]:
    number = 0
    for row in table.iter("{*}table-row"):
        repeat = _count(row, "number-rows-repeated")
        cells: dict[int, str] = {}
        column = 0
        for cell in row:
            if local_name(cell) not in ("table-cell", "covered-table-cell"):
                continue
            text = _cell_text(cell)
            width = _count(cell, "number-columns-repeated")
            if text:
                cells.update({column + place: text for place in range(1, min(width, _MAX_REPEAT) + 1)})
            column += width
        for place in range(1, (min(repeat, _MAX_REPEAT) if cells else 0) + 1):
            yield GridRow(number + place, cells)
        number += repeat


def _count(element: Any, name: str) -> int:
    value = attribute(element, name, "1")
    return max(1, int(value)) if value.isdigit() and len(value) < 9 else 1


def _cell_text(cell: Any) -> str:
    if attribute(cell, "value-type") == "date":
        return attribute(cell, "date-value").replace("T00:00:00", "").replace("T", " ")
    text = "\n".join(node_text(child).strip() for child in cell if local_name(child) == "p")
    return text or attribute(cell, "value")


def write_blocks(part: Part, parent: Any, depth: int = 0) -> None:
    """Headings, paragraphs, list items and tables under `parent`, in order."""
    if depth > 100:
        return
    for element in parent:
        name = local_name(element)
        if name in _SKIP or not name:
            continue
        part.meter.check_time()
        if name == "h":
            level = attribute(element, "outline-level", "1")
            part.add(
                "heading",
                " ".join(node_text(element).split()),
                level=min(int(level) if level.isdigit() else 1, 6),
            )
        elif name == "p":
            _write_paragraph(part, element)
        elif name == "list-item":
            _write_item(part, element, depth)
        elif name == "table":
            rows = [
                [" ".join(node_text(cell).split()) for cell in row if local_name(cell) == "table-cell"]
                for row in element.iter("{*}table-row")
            ]
            marked = next(element.iter("{*}table-header-rows"), None) is not None
            write_rows(part, rows, header=marked or None)
        else:
            write_blocks(part, element, depth + 1)


def _write_paragraph(part: Part, element: Any) -> None:
    title = attribute(element, "style-name") in ("Title", "Heading")
    part.add("heading" if title else "paragraph", node_text(element, boxes=False), level=1 if title else 0)
    for box in element.iter("{*}text-box"):
        write_blocks(part, box, 1)


def _write_item(part: Part, item: Any, depth: int) -> None:
    texts = [node_text(child).strip() for child in item if local_name(child) in ("p", "h")]
    text = "\n".join(text for text in texts if text)
    part.add("list_item", f"- {text}" if text else "")
    for child in item:
        if local_name(child) == "list":
            write_blocks(part, child, depth + 1)


def node_text(element: Any, *, boxes: bool = True) -> str:
    """Text under `element` with its tabs, blanks and line breaks; notes and comments in place."""
    pieces: list[str] = []
    stack: list[Any] = [element]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        name = local_name(item)
        if item is not element and item.tail:
            stack.append(item.tail)
        if not name or name in _SKIP or (name == "text-box" and not boxes):
            continue
        if name == "s":
            pieces.append(" " * min(_count(item, "c"), 80))
        elif name in ("tab", "line-break"):
            pieces.append("\t" if name == "tab" else "\n")
        elif name in ("p", "h") and item is not element:
            pieces.append("\n")
            stack.append("\n")
        stack.extend(reversed(item))
        if item.text:
            stack.append(item.text)
    return "".join(pieces)
