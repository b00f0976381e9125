"""Documents as rows of kb.db: put, remove, and the vectors that are kept once for equal text."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePath
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from loaders.draft import ChunkDraft, DocumentDraft, Recipe

__all__ = ["Generation", "Position", "active_generation", "position", "put_document", "remove_documents"]

VECTOR_TYPE = np.dtype("<f2")
T = TypeVar("T")
_MANY = 500  # parameters of one IN (...)


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    id: int
    state: str
    model_id: str
    dimension: int
    precision: str
    recipe: Recipe


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far the change log goes: both numbers only rise, so a cache catches up from what it last saw."""

    chunk: int
    tombstone: int


class VectorsGone(Exception):
    """Another writer removed, in the meantime, the last document that had the same text."""


class GenerationChanged(Exception):
    """Another process has made another generation the active one."""


def generation_in_state(connection: sqlite3.Connection, state: str) -> Generation | None:
    row = connection.execute(
        "SELECT id, state, model_id, dimension, precision, recipe FROM generations WHERE state = ?", (state,)
    ).fetchone()
    if row is None:
        return None
    return Generation(
        id=row[0],
        state=row[1],
        model_id=row[2],
        dimension=row[3],
        precision=row[4],
        recipe=Recipe.from_json(row[5]),
    )


def active_generation(connection: sqlite3.Connection) -> Generation:
    found = generation_in_state(connection, "active")
    assert found is not None, "a knowledge base is created with its first generation"
    return found


def position(connection: sqlite3.Connection) -> Position:
    rows = dict(
        connection.execute("SELECT name, seq FROM sqlite_sequence WHERE name IN ('chunks', 'tombstones')")
    )
    return Position(rows.get("chunks", 0), rows.get("tombstones", 0))


def put_document(
    connection: sqlite3.Connection, draft: DocumentDraft, generation: Generation, now: str
) -> tuple[str, bool, set[int]]:
    """Writes the document in the place of what its source had before.

    Returns its id, whether it is new, and the vectors it no longer uses. Raises VectorsGone where
    `store_vectors` has not been given what its chunks need.
    """
    before = connection.execute(
        "SELECT id, document_id, added_at FROM documents WHERE source = ?", (draft.source,)
    ).fetchone()
    document_id = before[1] if before else free_id(connection, draft.document_id, draft.source)
    old = embeddings_of(connection, [before[0]]) if before else set()
    if before:
        _delete_rows(connection, [before[0]])
    row = _insert_document(connection, draft, document_id, before[2] if before else now)
    _insert_parts_and_facts(connection, row, draft, document_id)
    insert_chunks(connection, generation, row, draft.chunks)
    connection.execute("DELETE FROM files WHERE source = ?", (draft.source,))
    return document_id, before is None, old


def _insert_document(
    connection: sqlite3.Connection, draft: DocumentDraft, document_id: str, added: str
) -> int:
    cursor = connection.execute(
        "INSERT INTO documents (document_id, source, name, title, media_type, sha256, bytes, blob, text, metadata,"
        " added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document_id,
            draft.source,
            draft.name,
            draft.title,
            draft.media_type,
            draft.sha256,
            draft.bytes,
            draft.sha256 if draft.staged else None,
            draft.text,
            json.dumps(dict(draft.metadata), ensure_ascii=False, default=str),
            added,
        ),
    )
    assert cursor.lastrowid is not None
    return cursor.lastrowid


def _insert_parts_and_facts(
    connection: sqlite3.Connection, row: int, draft: DocumentDraft, document_id: str
) -> None:
    connection.executemany(
        'INSERT INTO parts (document, ordinal, start, "end", location, metadata) VALUES (?, ?, ?, ?, ?, ?)',
        (
            (
                row,
                ordinal,
                part.start,
                part.end,
                json.dumps(part.location.as_dict(), ensure_ascii=False),
                json.dumps(dict(part.metadata), ensure_ascii=False, default=str),
            )
            for ordinal, part in enumerate(draft.parts)
        ),
    )
    facts = [pair for pair in draft.facts if pair[0] != "document_id"] + [("document_id", document_id)]
    connection.executemany(
        "INSERT OR IGNORE INTO facts (document, key, value) VALUES (?, ?, ?)",
        ((row, key, value) for key, value in facts),
    )


