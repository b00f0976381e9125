"""Searching one generation: both caches brought up to date, both legs asked, fused, and read from kb.db."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import KnowledgeBaseError
from loaders.fusion import DEPTH, LIFTED, Fused, codes_in, fuse, lifted
from loaders.keyword_index import KeywordIndex
from loaders.location import Location
from loaders.passage import Passage, Scores
from loaders.rows import VECTOR_TYPE, Generation, batched, placeholders, position
from loaders.vectors import DenseIndex

__all__ = ["Caches", "Neighbour", "find_neighbours", "find_passages"]

Hits = list[tuple[int, float]]


class Caches:
    """The dense and the keyword cache of one generation, with the locks they need."""

    def __init__(self, folder: Path, generation: Generation) -> None:
        self.generation = generation
        self._folder = folder
        with _mapped_errors(folder):
            self.dense = DenseIndex(folder, generation.id, generation.dimension)
            self.keywords = KeywordIndex(folder / "keywords", generation.id)
        self.lock = threading.RLock()

    def catch_up(self, connection: sqlite3.Connection) -> None:
        """Brings both to the snapshot of `connection`; a few microseconds when nothing has changed."""
        target = position(connection)
        with self.lock, _mapped_errors(self._folder):
            if self.dense.position < target:
                self.dense.catch_up(connection, target)
            self.keywords.catch_up(connection, target)

    def legs(
        self,
        query: str,
        vector: NDArray[np.float32] | None,
        depth: int,
        allowed: NDArray[np.int64] | None,
        facts: Mapping[str, str] | None,
    ) -> tuple[Hits, Hits, dict[int, float]]:
        """(dense hits, keyword hits, cosines of what only the keyword leg found); a None vector leaves dense out."""
        with self.lock:
            keyword = self.keywords.search(query, depth, facts)
            if vector is None:
                return [], keyword, {}
            dense = self.dense.search(vector[np.newaxis], depth, allowed)[0]
            found = {chunk for chunk, _ in dense}
            rest = [chunk for chunk, _ in keyword if chunk not in found]
            return dense, keyword, self.dense.cosines(vector, rest)


@contextmanager
def _mapped_errors(folder: Path) -> Iterator[None]:
    """A full disk or a missing permission as the program's own error; tantivy raises ValueError for them."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise KnowledgeBaseError(
            f"The search index in {str(folder)!r} cannot be brought up to date ({error}): free space on the disk or "
            "give permission to write there, then try again."
        ) from error


def find_passages(
    caches: Caches,
    connection: sqlite3.Connection,
    queries: Sequence[str],
    vectors: NDArray[np.float32],
    *,
    k: int,
    facts: Mapping[str, str] | None,
) -> list[list[Passage]]:
    """The `k` best passages of each query in the snapshot of `connection`."""
    caches.catch_up(connection)
    allowed = None if not facts else chunks_with(connection, caches.generation.id, facts)
    depth = max(DEPTH, k)
    found: list[list[Passage]] = []
    for query, vector in zip(queries, vectors, strict=True):
        if allowed is not None and not len(allowed):
            found.append([])
            continue
        dense, keyword, cosines = caches.legs(query, vector, depth, allowed, facts)
        hits = with_codes(connection, query, fuse(dense, keyword, cosines))
        found.append(passages_of(caches, connection, query, hits, k))
    return found


def with_codes(connection: sqlite3.Connection, query: str, hits: Sequence[Fused]) -> list[Fused]:
    """`hits` with those first among the best that hold the codes the query names, to the letter."""
    codes = codes_in(query)
    if not codes:
        return list(hits)
    rows = _chunk_rows(connection, [hit.chunk for hit in hits[:LIFTED]])
    texts = {chunk: f"{row[3]} {row[5]}" for chunk, row in rows.items()}
    return lifted(hits, texts, codes)


def chunks_with(
    connection: sqlite3.Connection, generation: int, facts: Mapping[str, str]
) -> NDArray[np.int64]:
    """Chunk numbers, in rising order, of documents that have every (key, value)."""
    condition = " INTERSECT ".join("SELECT document FROM facts WHERE key = ? AND value = ?" for _ in facts)
    pairs = [part for pair in facts.items() for part in pair]
    rows = connection.execute(
        f"SELECT id FROM chunks WHERE generation = ? AND document IN ({condition})", (generation, *pairs)
    )
    return np.array(sorted(row[0] for row in rows), dtype=np.int64)


