"""Rules of preference rows, reinforcement rows and completion pairs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from finetune.examples import CHAT_KEYS
from finetune.profiles import Profile
from finetune.validation.faults import Fault, rule, shown
from finetune.validation.message_rules import message_faults

RULES = (
    rule(
        "P01",
        "error",
        "Preference pairs",
        "The prompt ends in a user message; one preferred and one other answer, which differ. Answers whose lengths "
        "differ much teach length instead of quality.",
    ),
    rule(
        "R01",
        "error",
        "Reinforcement rows",
        "Every row has the fields that the grader reads; the user speaks last.",
    ),
)
LONGER = 3.0  # times as long: the length ratio past which a pair teaches length
_SHORT = 40  # characters: below it a ratio says nothing
_OUTPUTS = ("preferred_output", "non_preferred_output")


def preference_faults(row: dict[str, Any], profile: Profile) -> Iterator[Fault]:
    """P01, and the rules of messages for the prompt and both answers."""
    prompt = row.get("input")
    if not isinstance(prompt, dict):
        yield Fault("P01", "error", "$.input", f"`input` is no object with messages but {shown(prompt)}.")
    else:
        yield from message_faults(prompt.get("messages"), profile, path="$.input.messages")
        yield from _prompt_end(prompt.get("messages"))
    for name in _OUTPUTS:
        yield from _output(row.get(name), profile, f"$.{name}")
    yield from _pair(*_texts(row))


def same_answers(row: dict[str, Any]) -> bool:
    """Whether both answers say the same, but for white space and case."""
    preferred, other = _texts(row)
    return bool(preferred) and preferred == other


def _texts(row: dict[str, Any]) -> tuple[str | None, str | None]:
    return _text(row.get("preferred_output")), _text(row.get("non_preferred_output"))


def _prompt_end(messages: Any) -> Iterator[Fault]:
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        role = messages[-1].get("role")
        if role not in ("user", "tool"):
            text = f"The prompt ends in a message of role {shown(role)}: the user must speak last."
            yield Fault("P01", "error", f"$.input.messages[{len(messages) - 1}]", text)


def _output(messages: Any, profile: Profile, path: str) -> Iterator[Fault]:
    if isinstance(messages, str) and messages.strip():
        text = "The answer is a text: write it as a list of one assistant message."
        yield Fault("P01", "error", path, text, "it is written as one assistant message")
    elif not isinstance(messages, list) or len(messages) != 1:
        what = f"{len(messages)} messages" if isinstance(messages, list) else shown(messages)
        yield Fault("P01", "error", path, f"{what}: exactly one assistant message is wanted here.")
    else:
        yield from message_faults(messages, profile, path=path)
        role = messages[0].get("role") if isinstance(messages[0], dict) else None
        if role != "assistant":
            text = f"The answer is of role {shown(role)}: it must be the assistant's."
            yield Fault("P01", "error", f"{path}[0].role", text)


def _text(output: Any) -> str | None:
    """What an answer says, normalised; None where it is not one message of text."""
    message = output[0] if isinstance(output, list) and len(output) == 1 else None
    content = message.get("content") if isinstance(message, dict) else output
    if isinstance(message, dict) and message.get("tool_calls"):
        return None
    return re.sub(r"\s+", " ", content).strip().casefold() if isinstance(content, str) else None


def _pair(preferred: str | None, other: str | None) -> Iterator[Fault]:
    if not preferred or not other:
        return
    if preferred == other:
        text = "Both answers are the same: there is nothing to prefer. Change one, or leave the row out."
        yield Fault("P01", "error", "$.non_preferred_output", text, "the row is removed")
        return
    shorter, longer = sorted((len(preferred), len(other)))
    if longer > LONGER * shorter and longer > _SHORT:
        which = "preferred" if len(preferred) == longer else "other"
        text = f"The {which} answer is {longer / shorter:.1f} times as long: the pair teaches length."
        yield Fault("P01", "warning", "$.preferred_output", text)


class ReinforcementRules:
    """R01: the fields of the first reinforcement row are wanted in every one."""

    def __init__(self) -> None:
        self._fields: frozenset[str] | None = None

    def faults(self, row: dict[str, Any]) -> Iterator[Fault]:
        fields = frozenset(row.keys() - CHAT_KEYS)
        if self._fields is None:
            self._fields = fields
        for missing in sorted(self._fields - fields):
            text = f"The field {missing!r}, which the first row has, is missing: the grader cannot read it."
            yield Fault("R01", "error", f"$.{missing}", text)
        for name in sorted(self._fields & fields):
            if row[name] is None or row[name] == "":
                yield Fault(
                    "R01",
                    "error",
                    f"$.{name}",
                    f"The field {name!r} is empty: the grader has nothing to read.",
                )
        messages = row.get("messages")
        if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
            role = messages[-1].get("role")
            if role not in ("user", "tool"):
                text = f"The last message is of role {shown(role)}: in reinforcement the user speaks last."
                yield Fault("R01", "error", f"$.messages[{len(messages) - 1}]", text)


def completion_faults(row: dict[str, Any]) -> Iterator[Fault]:
    """M03 and M04 of prompt and completion, or of a text alone."""
    wanted = ("text",) if "text" in row else ("prompt", "completion")
    for name in wanted:
        value = row.get(name)
        if not isinstance(value, str):
            yield Fault("M04", "error", f"$.{name}", f"`{name}` is no text but {shown(value)}.")
        elif not value.strip() and not (name == "prompt" and value == ""):
            yield Fault("M04", "error", f"$.{name}", f"`{name}` is empty: write what it says.")
    for key in sorted(row.keys() - {*wanted, "metadata"}):
        yield Fault(
            "M03", "warning", f"$.{key}", f"The key {key!r} is unknown beside {' and '.join(wanted)}."
        )
