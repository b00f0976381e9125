"""Which row of a table names its columns, and a row's cells by those names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from finetune.importing.column_names import roles_of
from finetune.importing.records import Fault, Record
from loaders.location import column_letters

IsKnown = Callable[[str], bool]  # whether a cell is the name of a column that is looked for

LOOKED_AT = 30  # rows, for their width
_ABOVE = 12  # rows in which a header is looked for: above it stand a title, a date, a note
_LONGEST_NAME = 60  # characters
_LONGEST_SIGN = 12  # characters of a header's cell that is no name
_LONGEST_ASKING = 40  # of a header's cell that asks: "Is it in the documents?"
_SURE = 0.6  # certainty of a name: the word itself, or one of several


@dataclass(frozen=True, slots=True)
class Header:
    """The names of a table's columns, "" for one without name and cells.

    `row` is 1-based among the rows looked at, None where no row names the columns.
    """

    names: tuple[str, ...]
    row: int | None

    @property
    def shown(self) -> tuple[str, ...]:
        return tuple(filter(None, self.names))

    def record(self, number: int, cells: Sequence[str], sheet: str | None = None) -> Record:
        """A row by its columns; one with more cells than columns is a fault."""
        extra = [cell for cell in cells[len(self.names) :] if cell.strip()]
        if extra:
            reason = f"The row has {len(cells)} cells where the header names {len(self.names)}."
            fix = "Put texts that hold the delimiter into quotation marks, or name the further columns."
            return Record(number, None, Fault("", reason, fix), sheet)
        value: dict[str, Any] = dict.fromkeys(self.shown, "")
        value.update((name, cell) for name, cell in zip(self.names, cells, strict=False) if name)
        return Record(number, value, None, sheet)


def has_role(cell: str) -> bool:
    """Whether a part of a training row is called so."""
    return bool(roles_of(cell))


def find_header(rows: Sequence[Sequence[str]], known: IsKnown = has_role) -> Header:
    """Of the first rows: the one with the most known names, else the first whose cells look like names."""
    width = _usual_width(rows)
    candidates = [
        (sum(map(known, row)), -place, place)
        for place, row in enumerate(rows[:_ABOVE], start=1)
        if _could_name(row, width)
    ]
    best = max(candidates, default=None)
    if best is None or (best[0] == 0 and best[2] != _first_full(rows, width)):
        return Header(_unique([], width, rows), None)
    row = rows[best[2] - 1]
    return Header(_unique(row, max(_width(row), min(width, len(row))), rows), best[2])


def _usual_width(rows: Sequence[Sequence[str]]) -> int:
    """The widest that is common: a cell that the delimiter cut in two makes no column."""
    widths = Counter(_width(row) for row in rows if _width(row))
    most = max(widths.values(), default=0)
    return max((width for width, times in widths.items() if times * 4 >= most), default=0)


def _width(row: Sequence[str]) -> int:
    return max((place for place, cell in enumerate(row, start=1) if cell.strip()), default=0)


def _could_name(row: Sequence[str], width: int) -> bool:
    """Short texts in most of the columns: distinct ones that are no sentences, or beside names of both parts of a row
    also "Nr.", "#", "2026", "In the documents?" and the same name twice."""
    names = [cell.strip() for cell in row if cell.strip()]
    if not names or len(names) < max(1, (width + 1) // 2):
        return False
    if all(_is_name(name) for name in names):
        return len({name.casefold() for name in names}) == len(names) or _names_both(names)
    return _names_both(names) and all(map(_could_stand_beside_names, names))


def _could_stand_beside_names(cell: str) -> bool:
    asks = cell.endswith("?") and len(cell) <= _LONGEST_ASKING
    return asks or len(cell) <= _LONGEST_SIGN or _is_name(cell)


def _names_both(names: Sequence[str]) -> bool:
    """Whether one cell is called as questions are, and another one as answers."""
    surest = [roles[0] for name in names if _is_name(name) and (roles := roles_of(name))]
    return {"question", "answer"} <= {role for role, certainty in surest if certainty >= _SURE}


def _is_name(text: str) -> bool:
    if len(text) > _LONGEST_NAME or text.endswith((".", "!")) or (text.endswith("?") and " " in text):
        return False
    return any(character.isalpha() for character in text)


def _first_full(rows: Sequence[Sequence[str]], width: int) -> int:
    """The first row with a cell in every column, 1-based; 0 where there is none."""
    full = (
        place for place, row in enumerate(rows, start=1) if sum(bool(cell.strip()) for cell in row) == width
    )
    return next(full, 0)


def _unique(row: Sequence[str], width: int, rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    names: list[str] = []
    for place in range(width):
        cell = " ".join(row[place].split()) if place < len(row) else ""
        used = any(place < len(other) and other[place].strip() for other in rows)
        name = cell or (f"Column {column_letters(place + 1)}" if used else "")
        copies = sum(known == name or known.startswith(f"{name} (") for known in names) if name else 0
        names.append(f"{name} ({copies + 1})" if copies else name)
    return tuple(names)
