"""A conversation as the text that a model reads: by a local model's own template, or in OpenAI's markup."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from errors import DatasetFormatError
from finetune.chat_template import ChatTemplate, load_chat_template, longest_context
from finetune.examples import Row
from finetune.tokens import FolderTokenizer, Tokenizer, folder_tokenizer

Message = Mapping[str, Any]
_NOT_FOR_TEMPLATES = ("weight",)
# The three tokens that open the reply to come, which OpenAI's counting recipe adds once to every conversation
# (github.com/openai/openai-cookbook, "Data preparation and analysis for chat model fine-tuning").
PRIMER = "<|im_start|>assistant<|im_sep|>"


class Renderer(Protocol):
    """One model's form of a conversation."""

    @property
    def name(self) -> str: ...  # for people

    @property
    def approximate(self) -> bool: ...  # the form is not published for this model: its marks may differ

    @property
    def tokenizer(self) -> Tokenizer: ...

    @property
    def ends(self) -> tuple[str, ...]: ...  # tokens that end an answer

    @property
    def limit(self) -> int | None: ...  # tokens of one training row; None where it is not known

    @property
    def primer(self) -> int: ...  # tokens that are counted once a conversation beside the text

    def render(self, messages: Sequence[Message], tools: Sequence[Any] | None, *, reply: bool) -> str:
        """The text so far; with `reply`, also the opening of an answer. Raises DatasetFormatError."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkupRenderer:
    """OpenAI's chat markup. Contents count as they do there; tools as JSON in a system message, which is a guess."""

    tokenizer: Tokenizer
    name: str
    limit: int | None = None
    approximate: bool = True
    ends: tuple[str, ...] = ("<|im_end|>",)
    primer: int = 3

    def render(self, messages: Sequence[Message], tools: Sequence[Any] | None, *, reply: bool) -> str:
        given = [{"role": "system", "content": _json(tools)}] if tools else []
        text = "".join(map(_in_markup, [*given, *messages]))
        return text + PRIMER if reply else text


def _in_markup(message: Message) -> str:
    name = f" {message['name']}" if message.get("name") else ""
    return f"<|im_start|>{message.get('role', '')}{name}<|im_sep|>{_said(message)}<|im_end|>"


def _said(message: Message) -> str:
    calls = message.get("tool_calls") or message.get("function_call")
    return plain_content(message.get("content")) + (_json(calls) if calls else "")


def plain_content(content: object) -> str:
    """The text of a message: its parts joined where it comes in parts, "" where there is none."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [part.get("text") for part in content if isinstance(part, dict)]
    return "".join(part for part in parts if isinstance(part, str))


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateRenderer:
    """A model's folder: its tokenizer and chat template, exactly what local training reads."""

    tokenizer: FolderTokenizer
    template: ChatTemplate
    name: str
    ends: tuple[str, ...]
    limit: int | None
    approximate: bool = False
    primer: int = 0

    def render(self, messages: Sequence[Message], tools: Sequence[Any] | None, *, reply: bool) -> str:
        try:
            return self.template.render([for_template(message) for message in messages], tools, reply=reply)
        except DatasetFormatError:
            if not any(message.get("tool_calls") for message in messages):
                raise
        # Some templates want the arguments of a call as the JSON text that they are on the wire.
        as_text = [for_template(message, objects=False) for message in messages]
        return self.template.render(as_text, tools, reply=reply)


def folder_renderer(folder: Path) -> TemplateRenderer:
    """Raises DatasetFormatError where the folder is missing, or holds no tokenizer or no chat template."""
    if not folder.is_dir():
        raise DatasetFormatError(f"There is no folder {str(folder)!r}: name a model's folder, or a model id.")
    tokenizer = folder_tokenizer(folder)
    template = load_chat_template(folder)
    special = [
        token.content for token in tokenizer.tokenizer.get_added_tokens_decoder().values() if token.special
    ]
    eos = template.special_tokens.get("eos_token")
    return TemplateRenderer(
        tokenizer=tokenizer,
        template=template,
        name=str(folder),
        ends=tuple(dict.fromkeys(([eos] if eos else []) + special)),
        limit=longest_context(folder),
    )


def for_template(message: Message, *, objects: bool = True) -> dict[str, Any]:
    """A message as chat templates expect it: no empty keys, no weight, text content.

    `objects`: the arguments of tool calls as objects, which most templates expect.
    """
    kept = {
        key: value for key, value in message.items() if value is not None and key not in _NOT_FOR_TEMPLATES
    }
    kept["content"] = plain_content(message.get("content"))
    if kept.get("role") == "developer":
        kept["role"] = "system"  # the name that open models know it by
    if objects and isinstance(calls := kept.get("tool_calls"), list):
        kept["tool_calls"] = [_with_object_arguments(call) for call in calls]
    return kept


def _with_object_arguments(call: Any) -> Any:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), str):
        return call
    try:
        arguments = json.loads(function["arguments"])
    except (ValueError, RecursionError):
        return call  # rule M08 names it
    return {**call, "function": {**function, "arguments": arguments}}


def has_images(row: Row) -> bool:
    """Whether a message holds anything but text: what providers count for an image depends on its size."""
    given = row.get("input")
    lists = [row.get("messages"), given.get("messages") if isinstance(given, dict) else None]
    contents = [
        message.get("content")
        for messages in lists
        if isinstance(messages, list)
        for message in messages
        if isinstance(message, dict)
    ]
    parts = [part for content in contents if isinstance(content, list) for part in content]
    return any(
        isinstance(part, dict) and part.get("type") in ("image_url", "image", "input_image") for part in parts
    )


def tools_of(row: Row) -> list[Any] | None:
    """The tools of a chat row, or of a preference row's input."""
    given = row.get("input")
    holder = given if isinstance(given, dict) else row
    tools = holder.get("tools")
    return tools if isinstance(tools, list) and tools else None


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
