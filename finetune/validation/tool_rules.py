"""Rules of tools and the calls of them: every call fits a tool, and every answer a call."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import orjson

from finetune.strict_json import parse
from finetune.validation.faults import Fault, meant, rule, shown

RULES = (
    rule(
        "M08",
        "error",
        "Tool calls",
        "Each call has an id, a function of the row's `tools` and arguments as a JSON text that fits its schema; each "
        "tool message answers an open call; every call is answered, or the row ends with it.",
    ),
    rule("M09", "error", "Tools", "Each tool is a function with a unique name and a valid JSON Schema."),
)
_NAME = re.compile(r"[\w.-]{1,64}", re.ASCII)
_KEPT = 256  # compiled sets of tools
_MOST_ERRORS = 3  # of the arguments of one call


class Arguments(Protocol):
    """Says what is wrong with the arguments of a call: (JSON path below the arguments, message)."""

    def errors(self, arguments: Any) -> Iterator[tuple[str, str]]: ...


class Tools:
    """Compiles the tools of rows, each set once, and keeps the last ones: a file repeats the same few."""

    def __init__(self) -> None:
        self._kept: OrderedDict[bytes, tuple[Mapping[str, Arguments | None], tuple[Fault, ...]]] = (
            OrderedDict()
        )

    def compiled(self, tools: Any, path: str) -> tuple[Mapping[str, Arguments | None], tuple[Fault, ...]]:
        """(checker of the arguments by function name, M09 faults)."""
        key = orjson.dumps((path, tools))
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = _compile(tools, path)
            if len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        else:
            self._kept.move_to_end(key)
        return found


def tool_faults(row: Mapping[str, Any], tools: Tools, *, path: str = "$") -> Iterator[Fault]:
    """M08 and M09 of an object with `messages` and perhaps `tools`."""
    known: Mapping[str, Arguments | None] = {}
    if row.get("tools") is not None:
        known, faults = tools.compiled(row["tools"], f"{path}.tools")
        yield from faults
    parallel = row.get("parallel_tool_calls")
    if parallel is not None and not isinstance(parallel, bool):
        yield Fault(
            "M09",
            "error",
            f"{path}.parallel_tool_calls",
            f"`parallel_tool_calls` is {shown(parallel)}: true or false.",
        )
    messages = row.get("messages")
    if isinstance(messages, list):
        yield from _calls(messages, known, f"{path}.messages")


def called(row: Mapping[str, Any]) -> Iterator[str]:
    """Names of the functions that a row's messages call."""
    for message in row.get("messages") or ():
        calls = message.get("tool_calls") if isinstance(message, dict) else None
        for call in calls if isinstance(calls, list) else ():
            function = call.get("function") if isinstance(call, dict) else None
            if isinstance(function, dict) and isinstance(function.get("name"), str):
                yield function["name"]


def _calls(messages: list[Any], known: Mapping[str, Arguments | None], path: str) -> Iterator[Fault]:
    waiting: dict[str, str] = {}  # id of a call that is not answered yet -> its JSON path
    for index, message in enumerate(messages):
        if not isinstance(message, dict):
            continue
        here = f"{path}[{index}]"
        if message.get("role") == "tool":
            yield from _answer(message, waiting, here)
            continue
        yield from _unanswered(waiting)
        waiting = {}
        if message.get("tool_calls") is not None:
            yield from _of_message(message, known, waiting, here)
    if not (messages and isinstance(messages[-1], dict) and messages[-1].get("role") == "assistant"):
        yield from _unanswered(waiting)


def _answer(message: dict[str, Any], waiting: dict[str, str], here: str) -> Iterator[Fault]:
    identifier = message.get("tool_call_id")
    if not isinstance(identifier, str) or not identifier:
        text = f"`tool_call_id` is {shown(identifier)}: name the call that this message answers."
        yield Fault("M08", "error", f"{here}.tool_call_id", text, _only(waiting))
        if len(waiting) == 1:
            waiting.clear()
    elif waiting.pop(identifier, None) is None:
        text = f"The tool message answers {identifier!r}, which is no open call of the message before it."
        yield Fault("M08", "error", f"{here}.tool_call_id", text)


def _only(waiting: Mapping[str, str]) -> str | None:
    return f"it is written as {next(iter(waiting))!r}, the one open call" if len(waiting) == 1 else None


def _unanswered(waiting: Mapping[str, str]) -> Iterator[Fault]:
    for identifier, path in waiting.items():
        text = f"The call {identifier!r} has no tool message that answers it: add one."
        yield Fault("M08", "error", path, text)


