"""What a file holds before anything is made of it: records with their place, and the faults of those that are none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from finetune.examples import Refused

LONGEST_SHOWN = 60  # characters of a value in a sentence


class Fault(NamedTuple):
    """Why a record becomes no row; `field` is a JSON path or a column's name, "" for the whole record."""

    field: str
    reason: str  # one sentence
    fix: str  # one sentence


class Unfit(Exception):
    """A record that becomes no row, raised where it is found out."""

    def __init__(self, field: str, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.fault = Fault(field, reason, fix)


class Record(NamedTuple):
    """One record: a JSON object, or the cells of a table's row by column. A tuple since millions are made."""

    number: int  # 1-based line of the file; of an array or Parquet file the record; of a sheet the row
    value: Mapping[str, Any] | None  # None exactly where there is a fault
    fault: Fault | None = None
    sheet: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """The columns of a table and where they were found."""

    names: tuple[str, ...]  # unique; "Column C" where a column has no name
    header: int | None  # 1-based row of the header; None where there is none
    sheet: str | None = None


def refused(file: str, record: Record, fault: Fault) -> Refused:
    """A refusal as it is reported; the sheet stands in front of the field."""
    field = f"{record.sheet}!{fault.field}" if record.sheet else fault.field
    return Refused(file=file, line=record.number, field=field, reason=fault.reason, fix=fault.fix)


def shown(value: object) -> str:
    """A value for a sentence: its repr, shortened."""
    text = repr(value[:LONGEST_SHOWN] if isinstance(value, str) else value)
    return text if len(text) <= LONGEST_SHOWN + 2 else text[:LONGEST_SHOWN] + "…"
