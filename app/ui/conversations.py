"""Conversations of this process, each seen only by the browser that began it.

They live in memory and end with the process; only so many are kept. The id is unguessable and stands in the page's
address, so a reload finds its conversation again.
"""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, field
from functools import cache

from app.ui.live import LiveSnapshot, live_answers
from chains.answer import Mode, Turn

KEPT = 300
HISTORY_TURNS = 6  # earlier exchanges that a question carries along


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question and, under `key` in the live answers, its answer."""

    key: str
    question: str
    mode: Mode
    knowledge_base: str
    files: tuple[str, ...] = ()  # uploaded with the question

    def snapshot(self) -> LiveSnapshot | None:
        """None when the process has forgotten the answer."""
        live = live_answers().get(self.key)
        return live.snapshot() if live else None


@dataclass(slots=True, kw_only=True)
class Conversation:
    conversation_id: str
    owner: str
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def title(self) -> str:
        return self.exchanges[0].question if self.exchanges else "New conversation"

    def history(self) -> tuple[Turn, ...]:
        """The last exchanges that have an answer, as a chain wants them."""
        turns: list[Turn] = []
        for exchange in self.exchanges[-HISTORY_TURNS:]:
            now = exchange.snapshot()
            if now is not None and now.answer is not None:
                turns += [Turn(role="user", text=exchange.question)]
                turns += [Turn(role="assistant", text=now.answer.text)]
        return tuple(turns)


class Conversations:
    """Thread-safe; the conversation unused for longest is forgotten first."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._all: dict[str, Conversation] = {}

    def begin(self, owner: str) -> Conversation:
        with self._lock:
            fresh = Conversation(conversation_id=secrets.token_hex(12), owner=owner)
            self._all[fresh.conversation_id] = fresh
            while len(self._all) > self._kept:
                del self._all[next(iter(self._all))]
            return fresh

    def find(self, conversation_id: str, owner: str) -> Conversation | None:
        """None where it is unknown, and where it is another's: the two look the same."""
        with self._lock:
            found = self._all.get(conversation_id)
            if found is None or found.owner != owner:
                return None
            self._all[conversation_id] = self._all.pop(conversation_id)
            return found

    def of(self, owner: str) -> list[Conversation]:
        """Those with a question in them, latest first."""
        with self._lock:
            mine = [one for one in self._all.values() if one.owner == owner and one.exchanges]
        return mine[::-1]


@cache
def conversations() -> Conversations:
    """The process's conversations."""
    return Conversations()
