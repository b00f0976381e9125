"""Where in a document a piece of text stands, in the terms a reader of that document would use."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

ABOVE = "headings_above"  # metadata of a part that goes on under headings of the part before: (level, title) pairs

CELL = re.compile(r"([A-Z]+)(\d+)")
BlockKind = Literal["heading", "paragraph", "list_item", "table_header", "table_row", "code"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """One structural piece of a part's text: `part_text[start:end]`, without surrounding blank lines.

    Readers put `[block.as_dict() for ...]`, in text order and not overlapping, into
    `Document.metadata["blocks"]`; the splitter keeps blocks whole where it can.
    """

    start: int
    end: int
    kind: BlockKind
    level: int = 0  # headings only: 1 (top) to 6
    cells: str = ""  # spreadsheet rows only: the row's range, such as "B2:F2"
    at: tuple[
        tuple[int, int, int], ...
    ] = ()  # (column, start, end) of the row's cells in it, where it needs telling

    def as_dict(self) -> dict[str, Any]:
        return {
            "start": self.start,
            "end": self.end,
            "kind": self.kind,
            "level": self.level,
            "cells": self.cells,
        } | ({"at": [list(cell) for cell in self.at]} if self.at else {})

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Block:
        return cls(
            start=data["start"],
            end=data["end"],
            kind=data["kind"],
            level=data.get("level", 0),
            cells=data.get("cells", ""),
            at=tuple((column, start, end) for column, start, end in data.get("at", ())),
        )


Headings = tuple[tuple[int, str], ...]  # (level, title) from the top heading down


def headings_with(above: Headings, block: Block, text: str) -> Headings:
    """The heading path once `block`, whose span is of `text`, has been passed."""
    if block.kind != "heading":
        return above
    level = max(1, block.level)
    title = " ".join(text[block.start : block.end].lstrip("#").split())
    return (*(each for each in above if each[0] < level), (level, title))


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """Page, slide, sheet range or heading of a passage; fields that do not apply are None or empty."""

    page: int | None = None  # 1-based, PDF
    slide: int | None = None  # 1-based, PPTX
    sheet: str | None = None  # XLSX sheet name
    cells: str | None = None  # "A2:F9", spreadsheets
    record: str | None = None  # JSON path, mail part or attachment name
    headings: tuple[str, ...] = ()  # from the top heading down

    def label(self) -> str:
        """For people: `page 3 · Leave › Carry-over`, `sheet Prices, A2:F9`, or "" where nothing is known."""
        place = [f"page {self.page}"] if self.page is not None else []
        place += [f"slide {self.slide}"] if self.slide is not None else []
        place += [f"sheet {self.sheet}"] if self.sheet else []
        place += [self.cells] if self.cells else []
        place += [self.record] if self.record else []
        return " · ".join(part for part in (", ".join(place), " › ".join(self.headings)) if part)

    def as_dict(self) -> dict[str, Any]:
        """JSON form: only what is known, and always `label`."""
        known = {
            name: getattr(self, name)
            for name in ("page", "slide", "sheet", "cells", "record")
            if getattr(self, name) is not None
        }
        return known | ({"headings": list(self.headings)} if self.headings else {}) | {"label": self.label()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Location:
        return cls(
            page=data.get("page"),
            slide=data.get("slide"),
            sheet=data.get("sheet"),
            cells=data.get("cells"),
            record=data.get("record"),
            headings=tuple(data.get("headings", ())),
        )


def cell_range(ranges: Iterable[str]) -> str | None:
    """The smallest range that holds all: "A2:F2", "A3:G3" -> "A2:G3"."""
    corners = [(_column(letters), int(row)) for cells in ranges for letters, row in CELL.findall(cells)]
    if not corners:
        return None
    columns, rows = [column for column, _ in corners], [row for _, row in corners]
    first, last = f"{column_letters(min(columns))}{min(rows)}", f"{column_letters(max(columns))}{max(rows)}"
    return first if first == last else f"{first}:{last}"


def _column(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def column_letters(column: int) -> str:
    letters = ""
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
