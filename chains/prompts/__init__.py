"""Prompt files: `NAME.vN.md`, a system part and a user part between `<!-- ... -->` lines.

A released version is never edited; a better wording is a new file and a new entry in CURRENT. The SHA-256 of
the file goes into every answer's receipt.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from chains.answer import Turn

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

CURRENT = {
    "base": "base.v1",
    "rag": "rag.v1",
    "finetuned": "finetuned.v1",
    "hybrid": "hybrid.v2",
    "sql": "sql.v1",
    "rewrite": "rewrite.v1",
    "multihop": "multihop.v1",
    "consistency": "consistency.v1",
    "judge": "judge.v1",
    "synthesis": "synthesis.v1",
    "questions": "questions.v1",
}
HISTORY_TURNS = 6  # of the conversation, the latest ones

_SLOT = re.compile(r"\{(\w+)\}")
_PARTS = re.compile(r"^<!-- (system|user) -->\n", re.MULTILINE)
_MARKER = re.compile(r"\s?\[\d{1,3}\]")


# A turn that stayed empty, or is missing: servers refuse empty messages, and two in a row of one role.
NO_ANSWER = "(no answer)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    version: str  # "rag.v1", the file's name without .md
    system: str
    user: str
    sha256: str  # of the file's bytes

    def render(self, **values: str) -> str:
        """The user part with its slots filled in one pass, so that a value's own braces stay as they are."""
        return _SLOT.sub(lambda slot: values[slot[1]], self.user)

    def messages(self, history: Sequence[Turn], **values: str) -> list[BaseMessage]:
        """System, the latest turns (without their citation markers: those numbered other passages), user."""
        from langchain_core.messages import AIMessage, HumanMessage, SystemMessage

        latest = history[-HISTORY_TURNS:]
        turns: list[BaseMessage] = []
        for turn, after in zip(latest, (*latest[1:], None), strict=False):  # no turns: none after them
            if turn.role == "assistant":
                turns.append(AIMessage(_MARKER.sub("", turn.text) if turn.text.strip() else NO_ANSWER))
                continue
            turns.append(HumanMessage(turn.text))
            if after is None or after.role == "user":
                turns.append(AIMessage(NO_ANSWER))
        opening = (
            [SystemMessage(self.system)] if self.system else []
        )  # rows without one are asked without one
        return [*opening, *turns, HumanMessage(self.render(**values))]


@cache
def load_prompt(name: str) -> Prompt:
    """The current version of a prompt. Raises KeyError for a name that CURRENT does not hold."""
    version = CURRENT[name]
    raw = (Path(__file__).parent / f"{version}.md").read_bytes()
    _, _, system, _, user = _PARTS.split(raw.decode("utf-8"))
    return Prompt(
        version=version, system=system.strip(), user=user.strip(), sha256=hashlib.sha256(raw).hexdigest()
    )


def messages_sha256(messages: Sequence[BaseMessage]) -> str:
    """Names the very messages that were sent: a hash over role and text of each."""
    told = "\x1e".join(f"{message.type}\x1f{message.content}" for message in messages)
    return hashlib.sha256(told.encode()).hexdigest()
