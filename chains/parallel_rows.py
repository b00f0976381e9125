"""Rows of one table in two editions of one document: the same key under the same columns, with other figures.

Titles tell editions: "Travel policy 2025" and "Travel policy 2026". A report of each year is none: its figures are
of its year. Tables may be parted by pipes, written with their names in each cell, or by blanks, as PDF gives them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from chains.statements import statement
from loaders.sheet_rows import BORDER

__all__ = ["Row", "row_at", "rows_differ"]

_OF_A_PERIOD = re.compile(
    r"\b(?:reports?|results?|minutes|figures|accounts|statements?|statistics|budgets?|annual|yearly|quarterly|monthly"
    r"|weekly|surveys?|logs?|inventor(?:y|ies)|schedules?|calendars?|timetables?|forecasts?|invoices?|sales|turnover)\b",
    re.IGNORECASE,
)
_WHEN = re.compile(
    r"\b(?:valid|date|from|year|quarter|month|week|period|q[1-4]|(?:19|20)\d\d)\b", re.IGNORECASE
)
_NUMBER = r"[€$£]?\d[\d.,]*\s?[€%]?"
_SPACED = re.compile(rf"(?P<key>[^\W\d_][^\d|:;.!?]{{1,60}}?)\s+(?P<cells>{_NUMBER}(?:\s+{_NUMBER}){{0,7}})")
_FIGURE = re.compile(_NUMBER)
_RULE = re.compile(r"[\s|:-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """`columns[i]` names `cells[i]`; for cells parted by blanks there is only the line that names them all."""

    key: str
    columns: tuple[str, ...]
    cells: tuple[str, ...]
    header: tuple[int, int] | None  # span of the line that names the columns; None where the row names them
    text: str


def row_at(text: str, start: int, end: int) -> Row | None:
    """The table row that `text[start:end]` is, with the columns' names from the lines above it."""
    line = text[start:end].strip()
    if "\n" in line:
        return None
    named = _named(line)
    if named is not None:
        return named
    cells = _cells(line)
    above = _header(text, start, len(cells)) if len(cells) > 1 else None
    if above is None:
        return None
    names = text[slice(*above)].strip()
    columns = tuple(_cells(names)) if "|" in line else (names,)
    if "|" in line and len(columns) != len(cells):
        return None
    return Row(key=cells[0], columns=columns, cells=tuple(cells[1:]), header=above, text=line)


def _named(line: str) -> Row | None:
    pairs = [piece.partition(": ") for piece in line.split(BORDER)] if BORDER in line else []
    if len(pairs) < 2 or not all(mark for _, mark, _ in pairs):
        return None
    columns = tuple(name.strip() for name, _, _ in pairs)
    cells = [cell.strip() for _, _, cell in pairs]
    return Row(key=cells[0], columns=columns, cells=tuple(cells[1:]), header=None, text=line)


def _cells(line: str) -> list[str]:
    if "|" in line:
        return [cell.strip() for cell in line.strip().strip("|").split("|")]
    spaced = _SPACED.fullmatch(line)
    return [spaced["key"], *_FIGURE.findall(spaced["cells"])] if spaced else []


def _header(text: str, start: int, width: int) -> tuple[int, int] | None:
    """The first line above that is no row; for pipes, the first line of the block."""
    piped = "|" in text[start : text.find("\n", start) if "\n" in text[start:] else len(text)]
    end = text.rfind("\n", 0, start)
    top: tuple[int, int] | None = None
    while end > 0:
        begin = text.rfind("\n", 0, end) + 1
        line = text[begin:end].strip()
        if piped and "|" not in line:
            return top
        if not piped and len(_cells(line)) != width:
            return (begin, end) if re.search(r"\w", line) and not re.search(r"\d|[.!?:]$", line) else None
        if not _RULE.fullmatch(line):
            top = (begin, end)
        end = begin - 1
    return top if piped else None


def rows_differ(one: Row, two: Row, titles: tuple[str, str], question: str) -> tuple[str, str] | None:
    """The cells in which they differ, of each; titles: those of their documents, which must be editions of one."""
    if any(_OF_A_PERIOD.search(title) for title in titles) or _low(one.key) != _low(two.key):
        return None
    if tuple(map(_low, one.columns)) != tuple(map(_low, two.columns)) or len(one.cells) != len(two.cells):
        return None
    places = [place for place, (a, b) in enumerate(zip(one.cells, two.cells, strict=True)) if _other(a, b)]
    if len(one.columns) == 1:
        return (one.text, two.text) if places else None
    names = one.columns[1:]
    places = [place for place in places if not _WHEN.search(names[place])]
    if not places or not all(_figure(row.cells[place]) for row in (one, two) for place in places):
        return None
    asked = statement(question).words
    places = [place for place in places if statement(names[place]).words & asked] or places
    return _told(one, places), _told(two, places)


def _told(row: Row, places: list[int]) -> str:
    return ", ".join(f"{row.columns[place + 1]}: {row.cells[place]}" for place in places)


def _other(a: str, b: str) -> bool:
    """1.500 and 1,500 may be one number written in two countries."""
    plain_a, plain_b = (re.sub(r"[.,\s]", "", _low(cell)) for cell in (a, b))
    return plain_a != plain_b


def _figure(cell: str) -> bool:
    return len(statement(cell).figures) == 1 and bool(re.search(r"\d", cell))


def _low(text: str) -> str:
    return " ".join(text.lower().split())