def _of_message(
    message: dict[str, Any], known: Mapping[str, Arguments | None], waiting: dict[str, str], here: str
) -> Iterator[Fault]:
    calls, path = message["tool_calls"], f"{here}.tool_calls"
    if message.get("role") != "assistant":
        yield Fault("M08", "error", path, f"A message of role {shown(message.get('role'))} calls tools.")
        return
    if not isinstance(calls, list) or not calls:
        what = "an empty list" if calls == [] else f"no list but {shown(calls)}"
        fix = "the key is removed" if calls == [] and message.get("content") else None
        yield Fault("M08", "error", path, f"`tool_calls` is {what}: leave it out or list the calls.", fix)
        return
    for index, call in enumerate(calls):
        yield from _call(call, known, waiting, f"{path}[{index}]")


def _call(
    call: Any, known: Mapping[str, Arguments | None], waiting: dict[str, str], here: str
) -> Iterator[Fault]:
    if not isinstance(call, dict):
        yield Fault("M08", "error", here, f"The call is no object but {shown(call)}.")
        return
    identifier = call.get("id")
    if not isinstance(identifier, str) or not identifier:
        yield Fault("M08", "error", f"{here}.id", f"The call's id is {shown(identifier)}: it must be a text.")
    elif identifier in waiting:
        yield Fault(
            "M08", "error", f"{here}.id", f"Two calls have the id {identifier!r}: each needs its own."
        )
    else:
        waiting[identifier] = here
    if call.get("type") != "function":
        text = f"The call's type is {shown(call.get('type'))}: it must be 'function'."
        yield Fault("M08", "error", f"{here}.type", text, "it is written as 'function'")
    yield from _function(call.get("function"), known, f"{here}.function")


def _function(function: Any, known: Mapping[str, Arguments | None], here: str) -> Iterator[Fault]:
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        yield Fault("M08", "error", here, f"The call names no function but {shown(function)}.")
        return
    name = function["name"]
    if name not in known:
        better = meant(name, known)
        hint = f" Did you mean {better!r}?" if better else ""
        has = f"has {', '.join(sorted(known))}" if known else "has no tools"
        yield Fault(
            "M08", "error", f"{here}.name", f"The function {name!r} is called, but the row {has}.{hint}"
        )
    yield from _arguments(function.get("arguments"), known.get(name), f"{here}.arguments")


def _arguments(arguments: Any, checker: Arguments | None, here: str) -> Iterator[Fault]:
    if not isinstance(arguments, str):
        text = f"The arguments are no text but {shown(arguments)}: write them as a JSON text."
        fix = "it is written as a JSON text" if isinstance(arguments, dict) else None
        yield Fault("M08", "error", here, text, fix)
        return
    value, fault = parse(arguments.encode("utf-8", "replace"))
    if fault is not None:
        yield Fault("M08", "error", here, f"The arguments are not JSON: {fault.message}")
    elif not isinstance(value, dict):
        yield Fault("M08", "error", here, f"The arguments are no JSON object but {shown(value)}.")
    elif checker is not None:
        for count, (below, message) in enumerate(checker.errors(value)):
            if count == _MOST_ERRORS:
                break
            yield Fault(
                "M08", "error", here, f"The arguments do not fit the tool's schema at {below}: {message}."
            )


def _compile(tools: Any, path: str) -> tuple[Mapping[str, Arguments | None], tuple[Fault, ...]]:
    if not isinstance(tools, list):
        return {}, (Fault("M09", "error", path, f"`tools` is no list but {shown(tools)}."),)
    known: dict[str, Arguments | None] = {}
    faults: list[Fault] = []
    for index, tool in enumerate(tools):
        faults.extend(_tool(tool, known, f"{path}[{index}]"))
    return known, tuple(faults)


def _tool(tool: Any, known: dict[str, Arguments | None], here: str) -> Iterator[Fault]:
    function = tool.get("function") if isinstance(tool, dict) else None
    if not isinstance(function, dict) or tool.get("type") != "function":
        text = f"A tool is {{'type': 'function', 'function': {{...}}}}, not {shown(tool)}."
        yield Fault("M09", "error", here, text)
        return
    name = function.get("name")
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        text = f"The function's name is {shown(name)}: letters, digits, _ and - only, 64 at most."
        yield Fault("M09", "error", f"{here}.function.name", text)
        return
    if name in known:
        yield Fault("M09", "error", f"{here}.function.name", f"Two tools are named {name!r}.")
    known[name] = None
    parameters = function.get("parameters")
    if parameters is not None:
        from finetune.validation.tool_schemas import compile_schema

        compiled = compile_schema(parameters)
        if isinstance(compiled, str):
            yield Fault("M09", "error", f"{here}.function.parameters", compiled)
        else:
            known[name] = compiled
