"""Excel workbooks (XLSX, XLSM): one part a sheet, values as people see them, formulas and macros left alone.

Read from SpreadsheetML (ECMA-376 part 1, chapter 18) with lxml's incremental parser: number formats, merged
cells and hidden sheets are known, and a million empty rows cost no memory.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

from lxml import etree

from errors import CorruptFileError, FileTooLargeError
from loaders.readers.base import FileLoader, mapped_errors
from loaders.readers.docx import read_embedded
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.numbers import NumberFormat, shown_number
from loaders.readers.package import Package
from loaders.readers.part import Part
from loaders.readers.row_numbers import merged_down, xlsx_rows
from loaders.readers.tables import GridRow, SheetGrid, SheetWriter
from loaders.readers.xmlsafe import attribute, local_name, own_text

_REFERENCE = re.compile(r"^\$?([A-Z]{1,3})\$?(\d{1,7})$")
_MAX_COLUMN = 16_384
# Rows and cells without content that say where they stand: dropped before parsing, for sheets of a million of them.
_BLANK = re.compile(rb'<c\s[^<>]*?\br="[A-Z]{1,3}\d+"[^<>]*/>|<row\s[^<>]*?\br="\d+"[^<>]*(?:/>|>\s*</row>)')
_MERGE = re.compile(rb'<(?:\w+:)?mergeCell\s[^>]*ref="([A-Z]{1,3}\d+):([A-Z]{1,3}\d+)"')


@dataclass(frozen=True, slots=True)
class _Book:
    """What the cells of all sheets are read with."""

    package: Package
    sheets: tuple[tuple[str, str, bool], ...]  # (name, member path, hidden)
    strings: list[str]
    formats: list[NumberFormat]
    epoch_1904: bool

    @classmethod
    def opened(cls, package: Package) -> _Book:
        main = package.main_part("xl/workbook.xml")
        workbook, relations = package.xml(main), package.relations(main)
        marks = workbook.iter("{*}workbookPr")
        return cls(
            package=package,
            sheets=tuple(_sheets(workbook, relations, package)),
            strings=_shared_strings(package, relations),
            formats=_cell_formats(package, relations),
            epoch_1904=any(attribute(mark, "date1904") in ("1", "true") for mark in marks),
        )


class XlsxLoader(FileLoader):
    """`cells` of each block is the row's range in the sheet; hidden sheets carry `hidden: True`."""

    media_type = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"

    def parts(self) -> Iterator[Part]:
        book = _Book.opened(Package(self.source))
        self.use_title(book.package.title())
        self.use_file_date(book.package.property("modified"), book.package.property("created"))
        blank = frozenset(place for place, string in enumerate(book.strings) if not string.strip())
        embedded = EmbeddedFiles(self.source)
        read_embedded(book.package, embedded, "xl/embeddings/")
        reported = False
        for name, path, hidden in book.sheets:
            part = self.new_part(sheet=name)
            if hidden:
                part.extra["hidden"] = True
            data = book.package.read(path)
            writer = SheetWriter(part)
            for row in _sheet_rows(data, book, self, merges=_merged(data)):
                writer.add(row)
            writer.close_band()
            part.extra |= _row_facts(data, blank)
            self._drawings(book.package, path, part)
            if part and not reported:
                embedded.report_on(part)
                reported = True
            yield part
        yield from embedded.parts

    def grids(self) -> Iterator[SheetGrid]:
        """The sheets as cells: a cell merged sideways stands in its first column alone. Raises ReadError."""
        with mapped_errors(self.source):
            book = _Book.opened(Package(self.source))
            for name, path, hidden in book.sheets:
                merged = merged_down(book.package.read(path))
                rows = partial(self._cells_of, book, path)
                yield SheetGrid(name=name, hidden=hidden, rows=rows, merged_down=merged)

    def _cells_of(self, book: _Book, path: str) -> Iterator[GridRow]:
        with mapped_errors(self.source):
            yield from _sheet_rows(book.package.read(path), book, self)

    def _drawings(self, package: Package, sheet: str, part: Part) -> None:
        """Text boxes and comments that lie over the cells."""
        for kind in ("drawing", "comments"):
            for path in package.related(sheet, kind):
                root = package.optional_xml(path)
                tag = "txBody" if kind == "drawing" else "comment"
                for body in root.iter(f"{{*}}{tag}") if root is not None else ():
                    text = " ".join("".join(piece.text or "" for piece in body.iter("{*}t")).split())
                    part.add("paragraph", text, cells=attribute(body, "ref") if kind == "comments" else "")


def _row_facts(data: bytes, blank_strings: frozenset[int]) -> dict[str, Any]:
    """What the sheet's XML says by itself of its rows (loaders/sheets.py says what for)."""
    rows, hidden = xlsx_rows(data, blank_strings)
    facts = {"hidden_rows": hidden, "merged_down": merged_down(data)}
    return {"file_rows": rows} | {name: value for name, value in facts.items() if value}


def _sheets(
    workbook: Any, relations: dict[str, tuple[str, str]], package: Package
) -> Iterator[tuple[str, str, bool]]:
    """(name, member path, hidden) in the workbook's order; chart sheets left out."""
    found = False
    for number, sheet in enumerate(workbook.iter("{*}sheet"), start=1):
        identity = next((value for key, value in sheet.attrib.items() if key.endswith("}id")), "")
        _, path = relations.get(identity, ("", f"xl/worksheets/sheet{number}.xml"))
        if path in package:
            found = True
            yield (
                attribute(sheet, "name") or f"Sheet{number}",
                path,
                attribute(sheet, "state") in ("hidden", "veryHidden"),
            )
    if not found:
        for path in sorted(
            name for name in package.names() if name.lower().startswith("xl/worksheets/sheet")
        ):
            yield path.rpartition("/")[2].removesuffix(".xml"), path, False


