"""Replies of a chat model: streamed text or a whole text, and what the server said about it.

Every request goes through here, and every one is written into the answer's `CallLog`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chains.answer import ModelCall, Usage
from chains.failures import provider_error
from chains.models import ConnectedModel
from errors import ProviderError

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk, BaseMessage

STOPPED_EARLY = {
    "length": "The model reached its token limit before the answer was complete.",
    "content_filter": "The model server's content filter cut the answer short.",
}
SAID_NOTHING = "The model returned an empty answer."


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

    @property
    def shortfall(self) -> str | None:
        """Why the text is not the whole answer, or None."""
        return STOPPED_EARLY.get(self.finish_reason or "")

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
    """Yields the text as it comes. Raises ProviderError where the server refuses, fails or breaks off."""
    failures = _failure_types()
    started = time.perf_counter()
    failed: str | None = None
    reply.model_id = model.model_id
    try:
        with closing(_as_generator(model.chat.stream(list(messages)))) as chunks:
            for chunk in chunks:
                reply.note(chunk)
                if chunk.text:
                    yield str(chunk.text)
    except failures as error:
        # `from None`: the original carries the request, and with it the key's header.
        failure = provider_error(error, model_id=model.model_id, endpoint=model.endpoint)
        failed = str(failure)
        raise failure from None
    finally:
        if log is not None:
            log.calls.append(
                ModelCall(
                    purpose=purpose,
                    model=model.model_id,
                    messages=tuple((message.type, str(message.text)) for message in messages),
                    usage=reply.usage,
                    cost_usd=None,
                    ms=(time.perf_counter() - started) * 1000,
                    failed=failed,
                )
            )


def complete(model: ConnectedModel, messages: Sequence[BaseMessage], log: CallLog, *, purpose: str) -> str:
    """The whole text of one reply, for work behind an answer: rewriting, judging, SQL.

    Raises ProviderError, also for a reply that was cut short.
    """
    reply = Reply()
    text = "".join(stream_reply(model, messages, reply, log, purpose=purpose))
    if reply.shortfall:
        raise ProviderError(reply.shortfall)
    return text


def _as_generator(chunks: Iterator[Any]) -> Any:
    yield from chunks


def _failure_types() -> tuple[type[BaseException], ...]:
    """What comes out of the wire; the last four are how the parsers meet a reply of another shape."""
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError)
