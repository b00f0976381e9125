"""Records of the forms that become chat, reinforcement or completion rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune.examples import CHAT_KEYS, METADATA, Row
from finetune.importing.forms import Made, beside
from finetune.importing.records import Unfit, shown
from finetune.importing.talks import Message, messages_of, parsed_list, tools_of, with_system

Value = Mapping[str, Any]


def made(row: Row, value: Value) -> Made:
    """A row with what its record says of itself beside it."""
    found = beside(value)
    result = Made(row=row)
    if not found:
        return result
    own = value.get(METADATA)
    if isinstance(own, dict) and METADATA not in row:
        row[METADATA] = own
    result.group = _text_or_none(value.get(found.get("group", "")))
    result.document = _text_or_none(value.get(found.get("document", "")))
    identity = value.get(found.get("id", ""))
    if isinstance(identity, str | int):
        result.details["id"] = identity
    return result


def _text_or_none(value: Any) -> str | None:
    return str(value) if isinstance(value, str | int) and str(value).strip() else None


def text_in(value: Value, field: str, *, optional: bool = False) -> str:
    """A text that is not blank. Raises Unfit."""
    held = value.get(field)
    if optional and (held is None or held == ""):
        return ""
    if not isinstance(held, str):
        reason = f"The field {field!r} is missing." if field not in value else f"{shown(held)} is no text."
        raise Unfit(field, reason, f"Give {field!r} a text.")
    if not held.strip() and not optional:
        raise Unfit(field, f"The field {field!r} is empty.", "Fill it in, or remove the record.")
    return held


def exchange(question: str, answer: str, *, system: str | None, before: list[Message] | None = None) -> Row:
    """A chat row of one question and its answer, after earlier turns."""
    turns = [
        *(before or ()), {"role": "user", "content": question}, {"role": "assistant", "content": answer}
    ]  # fmt: skip
    return {"messages": with_system(turns, system)}


def joined(*texts: str) -> str:
    """Parts of a question, a blank line between them."""
    return "\n\n".join(text for text in texts if text.strip())


def from_chat(value: Value, system: str | None) -> Made:
    messages = messages_of(parsed_list(value.get("messages"), "messages"), "messages")
    own = value.get("system")  # beside the messages, as Anthropic has it
    row: Row = {"messages": with_system(messages, own if isinstance(own, str) and own.strip() else system)}
    row.update((name, value[name]) for name in ("tools", "parallel_tool_calls", "functions") if name in value)
    for name in ("tools", "functions"):
        if isinstance(row.get(name), str):  # a cell of a table
            row[name] = tools_of(row[name], name)
    return made(row, value)


def from_reinforcement(value: Value, system: str | None) -> Made:
    """All fields stay: the grader reads them."""
    if not value.keys() - CHAT_KEYS:
        fix = "Add the field that the grader compares with, or import as chat."
        raise Unfit("", "The record has no field for a grader beside its messages.", fix)
    messages = messages_of(parsed_list(value.get("messages"), "messages"), "messages")
    return made({**value, "messages": with_system(messages, system)}, value)


def from_sharegpt(value: Value, system: str | None) -> Made:
    field = next(
        (name for name in ("conversations", "conversation", "messages") if name in value), "conversations"
    )
    messages = messages_of(parsed_list(value.get(field), field), field)
    own = value.get("system")
    row: Row = {"messages": with_system(messages, own if isinstance(own, str) and own.strip() else system)}
    if value.get("tools"):
        row["tools"] = tools_of(value["tools"], "tools")
    return made(row, value)


def from_alpaca(value: Value, system: str | None) -> Made:
    answer = "output" if "output" in value else "response"
    about = [text_in(value, name, optional=True) for name in ("input", "context")]  # Dolly calls it context
    question = joined(text_in(value, "instruction"), *about)
    own = text_in(value, "system", optional=True)
    row = exchange(
        question, text_in(value, answer), system=own or system, before=history_of(value.get("history"))
    )
    return made(row, value)


def history_of(value: Any, field: str = "history") -> list[Message]:
    """Earlier turns: [[question, answer], ...] or messages. They are read, not learnt. Raises Unfit."""
    if not value:
        return []
    turns = parsed_list(value, field)
    if all(
        isinstance(one, list) and len(one) == 2 and all(isinstance(text, str) for text in one)
        for one in turns
    ):
        pairs = [
            ({"role": "user", "content": q}, {"role": "assistant", "content": a, "weight": 0})
            for q, a in turns
        ]
        return [message for pair in pairs for message in pair]
    messages = messages_of(turns, field)
    return [message | ({"weight": 0} if message["role"] == "assistant" else {}) for message in messages]


def from_completion(value: Value, system: str | None) -> Made:
    """Texts stay a completion row; lists of messages (TRL) are a conversation."""
    if isinstance(value.get("prompt"), list) and isinstance(value.get("completion"), list):
        turns = [*messages_of(value["prompt"], "prompt"), *messages_of(value["completion"], "completion")]
        return made({"messages": with_system(turns, system)}, value)
    return made({"prompt": text_in(value, "prompt"), "completion": text_in(value, "completion")}, value)


def from_text(value: Value, system: str | None) -> Made:  # noqa: ARG001 - there is no place for a system prompt
    return made({"text": text_in(value, "text")}, value)


def from_question(value: Value, system: str | None) -> Made:
    result = made(exchange(text_in(value, "text"), text_in(value, "answer"), system=system), value)
    if "gold" in value:
        result.details["gold"] = value["gold"]
    return result
