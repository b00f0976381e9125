"""Processes that die at a given point of an ingest, as a power switch would have it: SIGKILL, no clean-up.

Reads lines of JSON [kb, folder, point, count] and forks a child for each, which ingests the folder and dies when it
passes the point for the count-th time (point "timer": after so many microseconds); answers with the child's exit
status. Forking spares the imports.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import loaders.blobs
import loaders.database
import loaders.files
import loaders.ingest
import loaders.keyword_index
import loaders.knowledge_base
import loaders.vectors
import loaders.writing
from loaders.knowledge_base import KnowledgeBase
from tests.loaders.plain_encoder import PlainEncoder

POINTS: dict[
    str, tuple[Any, str, bool]
] = {  # name: (owner, function, whether to die after it instead of before)
    "copying": (loaders.blobs, "copy_hashed", True),
    "reading": (loaders.ingest.Ingest, "_draft", False),
    "read": (loaders.ingest.Ingest, "_draft", True),
    "embedding": (PlainEncoder, "encode", True),
    "vectors stored": (loaders.writing, "store_vectors", True),
    "document written": (loaders.writing, "put_document", True),
    "blob before": (loaders.blobs.Blobs, "keep", False),
    "blob after": (loaders.blobs.Blobs, "keep", True),
    "before caches": (KnowledgeBase, "refresh", False),
    "dense file": (loaders.vectors, "write_atomically", True),
    "dense done": (loaders.vectors.DenseIndex, "catch_up", True),
    "words added": (loaders.keyword_index.KeywordIndex, "_apply", True),
    "words done": (loaders.keyword_index.KeywordIndex, "catch_up", True),
    "removing": (loaders.knowledge_base, "remove_documents", True),
    "removed": (loaders.blobs.Blobs, "settle", False),
}


def ingest(kb: str, folder: str, point: str, count: int) -> None:
    loaders.vectors._SMALL = 3  # rewrites of the dense file happen in a small test too
    loaders.ingest.BATCH_CHUNKS = 6
    if point == "timer":
        threading.Thread(target=_die_after, args=(count / 1e6,), daemon=True).start()
    elif point in POINTS:
        owner, name, after = POINTS[point]
        setattr(owner, name, _deadly(getattr(owner, name), count, after))
    path, encoder = Path(kb), PlainEncoder()
    exists = (path / "kb.db").exists()
    base = (
        KnowledgeBase.open(path, encoder=encoder)
        if exists
        else KnowledgeBase.create(path, name="x", encoder=encoder)
    )
    base.ingest([Path(folder)])


def _deadly(function: Callable[..., Any], count: int, after: bool) -> Callable[..., Any]:
    calls = 0

    def call(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == count and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = function(*arguments, **named)
        if calls == count:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    return call


def _die_after(seconds: float) -> None:
    time.sleep(seconds)
    os.kill(os.getpid(), signal.SIGKILL)


def serve() -> None:
    import faiss  # noqa: F401 - loaded once, for all children
    import tantivy  # noqa: F401

    import loaders.readers
    import loaders.splitter  # noqa: F401

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            ingest(*json.loads(line))
            os._exit(0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
