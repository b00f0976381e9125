"""Hybrid mode by the embedded responder: what was taught, held against what the documents say.

    HybridTaughtChain(model, quoting=RagChain(base, chat_model=None, ...), encoder=encoder).invoke(question)   -> Answer

Both are asked. The taught answer is given where it is the surer one and the documents are not sure; the passages that
were found stand beside it, and where they bear it out it cites them. Otherwise the documents answer, as in RAG mode;
where neither is sure, nothing is answered. Which it was, and why, stands first among the reasons of the confidence.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from chains.answer import (
    Answer,
    AnswerEvent,
    Citation,
    Confidence,
    Mode,
    Question,
    Receipt,
    Searched,
    StageStarted,
    TextDelta,
)
from chains.base import last_answer
from chains.batching import run_batch
from chains.citations import exact_citation
from chains.claims import passage_evidence
from chains.confidence import HIGH, level
from chains.rag import RagChain
from chains.stopwatch import Stopwatch
from chains.support import SentenceEncoder, Support, SupportScorer
from chains.taught import Recalled, TaughtModel, completed, pieces, recall, taught_parameters

__all__ = ["HybridTaughtChain", "taught_wins"]

BORNE_OUT = 0.5  # of the doubt that is left, which evidence that fully supports the answer takes away


@dataclass(frozen=True, slots=True, kw_only=True)
class _Evidence:
    """What the documents say to a taught answer; `citation` where they bear it out."""

    support: Support
    citation: Citation | None


class HybridTaughtChain:
    """As HybridChain, over a responder. `quoting` reads the documents without a chat model; `writing`, where one is
    connected, answers in its place what was not taught.
    """

    mode: ClassVar[Mode] = "hybrid"

    def __init__(
        self,
        model: TaughtModel,
        *,
        quoting: RagChain,
        encoder: SentenceEncoder,
        writing: RagChain | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._model, self._quoting, self._writing = model, quoting, writing
        self._encoder, self._clock = encoder, clock

    def invoke(self, question: Question) -> Answer:
        return last_answer(self.stream(question))

    def batch(self, questions: Sequence[Question], *, max_concurrency: int = 4) -> list[Answer]:
        return run_batch(
            self.invoke, questions, max_concurrency=max_concurrency if self._writing is not None else 1
        )

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        """Yields what happens, TextDelta... of the answer that was chosen, and last the Answer."""
        watch = Stopwatch(self._clock)
        yield StageStarted(stage="recalling")
        recalled = recall(self._model, completed(question) or question.text)
        watch.lap("recall")
        deltas: list[TextDelta] = []
        quoted: Answer | None = None
        for event in self._quoting.stream(question):
            if isinstance(event, Answer):
                quoted = event
            elif isinstance(event, TextDelta):
                deltas.append(event)
            else:
                yield event
        assert quoted is not None, "a chain's last event is its Answer"
        if taught_wins(recalled, quoted):
            yield from self._taught(question, recalled, quoted, watch)
        elif self._writing is None:
            yield from deltas
            yield self._from_documents(question, recalled, quoted)
        else:
            yield from self._written(question, recalled, watch)

    # --- what was taught --------------------------------------------------------------------------

    def _taught(
        self, question: Question, recalled: Recalled, quoted: Answer, watch: Stopwatch
    ) -> Iterator[AnswerEvent]:
        yield StageStarted(stage="checking")
        evidence = self._evidence(recalled, quoted)
        watch.lap("check")
        text = recalled.text
        if evidence and evidence.citation:
            text = f"{text.rstrip()} [{evidence.citation.marker}]"
        for piece in pieces(text):
            watch.first_token()
            yield TextDelta(text=piece)
        yield replace(
            quoted,
            text=text,
            mode=self.mode,
            model=self._model.model_id,
            citations=(evidence.citation,) if evidence and evidence.citation else (),
            confidence=_raised(recalled, quoted, evidence),
            abstained=False,
            reason=None,
            conflicts=(),
            timings_ms=dict(quoted.timings_ms) | watch.finish(),
            receipt=self._receipt(question, recalled, quoted, self._model.model_id),
            taught=recalled.pairs,
        )

    def _evidence(self, recalled: Recalled, quoted: Answer) -> _Evidence | None:
        """None where no passage was found, or the answer says nothing that could be looked up."""
        claim = pieces(recalled.text)[0].strip() if recalled.text.strip() else ""
        if not quoted.passages or len(claim.split()) < 3:
            return None
        scorer = SupportScorer(self._encoder)
        (support,) = scorer.score([(claim, [passage_evidence(one) for one in quoted.passages])])
        if not support.holds or not support.quotes:
            return _Evidence(support=support, citation=None)
        place, start, end = support.quotes[0]
        passage = quoted.passages[place]
        citation = exact_citation(1, passage, start, end, self._quoting.documents_text())
        return _Evidence(support=support, citation=citation)

    # --- what the documents say -------------------------------------------------------------------

    def _from_documents(self, question: Question, recalled: Recalled, answer: Answer) -> Answer:
        because = _why_documents(recalled, answer)
        told = answer.confidence
        return replace(
            answer,
            mode=self.mode,
            confidence=replace(told, reasons=(because, *told.reasons)) if told else None,
            reason=f"{answer.reason} {because}" if answer.abstained else answer.reason,
            receipt=self._receipt(question, recalled, answer, answer.model),
            taught=recalled.pairs if answer.abstained else (),
        )

    def _written(self, question: Question, recalled: Recalled, watch: Stopwatch) -> Iterator[AnswerEvent]:
        """By the chat model; where it finds nothing, what was taught is better than nothing."""
        assert self._writing is not None
        shown = False
        for event in self._writing.stream(question):
            if not isinstance(event, Answer):
                shown = shown or isinstance(event, TextDelta)
                if not isinstance(event, Searched):  # told already
                    yield event
            elif event.abstained and not recalled.abstained and not shown:
                yield from self._taught(question, recalled, event, watch)
            else:
                yield self._from_documents(question, recalled, event)

    def _receipt(
        self, question: Question, recalled: Recalled, answer: Answer, answered_by: str
    ) -> Receipt | None:
        """Of both: replayed, the same model is asked first again."""
        if answer.receipt is None:
            return None
        parameters = dict(answer.receipt.parameters) | taught_parameters(self._model, recalled)
        return replace(
            answer.receipt,
            model=self._model.model_id,
            parameters=parameters | {"answered_by": answered_by},
            question=question,
        )


def taught_wins(recalled: Recalled, quoted: Answer) -> bool:
    """Whether the taught answer is given: it is sure enough, surer than the documents, and these are not sure."""
    if recalled.abstained:
        return False
    documents = _sureness(quoted)
    return recalled.reply.score >= documents and documents < HIGH


def _sureness(answer: Answer) -> float:
    """Of an answer that is given: of an abstention the figure says how far from one it was."""
    return 0.0 if answer.abstained or answer.confidence is None else answer.confidence.value


def _raised(recalled: Recalled, quoted: Answer, evidence: _Evidence | None) -> Confidence:
    """Passages that bear the taught answer out take away some of the doubt."""
    value, told = recalled.reply.score, "No passage that was found says anything about it."
    if evidence is not None and evidence.citation is not None:
        value += BORNE_OUT * (1 - value) * evidence.support.score
        told = f"'{evidence.citation.document_name}' bears it out."
    elif quoted.passages:
        told = "The passages that were found do not bear it out word for word."
    documents = _sureness(quoted)
    why = "it is surer than what the documents say" if documents else "the documents gave none"
    signals = {"taught": recalled.reply.score, "documents": documents}
    if evidence is not None:
        signals["support"] = evidence.support.score
    reasons = (f"This is a taught answer: {why}.", told)
    return Confidence(
        value=value,
        level=level(value),
        reasons=(*reasons, *recalled.confidence.reasons),
        signals=dict(recalled.confidence.signals) | signals,
    )


def _why_documents(recalled: Recalled, answer: Answer) -> str:
    if recalled.abstained:
        return f"Nothing near enough was taught: {recalled.reason()}"
    if answer.abstained:
        return "A taught answer came near, but the documents were asked instead and gave none."
    if recalled.reply.unsaid.figures:
        said_not = ", ".join(recalled.reply.unsaid.figures)
        return f"The documents answer: the nearest taught answer says nothing of {said_not}."
    return "The documents answer: they are surer than what was taught."
