"""Markdown: the text is the source itself; blocks give headings, paragraphs, list items, table rows and code in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from loaders.location import Block, BlockKind
from loaders.readers.base import FileLoader
from loaders.readers.encodings import decode
from loaders.readers.part import Part

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_TITLE = re.compile(r"^title:[ \t]*(.+?)[ \t]*$", re.MULTILINE)
_CONTAINERS = {"list_item_open", "blockquote_open"}


class MarkdownLoader(FileLoader):
    """Blocks by markdown-it (CommonMark with tables)."""

    media_type = "text/markdown"

    def parts(self) -> Iterator[Part]:
        part = self.new_part()
        text = decode(self.source.data).strip("\n\ufeff")
        start = 0
        front = _FRONT_MATTER.match(text)
        if front:
            title = _TITLE.search(front.group(1))
            self.use_title(title.group(1).strip("\"'") if title else None)
            start = front.end()
        blocks = list(_front_blocks(front)) + list(markdown_blocks(text, start))
        part.take_text(text, blocks)
        yield part


def _front_blocks(front: re.Match[str] | None) -> Iterator[Block]:
    if front and front.group(1).strip():
        begin = front.start(1)
        yield Block(start=begin, end=begin + len(front.group(1).rstrip()), kind="paragraph")


def markdown_blocks(text: str, start: int = 0) -> Iterator[Block]:
    """Blocks of `text[start:]` with spans in `text`, in order, not overlapping."""
    from markdown_it import MarkdownIt

    # Only blocks are asked for; the inline rules take quadratic time on hostile text.
    parser = MarkdownIt("commonmark", {"maxNesting": 40}).enable("table").disable("inline")
    tokens = parser.parse(text[start:])
    offsets = [start, *(start + match.end() for match in re.finditer("\n", text[start:])), len(text) + 1]
    reached = 0
    for first, last, kind, level in _line_blocks(tokens):
        begins = max(first, reached)
        if last <= begins or begins >= len(offsets) - 1:
            continue
        reached = last
        begin = offsets[begins]
        body = text[begin : min(offsets[min(last, len(offsets) - 1)], len(text))]
        if body.strip():
            lead = len(body) - len(body.lstrip())
            yield Block(start=begin + lead, end=begin + len(body.rstrip()), kind=kind, level=level)


def _line_blocks(tokens: list[Any]) -> Iterator[tuple[int, int, BlockKind, int]]:
    """(first line, line after the last, kind, level) of every block that holds text."""
    in_header = False
    marks = [token.map[0] if token.type in _CONTAINERS and token.map else None for token in tokens]
    for index, token in enumerate(tokens):
        if token.type in ("thead_open", "thead_close"):
            in_header = token.type == "thead_open"
        if token.map is None:
            continue
        first, last = token.map
        if token.type == "heading_open":
            yield first, last, "heading", int(token.tag[1])
        elif token.type in ("fence", "code_block"):
            yield first, last, "code", 0
        elif token.type == "tr_open":
            yield first, last, "table_header" if in_header else "table_row", 0
        elif token.type == "html_block":
            yield first, last, "paragraph", 0
        elif token.type == "paragraph_open":
            listed = any(mark == first for mark in marks[max(0, index - 6) : index]) and _in_list(
                tokens, index
            )
            yield first, last, "list_item" if listed else "paragraph", 0


def _in_list(tokens: list[Any], index: int) -> bool:
    return any(token.type == "list_item_open" for token in tokens[max(0, index - 3) : index])


__all__ = ["MarkdownLoader", "markdown_blocks"]
