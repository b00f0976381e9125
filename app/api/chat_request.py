"""The body of POST /v1/chat/completions: OpenAI's names, types and ranges; what cannot be honoured is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

from app.api.errors import refused

CHOICES = 8  # of one request: each is an answer of its own
Role = Literal["system", "developer", "user", "assistant", "tool", "function"]
# Accepted for what clients send by habit; an answer says which of them had no effect.
WITHOUT_EFFECT = ("presence_penalty", "frequency_penalty", "logit_bias", "reasoning_effort", "verbosity")


class TextPart(BaseModel):
    model_config = ConfigDict(strict=True)

    type: Literal["text", "refusal"]
    text: str = ""
    refusal: str | None = None


class Message(BaseModel):
    model_config = ConfigDict(strict=True)

    role: Role
    content: str | list[TextPart] | None = None
    tool_calls: list[JsonValue] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text for part in self.content)
        return self.content or ""


class StreamOptions(BaseModel):
    model_config = ConfigDict(strict=True)

    include_usage: bool | None = None


class ResponseFormat(BaseModel):
    type: str


class Reading(BaseModel):
    """Body key `x_groundtune`, for the modes that read documents."""

    model_config = ConfigDict(strict=True, extra="forbid")

    k: Annotated[int, Field(ge=1, le=50)] = 5  # passages to read
    filter: dict[str, str] = Field(default_factory=dict)  # metadata that a document must have


class ChatBody(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    model: Annotated[str, Field(min_length=1)]
    messages: Annotated[list[Message], Field(min_length=1)]
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    n: Annotated[int, Field(ge=1, le=128)] | None = None
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    top_p: Annotated[float, Field(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[int, Field(ge=1)] | None = None
    stop: str | Annotated[list[str], Field(max_length=4)] | None = None
    seed: int | None = None
    tools: list[JsonValue] | None = None
    tool_choice: JsonValue = None
    functions: list[JsonValue] | None = None
    response_format: ResponseFormat | None = None
    logprobs: bool | None = None
    presence_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[float, Field(ge=-2, le=2)] | None = None
    logit_bias: dict[str, float] | None = None
    reasoning_effort: str | None = None
    verbosity: str | None = None
    user: str | None = None
    x_groundtune: Reading | None = None

    @property
    def longest(self) -> int | None:
        """Tokens that the answer may have."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def stops(self) -> list[str]:
        given = [self.stop] if isinstance(self.stop, str) else self.stop or []
        return [one for one in given if one]

    @property
    def sampling(self) -> dict[str, float | int]:
        """What a chat model is told, where it was said."""
        told = {"temperature": self.temperature, "top_p": self.top_p, "seed": self.seed}
        return {name: value for name, value in told.items() if value is not None}


def check_can_be_honoured(body: ChatBody) -> None:
    """Raises RefusedError naming the parameter that would have to be ignored."""
    if body.n is not None and body.n > CHOICES:
        raise refused(f"Invalid 'n': at most {CHOICES} choices are made here.", param="n")
    if (body.tools and body.tool_choice != "none") or body.functions:
        param = "tools" if body.tools else "functions"
        message = f"Invalid '{param}': the models here call no tools; leave '{param}' out."
        raise refused(message, param=param, code="unsupported_parameter")
    if body.response_format is not None and body.response_format.type != "text":
        message = "Invalid 'response_format': answers are text here, and cannot be promised to be JSON."
        raise refused(message, param="response_format", code="unsupported_parameter")
    if body.logprobs:
        message = "Invalid 'logprobs': they are not known here; leave them out."
        raise refused(message, param="logprobs", code="unsupported_parameter")
    _check_messages(body.messages)


def _check_messages(messages: list[Message]) -> None:
    for position, message in enumerate(messages):
        where = f"messages[{position}]"
        if message.role in ("tool", "function") or message.tool_calls:
            raise refused(f"Invalid '{where}': the models here call no tools.", param=where)
        if message.content is None:
            param = f"{where}.content"
            raise refused(
                f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
            )
    if messages[-1].role != "user" or not messages[-1].text.strip():
        raise refused("Invalid 'messages': the last one must be the user's question.", param="messages")
