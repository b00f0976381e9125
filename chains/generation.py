"""Replies of a chat model: streamed text or a whole text, and what the server said about it.

Every request goes through here. Each takes its turn at the server's limits, holds its expected cost in the budget,
is tried again where that may help, hands over to the fallback model where that is set, can be stopped at once, and
is written into the answer's `CallLog`, those that failed too.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chains.answer import ModelCall, Usage
from chains.cancelling import STOPPED, Cancellation, current_cancellation
from chains.failures import provider_error, refused_unbilled, retry_wait_s
from chains.models import ConnectedModel
from errors import ProviderError, StoppedError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk, BaseMessage

    from chains.limits import Held

STOPPED_EARLY = {
    "length": "The model reached its token limit before the answer was complete.",
    "cut": "The model server ended the answer without saying that it is complete: part of it may be missing.",
    "content_filter": "The model server's content filter cut the answer short.",
}
CUT = "cut"  # a reply that its server ended without saying why
SAYS_WHY = ("compatible:", "azure:")  # providers whose replies end with a reason
SAID_NOTHING = "The model returned an empty answer."
STOOD_IN = "{fallback} stood in for {model}, which did not answer: {why}"
LETTERS_PER_TOKEN = 3  # UTF-8 bytes; below what tokenizers reach, so that an estimate errs upwards


@dataclass(slots=True)
class CallLog:
    """The model calls of one answer, in order. Filled by `stream_reply` and `complete`; not shared by threads."""

    calls: list[ModelCall] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        """The sum; None where a server did not count."""
        return Usage(
            input_tokens=_sum([call.usage.input_tokens for call in self.calls]),
            output_tokens=_sum([call.usage.output_tokens for call in self.calls]),
        )

    @property
    def cost_usd(self) -> float | None:
        costs = [call.cost_usd for call in self.calls]
        return None if not costs or None in costs else sum(cost for cost in costs if cost is not None)


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known and len(known) == len(counts) else None


@dataclass(slots=True, kw_only=True)
class Reply:
    """What is known of a reply besides its text; filled while `stream_reply` runs."""

    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None
    model_id: str | None = None  # that answered: the fallback's where that one stood in
    cancellation: Cancellation = field(default_factory=current_cancellation)

    @property
    def shortfall(self) -> str | None:
        """Why the text is not the whole answer, or None."""
        return STOPPED_EARLY.get(self.finish_reason or "")

    def cancel(self) -> None:
        """From any thread: the connection is closed at once and `stream_reply` raises StoppedError."""
        self.cancellation.cancel()

    def begin(self, model_id: str) -> None:
        self.usage, self.finish_reason, self.model_id = Usage(), None, model_id

    def note(self, chunk: AIMessageChunk) -> None:
        if chunk.usage_metadata:
            self.usage = Usage(
                input_tokens=chunk.usage_metadata["input_tokens"],
                output_tokens=chunk.usage_metadata["output_tokens"],
            )
        self.finish_reason = chunk.response_metadata.get("finish_reason") or self.finish_reason


def stream_reply(
    model: ConnectedModel,
    messages: Sequence[BaseMessage],
    reply: Reply,
    log: CallLog | None = None,
    *,
    purpose: str = "answer",
) -> Iterator[str]:
    """Yields the text as it comes. The fallback stands in, with a notice, only before there is any text.

    Raises ProviderError where the server refuses, fails or breaks off, SpendingLimitError, StoppedError.
    """
    log = CallLog() if log is None else log
    if model.notice is not None and model.notice not in log.notices:
        log.notices.append(model.notice)
    began = False
    try:
        for text in _tried(model, messages, reply, log, purpose):
            began = True
            yield text
        return
    except ProviderError as error:
        if began or model.fallback is None:
            raise
        why = str(error)
    log.notices.append(STOOD_IN.format(fallback=model.fallback.model_id, model=model.model_id, why=why))
    try:
        yield from _tried(model.fallback, messages, reply, log, purpose)
    except ProviderError as error:
        raise ProviderError(f"{why} The fallback {model.fallback.model_id} failed too: {error}") from None


def complete(model: ConnectedModel, messages: Sequence[BaseMessage], log: CallLog, *, purpose: str) -> str:
    """The whole text of one reply, for work behind an answer: rewriting, judging, SQL.

    Raises ProviderError, also for a reply that was cut short, SpendingLimitError, StoppedError.
    """
    reply = Reply()
    text = "".join(stream_reply(model, messages, reply, log, purpose=purpose))
    if reply.shortfall:
        raise ProviderError(reply.shortfall)
    return text


def _tried(
    model: ConnectedModel, messages: Sequence[BaseMessage], reply: Reply, log: CallLog, purpose: str
) -> Iterator[str]:
    """One model's reply, asked for again after a failure that may pass, while there is no text yet."""
    for attempt in itertools.count():
        call = _Call(model, messages, reply)
        try:
            with model.limits.turn(reply.cancellation):
                yield from call.texts()
            return
        except ProviderError:
            wait = retry_wait_s(call.error, attempt) if call.error is not None and not call.letters else None
            if wait is None or attempt >= model.max_retries:
                raise
        finally:
            if call.sent:
                log.calls.append(call.record(purpose))
        reply.cancellation.wait(wait)


