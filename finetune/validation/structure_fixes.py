"""Fixes of the structure of rows: what message_rules, tool_rules, preference_rules and row_rules promise."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from finetune.examples import CHAT_KEYS, METADATA, Row
from finetune.findings import Where
from finetune.fixing import Fix, FixOptions, RowFix
from finetune.profiles import Profile
from finetune.validation import message_rules, preference_rules, row_rules
from finetune.validation.faults import meant
from finetune.validation.message_rules import (
    KEYS,
    SYSTEM,
    joinable,
    right_role,
    right_weight,
    systems_joinable,
)
from finetune.validation.row_rules import kind_of_row

_EMPTY: tuple[Any, ...] = (None, [], {}, "")
_BETWEEN = "\n\n"  # joined messages
_OUTPUTS = ("preferred_output", "non_preferred_output")
_Message = dict[str, Any]


def _lists(row: Row) -> Iterator[list[Any]]:
    """Every list of messages in a row."""
    prompt = row.get("input")
    found = [row.get("messages"), prompt.get("messages") if isinstance(prompt, dict) else None]
    for messages in (*found, *(row.get(name) for name in _OUTPUTS)):
        if isinstance(messages, list):
            yield messages


def _messages(row: Row) -> Iterator[_Message]:
    for messages in _lists(row):
        yield from (message for message in messages if isinstance(message, dict))


def _each(change: Callable[[_Message, Profile], None]) -> Callable[[FixOptions], RowFix]:
    """A fix that looks at one message at a time."""

    def begin(options: FixOptions) -> RowFix:
        def fix(row: Row, _: Where) -> Row:
            for message in _messages(row):
                change(message, options.profile)
            return row

        return fix

    return begin


def _all(change: Callable[[Row, Profile], Row | None]) -> Callable[[FixOptions], RowFix]:
    """A fix that looks at the row as a whole."""
    return lambda options: lambda row, _: change(row, options.profile)


def _metadata(row: Row, profile: Profile) -> Row:
    if not profile.metadata:
        row.pop(METADATA, None)
    return row


def _row_keys(row: Row, _: Profile) -> Row:
    kind = kind_of_row(row)
    if kind == "chat":
        _rename_or_remove(row, CHAT_KEYS, but={METADATA})
    elif kind == "preference":
        _rename_or_remove(row, row_rules.OF_PREFERENCE, but={METADATA})
        if isinstance(row.get("input"), dict):
            _rename_or_remove(row["input"], row_rules.OF_INPUT)
    return row


def _message_keys(message: _Message, _: Profile) -> None:
    foreign = {key for key in message_rules.FOREIGN if message.get(key)}
    _rename_or_remove(message, KEYS, leave=foreign)
    if message.get("function_call", "") is None:
        del message["function_call"]
    if isinstance(message.get("name"), int | float):
        message["name"] = str(message["name"])


def _rename_or_remove(
    thing: dict[str, Any],
    known: frozenset[str],
    *,
    but: set[str] | None = None,
    leave: set[str] | None = None,
) -> None:
    """Unknown keys: empty ones go, misspelt ones get their right name where it is free; the rest stays."""
    for key in sorted(thing.keys() - known - (leave or set())):
        better = meant(key, known - thing.keys() - (but or set()))
        if thing[key] in _EMPTY:
            del thing[key]
        elif better:
            thing[better] = thing.pop(key)


def _role(message: _Message, profile: Profile) -> None:
    role = message.get("role")
    known = isinstance(role, str) and role in profile.roles
    if not known and (better := right_role(role, profile)):
        message["role"] = better


def _content(message: _Message, _: Profile) -> None:
    if isinstance(message.get("content"), int | float):
        message["content"] = json.dumps(message["content"])


def _weight(message: _Message, _: Profile) -> None:
    if "weight" not in message:
        return
    if message.get("role") != "assistant":
        del message["weight"]
    elif (better := right_weight(message["weight"])) is not None:
        message["weight"] = better


def _ends_in_answer(row: Row, _: Profile) -> Row:
    messages = row.get("messages")
    if kind_of_row(row) != "chat" or not isinstance(messages, list):
        return row
    answers = [
        index
        for index, one in enumerate(messages)
        if isinstance(one, dict) and one.get("role") == "assistant"
    ]
    if answers:
        del messages[answers[-1] + 1 :]
    return row


def _order(row: Row, profile: Profile) -> Row:
    for messages in _lists(row):
        if all(isinstance(message, dict) for message in messages):
            if profile.system_first != "allowed":
                _system_first(messages)
            if profile.alternation != "allowed":
                _take_turns(messages)
    return row


def _system_first(messages: list[_Message]) -> None:
    systems = [index for index, message in enumerate(messages) if message.get("role") in SYSTEM]
    if systems in ([], [0]) or not systems_joinable(messages):
        return
    joined = {
        **messages[systems[0]],
        "content": _BETWEEN.join(messages[index]["content"] for index in systems),
    }
    messages[:] = [joined, *(message for message in messages if message.get("role") not in SYSTEM)]


def _take_turns(messages: list[_Message]) -> None:
    for index in range(len(messages) - 1, 0, -1):
        first, second = messages[index - 1], messages[index]
        if joinable(first, second):
            first["content"] += _BETWEEN + second["content"]
            del messages[index]


def _calls(row: Row, _: Profile) -> Row:
    for messages in _lists(row):
        waiting: list[str] = []
        for message in (one for one in messages if isinstance(one, dict)):
            if message.get("role") == "tool":
                _answered(message, waiting)
            else:
                waiting = _of_message(message)
    return row


def _answered(message: _Message, waiting: list[str]) -> None:
    identifier = message.get("tool_call_id")
    if len(waiting) == 1 and not (isinstance(identifier, str) and identifier):
        message["tool_call_id"] = waiting.pop()
    elif identifier in waiting:
        waiting.remove(identifier)


def _of_message(message: _Message) -> list[str]:
    """Mends the calls of a message; the ids that wait for an answer."""
    if message.get("tool_calls") == [] and message.get("content"):
        del message["tool_calls"]
    calls = message.get("tool_calls")
    waiting = []
    for call in (one for one in calls if isinstance(one, dict)) if isinstance(calls, list) else ():
        if call.get("type") != "function":
            call["type"] = "function"
        function = call.get("function")
        if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
            function["arguments"] = json.dumps(function["arguments"], ensure_ascii=False)
        if isinstance(call.get("id"), str):
            waiting.append(call["id"])
    return waiting


def _pairs(row: Row, _: Profile) -> Row | None:
    if kind_of_row(row) != "preference":
        return row
    for name in _OUTPUTS:
        if isinstance(row.get(name), str) and row[name].strip():
            row[name] = [{"role": "assistant", "content": row[name]}]
    return None if preference_rules.same_answers(row) else row


_KEYS = "unknown keys: empty ones removed, misspelt ones renamed"
FIXES: tuple[Fix, ...] = (
    Fix(rule="M03", description=_KEYS, begin=_all(_row_keys)),
    # Only where it is asked for: without it `split` knows no groups, and rows of a machine pass for reviewed ones.
    Fix(
        rule="M03",
        description="Groundtune's metadata removed",
        begin=_all(_metadata),
        only_when_named=True,
    ),
    Fix(rule="M02", description="roles written as the provider names them", begin=_each(_role)),
    Fix(rule="M03", description=_KEYS, begin=_each(_message_keys)),
    Fix(rule="M04", description="numbers in place of texts written as texts", begin=_each(_content)),
    Fix(rule="M06", description="weights written as 0 or 1, and only on answers", begin=_each(_weight)),
    Fix(rule="M07", description="system messages joined at the start, turns joined", begin=_all(_order)),
    Fix(rule="M08", description="calls written as the API writes them", begin=_all(_calls)),
    Fix(rule="M05", description="what follows the last answer removed", begin=_all(_ends_in_answer)),
    Fix(rule="P01", description="answers written as messages; equal pairs removed", begin=_all(_pairs)),
)
