"""Plain text: paragraphs between blank lines, cautious headings; and subtitles as plain sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from loaders.location import Block, BlockKind
from loaders.readers.base import FileLoader
from loaders.readers.encodings import decode
from loaders.readers.part import Part

_UNDERLINE = re.compile(r"^([=\-~^*#\"'`+])\1{2,}$")
_BULLET = re.compile(r"^\s*(?:[-*•+]|\(?\d{1,3}[.)])\s+\S")
_CUE = re.compile(
    r"^(\d+|(\d\d:)?\d\d:\d\d[.,]\d{3} --> .*|WEBVTT.*|NOTE\b.*|STYLE|REGION|Kind:.*|Language:.*)$"
)
_TAGS = re.compile(r"<[^>\n]{1,60}>|\{\\[^}\n]{1,30}\}")


class TextLoader(FileLoader):
    """The text is the file's own, decoded; only blank space at its ends goes."""

    media_type = "text/plain"

    def parts(self) -> Iterator[Part]:
        part = self.new_part()
        text = decode(self.source.data).strip("\n\ufeff")
        part.take_text(text, list(text_blocks(text)))
        yield part


class SubtitleLoader(FileLoader):
    """SubRip and WebVTT: what is said, without numbers, times and tags."""

    media_type = "text/vtt"

    def parts(self) -> Iterator[Part]:
        part = self.new_part()
        lines = [_TAGS.sub("", line).strip() for line in decode(self.source.data).splitlines()]
        last = ""
        for line in lines:
            if line and not _CUE.match(line) and line != last:
                part.add_line("paragraph", line)
                last = line
        yield part


def text_blocks(text: str) -> Iterator[Block]:
    """Blocks over `text` as it stands: paragraphs, list items, and lines that are plainly headings."""
    for match in re.finditer(r"\S.*(?:\n.*\S.*)*", text):
        yield from _paragraph_blocks(text, match.start(), match.end())


def _paragraph_blocks(text: str, start: int, end: int) -> Iterator[Block]:
    lines = _line_spans(text, start, end)
    first = 0
    while first < len(lines) and (level := _heading_level(text, lines[first : first + 2])):
        yield _block(text, *lines[first], "heading", level)
        first += 2 if level == 1 else 1  # an underlined heading takes two lines
    lines = lines[first:]
    if not lines:
        return
    start = lines[0][0]
    items = [place for place, (begin, stop) in enumerate(lines) if _BULLET.match(text[begin:stop])]
    if len(items) < 2 and not (items and len(lines) == 1):
        yield _block(text, start, end, "paragraph")
        return
    if items[0] > 0:
        yield _block(text, lines[0][0], lines[items[0] - 1][1], "paragraph")
    for here, following in zip(items, [*items[1:], len(lines)], strict=True):
        yield _block(text, lines[here][0], lines[following - 1][1], "list_item")


def _line_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    spans = []
    for line in re.finditer(r"[^\n]+", text[start:end]):
        spans.append((start + line.start(), start + line.end()))
    return spans


def _underlined(text: str, lines: list[tuple[int, int]]) -> bool:
    if len(lines) < 2:
        return False
    first, second = (text[begin:stop].strip() for begin, stop in lines[:2])
    return bool(_UNDERLINE.match(second)) and 0 < len(first) <= 120 and len(second) >= len(first) * 0.5


def _heading_level(text: str, lines: list[tuple[int, int]]) -> int:
    """1 for an underlined line, 2 for capitals that stand alone, 0 for what is no heading."""
    if _underlined(text, lines):
        return 1
    line = text[lines[0][0] : lines[0][1]].strip()
    shouted = line.isupper() and 3 < len(line) <= 70 and sum(map(str.isalpha, line)) >= 0.6 * len(line)
    return 2 if shouted and len(lines) == 1 and line[-1] not in ".,;!" else 0


def _block(text: str, start: int, end: int, kind: BlockKind, level: int = 0) -> Block:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Block(start=start, end=end, kind=kind, level=level)
