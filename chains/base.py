"""Base mode: the chat model alone, no documents."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence

from chains.answer import Answer, AnswerEvent, Question, Receipt, StageStarted, TextDelta
from chains.batching import run_batch
from chains.generation import SAID_NOTHING, Reply, stream_reply
from chains.guard import SafeStream
from chains.models import HOW_TO_CONNECT, ConnectedModel
from chains.prompts import load_prompt
from errors import NoModelConnectedError, ProviderError


class BaseChain:
    """Question -> Answer without retrieval; the same face as every other chain.

    Raises NoModelConnectedError when it is asked while no model is connected.
    """

    def __init__(
        self, *, chat_model: ConnectedModel | None, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._model = chat_model
        self._clock = clock

    def invoke(self, question: Question) -> Answer:
        return last_answer(self.stream(question))

    def batch(self, questions: Sequence[Question], *, max_concurrency: int = 4) -> list[Answer]:
        return run_batch(self.invoke, questions, max_concurrency=max_concurrency)

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        """Yields StageStarted, TextDelta..., and last the Answer.

        A server that fails before any text raises ProviderError; one that breaks off later leaves an Answer
        with the text so far and the reason.
        """
        if self._model is None:
            raise NoModelConnectedError(
                f"Base mode needs a chat model and none is connected. {HOW_TO_CONNECT}"
            )
        return self._events(self._model, question)

    def _events(self, model: ConnectedModel, question: Question) -> Iterator[AnswerEvent]:
        prompt = load_prompt("base")
        started = self._clock()
        yield StageStarted(stage="writing")
        reply, guard = Reply(), SafeStream(sources=0, allowed_text=question.text)
        first: float | None = None
        reason: str | None = None
        try:
            messages = prompt.messages(question.history, question=question.text)
            for delta in stream_reply(model, messages, reply):
                first = first or self._clock()
                if safe := guard.feed(delta):
                    yield TextDelta(text=safe)
        except ProviderError as error:
            if first is None:
                raise
            reason = str(error)
        if rest := guard.close():
            yield TextDelta(text=rest)
        ended = self._clock()
        yield Answer(
            text=guard.text,
            mode="base",
            model=model.model_id,
            reason=reason or reply.shortfall or (None if guard.text.strip() else SAID_NOTHING),
            usage=reply.usage,
            timings_ms={
                "generate": (ended - started) * 1000,
                "first_token": ((first or ended) - started) * 1000,
                "total": (ended - started) * 1000,
            },
            receipt=Receipt(
                prompt_sha256=prompt.sha256,
                chunks=(),
                knowledge_base=None,
                generation=None,
                model=model.model_id,
                parameters=dict(model.parameters) | {"prompt": prompt.version},
            ),
        )


def last_answer(events: Iterator[AnswerEvent]) -> Answer:
    """Runs a stream to its end."""
    answer: AnswerEvent | None = None
    for event in events:
        answer = event
    assert isinstance(answer, Answer), "a chain's last event is its Answer"
    return answer
