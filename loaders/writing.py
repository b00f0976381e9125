"""The one way documents get into a knowledge base: vectors first, then one transaction for the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from loaders.blobs import Blobs
from loaders.database import Database
from loaders.draft import ChunkDraft, DocumentDraft
from loaders.embedding import ChunkEncoder
from loaders.rows import (
    Generation,
    GenerationChanged,
    active_generation,
    batched,
    known_vectors,
    prune_vectors,
    put_document,
    store_vectors,
)

__all__ = ["Written", "embed_chunks", "now_utc", "write_documents"]

SLICE = 64  # texts encoded between two looks at the stop sign
_SAVED_EVERY = 16  # slices: vectors of a long document are kept while it is still being embedded


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    document_id: str
    is_new: bool
    chunks: int


def now_utc() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


class Stopped(Exception):
    """The caller's stop sign, seen between two slices."""


def embed_chunks(
    database: Database,
    encoder: ChunkEncoder,
    generation: Generation,
    chunks: Sequence[ChunkDraft],
    *,
    on_slice: Callable[[int], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> dict[bytes, NDArray[np.float32]]:
    """Vectors, by hash, of those texts of `chunks` that kb.db has none for. Raises Stopped.

    on_slice: told how many texts have been embedded so far.
    """
    texts = {chunk.embedded_sha256: chunk.embedded for chunk in chunks}
    with database.read() as connection:
        known = known_vectors(connection, generation.model_id, texts)
    made: dict[bytes, NDArray[np.float32]] = {}
    unsaved: dict[bytes, NDArray[np.float32]] = {}
    missing = [key for key in texts if key not in known]
    for number, some in enumerate(batched(missing, SLICE), start=1):
        if stop is not None and stop():
            raise Stopped
        unsaved.update(zip(some, encoder.encode([texts[key] for key in some]), strict=True))
        if number % _SAVED_EVERY == 0:
            with database.write() as connection:
                store_vectors(connection, generation.model_id, unsaved)
            made.update(unsaved)
            unsaved = {}
        if on_slice is not None:
            on_slice(len(texts) - len(missing) + min(number * SLICE, len(missing)))
    return made | unsaved


def write_documents(
    database: Database,
    blobs: Blobs,
    generation: Generation,
    drafts: Sequence[DocumentDraft],
    vectors: Mapping[bytes, NDArray[np.float32]],
) -> list[Written]:
    """All of `drafts` in one transaction: a reader sees each wholly or not at all.

    Raises VectorsGone, and GenerationChanged where another process has switched to another one.
    """
    now, written, given_up = now_utc(), [], set[int]()
    staged = [draft.sha256 for draft in drafts if draft.staged is not None]
    if staged:
        with database.write() as connection:
            blobs.intend(connection, staged)
    with database.write() as connection:
        if active_generation(connection).id != generation.id:
            raise GenerationChanged
        store_vectors(connection, generation.model_id, vectors)
        for draft in drafts:
            document_id, is_new, old = put_document(connection, draft, generation, now)
            given_up |= old
            written.append(Written(document_id=document_id, is_new=is_new, chunks=len(draft.chunks)))
            if draft.staged is not None:
                blobs.keep(connection, draft.staged, draft.sha256)
        prune_vectors(connection, given_up)
    blobs.settle()
    return written
