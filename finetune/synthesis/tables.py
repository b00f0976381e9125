"""Cells that can be asked for: a row by its name, a column by its header. And fields of records, in the same way.

    for title, row, column, (start, end) in cells_asked(outline, totals): ...

A table needs a line that names its columns, and a column whose cells are names that differ from row to row. Tables
without either (cells that only their place on a page tells apart) are left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice, pairwise

from chains.plain_text import as_prose
from finetune.synthesis.outline import Outline, OutlineBlock

__all__ = ["CELLS_A_ROW", "ROWS_A_TABLE", "cells_asked"]

CELLS_A_ROW = 2  # of each row; the columns take turns, so that all of them are asked for
FIELDS_A_RECORD = 4
ROWS_A_TABLE = 40  # of a longer table, rows at even distances
LONGEST_NAME = 60  # characters of a row's name
LOOKED_FOR_NAMES = 3  # columns from the left that may name the rows
Span = tuple[int, int]
Asked = tuple[str, str, str, Span]

_PIPE = re.compile(r"(?<!\\)\|")
_FIELD = re.compile(r"([^\W\d][\w. -]{0,60}?): (\S.*)")
_NUMBER_COLUMN = re.compile(r"(?:no|nr|n°|nº|num(?:ber|mer|éro|ero)?|id|#|pos(?:ition)?|item)\.?", re.I)
_PAGE_COLUMN = re.compile(r"(?:page|seite|página|pagina|blz)s?\.?", re.I)  # of a list of contents
_LETTERS = re.compile(r"[^\W\d_]{3,}|[^\W\d_]+[ -]?\d")  # a word, or a code
_RULE = re.compile(r"[:\s-]*-{2,}[:\s-]*")
_EMPTY = re.compile(r"[\W_]*")  # no letter and no figure: a dash, a ditto mark


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Span | None, ...], ...]  # spans in the document, None for an empty cell


def cells_asked(outline: Outline, totals: re.Pattern[str]) -> Iterator[Asked]:
    """(title of the table, name of the row, name of the column, span of the cell)."""
    text = outline.document.text
    for table in _tables(outline):
        named = _naming_column(table, text)
        if named is not None:
            yield from _of_table(table, named, text, totals)
    yield from _of_records(outline)


def _of_table(table: _Table, named: int, text: str, totals: re.Pattern[str]) -> Iterator[Asked]:
    rows = [row for row in table.rows if row[named] and not totals.fullmatch(_name(text, row[named]))]
    step = max(1, -(-len(rows) // ROWS_A_TABLE))
    others = [
        column for column in range(len(table.columns)) if column != named and _is_told(table.columns[column])
    ]
    for turn, row in enumerate(rows[::step]):
        for column in islice(_in_turn(others, turn * CELLS_A_ROW), CELLS_A_ROW):
            span = row[column]
            if span is not None:
                yield table.title, _name(text, row[named]), table.columns[column], span


def _is_told(column: str) -> bool:
    return bool(column) and not _PAGE_COLUMN.fullmatch(column)


def _in_turn(columns: Sequence[int], first: int) -> Iterator[int]:
    for place in range(len(columns)):
        yield columns[(first + place) % len(columns)]


def _name(text: str, span: Span | None) -> str:
    return as_prose(text[span[0] : span[1]]) if span else ""


def _naming_column(table: _Table, text: str) -> int | None:
    """The first column, from the left, whose cells are words, all different; running numbers are passed over.

    Rows that begin with whole sentences have no names: what stands beside those is what is told of them.
    """
    for column in range(min(LOOKED_FOR_NAMES, len(table.columns))):
        names = [_name(text, row[column]) for row in table.rows]
        if any(len(name) > LONGEST_NAME for name in names):
            return None
        distinct = len({name.casefold() for name in names}) == len(names) and all(names)
        if (
            distinct
            and all(map(_LETTERS.search, names))
            and not _NUMBER_COLUMN.fullmatch(table.columns[column])
        ):
            return column
    return None


# --- tables of an outline -----------------------------------------------------------------------------


def _tables(outline: Outline) -> Iterator[_Table]:
    for is_table, group in groupby(
        outline.blocks, key=lambda block: block.kind in ("table_header", "table_row")
    ):
        if is_table:
            yield from _split_at_headers(outline, list(group))


def _split_at_headers(outline: Outline, blocks: Sequence[OutlineBlock]) -> Iterator[_Table]:
    heads = [at for at, block in enumerate(blocks) if block.kind == "table_header"]
    for head, end in zip(heads, (*heads[1:], len(blocks)), strict=False):
        table = _table(outline, blocks[head], blocks[head + 1 : end])
        if table is not None and len(table.columns) > 1 and len(table.rows) > 1:
            yield table


def _table(outline: Outline, head: OutlineBlock, body: Sequence[OutlineBlock]) -> _Table | None:
    columns = [_plain(head.text[start:end]) for start, end in _cells(head.text)]
    if len(columns) < 2 or len(set(columns)) < len(columns):
        return None
    read = _named_cells if head.cells else _placed_cells
    rows = [read(block, columns) for block in body]
    return _Table(
        title=_label(outline, head),
        columns=tuple(_column_name(column) for column in columns),
        rows=tuple(row for row in rows if row is not None),
    )


def _label(outline: Outline, head: OutlineBlock) -> str:
    """The document, and the sheet or heading that tells its tables apart."""
    where = head.location.sheet or (head.headings[-1] if head.headings else "")
    return (
        f"{outline.title}, {where}"
        if where and where.casefold() != outline.title.casefold()
        else outline.title
    )


def _placed_cells(block: OutlineBlock, columns: Sequence[str]) -> tuple[Span | None, ...] | None:
    """The cells of a row as they stand, one for each column; None where there are more or fewer."""
    spans = _cells(block.text)
    if len(spans) != len(columns):
        return None
    return tuple(_kept(block, span) for span in spans)


def _named_cells(block: OutlineBlock, columns: Sequence[str]) -> tuple[Span | None, ...] | None:
    """The cells of a spreadsheet's row, which is written "column: cell | column: cell" without empty ones."""
    found: dict[str, Span | None] = {}
    for start, end in _cells(block.text):
        piece = block.text[start:end]
        column = next((name for name in columns if piece.startswith(f"{name}: ")), None)
        if column is None or column in found:
            return None
        found[column] = _kept(block, (start + len(column) + 2, end))
    return tuple(found.get(column) for column in columns)


