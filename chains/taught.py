"""Fine-tuned mode by the embedded responder: it answers in the words it was taught, or says what comes nearest.

    model = TaughtModel(model_id="local:ft:responder:groundtune:isa:1f2e3d4c", responder=responder)
    TaughtChain(model).invoke(Question(text="I cannot find the key."))      -> Answer

No key, no network, no torch. Every text is a taught answer; the row of the training file that it stands in is part of
the answer, as a citation is of one that was read.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Protocol

from chains.answer import (
    Answer,
    AnswerEvent,
    Confidence,
    Mode,
    Question,
    Receipt,
    Searched,
    StageStarted,
    TaughtPair,
    TextDelta,
)
from chains.base import last_answer
from chains.batching import run_batch
from chains.confidence import level
from chains.generation import CallLog
from chains.guard import SafeStream
from chains.history import rewrite
from chains.stopwatch import Stopwatch
from local.responder import Reply
from local.sentences import sentence_spans

__all__ = ["NOT_TAUGHT", "Recalled", "TaughtChain", "TaughtModel", "recall"]

NOT_TAUGHT = "That was not among what was taught."
NEAREST = 3  # taught questions named when none is near enough


class Answers(Protocol):
    """What `local.responder.Responder` offers a chain."""

    @property
    def needed(self) -> float: ...
    def answer(self, question: str, *, abstain_below: float | None = None) -> Reply: ...
    def row(self, pair: int) -> int | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtModel:
    """A responder with the name it goes by in answers."""

    model_id: str  # "local:ft:..."
    responder: Answers = field(repr=False)
    parameters: Mapping[str, Any] = field(default_factory=dict)  # what receipts record


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """What a responder has to say to a question."""

    asked: str  # as it stands alone
    reply: Reply
    pairs: tuple[TaughtPair, ...]  # the one that answers, or comes nearest, first
    confidence: Confidence
    needed: float  # least score of an answer

    @property
    def abstained(self) -> bool:
        return self.reply.abstained

    @property
    def text(self) -> str:
        """The taught answer, with nothing in it that loads: as it was taught in every other respect."""
        safe = SafeStream(sources=None, allowed_text=self.reply.text)
        return safe.feed(self.reply.text) + safe.close()

    def reason(self) -> str:
        """Why nothing is answered."""
        sure = f"confidence {self.reply.score:.0%}, {self.needed:.0%} is needed"
        told = f"No taught question is near enough ({sure}). The nearest is {_quoted(self.pairs[0])}"
        return (
            f"{told}, and it says nothing of {_unsaid(self.reply)}."
            if self.reply.unsaid.figures
            else f"{told}."
        )


class TaughtChain:
    """Question -> Answer by a responder; the same face as every other chain. Thread-safe as its encoder is."""

    mode: ClassVar[Mode] = "finetuned"

    def __init__(self, model: TaughtModel, *, clock: Callable[[], float] = time.perf_counter) -> None:
        self._model = model
        self._clock = clock

    def invoke(self, question: Question) -> Answer:
        return last_answer(self.stream(question))

    def batch(self, questions: Sequence[Question], *, max_concurrency: int = 4) -> list[Answer]:  # noqa: ARG002
        """One at a time: the encoder uses every core."""
        return run_batch(self.invoke, questions, max_concurrency=1)

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        """Yields StageStarted, TextDelta..., and last the Answer; an abstention comes without deltas."""
        watch = Stopwatch(self._clock)
        standalone: str | None = None
        if question.history:
            yield StageStarted(stage="rewriting")
            standalone = completed(question)
            watch.lap("rewrite")
        if standalone is not None:
            yield Searched(query=standalone)
        yield StageStarted(stage="recalling")
        recalled = recall(self._model, standalone or question.text)
        watch.lap("recall")
        if not recalled.abstained:
            for piece in pieces(recalled.text):
                watch.first_token()
                yield TextDelta(text=piece)
        yield self._answer(question, standalone, recalled, watch)

    def _answer(
        self, question: Question, standalone: str | None, recalled: Recalled, watch: Stopwatch
    ) -> Answer:
        return Answer(
            text=NOT_TAUGHT if recalled.abstained else recalled.text,
            mode=self.mode,
            model=self._model.model_id,
            confidence=recalled.confidence,
            abstained=recalled.abstained,
            reason=recalled.reason() if recalled.abstained else None,
            timings_ms=watch.finish(),
            receipt=Receipt(
                prompt_sha256=None,
                chunks=(),
                knowledge_base=None,
                generation=None,
                model=self._model.model_id,
                parameters=taught_parameters(self._model, recalled),
                question=question,
            ),
            searched_for=standalone,
            taught=recalled.pairs,
        )


def recall(model: TaughtModel, question: str) -> Recalled:
    responder = model.responder
    reply = responder.answer(question)
    first = TaughtPair(question=reply.question, row=responder.row(reply.row), score=reply.score)
    others = (
        TaughtPair(question=one.question, row=responder.row(one.row), score=one.share * reply.score)
        for one in reply.alternatives[: NEAREST - 1]
    )
    pairs = (first, *others) if reply.abstained else (first,)
    return Recalled(
        asked=question,
        reply=reply,
        pairs=pairs,
        confidence=_confidence(reply, first),
        needed=responder.needed,
    )


def completed(question: Question) -> str | None:
    """A follow-up as it reads alone, by rules: a responder was not taught to write. None: it stands alone."""
    found = rewrite(question, model=None, log=CallLog())
    return found.text if found.changed else None


def pieces(text: str) -> list[str]:
    """Sentence by sentence; they join to `text`."""
    starts = [0, *(start for start, _ in sentence_spans(text)[1:]), len(text)]
    return [text[start:end] for start, end in pairwise(starts) if end > start]


def taught_parameters(model: TaughtModel, recalled: Recalled) -> dict[str, Any]:
    """For the receipt: which taught pair, by its row and the SHA-256 of its texts."""
    reply = recalled.reply
    pair = hashlib.sha256(f"{reply.question}\n{reply.text}".encode()).hexdigest()
    return dict(model.parameters) | {
        "taught_row": recalled.pairs[0].row,
        "taught_sha256": pair,
        "abstain_below": recalled.needed,
    }


def _confidence(reply: Reply, nearest: TaughtPair) -> Confidence:
    reasons = [f"The taught question nearest to this one is {_quoted(nearest)}."]
    if reply.unsaid.figures:
        reasons.append(
            f"The question names {_unsaid(reply)}, which the taught question and its answer do not."
        )
    if reply.alternatives:
        rival = reply.alternatives[0]
        reasons.append(
            f"The next other answer, taught with '{_short(rival.question)}', has {rival.share:.0%} of the weight."
        )
    signals = {"score": reply.score, "rival": reply.alternatives[0].share if reply.alternatives else 0.0}
    return Confidence(value=reply.score, level=level(reply.score), reasons=tuple(reasons), signals=signals)


def _unsaid(reply: Reply) -> str:
    return ", ".join(reply.unsaid.figures)


def _quoted(pair: TaughtPair) -> str:
    place = f" (row {pair.row} of the training file)" if pair.row is not None else ""
    return f"'{_short(pair.question)}'{place}"


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= 160 else f"{plain[:159]}…"
