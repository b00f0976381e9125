"""The tables of a spreadsheet, put together again from what is stored: names, rows, cell ranges and typed columns.

    for table in knowledge_base.tables("prices.xlsx"):
        table.label          "Price list · sheet Sale · A3:G9 (6 rows)"
        table.columns[4]     SheetColumn(name="Sales price (EUR)", letter="E", kind="number", ...)

Numbers are those that people see in the sheet, rounded as it shows them. Rows that hold totals of the others are kept
apart. Row numbers that the file holds (`file_rows`, counted by the reader from the file itself) are held against
those of the stored blocks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from loaders.columns import ColumnKind, ReadColumn, Value, most_common_comma, read_column
from loaders.location import column_letters
from loaders.row_counts import is_complete
from loaders.sheet_rows import cell_spans, columns_of

__all__ = ["SheetColumn", "SheetPart", "SheetRow", "SheetTable", "read_tables"]

HIDDEN_ROWS = "hidden_rows"  # part metadata: [[first, last], ...] row numbers that the sheet does not show
MERGED_DOWN = "merged_down"  # [[column, first row, last row], ...] cells merged over several rows

_TOTAL = re.compile(
    r"(?:(?:grand|sub|net|gross|overall)?[ -]?totals?|sum|subtotal|gesamt\w*|summe|zwischensumme|totaal|subtotaal"
    r"|average|mean|durchschnitt|gemiddelde?)\b[^|]{0,30}",
    re.IGNORECASE,
)
_BINARY_NUMBERS = ("spreadsheetml", "ms-excel")  # cells whose numbers are numbers: shown with a decimal point


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """`document_text[start:end]` is the row as it was read; `texts[i]` is the cell of the table's i-th column."""

    number: int  # in the sheet, 1-based
    cells: str  # "A2:F2"
    start: int
    end: int
    texts: tuple[str, ...]  # "" where a cell is empty


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetColumn:
    """`values[i]` is what `rows[i]` holds; a unit that only the cells name stands in `name` as well."""

    name: str  # unique in the table; "Price (EUR)"
    header: str  # as it stands in the document; "" where there is none
    letter: str  # of the sheet's column
    kind: ColumnKind
    values: tuple[Value, ...]
    left_out: tuple[int, ...] = ()  # positions of words in a column of numbers
    doubtful: bool = False  # "1.234" could be read two ways; the point was taken for a decimal one


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetTable:
    document_id: str
    document_name: str
    sheet: str | None  # None for CSV and TSV
    caption: str  # the heading right above it, or ""
    header: tuple[int, int] | None  # span of the line that names the columns, in the document's text
    cells: str  # "A3:G9"
    columns: tuple[SheetColumn, ...]
    rows: tuple[SheetRow, ...]
    totals: tuple[SheetRow, ...] = ()  # rows that sum up the others; not among `rows`
    hidden_rows: int = 0  # of `rows`, hidden in the sheet
    complete: bool | None = (
        None  # whether the sheet's rows were all read; None: ingested before this was counted
    )

    @property
    def label(self) -> str:
        """For people: "Price list · sheet Sale · A3:G9 (6 rows)"."""
        sheet = [f"sheet {self.sheet}"] if self.sheet else []
        count = f"{len(self.rows):,} row{'' if len(self.rows) == 1 else 's'}"
        return f"{' · '.join([self.document_name, *sheet, self.cells])} ({count})"


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetPart:
    """A stored part: its text, where that starts in the document, and what its reader said of it."""

    text: str
    start: int
    sheet: str | None
    metadata: Mapping[str, Any]


def read_tables(
    parts: Iterable[SheetPart], *, document_id: str, document_name: str, media_type: str
) -> tuple[SheetTable, ...]:
    """All tables with at least two columns and a row, in order; parts that are no sheets have none."""
    found = []
    for part in parts:
        complete = is_complete(part.metadata)
        for grid in _grids(part):
            if len(grid.used) > 1 and grid.rows:
                table = _table(grid, part, document_id, document_name, media_type)
                found.append(replace(table, complete=complete))
    return tuple(found)


