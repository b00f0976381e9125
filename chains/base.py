"""Base mode: the chat model alone, no documents; and what it shares with the fine-tuned mode."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar

from chains.answer import Answer, AnswerEvent, Mode, Question, Receipt, StageStarted, TextDelta
from chains.batching import run_batch
from chains.generation import SAID_NOTHING, CallLog, Reply, stream_reply
from chains.guard import SafeStream
from chains.models import HOW_TO_CONNECT, ConnectedModel
from chains.prompts import Prompt, load_prompt, messages_sha256
from chains.stopwatch import Stopwatch
from errors import NoModelConnectedError, ProviderError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage


class BaseChain:
    """Question -> Answer without retrieval; the same face as every other chain.

    Raises NoModelConnectedError when it is asked while no model is connected.
    """

    mode: ClassVar[Mode] = "base"
    missing: ClassVar[str] = f"Base mode needs a chat model and none is connected. {HOW_TO_CONNECT}"

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
            raise NoModelConnectedError(self.missing)
        return self._events(self._model, question)

    def _prompt(self) -> Prompt:
        return load_prompt(self.mode)

    def _events(self, model: ConnectedModel, question: Question) -> Iterator[AnswerEvent]:
        prompt, watch, log = self._prompt(), Stopwatch(self._clock), CallLog()
        yield StageStarted(stage="writing")
        reply, guard = Reply(), SafeStream(sources=0, allowed_text=question.text)
        messages = prompt.messages(question.history, question=question.text)
        reason: str | None = None
        try:
            for delta in stream_reply(model, messages, reply, log):
                watch.first_token()
                if safe := guard.feed(delta):
                    yield TextDelta(text=safe)
        except ProviderError as error:
            if not watch.text_began:
                raise
            reason = str(error)
        if rest := guard.close():
            yield TextDelta(text=rest)
        watch.lap("generate")
        yield Answer(
            text=guard.text,
            mode=self.mode,
            model=reply.model_id or model.model_id,
            reason=reason or reply.shortfall or (None if guard.text.strip() else SAID_NOTHING),
            usage=log.usage,
            cost_usd=log.cost_usd,
            timings_ms=watch.finish(),
            notices=tuple(log.notices),
            calls=tuple(log.calls),
            receipt=_receipt(model, prompt, messages, question),
        )


def _receipt(
    model: ConnectedModel, prompt: Prompt, messages: Sequence[BaseMessage], question: Question
) -> Receipt:
    return Receipt(
        prompt_sha256=prompt.sha256,
        chunks=(),
        knowledge_base=None,
        generation=None,
        model=model.model_id,
        parameters=dict(model.parameters)
        | {"prompt": prompt.version, "messages_sha256": messages_sha256(messages)},
        question=question,
    )


def last_answer(events: Iterator[AnswerEvent]) -> Answer:
    """Runs a stream to its end."""
    answer: AnswerEvent | None = None
    for event in events:
        answer = event
    assert isinstance(answer, Answer), "a chain's last event is its Answer"
    return answer
