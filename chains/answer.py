"""The vocabulary of the whole program: a Question goes into a chain, an Answer comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from loaders.location import Location
from loaders.passage import Passage, Scores

__all__ = [
    "MODES",
    "Answer",
    "AnswerEvent",
    "Citation",
    "Confidence",
    "Location",
    "Mode",
    "Passage",
    "Question",
    "Receipt",
    "Scores",
    "StageStarted",
    "TextDelta",
    "Turn",
    "Usage",
]

Mode = Literal["base", "rag", "finetuned", "hybrid"]
MODES: tuple[Mode, ...] = ("base", "rag", "finetuned", "hybrid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One earlier message of the conversation."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    text: str
    history: tuple[Turn, ...] = ()
    k: int = 5  # passages to read
    filter: Mapping[str, str] = field(default_factory=dict)  # document metadata that must match


@dataclass(frozen=True, slots=True, kw_only=True)
class Citation:
    """`document_text[start:end] == quote` when `verified`; `marker` is the n of `[n]` in the text."""

    marker: int
    chunk_id: str
    document_id: str
    document_name: str
    location: Location
    start: int
    end: int
    quote: str
    verified: bool

    def as_dict(self) -> dict[str, Any]:
        return {
            "marker": self.marker,
            "document_id": self.document_id,
            "document_name": self.document_name,
            "chunk_id": self.chunk_id,
            "quote": self.quote,
            "verified": self.verified,
            "location": self.location.as_dict() | {"start": self.start, "end": self.end},
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Confidence:
    """How sure the program is that the answer is right and supported, and what that rests on."""

    value: float  # 0..1
    level: Literal["high", "medium", "low"]
    reasons: tuple[str, ...]  # plain sentences
    signals: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "value": self.value,
            "level": self.level,
            "reasons": list(self.reasons),
            "signals": dict(self.signals),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens as the model server counted them; None where it did not say."""

    input_tokens: int | None = None
    output_tokens: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an answer was made from, enough to replay it."""

    prompt_sha256: str | None
    chunks: tuple[tuple[str, str], ...]  # (chunk id, SHA-256 of its text)
    knowledge_base: str | None
    generation: int | None
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return {
            "prompt_sha256": self.prompt_sha256,
            "chunks": [list(pair) for pair in self.chunks],
            "knowledge_base": self.knowledge_base,
            "generation": self.generation,
            "model": self.model,
            "parameters": dict(self.parameters),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a chain returns. When `abstained`, `reason` says why and `passages` are the nearest misses."""

    text: str
    mode: Mode
    model: str
    citations: tuple[Citation, ...] = ()
    passages: tuple[Passage, ...] = ()
    confidence: Confidence | None = None
    abstained: bool = False
    reason: str | None = None
    usage: Usage = Usage()
    cost_usd: float | None = None
    timings_ms: Mapping[str, float] = field(
        default_factory=dict
    )  # retrieve, read or generate, first_token, total
    receipt: Receipt | None = None

    def as_dict(self) -> dict[str, Any]:
        """The JSON document that `python -m app ask --json` prints."""
        return {
            "answer": self.text,
            "mode": self.mode,
            "model": self.model,
            "abstained": self.abstained,
            "reason": self.reason,
            "confidence": self.confidence.value if self.confidence else None,
            "confidence_detail": self.confidence.as_dict() if self.confidence else None,
            "citations": [citation.as_dict() for citation in self.citations],
            "passages": [passage.as_dict() for passage in self.passages],
            "usage": {"input_tokens": self.usage.input_tokens, "output_tokens": self.usage.output_tokens},
            "cost_usd": self.cost_usd,
            "timings_ms": dict(self.timings_ms),
            "receipt": self.receipt.as_dict() if self.receipt else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """The chain begins a stage: "retrieving", "reading", "writing", "checking"."""

    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    text: str


AnswerEvent = StageStarted | TextDelta | Answer
"""What `chain.stream(question)` yields; the last one is always the Answer."""
