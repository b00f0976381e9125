"""The embedded path of RAG mode: the extractive reader chooses sentences, the answer quotes them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from chains.answer import Answer, AnswerEvent, Confidence, StageStarted, TextDelta
from chains.confidence import assess, calibration
from chains.conflicts import find_conflicts, rivals
from chains.instructions import masked
from chains.quoting import quote
from chains.retrieval import Retrieved
from chains.stopwatch import Stopwatch

if TYPE_CHECKING:
    from local.reader import ExtractiveReader, Reading

EMBEDDED_MODEL = "local:extractive-reader"
NEAREST = 3  # documents named when nothing answers


def read_answer(found: Retrieved, reader: ExtractiveReader) -> Iterator[AnswerEvent]:
    """Yields the answer sentence by sentence, or abstains with the nearest misses."""
    yield StageStarted(stage="reading")
    reading, confidence = assessed(found, reader)
    draft = replace(found.draft(EMBEDDED_MODEL), confidence=confidence)
    needed = (found.fit or calibration()).abstain_below
    if confidence.value < needed or not reading.sentences:
        found.watch.lap("read")
        yield abstention(draft, _reason(confidence, needed), found.watch)
        return
    other_sides = rivals(found.standalone, reading.sentences, found.passages)
    pieces, citations = quote([*reading.sentences, *other_sides], found.passages, found.document_text)
    text = "".join(pieces)
    conflicts = find_conflicts(found.standalone, text, citations, found.passages, dates=found.dates())
    found.watch.lap("read")
    for piece in pieces:  # once nothing can fail any more: what is shown is never taken away
        found.watch.first_token()
        yield TextDelta(text=piece)
    yield replace(draft, text=text, citations=citations, conflicts=conflicts, timings_ms=found.watch.finish())


def assessed(found: Retrieved, reader: ExtractiveReader) -> tuple[Reading, Confidence]:
    """What the reader found, and how sure that makes us."""
    reading = reader.read(
        found.standalone,
        [(passage.document_name, masked(passage.text, found.standalone)) for passage in found.passages],
    )
    return reading, assess(replace(found.question, text=found.standalone), found.passages, reading, found.fit)


def _reason(confidence: Confidence, needed: float) -> str:
    sure = f"confidence {confidence.value:.0%}, {needed:.0%} is needed"
    return " ".join([f"No sentence answers the question well enough ({sure}).", *confidence.reasons[:1]])


def abstention(answer: Answer, reason: str, watch: Stopwatch) -> Answer:
    """Says so, names the nearest misses, and keeps the passages for who wants to look."""
    names = list(dict.fromkeys(passage.document_name for passage in answer.passages))[:NEAREST]
    nearest = f" The nearest passages are in {', '.join(names)}." if names else ""
    return replace(
        answer,
        text=f"Not in your documents.{nearest}",
        abstained=True,
        reason=reason,
        citations=(),
        timings_ms=watch.finish(),
    )