def passages_of(
    caches: Caches, connection: sqlite3.Connection, query: str, hits: Sequence[Fused], k: int
) -> list[Passage]:
    """The first `k` hits that the snapshot holds, with text and place."""
    rows: dict[int, tuple[Any, ...]] = {}
    passages: list[Passage] = []
    for some in batched(hits, max(k, 1)):
        rows = _chunk_rows(connection, [hit.chunk for hit in some])
        passages += [_passage(caches, query, hit, rows[hit.chunk]) for hit in some if hit.chunk in rows]
        if len(passages) >= k:
            break
    return passages[:k]


def _chunk_rows(connection: sqlite3.Connection, chunks: Sequence[int]) -> dict[int, tuple[Any, ...]]:
    found = {}
    for some in batched(chunks, 500):
        for row in connection.execute(
            'SELECT chunks.id, document_id, ordinal, title, name, chunks.text, start, "end", location, media_type,'
            " metadata FROM chunks JOIN documents ON documents.id = document"
            f" WHERE chunks.id IN ({placeholders(some)})",
            some,
        ):
            found[row[0]] = row
    return found


def passages_at(connection: sqlite3.Connection, chunks: Sequence[int]) -> dict[int, Passage]:
    """Chunks by their number as passages that no search has scored."""
    return {
        chunk: _as_passage(row, Scores(fused=0.0), 0.0)
        for chunk, row in _chunk_rows(connection, chunks).items()
    }


def _passage(caches: Caches, query: str, hit: Fused, row: tuple[Any, ...]) -> Passage:
    _, _, _, title, _, text, *_ = row
    scores = Scores(
        fused=hit.score,
        cosine=hit.cosine,
        dense_rank=hit.dense_rank,
        bm25=hit.bm25,
        keyword_rank=hit.keyword_rank,
        terms=caches.keywords.matched_terms(query, f"{title}\n{text}"),
    )
    return _as_passage(row, scores, hit.score)


def _as_passage(row: tuple[Any, ...], scores: Scores, score: float) -> Passage:
    _, document_id, ordinal, title, name, text, start, end, location, media_type, metadata = row
    return Passage(
        chunk_id=f"{document_id}#{ordinal}",
        document_id=document_id,
        document_name=title or name,
        text=text,
        start=start,
        end=end,
        location=Location.from_dict(json.loads(location)),
        score=score,
        scores=scores,
        metadata={"media_type": media_type} | json.loads(metadata),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """A passage by its vector alone; `vector` (dimension,) float32, unit norm as far as fp16 keeps it."""

    passage: Passage
    metadata: dict[str, Any]  # the document's own
    cosine: float
    vector: NDArray[np.float32]


def find_neighbours(
    caches: Caches,
    connection: sqlite3.Connection,
    vector: NDArray[np.float32],
    *,
    k: int,
    facts: Mapping[str, str] | None,
) -> list[Neighbour]:
    """The `k` chunks of the snapshot that are nearest to `vector`, best first; exact."""
    caches.catch_up(connection)
    allowed = None if not facts else chunks_with(connection, caches.generation.id, facts)
    with caches.lock:
        hits = caches.dense.search(vector[np.newaxis], k, allowed)[0]
    rows = _chunk_rows(connection, [chunk for chunk, _ in hits])
    stored = _vectors(connection, list(rows))
    return [
        Neighbour(
            passage=_nearest(rows[chunk], cosine, rank),
            metadata=json.loads(rows[chunk][-1]),
            cosine=cosine,
            vector=stored[chunk],
        )
        for rank, (chunk, cosine) in enumerate(hits, 1)
        if chunk in rows
    ]


def _vectors(connection: sqlite3.Connection, chunks: Sequence[int]) -> dict[int, NDArray[np.float32]]:
    found = {}
    for some in batched(chunks, 500):
        query = (
            "SELECT chunks.id, vector FROM chunks JOIN embeddings ON embeddings.id = embedding"
            f" WHERE chunks.id IN ({placeholders(some)})"
        )
        for chunk, blob in connection.execute(query, some):
            found[chunk] = np.frombuffer(blob, dtype=VECTOR_TYPE).astype(np.float32)
    return found


def _nearest(row: tuple[Any, ...], cosine: float, rank: int) -> Passage:
    return _as_passage(row, Scores(fused=cosine, cosine=cosine, dense_rank=rank), cosine)
