"""What a working dataset gives and takes: questions about its rows, rows with their state, reports and counts."""

from __future__ import annotations

import hashlib
import json
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from errors import DatasetFormatError
from finetune.examples import METADATA, Kind, Origin, Row
from finetune.row_texts import pieces

State = Literal["pending", "accepted", "rejected"]
STATES: tuple[State, ...] = get_args(State)
Order = Literal["oldest", "newest", "changed", "longest", "shortest"]
ORDERS: tuple[Order, ...] = get_args(Order)
TO_REVIEW: frozenset[Origin] = frozenset({"generated", "extracted"})  # nobody has read these yet
LONGEST_TAG = 60
MOST_ROWS = 1_000  # of one page


@dataclass(frozen=True, slots=True, kw_only=True)
class RowQuery:
    """Which rows, in which order; what is None is not asked."""

    state: State | None = None
    tag: str | None = None
    origin: Origin | None = None  # "edited": those that were edited here
    document: str | None = None
    group: str | None = None
    search: str = ""  # every word of it occurs in the row's texts, case folded; "in quotes" as it stands
    order: Order = "oldest"
    offset: int = 0
    limit: int = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRow:
    id: int  # for good: never given to another row
    row: Row  # with "metadata"
    kind: Kind | None  # None: the row's keys say no kind, or two
    state: State
    tags: tuple[str, ...]
    added_at: str  # ISO 8601, UTC
    changed_at: str

    @property
    def metadata(self) -> Mapping[str, Any]:
        found = self.row.get(METADATA)
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowPage:
    rows: tuple[StoredRow, ...]
    total: int  # of all rows that match
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AddReport:
    added: int
    pending: int  # of them, rows that wait for review
    duplicates: int  # of them, rows that were there already or stand twice in this addition
    refused: int

    def as_dict(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    total: int
    states: Mapping[State, int]  # every state, 0 included
    origins: Mapping[str, int]
    kinds: Mapping[str, int]  # "unknown" where the keys say none
    tags: Mapping[str, int]
    edited: int
    refused: int

    def as_dict(self) -> dict[str, Any]:
        return {
            name: dict(value) if isinstance(value := getattr(self, name), Mapping) else value
            for name in self.__slots__
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One step that can be taken back, or that was and can be made again."""

    description: str
    changed_at: str
    undone: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """A file of rows, and which row stands on which line."""

    path: Path
    sha256: str
    bytes: int
    _ids: array[int] = field(repr=False)

    @property
    def rows(self) -> int:
        return len(self._ids)

    def row_id(self, line: int) -> int:
        """The id of the row on a line, from 1. Raises IndexError."""
        if not 1 <= line <= len(self._ids):
            raise IndexError(line)
        return self._ids[line - 1]


def encoded(row: Mapping[str, Any]) -> str:
    """The row as one line of JSON. Raises DatasetFormatError for what JSON cannot hold."""
    try:
        text = json.dumps(row, ensure_ascii=False, allow_nan=False)
        text.encode()
    except UnicodeEncodeError as error:
        raise DatasetFormatError(
            f"The row holds {error.object[error.start]!r}, half of a character: type that text again."
        ) from error
    except (TypeError, ValueError, RecursionError) as error:
        raise DatasetFormatError(f"The row cannot be kept as JSON ({error}): correct it.") from error
    return text


def without_metadata(row: Mapping[str, Any]) -> Row:
    """The row as a provider gets it."""
    return {key: value for key, value in row.items() if key != METADATA}


def content_key(row: Mapping[str, Any]) -> bytes:
    """16 bytes that agree exactly where two rows say the same, whatever the order of keys; "metadata" aside."""
    plain = json.dumps(without_metadata(row), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).digest()[:16]


def searched_words(row: Mapping[str, Any]) -> str:
    """Every text of the row in reading order, case folded, one a line; "metadata" aside."""
    return "\n".join(piece.text for piece in pieces(dict(row))).casefold()
