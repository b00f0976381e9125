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
    """Reads files for the length of one ingest."""

    def read(path: Path, name: str) -> list[Document]:
        from loaders.readers import read_file

        return read_file(path, name=name)

    yield read