def _kept(block: OutlineBlock, span: Span) -> Span | None:
    start, end = span
    own = block.text[start:end]
    return None if _EMPTY.fullmatch(own) else (block.start + start, block.start + end)


def _cells(line: str) -> list[Span]:
    """Trimmed spans between the bars of a line; empty cells too, but for the edges of a Markdown row."""
    bars = [match.start() for match in _PIPE.finditer(line)]
    if not bars:
        return []
    edges = [-1, *bars, len(line)]
    spans = [_trimmed(line, start + 1, end) for start, end in pairwise(edges)]
    outer = line.strip().startswith("|"), line.strip().endswith("|")
    spans = spans[1:] if outer[0] else spans
    return spans[:-1] if outer[1] else spans


def _trimmed(line: str, start: int, end: int) -> Span:
    own = line[start:end]
    left = len(own) - len(own.lstrip())
    return (start + left, start + left + len(own.strip()))


def _plain(text: str) -> str:
    return " ".join(text.split())


def _column_name(header: str) -> str:
    """e_mail -> e mail; a header of words stays as it is."""
    return as_prose(header.replace("_", " ") if " " not in header else header)


# --- records ------------------------------------------------------------------------------------------


def _of_records(outline: Outline) -> Iterator[Asked]:
    """Fields of the records of a JSON document, each record by its name."""
    records = [
        (name, list(group)) for name, group in groupby(outline.blocks, key=lambda block: block.record) if name
    ]
    names = [name for name, _ in records]
    for turn, (name, blocks) in enumerate(records):
        if names.count(name) > 1 or name == outline.title:
            continue
        fields = [field for block in blocks if (field := _field(block, name))]
        for at in islice(_in_turn(range(len(fields)), turn * FIELDS_A_RECORD), FIELDS_A_RECORD):
            column, span = fields[at]
            yield outline.title, name, column, span


def _field(block: OutlineBlock, name: str) -> tuple[str, Span] | None:
    match = _FIELD.fullmatch(block.text)
    if match is None or match[2] == name or "\n" in block.text:
        return None
    column = match[1].replace("_", " ").replace(".", " ")
    return column, (block.start + match.start(2), block.start + match.end(2))
