"""Records with a better and a worse answer -> preference rows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from finetune.importing.chat_forms import Value, made, text_in
from finetune.importing.forms import Made
from finetune.importing.records import Unfit, shown
from finetune.importing.talks import Message, messages_of, parsed_list, tools_of, with_system

# Anthropic's hh-rlhf: "\n\nHuman: ...\n\nAssistant: ..."
_SPOKEN = re.compile(r"(?:^|\n\n)(Human|Assistant): ")


def preference_row(asked: list[Message], better: list[Message], worse: list[Message]) -> dict[str, Any]:
    return {"input": {"messages": asked}, "preferred_output": better, "non_preferred_output": worse}


def from_preference(value: Value, system: str | None) -> Made:
    """OpenAI's own rows: as they are, but for a system prompt where there is none."""
    given = value.get("input")
    if not isinstance(given, dict):
        raise Unfit("input", f"{shown(given)} is no object.", 'Write {"messages": [...]}.')
    asked = messages_of(parsed_list(given.get("messages"), "input.messages"), "input.messages")
    outputs = {
        name: messages_of(parsed_list(value.get(name), name), name)
        for name in ("preferred_output", "non_preferred_output")
    }
    return made({"input": {**given, "messages": with_system(asked, system)}, **outputs}, value)


def from_chosen_rejected(value: Value, system: str | None) -> Made:
    """TRL's: texts or lists of messages, with a prompt or with it in both of them."""
    own = text_in(value, "system", optional=True)
    prompt = value.get("prompt")
    asked = _turns(prompt, "prompt", "user") if prompt else []
    better = _turns(value.get("chosen"), "chosen", "assistant")
    worse = _turns(value.get("rejected"), "rejected", "assistant")
    asked, better, worse = _without_shared(asked, better, worse)
    if not asked:
        raise Unfit(
            "prompt", "There is no prompt, and the two answers begin with no common one.", "Add a prompt."
        )
    row = preference_row(with_system(asked, own or system), better, worse)
    if value.get("tools"):
        row["input"]["tools"] = tools_of(value["tools"], "tools")
    return made(row, value)


def _turns(value: Any, field: str, role: str) -> list[Message]:
    if isinstance(value, str):
        if not value.strip():
            raise Unfit(field, f"The field {field!r} is empty.", "Fill it in, or remove the record.")
        return _spoken(value) or [{"role": role, "content": value}]
    return messages_of([value] if isinstance(value, Mapping) else parsed_list(value, field), field)


def _spoken(text: str) -> list[Message]:
    """The turns of a written dialogue; none where the text is no dialogue."""
    pieces = _SPOKEN.split(text)
    if pieces[0].strip() or len(pieces) < 3:
        return []
    roles = {"Human": "user", "Assistant": "assistant"}
    told = zip(pieces[1::2], pieces[2::2], strict=True)
    return [{"role": roles[speaker], "content": said.strip()} for speaker, said in told]


def _without_shared(
    asked: list[Message], better: list[Message], worse: list[Message]
) -> tuple[list[Message], list[Message], list[Message]]:
    """What both answers begin with belongs to the question."""
    shared = 0
    while shared < min(len(better), len(worse)) - 1 and better[shared] == worse[shared]:
        shared += 1
    start = better[:shared]
    if start and asked and _same(asked, start):
        asked = []  # it stands in the answers once more
    return [*asked, *start], better[shared:], worse[shared:]


def _same(asked: list[Message], start: list[Message]) -> bool:
    return [one.get("content") for one in asked] == [one.get("content") for one in start][-len(asked) :]
