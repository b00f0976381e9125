"""Rows of the files that people keep: CSV, TSV, spreadsheets, JSON and JSON Lines, known by their bytes.

    for table in open_rows(Path("marks.xlsx"), {"question", "mode", "right"}.__contains__):
        for number, place, value in rows_of(table, path): ...

A row that cannot be read is a sentence with its place in front, and stops no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from errors import DatasetError, SettingsError
from finetune.importing.containers import Table, container_of, open_tables
from finetune.importing.header import IsKnown
from finetune.importing.records import Record

__all__ = ["Row", "Table", "columns_of", "open_rows", "rows_of"]

Row = tuple[
    int, str, Mapping[str, Any] | str
]  # number, place for sentences, cells by column or what is wrong


def open_rows(path: Path, known: IsKnown) -> list[Table]:
    """Its tables: a sheet each, or the whole file. Raises SettingsError where the file cannot be read.

    `known`: whether a column that is looked for is called so; it tells the row that names the columns.
    """
    try:
        return open_tables(path, container_of(path), None, known=known)
    except DatasetError as error:
        raise SettingsError(str(error)) from error


def columns_of(table: Table) -> tuple[str, ...]:
    """Of JSON, whose rows have fields of their own, none."""
    return table.columns.names if table.columns else ()


def rows_of(table: Table, path: Path) -> Iterator[Row]:
    """Raises SettingsError where reading breaks off."""
    sheet = f", sheet {table.sheet}" if table.sheet else ""
    unit = "row" if table.columns else "line" if path.suffix.lower() in (".jsonl", ".ndjson") else "record"
    try:
        for record in table.records():
            place = f"{path}{sheet}, {unit} {record.number}"
            yield record.number, place, _held(record, place)
    except DatasetError as error:
        raise SettingsError(str(error)) from error


def _held(record: Record, place: str) -> Mapping[str, Any] | str:
    if record.value is not None:
        return record.value
    assert record.fault is not None  # exactly where there is no value
    return f"{place}: {record.fault.reason} {record.fault.fix}"
