"""Documents as a whole: text, parts with their blocks, chunks. For what works through documents instead of searching.

    for document in stored_documents(knowledge_base): ...
    for document in read_documents([Path("docs")], encoder): ...     # no knowledge base, nothing is embedded or kept

One document at a time is in memory.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from errors import DocumentNotFoundError, ReadError
from loaders.draft import ChunkDraft, PartDraft, Recipe, draft_chunks, join_parts
from loaders.embedding import ChunkEncoder
from loaders.location import Location
from loaders.progress import FailedFile
from loaders.rows import active_generation
from loaders.sources import FileSource, expand, well_formed

if TYPE_CHECKING:
    import sqlite3

    from langchain_core.documents import Document

    from loaders.knowledge_base import KnowledgeBase

__all__ = ["ChunkSpan", "WholeDocument", "read_documents", "stored_documents"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkSpan:
    """`document.text[start:end]`."""

    chunk_id: str  # "handbook/leave.md#3"
    start: int
    end: int
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeDocument:
    document_id: str
    name: str  # of the file
    title: str  # as the file says it; "" where it says none
    media_type: str
    text: str
    parts: tuple[PartDraft, ...]
    chunks: tuple[ChunkSpan, ...]


def stored_documents(base: KnowledgeBase, wanted: Collection[str] = ()) -> Iterator[WholeDocument]:
    """The documents of a knowledge base by id, or those `wanted`. Raises DocumentNotFoundError for an unknown id."""
    with base.database.read() as connection:
        known = [
            row[0]
            for row in connection.execute("SELECT document_id FROM documents ORDER BY document_id").fetchall()
        ]
    unknown = sorted(set(wanted) - set(known))
    if unknown:
        raise DocumentNotFoundError(f"There is no document {unknown[0]!r} in {base.name!r}: list them first.")
    for document_id in known:
        if not wanted or document_id in wanted:
            with base.database.read() as connection:
                found = _stored(connection, document_id)
            if found is not None:  # else removed meanwhile
                yield found


def _stored(connection: sqlite3.Connection, document_id: str) -> WholeDocument | None:
    row = connection.execute(
        "SELECT id, name, title, media_type, text FROM documents WHERE document_id = ?", (document_id,)
    ).fetchone()
    if row is None:
        return None
    number, name, title, media_type, text = row
    parts = connection.execute(
        'SELECT start, "end", location, metadata FROM parts WHERE document = ? ORDER BY ordinal', (number,)
    ).fetchall()
    chunks = connection.execute(
        'SELECT ordinal, start, "end", location FROM chunks WHERE document = ? AND generation = ? ORDER BY ordinal',
        (number, active_generation(connection).id),
    ).fetchall()
    return WholeDocument(
        document_id=document_id,
        name=name,
        title=title,
        media_type=media_type,
        text=text,
        parts=tuple(
            PartDraft(
                start=start, end=end, location=Location.from_dict(json.loads(at)), metadata=json.loads(told)
            )
            for start, end, at, told in parts
        ),
        chunks=_chunks(
            document_id,
            (
                (ordinal, (start, end, Location.from_dict(json.loads(at))))
                for ordinal, start, end, at in chunks
            ),
        ),
    )


def read_documents(paths: Iterable[Path], encoder: ChunkEncoder) -> Iterator[WholeDocument | FailedFile]:
    """Files and folders, read and split as an ingest would. What cannot be read comes as a FailedFile.

    Raises SettingsError for a path that is not there.
    """
    from loaders.readers.limits import Limits
    from loaders.reading import file_reader, splitter_for

    recipe = Recipe.for_encoder(encoder)
    split = splitter_for(encoder, recipe)
    sources = [source for source in expand(paths) if isinstance(source, FileSource)]
    with file_reader() as read_parts:
        for source in sources:
            name = well_formed(source.relative)
            try:
                Limits().check_file(source.path.stat().st_size, name)
                pages = read_parts(source.path, name)
            except ReadError as error:
                yield FailedFile(file=name, reason=str(error))
                continue
            yield _read(
                name, pages, lambda *given: draft_chunks(*given, split=split, encoder=encoder, recipe=recipe)
            )


def _read(
    name: str,
    pages: Sequence[Document],
    chunked: Callable[[str, str, Sequence[PartDraft]], Sequence[ChunkDraft]],
) -> WholeDocument:
    for page in pages:
        page.page_content = well_formed(page.page_content)
    text, parts = join_parts(pages)
    first = pages[0].metadata
    title = str(first.get("title") or "")
    spans = [(chunk.start, chunk.end, chunk.location) for chunk in chunked(text, title, parts)]
    return WholeDocument(
        document_id=name,
        name=Path(name).name,
        title=title,
        media_type=str(first.get("media_type") or "application/octet-stream"),
        text=text,
        parts=tuple(parts),
        chunks=_chunks(name, enumerate(spans)),
    )


def _chunks(
    document_id: str, numbered: Iterable[tuple[int, tuple[int, int, Location]]]
) -> tuple[ChunkSpan, ...]:
    return tuple(
        ChunkSpan(chunk_id=f"{document_id}#{ordinal}", start=start, end=end, location=location)
        for ordinal, (start, end, location) in numbered
    )
