"""The embedded answer: sentences of the documents, word for word, each with its own `[n]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from chains.answer import Citation, Passage
from chains.citations import exact_citation
from chains.guard import neutralise

_BRACKETED_NUMBER = re.compile(r"\[(\d{1,3})\]")
_SENTENCE_END = (".", "!", "?", "…", '"', "”", ")")


class Evidence(Protocol):
    """A sentence the reader chose: `passages[passage_index].text[start:end]`."""

    @property
    def passage_index(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def score(self) -> float: ...


def quote(
    evidence: Sequence[Evidence], passages: Sequence[Passage], document_text: Callable[[str], str]
) -> tuple[list[str], tuple[Citation, ...]]:
    """Pieces that join to the answer's text, and its citations numbered 1..n in that order.

    The document with the best sentence comes first; within a document, sentences keep its order. A sentence
    that two overlapping passages hold is quoted once.
    """
    citations = [
        exact_citation(marker, passages[sentence.passage_index], sentence.start, sentence.end, document_text)
        for marker, sentence in enumerate(_in_reading_order(evidence, passages), 1)
    ]
    pieces: list[str] = []
    for citation in citations:
        pieces.append(_separator(citations, citation.marker) + f"{shown(citation.quote)} [{citation.marker}]")
    return pieces, tuple(citations)


def _in_reading_order(evidence: Sequence[Evidence], passages: Sequence[Passage]) -> list[Evidence]:
    best: dict[str, float] = {}
    distinct: dict[tuple[str, int, int], Evidence] = {}
    for sentence in sorted(evidence, key=lambda sentence: -sentence.score):
        passage = passages[sentence.passage_index]
        best.setdefault(passage.document_id, -sentence.score)
        span = (passage.start + sentence.start, passage.start + sentence.end)
        if not any(
            document == passage.document_id and start < span[1] and span[0] < end
            for document, start, end in distinct
        ):
            distinct[(passage.document_id, *span)] = sentence
    order = sorted(distinct, key=lambda key: (best[key[0]], key[0], key[1]))
    return [distinct[key] for key in order]


def _separator(citations: Sequence[Citation], marker: int) -> str:
    """Prose runs on; table rows, headings and list items stand on their own lines."""
    if marker == 1:
        return ""
    running = citations[marker - 2].quote.endswith(_SENTENCE_END)
    return " " if running else "\n\n"


def shown(quote: str) -> str:
    """A quote as it may stand in an answer: nothing that loads or links, and no `[3]` that is not ours.

    The citation itself keeps the quote to the letter.
    """
    return _BRACKETED_NUMBER.sub(r"(\1)", neutralise(quote, sources=None, allowed_text=quote))
