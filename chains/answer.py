"""The vocabulary of the whole program: a Question goes into a chain, an Answer comes out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from loaders.location import Location
from loaders.passage import Passage, Scores

__all__ = [
    "MODES",
    "Answer",
    "AnswerEvent",
    "Chain",
    "CheckedClaim",
    "Citation",
    "Computation",
    "Confidence",
    "Conflict",
    "EvidenceStep",
    "Location",
    "Mode",
    "ModelCall",
    "Passage",
    "Question",
    "Receipt",
    "Scores",
    "Searched",
    "Side",
    "StageStarted",
    "TaughtPair",
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

    def as_dict(self) -> dict[str, Any]:
        return {
            "text": self.text,
            "history": [{"role": turn.role, "text": turn.text} for turn in self.history],
            "k": self.k,
            "filter": dict(self.filter),
        }


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
class CheckedClaim:
    """A sentence or clause of an answer, held against the passages it cites.

    `answer.text[start:end]` is where it stands, markers included; `text` is the claim without them.
    """

    start: int
    end: int
    text: str
    markers: tuple[int, ...]
    score: float  # 0..1: how well the cited passages support it
    verdict: Literal["supported", "unsupported", "uncited"]
    judge: str = "embedded"  # or the id of the chat model that judged

    def as_dict(self) -> dict[str, Any]:
        return {
            name: getattr(self, name) for name in ("start", "end", "text", "score", "verdict", "judge")
        } | {"markers": list(self.markers)}


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceStep:
    """One search on the way to an answer: what was searched for, why, and what it brought."""

    query: str
    why: str  # one sentence: "The question as asked.", "Passage 1 names 'Hallvard Brekke', ..."
    chunk_ids: tuple[str, ...]  # passages of the answer that this step found

    def as_dict(self) -> dict[str, Any]:
        return {"query": self.query, "why": self.why, "chunk_ids": list(self.chunk_ids)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What one source says where sources differ."""

    marker: int  # of its citation
    document_name: str
    value: str  # the words that differ: "27 days"
    date: str | None  # ISO date of the document, or the year it names; None where it is not known

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in ("marker", "document_name", "value", "date")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Two or more sources that answer the same question differently; none is dropped or averaged."""

    sentence: str  # for people, markers included
    sides: tuple[Side, ...]  # latest date first

    def as_dict(self) -> dict[str, Any]:
        return {"sentence": self.sentence, "sides": [side.as_dict() for side in self.sides]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Computation:
    """An answer that was computed over tables of the documents, not read from a sentence."""

    sql: str  # what was run, read-only
    columns: tuple[str, ...]
    rows: tuple[tuple[str | int | float | bool | None, ...], ...]  # the result, at most as many as are shown
    row_count: int  # of the whole result
    tables: tuple[str, ...]  # "prices.xlsx · sheet Prices · A1:F42 (41 rows)"

    def as_dict(self) -> dict[str, Any]:
        return {
            "sql": self.sql,
            "columns": list(self.columns),
            "rows": [list(row) for row in self.rows],
            "row_count": self.row_count,
            "tables": list(self.tables),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtPair:
    """Where a taught answer comes from: the question of the training file that stands nearest."""

    question: str
    row: int | None  # of the training file, from 1; None: not recorded
    score: float  # 0..1: the chance that its answer is the right one

    def as_dict(self) -> dict[str, Any]:
        return {"question": self.question, "row": self.row, "score": self.score}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """One request to a chat model, as it was sent and what it took."""

    purpose: str  # "answer", "rewrite", "judge", "sql", "consistency"
    model: str
    messages: tuple[tuple[str, str], ...]  # (role, text)
    usage: Usage
    cost_usd: float | None  # None: no price is known
    ms: float
    failed: str | None = None  # the sentence of its failure
    estimated: bool = False  # the server did not count: the cost is reckoned from the length of the texts

    def as_dict(self) -> dict[str, Any]:
        """Without the messages, which repeat the passages; a receipt that is exported holds them."""
        return {
            "purpose": self.purpose,
            "model": self.model,
            "usage": {"input_tokens": self.usage.input_tokens, "output_tokens": self.usage.output_tokens},
            "cost_usd": self.cost_usd,
            "ms": self.ms,
            "failed": self.failed,
            "estimated": self.estimated,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What an answer was made from, enough to replay it (chains/receipts.py)."""

    prompt_sha256: str | None
    chunks: tuple[tuple[str, str], ...]  # (chunk id, SHA-256 of its text)
    knowledge_base: str | None
    generation: int | None
    model: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    question: Question | None = None  # with the turns before it

    def as_dict(self) -> dict[str, Any]:
        return {
            "question": self.question.as_dict() if self.question else None,
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
    cost_usd: float | None = None  # of all calls; None where a price is not known
    timings_ms: Mapping[str, float] = field(
        default_factory=dict
    )  # rewrite, retrieve, read or generate, check, first_token, total
    receipt: Receipt | None = None
    searched_for: str | None = None  # the follow-up question as it was searched for, where that differs
    steps: tuple[EvidenceStep, ...] = ()  # of a search in several steps; empty for one search
    claims: tuple[CheckedClaim, ...] = ()  # in the order of the text; empty where nothing was checked
    conflicts: tuple[Conflict, ...] = ()
    computation: Computation | None = None  # the answer was computed, not read
    notices: tuple[str, ...] = ()  # what the reader must know: another model stood in, a limit was reached
    calls: tuple[ModelCall, ...] = ()
    reasoning: str | None = (
        None  # a tuned model's quotes, which it wrote before the text; None where it wrote none
    )
    taught: tuple[TaughtPair, ...] = ()  # of a responder: whose answer this is, or what came nearest

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
            "searched_for": self.searched_for,
            "steps": [step.as_dict() for step in self.steps],
            "claims": [claim.as_dict() for claim in self.claims],
            "conflicts": [conflict.as_dict() for conflict in self.conflicts],
            "computation": self.computation.as_dict() if self.computation else None,
            "notices": list(self.notices),
            "calls": [call.as_dict() for call in self.calls],
            "reasoning": self.reasoning,
            "taught": [pair.as_dict() for pair in self.taught],
        }

    def as_record(self) -> dict[str, Any]:
        """All of it, field by field, as the records and receipts keep it; `chains.restoring` reads it back."""
        from chains.restoring import record

        kept: dict[str, Any] = record(self)
        return kept


@dataclass(frozen=True, slots=True, kw_only=True)
class StageStarted:
    """The chain begins a stage: "rewriting", "recalling", "retrieving", "computing", "reading", "writing" or
    "checking".
    """

    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TextDelta:
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What is searched for, where that is not the question as it was typed."""

    query: str


AnswerEvent = StageStarted | Searched | TextDelta | Answer
"""What `chain.stream(question)` yields; the last one is always the Answer."""


class Chain(Protocol):
    """What all modes are: a question goes in, an answer comes out, whole or as it is made."""

    def invoke(self, question: Question) -> Answer: ...
    def stream(self, question: Question) -> Iterator[AnswerEvent]: ...
    def batch(self, questions: Sequence[Question], *, max_concurrency: int = 4) -> list[Answer]: ...
