"""Hybrid mode by the embedded responder: what was taught, held against what the documents say.

    HybridTaughtChain(model, quoting=RagChain(base, chat_model=None, ...), encoder=encoder).invoke(question)   -> Answer

Both are asked, and chains/taught_rule.py decides who answers. A taught answer stands beside the passages that were
found, and cites them where they bear it out; where the documents surely say otherwise by now than the taught row, they
answer. Where neither is sure, nothing is answered. Which it was, and why, stands first among the reasons of the
confidence.
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
    Passage,
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
from chains.confidence import level
from chains.rag import RagChain
from chains.stopwatch import Stopwatch
from chains.support import SentenceEncoder, Support, SupportScorer
from chains.taught import Recalled, TaughtModel, completed, pieces, recall, taught_parameters
from chains.taught_rule import ANOTHER_QUESTION, Compared, compare, outdated, sureness, taught_wins

__all__ = ["HybridTaughtChain"]

BORNE_OUT = 0.5  # of the doubt that is left, which evidence that fully supports the answer takes away


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heard:
    """What both had to say to a question."""

    recalled: Recalled
    quoted: Answer  # by the documents
    compared: Compared | None
    reread: Answer | None = None  # by the documents, to the taught question; None: they were not asked it

    @property
    def passages(self) -> tuple[Passage, ...]:
        """Those that were found for the question, and then those for the taught one."""
        found = self.quoted.passages
        known = {one.chunk_id for one in found}
        more = self.reread.passages if self.reread else ()
        return (*found, *(one for one in more if one.chunk_id not in known))


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
        compared = compare(recalled, quoted, self._encoder)
        heard = _Heard(recalled=recalled, quoted=quoted, compared=compared)
        if taught_wins(recalled, quoted, compared):
            yield from self._checked(question, heard, watch)
        elif self._writing is None:
            yield from deltas
            yield self._from_documents(question, heard, quoted)
        else:
            yield from self._written(question, heard, watch)

    # --- what was taught --------------------------------------------------------------------------

    def _checked(self, question: Question, heard: _Heard, watch: Stopwatch) -> Iterator[AnswerEvent]:
        """The taught answer, unless it is out of date."""
        yield StageStarted(stage="checking")
        heard = replace(heard, reread=self._reread(question, heard))
        if heard.reread is None or not outdated(heard.recalled, heard.reread, self._encoder):
            yield from self._taught(question, heard, watch)
        elif self._writing is not None:
            yield from self._written(question, heard, watch)
        else:
            yield from self._renewed(question, heard, heard.reread, watch)

    def _reread(self, question: Question, heard: _Heard) -> Answer | None:
        """None where the documents said the same already, or were asked in these words."""
        taught = heard.recalled.reply.question
        if taught == heard.recalled.asked or (heard.compared is not None and heard.compared.agree):
            return None
        return self._quoting.invoke(replace(question, text=taught, history=()))

    def _taught(self, question: Question, heard: _Heard, watch: Stopwatch) -> Iterator[AnswerEvent]:
        evidence = self._evidence(heard)
        watch.lap("check")
        text = heard.recalled.text
        if evidence and evidence.citation:
            text = f"{text.rstrip()} [{evidence.citation.marker}]"
        for piece in pieces(text):
            watch.first_token()
            yield TextDelta(text=piece)
        yield replace(
            heard.quoted,
            text=text,
            mode=self.mode,
            model=self._model.model_id,
            citations=(evidence.citation,) if evidence and evidence.citation else (),
            passages=heard.passages,
            confidence=_raised(heard, evidence),
            abstained=False,
            reason=None,
            conflicts=(),
            timings_ms=dict(heard.quoted.timings_ms) | watch.finish(),
            receipt=self._receipt(question, heard, heard.quoted, self._model.model_id),
            taught=heard.recalled.pairs,
        )

    def _evidence(self, heard: _Heard) -> _Evidence | None:
        """None where no passage was found, or the answer says nothing that could be looked up."""
        text, passages = heard.recalled.text, heard.passages
        claim = pieces(text)[0].strip() if text.strip() else ""
        if not passages or len(claim.split()) < 3:
            return None
        scorer = SupportScorer(self._encoder)
        (support,) = scorer.score([(claim, [passage_evidence(one) for one in passages])])
        if not support.holds or not support.quotes:
            return _Evidence(support=support, citation=None)
        place, start, end = support.quotes[0]
        citation = exact_citation(1, passages[place], start, end, self._quoting.documents_text())
        return _Evidence(support=support, citation=citation)

    # --- what the documents say -------------------------------------------------------------------

    def _renewed(
        self, question: Question, heard: _Heard, reread: Answer, watch: Stopwatch
    ) -> Iterator[AnswerEvent]:
        """What the documents say to the taught question: sure as that is the question, and that is the answer to it."""
        watch.lap("check")
        for piece in pieces(reread.text):
            watch.first_token()
            yield TextDelta(text=piece)
        value = heard.recalled.reply.score * sureness(reread)
        told = reread.confidence or heard.recalled.confidence
        told = replace(told, value=value, level=level(value))
        timings = dict(reread.timings_ms) | dict(heard.quoted.timings_ms) | watch.finish()
        answer = replace(
            reread, confidence=told, timings_ms=timings, searched_for=heard.recalled.reply.question
        )
        yield self._from_documents(question, heard, answer)

    def _from_documents(self, question: Question, heard: _Heard, answer: Answer) -> Answer:
        because = _why_documents(heard, answer)
        told = answer.confidence
        return replace(
            answer,
            mode=self.mode,
            confidence=replace(told, reasons=(because, *told.reasons)) if told else None,
            reason=f"{answer.reason} {because}" if answer.abstained else answer.reason,
            receipt=self._receipt(question, heard, answer, answer.model),
            taught=heard.recalled.pairs if answer.abstained else (),
        )

    def _written(self, question: Question, heard: _Heard, watch: Stopwatch) -> Iterator[AnswerEvent]:
        """By the chat model; where it finds nothing, what was taught is better than nothing, or what made it old."""
        assert self._writing is not None
        shown = False
        for event in self._writing.stream(question):
            if not isinstance(event, Answer):
                shown = shown or isinstance(event, TextDelta)
                if not isinstance(event, Searched):  # told already
                    yield event
            elif event.abstained and not shown and heard.reread is not None:
                yield from self._renewed(question, heard, heard.reread, watch)
            elif event.abstained and not shown and not heard.recalled.abstained:
                yield from self._taught(question, replace(heard, quoted=event, compared=None), watch)
            else:
                yield self._from_documents(question, heard, event)

    def _receipt(self, question: Question, heard: _Heard, answer: Answer, answered_by: str) -> Receipt | None:
        """Of both: replayed, the same model is asked first again."""
        if answer.receipt is None:
            return None
        parameters = dict(answer.receipt.parameters) | taught_parameters(self._model, heard.recalled)
        reread = heard.reread.receipt if heard.reread else None
        chunks = (*answer.receipt.chunks, *(reread.chunks if reread else ()))
        return replace(
            answer.receipt,
            chunks=tuple(dict.fromkeys(chunks)),
            model=self._model.model_id,
            parameters=parameters | {"answered_by": answered_by},
            question=question,
        )


def _raised(heard: _Heard, evidence: _Evidence | None) -> Confidence:
    """Passages that bear the taught answer out take away some doubt; where both say the same, the surer counts."""
    recalled, compared = heard.recalled, heard.compared
    value, told = recalled.reply.score, "No passage that was found says anything about it."
    if evidence is not None and evidence.citation is not None:
        value += BORNE_OUT * (1 - value) * evidence.support.score
        told = f"'{evidence.citation.document_name}' bears it out."
    elif heard.passages:
        told = "The passages that were found do not bear it out word for word."
    documents, agree = sureness(heard.quoted), compared is not None and compared.agree
    value = max(value, documents) if agree else value
    why = "it is surer than what the documents say" if documents else "the documents gave none"
    why = "the documents say the same" if agree else why
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


def _why_documents(heard: _Heard, answer: Answer) -> str:
    recalled, compared = heard.recalled, heard.compared
    if recalled.abstained:
        return f"Nothing near enough was taught: {recalled.reason()}"
    if heard.reread is not None:
        row = recalled.pairs[0].row
        where = f" (row {row} of the training file)" if row is not None else ""
        return f"The documents answer: they say otherwise than what was taught{where}, which is out of date."
    if answer.abstained:
        return "A taught answer came near, but the documents were asked instead and gave none."
    if recalled.reply.unsaid.figures:
        said_not = ", ".join(recalled.reply.unsaid.figures)
        return f"The documents answer: the nearest taught answer says nothing of {said_not}."
    if compared is not None and compared.ahead > ANOTHER_QUESTION:
        return "The documents answer: they speak of what the question names and the nearest taught pair leaves out."
    return "The documents answer: they are surer than what was taught."
