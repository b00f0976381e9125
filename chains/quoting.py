"""The embedded answer: sentences of the documents, word for word, each with its own `[n]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Protocol

from chains.answer import Citation, Passage
from chains.citations import exact_citation
from chains.guard import neutralise
from chains.plain_text import as_prose, labelled, stands_alone

_BRACKETED_NUMBER = re.compile(r"\[(\d{1,3})\]")
LEANING = re.compile(
    r"(?:it|its|he|his|she|her|they|their|this|that|these|those|such|both|the latter|however|but|so|then|therefore)\b",
    re.IGNORECASE,
)  # what opens a sentence that goes on from the one before it
NEXT_GAP = 8  # characters to the next sentence: a line break and the mark of a list or of quoted mail
_SENTENCE_END = (".", "!", "?", "…", '"', "”", ")")


Span = tuple[str, int, int]  # document, start, end


class Evidence(Protocol):
    """A sentence the reader chose: `passages[passage_index].text[start:end]`; `header` names a row's columns."""

    @property
    def passage_index(self) -> int: ...
    @property
    def start(self) -> int: ...
    @property
    def end(self) -> int: ...
    @property
    def score(self) -> float: ...
    @property
    def header(self) -> tuple[int, int] | None: ...


def quote(
    evidence: Sequence[Evidence], passages: Sequence[Passage], document_text: Callable[[str], str]
) -> tuple[list[str], tuple[Citation, ...]]:
    """Pieces that join to the answer's text, and its citations numbered 1..n in that order.

    The best sentence comes first, after the one before it where it leans on that ("It has ..."); then what else
    its document says, in its order; then other documents. A sentence that two overlapping passages hold is quoted
    once. A table row is shown with the names of its columns, and the line that names them is cited beside it, once
    for all rows of the table.
    """
    citations: list[Citation] = []
    pieces: list[str] = []

    def cited(passage: Passage, start: int, end: int) -> Citation:
        """The citation of that span, numbered at its first use."""
        place = (passage.document_id, passage.start + start, passage.start + end)
        known = [one for one in citations if (one.document_id, one.start, one.end) == place]
        if not known:
            citations.append(exact_citation(len(citations) + 1, passage, start, end, document_text))
        return known[0] if known else citations[-1]

    before = ""
    for sentence in in_answer_order(evidence, passages):
        passage = passages[sentence.passage_index]
        row = cited(passage, sentence.start, sentence.end)
        header = cited(passage, *sentence.header) if sentence.header else None
        text = shown(row.quote, header.quote if header else "")
        markers = f"[{row.marker}]" + (f"[{header.marker}]" if header else "")
        pieces.append(f"{_separator(before, row.quote)}{text} {markers}")
        before = row.quote
    return pieces, tuple(citations)


def in_answer_order(evidence: Sequence[Evidence], passages: Sequence[Passage]) -> list[Evidence]:
    """The best sentence, then the others of its document as they stand there, then other documents by their best."""
    best: dict[str, float] = {}
    distinct: dict[Span, Evidence] = {}
    for sentence in sorted(evidence, key=lambda sentence: -sentence.score):
        passage = passages[sentence.passage_index]
        best.setdefault(passage.document_id, -sentence.score)
        span = (passage.document_id, passage.start + sentence.start, passage.start + sentence.end)
        if not any(span[0] == one[0] and one[1] < span[2] and span[1] < one[2] for one in distinct):
            distinct[span] = sentence
    order = sorted(distinct, key=lambda span: (best[span[0]], span))
    first = min(distinct, key=lambda span: (-distinct[span].score, span), default=None)
    if first is not None:
        passage = passages[distinct[first].passage_index]
        leading = order[: order.index(first)]
        leaning = LEANING.match(passage.text, distinct[first].start) is not None
        lead = leading[-1:] if leaning and leading and first[1] - leading[-1][2] <= NEXT_GAP else []
        order = [*lead, first, *(span for span in order if span != first and span not in lead)]
    return [distinct[span] for span in order]


def _separator(before: str, quote: str) -> str:
    """Prose runs on; table rows, lists and lines without an end stand on their own."""
    if not before:
        return ""
    running = before.endswith(_SENTENCE_END) and not stands_alone(before) and not stands_alone(quote)
    return " " if running else "\n\n"


def shown(quote: str, header: str = "") -> str:
    """A quote as it stands in an answer: in plain words, with nothing that loads or links, and no `[3]` not ours.

    The citation itself keeps the quote to the letter.
    """
    plain = labelled(quote, header) if header else as_prose(quote)
    return _BRACKETED_NUMBER.sub(r"(\1)", neutralise(plain, sources=None, allowed_text=quote + " " + header))
