"""RAG mode: retrieve passages, then quote them (embedded reader) or write from them (chat model), with citations.

    chain = RagChain(knowledge_base, chat_model=None, encoder=encoder)
    chain.invoke(Question(text="How many days of leave do I get?"))     -> Answer
    chain.stream(question)                                             -> StageStarted, TextDelta..., Answer
    chain.as_runnable()                                                -> a LangChain Runnable

A follow-up is first made to stand alone, then searched for; the hybrid mode (chains/hybrid.py) differs in its
model and prompt only. A plain class, because importing langchain_core's Runnable costs more CPU than the embedded
answer itself; `as_runnable` wraps it for who composes LangChain programs.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from chains.answer import (
    Answer,
    AnswerEvent,
    Citation,
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
from chains.computing import Computed, compute, is_computation
from chains.confidence_fit import Calibration
from chains.generation import CallLog
from chains.history import rewrite
from chains.instructions import notices
from chains.models import ConnectedModel
from chains.multihop import search_in_steps
from chains.reading import EMBEDDED_MODEL, read_answer
from chains.retrieval import Retrieved, SearchableKnowledge, sha256_of
from chains.stopwatch import Stopwatch
from chains.support import SentenceEncoder
from chains.writing import Checks, write_answer
from errors import DocumentNotFoundError, KnowledgeBaseError, ProviderError
from local.reader import ExtractiveReader

if TYPE_CHECKING:
    from langchain_core.runnables import Runnable

NO_DOCUMENTS = "There are no documents yet: add some to this knowledge base, then ask again."
QUOTED_INSTEAD = "{model} did not answer, so the embedded engine quotes the documents instead: {why}"
NOTHING_FOUND = "No passage of your documents matches the question."


class RagChain:
    """Question -> Answer over one knowledge base. Thread-safe as far as the knowledge base and encoder are.

    `chat_model` None: the answer is quoted by the embedded reader. `assistant`: the chat model that completes
    follow-ups and writes SQL, by default the one that answers; a tuned model was not taught to.
    `quotes_instead`: where the model fails before any text, the reader stands in and the answer says so.

    Errors: KnowledgeBaseError from the search, ProviderError where the model server fails before any text.
    """

    mode: ClassVar[Mode] = "rag"

    def __init__(
        self,
        knowledge_base: SearchableKnowledge,
        *,
        chat_model: ConnectedModel | None,
        encoder: SentenceEncoder,
        assistant: ConnectedModel | None = None,
        fit: Calibration | None = None,
        reply_fit: Calibration | None = None,
        judge: ConnectedModel | None = None,
        consistency_samples: int = 0,
        quotes_instead: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._knowledge_base = knowledge_base
        self._model = chat_model
        self._assistant = assistant or (chat_model if self.mode == "rag" else None)
        self._encoder = encoder
        self._fit = fit
        self._quotes_instead = quotes_instead
        self._checks = Checks(
            encoder=encoder, judge=judge, fit=reply_fit, consistency_samples=consistency_samples
        )
        self._reader = ExtractiveReader(encoder)
        self._clock = clock

    def invoke(self, question: Question) -> Answer:
        return last_answer(self.stream(question))

    def batch(self, questions: Sequence[Question], *, max_concurrency: int = 4) -> list[Answer]:
        """Answers in the order of the questions; the embedded reader takes one at a time, it uses every core."""
        return run_batch(
            self.invoke, questions, max_concurrency=max_concurrency if self._model is not None else 1
        )

    def as_runnable(self) -> Runnable[Question | str, Answer]:
        from chains.runnables import ChainRunnable

        return ChainRunnable(self)

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        """Yields what happens as it happens; the texts of the deltas add up to the last event's `text`.

        An abstention comes without deltas, with the Answer alone.
        """
        log = CallLog()
        for event in self._events(question, log):
            yield self._finished(event, log) if isinstance(event, Answer) else event

    def _events(self, question: Question, log: CallLog) -> Iterator[AnswerEvent]:
        watch = Stopwatch(self._clock)
        rewritten: str | None = None
        if question.history:
            yield StageStarted(stage="rewriting")
            rewritten = self._standing_alone(question, log)
            watch.lap("rewrite")
        if rewritten is not None:
            yield Searched(query=rewritten)
        yield StageStarted(stage="retrieving")
        hits = search_in_steps(
            self._knowledge_base,
            rewritten or question.text,
            k=question.k,
            filter=dict(question.filter) or None,
        )
        passages = hits.passages
        watch.lap("retrieve")
        found = Retrieved(
            mode=self.mode,
            question=question,
            searched_for=rewritten,
            passages=passages,
            steps=hits.steps if len(hits.steps) > 1 else (),
            document_text=self.documents_text(),
            document_date=self._document_date,
            receipt=self._receipt(question, passages),
            watch=watch,
            log=log,
            fit=self._fit,
        )
        if not passages:
            yield self._nothing(found)
        elif self._model is None:
            yield from read_answer(found, self._reader)
        else:
            yield from self._by_model(found, self._model)

    def _standing_alone(self, question: Question, log: CallLog) -> str | None:
        """The follow-up as it is searched for; None where that is how it was asked."""
        found = rewrite(question, model=self._assistant, log=log)
        return found.text if found.changed else None

    def _by_model(self, found: Retrieved, model: ConnectedModel) -> Iterator[AnswerEvent]:
        assistant = self._assistant
        tables = any(passage.location.cells for passage in found.passages)
        if assistant is not None and tables and is_computation(found.standalone):
            yield StageStarted(stage="computing")
            computed = compute(
                found.standalone, self._knowledge_base, found.passages, model=assistant, log=found.log
            )
            found.watch.lap("compute")
            if computed is not None:
                yield from self._computed(found, computed, assistant)
                return
        try:
            yield from write_answer(found, model, self._reader, self._checks)
        except ProviderError as error:  # before any text was shown
            if not self._quotes_instead:
                raise
            found.log.notices.append(QUOTED_INSTEAD.format(model=model.model_id, why=error))
            quoting = replace(found.receipt, model=EMBEDDED_MODEL)
            yield from read_answer(replace(found, receipt=quoting), self._reader)

    @staticmethod
    def _computed(found: Retrieved, computed: Computed, model: ConnectedModel) -> Iterator[AnswerEvent]:
        """The figures come out of the tables; how sure the SQL asks the right thing, nobody has measured."""
        found.watch.first_token()
        yield TextDelta(text=computed.text)
        yield replace(
            found.draft(model.model_id),
            text=computed.text,
            citations=computed.citations,
            computation=computed.computation,
            timings_ms=found.watch.finish(),
        )

    def _finished(self, answer: Answer, log: CallLog) -> Answer:
        """With what the model calls took; a chunk of a sheet holds many rows, its citations name the quote's cells."""
        return replace(
            answer,
            citations=answer.citations
            if answer.computation  # its citations name the cells that were computed with
            else tuple(map(self._cell_citation, answer.citations)),
            usage=log.usage,
            cost_usd=log.cost_usd,
            notices=(*answer.notices, *dict.fromkeys([*log.notices, *notices(answer.passages)])),
            calls=tuple(log.calls),
        )

    def _cell_citation(self, citation: Citation) -> Citation:
        if not citation.location.cells:
            return citation
        try:
            cells = self._knowledge_base.cells(citation.document_id, citation.start, citation.end)
        except KnowledgeBaseError:
            return citation  # removed or closed meanwhile; the text is on the screen already
        return replace(citation, location=replace(citation.location, cells=cells or citation.location.cells))

    def documents_text(self) -> Callable[[str], str]:
        """Reads each document once an answer; one that was removed meanwhile reads as empty."""
        texts: dict[str, str] = {}

        def read(document_id: str) -> str:
            if document_id not in texts:
                try:
                    texts[document_id] = self._knowledge_base.document_text(document_id)
                except DocumentNotFoundError:
                    texts[document_id] = ""  # its citation then says that it is not verified
            return texts[document_id]

        return read

    def _document_date(self, document_id: str) -> str | None:
        try:
            return self._knowledge_base.document_date(document_id)
        except KnowledgeBaseError:
            return None  # removed or closed meanwhile

    def _nothing(self, found: Retrieved) -> Answer:
        reason = NOTHING_FOUND if self._knowledge_base.stats().documents else NO_DOCUMENTS
        return replace(
            found.draft(found.receipt.model),
            text=f"Not in your documents. {reason}",
            abstained=True,
            reason=reason,
            timings_ms=found.watch.finish(),
        )

    def _receipt(self, question: Question, passages: Sequence[Passage]) -> Receipt:
        return Receipt(
            prompt_sha256=None,
            chunks=tuple((passage.chunk_id, sha256_of(passage.text)) for passage in passages),
            knowledge_base=self._knowledge_base.name,
            generation=self._knowledge_base.generation,
            model=self._model.model_id if self._model else EMBEDDED_MODEL,
            parameters={"k": question.k, "filter": dict(question.filter)}
            | dict(self._model.parameters if self._model else {}),
            question=question,
        )
