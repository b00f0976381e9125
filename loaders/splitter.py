"""Chunks of a document as exact spans: `part.page_content[chunk.start:chunk.end]` is the chunk, always.

    limit = encoder.max_tokens - 2 - CONTEXT_RESERVE
    splitter = SpanSplitter(token_spans=encoder.token_spans, max_tokens=limit)
    chunks = splitter.split_documents(parts)

Blocks (headings, paragraphs, list items, table rows) are kept whole where they fit and packed up to a target
size under one heading; a heading stays with what follows it, and a part may come with the headings it stands
under (metadata[ABOVE]: a page that goes on with a section). Every character that is not blank is in a chunk,
and none is over the limit, so the encoder cuts nothing off. Importing this module loads
langchain_text_splitters (about half a second of CPU): import it where documents are added, not where questions
are answered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from langchain_core.documents import Document
from langchain_text_splitters import TextSplitter

from loaders.location import ABOVE, Block, Headings, Location, cell_range, headings_with
from loaders.pieces import TokenMap, cluster_start, pieces, trim
from local.sentences import sentence_spans

__all__ = ["CONTEXT_RESERVE", "MAX_TOKENS", "TARGET_TOKENS", "Chunk", "SpanSplitter"]

CONTEXT_RESERVE = 32  # tokens left free for the title and headings that the store embeds before the chunk
MAX_TOKENS = 256 - 2 - CONTEXT_RESERVE  # of all-MiniLM-L6-v2, two of whose 256 are special tokens
TARGET_TOKENS = 180
SMALL_REST = 4  # a last piece below 1/4 of the target joins the chunk before it, where the limit allows

Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """`part.page_content[start:end]`, without blank edges."""

    start: int
    end: int
    location: Location
    table_header: str = (
        ""  # the header row of the table that the chunk's rows belong to, when it stands elsewhere
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unit:
    """A block, or a piece of one, with what stood above it."""

    start: int
    end: int
    block: Block
    headings: Headings
    table_header: Span | None


class SpanSplitter(TextSplitter):
    """Splits parts of documents (metadata["blocks"]: see loaders.location.Block) into token-bounded chunks.

    token_spans     character spans of a text's tokens, without special tokens (MiniLMEncoder.token_spans)
    max_tokens      no chunk has more
    target_tokens   small blocks under one heading are packed up to this size
    overlap_tokens  whole sentences of the chunk before, up to this many tokens, are repeated
    """

    def __init__(
        self,
        *,
        token_spans: Callable[[str], Sequence[Span]],
        max_tokens: int = MAX_TOKENS,
        target_tokens: int | None = None,
        overlap_tokens: int = 0,
    ) -> None:
        super().__init__(chunk_size=max_tokens, chunk_overlap=overlap_tokens)
        self.token_spans = token_spans
        self.max_tokens = max_tokens
        self.target_tokens = min(max_tokens, TARGET_TOKENS if target_tokens is None else target_tokens)
        self.overlap_tokens = overlap_tokens

    def split_text(self, text: str) -> list[str]:
        return [text[chunk.start : chunk.end] for chunk in self.split_part(Document(page_content=text))]

    def create_documents(
        self, texts: list[str], metadatas: list[dict[Any, Any]] | None = None
    ) -> list[Document]:
        """One Document a chunk: the part's metadata without "blocks", plus the chunk's span and location."""
        parts = [
            Document(page_content=text, metadata=metadata)
            for text, metadata in zip(texts, metadatas or [{} for _ in texts], strict=True)
        ]
        return [_chunk_document(part, chunk) for part in parts for chunk in self.split_part(part)]

    def split_part(self, part: Document) -> list[Chunk]:
        """The part's chunks, in order."""
        text = part.page_content
        tokens = TokenMap(text, self.token_spans)
        above = tuple((level, title) for level, title in part.metadata.get(ABOVE) or ())
        units = list(self._units(tokens, _blocks(part), above))
        groups = [fit for group in self._groups(tokens, units) for fit in self._checked(text, group)]
        spans = [(group[0].start, group[-1].end) for group in groups]
        starts = self._overlapped(tokens, spans, groups)
        return [
            Chunk(
                start=start,
                end=end,
                location=_location(part.metadata, group),
                table_header=_distant_header(text, group, start),
            )
            for start, (_, end), group in zip(starts, spans, groups, strict=True)
        ]

    def _units(self, tokens: TokenMap, blocks: Iterable[Block], headings: Headings) -> Iterator[_Unit]:
        header: Span | None = None
        table = False
        for block in blocks:
            headings = headings_with(headings, block, tokens.text)
            if block.kind == "table_header":
                header = (header[0] if table and header else block.start, block.end)
            elif block.kind != "table_row":
                header = None
            table = block.kind == "table_header"
            for start, end in pieces(tokens, block.start, block.end, kind=block.kind, limit=self.max_tokens):
                yield _Unit(start=start, end=end, block=block, headings=headings, table_header=header)

    def _groups(self, tokens: TokenMap, units: Sequence[_Unit]) -> Iterator[list[_Unit]]:
        """Units that make one chunk."""
        group: list[_Unit] = []
        for position, unit in enumerate(units):
            following = units[position + 1] if position + 1 < len(units) else None
            if group and not self._joins(tokens, group, unit, following):
                yield group
                group = []
            group.append(unit)
        if group:
            yield group

    def _joins(self, tokens: TokenMap, group: list[_Unit], unit: _Unit, following: _Unit | None) -> bool:
        size = tokens.count(group[0].start, unit.end)
        if size > self.max_tokens:
            return False
        if all(member.block.kind == "heading" for member in group):
            return True
        if unit.headings != group[-1].headings or unit.block.kind == "heading":
            return False
        if size <= self.target_tokens or group[-1].block.kind == "table_header":
            return True
        last = following is None or following.headings != unit.headings
        return last and tokens.count(unit.start, unit.end) * SMALL_REST <= self.target_tokens

    def _checked(self, text: str, group: list[_Unit]) -> Iterator[list[_Unit]]:
        """The group, split where its own text has more tokens than it had within the part.

        That happens only where a cut fell inside a word.
        """
        start, end = group[0].start, group[-1].end
        if end - start <= 1 or len(self.token_spans(text[start:end])) <= self.max_tokens:
            yield group
        elif len(group) > 1:
            half = len(group) // 2
            yield from self._checked(text, group[:half])
            yield from self._checked(text, group[half:])
        else:
            for span in _halves(text, start, end):
                yield from self._checked(text, [_moved(group[0], *span)])

    def _overlapped(self, tokens: TokenMap, spans: list[Span], groups: list[list[_Unit]]) -> list[int]:
        """Where each chunk starts once it repeats the last sentences of the one before."""
        starts = [start for start, _ in spans]
        if not self.overlap_tokens:
            return starts
        for position, ((before, previous), (start, end)) in enumerate(pairwise(spans), start=1):
            if groups[position - 1][-1].headings != groups[position][0].headings:
                continue
            if groups[position][0].block.kind in ("heading", "table_row", "table_header"):
                continue
            sentences = [before + first for first, _ in sentence_spans(tokens.text[before:previous])]
            fitting = (
                first
                for first in sentences
                if first > before
                and tokens.count(first, previous) <= self.overlap_tokens
                and len(self.token_spans(tokens.text[first:end])) <= self.max_tokens
            )
            starts[position] = next(fitting, start)
        return starts