class _Call:
    """One request to one model."""

    def __init__(self, model: ConnectedModel, messages: Sequence[BaseMessage], reply: Reply) -> None:
        self._model = model
        self._messages = messages
        self._reply = reply
        self._input_tokens = _estimated_tokens(sum(len(str(one.text).encode()) for one in messages))
        self._started = 0.0
        self._ms = 0.0
        self._failed: str | None = None
        self.error: BaseException | None = None
        self.sent = False
        self.letters = 0  # UTF-8 bytes of text that came

    def texts(self) -> Iterator[str]:
        """Raises ProviderError with `error` set, SpendingLimitError before anything is sent, StoppedError."""
        self._reply.cancellation.check()
        held = self._held()
        self._reply.begin(self._model.model_id)
        self._started, self.sent = time.perf_counter(), True
        try:
            yield from self._streamed()
        except StoppedError as stopped:
            self._failed = str(stopped)
            raise
        except _failure_types() as error:
            if self._reply.cancellation.cancelled:
                self._failed = STOPPED
                raise StoppedError(STOPPED) from None
            self.error = error
            failure = provider_error(
                error,
                model_id=self._model.model_id,
                endpoint=self._model.endpoint,
                names=self._model.names,
            )
            self._failed = str(failure)
            # `from None`: the original carries the request, and with it the key's header.
            raise failure from None
        finally:
            self._ms = (time.perf_counter() - self._started) * 1000
            if held is not None:
                held.settle(self.cost_usd or 0.0)

    def _held(self) -> Held | None:
        budget = self._model.budget
        if budget is None:
            return None
        return budget.hold(self._model.price, self._input_tokens, model_id=self._model.model_id)

    def _streamed(self) -> Iterator[str]:
        stop, half = self._reply.cancellation, ""
        chunks = iter(self._model.chat.stream(list(self._messages)))
        try:
            while (chunk := _next(chunks, stop)) is not None:
                stop.check()
                self._reply.note(chunk)
                text, half = _whole_characters(half + str(chunk.text))
                if text:
                    self.letters += len(text.encode())
                    yield text
            if half:
                yield "\ufffd"
            if (
                self.letters
                and self._reply.finish_reason is None
                and self._model.model_id.startswith(SAYS_WHY)
            ):
                self._reply.finish_reason = CUT
        finally:
            close = getattr(chunks, "close", None)  # a model of anyone's may stream by a plain iterator
            if close is not None:
                close()

    @property
    def estimated(self) -> bool:
        """Whether the cost rests on our count of letters: the server may have billed and did not count."""
        return self._reply.usage.input_tokens is None and not self._unbilled

    @property
    def _unbilled(self) -> bool:
        return self.error is not None and not self.letters and refused_unbilled(self.error)

    @property
    def cost_usd(self) -> float | None:
        price, usage = self._model.price, self.usage
        if price is None:
            return None
        output = _estimated_tokens(self.letters)
        return price.cost(
            self._input_tokens if usage.input_tokens is None else usage.input_tokens,
            output if usage.output_tokens is None else usage.output_tokens,
        )

    @property
    def usage(self) -> Usage:
        return Usage(input_tokens=0, output_tokens=0) if self._unbilled else self._reply.usage

    def record(self, purpose: str) -> ModelCall:
        return ModelCall(
            purpose=purpose,
            model=self._model.model_id,
            messages=tuple((message.type, str(message.text)) for message in self._messages),
            usage=self.usage,
            cost_usd=self.cost_usd,
            estimated=self.estimated,
            ms=self._ms,
            failed=self._failed,
        )


def _estimated_tokens(letters: int) -> int:
    return math.ceil(letters / LETTERS_PER_TOKEN)


def _whole_characters(text: str) -> tuple[str, str]:
    """The text without a half character at its end, whose other half is yet to come, and that half.

    Servers escape what lies beyond 16 bits as two halves, and may send them apart. One without the other is
    replaced: no text with it could be stored.
    """
    half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
    return text[: len(text) - len(half)].encode("utf-16", "surrogatepass").decode("utf-16", "replace"), half


def _next(chunks: Iterator[Any], stop: Cancellation) -> AIMessageChunk | None:
    with stop.applies():
        chunk: AIMessageChunk | None = next(chunks, None)
    return chunk


def _failure_types() -> tuple[type[BaseException], ...]:
    """What comes out of the wire; the last four are how the parsers meet a reply of another shape."""
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError)