def insert_chunks(
    connection: sqlite3.Connection, generation: Generation, document: int, chunks: Sequence[ChunkDraft]
) -> None:
    wanted = {chunk.embedded_sha256 for chunk in chunks}
    known = known_vectors(connection, generation.model_id, wanted)
    if len(known) < len(wanted):
        raise VectorsGone
    connection.executemany(
        'INSERT INTO chunks (generation, document, ordinal, start, "end", text, location, embedding)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            (
                generation.id,
                document,
                ordinal,
                chunk.start,
                chunk.end,
                chunk.text,
                json.dumps(chunk.location.as_dict(), ensure_ascii=False),
                known[chunk.embedded_sha256],
            )
            for ordinal, chunk in enumerate(chunks)
        ),
    )


def free_id(connection: sqlite3.Connection, wanted: str, source: str) -> str:
    """`wanted`, or, where another source has it, with parent folders of `source` before it until it is free."""
    parents = list(PurePath(source).parts[:-1])
    above = len(PurePath(wanted).parts) - 1
    parents = parents[: len(parents) - above] if above else parents
    candidate, number = wanted, 1
    while connection.execute("SELECT 1 FROM documents WHERE document_id = ?", (candidate,)).fetchone():
        if parents and parents[-1].strip("/\\"):
            candidate = f"{parents.pop()}/{candidate}"
        else:
            number += 1
            candidate = f"{wanted} ({number})"
    return candidate


def remove_documents(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    """Takes documents out of every generation, with vectors that nothing else uses; notes their blobs for removal."""
    for some in batched(rows, _MANY):
        old = embeddings_of(connection, some)
        _delete_rows(connection, some)
        prune_vectors(connection, old)


def _delete_rows(connection: sqlite3.Connection, rows: Sequence[int]) -> None:
    marks = placeholders(rows)
    connection.execute(
        "INSERT OR IGNORE INTO blob_intents SELECT blob FROM documents"
        f" WHERE blob IS NOT NULL AND id IN ({marks})",
        rows,
    )
    connection.execute(
        "INSERT INTO tombstones (generation, chunk)"
        f" SELECT generation, id FROM chunks WHERE document IN ({marks}) ORDER BY id",
        rows,
    )
    connection.execute(f"DELETE FROM chunks WHERE document IN ({marks})", rows)
    connection.execute(f"DELETE FROM documents WHERE id IN ({marks})", rows)


def embeddings_of(connection: sqlite3.Connection, documents: Sequence[int]) -> set[int]:
    query = f"SELECT DISTINCT embedding FROM chunks WHERE document IN ({placeholders(documents)})"
    return {row[0] for row in connection.execute(query, documents)}


def embeddings_in(connection: sqlite3.Connection, generation: int) -> set[int]:
    query = "SELECT DISTINCT embedding FROM chunks WHERE generation = ?"
    return {row[0] for row in connection.execute(query, (generation,))}


def prune_vectors(connection: sqlite3.Connection, candidates: Iterable[int]) -> None:
    """Deletes those of `candidates` that no chunk uses."""
    connection.executemany(
        "DELETE FROM embeddings WHERE id = ? AND NOT EXISTS (SELECT 1 FROM chunks WHERE embedding = embeddings.id)",
        ((candidate,) for candidate in candidates),
    )


def known_vectors(connection: sqlite3.Connection, model_id: str, hashes: Iterable[bytes]) -> dict[bytes, int]:
    """Row number of the stored vector of each text that has one."""
    known: dict[bytes, int] = {}
    for some in batched(hashes, _MANY):
        rows = connection.execute(
            "SELECT text_sha256, id FROM embeddings WHERE model_id = ?"
            f" AND text_sha256 IN ({placeholders(some)})",
            (model_id, *some),
        )
        known.update(rows)
    return known


def store_vectors(
    connection: sqlite3.Connection, model_id: str, vectors: Mapping[bytes, NDArray[np.float32]]
) -> None:
    """Keeps each vector as half-precision floats, little-endian."""
    connection.executemany(
        "INSERT OR IGNORE INTO embeddings (model_id, text_sha256, vector) VALUES (?, ?, ?)",
        ((model_id, key, vector.astype(VECTOR_TYPE).tobytes()) for key, vector in vectors.items()),
    )


def placeholders(values: Sequence[Any]) -> str:
    return ",".join("?" * len(values))


def batched(values: Iterable[T], size: int) -> Iterable[list[T]]:
    iterator = iter(values)
    while some := list(islice(iterator, size)):
        yield some
