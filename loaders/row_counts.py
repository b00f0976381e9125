"""Whether a sheet was read whole: the rows that the file holds, counted by themselves, against the stored blocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from loaders.location import CELL

__all__ = ["as_ranges", "incomplete_sheets", "is_complete", "missing_rows"]

_SHOWN = 5  # ranges named in a sentence


def as_ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Rising row numbers as [[first, last], ...]."""
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1][1] = number
        elif not ranges or number > ranges[-1][1]:
            ranges.append([number, number])
    return ranges


def missing_rows(metadata: Mapping[str, Any]) -> list[list[int]]:
    """Ranges of rows that the file holds and no block of the part does; empty where the reader did not count."""
    held: set[int] = set()
    for block in metadata.get("blocks") or ():
        rows = [int(row) for _, row in CELL.findall(block.get("cells") or "")]
        if rows:
            held.update(range(min(rows), max(rows) + 1))
    expected = (
        number for first, last in metadata.get("file_rows") or () for number in range(first, last + 1)
    )
    return as_ranges(number for number in expected if number not in held)


def is_complete(metadata: Mapping[str, Any]) -> bool | None:
    """None for parts whose rows were not counted: no sheets, or ingested before they were."""
    if metadata.get("file_rows") is None:
        return None
    return not missing_rows(metadata) and not metadata.get("swallowed_lines")


def incomplete_sheets(
    parts: Sequence[tuple[str | None, Mapping[str, Any]]], uncovered: Sequence[int] = ()
) -> list[str]:
    """A sentence for each (sheet, metadata) with rows that were not read.

    uncovered: for each part, how many of its rows stand in no chunk.
    """
    found = []
    for place, (sheet, metadata) in enumerate(parts):
        name = f"Sheet {sheet!r}" if sheet else "The table"
        missing = missing_rows(metadata)
        if missing:
            count = sum(last - first + 1 for first, last in missing)
            found.append(
                f"{name} is not complete: {_named(missing)} of the file ({count:,} in all) could not be read."
            )
        for row, lines in metadata.get("swallowed_lines") or ():
            found.append(
                f"{name} is not complete: {lines:,} lines of the file stand inside one quoted cell of row {row}; "
                "correct the quotation marks there."
            )
        if place < len(uncovered) and uncovered[place]:
            found.append(
                f"{name} is not complete: {uncovered[place]:,} of its rows cannot be found by a search."
            )
    return found


def _named(ranges: Sequence[Sequence[int]]) -> str:
    named = [f"{first}" if first == last else f"{first}-{last}" for first, last in ranges[:_SHOWN]]
    more = " and more" if len(ranges) > _SHOWN else ""
    return f"row{'' if ranges[0][0] == ranges[-1][1] else 's'} {', '.join(named)}{more}"
