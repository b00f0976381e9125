"""Tables of documents as they lie in kb.db, the last ones kept: taking a large sheet apart takes seconds."""

from __future__ import annotations

import json
import sqlite3
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from loaders.sheets import SheetTable

__all__ = ["StoredTables"]

MOST_CELLS = 1_000_000  # kept, of all documents together; a larger one is kept alone


class StoredTables:
    """Thread-safe. A document that is replaced gets another row number, so what is kept is never out of date."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: dict[int, tuple[SheetTable, ...]] = {}  # the latest last

    def of(self, connection: sqlite3.Connection, document_id: str) -> tuple[SheetTable, ...]:
        """Of a document that is there."""
        (row,) = connection.execute(
            "SELECT id FROM documents WHERE document_id = ?", (document_id,)
        ).fetchone()
        with self._lock:
            found = self._kept.pop(row, None)
            if found is None:
                found = _read(connection, row)
            self._kept[row] = found
            while len(self._kept) > 1 and sum(map(_cells, self._kept.values())) > MOST_CELLS:
                del self._kept[next(iter(self._kept))]
        return found


def _cells(tables: tuple[SheetTable, ...]) -> int:
    return sum(len(table.rows) * len(table.columns) for table in tables)


def _read(connection: sqlite3.Connection, row: int) -> tuple[SheetTable, ...]:
    from loaders.location import Location
    from loaders.sheets import SheetPart, read_tables

    document_id, title, name, media_type, text = connection.execute(
        "SELECT document_id, title, name, media_type, text FROM documents WHERE id = ?", (row,)
    ).fetchone()
    stored = connection.execute(
        'SELECT start, "end", location, metadata FROM parts WHERE document = ? ORDER BY ordinal', (row,)
    )
    parts = [
        SheetPart(
            text=text[start:end],
            start=start,
            sheet=Location.from_dict(json.loads(location)).sheet,
            metadata=json.loads(metadata),
        )
        for start, end, location, metadata in stored
    ]
    return read_tables(parts, document_id=document_id, document_name=title or name, media_type=media_type)
