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


class DenseIndex:
    """Not thread-safe: its owner holds a lock around each call."""

    def __init__(self, folder: Path, generation: int, dimension: int) -> None:
        self._folder = folder
        self._generation = generation
        self._dimension = dimension
        self._start_empty()
        self._load()

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
        if changed > max(_SMALL, _FRACTION * len(self._base_ids)):
            self.rewrite(connection, target)

    def rewrite(self, connection: sqlite3.Connection, target: Position) -> None:
        """Builds base and file from kb.db alone."""
        import faiss

        index = faiss.IndexIDMap(self._new_index())
        for ids, vectors in self._rows(connection, 0):
            index.add_with_ids(vectors, np.array(ids, dtype=np.int64))
        name = f"faiss-{target.chunk}-{target.tombstone}.index"
        self._folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self._folder / name, memoryview(faiss.serialize_index(index)))
        facts = {
            "file": name,
            "chunk": target.chunk,
            "tombstone": target.tombstone,
            "vectors": int(index.ntotal),
            "dimension": self._dimension,
        }
        write_atomically(self._folder / SIDECAR, json.dumps(facts).encode())
        self._start_empty()
        if not self._load():  # another process has just put a newer file in the place of ours
            self._base, self._base_ids = index, faiss.vector_to_array(index.id_map)
            self._base_live = np.ones(len(self._base_ids), dtype=np.bool_)
            self._base = faiss.downcast_index(index.index)
            self._keep = index
            self.position = target
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
                (self._base, self._base_ids, self._base_live),
                (self._tail, self._tail_array(), self._tail_mask()),
            )
            if index is not None and len(ids)
        ]
        return [
            sorted(sum(hits, []), key=lambda hit: (-hit[1], hit[0]))[:k] for hits in zip(*legs, strict=True)
        ]

    def cosines(self, query: NDArray[np.float32], chunks: Sequence[int]) -> dict[int, float]:
        """The cosine of each of `chunks` that is here."""
        found: dict[int, float] = {}
        for index, ids in ((self._base, self._base_ids), (self._tail, self._tail_array())):
            rows, names = _rows_of(ids, np.array(chunks, dtype=np.int64))
            if index is not None and len(rows):
                values = index.reconstruct_batch(rows) @ query
                found.update(zip(names.tolist(), values.tolist(), strict=True))
        return found

    def holds(self, chunk: int) -> bool:
        """Whether a search can find it."""
        row = _rows_of(self._base_ids, np.array([chunk], dtype=np.int64))[0]
        if len(row):
            return bool(self._base_live[row[0]])
        row = _rows_of(self._tail_array(), np.array([chunk], dtype=np.int64))[0]
        return bool(len(row)) and bool(self._tail_live[int(row[0])])

    def ids(self) -> Ids:
        """Chunk numbers that a search can find, in rising order."""
        return np.concatenate([self._base_ids[self._base_live], self._tail_array()[self._tail_mask()]])

    def __len__(self) -> int:
        return len(self._base_ids) + len(self._tail_ids) - self._dead

    def _start_empty(self) -> None:
        self.position = Position(0, 0)
        self._base: Any = None
        self._base_ids: Ids = np.empty(0, dtype=np.int64)
        self._base_live = np.empty(0, dtype=np.bool_)
        self._tail: Any = self._new_index()
        self._tail_ids = array("q")
        self._tail_live = bytearray()
        self._dead = 0

    def _new_index(self) -> Any:
        import faiss

        return faiss.IndexScalarQuantizer(
            self._dimension, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT
        )

    def _load(self) -> bool:
        """Maps the base where there is a whole one; a missing or damaged cache is no loss."""
        import faiss

        try:
            facts = json.loads((self._folder / SIDECAR).read_bytes())
            index = faiss.read_index(os.fspath(self._folder / facts["file"]), faiss.IO_FLAG_MMAP_IFC)
            ids = faiss.vector_to_array(index.id_map)
            found = Position(facts["chunk"], facts["tombstone"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            return False
        if index.d != self._dimension or len(ids) != facts["vectors"] or np.any(np.diff(ids) <= 0):
            return False
        self._keep = index
        self._base = faiss.downcast_index(index.index)
        self._base_ids, self._base_live = ids, np.ones(len(ids), dtype=np.bool_)
        self.position = found
        return True

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
        row = int(np.searchsorted(self._base_ids, chunk))
        if row < len(self._base_ids) and self._base_ids[row] == chunk:
            self._dead += bool(self._base_live[row])
            self._base_live[row] = False
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
        import faiss

        parameters = None
        mask = live if allowed is None else live & _mask_of(ids, allowed)
        if not mask.all():
            bits = np.packbits(mask, bitorder="little")
            parameters = faiss.SearchParameters(sel=faiss.IDSelectorBitmap(bits))
        values, rows = index.search(queries, min(k, len(ids)), params=parameters)
        return [
            [(int(ids[row]), float(value)) for value, row in zip(*pair, strict=True) if row >= 0]
            for pair in zip(values, rows, strict=True)
        ]


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
