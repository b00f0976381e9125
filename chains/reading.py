"""The embedded path of RAG mode: the extractive reader chooses sentences, the answer quotes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from chains.answer import Answer, AnswerEvent, Confidence, Passage, Question, Receipt, StageStarted, TextDelta
from chains.quoting import quote
from chains.stopwatch import Stopwatch

EMBEDDED_MODEL = "local:extractive-reader"
NEAREST = 3  # documents named when nothing answers

Engine = Any  # local.encoder.MiniLMEncoder; what of it is used is the reader's affair
DocumentText = Callable[[str], str]


def read_answer(
    question: Question,
    passages: tuple[Passage, ...],
    encoder: Engine,
    document_text: DocumentText,
    watch: Stopwatch,
    receipt: Receipt,
) -> Iterator[AnswerEvent]:
    """Yields the answer sentence by sentence, or abstains with the nearest misses."""
    yield StageStarted(stage="reading")
    reading, confidence, answers = assessed(question, passages, encoder)
    base = Answer(
        text="", mode="rag", model=EMBEDDED_MODEL, passages=passages, confidence=confidence, receipt=receipt
    )
    if not answers or not reading.sentences:
        watch.lap("read")
        yield abstention(base, _reason(confidence), watch)
        return
    pieces, citations = quote(reading.sentences, passages, document_text)
    watch.lap("read")
    for piece in pieces:
        watch.first_token()
        yield TextDelta(text=piece)
    yield replace(base, text="".join(pieces), citations=citations, timings_ms=watch.finish())


def assessed(
    question: Question, passages: tuple[Passage, ...], encoder: Engine
) -> tuple[Any, Confidence, bool]:
    """What the reader found, how sure that makes us, and whether that is enough for an answer."""
    from local.reader import ExtractiveReader

    from chains.confidence import ABSTAIN_BELOW, assess

    reading = ExtractiveReader(encoder).read(
        question.text, [(passage.document_name, passage.text) for passage in passages]
    )
    confidence = assess(question, passages, reading)
    return reading, confidence, confidence.value >= ABSTAIN_BELOW


def _reason(confidence: Confidence) -> str:
    return confidence.reasons[0] if confidence.reasons else "The passages found do not answer the question."


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
