"""Conversations in other programs' words -> messages in OpenAI's."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from finetune.importing.column_names import plain
from finetune.importing.python_records import literal
from finetune.importing.records import Fault, Unfit, shown

Message = dict[str, Any]
_SPEAKERS: Mapping[str, str] = {
    "system": "system developer systemprompt",
    "user": "human user customer client caller question prompter kunde kundin nutzer benutzer klant utente cliente "
    "usuario utilisateur usuaria ユーザー 用户",
    "assistant": "gpt assistant bot agent model ai chatgpt bing bard claude gemini llm answer support operator "
    "mitarbeiter berater assistent asistente assistente medewerker 助手",
    "tool": "tool observation functionresponse function ipython toolresponse toolresult",
    "call": "functioncall toolcall",
}
_ROLES = {plain(word): role for role, words in _SPEAKERS.items() for word in words.split()}
_OPENAI = frozenset(("system", "developer", "user", "assistant", "tool", "function"))


def parsed_list(value: Any, field: str) -> list[Any]:
    """A list, also where it stands as JSON or a Python literal in a text. Raises Unfit."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            value = literal(value)
    if isinstance(value, list) and value:
        return value
    reason = value.reason if isinstance(value, Fault) else f"{shown(value)} is no list of messages."
    raise Unfit(field, reason, "Give a list of messages, each with a role and a content.")


def messages_of(turns: Sequence[Any], field: str) -> list[Message]:
    """Messages in OpenAI's form stay as they are; ShareGPT's are turned into them. Raises Unfit naming the message."""
    messages: list[Message] = []
    for place, turn in enumerate(turns):
        where = f"{field}[{place}]"
        if not isinstance(turn, dict):
            raise Unfit(where, f"{shown(turn)} is no message.", 'Write {"role": ..., "content": ...}.')
        messages.append(_message(turn, where, messages))
    return messages


def _message(turn: Mapping[str, Any], where: str, before: list[Message]) -> Message:
    if isinstance(turn.get("role"), str) and turn["role"] in _OPENAI and "from" not in turn:
        return dict(turn)
    speaker = turn.get("from", turn.get("role"))
    text = turn.get("value", turn.get("content", turn.get("text")))
    role = role_of(speaker)
    if role is None:
        fix = "Name the speaker system, user, assistant or tool."
        raise Unfit(
            f"{where}.{'from' if 'from' in turn else 'role'}", f"{shown(speaker)} is no known speaker.", fix
        )
    if role == "call":
        return _call(text, where, len(before))
    if not isinstance(text, str):
        raise Unfit(f"{where}.value", f"{shown(text)} is no text.", "Give the message a text.")
    if role == "tool":
        return {"role": "tool", "tool_call_id": _open_call(before, where), "content": text}
    weight = {"weight": turn["weight"]} if role == "assistant" and turn.get("weight") is not None else {}
    return {"role": role, "content": text} | weight


def role_of(speaker: Any) -> str | None:
    """OpenAI's role of a speaker, "user_481" and "Anna (Support)" too; None where nobody is known by the name.

    "call" is where the assistant calls a tool.
    """
    if not isinstance(speaker, str):
        return None
    whole = _ROLES.get(plain(speaker))
    words = {_ROLES[word] for part in re.split(r"[\W\d_]+", speaker) if (word := plain(part)) in _ROLES}
    return whole or (words.pop() if len(words) == 1 else None)


def _call(text: Any, where: str, place: int) -> Message:
    """ShareGPT's function_call: {"name": ..., "arguments": {...}}, as text or object, one or a list."""
    fix = 'Write {"name": ..., "arguments": {...}} as JSON.'
    try:
        called = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError) as error:
        raise Unfit(f"{where}.value", f"The call of a tool is no JSON: {shown(text)}.", fix) from error
    calls = called if isinstance(called, list) else [called]
    if not calls or not all(isinstance(one, dict) and isinstance(one.get("name"), str) for one in calls):
        raise Unfit(f"{where}.value", "The call of a tool has no name.", fix)
    return {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": f"call_{place}_{number}",
                "type": "function",
                "function": {"name": one["name"], "arguments": _arguments(one.get("arguments", {}))},
            }
            for number, one in enumerate(calls, start=1)
        ],
    }


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _open_call(before: Sequence[Message], where: str) -> str:
    """The first call that no message has answered yet. Raises Unfit where there is none."""
    answered = {message.get("tool_call_id") for message in before if message["role"] == "tool"}
    for message in before:
        for call in message.get("tool_calls") or ():
            if isinstance(call, dict) and call.get("id") not in answered:
                return str(call["id"])
    raise Unfit(where, "The result of a tool stands here, but no tool was called.", "Add the call before it.")


def tools_of(value: Any, field: str) -> list[Any]:
    """Tools in OpenAI's form: bare functions are wrapped. Raises Unfit."""
    if isinstance(value, str) and not value.strip():
        return []
    tools = parsed_list(value, field)
    if not all(isinstance(one, dict) for one in tools):
        raise Unfit(field, "A tool is no object.", "Give each tool a name, a description and parameters.")
    return [one if "function" in one else {"type": "function", "function": one} for one in tools]


def with_system(messages: list[Message], system: str | None) -> list[Message]:
    """The messages with a system prompt in front where they have none of their own."""
    if not system or any(message.get("role") in ("system", "developer") for message in messages):
        return messages
    return [{"role": "system", "content": system}, *messages]
