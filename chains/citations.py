"""Citation markers: `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`; and a citation of an exact span of a passage."""

from __future__ import annotations

import re
from collections.abc import Callable

from chains.answer import Citation, Passage

LONGEST_MARKER = 40  # characters between the brackets
MARKER = (
    rf"[\[【](?=[^\]】\n]{{0,{LONGEST_MARKER}}}[\]】])"
    r"(?:\^|(?:passages?|sources?|docs?|documents?)\s+)?"
    r"\d{1,3}(?:\s{0,2}(?:[,;]|[-–—]|and|&)\s{0,2}\d{1,3}){0,9}[\]】]"
)
LONGEST_RANGE = 20

_NUMBERS = re.compile(r"(\d+)(?:\s*[-–—]\s*(\d+))?")
_PLAIN_MARKER = re.compile(r"\[(\d{1,3})\]")


def expand_marker(marker: str) -> list[int]:
    """The numbers of one bracket, in order, each once: "[3, 1-2]" -> [3, 1, 2]."""
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(marker):
        low, high = int(first), int(last or first)
        ascending = low <= high <= low + LONGEST_RANGE
        numbers += range(low, high + 1) if ascending else [low, high]
    return list(dict.fromkeys(numbers))


def markers_in(text: str) -> list[int]:
    """The numbers cited in neutralised text, in order of first use."""
    return list(dict.fromkeys(int(found) for found in _PLAIN_MARKER.findall(text)))


def exact_citation(
    marker: int, passage: Passage, start: int, end: int, document_text: Callable[[str], str]
) -> Citation:
    """Cites `passage.text[start:end]`; `verified` when the document holds just that at the mapped span."""
    quote = passage.text[start:end]
    first, last = passage.start + start, passage.start + end
    return Citation(
        marker=marker,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        document_name=passage.document_name,
        location=passage.location,
        start=first,
        end=last,
        quote=quote,
        verified=bool(quote) and document_text(passage.document_id)[first:last] == quote,
    )
