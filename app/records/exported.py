"""One question and its latest answer in the words of an exported file, before it becomes Markdown or Word."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from app.records.entries import Exchange
from app.ui.amounts import dated, facts
from chains.answer import Answer, Citation, Computation, Location

__all__ = ["NOT_BACKED", "Source", "Told", "minute", "told"]

NOT_BACKED = "not backed by a source"
MODES = {"base": "Base", "rag": "RAG", "finetuned": "Fine-tuned", "hybrid": "Hybrid"}
ENDS = {
    "running": "This answer was still being written.",
    "stopped": "Stopped before it was complete.",
    "interrupted": "The answer was interrupted: Groundtune ended while it was being written.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    marker: int | None  # None: a passage that is no source, near as it came
    title: str  # document and place
    quote: str
    check: str  # whether the quote stands in the document; "" where nothing was checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """All text is untrusted, and may hold any character."""

    question: str
    files: tuple[str, ...]
    facts: str  # date, mode, model, confidence, time, tokens, cost
    text: str  # Markdown
    doubtful: tuple[tuple[int, int], ...]  # spans of `text` that no source backs
    notes: tuple[str, ...]
    sources: tuple[Source, ...]
    computation: Computation | None


def told(exchange: Exchange, answer: Answer | None) -> Told:
    return Told(
        question=exchange.question,
        files=exchange.files,
        facts=" · ".join(_facts(exchange, answer)),
        text=answer.text if answer else exchange.latest.text,
        doubtful=_doubtful(answer) if answer else (),
        notes=tuple(_notes(exchange, answer)),
        sources=tuple(_sources(answer)) if answer else (),
        computation=answer.computation if answer else None,
    )


def minute(stamp: str) -> str:
    """`2026-07-01 09:30 UTC` of an ISO time."""
    return f"{datetime.fromisoformat(stamp).astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _facts(exchange: Exchange, answer: Answer | None) -> Iterator[str]:
    yield minute(exchange.latest.started_at)
    yield MODES[exchange.latest.mode]
    if answer is None:
        return
    yield answer.model
    if answer.receipt is not None and answer.receipt.knowledge_base:
        yield f"knowledge base {answer.receipt.knowledge_base}"
    if answer.confidence is not None:
        yield f"confidence {answer.confidence.level} ({answer.confidence.value:.0%})"
    yield from facts(answer)


def _doubtful(answer: Answer) -> tuple[tuple[int, int], ...]:
    spans = sorted((one.start, one.end) for one in answer.claims if one.verdict != "supported")
    return tuple((start, end) for start, end in spans if 0 <= start < end <= len(answer.text))


def _notes(exchange: Exchange, answer: Answer | None) -> Iterator[str]:
    latest = exchange.latest
    if latest.state != "done":
        yield f"Not answered: {latest.error}" if latest.state == "failed" else ENDS[latest.state]
    if len(exchange.versions) > 1:
        yield f"This is answer {latest.number}: the question was asked again."
    if answer is None:
        return
    if answer.abstained:
        yield f"Not in the documents. {answer.reason or ''}".strip()
    elif answer.reason:
        yield answer.reason
    if answer.searched_for:
        yield f"Searched for: {answer.searched_for}"
    if len(answer.steps) > 1:
        yield from (f"Search {n}: {step.query} — {step.why}" for n, step in enumerate(answer.steps, start=1))
    for conflict in answer.conflicts:
        yield f"The sources differ: {conflict.sentence.removeprefix('The sources differ: ')}"
        for side in conflict.sides:
            when = dated(side.date) if side.date else "no date known"
            yield f"[{side.marker}] {side.document_name}: {side.value} ({when})"
    open_ones = sum(one.verdict != "supported" for one in answer.claims)
    if open_ones:
        yield f"{open_ones} of {len(answer.claims)} statements: {NOT_BACKED}."
    yield from answer.notices


def _sources(answer: Answer) -> Iterator[Source]:
    if answer.abstained:
        for passage in answer.passages[:3]:
            yield Source(
                marker=None,
                title=_place(passage.document_name, passage.location),
                quote=passage.text,
                check="nearest passage",
            )
        return
    for citation in answer.citations:
        yield Source(
            marker=citation.marker,
            title=_place(citation.document_name, citation.location),
            quote=citation.quote,
            check=_check(citation),
        )


def _check(citation: Citation) -> str:
    return "quote verified" if citation.verified else "NOT verified: this quote was not found in the document"


def _place(document: str, location: Location) -> str:
    place = location.label()
    return f"{document} · {place}" if place else document
