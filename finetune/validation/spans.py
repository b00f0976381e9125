"""Spans of a text: of those that overlap the first given counts, and each is replaced by what stands in for it."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from typing import Protocol, TypeVar

__all__ = ["Span", "apart", "replaced"]


class Span(Protocol):
    """A part of a text, in characters; never empty."""

    @property
    def start(self) -> int: ...

    @property
    def end(self) -> int: ...


_Span = TypeVar("_Span", bound=Span)


def apart(spans: Iterable[_Span]) -> list[_Span]:
    """Those that overlap none given before them, in the order of the text; a text may hold 100,000 of them."""
    starts: list[int] = []
    kept: list[_Span] = []
    for span in spans:
        at = bisect_right(starts, span.start)
        before, after = kept[at - 1 : at], kept[at : at + 1]
        if (before and before[0].end > span.start) or (after and after[0].start < span.end):
            continue
        starts.insert(at, span.start)
        kept.insert(at, span)
    return kept


def replaced(text: str, spans: Iterable[tuple[int, int, str]]) -> str:
    """The text with each (start, end, what stands in) replaced; they are in order and do not overlap."""
    parts: list[str] = []
    at = 0
    for start, end, stand_in in spans:
        parts += (text[at:start], stand_in)
        at = end
    return "".join((*parts, text[at:]))
