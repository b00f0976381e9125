"""What a knowledge base notes about a document besides its text: its date, and what of its file could not be read."""

from __future__ import annotations

import json
import sqlite3
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from loaders.dates import FILE_DATE, FIRST_LINES, document_date
from loaders.draft import ChunkDraft, PartDraft
from loaders.row_counts import incomplete_sheets

__all__ = ["INCOMPLETE", "described", "stored_date"]

INCOMPLETE = "incomplete"  # sentences: sheets whose rows are not all there


def described(
    name: str, title: str, text: str, parts: Sequence[PartDraft], chunks: Sequence[ChunkDraft]
) -> dict[str, Any]:
    """A file's metadata: `date` and `incomplete`, where there is something to say."""
    first = parts[0].metadata if parts else {}
    date = document_date(name=name, title=title, text=text, metadata={}, first_part=first)
    sheets = [(part.location.sheet, part.metadata) for part in parts]
    incomplete = incomplete_sheets(sheets, _rows_outside(parts, chunks))
    return ({"date": date} if date else {}) | ({INCOMPLETE: incomplete} if incomplete else {})


def _rows_outside(parts: Sequence[PartDraft], chunks: Sequence[ChunkDraft]) -> list[int]:
    """For each part, how many of its counted rows begin or end in no chunk."""
    spans = sorted((chunk.start, chunk.end) for chunk in chunks)
    starts = [start for start, _ in spans]

    def held(position: int) -> bool:
        place = bisect_right(starts, position)
        return any(end > position for _, end in spans[max(0, place - 3) : place])

    return [
        sum(
            not (held(part.start + block["start"]) and held(part.start + block["end"] - 1))
            for block in part.metadata.get("blocks") or ()
            if block["kind"] == "table_row"
        )
        if part.metadata.get("file_rows") is not None
        else 0
        for part in parts
    ]


def stored_date(connection: sqlite3.Connection, row: object) -> str | None:
    """Of the document in this row of kb.db; those ingested before dates were noted are looked at now."""
    name, title, text, metadata = connection.execute(
        "SELECT name, title, substr(text, 1, ?), metadata FROM documents WHERE id = ?", (FIRST_LINES, row)
    ).fetchone()
    part = connection.execute(
        "SELECT json_extract(metadata, '$.file_date') FROM parts WHERE document = ? ORDER BY ordinal LIMIT 1",
        (row,),
    ).fetchone()
    return document_date(
        name=name,
        title=title,
        text=text,
        metadata=json.loads(metadata),
        first_part={FILE_DATE: part[0]} if part else {},
    )
