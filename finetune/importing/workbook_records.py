"""Records of spreadsheets (XLSX, XLSM, ODS, XLS, XLSB): the values of their cells, each row by its columns.

Formulas stand for the value that was saved with them. A cell merged over several rows stands for each of them.
Hidden sheets are left out where others are shown.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from errors import DatasetError, DatasetFormatError
from finetune.importing.header import LOOKED_AT, Header, find_header
from finetune.importing.records import Columns, Record
from loaders.readers.numbers import shown_value

_MOST_UNPACKED = 2 * 2**30  # bytes
_MOST_TIMES = 200  # as large as packed: more is a zip bomb
_RATIO_FROM = 64 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A sheet that holds a table."""

    columns: Columns
    header: Header
    hidden: bool
    notes: tuple[str, ...] = ()


def open_workbook(path: Path) -> tuple[Any, list[Sheet]]:
    """The workbook and its sheets with their columns. Raises DatasetError with what to do."""
    import python_calamine as calamine

    _refuse_bomb(path)
    try:
        workbook = calamine.load_workbook(str(path))
        return workbook, [sheet for one in workbook.sheets_metadata if (sheet := _sheet(workbook, one))]
    except calamine.PasswordError as error:
        raise DatasetError(f"{path} is encrypted: save it without a password.") from error
    except (calamine.CalamineError, OSError) as error:
        reason = f"{path} is no spreadsheet that can be read ({error}): save it as .xlsx or .csv."
        raise DatasetFormatError(reason) from error


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


def _sheet(workbook: Any, metadata: Any) -> Sheet | None:
    import python_calamine as calamine

    if metadata.typ != calamine.SheetTypeEnum.WorkSheet:
        return None
    sheet = workbook.get_sheet_by_name(metadata.name)
    first = list(islice(_rows(sheet), LOOKED_AT))
    header = find_header([cells for _, cells in first])
    if not header.names:
        return None
    row = None if header.row is None else first[header.row - 1][0]
    columns = Columns(names=header.shown, header=row, sheet=metadata.name)
    hidden = metadata.visible != calamine.SheetVisibleEnum.Visible
    return Sheet(columns=columns, header=header, hidden=hidden, notes=_of_formats(sheet))


def _of_formats(sheet: Any) -> tuple[str, ...]:
    values = (value for row in islice(sheet.iter_rows(), LOOKED_AT) for value in row)
    if any(isinstance(value, float) and not value.is_integer() for value in values):
        return ("Numbers stand without the formats of their cells: 0.25 for 25 %, 12.5 for 12.50 €.",)
    return ()


def read_sheet(workbook: Any, sheet: Sheet) -> Iterator[Record]:
    """The rows below the header, blank ones left out."""
    rows = _rows(workbook.get_sheet_by_name(sheet.columns.sheet))
    for place, (number, cells) in enumerate(rows, start=1):
        if sheet.header.row is None or place > sheet.header.row:
            yield sheet.header.record(number, cells, sheet.columns.sheet)


def _rows(sheet: Any) -> Iterator[tuple[int, list[str]]]:
    """(row number in the sheet, its cells from column A on) of each row that is not blank."""
    merged = _merged_down(sheet)
    top: dict[int, str] = {}
    left = (sheet.start or (0, 0))[1]
    for place, values in enumerate(sheet.iter_rows()):
        cells = [""] * left + [shown_value(value) for value in values]
        _fill_down(cells, place, merged, top)
        if any(cells):
            yield place + 1, cells


def _merged_down(sheet: Any) -> dict[int, list[tuple[int, int]]]:
    """{column: [(first row, last row), ...]} of cells merged over several rows, 0-based."""
    found: dict[int, list[tuple[int, int]]] = {}
    for (first, column), (last, _) in sheet.merged_cell_ranges or ():
        if last > first:
            found.setdefault(column, []).append((first, last))
    return found


def _fill_down(
    cells: list[str], place: int, merged: dict[int, list[tuple[int, int]]], top: dict[int, str]
) -> None:
    for column, ranges in merged.items():
        for first, last in ranges:
            if place == first:
                top[column] = cells[column] if column < len(cells) else ""
            elif first < place <= last and column < len(cells):
                cells[column] = top.get(column, "")


def shown_sheets(sheets: Sequence[Sheet]) -> list[Sheet]:
    """Those that people see; all of them where none is shown."""
    return [sheet for sheet in sheets if not sheet.hidden] or list(sheets)
