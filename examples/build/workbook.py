"""Writes a workbook from plain rows: one sheet for each table, header row in bold, columns wide enough."""

from dataclasses import dataclass
from datetime import date
from io import BytesIO
from pathlib import Path

from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from examples.build.archive import settle

Cell = str | int | float | date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One sheet: a caption in A1, an empty row, the header in row 3, then the rows; notes after an empty row."""

    name: str
    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()


def write_workbook(sheets: tuple[Sheet, ...], title: str, path: Path) -> Path:
    """The workbook with `sheets`, reproducibly, at `path`."""
    book = Workbook()
    book.remove(book.active)
    book.properties.title, book.properties.creator = title, "Isvelde B.V."
    for sheet in sheets:
        _fill(book.create_sheet(sheet.name), sheet)
    buffer = BytesIO()
    book.save(buffer)
    return settle(buffer.getvalue(), path)


def _fill(target: Worksheet, sheet: Sheet) -> None:
    target.append((sheet.caption,))
    target["A1"].font = Font(bold=True, size=13)
    target.append(())
    target.append(sheet.header)
    for cell in target[3]:
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), PatternFill("solid", fgColor="1C4E80")
        cell.alignment = Alignment(wrap_text=True, vertical="top")
    for row in sheet.rows:
        target.append(row)
    target.append(())
    for note in sheet.notes:
        target.append((note,))
    target.freeze_panes = "B4"
    _shape(target, sheet)


def _shape(target: Worksheet, sheet: Sheet) -> None:
    for column in range(len(sheet.header)):
        width = max(len(str(row[column])) for row in (sheet.header, *sheet.rows))
        target.column_dimensions[get_column_letter(column + 1)].width = min(width + 3, 48)
    for row in target.iter_rows(min_row=4):
        for cell in row:
            if isinstance(cell.value, float):
                cell.number_format = "#,##0.00"
            elif isinstance(cell.value, date):
                cell.number_format = "yyyy-mm-dd"
