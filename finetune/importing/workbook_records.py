"""Records of spreadsheets (XLSX, XLSM, ODS, XLS, XLSB): their cells as people see them, each row by its columns.

Formulas stand for the value that was saved with them. A cell merged over several rows stands for each of them.
Hidden sheets are left out where others are shown.
"""

from __future__ import annotations

import math
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from errors import DatasetError, DatasetFormatError, ReadError
from finetune.importing.header import LOOKED_AT, Header, IsKnown, find_header, has_role
from finetune.importing.records import Columns, Record
from loaders.readers.detect import detect
from loaders.readers.limits import Limits
from loaders.readers.numbers import shown_value
from loaders.readers.opendocument import OdsLoader
from loaders.readers.source import Source
from loaders.readers.tables import GridRow, SheetGrid
from loaders.readers.xlsx import XlsxLoader

_MOST_UNPACKED = 2 * 2**30  # bytes
_MOST_TIMES = 200  # as large as packed: more is a zip bomb
_RATIO_FROM = 64 * 2**20
_FRACTION = re.compile(r"-?\d+\.\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet that holds a table."""

    columns: Columns
    header: Header
    grid: SheetGrid
    notes: tuple[str, ...] = ()

    @property
    def hidden(self) -> bool:
        return self.grid.hidden


def open_workbook(path: Path, known: IsKnown = has_role) -> list[Sheet]:
    """Its sheets with their columns. Raises DatasetError with what to do."""
    _refuse_bomb(path)
    source = Source.from_path(path, name=str(path), limits=Limits(seconds=math.inf))
    try:
        kind = detect(source)
    except ReadError:
        kind = None  # calamine says what it is not
    try:
        if kind == "xlsx":
            return _tables(XlsxLoader(source).grids(), known)
        if kind == "ods":
            return _tables(OdsLoader(source).grids(), known)
    except ReadError as error:
        raise DatasetFormatError(str(error)) from error
    return _tables(_binary_grids(path), known, notes=_of_formats)


def _binary_grids(path: Path) -> Iterator[SheetGrid]:
    """Of XLS and XLSB, whose number formats are not known. Raises DatasetError, also for what is no spreadsheet."""
    import python_calamine as calamine

    try:
        workbook = calamine.load_workbook(str(path))
        for sheet in workbook.sheets_metadata:
            if sheet.typ == calamine.SheetTypeEnum.WorkSheet:
                hidden = sheet.visible != calamine.SheetVisibleEnum.Visible
                yield _binary_grid(workbook.get_sheet_by_name(sheet.name), sheet.name, hidden=hidden)
    except calamine.PasswordError as error:
        raise DatasetError(f"{path} is encrypted: save it without a password.") from error
    except (calamine.CalamineError, OSError) as error:
        reason = f"{path} is no spreadsheet that can be read ({error}): save it as .xlsx or .csv."
        raise DatasetFormatError(reason) from error


def _binary_grid(sheet: Any, name: str, *, hidden: bool) -> SheetGrid:
    left = (sheet.start or (0, 0))[1]

    def rows() -> Iterator[GridRow]:
        for number, values in enumerate(sheet.iter_rows(), start=1):
            cells = {left + place: shown_value(value) for place, value in enumerate(values, start=1)}
            yield GridRow(number, {column: text for column, text in cells.items() if text})

    merged = [
        (column + 1, first + 1, last + 1)
        for (first, column), (last, _) in sheet.merged_cell_ranges or ()
        if last > first
    ]
    return SheetGrid(name=name, hidden=hidden, rows=rows, merged_down=merged)


def _refuse_bomb(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as package:
            unpacked = sum(member.file_size for member in package.infolist())
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        raise DatasetFormatError(f"{path} is damaged: get a complete copy of it.") from error
    packed = max(path.stat().st_size, 1)
    if unpacked > _MOST_UNPACKED or (unpacked > _RATIO_FROM and unpacked > _MOST_TIMES * packed):
        raise DatasetFormatError(
            f"{path} would unpack to {unpacked / 2**20:,.0f} MB: it was not opened; save its table as .csv."
        )


def _tables(
    grids: Iterable[SheetGrid],
    known: IsKnown,
    notes: Callable[[SheetGrid], tuple[str, ...]] = lambda _: (),
) -> list[Sheet]:
    found = []
    for grid in grids:
        first = list(islice(_rows(grid), LOOKED_AT))
        header = find_header([cells for _, cells in first], known)
        if header.names:
            row = None if header.row is None else first[header.row - 1][0]
            columns = Columns(names=header.shown, header=row, sheet=grid.name)
            found.append(Sheet(columns=columns, header=header, grid=grid, notes=notes(grid)))
    return found


def _of_formats(grid: SheetGrid) -> tuple[str, ...]:
    cells = (cell for row in islice(grid.rows(), LOOKED_AT) for cell in row.cells.values())
    if any(_FRACTION.fullmatch(cell) for cell in cells):
        return ("Numbers stand without the formats of their cells: 0.25 for 25 %, 12.5 for 12.50 €.",)
    return ()


def read_sheet(sheet: Sheet) -> Iterator[Record]:
    """The rows below the header, blank ones left out. Raises DatasetFormatError where the sheet is damaged."""
    try:
        for place, (number, cells) in enumerate(_rows(sheet.grid), start=1):
            if sheet.header.row is None or place > sheet.header.row:
                yield sheet.header.record(number, cells, sheet.columns.sheet)
    except ReadError as error:
        raise DatasetFormatError(str(error)) from error


def _rows(grid: SheetGrid) -> Iterator[tuple[int, list[str]]]:
    """(row number in the sheet, its cells from column A on) of each row that is not blank."""
    merged: dict[int, list[tuple[int, int]]] = {}
    for column, first, last in grid.merged_down:
        merged.setdefault(first, []).append((column, last))
    reaching: dict[
        int, tuple[int, str]
    ] = {}  # column -> the last row that its merged cell stands for, its text
    for row in grid.rows():
        above = {column: text for column, (last, text) in reaching.items() if row.number <= last}
        cells = above | row.cells
        reaching |= {column: (last, cells.get(column, "")) for column, last in merged.get(row.number, ())}
        if cells:
            yield row.number, [cells.get(column, "") for column in range(1, max(cells) + 1)]


def shown_sheets(sheets: Sequence[Sheet]) -> list[Sheet]:
    """Those that people see; all of them where none is shown."""
    return [sheet for sheet in sheets if not sheet.hidden] or list(sheets)