def _shared_strings(package: Package, relations: dict[str, tuple[str, str]]) -> list[str]:
    path = next(
        (path for kind, path in relations.values() if kind == "sharedStrings"), "xl/sharedStrings.xml"
    )
    if path not in package:
        return []
    strings: list[str] = []
    for element in _iterate(package.read(path), "si"):
        strings.append(_rich_text(element))
        _forget(element)
    return strings


def _rich_text(element: Any) -> str:
    """Text of runs, without phonetic guides."""
    return "".join(
        own_text(piece) for piece in element.iter("{*}t") if local_name(piece.getparent()) != "rPh"
    )


def _cell_formats(package: Package, relations: dict[str, tuple[str, str]]) -> list[NumberFormat]:
    path = next((path for kind, path in relations.values() if kind == "styles"), "xl/styles.xml")
    root = package.optional_xml(path)
    if root is None:
        return []
    codes = {attribute(mark, "numFmtId"): attribute(mark, "formatCode") for mark in root.iter("{*}numFmt")}
    table = next(root.iter("{*}cellXfs"), ())
    return [
        NumberFormat.of(attribute(style, "numFmtId", "0"), codes)
        for style in table
        if local_name(style) == "xf"
    ]


def _iterate(data: bytes, tag: str) -> Iterator[Any]:
    """Elements named `tag`, one at a time, as the parser closes them."""
    events = etree.iterparse(
        io.BytesIO(data), events=("end",), tag=f"{{*}}{tag}", resolve_entities=False, no_network=True,
        load_dtd=False, huge_tree=False, recover=True, remove_comments=True, remove_pis=True,
    )  # fmt: skip
    try:
        for _, element in events:
            yield element
    except etree.XMLSyntaxError as error:
        raise CorruptFileError(f"the XML of a sheet is damaged ({error})") from error


def _forget(element: Any) -> None:
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _sheet_rows(
    data: bytes,
    book: _Book,
    loader: XlsxLoader,
    *,
    merges: Mapping[int, Sequence[tuple[int, int, bool]]] = MappingProxyType({}),
) -> Iterator[GridRow]:
    """`merges`: cells that reach over further columns, by their row."""
    number = 0
    data = _BLANK.sub(b"", _BLANK.sub(b"", data))  # twice: rows that the first pass emptied
    for count, element in enumerate(_iterate(data, "row")):
        if count % 4096 == 0:
            loader.source.meter.check_time()
        declared = element.get("r", "")
        number = int(declared) if declared.isdigit() and int(declared) > number else number + 1
        cells: dict[int, str] = {}
        column = 0
        for cell in element:
            column = _column(cell.get("r", "")) or column + 1
            if column > _MAX_COLUMN:
                raise FileTooLargeError(
                    f"{loader.source.label} has rows of more than {_MAX_COLUMN:,} cells: split it."
                )
            value = _cell_text(cell, book)
            if value:
                cells[column] = value
        _forget(element)
        for first, last, top in merges.get(number, ()):
            if cells.get(first) and top and last - first < 3 and len(cells) > 1:
                cells.update(
                    {place: cells[first] for place in range(first + 1, last + 1) if place not in cells}
                )
        if cells:
            yield GridRow(number, dict(sorted(cells.items())))


def _merged(data: bytes) -> dict[int, list[tuple[int, int, bool]]]:
    """Row number -> (first column, last column, True) of cells merged sideways, so that headers reach all columns."""
    found: dict[int, list[tuple[int, int, bool]]] = {}
    start = data.rfind(b"mergeCells")
    start = data.find(b"mergeCells") if start < 0 else data.find(b"mergeCells", max(0, start - 2**22))
    if start < 0:
        return found
    for match in _MERGE.finditer(data, start):
        first, last = (_REFERENCE.match(group.decode()) for group in match.groups())
        if first and last and first.group(2) == last.group(2):
            row = int(first.group(2))
            found.setdefault(row, []).append((_column(first.group()), _column(last.group()), True))
    return found


def _column(reference: str) -> int:
    match = _REFERENCE.match(reference)
    if not match:
        return 0
    column = 0
    for letter in match.group(1):
        column = column * 26 + ord(letter) - 64
    return column


def _cell_text(cell: Any, book: _Book) -> str:
    kind = cell.get("t", "n")
    value = ""
    for child in cell:
        name = local_name(child)
        if name == "v":
            value = own_text(child)
        elif name == "is":
            return _rich_text(child).strip()
    if not value:
        return ""
    if kind == "s":
        return book.strings[int(value)].strip() if value.isdigit() and int(value) < len(book.strings) else ""
    if kind == "b":
        return "TRUE" if value == "1" else "FALSE"
    if kind in ("str", "e", "d"):
        return value.strip()
    style = cell.get("s", "0")
    known = style.isdigit() and int(style) < len(book.formats)
    number_format = book.formats[int(style)] if known else NumberFormat()
    return shown_number(value, number_format, epoch_1904=book.epoch_1904)
