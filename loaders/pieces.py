"""Cutting one block of text into pieces that fit a token limit, at the best boundary there is.

Whole block > sentence (or line, or table cell) > clause > word > character. The pieces are spans of the text,
in order, and between them they hold everything but blanks.
"""

from __future__ import annotations

import re
import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from loaders.location import BlockKind
from local.sentences import sentence_spans

__all__ = ["TokenMap", "cluster_start", "pieces", "trim"]

Span = tuple[int, int]
Level = Callable[[str, int, int], Iterable[Span]]

WINDOW = 1 << 16  # characters tokenised at a time
LONGEST_TOKEN = 64  # characters; WordPiece makes one [UNK] of any longer word, which would hide its length
CHARACTERS_PER_TOKEN = 4  # what such a word is charged with
LONGEST_CLUSTER = 32  # combining marks that are followed to keep an accented letter or an emoji whole

CLAUSE_END = re.compile(r"(?<=[,;:)\]–—])\s+|(?<=[、，；：])")
CELL_END = re.compile(r"(?<!\s)\s++\|\s++|\t+")  # linear in a long run of blanks
LINE_END = re.compile(r"[\r\n]+")
BLANK = re.compile(r"\s+")


class TokenMap:
    """Counts tokens of any stretch of a text after one pass of the tokenizer."""

    def __init__(self, text: str, token_spans: Callable[[str], Sequence[Span]]) -> None:
        self.text = text
        self._starts, self._ends = array("q"), array("q")
        for first, last in _windows(text):
            for start, end in token_spans(text[first:last]):
                for piece in _charged(first + start, first + end):
                    self._starts.append(piece[0])
                    self._ends.append(piece[1])

    def count(self, start: int, end: int) -> int:
        """Tokens that touch `text[start:end]`."""
        return max(0, bisect_left(self._starts, end) - bisect_right(self._ends, start))

    def cut(self, start: int, end: int, limit: int) -> int:
        """The furthest place in (start, end] that `limit` tokens reach, not inside a character cluster."""
        first = bisect_right(self._ends, start)
        reach = first + limit
        position = self._starts[reach] if reach < len(self._starts) else end
        return cluster_start(self.text, start, min(position, end))


def pieces(tokens: TokenMap, start: int, end: int, *, kind: BlockKind, limit: int) -> list[Span]:
    """Spans of `text[start:end]`, none over `limit` tokens, of about equal size when one is not enough."""
    return _split(tokens, (start, end), LEVELS.get(kind, PROSE), limit)


def trim(text: str, start: int, end: int) -> Span | None:
    """The span without blank edges, or None where nothing is left."""
    while start < end and text[start].isspace():
        start += 1
    while start < end and text[end - 1].isspace():
        end -= 1
    return (start, end) if start < end else None


def _split(tokens: TokenMap, span: Span, levels: Sequence[Level], limit: int) -> list[Span]:
    """`span` when it fits, else its parts, each split in the same way, packed together again."""
    total = tokens.count(*span)
    if total <= limit:
        return [span]
    if not levels:
        return list(_hard_cuts(tokens, *span, limit))
    atoms = [
        atom for part in levels[0](tokens.text, *span) for atom in _split(tokens, part, levels[1:], limit)
    ]
    aim = -(-total // -(-total // limit))  # ceil(total / number of pieces)
    return _packed(tokens, atoms, aim=aim, limit=limit)


def _hard_cuts(tokens: TokenMap, start: int, end: int, limit: int) -> Iterator[Span]:
    while tokens.count(start, end) > limit:
        cut = tokens.cut(start, end, limit)
        if cut >= end:
            break
        yield start, cut
        start = cut
    yield start, end


def _packed(tokens: TokenMap, atoms: Iterable[Span], *, aim: int, limit: int) -> list[Span]:
    """Neighbouring atoms joined until `aim` tokens are reached; never past `limit`."""
    packed: list[Span] = []
    for start, end in atoms:
        if packed:
            first, last = packed[-1]
            if tokens.count(first, last) < aim and tokens.count(first, end) <= limit:
                packed[-1] = (first, end)
                continue
        packed.append((start, end))
    return packed


def _sentences(text: str, start: int, end: int) -> Iterator[Span]:
    return ((start + first, start + last) for first, last in sentence_spans(text[start:end]))


def _between(separator: re.Pattern[str], text: str, start: int, end: int) -> Iterator[Span]:
    """Trimmed stretches between matches of `separator`, whose own marks stay with the stretch before."""
    for match in separator.finditer(text, start, end):
        if match.start() > start and match.end() < end:
            span = trim(text, start, match.end())
            if span:
                yield span
            start = match.end()
    span = trim(text, start, end)
    if span:
        yield span


def _windows(text: str) -> Iterator[Span]:
    """Stretches that end at a blank and are tokenised one after the other, which bounds the memory of a long text."""
    start = 0
    while start < len(text):
        blank = BLANK.search(text, start + WINDOW)
        end = blank.start() if blank else len(text)
        yield start, end
        start = end


def _charged(start: int, end: int) -> Iterator[Span]:
    if end - start <= LONGEST_TOKEN:
        yield start, end
        return
    for position in range(start, end, CHARACTERS_PER_TOKEN):
        yield position, min(position + CHARACTERS_PER_TOKEN, end)


def cluster_start(text: str, start: int, position: int) -> int:
    """`position`, moved back to where the character cluster it falls into begins; always past `start`."""
    cut = position
    while start < cut < len(text) and _clings(text, cut):
        cut -= 1
        if position - cut > LONGEST_CLUSTER:
            return position
    return cut if cut > start else max(position, start + 1)


def _clings(text: str, position: int) -> bool:
    """Whether the character at `position` belongs to the one before it."""
    char, before = text[position], text[position - 1]
    return (
        unicodedata.category(char)[0] == "M"
        or "\u200d" in (char, before)
        or "\U0001f3fb" <= char <= "\U0001f3ff"
        or ("\udc00" <= char <= "\udfff" and "\ud800" <= before <= "\udbff")
    )


_CLAUSES, _WORDS = partial(_between, CLAUSE_END), partial(_between, BLANK)
PROSE: tuple[Level, ...] = (_sentences, _CLAUSES, _WORDS)
LEVELS: dict[BlockKind, tuple[Level, ...]] = {
    "table_row": (partial(_between, CELL_END), *PROSE),
    "table_header": (partial(_between, CELL_END), *PROSE),
    "code": (partial(_between, LINE_END), _WORDS),
}
