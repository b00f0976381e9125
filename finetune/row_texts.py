"""The texts of a row: every string that a model reads or writes, with its JSON path and who says it.

    for piece in pieces(row): print(piece.path, piece.role, piece.text)
    changed(row, redacted)                        # a copy of the row with each text replaced
    question_of(row), answer_of(row)              # what is asked, what is learnt

Rows that break the rules of structure are read as far as they go: nothing here raises on any JSON object.
"""

from __future__ import annotations

import copy
import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from finetune.examples import METADATA, Row

__all__ = [
    "Piece",
    "answer_of",
    "changed",
    "conversation",
    "normalised",
    "pieces",
    "prompt_of",
    "question_of",
]

_PLAIN_FIELDS = {"prompt": "user", "completion": "assistant", "text": "assistant"}
_OUTPUTS = ("preferred_output", "non_preferred_output")


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One text of a row."""

    path: str  # JSON path: $.messages[2].content
    role: str  # as the row says it; "reference" for what only a grader reads; "" where it says none
    text: str


class _Slot(NamedTuple):
    """One text and where it stands, so that it can be replaced. A tuple: a check makes millions of them."""

    path: str
    role: str
    text: str
    holder: Any  # dict or list
    key: str


def pieces(row: Row) -> Iterator[Piece]:
    """All texts in the row's order, without Groundtune's own metadata."""
    return (Piece(path=slot.path, role=slot.role, text=slot.text) for slot in _slots(row))


def changed(row: Row, change: Callable[[str], str]) -> Row:
    """A copy with each text changed; the row itself where nothing does."""
    if all(change(slot.text) == slot.text for slot in _slots(row)):
        return row
    other = copy.deepcopy(row)
    for slot in list(_slots(other)):
        slot.holder[slot.key] = change(slot.text)
    return other


def normalised(text: str) -> str:
    """For comparing as equal: compatibility forms, case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def question_of(row: Row) -> str:
    """What is asked: the user's texts before the last answer; the bare question of a RAFT row."""
    if isinstance(row.get("prompt"), str):
        return str(row["prompt"])
    asked = "\n".join(slot.text for slot in _message_slots(prompt_of(row), "") if slot.role == "user")
    bare = _dict(_dict(row.get(METADATA)).get("raft")).get("question")
    return bare if isinstance(bare, str) and bare in asked else asked  # the row may have been edited since


def prompt_of(row: Row) -> list[dict[str, Any]]:
    """The messages before the last answer, as objects; of a prompt/completion pair, its prompt as a user's."""
    if isinstance(row.get("prompt"), str):
        return [{"role": "user", "content": row["prompt"]}]
    if "input" in row or any(name in row for name in _OUTPUTS):
        return _messages(_dict(row.get("input")).get("messages"))
    messages = _messages(row.get("messages"))
    last = _last_answer(messages)
    return messages if last is None else messages[:last]


def answer_of(row: Row) -> str:
    """What is learnt: the last answer with its tool calls, the preferred output, or the completion."""
    if isinstance(row.get("completion"), str):
        return str(row["completion"])
    if "preferred_output" in row:
        return conversation(_messages(row["preferred_output"]))
    messages = _messages(row.get("messages"))
    last = _last_answer(messages)
    return "" if last is None else conversation([messages[last]])


def canonical(row: Row) -> str:
    """Everything that a model reads, writes or may call, for telling whether two rows are the same."""
    texts = [f"{slot.path}\0{slot.role}\0{normalised(slot.text)}" for slot in _slots(row)]
    tools = row.get("tools") or row.get("functions")
    return "\0".join(texts) + (json.dumps(tools, sort_keys=True, default=str) if tools else "")


def conversation(messages: list[dict[str, Any]]) -> str:
    """The texts of messages, one to a line, without who says them."""
    return "\n".join(slot.text for slot in _message_slots(messages, ""))


def _last_answer(messages: list[dict[str, Any]]) -> int | None:
    return next((i for i in reversed(range(len(messages))) if messages[i].get("role") == "assistant"), None)


def _slots(row: Row) -> Iterator[_Slot]:
    for name, role in _PLAIN_FIELDS.items():
        if isinstance(row.get(name), str):
            yield _Slot(f"$.{name}", role, row[name], row, name)
    yield from _message_slots(row.get("messages"), "$.messages")
    yield from _message_slots(_dict(row.get("input")).get("messages"), "$.input.messages")
    for name in _OUTPUTS:
        yield from _message_slots(row.get(name), f"$.{name}")
    if "messages" in row:
        for name, value in row.items():
            if isinstance(value, str) and name not in _PLAIN_FIELDS:
                yield _Slot(f"$.{name}", "reference", value, row, name)


def _message_slots(messages: object, path: str) -> Iterator[_Slot]:
    for number, message in enumerate(messages if isinstance(messages, list) else []):
        if isinstance(message, dict):
            yield from _slots_of_message(message, f"{path}[{number}]")


def _slots_of_message(message: dict[str, Any], path: str) -> Iterator[_Slot]:
    role = message["role"] if isinstance(message.get("role"), str) else ""
    for name in ("content", "refusal"):
        if isinstance(message.get(name), str):
            yield _Slot(f"{path}.{name}", role, message[name], message, name)
    if len(message) > 2 or not isinstance(message.get("content"), str):  # more than who says what
        yield from _parts(message, path, role)


def _parts(message: dict[str, Any], path: str, role: str) -> Iterator[_Slot]:
    for number, part in enumerate(_list(message.get("content"))):
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield _Slot(f"{path}.content[{number}].text", role, part["text"], part, "text")
    calls = [(f"{path}.tool_calls[{n}].function", c) for n, c in enumerate(_list(message.get("tool_calls")))]
    functions = [(place, _dict(_dict(call).get("function"))) for place, call in calls]
    for place, function in [*functions, (f"{path}.function_call", _dict(message.get("function_call")))]:
        if isinstance(function.get("arguments"), str):
            yield _Slot(f"{place}.arguments", role, function["arguments"], function, "arguments")


def _messages(value: object) -> list[dict[str, Any]]:
    return [message for message in _list(value) if isinstance(message, dict)]


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