def _blocks(part: Document) -> list[Block]:
    """The part's blocks, trimmed, in order, not overlapping; text that no block claims becomes paragraphs."""
    given = [Block.from_dict(data) for data in part.metadata.get("blocks") or ()]
    text = part.page_content
    found: list[Block] = []
    position = 0
    for block in sorted(given, key=lambda block: (block.start, block.end)):
        start, end = max(position, block.start), min(block.end, len(text))
        span = trim(text, start, end) if start < end else None
        if span:
            found += _paragraphs(text, position, span[0])
            found.append(
                Block(start=span[0], end=span[1], kind=block.kind, level=block.level, cells=block.cells)
            )
            position = span[1]
    return found + _paragraphs(text, position, len(text))


def _paragraphs(text: str, start: int, end: int) -> list[Block]:
    """Paragraphs of `text[start:end]`, parted by blank lines."""
    edges = [start, *(match.end() for match in re.finditer(r"\n[^\S\n]*\n", text[start:end]))]
    edges = [edges[0], *(start + edge for edge in edges[1:]), end]
    spans = (trim(text, first, last) for first, last in pairwise(edges))
    return [Block(start=span[0], end=span[1], kind="paragraph") for span in spans if span]


def _halves(text: str, start: int, end: int) -> list[Span]:
    middle = text.rfind(" ", start, (start + end) // 2)
    middle = middle if middle > start else cluster_start(text, start, (start + end) // 2)
    return [span for span in (trim(text, start, middle), trim(text, middle, end)) if span]


def _moved(unit: _Unit, start: int, end: int) -> _Unit:
    return _Unit(
        start=start, end=end, block=unit.block, headings=unit.headings, table_header=unit.table_header
    )


def _distant_header(text: str, group: Sequence[_Unit], start: int) -> str:
    """The header row of the first table in the chunk, unless the chunk itself holds it."""
    row = next((unit for unit in group if unit.block.kind == "table_row"), None)
    if row is None or row.table_header is None or row.table_header[0] >= start:
        return ""
    return text[slice(*row.table_header)]


def _location(metadata: dict[str, Any], group: Sequence[_Unit]) -> Location:
    """The place of the part, with the deepest heading path and the cells that this chunk covers."""
    body = next((unit for unit in group if unit.block.kind != "heading"), group[-1])
    return Location(
        page=metadata.get("page"),
        slide=metadata.get("slide"),
        sheet=metadata.get("sheet"),
        cells=cell_range(unit.block.cells for unit in group),
        record=metadata.get("record"),
        headings=tuple(title for _, title in body.headings),
    )


def _chunk_document(part: Document, chunk: Chunk) -> Document:
    metadata = {key: value for key, value in part.metadata.items() if key != "blocks"}
    metadata |= {
        "start_index": chunk.start,
        "end_index": chunk.end,
        "headings": list(chunk.location.headings),
    }
    if chunk.location.cells:
        metadata["cells"] = chunk.location.cells
    if chunk.table_header:
        metadata["table_header"] = chunk.table_header
    return Document(page_content=part.page_content[chunk.start : chunk.end], metadata=metadata)
