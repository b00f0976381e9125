"""A table row as its reader wrote it ("Header: value | Header: value"), taken apart into cells again.

The reader checks each row with the same function and stores where the cells stand wherever it would not come out
right, so what a computation sees is what the file holds.
"""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["BORDER", "cell_spans", "columns_of"]

BORDER = " | "


def columns_of(cells: str) -> tuple[int, int, int]:
    """("B2:F2") -> (2, 6, row 2): first column, last column and row number, all 1-based."""
    first, _, last = cells.partition(":")
    letters = first.rstrip("0123456789")
    return _column(letters), _column((last or first).rstrip("0123456789")), int(first[len(letters) :])


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number


def cell_spans(text: str, headers: Mapping[int, str], first: int, last: int) -> list[tuple[int, int, int]]:
    """(column, start, end) of each cell's own text, without its header, in a row of the columns `first` to `last`.

    A piece that opens with a column's header belongs there; where every column is filled, position decides.
    """
    pieces = text.split(BORDER)
    full = len(pieces) == last - first + 1
    spans, column, start = [], first - 1, 0
    for number, piece in enumerate(pieces):
        column = first + number if full else _place(piece, headers, column + 1, last)
        if number == len(pieces) - 1 and not headers.get(column):
            column = max(column, last)
        lead = _lead(piece, headers.get(column, ""))
        spans.append((column, start + lead, start + len(piece)))
        start += len(piece) + len(BORDER)
    return spans


def _place(piece: str, headers: Mapping[int, str], first: int, last: int) -> int:
    for column in range(first, last + 1):
        if _lead(piece, headers.get(column, "")):
            return column
    return next((column for column in range(first, last + 1) if not headers.get(column)), first)


def _lead(piece: str, header: str) -> int:
    return len(header) + 2 if header and piece.startswith(f"{header}: ") else 0
