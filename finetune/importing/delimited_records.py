"""Records of CSV and TSV files of any size, encoding and delimiter: each row by its columns, streamed.

A quotation mark that is never closed would swallow the rest of the file: its line is refused and reading goes on
with the next one.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from finetune.importing.encoding import file_codec
from finetune.importing.header import LOOKED_AT, Header, IsKnown, find_header, has_role
from finetune.importing.records import Columns, Fault, Record
from loaders.readers.delimited import delimiter_of

_MOST_LINES = 2_000  # of one cell
_LONGEST_CELL = 4 * 2**20  # characters
_QUOTE_FIX = 'Close the quotation mark, or write a quotation mark in a text as "".'


class _Row(NamedTuple):
    line: int  # where it begins
    cells: list[str]
    fault: Fault | None = None


def read_delimited(path: Path, known: IsKnown = has_role) -> tuple[Columns, Iterator[Record]]:
    """The columns, and the rows below their header. Raises DatasetError where the file cannot be read."""
    codec = file_codec(path)
    delimiter, skipped = _dialect(path, codec)
    first = list(islice(_rows(path, codec, delimiter, skipped), LOOKED_AT))
    header = find_header([row.cells for row in first], known)
    columns = Columns(names=header.shown, header=header.row and first[header.row - 1].line)
    return columns, _records(_rows(path, codec, delimiter, skipped), header)


def _dialect(path: Path, codec: str) -> tuple[str, int]:
    """The delimiter, and the number of lines before the table: 1 for Excel's "sep=;"."""
    with path.open(encoding=codec, errors="replace", newline="") as file:
        opening = file.read(2**16)
    declared = opening[4:5] if opening.lower().startswith("sep=") else ""
    return declared or delimiter_of(opening), bool(declared)


def _records(rows: Iterator[_Row], header: Header) -> Iterator[Record]:
    for place, row in enumerate(rows, start=1):
        if header.row is not None and place <= header.row:
            continue
        if row.fault is not None:
            yield Record(row.line, None, row.fault)
        elif any(cell.strip() for cell in row.cells):
            yield header.record(row.line, row.cells)


def _rows(path: Path, codec: str, delimiter: str, skipped: int) -> Iterator[_Row]:
    with path.open(encoding=codec, errors="replace", newline="") as file:
        for _ in range(skipped):
            file.readline()
        lines = _Lines(file, skipped)
        while lines.more():
            yield from _until_swallowed(lines, delimiter)


def _until_swallowed(lines: _Lines, delimiter: str) -> Iterator[_Row]:
    """Rows up to the end, or up to one that swallows the lines below it, which is refused."""
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = lines.begin()
        try:
            yield _Row(start, next(reader))
        except StopIteration:
            return
        except (_SwallowedError, csv.Error):
            # Text behind a closing quotation mark is none of ours to judge, unless lines were swallowed before it.
            yield _swallowed(lines, start) if lines.several() else _Row(start, _leniently(lines, delimiter))
            return


def _leniently(lines: _Lines, delimiter: str) -> list[str]:
    return next(csv.reader([lines.keep_first()], delimiter=delimiter), [])


def _swallowed(lines: _Lines, start: int) -> _Row:
    text = lines.keep_first()
    reason = f"A quotation mark that opens on this line is never closed: {text.strip()[:60]!r}."
    return _Row(start, [], Fault("", reason, _QUOTE_FIX))


class _SwallowedError(Exception):
    """A cell that goes on over more lines than a text has."""


class _Lines:
    """The lines of a file for csv.reader; those of the row at hand can be given back."""

    def __init__(self, file: Iterator[str], skipped: int) -> None:
        self._file = file
        self._ahead: deque[str] = deque()
        self._row: list[str] = []  # lines of the row at hand
        self._size = 0
        self._next = skipped + 1  # number of the next line
        self._ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        if len(self._row) >= _MOST_LINES or self._size > _LONGEST_CELL:
            raise _SwallowedError
        line = self._ahead.popleft() if self._ahead else next(self._file, None)
        if line is None:
            self._ended = True
            raise StopIteration
        self._next += 1
        self._row.append(line)
        self._size += len(line)
        return line.replace("\0", "")

    def begin(self) -> int:
        """The next row begins; the number of its first line."""
        self._row, self._size = [], 0
        return self._next

    def more(self) -> bool:
        if not self._ahead and not self._ended:
            line = next(self._file, None)
            if line is not None:
                self._ahead.append(line)
        return bool(self._ahead)

    def several(self) -> bool:
        return len(self._row) > 1

    def keep_first(self) -> str:
        """Gives back all lines of the row but the first, which it returns."""
        first, *others = self._row
        self._ahead.extendleft(reversed(others))
        self._next -= len(others)
        self._row, self._ended = [], self._ended and not others
        return first
