"""Training rows out of documents: written by a chat model and held against the passage, or taken out word for word.

    source = from_knowledge_base(base)
    for made in extract(source, ExtractOptions(), Tally()): ...                     # no model, nothing invented
    for made in generate(source, GenerateOptions(), Tally(), model=model, encoder=encoder, journal=journal): ...

Both yield `Example`s, whose provenance names document, chunks and spans, and `Dropped`s with the reason; both are
deterministic: the same documents and options (and, with a model, the same replies) give the same rows in the same
order. Every row waits for review: its origin is "extracted" or "generated".

A row is one question and one answer, after a system message where one is given.
"""

from __future__ import annotations

import hashlib
import heapq
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence

from chains.instructions import instructions_in
from finetune.examples import Example
from finetune.synthesis.extracting import Extracted, extracted
from finetune.synthesis.generating import generate, journal_header, passages_of
from finetune.synthesis.outline import Outline, outlined
from finetune.synthesis.runs import (
    STOPPED,
    ExtractOptions,
    GenerateOptions,
    Progress,
    Source,
    Stop,
    Tally,
    chat_row,
    example,
    from_knowledge_base,
    from_paths,
    no_progress,
    no_stop,
)
from finetune.synthesis.sifting import LONGEST_ANSWER, Dropped, Reason
from finetune.synthesis.surveying import Survey, prose_language, surveyed
from finetune.synthesis.wording import Language
from loaders.whole_documents import WholeDocument

__all__ = [
    "ExtractOptions",
    "GenerateOptions",
    "Source",
    "Tally",
    "extract",
    "from_knowledge_base",
    "from_paths",
    "generate",
    "journal_header",
    "passages_of",
]

OVERLAPPING = 3  # chunks that may hold one character, where chunks overlap


def extract(
    source: Source,
    options: ExtractOptions,
    tally: Tally,
    *,
    on_progress: Progress = no_progress,
    stop: Stop = no_stop,
) -> Iterator[Example | Dropped]:
    """Questions and answers that the documents hold already (synthesis/extracting.py), document by document."""
    survey = surveyed(source.documents())
    picked = _picked(source, options, survey) if options.limit is not None else None
    asked: set[str] = set()
    for document in source.documents():
        if stop():
            tally.stopped = STOPPED
            return
        outline, language = _read(document, survey)
        tally.documents += 1
        tally.languages[language or "other"] += 1
        for found in extracted(outline, language, options.methods):
            reason = _fault(found, asked)
            if reason is not None:
                tally.dropped[reason] += 1
                yield _dropped(found, reason, document)
            elif picked is None or _rank(found, document, options.seed) in picked:
                tally.rows += 1
                tally.kinds[found.method] += 1
                yield _made(found, outline, language, source, options.system)
        on_progress(tally)


def _read(document: WholeDocument, survey: Survey) -> tuple[Outline, Language | None]:
    """A document of another language has no templates; one without sentences takes those of most others."""
    outline = outlined(document, survey.repeated)
    return outline, prose_language(outline) or (survey.usual if _is_tabular(outline) else None)


def _is_tabular(outline: Outline) -> bool:
    prose = [
        block for block in outline.blocks if block.kind in ("paragraph", "list_item") and not block.record
    ]
    return sum(len(block.text) for block in prose) * 4 < len(outline.document.text)


def _picked(source: Source, options: ExtractOptions, survey: Survey) -> frozenset[bytes]:
    """The rows that a limit leaves: a sample of all, the same for the same seed."""
    return frozenset(heapq.nsmallest(options.limit or 0, _ranks(source, options, survey)))


def _ranks(source: Source, options: ExtractOptions, survey: Survey) -> Iterator[bytes]:
    asked: set[str] = set()
    for document in source.documents():
        outline, language = _read(document, survey)
        for found in extracted(outline, language, options.methods):
            if _fault(found, asked) is None:
                yield _rank(found, document, options.seed)


def _rank(found: Extracted, document: WholeDocument, seed: int) -> bytes:
    told = f"{seed}\x1f{document.document_id}\x1f{found.question}"
    return hashlib.sha256(told.encode()).digest()


def _fault(found: Extracted, asked: set[str]) -> Reason | None:
    """Remembers the question."""
    if len(found.answer) > LONGEST_ANSWER:
        return "too_long"
    question = " ".join(found.question.casefold().split())
    if question in asked:
        return "asked_already"
    asked.add(question)
    orders = instructions_in(found.question) or instructions_in(found.answer)
    return "addresses_model" if orders else None


def _dropped(found: Extracted, reason: Reason, document: WholeDocument) -> Dropped:
    return Dropped(
        reason=reason,
        chunk_id=next(iter(_chunks_of(document, found.spans)), ""),
        document_id=document.document_id,
        question=found.question,
        answer="" if reason == "too_long" else found.answer,
    )


def _made(
    found: Extracted, outline: Outline, language: Language | None, source: Source, system: str | None
) -> Example:
    details = {
        "method": found.method,
        "knowledge_base": source.name,
        "title": outline.title,
        "chunks": _chunks_of(outline.document, found.spans),
        "spans": [list(span) for span in found.spans],
        "language": language,
    }
    known = {name: value for name, value in details.items() if value is not None}
    row = chat_row(found.question, found.answer, system)
    return example("extracted", row, outline.document.document_id, known)


def _chunks_of(document: WholeDocument, spans: Sequence[tuple[int, int]]) -> list[str]:
    """Those that share a character with one of the spans, in order."""
    starts = [chunk.start for chunk in document.chunks]
    held: dict[str, None] = {}
    for start, end in spans:
        first = max(0, bisect_right(starts, start) - OVERLAPPING)
        near = document.chunks[first : bisect_left(starts, end)]
        held |= {chunk.chunk_id: None for chunk in near if chunk.end > start}
    return list(held)
