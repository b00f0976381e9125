"""A result of SQL as an answer: in words or as a table, with the cells it comes from and what was left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from chains.answer import Citation, Computation, Location
from chains.computing import Computed, KnowsTables
from chains.guard import neutralise
from chains.sql import Cell, Result, column_names

if TYPE_CHECKING:
    from loaders.sheets import SheetColumn, SheetRow, SheetTable

__all__ = ["describe", "shown"]

SHOWN_ROWS = 20  # of a result in the text
CITED_ROWS = 5  # cited one by one; more are cited by their columns
SHOWN_PLACES = 4  # decimals in the text
_NAMED_LEFT_OUT = 3

NO_ROWS = "No row of the table matches."
NO_VALUE = "There is nothing to compute with: no matching row has a value there."


def describe(
    sql: str, result: Result, tables: Mapping[str, SheetTable], knowledge_base: KnowsTables
) -> Computed:
    """The text names every table with its rows and what was not counted; its markers number the citations from 1."""
    used = [(name, tables[name]) for name in result.reading.tables]
    citations: list[Citation] = []
    sources, notes = [], []
    for name, table in used:
        columns = _columns_used(table, result)
        rows = _rows_behind(table, result.behind.get(name))
        first = len(citations) + 1
        citations += _citations(table, columns, rows, knowledge_base, first)
        markers = (
            "".join(f"[{number}]" for number in range(first, len(citations) + 1)) if len(used) > 1 else ""
        )
        sources.append(_source(table, columns, rows, markers))
        notes += _notes(table, columns, rows)
    told = _told(result, "".join(f"[{citation.marker}]" for citation in citations))
    text = "\n\n".join(
        [told, "Computed from " + "; ".join(sources) + ".", *([" ".join(notes)] if notes else [])]
    )
    computation = Computation(
        sql=sql,
        columns=result.columns,
        rows=result.rows,
        row_count=result.row_count,
        tables=tuple(table.label for _, table in used),
    )
    return Computed(text=text, computation=computation, citations=tuple(citations))


# --- the result ---------------------------------------------------------------------------------------


def _told(result: Result, markers: str) -> str:
    if not result.row_count:
        return f"{NO_ROWS} {markers}".rstrip()
    if all(cell is None for row in result.rows for cell in row):
        return f"{NO_VALUE} {markers}".rstrip()
    if result.row_count == 1:
        pairs = zip(result.columns, result.rows[0], strict=True)
        said = "; ".join(f"{_label(name)}: {shown(cell)}" for name, cell in pairs)
        return f"{said} {markers}".rstrip()
    lines = [
        _table_line([_label(name) for name in result.columns]),
        _table_line(["---"] * len(result.columns)),
    ]
    lines += [_table_line([shown(cell) for cell in row]) for row in result.rows[:SHOWN_ROWS]]
    more = (
        f"\n\nThe first {SHOWN_ROWS} of {result.row_count:,} rows." if result.row_count > SHOWN_ROWS else ""
    )
    return "\n".join(lines) + more + f"\n\nRows: {result.row_count:,} {markers}".rstrip()


def _label(name: str) -> str:
    if name == "count_star()":
        return "number of rows"
    return _safe(name.replace("_", " "))


def shown(cell: Cell) -> str:
    """For people: no noise of binary fractions, no markup of the documents' making."""
    if cell is None:
        return "(empty)"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, float):
        text = f"{cell:.{SHOWN_PLACES}f}" if abs(cell) >= 1 else f"{cell:.{SHOWN_PLACES}g}"
        return text.rstrip("0").rstrip(".") if "." in text and "e" not in text else text
    return str(cell) if isinstance(cell, int) else _safe(cell)


def _safe(text: str) -> str:
    """Document text and names of the model's making: nothing that loads, links, cites or breaks the table."""
    plain = neutralise(" ".join(text.split()), sources=0, allowed_text="")
    return plain.replace("|", "/").replace("`", "'")


def _table_line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


# --- where it comes from ------------------------------------------------------------------------------


def _columns_used(table: SheetTable, result: Result) -> list[SheetColumn]:
    """All of them where the statement names none, as for count(*)."""
    named = zip(column_names(table), table.columns, strict=True)
    used = [column for name, column in named if name.lower() in result.reading.columns]
    return list(table.columns) if "*" in result.reading.columns or not used else used


def _rows_behind(table: SheetTable, numbers: Sequence[int] | None) -> list[SheetRow] | None:
    """None: not known which; then all of the table are told."""
    if numbers is None:
        return None
    wanted = set(numbers)
    return [row for row in table.rows if row.number in wanted]


