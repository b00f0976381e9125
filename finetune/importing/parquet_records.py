"""Records of Parquet files, in batches of rows."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

from errors import DatasetError, DatasetFormatError
from finetune.importing.records import Fault, Record

_ROWS = 512  # at a time


def read_parquet(path: Path) -> Iterator[Record]:
    """One record a row; fields that a row lacks are null in Parquet, and left out here.

    Raises DatasetFormatError where the file is damaged.
    """
    import pyarrow
    from pyarrow import parquet

    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_ROWS):
                for value in batch.to_pylist():
                    number += 1
                    yield _record(number, value)
    except (pyarrow.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0][:200]
        raise DatasetFormatError(
            f"{path}, after row {number}: cannot be read as Parquet ({reason})."
        ) from error
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}, after row {number}: a text in it is not UTF-8.") from error


def _record(number: int, value: dict[str, Any]) -> Record:
    try:
        return Record(number, {name: _plain(held) for name, held in value.items() if held is not None})
    except TypeError as error:
        fix = "Write the column as text, or leave it out."
        return Record(number, None, Fault("", f"The row holds {error}, which JSON has no form for.", fix))


def _plain(value: Any) -> Any:
    """A value as JSON has it. Raises TypeError naming the type of one that has no form."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(name): _plain(held) for name, held in value.items() if held is not None}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    raise TypeError(f"a value of type {type(value).__name__}")
