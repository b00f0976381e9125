"""CSV and TSV: encoding and delimiter found from the content, the header kept, ragged rows whole."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from loaders.readers.base import FileLoader
from loaders.readers.encodings import decode
from loaders.readers.part import Part
from loaders.readers.row_numbers import csv_rows, swallowed_lines
from loaders.readers.tables import GridRow, SheetWriter
from loaders.row_counts import as_ranges

_DELIMITERS = (",", ";", "\t", "|")
_LONG_FIELD = 50_000
csv.field_size_limit(2**30)


class CsvLoader(FileLoader):
    """`cells` counts rows and columns of the file as a spreadsheet would show them."""

    media_type = "text/csv"

    def parts(self) -> Iterator[Part]:
        part = self.new_part()
        text = decode(self.source.data)
        opening, _, rest = text.partition("\n")
        declared = opening[4:5] if opening.lower().startswith("sep=") else ""
        text = rest if declared else text
        writer = SheetWriter(part)
        delimiter = declared or delimiter_of(text)
        first_row = 2 if declared else 1
        filled, swallowed = [], []
        width = len(next(_rows(text, delimiter), ()))
        for number, row in enumerate(_rows(text, delimiter), start=first_row):
            lines = swallowed_lines(row, delimiter, width)
            filled += [number] if any(cell.strip() for cell in row) else []
            swallowed += [[number, lines]] if lines else []
            cells = {column: cell.strip() for column, cell in enumerate(row, start=1) if cell.strip()}
            writer.add(GridRow(number, cells))
        writer.close_band()
        counted = csv_rows(text, delimiter, first_row)
        part.extra["file_rows"] = as_ranges(filled) if counted is None else counted
        if swallowed:
            part.extra["swallowed_lines"] = swallowed
        yield part


def delimiter_of(text: str) -> str:
    """The delimiter that cuts most of the first lines into the same number of pieces, more than one."""
    lines = text[:65536].splitlines()[:50]
    best, best_score = ",", 0.0
    for delimiter in _DELIMITERS:
        try:
            counts = [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
        except csv.Error:
            continue
        wide = [count for count in counts if count > 1]
        if not wide:
            continue
        usual = max(set(wide), key=wide.count)
        score = wide.count(usual) / len(counts) + min(usual, 20) / 100
        if score > best_score:
            best, best_score = delimiter, score
    return best


def _rows(text: str, delimiter: str) -> Iterator[list[str]]:
    """Parsed rows, never all at once; where a quote is never closed, the lines as they stand."""

    def parsed() -> Iterator[list[str]]:
        return iter(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))

    if '"' in text and any(_runs_away(row) for row in parsed()):
        return iter(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE))
    return parsed()


def _runs_away(row: list[str]) -> bool:
    return any(len(cell) > _LONG_FIELD and cell.count("\n") > 50 for cell in row)