def _source(
    table: SheetTable, columns: Sequence[SheetColumn], rows: Sequence[SheetRow] | None, markers: str
) -> str:
    names = ", ".join(_safe(column.name) for column in columns)
    part = "" if rows is None or len(rows) == len(table.rows) else f", {len(rows):,} of them used"
    which = (
        "all columns" if len(columns) == len(table.columns) else f"column{'s' * (len(columns) > 1)} {names}"
    )
    return f"{_safe(table.label)}{part}, {which} {markers}".rstrip()


def _notes(table: SheetTable, columns: Sequence[SheetColumn], rows: Sequence[SheetRow] | None) -> list[str]:
    """What a reader must know before he relies on the figure."""
    counted = table.rows if rows is None else rows
    numbers = {row.number for row in counted}
    notes = []
    if table.complete is False:
        notes.append("Not all rows of this sheet could be read, so the result may be wrong.")
    for row in table.totals:
        label = next((text for text in row.texts if text), "")
        notes.append(f"The row {_safe(label)!r} ({row.cells}) was left out: it sums up others.")
    for column in columns:
        left = [table.rows[place] for place in column.left_out if table.rows[place].number in numbers]
        if left:
            notes.append(_left_out(table, column, left))
        if column.doubtful:
            notes.append(f"The points in {_safe(column.name)!r} were read as decimal points.")
    if table.hidden_rows:
        notes.append(f"Rows that the sheet hides are counted ({table.hidden_rows:,}).")
    return notes


def _left_out(table: SheetTable, column: SheetColumn, rows: Sequence[SheetRow]) -> str:
    place = table.columns.index(column)
    named = [f"{_safe(row.texts[place])!r} ({column.letter}{row.number})" for row in rows[:_NAMED_LEFT_OUT]]
    more = f" and {len(rows) - len(named):,} more" if len(rows) > len(named) else ""
    return f"Not a number, so left out: {', '.join(named)}{more}."


def _citations(
    table: SheetTable,
    columns: Sequence[SheetColumn],
    rows: Sequence[SheetRow] | None,
    knowledge_base: KnowsTables,
    first: int,
) -> list[Citation]:
    """The line that names the columns, standing for the range that was used, then the rows where they are few."""
    text = knowledge_base.document_text(table.document_id)
    spans: list[tuple[int, int, str, list[str]]] = []
    few = rows is not None and 0 < len(rows) <= CITED_ROWS
    if table.header:
        names = [column.header for column in columns if column.header]
        spans.append((*table.header, _range(table, columns, rows if few else None), names))
    if few or not table.header:
        spans += [
            (row.start, row.end, row.cells, [cell for cell in row.texts if cell])
            for row in (rows if few and rows else table.rows[:1])
        ]
    return [_citation(first + place, table, text, span, knowledge_base) for place, span in enumerate(spans)]


def _range(table: SheetTable, columns: Sequence[SheetColumn], rows: Sequence[SheetRow] | None) -> str:
    """ "E3:E9, G3:G9": the used columns from the header to the last row, or the header's cells alone."""
    top = int("".join(filter(str.isdigit, table.cells.partition(":")[0])))
    bottom = top if rows is not None else max(row.number for row in table.rows)
    runs: list[list[SheetColumn]] = []
    for column in columns:
        if runs and table.columns.index(column) == table.columns.index(runs[-1][-1]) + 1:
            runs[-1].append(column)
        else:
            runs.append([column])
    return ", ".join(_span(run[0].letter, run[-1].letter, top, bottom) for run in runs)


def _span(first: str, last: str, top: int, bottom: int) -> str:
    start, end = f"{first}{top}", f"{last}{bottom}"
    return start if start == end else f"{start}:{end}"


def _citation(
    marker: int,
    table: SheetTable,
    text: str,
    span: tuple[int, int, str, list[str]],
    knowledge_base: KnowsTables,
) -> Citation:
    """`verified`: the quote stands there and holds every cell it is cited for."""
    start, end, cells, held = span
    quote = text[start:end]
    flat = " ".join(quote.split())
    return Citation(
        marker=marker,
        chunk_id=knowledge_base.chunk_at(table.document_id, start) or "",
        document_id=table.document_id,
        document_name=table.document_name,
        location=Location(sheet=table.sheet, cells=cells),
        start=start,
        end=end,
        quote=quote,
        verified=bool(quote) and all(" ".join(cell.split()) in flat for cell in held),
    )
