"""The rows of a sheet that hold something, counted from the file's own bytes.

Nothing of the readers' parsing is used here on purpose: what a reader loses on the way shows in the difference
(loaders/row_counts.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

from loaders.row_counts import as_ranges

__all__ = ["csv_rows", "merged_down", "swallowed_lines", "xlsx_rows"]

_ROW = re.compile(rb"<(?:\w+:)?row(?=[\s>/])([^>]*)>")
_NUMBER = re.compile(rb"""\br=["'](\d+)["']""")
_HIDDEN = re.compile(rb"""\bhidden=["'](?:1|true)["']""")
_VALUE = re.compile(rb"<(?:\w+:)?[vt](?:\s[^>]*)?>\s*[^<\s]")
_CELL = re.compile(rb"<(?:\w+:)?c(?=[\s>])([^>]*)>\s*(?:<(?:\w+:)?f[^>]*?(?:/>|>[^<]*</(?:\w+:)?f>)\s*)?"
                   rb"<(?:\w+:)?(?:v|is>\s*<(?:\w+:)?t)(?:\s[^>]*)?>\s*([^<\s][^<]*)")  # fmt: skip
_SHARED = re.compile(rb"""\bt=["']s["']""")
_MERGE = re.compile(rb"""<(?:\w+:)?mergeCell\s[^>]*ref=["']([A-Z]{1,3})(\d+):([A-Z]{1,3})(\d+)["']""")
_LINE = re.compile(r"\r\n|\r|\n")


def xlsx_rows(data: bytes, blank_strings: Collection[int] = ()) -> tuple[list[list[int]], list[list[int]]]:
    """(rows with a value, hidden rows) of a sheet's XML as ranges.

    blank_strings: indexes of shared strings without a visible character.
    """
    filled, hidden = [], []
    for number, attributes, start, end in _row_spans(data):
        if _has_value(data, start, end, blank_strings):
            filled.append(number)
        if _HIDDEN.search(attributes):
            hidden.append(number)
    return as_ranges(filled), as_ranges(hidden)


def _row_spans(data: bytes) -> Iterator[tuple[int, bytes, int, int]]:
    number, before = 0, None
    for match in _ROW.finditer(data):
        if before is not None:
            yield number, before[1], before.end(), match.start()
        declared = _NUMBER.search(match[1])
        number = max(int(declared[1]), number + 1) if declared else number + 1
        before = match
    if before is not None:
        close = data.find(b"sheetData>", before.end())
        yield number, before[1], before.end(), close if close >= 0 else len(data)


def _has_value(data: bytes, start: int, end: int, blank_strings: Collection[int]) -> bool:
    if not blank_strings:
        return _VALUE.search(data, start, end) is not None
    return any(
        not (_SHARED.search(cell[1]) and cell[2].strip().isdigit() and int(cell[2]) in blank_strings)
        for cell in _CELL.finditer(data, start, end)
    )


def merged_down(data: bytes) -> list[list[int]]:
    """[column, first row, last row] of cells merged over several rows of one column."""
    start = data.find(b"mergeCells")
    return [
        [_column(left), int(top), int(bottom)]
        for left, top, right, bottom in (_MERGE.findall(data, start) if start >= 0 else ())
        if left == right and int(bottom) > int(top)
    ]


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def csv_rows(text: str, delimiter: str, first: int) -> list[list[int]] | None:
    """Lines with something besides delimiters, the first of them numbered `first`; None where quotes may join lines."""
    if '"' in text:
        return None
    blank = delimiter + " \t\u00a0\ufeff"
    return as_ranges(
        number for number, line in enumerate(_LINE.split(text), start=first) if line.strip(blank).strip()
    )


def swallowed_lines(cells: Collection[str], delimiter: str, width: int) -> int:
    """Lines inside a row's quoted cells that look like rows of their own: the quote was perhaps never meant to open."""
    return sum(
        line.count(delimiter) + 1 >= width > 2
        for cell in cells
        if "\n" in cell
        for line in cell.split("\n")[1:]
    )
