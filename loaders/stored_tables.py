"""Tables of documents as they lie in kb.db. Put together once: a replaced document has another row number."""

from __future__ import annotations

import json
import sqlite3

from loaders.location import Location
from loaders.sheets import SheetPart, SheetTable, read_tables

__all__ = ["stored_tables"]


def stored_tables(connection: sqlite3.Connection, document_id: str) -> tuple[SheetTable, ...]:
    """Of a document that is there."""
    row, title, name, media_type, text = connection.execute(
        "SELECT id, title, name, media_type, text FROM documents WHERE document_id = ?", (document_id,)
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
