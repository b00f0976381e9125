"""What only an ingest needs, and only an ingest imports: the file readers and the splitter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from loaders.draft import Recipe, Splitter
from loaders.embedding import ChunkEncoder

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from loaders.ingest import ReadParts

__all__ = ["file_reader", "splitter_for"]

PLAIN_SUFFIXES = frozenset({".txt", ".md", ".markdown", ".csv", ".tsv"})
PLAIN_BYTES = 1 << 18


def splitter_for(encoder: ChunkEncoder, recipe: Recipe) -> Splitter:
    from loaders.splitter import SpanSplitter

    return SpanSplitter(
        token_spans=encoder.token_spans,
        max_tokens=recipe.max_tokens,
        target_tokens=recipe.target_tokens,
        overlap_tokens=recipe.overlap_tokens,
    ).split_part


@contextmanager
def file_reader() -> Iterator[ReadParts]:
    """Reads files for the length of one ingest, in a worker process that a bad file may crash or hang.

    Small plain text is read in this process: its readers are Python throughout, and the worker takes time to start.
    """
    from loaders.readers import ReaderProcess, read_file

    with ReaderProcess() as worker:

        def read(path: Path, name: str) -> list[Document]:
            plain = Path(name).suffix.lower() in PLAIN_SUFFIXES and path.stat().st_size <= PLAIN_BYTES
            return read_file(path, name=name) if plain else worker.read(path, name=name)

        yield read
