"""A new splitter or embedding model builds a shadow generation; the old one answers until an atomic switch.

Both directions are the same two steps: complete a generation (whatever documents it lacks are split and embedded
for it), then make it the active one in the very transaction that finds nothing lacking.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from typing import TYPE_CHECKING

from errors import KnowledgeBaseError
from loaders.draft import ChunkDraft, PartDraft, Recipe, Splitter, draft_chunks
from loaders.embedding import ChunkEncoder
from loaders.location import Location
from loaders.progress import FileProgress
from loaders.rows import (
    Generation,
    VectorsGone,
    embeddings_in,
    generation_in_state,
    insert_chunks,
    prune_vectors,
    store_vectors,
)
from loaders.search import Caches
from loaders.writing import embed_chunks, now_utc

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase

__all__ = ["complete", "rebuild", "rollback"]

BATCH = 16  # documents completed at a time
_LACKING = (
    "SELECT id, document_id, title, text FROM documents"
    " WHERE NOT EXISTS (SELECT 1 FROM chunks WHERE document = documents.id AND generation = ?) ORDER BY id LIMIT ?"
)

Progress = Callable[[FileProgress], None]


def rebuild(base: KnowledgeBase, recipe: Recipe, on_progress: Progress | None) -> int:
    generation = _building(base, recipe)
    complete(base, generation, on_progress)
    _drop(base, "previous")
    return _activate(base, generation, on_progress)


def rollback(base: KnowledgeBase) -> int:
    with base.database.read() as connection:
        generation = generation_in_state(connection, "previous")
    if generation is None:
        raise KnowledgeBaseError("There is no earlier generation to go back to: only a rebuild leaves one.")
    base.check_model(generation)
    _drop(base, "building")
    complete(base, generation, None)
    return _activate(base, generation, None)


def _building(base: KnowledgeBase, recipe: Recipe) -> Generation:
    """The unfinished generation, if it is of this recipe and model, else a new one."""
    with base.database.read() as connection:
        unfinished = generation_in_state(connection, "building")
    if unfinished is not None:
        mine = (base.encoder.model_id, base.encoder.dimension, recipe)
        if (unfinished.model_id, unfinished.dimension, unfinished.recipe) == mine:
            return unfinished
        _drop(base, "building")
    with base.database.write() as connection:
        connection.execute(
            "INSERT INTO generations (state, model_id, dimension, precision, recipe, created_at)"
            " VALUES ('building', ?, ?, ?, ?, ?)",
            (
                base.encoder.model_id,
                base.encoder.dimension,
                str(getattr(base.encoder, "precision", "fp32")),
                recipe.as_json(),
                now_utc(),
            ),
        )
        made = generation_in_state(connection, "building")
    assert made is not None
    return made


def complete(base: KnowledgeBase, generation: Generation, on_progress: Progress | None = None) -> None:
    """Makes chunks for the documents that the generation lacks, then its caches."""
    from loaders.reading import splitter_for

    split = splitter_for(base.encoder, generation.recipe)
    done = 0
    while rows := _lacking(base, generation):
        for row in rows:
            _complete_document(base, generation, row, split)
            done += 1
            if on_progress is not None:
                on_progress(FileProgress(name=row[1], state="done", files_done=done, files_total=done))
    with base.database.read() as connection:
        Caches(base.generation_folder(generation.id), generation).catch_up(connection)


def _lacking(base: KnowledgeBase, generation: Generation) -> list[tuple[int, str, str, str]]:
    with base.database.read() as connection:
        return connection.execute(_LACKING, (generation.id, BATCH)).fetchall()


def _complete_document(
    base: KnowledgeBase, generation: Generation, row: tuple[int, str, str, str], split: Splitter
) -> None:
    document, _, title, text = row
    chunks = _drafts(base, generation, document, title, text, split, base.encoder)
    while True:
        vectors = embed_chunks(base.database, base.encoder, generation, chunks)
        try:
            with base.database.write() as connection:
                if connection.execute("SELECT 1 FROM documents WHERE id = ?", (document,)).fetchone():
                    store_vectors(connection, generation.model_id, vectors)
                    insert_chunks(connection, generation, document, chunks)
                return
        except VectorsGone:
            continue


def _drafts(
    base: KnowledgeBase,
    generation: Generation,
    document: int,
    title: str,
    text: str,
    split: Splitter,
    encoder: ChunkEncoder,
) -> list[ChunkDraft]:
    query = 'SELECT start, "end", location, metadata FROM parts WHERE document = ? ORDER BY ordinal'
    with base.database.read() as connection:
        parts = [
            PartDraft(
                start=start,
                end=end,
                location=Location.from_dict(json.loads(location)),
                metadata=json.loads(metadata),
            )
            for start, end, location, metadata in connection.execute(query, (document,))
        ]
    return draft_chunks(text, title, parts, split=split, encoder=encoder, recipe=generation.recipe)


def _activate(base: KnowledgeBase, generation: Generation, on_progress: Progress | None) -> int:
    """The switch; what another process added in the meantime is completed first."""
    while True:
        with base.database.write() as connection:
            if connection.execute(_LACKING, (generation.id, 1)).fetchone() is None:
                _swap(connection, generation)
                break
        complete(base, generation, on_progress)
    base.refresh()
    return generation.id


def _swap(connection: sqlite3.Connection, generation: Generation) -> None:
    """active -> previous, `generation` -> active.

    No two rows may share a state, so a rollback goes through 'building'.
    """
    connection.execute(
        "UPDATE generations SET state = 'building' WHERE id = ? AND state = 'previous'", (generation.id,)
    )
    connection.execute("UPDATE generations SET state = 'previous' WHERE state = 'active'")
    connection.execute("UPDATE generations SET state = 'active' WHERE id = ?", (generation.id,))


def _drop(base: KnowledgeBase, state: str) -> None:
    """Removes a generation that does not answer: rows, vectors that nothing else uses, caches."""
    with base.database.write() as connection:
        generation = generation_in_state(connection, state)
        if generation is None:
            return
        old = embeddings_in(connection, generation.id)
        connection.execute("DELETE FROM chunks WHERE generation = ?", (generation.id,))
        connection.execute("DELETE FROM tombstones WHERE generation = ?", (generation.id,))
        connection.execute("DELETE FROM generations WHERE id = ?", (generation.id,))
        prune_vectors(connection, old)
    shutil.rmtree(base.generation_folder(generation.id), ignore_errors=True)
