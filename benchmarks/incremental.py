"""What one document more, or one less, costs as a knowledge base grows; beside LangChain's community FAISS store.

    python -m benchmarks.incremental [--sizes 1000 10000 100000] [--runs 15] [--peer-runs 5]

Needs langchain-community for the peer (pip install langchain-community); without it the peer's rows are left out.
Vectors are 384 pseudo-random numbers seeded by the text, made at once, so that the store alone is timed. An addition
ends when the document is on the disk and found by a search; the peer's ends after save_local, which is what makes its
addition outlive the process.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from benchmarks.machine import describe, table
from loaders.embedding import unit_rows
from loaders.knowledge_base import KnowledgeBase, Record

WORDS = np.array([f"word{number}" for number in range(20_000)])
DIMENSION = 384


class SeededEncoder(Embeddings):
    model_id, dimension, max_tokens = "benchmark:seeded", DIMENSION, 256

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [
            np.random.default_rng(zlib.crc32(text.encode())).standard_normal(DIMENSION, np.float32)
            for text in texts
        ]
        return unit_rows(np.array(rows))

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) + 2 for text in texts]

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        spans, start = [], 0
        for word in text.split(" "):
            spans.append((start, start + len(word)))
            start += len(word) + 1
        return spans

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [row.tolist() for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--peer-runs", type=int, default=5)
    arguments = parser.parse_args()
    print(describe("faiss-cpu", "tantivy", "langchain-community"))
    ours = {size: measure_ours(size, arguments.runs) for size in arguments.sizes}
    peer = {size: measure_peer(size, arguments.peer_runs) for size in arguments.sizes}
    print(table(HEADER, list(rows(ours, peer))))
    first, last = ours[arguments.sizes[0]], ours[arguments.sizes[-1]]
    print(
        f"ours, {arguments.sizes[-1]} chunks against {arguments.sizes[0]}: "
        f"add x{last['add'] / first['add']:.2f}, delete x{last['delete'] / first['delete']:.2f}"
    )


HEADER = (
    "chunks",
    "add ms",
    "delete ms",
    "search ms",
    "open + search ms",
    "fill s",
    "peer add ms",
    "peer delete ms",
    "add: peer / ours",
    "delete: peer / ours",
)


def rows(ours: dict[int, dict[str, float]], peer: dict[int, dict[str, float] | None]) -> Iterator[list[str]]:
    for size, mine in ours.items():
        own = [f"{mine[name]:.1f}" for name in ("add", "delete", "search", "open", "fill")]
        other = peer[size]
        theirs = ["-"] * 4
        if other is not None:
            theirs = [f"{other['add']:.1f}", f"{other['delete']:.1f}"]
            theirs += [f"{other[name] / mine[name]:.1f}" for name in ("add", "delete")]
        yield [str(size), *own, *theirs]


def records(size: int, seed: int = 0) -> Iterator[Record]:
    random = np.random.default_rng(seed)
    for number in range(size):
        yield Record(id=f"{seed}-{number}", text=" ".join(random.choice(WORDS, 60)))


def measure_ours(size: int, runs: int) -> dict[str, float]:
    """Median milliseconds; `fill` in seconds."""
    encoder = SeededEncoder()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kb"
        base = KnowledgeBase.create(path, name="benchmark", encoder=encoder)
        start = time.perf_counter()
        base.ingest(records(size))
        filled = time.perf_counter() - start
        query = " ".join(WORDS[:4])
        new = list(records(runs, seed=1))
        adds = [milliseconds(partial(base.ingest, [one])) for one in new]
        searches = [milliseconds(lambda: base.search(query)) for _ in range(runs)]
        deletes = [milliseconds(partial(base.remove, one.id)) for one in new]
        base.close()
        opened = [milliseconds(lambda: open_and_search(path, encoder, query)) for _ in range(runs)]
    print(
        f"{size} chunks: peak memory so far {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB"
    )
    medians = {
        name: statistics.median(values)
        for name, values in (("add", adds), ("delete", deletes), ("search", searches), ("open", opened))
    }
    return medians | {"fill": filled}


def open_and_search(path: Path, encoder: SeededEncoder, query: str) -> None:
    with KnowledgeBase.open(path, encoder=encoder) as base:
        base.search(query)


def measure_peer(size: int, runs: int) -> dict[str, float] | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from langchain_community.vectorstores import FAISS
    except ImportError:
        return None
    encoder = SeededEncoder()
    everything = list(records(size))
    texts, ids = [one.text for one in everything], [one.id for one in everything]
    with tempfile.TemporaryDirectory() as folder:
        store = FAISS.from_embeddings(
            list(zip(texts, encoder.encode(texts).tolist(), strict=True)), encoder, ids=ids
        )

        def change(action: Callable[[], object]) -> None:
            action()
            store.save_local(folder)

        new = list(records(runs, seed=1))
        adds = [
            milliseconds(partial(change, partial(store.add_texts, [one.text], ids=[one.id]))) for one in new
        ]
        deletes = [milliseconds(partial(change, partial(store.delete, [one.id]))) for one in new]
    return {"add": statistics.median(adds), "delete": statistics.median(deletes)}


def milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - start)


if __name__ == "__main__":
    main()
