"""What only an ingest needs, and only an ingest imports: the file readers and the splitter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from errors import ReadError
from loaders.draft import Recipe, Splitter
from loaders.embedding import ChunkEncoder

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from loaders.ingest import ReadParts

__all__ = ["file_reader", "splitter_for"]

PLAIN_SUFFIXES = frozenset({".txt", ".md", ".markdown", ".csv", ".tsv"})
PLAIN_KINDS = frozenset({"text", "markdown", "csv"})
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
def file_reader(password: str | None = None) -> Iterator[ReadParts]:
    """Reads files for the length of one ingest, in a worker process that a bad file may crash or hang.

    password: tried on every locked file; it is kept in memory alone.

    Small plain text is read in this process: its readers are Python throughout, and the worker takes time to start.
    """
    from loaders.readers import ReaderProcess, read_file

    with ReaderProcess() as worker:

        def read(path: Path, name: str) -> list[Document]:
            return (
                read_file(path, name=name)
                if _is_plain(path, name)
                else worker.read(path, name=name, password=password)
            )

        yield read


def _is_plain(path: Path, name: str) -> bool:
    """Whether a small file is what its suffix says: a PDF called .txt is for the worker."""
    from loaders.readers.detect import detect
    from loaders.readers.source import Source

    if Path(name).suffix.lower() not in PLAIN_SUFFIXES or path.stat().st_size > PLAIN_BYTES:
        return False
    try:
        return detect(Source.from_path(path, name=name)) in PLAIN_KINDS
    except ReadError:
        return False  # the worker says why
