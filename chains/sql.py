"""SQL that a model wrote, run over tables of the documents where it can do no harm: DuckDB, in memory, locked.

    with SheetDatabase(tables) as database:
        database.schema()                              the DDL and sample rows that the model sees
        database.run('SELECT sum("Price") FROM "Sale"')

What keeps it harmless: one SELECT, its whole syntax tree held against lists of what may occur (no table functions,
no functions that make long values: `repeat` and `range` heed neither the memory limit nor an interrupt); no file,
network or extension can be reached; the configuration is locked; memory and time are bounded.
"""

from __future__ import annotations

import contextlib
import json
import math
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from chains.passages_prompt import as_data
from chains.sql_syntax import ROW, Reading, SqlRefusedError, read_syntax, rows_behind
from loaders.jsonl import well_formed

if TYPE_CHECKING:
    import duckdb

    from loaders.sheets import SheetColumn, SheetTable

__all__ = ["Result", "SheetDatabase", "SqlRefusedError"]

MOST_CHARACTERS = 4000  # of a statement
MOST_ROWS = 200  # of a result that are kept
SECONDS = 5.0
MEMORY = "256MB"
SAMPLE_ROWS = 3
NOT_FITTING = "its SQL did not fit the tables"  # to people, in place of the database's own words
_LONGEST_CELL = 300  # characters of a cell of the result
_LONGEST_SAMPLE = 60
_MOST_BEHIND = 1_000_000  # rows that a result was made from, as far as they are told apart

Cell = str | int | float | bool | None

_LOCKED = {
    "enable_external_access": "false",
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "python_enable_replacements": "false",  # else a table's name could mean a variable of this program
    "temp_directory": "",
    "threads": "1",
    "memory_limit": MEMORY,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]  # the first MOST_ROWS
    row_count: int
    behind: Mapping[
        str, tuple[int, ...]
    ]  # table -> numbers of the sheet's rows it was made from, where known
    reading: Reading


class SheetDatabase:
    """`tables` under the names that the model sees; closed with its block."""

    def __init__(self, tables: Sequence[SheetTable], *, seconds: float = SECONDS) -> None:
        import duckdb

        self.tables = dict(_named(tables))
        self._seconds = seconds
        self._connection = duckdb.connect(":memory:", config=dict(_LOCKED))
        for name, table in self.tables.items():
            _fill(self._connection, name, table)
        self._connection.execute("SET lock_configuration = true")

    def __enter__(self) -> SheetDatabase:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def schema(self) -> str:
        """CREATE TABLE statements, each with where the table comes from and its first rows."""
        return "\n\n".join(_described(name, table) for name, table in self.tables.items())

    def run(self, sql: str) -> Result:
        """Raises SqlRefusedError, also for what DuckDB refuses: its text is for the model to write a better one."""
        import duckdb

        if len(sql) > MOST_CHARACTERS:
            raise SqlRefusedError(f"The statement is longer than {MOST_CHARACTERS} characters.")
        if well_formed(sql) != sql:
            raise SqlRefusedError("The statement holds half of a character (a lone surrogate).")
        try:
            with self._time_limit():
                reading = read_syntax(self._connection, sql, self.tables)
                cursor = self._connection.execute(sql)
                columns = [str(column[0]) for column in cursor.description or ()]
                rows = cursor.fetchmany(MOST_ROWS)
                count = len(rows) if len(rows) < MOST_ROWS else self._count(sql)
                behind = self._behind(reading)
        except duckdb.InterruptException as error:
            raise SqlRefusedError(f"It takes longer than {self._seconds:g} seconds.") from error
        except duckdb.OutOfMemoryException as error:
            raise SqlRefusedError(f"It needs more memory than {MEMORY}.") from error
        except duckdb.Error as error:
            raise SqlRefusedError(_first_lines(error), people=NOT_FITTING) from error
        return _result(columns, rows, count, behind, reading)

    def _count(self, sql: str) -> int:
        bare = sql.strip().rstrip(";")
        row = self._connection.execute(f"SELECT count(*) FROM (\n{bare}\n)").fetchone()
        return int(row[0]) if row else 0

    def _behind(self, reading: Reading) -> dict[str, tuple[int, ...]]:
        import duckdb

        statement = rows_behind(self._connection, reading)
        if statement is None or len(reading.tables) != 1:
            return {}
        try:
            rows = self._connection.execute(statement).fetchmany(_MOST_BEHIND)
        except duckdb.BinderException:
            return {}  # ORDER BY names what only the result has
        return {reading.tables[0]: tuple(row[-1] for row in rows)}

    @contextlib.contextmanager
    def _time_limit(self) -> Iterator[None]:
        timer = threading.Timer(self._seconds, self._connection.interrupt)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split("\n\nLINE", maxsplit=1)[0].split())[:400]