# --- blocks -> grids ----------------------------------------------------------------------------------


@dataclass(slots=True)
class _Line:
    number: int
    cells: str
    start: int  # in the part
    end: int
    values: dict[int, str]
    named: bool  # a cell of it carries its column's name


@dataclass(slots=True)
class _Grid:
    """A table while it is put together; columns by 1-based number."""

    headers: dict[int, str]
    header: _Line | None
    caption: str
    rows: list[_Line]

    @property
    def used(self) -> list[int]:
        return sorted({column for row in self.rows for column in row.values} | self.headers.keys())


def _grids(part: SheetPart) -> list[_Grid]:
    grids: list[_Grid] = []
    caption, here = "", None
    for block in part.metadata.get("blocks") or ():
        if not block.get("cells"):
            continue
        if block["kind"] in ("heading", "paragraph"):
            caption = part.text[block["start"] : block["end"]]
        elif block["kind"] == "table_header":
            line = _line(block, part.text, {})
            grids.append(_Grid(line.values, line, caption, []))
            caption = ""
        elif block["kind"] == "table_row":
            here = _place(grids, block, part.text, caption)
            caption = "" if here else caption
    return grids


def _place(grids: list[_Grid], block: Mapping[str, Any], text: str, caption: str) -> bool:
    """Puts a row into the latest table it belongs to, or into one of its own; False for notes."""
    first, last, _ = columns_of(block["cells"])
    for grid in reversed(grids):
        if not grid.headers or not set(grid.headers) & set(range(first, last + 1)):
            continue
        line = _line(block, text, grid.headers)
        if line.named:
            grid.rows.append(line)
            return True
    line = _line(block, text, {})
    if len(line.values) < 2:
        return False
    last_grid = grids[-1] if grids else None
    if last_grid and not last_grid.headers and _touches(last_grid, line):
        if len(last_grid.rows) == 1 and _names(last_grid.rows[0], block, text):
            return _promote(last_grid, block, text)
        last_grid.rows.append(line)
    else:
        grids.append(_Grid({}, None, caption, [line]))
    return True


def _touches(grid: _Grid, line: _Line) -> bool:
    """The next row, or one of a header that stands alone a few rows above."""
    return line.number - grid.rows[-1].number <= (1 if len(grid.rows) > 1 else 4)


def _names(lone: _Line, block: Mapping[str, Any], text: str) -> bool:
    """Whether a row without a table names the columns of the one below it."""
    return _line(block, text, lone.values).named


def _promote(grid: _Grid, block: Mapping[str, Any], text: str) -> bool:
    grid.header, grid.headers = grid.rows[0], dict(grid.rows[0].values)
    grid.rows = [_line(block, text, grid.headers)]
    return True


def _line(block: Mapping[str, Any], text: str, headers: Mapping[int, str]) -> _Line:
    own = text[block["start"] : block["end"]]
    first, last, number = columns_of(block["cells"])
    if block.get("at"):  # the reader says where the cells stand: the text alone does not tell
        values = {column: own[start:end] for column, start, end in block["at"]}
        named = any(
            start > 0 and own[:start].endswith(f"{headers.get(column)}: ") for column, start, _ in block["at"]
        )
    else:
        spans = cell_spans(own, headers, first, last)
        values = {column: own[start:end] for column, start, end in spans}
        named = any(
            headers.get(column) and own[max(0, start - 2) : start] == ": " for column, start, _ in spans
        )
    return _Line(number, block["cells"], block["start"], block["end"], values, named)


# --- grids -> tables ----------------------------------------------------------------------------------


