"""Lists and counts of what a knowledge base holds."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from loaders.database import Database
from loaders.inventory import DocumentInfo, Stats
from loaders.rows import active_generation

__all__ = ["count_all", "list_documents"]


def list_documents(connection: sqlite3.Connection) -> list[DocumentInfo]:
    """Documents by id, then files that are not documents; a document whose newer form failed says so."""
    notes = {
        row[0]: row[1:]
        for row in connection.execute(
            "SELECT source, document_id, name, state, reason, sha256, bytes FROM files"
        )
    }
    found = []
    rows = connection.execute(
        "SELECT document_id, name, source, media_type, bytes, sha256, added_at,"
        " (SELECT count(*) FROM chunks WHERE document = documents.id AND generation = ?),"
        " json_extract(CASE WHEN source LIKE 'record:%' THEN '{}' ELSE metadata END, '$.incomplete')"
        " FROM documents ORDER BY document_id",
        (active_generation(connection).id,),
    )
    for document_id, name, source, media_type, size, sha256, added_at, chunks, incomplete in rows:
        _, _, state, reason, _, _ = notes.pop(source, (None, None, "done", None, None, None))
        if state == "failed":
            reason = f"{reason} The earlier version is still being searched."
        found.append(
            DocumentInfo(
                document_id=document_id,
                name=name,
                source=source,
                media_type=media_type,
                chunks=chunks,
                bytes=size,
                sha256=sha256,
                added_at=added_at,
                state=state,
                reason=reason,
                warnings=tuple(json.loads(incomplete or "[]")),
            )
        )
    for source, (document_id, name, state, reason, sha256, size) in sorted(notes.items()):
        found.append(
            DocumentInfo(
                document_id=document_id,
                name=name,
                source=source,
                media_type="",
                chunks=0,
                bytes=size,
                sha256=sha256 or "",
                added_at="",
                state=state,
                reason=reason,
            )
        )
    return found


def count_all(database: Database, folder: Path) -> Stats:
    with database.read() as connection:
        generation = active_generation(connection)

        def one(query: str, *values: int) -> Any:
            return connection.execute(query, values).fetchone()[0]

        return Stats(
            name=one("SELECT coalesce(max(value), '') FROM settings WHERE key = 'name'"),
            documents=one("SELECT count(*) FROM documents"),
            chunks=one("SELECT count(*) FROM chunks WHERE generation = ?", generation.id),
            failed=one("SELECT count(*) FROM files WHERE state = 'failed'"),
            generation=generation.id,
            model_id=generation.model_id,
            dimension=generation.dimension,
            bytes_on_disk=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        )
