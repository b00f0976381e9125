"""A document made ready: its parts joined to one text, cut into chunks, each with the text that is embedded for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loaders.embedding import ChunkEncoder
from loaders.location import ABOVE, Block, Headings, Location, headings_with

if TYPE_CHECKING:
    from langchain_core.documents import Document

    from loaders.splitter import Chunk

__all__ = ["ChunkDraft", "DocumentDraft", "PartDraft", "Recipe", "Splitter", "draft_chunks", "join_parts"]

PART_BREAK = "\n\n"
WHOLE = "whole"  # a part with this in its metadata is one chunk, whatever its length


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How a generation makes chunks and what it embeds; recorded with it, so that it can be replayed."""

    max_tokens: int
    target_tokens: int
    overlap_tokens: int = 0
    context_tokens: int = 32  # of title, headings and table header, embedded before the chunk's own text

    @classmethod
    def for_encoder(cls, encoder: ChunkEncoder) -> Recipe:
        longest = min(encoder.max_tokens, 256) - 2 - 32
        return cls(max_tokens=longest, target_tokens=min(180, longest))

    def as_json(self) -> str:
        return json.dumps({name: getattr(self, name) for name in self.__slots__}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        return cls(**json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class PartDraft:
    """`document.text[start:end]` is the part's text; `metadata` is what its reader said, for splitting it again."""

    start: int
    end: int
    location: Location
    metadata: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChunkDraft:
    start: int  # in the document
    end: int
    text: str
    location: Location
    embedded: str  # the text whose vector stands for the chunk

    @property
    def embedded_sha256(self) -> bytes:
        return hashlib.sha256(self.embedded.encode()).digest()


@dataclass(frozen=True, kw_only=True)
class DocumentDraft:
    document_id: str  # a wish: a source that already has the id keeps it
    source: str
    name: str
    title: str
    media_type: str
    sha256: str
    bytes: int
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)
    parts: Sequence[PartDraft] = ()
    chunks: Sequence[ChunkDraft] = ()
    staged: Path | None = None  # the original's bytes, to become its blob

    @cached_property
    def facts(self) -> list[tuple[str, str]]:
        """(key, value) pairs that a filter can ask for."""
        own = {"document_id": self.document_id, "name": self.name, "media_type": self.media_type}
        return fact_pairs(own | dict(self.metadata))


def fact_pairs(metadata: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Scalars as text (true and false in lower case); a list gives one pair an element; other values none."""
    pairs: dict[tuple[str, str], None] = {}
    for key, value in metadata.items():
        for item in value if isinstance(value, list | tuple) else (value,):
            if isinstance(item, str | int | float | bool):
                pairs[(key, fact_value(item))] = None
    return list(pairs)


def fact_value(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


Splitter = Callable[["Document"], Sequence["Chunk"]]


def join_parts(documents: Sequence[Document]) -> tuple[str, list[PartDraft]]:
    """The document's text, parts set apart by a blank line, and where each part stands."""
    parts, pieces, start = [], [], 0
    for document in documents:
        text = document.page_content
        location = Location.from_dict(document.metadata)
        parts.append(
            PartDraft(start=start, end=start + len(text), location=location, metadata=document.metadata)
        )
        pieces.append(text)
        start += len(text) + len(PART_BREAK)
    return PART_BREAK.join(pieces), parts


def draft_chunks(
    text: str,
    title: str,
    parts: Sequence[PartDraft],
    *,
    split: Splitter,
    encoder: ChunkEncoder,
    recipe: Recipe,
) -> list[ChunkDraft]:
    """Chunks of all parts, in order, with spans of the whole document; at least one."""
    from langchain_core.documents import Document

    found: list[tuple[PartDraft, Chunk | None]] = []
    for part, above in zip(parts, _headings_above(text, parts), strict=True):
        if part.metadata.get(WHOLE):
            found.append((part, None))
            continue
        metadata = {**part.metadata, ABOVE: above}
        document = Document(page_content=text[part.start : part.end], metadata=metadata)
        found += [(part, chunk) for chunk in split(document)]
    return _with_context(text, title, found, encoder, recipe) or [_only_title(text, title, encoder)]


def _headings_above(text: str, parts: Sequence[PartDraft]) -> Iterator[Headings]:
    """The headings that each part begins under: a page goes on where the page before it ended, other parts do not."""
    path: Headings = ()
    before: PartDraft | None = None
    for part in parts:
        if before is None or not _goes_on(before.location, part.location):
            path = ()
        yield path
        if part.location.page is not None:
            own = text[part.start : part.end]
            for block in part.metadata.get("blocks") or ():
                path = headings_with(path, Block.from_dict(block), own)
        before = part


def _goes_on(before: Location, here: Location) -> bool:
    return before.page is not None and here.page is not None and before.record == here.record


def _with_context(
    text: str,
    title: str,
    found: Sequence[tuple[PartDraft, Chunk | None]],
    encoder: ChunkEncoder,
    recipe: Recipe,
) -> list[ChunkDraft]:
    chunks = []
    contexts: dict[tuple[str, ...], str] = {}
    for part, chunk in found:
        start, end = (part.start + chunk.start, part.start + chunk.end) if chunk else (part.start, part.end)
        location = chunk.location if chunk else part.location
        own = text[start:end]
        lines = (title, *location.headings, chunk.table_header) if chunk else ()
        if lines not in contexts:
            contexts[lines] = embedding_context(lines, encoder, recipe.context_tokens)
        embedded = f"{contexts[lines]}\n{own}" if contexts[lines] else own
        chunks.append(ChunkDraft(start=start, end=end, text=own, location=location, embedded=embedded))
    return chunks


def _only_title(text: str, title: str, encoder: ChunkEncoder) -> ChunkDraft:
    """A document whose text is blank is found by its title: every document has a chunk."""
    embedded = embedding_context([title], encoder, encoder.max_tokens - 2)
    return ChunkDraft(start=0, end=len(text), text=text, location=Location(), embedded=embedded)


def embedding_context(lines: Sequence[str], encoder: ChunkEncoder, limit: int) -> str:
    """Title, headings and table header, each once, in that order, cut at a token so that `limit` is kept."""
    context = " › ".join(dict.fromkeys(" ".join(line.split()) for line in lines if line.strip()))
    spans = encoder.token_spans(context)
    if len(spans) <= limit:
        return context
    return context[: spans[limit - 1][1]] if limit else ""
