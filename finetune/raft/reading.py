"""A RAFT row taken apart again, whoever made it: its passages, and the reply's reasoning, quotes and answer.

Passages are known by hybrid mode's wrapper, or by the `<DOCUMENT>` blocks of the RAFT paper's own code.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chains.reasoned_reply import OPENING, Quoted, quotes_in, taken_apart
from finetune.examples import METADATA, Row
from finetune.raft.rows import RAFT

_OWN = re.compile(r'<passage number="(\d+)"[^>\n]*>\n(.*?)\n</passage>', re.DOTALL)
_PAPER = re.compile(r"<DOCUMENT>(.*?)</DOCUMENT>", re.DOTALL)
_FINAL = re.compile(r"</reasoning>|<answer>:|##answer:", re.IGNORECASE)
_REASONED = re.compile(rf"\s*(?:{OPENING}|##reason:)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class RaftRow:
    """What the texts of a row say."""

    numbers: tuple[int, ...]  # that its passages bear
    passages: tuple[str, ...]
    asked_path: str  # JSON paths of the two messages
    reply_path: str
    reply: str
    reasoning: str | None
    answer: str
    quotes: tuple[Quoted, ...]
    finals: int  # marks that begin a final answer
    reasoned: bool  # the reply begins as a reasoning does
    facts: Mapping[str, Any] | None  # what `dataset raft` recorded


def read_row(row: Row) -> RaftRow | None:
    """None for a row without passages that records none."""
    told = row.get(METADATA)
    facts = told.get(RAFT) if isinstance(told, dict) else None
    texts = _prompt_and_reply(row)
    if texts is None:
        return None
    asked_path, asked, reply_path, reply = texts
    found = [(int(number), text) for number, text in _OWN.findall(asked)]
    found = found or [(place, text.strip()) for place, text in enumerate(_PAPER.findall(asked), 1)]
    if not isinstance(facts, dict) and len(found) < 2:
        return None
    reasoning, answer = taken_apart(reply)
    return RaftRow(
        numbers=tuple(number for number, _ in found),
        passages=tuple(text for _, text in found),
        asked_path=asked_path,
        reply_path=reply_path,
        reply=reply,
        reasoning=reasoning,
        answer=answer.strip(),
        quotes=quotes_in(reasoning or ""),
        finals=len(_FINAL.findall(reply)),
        reasoned=_REASONED.match(reply) is not None,
        facts=facts if isinstance(facts, dict) else None,
    )


def _prompt_and_reply(row: Row) -> tuple[str, str, str, str] | None:
    messages = row.get("messages")
    if isinstance(messages, list):
        return _of_messages(messages)
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, str) and isinstance(completion, str):
        return "$.prompt", prompt, "$.completion", completion
    return None


def _of_messages(messages: Sequence[Any]) -> tuple[str, str, str, str] | None:
    asked = [at for at, one in enumerate(messages) if _text_of(one, "user") is not None]
    if not asked or _text_of(messages[-1], "assistant") is None:
        return None
    last = len(messages) - 1
    return (
        f"$.messages[{asked[-1]}].content",
        messages[asked[-1]]["content"],
        f"$.messages[{last}].content",
        messages[last]["content"],
    )


def _text_of(message: Any, role: str) -> str | None:
    if not isinstance(message, dict) or message.get("role") != role:
        return None
    content = message.get("content")
    return content if isinstance(content, str) else None