def _table(grid: _Grid, part: SheetPart, document_id: str, document_name: str, media_type: str) -> SheetTable:
    _fill_down(grid, part.metadata.get(MERGED_DOWN) or ())
    columns = grid.used
    lines = [(line, _sheet_row(line, columns, part.start)) for line in grid.rows]
    rows = tuple(row for line, row in lines if not _is_total(line, len(columns)))
    totals = tuple(row for line, row in lines if _is_total(line, len(columns)))
    if not rows:
        rows, totals = totals, ()
    numbers = [line.number for line in ([grid.header] if grid.header else []) + grid.rows]
    hidden = _numbers_in(part.metadata.get(HIDDEN_ROWS) or ())
    return SheetTable(
        document_id=document_id,
        document_name=document_name,
        sheet=part.sheet,
        caption=" ".join(grid.caption.split())[:200],
        header=(part.start + grid.header.start, part.start + grid.header.end) if grid.header else None,
        cells=f"{column_letters(columns[0])}{min(numbers)}:{column_letters(columns[-1])}{max(numbers)}",
        columns=_columns(grid.headers, columns, rows, media_type),
        rows=rows,
        totals=totals,
        hidden_rows=sum(row.number in hidden for row in rows) if hidden else 0,
    )


def _fill_down(grid: _Grid, merges: Iterable[Sequence[int]]) -> None:
    """A cell merged over several rows stands for each of them."""
    by_number = {line.number: line for line in grid.rows}
    for column, first, last in merges:
        top = by_number.get(first)
        if top is None or column not in top.values:
            continue
        for number in range(first + 1, min(last, first + len(grid.rows)) + 1):
            if number in by_number:
                by_number[number].values.setdefault(column, top.values[column])


def _sheet_row(line: _Line, columns: Sequence[int], start: int) -> SheetRow:
    return SheetRow(
        number=line.number,
        cells=line.cells,
        start=start + line.start,
        end=start + line.end,
        texts=tuple(line.values.get(column, "") for column in columns),
    )


def _is_total(line: _Line, width: int) -> bool:
    """ "Total" alone in front of figures: its first cell says so, and no other cell has words."""
    if not line.values or not _TOTAL.fullmatch(line.values[min(line.values)].rstrip(": ")):
        return False
    texts = [text for _, text in sorted(line.values.items())]
    return width > 1 and len(texts) > 1 and all(read_column([text]).kind == "number" for text in texts[1:])


def _columns(
    headers: Mapping[int, str], columns: Sequence[int], rows: Sequence[SheetRow], media_type: str
) -> tuple[SheetColumn, ...]:
    cells = [[row.texts[place] for row in rows] for place in range(len(columns))]
    titles = [headers.get(column, "") for column in columns]
    read = [read_column(column, name=title) for column, title in zip(cells, titles, strict=True)]
    typed = any(mark in media_type for mark in _BINARY_NUMBERS)
    comma = "thousands" if typed else most_common_comma(read)
    if comma:
        read = [
            read_column(column, comma=comma) if each.doubtful else each
            for column, each in zip(cells, read, strict=True)
        ]
    names = _names_of(titles, columns, read)
    return tuple(
        SheetColumn(
            name=name,
            header=headers.get(column, ""),
            letter=column_letters(column),
            kind=each.kind,
            values=each.values,
            left_out=each.left_out,
            doubtful=each.doubtful,
        )
        for name, column, each in zip(names, columns, read, strict=True)
    )


def _names_of(headers: Sequence[str], columns: Sequence[int], read: Sequence[ReadColumn]) -> Iterator[str]:
    """Unique without regard to case, as SQL asks for; a unit that the header does not name is added to it."""
    seen: set[str] = set()
    for header, column, each in zip(headers, columns, read, strict=True):
        name = " ".join(header.split())[:80] or f"column {column_letters(column)}"
        if each.unit and each.unit.lower() not in name.lower():
            name = f"{name} ({each.unit})"
        while name.lower() in seen:
            name = f"{name} {column_letters(column)}"
        seen.add(name.lower())
        yield name


def _numbers_in(ranges: Iterable[Sequence[int]]) -> frozenset[int]:
    return frozenset(number for first, last in ranges for number in range(first, last + 1))
