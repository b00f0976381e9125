"""One reply of a chat model: streamed text, then what the server said about it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chains.answer import Usage
from chains.failures import provider_error
from chains.models import ConnectedModel

if TYPE_CHECKING:
    from langchain_core.messages import AIMessageChunk, BaseMessage

STOPPED_EARLY = {
    "length": "The model reached its token limit before the answer was complete.",
    "content_filter": "The model server's content filter cut the answer short.",
}
SAID_NOTHING = "The model returned an empty answer."


@dataclass(slots=True, kw_only=True)
class Reply:
    """What is known of a reply besides its text; filled while `stream_reply` runs."""

    usage: Usage = field(default_factory=Usage)
    finish_reason: str | None = None

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


def stream_reply(model: ConnectedModel, messages: Sequence[BaseMessage], reply: Reply) -> Iterator[str]:
    """Yields the text as it comes. Raises ProviderError where the server refuses, fails or breaks off."""
    failures = _failure_types()
    try:
        with closing(_as_generator(model.chat.stream(list(messages)))) as chunks:
            for chunk in chunks:
                reply.note(chunk)
                if chunk.text:
                    yield str(chunk.text)
    except failures as error:
        # `from None`: the original carries the request, and with it the key's header.
        raise provider_error(error, model_id=model.model_id, endpoint=model.endpoint) from None


def _as_generator(chunks: Iterator[Any]) -> Any:
    yield from chunks


def _failure_types() -> tuple[type[BaseException], ...]:
    """What comes out of the wire; the last four are how the parsers meet a reply of another shape."""
    import httpx2
    import openai

    return (openai.OpenAIError, httpx2.HTTPError, OSError, ValueError, KeyError, TypeError, AttributeError)
