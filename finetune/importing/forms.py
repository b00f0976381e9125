"""The forms that records come in, told from one record; and what becomes of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Literal, get_args

from finetune.examples import CHAT_KEYS, METADATA, Kind, Row
from finetune.importing.column_names import assign, roles_of

Form = Literal[
    "chat", "preference", "reinforcement", "chosen-rejected", "sharegpt", "alpaca", "completion", "text",
    "questions", "conversation", "chatgpt", "turns", "columns", "mixed",
]  # fmt: skip
FORMS: tuple[Form, ...] = get_args(Form)
KIND_OF_FORM: Mapping[Form, Kind] = {
    "preference": "preference",
    "chosen-rejected": "preference",
    "reinforcement": "reinforcement",
    "completion": "completion",
    "text": "completion",
}  # the others become chat rows
SUMMARIES: Mapping[Form, str] = {
    "chat": "OpenAI chat rows: messages",
    "preference": "OpenAI preference rows: input, preferred_output, non_preferred_output",
    "reinforcement": "reinforcement rows: messages and fields for a grader",
    "chosen-rejected": "pairs of a chosen and a rejected answer (TRL)",
    "sharegpt": "ShareGPT conversations: from, value",
    "alpaca": "Alpaca instructions: instruction, input, output",
    "completion": "pairs of prompt and completion, kept as they are",
    "text": "texts to go on writing, kept as they are",
    "questions": "question files: _id, text, answer",
    "conversation": "conversations exported from this program",
    "chatgpt": "ChatGPT's export: conversations.json",
    "turns": "one message a record, joined to conversations",
    "columns": "a column of questions and one of answers",
    "mixed": "each record by its own form",
}
IDS = ("id", "_id", "uid", "uuid")
_PLAIN = frozenset((*IDS, METADATA, "source", "split", "idx", "index"))  # beside the fields of a form
_GRADED = "user"  # the last to speak where a model's answer is to be graded


@dataclass(slots=True)
class Made:
    """A row made of a record, with what its record says of where it belongs."""

    row: Row
    group: str | None = None
    document: str | None = None
    details: dict[str, Any] = field(default_factory=dict)


def is_tree(value: Mapping[str, Any]) -> bool:
    """Whether a record is a conversation as ChatGPT exports them: messages by id, each with its parent's."""
    nodes = value.get("mapping")
    first = next(iter(nodes.values()), None) if isinstance(nodes, dict) else None
    return isinstance(first, dict) and "parent" in first and "message" in first


def kind_of_form(form: Form) -> Kind:
    return KIND_OF_FORM.get(form, "chat")


def form_of(value: Mapping[str, Any]) -> Form | None:
    """The form that a record's fields say; None where they say none."""
    if value.get("format") == "groundtune-conversation" or ("question" in value and _has_versions(value)):
        return "conversation"
    if is_tree(value):
        return "chatgpt"
    if "preferred_output" in value or "non_preferred_output" in value:
        return "preference"
    if "chosen" in value and "rejected" in value:
        asked = (
            "prompt" not in value and isinstance(value["chosen"], str) and "question" in assign(tuple(value))
        )
        return "columns" if asked else "chosen-rejected"
    if (talk := _talk(value)) is not None:
        return talk
    return _flat(value)


def _has_versions(value: Mapping[str, Any]) -> bool:
    answers = value.get("answers")
    return isinstance(answers, list) and all(isinstance(one, dict) and "state" in one for one in answers)


def _talk(value: Mapping[str, Any]) -> Form | None:
    for key in ("messages", "conversations", "conversation"):
        turns = value.get(key)
        if isinstance(turns, str) and turns.lstrip()[:1] == "[":
            return "chat" if key == "messages" else "sharegpt"
        if not isinstance(turns, list):
            continue
        first = turns[0] if turns and isinstance(turns[0], dict) else {}
        if key != "messages" or "from" in first:
            return "sharegpt"
        return "reinforcement" if _is_graded(value, turns) else "chat"
    return None


def _is_graded(value: Mapping[str, Any], turns: list[Any]) -> bool:
    last = turns[-1] if turns and isinstance(turns[-1], dict) else {}
    return last.get("role") == _GRADED and bool(value.keys() - CHAT_KEYS - _PLAIN)


def _flat(value: Mapping[str, Any]) -> Form | None:
    fields = value.keys() - _PLAIN
    if "instruction" in fields and fields & {"output", "response"}:
        return "alpaca"
    if fields in ({"prompt", "completion"}, {"text"}):
        return "text" if "text" in fields else "completion"
    if {"_id", "text", "answer"} <= value.keys():
        return "questions"
    roles = assign([name for name, held in value.items() if held is not None])
    if {"role", "text", "group"} <= roles.keys() and isinstance(value[roles["text"]], str | None):
        return "turns"
    if "answer" in roles and roles.keys() & {"question", "text"}:
        return "columns"
    return None


def own_fields(form: Form, value: Mapping[str, Any]) -> dict[str, str]:
    """{part of a row: field of the record} of a form whose fields have fixed names."""
    names = {
        "chat": ("messages", "system", "tools", "parallel_tool_calls", "functions"),
        "preference": ("input", "preferred_output", "non_preferred_output"),
        "reinforcement": tuple(name for name in value if name not in _PLAIN),
        "chosen-rejected": ("prompt", "chosen", "rejected", "system"),
        "sharegpt": ("conversations", "conversation", "messages", "system", "tools"),
        "alpaca": ("instruction", "input", "context", "output", "response", "system", "history"),
        "completion": ("prompt", "completion"),
        "text": ("text",),
        "questions": ("text", "answer", "gold"),
        "conversation": ("question", "answers"),
        "chatgpt": ("mapping", "title"),
    }.get(form, ())
    return {name: name for name in names if name in value} | beside(value)


def beside(value: Mapping[str, Any]) -> dict[str, str]:
    """What a record of any form may say of itself: id, group, document, metadata."""
    named = _named_beside(tuple(value))
    return {
        role: name
        for role, name in named
        if role not in ("group", "document") or isinstance(value[name], str | int)
    }


@lru_cache(maxsize=1024)
def _named_beside(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """By the names alone: records of a file mostly share them."""
    found = {"id": name for name in [one for one in IDS if one in names][:1]}  # noqa: B035 - one at most
    for name in names:
        for role, certainty in roles_of(name)[:1]:
            if role in ("group", "document") and certainty == 1.0:
                found.setdefault(role, name)
    return (*found.items(), *(((METADATA, METADATA),) if METADATA in names else ()))