def _result(
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    count: int,
    behind: Mapping[str, tuple[int, ...]],
    reading: Reading,
) -> Result:
    """Without the column of row numbers, which tells what the rows were made from; but not without any column."""
    kept = [place for place, column in enumerate(columns) if column.partition(":")[0] != ROW]
    kept = kept or list(range(len(columns)))
    return Result(
        columns=tuple(columns[place] for place in kept),
        rows=tuple(tuple(_cell(row[place]) for place in kept) for row in rows),
        row_count=count,
        behind=behind,
        reading=reading,
    )


def _cell(value: Any) -> Cell:
    """As JSON has it; floats without the noise of binary fractions, and none for a division by zero."""
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        rounded = float(f"{value:.12g}")
        return int(rounded) if rounded.is_integer() and abs(rounded) < 1e15 else rounded
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == time() else value.isoformat(sep=" ")
    return value.isoformat() if isinstance(value, date | time) else _cut(str(value))


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


# --- tables -> DuckDB -------------------------------------------------------------------------------------


def _named(tables: Sequence[SheetTable]) -> Iterator[tuple[str, SheetTable]]:
    """Each under its sheet's name, or its document's; unique without regard to case."""
    seen: set[str] = set()
    for table in tables:
        wanted = _identifier(table.sheet or table.document_name) or "table"
        name, number = wanted, 1
        while name.lower() in seen:
            number += 1
            name = f"{wanted} {number}"
        seen.add(name.lower())
        yield name, table


def _identifier(text: str) -> str:
    """A name as the model may see it: no hidden characters, no line breaks, nothing that closes the data."""
    return " ".join(as_data(text).replace('"', "'").split())[:80]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def column_names(table: SheetTable) -> list[str]:
    """The names of the table's columns in SQL, unique without regard to case."""
    seen = {ROW}
    names = []
    for column in table.columns:
        name = _identifier(column.name) or f"column {column.letter}"
        while name.lower() in seen:
            name = f"{name} {column.letter}"
        seen.add(name.lower())
        names.append(name)
    return names


def _fill(connection: duckdb.DuckDBPyConnection, name: str, table: SheetTable) -> None:
    types = ["INTEGER", *map(_type, table.columns)]
    columns = [_quoted(ROW), *map(_quoted, column_names(table))]
    declared = ", ".join(f"{column} {kind}" for column, kind in zip(columns, types, strict=True))
    connection.execute(f"CREATE TABLE {_quoted(name)} ({declared})")
    values: list[list[Any]] = [[row.number for row in table.rows]]
    values += [_stored(column, kind) for column, kind in zip(table.columns, types[1:], strict=True)]
    taken = ", ".join(f"unnest(${place}::{kind}[])" for place, kind in enumerate(types, start=1))
    connection.execute(f"INSERT INTO {_quoted(name)} SELECT {taken}", values)


def _stored(column: SheetColumn, kind: str) -> list[Any]:
    if kind not in ("DOUBLE", "BIGINT"):
        return list(column.values)
    made = float if kind == "DOUBLE" else int
    return [made(value) if isinstance(value, Decimal) else None for value in column.values]


def _type(column: SheetColumn) -> str:
    if column.kind != "number":
        return {"date": "DATE", "timestamp": "TIMESTAMP", "boolean": "BOOLEAN"}.get(column.kind, "VARCHAR")
    numbers = [value for value in column.values if isinstance(value, Decimal)]
    places = max((-_exponent(value) for value in numbers), default=0)
    whole = max((value.adjusted() + 1 for value in numbers if value), default=1)
    if places <= 0 and whole <= 15:
        return "BIGINT"
    return f"DECIMAL(18, {places})" if 0 < places <= 6 and whole + places <= 15 else "DOUBLE"


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _described(name: str, table: SheetTable) -> str:
    origin = [table.document_name, table.sheet or "", table.caption]
    about = " · ".join(_identifier(part) for part in origin if part)
    names = column_names(table)
    declared = [
        f"  {_quoted(column)} {_type(each)}" for column, each in zip(names, table.columns, strict=True)
    ]
    lines = [
        f"-- {about}: {len(table.rows)} rows",
        f"CREATE TABLE {_quoted(name)} (",
        f"  {_quoted(ROW)} INTEGER,",
    ]
    lines += [",\n".join(declared), ");", "-- first rows:"]
    for place, row in enumerate(table.rows[:SAMPLE_ROWS]):
        cells = [
            column.values[place]
            if column.kind == "boolean"
            else " ".join(as_data(text).split())[:_LONGEST_SAMPLE]
            for column, text in zip(table.columns, row.texts, strict=True)
        ]
        lines.append("-- " + json.dumps([row.number, *cells], ensure_ascii=False))
    return "\n".join(lines)
