"""The dense cache: every vector of a generation in FAISS, caught up from kb.db row by row.

A base, mapped from a file, and a tail in memory. One change costs the tail alone; the base is written anew when
the tail and the removed rows pass a quarter of it, so that writing is paid for by the changes that led to it.
Vectors are half-precision (IndexScalarQuantizer QT_fp16, inner product): exact to what kb.db holds, no training.

Chunk numbers only rise, so rows stand in their order and a binary search finds one.
"""

from __future__ import annotations

import json
import os
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loaders.files import remove_quietly, write_atomically
from loaders.rows import VECTOR_TYPE, Position

__all__ = ["DenseIndex"]

SIDECAR = "dense.json"
_STREAM = 4096  # rows read at a time
_SMALL = 2000  # below so many changed rows the base is left alone
_FRACTION = 0.25

Ids = NDArray[np.int64]
Hits = list[tuple[int, float]]


@dataclass(slots=True)
class _Base:
    """Rows of a whole index: `ids[row]` is the chunk, `live[row]` whether it still is one."""

    index: Any
    ids: Ids
    live: NDArray[np.bool_]
    owner: Any  # holds the mapping that `index` looks into


class DenseIndex:
    """Not thread-safe: its owner holds a lock around each call."""

    def __init__(self, folder: Path, generation: int, dimension: int) -> None:
        self._folder = folder
        self._generation = generation
        self._dimension = dimension
        self._base, self.position = self._load() or (self._base_of(self._with_ids()), Position(0, 0))
        self._tail: Any = self._flat()
        self._tail_ids = array("q")
        self._tail_live = bytearray()
        self._dead = 0

    def catch_up(self, connection: sqlite3.Connection, target: Position) -> None:
        """Takes in what the snapshot of `connection`, whose position is `target`, has beyond `self.position`."""
        if target == self.position:
            return
        for ids, vectors in self._rows(connection, self.position.chunk):
            self._tail.add(vectors)
            self._tail_ids.extend(ids)
            self._tail_live.extend(b"\1" * len(ids))
        query = "SELECT chunk FROM tombstones WHERE seq > ? AND generation = ?"
        for (chunk,) in connection.execute(query, (self.position.tombstone, self._generation)):
            self._kill(chunk)
        self.position = target
        changed = len(self._tail_ids) + self._dead
        if changed > max(_SMALL, _FRACTION * len(self._base.ids)):
            self.rewrite(connection, target)

    def rewrite(self, connection: sqlite3.Connection, target: Position) -> None:
        """Builds base and file from kb.db alone."""
        index = self._with_ids()
        for ids, vectors in self._rows(connection, 0):
            index.add_with_ids(vectors, np.array(ids, dtype=np.int64))
        name = f"faiss-{target.chunk}-{target.tombstone}.index"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._folder / name, _faiss().serialize_index(index).data)
        facts = {
            "file": name,
            "chunk": target.chunk,
            "tombstone": target.tombstone,
            "vectors": int(index.ntotal),
            "dimension": self._dimension,
        }
        write_atomically(self._folder / SIDECAR, json.dumps(facts).encode())
        loaded = self._load()  # another process may have put its own file in the place of ours
        self._base = loaded[0] if loaded and loaded[1] == target else self._base_of(index)
        self.position = target
        self._tail, self._tail_ids, self._tail_live, self._dead = self._flat(), array("q"), bytearray(), 0
        for stale in self._folder.glob("faiss-*.index"):
            if stale.name != name:
                remove_quietly(stale)

    def search(self, queries: NDArray[np.float32], k: int, allowed: Ids | None = None) -> list[Hits]:
        """The `k` nearest live chunks of each query, best first, as (chunk, cosine); exact.

        allowed: chunk numbers in rising order; only these are looked at.
        """
        k = min(k, len(self))
        if k == 0:
            return [[] for _ in queries]
        queries = np.ascontiguousarray(queries, dtype=np.float32)
        legs = [
            self._search_one(index, queries, k, ids, live, allowed)
            for index, ids, live in (
                (self._base.index, self._base.ids, self._base.live),
                (self._tail, self._tail_array(), self._tail_mask()),
            )
            if len(ids)
        ]
        return [
            sorted(chain(*hits), key=lambda hit: (-hit[1], hit[0]))[:k] for hits in zip(*legs, strict=True)
        ]

    def cosines(self, query: NDArray[np.float32], chunks: Sequence[int]) -> dict[int, float]:
        """The cosine of each of `chunks` that is here."""
        found: dict[int, float] = {}
        for index, ids in ((self._base.index, self._base.ids), (self._tail, self._tail_array())):
            rows, names = _rows_of(ids, np.array(chunks, dtype=np.int64))
            if len(rows):
                values = index.reconstruct_batch(rows) @ query
                found.update(zip(names.tolist(), values.tolist(), strict=True))
        return found

    def holds(self, chunk: int) -> bool:
        """Whether a search can find it."""
        row = _rows_of(self._base.ids, np.array([chunk], dtype=np.int64))[0]
        if len(row):
            return bool(self._base.live[row[0]])
        row = _rows_of(self._tail_array(), np.array([chunk], dtype=np.int64))[0]
        return bool(len(row)) and bool(self._tail_live[int(row[0])])

    def ids(self) -> Ids:
        """Chunk numbers that a search can find, in rising order."""
        return np.concatenate([self._base.ids[self._base.live], self._tail_array()[self._tail_mask()]])

    def __len__(self) -> int:
        return len(self._base.ids) + len(self._tail_ids) - self._dead

    def _flat(self) -> Any:
        faiss = _faiss()
        return faiss.IndexScalarQuantizer(
            self._dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )

    def _with_ids(self) -> Any:
        return _faiss().IndexIDMap(self._flat())

    def _base_of(self, index: Any) -> _Base:
        ids = _faiss().vector_to_array(index.id_map)
        flat = _faiss().downcast_index(index.index)
        return _Base(index=flat, ids=ids, live=np.ones(len(ids), dtype=np.bool_), owner=index)

    def _load(self) -> tuple[_Base, Position] | None:
        """Maps the base where there is a whole one; a missing or damaged cache is no loss."""
        faiss = _faiss()
        try:
            facts = json.loads((self._folder / SIDECAR).read_bytes())
            found = Position(int(facts["chunk"]), int(facts["tombstone"]))
            index = faiss.read_index(os.fspath(self._folder / facts["file"]), faiss.IO_FLAG_MMAP_IFC)
            base = self._base_of(index)
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            return None
        whole = index.d == self._dimension and len(base.ids) == base.index.ntotal == facts.get("vectors")
        return (base, found) if whole and not np.any(np.diff(base.ids) <= 0) else None

    def _rows(
        self, connection: sqlite3.Connection, after: int
    ) -> Iterator[tuple[list[int], NDArray[np.float32]]]:
        cursor = connection.execute(
            "SELECT chunks.id, vector FROM chunks JOIN embeddings ON embeddings.id = embedding"
            " WHERE chunks.id > ? AND generation = ? ORDER BY chunks.id",
            (after, self._generation),
        )
        while rows := cursor.fetchmany(_STREAM):
            data = np.frombuffer(b"".join(row[1] for row in rows), dtype=VECTOR_TYPE)
            yield [row[0] for row in rows], data.astype(np.float32).reshape(len(rows), self._dimension)

    def _kill(self, chunk: int) -> None:
        row = int(np.searchsorted(self._base.ids, chunk))
        if row < len(self._base.ids) and self._base.ids[row] == chunk:
            self._dead += bool(self._base.live[row])
            self._base.live[row] = False
            return
        row = int(np.searchsorted(self._tail_array(), chunk))
        if row < len(self._tail_ids) and self._tail_ids[row] == chunk:
            self._dead += self._tail_live[row]
            self._tail_live[row] = 0

    def _tail_array(self) -> Ids:
        return np.array(self._tail_ids, dtype=np.int64)

    def _tail_mask(self) -> NDArray[np.bool_]:
        return np.frombuffer(bytes(self._tail_live), dtype=np.bool_)

    def _search_one(
        self,
        index: Any,
        queries: NDArray[np.float32],
        k: int,
        ids: Ids,
        live: NDArray[np.bool_],
        allowed: Ids | None,
    ) -> list[Hits]:
        parameters = None
        mask = live if allowed is None else live & _mask_of(ids, allowed)
        if not mask.all():
            bits = np.packbits(mask, bitorder="little")
            parameters = _faiss().SearchParameters(sel=_faiss().IDSelectorBitmap(bits))
        with _threads_for(queries):
            values, rows = index.search(queries, min(k, len(ids)), params=parameters)
        return [
            [(int(ids[row]), float(value)) for value, row in zip(*pair, strict=True) if row >= 0]
            for pair in zip(values, rows, strict=True)
        ]


@cache
def _faiss() -> Any:
    """FAISS, imported when an index is first used; its stubs do not know its Python additions."""
    import faiss

    return faiss


@contextmanager
def _threads_for(queries: NDArray[np.float32]) -> Iterator[None]:
    """FAISS shares out whole queries: for one alone its other threads would only spin, and hold up a busy machine."""
    faiss = _faiss()
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(min(before, len(queries)))  # of this thread alone
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _rows_of(ids: Ids, wanted: Ids) -> tuple[Ids, Ids]:
    """Row numbers of those of `wanted` that are in the sorted `ids`, and which they are."""
    rows = np.searchsorted(ids, wanted)
    inside = rows < len(ids)
    inside[inside] = ids[rows[inside]] == wanted[inside]
    return rows[inside], wanted[inside]


def _mask_of(ids: Ids, allowed: Ids) -> NDArray[np.bool_]:
    mask = np.zeros(len(ids), dtype=np.bool_)
    mask[_rows_of(ids, allowed)[0]] = True
    return mask
