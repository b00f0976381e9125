"""Tables as text: a header line, then rows that can be understood alone (`Header: value | Header: value`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from loaders.location import BlockKind
from loaders.readers.part import Part, clean
from loaders.sheet_rows import BORDER, cell_spans

_NUMBER = re.compile(r"^[\s$€£¥+(~-]*\d[\d\s.,'%:/)-]*(?:[a-zA-Z]{1,3}|[€$£¥%])?$")

_SLAB = 5000  # rows held in memory before they are written


def write_rows(part: Part, rows: Sequence[Sequence[str]], *, header: bool | None = None) -> None:
    """Rows of a table in running text, as `cell | cell`; `header` None: decide from the cells."""
    rows = [row for row in rows if any(row)]
    if header is None:
        header = is_header(rows)
    for index, row in enumerate(rows):
        kind = "table_header" if header and index == 0 else "table_row"
        cells = _without_repeats(row)
        part.add("table_header" if kind == "table_header" else "table_row", " | ".join(cells))


def is_header(rows: Sequence[Sequence[str]]) -> bool:
    """Whether the first row names the columns: short words in it, and rows below.

    All of them different, or else words over a column of numbers: "Item | Qty | Price | Qty".
    """
    if len(rows) < 2 or len([cell for cell in rows[0] if cell]) < 2:
        return False
    first = [cell for cell in rows[0] if cell]
    if len(first) * 2 < max(len([cell for cell in row if cell]) for row in rows[1:20]):
        return False
    if any(_NUMBER.match(cell) and not _is_year(cell) for cell in first):
        return False
    if len(set(first)) < len(first) and not _stands_over_numbers(rows):
        return False
    return all(len(cell) <= 120 for cell in first)


def _stands_over_numbers(rows: Sequence[Sequence[str]]) -> bool:
    for place, name in enumerate(rows[0]):
        below = [row[place] for row in rows[1:20] if place < len(row) and row[place]]
        if name and below and all(map(is_number, below)):
            return True
    return False


def is_number(cell: str) -> bool:
    return bool(_NUMBER.match(cell))


def _is_year(cell: str) -> bool:
    return bool(re.fullmatch(r"(19|20)\d\d", cell))


def _without_repeats(row: Sequence[str]) -> list[str]:
    cells = [cell.replace("\n", " ").strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


@dataclass(frozen=True, slots=True)
class GridRow:
    """A row of a sheet: 1-based row number and its non-empty cells by 1-based column."""

    number: int
    cells: dict[int, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetGrid:
    """A sheet as cells, for those who want no text of it."""

    name: str
    hidden: bool
    rows: Callable[[], Iterator[GridRow]]  # from the first one, each time
    merged_down: Sequence[Sequence[int]] = ()  # [column, first row, last row] of each cell merged so


def column_name(column: int) -> str:
    """1 -> A, 27 -> AA."""
    name = ""
    while column > 0:
        column, rest = divmod(column - 1, 26)
        name = chr(65 + rest) + name
    return name or "A"


def cell_range(row: int, first: int, last: int) -> str:
    start = f"{column_name(first)}{row}"
    return start if first == last else f"{start}:{column_name(last)}{row}"


class SheetWriter:
    """Writes a sheet's rows, told apart into tables where blank rows or blank columns stand between them."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.band: list[GridRow] = []
        self.headers: dict[int, str] = {}  # of the last table, for bands that go on under it
        self.count = 0
        self.continued = False  # the next rows go on under the headers already written

    def add(self, row: GridRow) -> None:
        """Rows come in order; rows without cells may be left out."""
        if not row.cells:
            return
        self.count += 1
        self.part.meter.check_rows(self.count)
        if self.count % 1000 == 0:
            self.part.meter.check_time()
        if self.band and row.number > self.band[-1].number + 1:
            self.close_band()
        elif len(self.band) >= _SLAB:
            self.close_band(more=True)
        self.band.append(row)

    def close_band(self, *, more: bool = False) -> None:
        """Write the rows collected since the last blank row; `more` of the same table may follow."""
        band, self.band = self.band, []
        if self.continued:
            for row in band:
                self._line("table_row", row, self.headers)
        else:
            headers: dict[int, str] = {}
            for table in _side_by_side(band):
                self._table(table)
                headers |= self.headers
            self.headers = headers
        self.continued = more

    def _table(self, rows: list[GridRow]) -> None:
        if all(len(row.cells) == 1 for row in rows):
            self._list(rows)
            return
        while len(rows[0].cells) == 1 and len(rows) > 1 and _is_text(rows[0]):
            self._caption(rows[0])
            rows = rows[1:]
        columns = sorted({column for row in rows for column in row.cells})
        head = [rows[0].cells.get(column, "") for column in columns]
        if is_header([head, *([row.cells.get(column, "") for column in columns] for row in rows[1:20])]):
            self.headers = _plain_cells(rows[0])
            self._line("table_header", rows[0], {})
            rows = rows[1:]
        elif not set(columns) <= set(self.headers) or _is_lone_header(rows):
            self.headers = {}
        for row in rows:
            self._line("table_row", row, self.headers)
        if len(rows) == 1 and not self.headers and _is_lone_header(rows):
            self.headers = _plain_cells(rows[0])

    def _list(self, rows: list[GridRow]) -> None:
        """A band of one cell a row: notes, titles, or a list."""
        for row in rows:
            column, text = next(iter(row.cells.items()))
            kind: BlockKind = "table_row" if len(rows) > 2 else "paragraph"
            self.part.add(kind, text, cells=cell_range(row.number, column, column))

    def _caption(self, row: GridRow) -> None:
        column, text = next(iter(row.cells.items()))
        heading = len(text) <= 100
        span = cell_range(row.number, column, column)
        self.part.add("heading" if heading else "paragraph", text, level=2 if heading else 0, cells=span)

    def _line(self, kind: str, row: GridRow, headers: Mapping[int, str]) -> None:
        """`cell | cell`, or `Header: cell | Header: cell`; where each stands is told if the text does not tell it."""
        cells = _plain_cells(row)
        pieces, spans, start = [], [], 0
        for column, cell in cells.items():
            lead = f"{headers[column]}: " if headers.get(column) else ""
            pieces.append(lead + cell)
            spans.append((column, start + len(lead), start + len(lead) + len(cell)))
            start += len(pieces[-1]) + len(BORDER)
        text, first, last = BORDER.join(pieces), min(row.cells), max(row.cells)
        told = cell_spans(text, headers, first, last) == spans
        self.part.add(
            "table_header" if kind == "table_header" else "table_row",
            text,
            cells=cell_range(row.number, first, last),
            at=() if told else tuple(spans),
        )


def _plain_cells(row: GridRow) -> dict[int, str]:
    return {column: " ".join(clean(cell).split()) for column, cell in row.cells.items()}


def _is_text(row: GridRow) -> bool:
    return not any(is_number(cell) for cell in row.cells.values())


def _is_lone_header(rows: Sequence[GridRow]) -> bool:
    return len(rows) == 1 and len(rows[0].cells) > 1 and _is_text(rows[0])


def _side_by_side(band: list[GridRow]) -> list[list[GridRow]]:
    """Split a band where a wholly blank column stands between two groups of at least two columns."""
    used = sorted({column for row in band for column in row.cells})
    groups: list[list[int]] = []
    for column in used:
        if groups and column == groups[-1][-1] + 1:
            groups[-1].append(column)
        else:
            groups.append([column])
    if len(groups) < 2 or any(len(group) < 2 for group in groups) or len(band) < 2:
        return [band] if band else []
    tables = []
    for group in groups:
        rows = [
            GridRow(row.number, {column: row.cells[column] for column in group if column in row.cells})
            for row in band
        ]
        tables.append([row for row in rows if row.cells])
    return tables
