"""What the records hold, as a page or a command reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chains.answer import Mode

__all__ = ["Conversation", "Exchange", "Listed", "Match", "Scope", "State", "Version"]

State = Literal["running", "done", "stopped", "failed", "interrupted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose records: no row is written or read without both."""

    tenant: str
    owner: str  # the browser's cookie, "command line", or a user's name


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One answer to a question, without its evidence; "interrupted": its process ended before the answer did."""

    answer_id: str
    number: int  # 1-based; regenerating adds one
    mode: Mode
    state: State
    text: str  # whole when "done", else as far as it came
    error: str | None
    started_at: str  # UTC, ISO 8601
    ended_at: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One question with its answers, the latest last."""

    exchange_id: str
    conversation_id: str
    question: str
    knowledge_base: str
    files: tuple[str, ...]  # names of files uploaded with the question
    asked_at: str
    versions: tuple[Version, ...]

    @property
    def latest(self) -> Version:
        return self.versions[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    conversation_id: str
    title: str  # as renamed, else the first question; "" while nothing was asked
    created_at: str
    changed_at: str
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """A conversation without its exchanges."""

    conversation_id: str
    title: str
    created_at: str
    changed_at: str
    exchanges: int

    def as_dict(self) -> dict[str, object]:
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """An exchange that a search found; the pieces of `snippet` make a text, True where a word matched."""

    conversation_id: str
    title: str
    exchange_id: str
    answer_id: str  # its latest
    asked_at: str
    snippet: tuple[tuple[str, bool], ...]

    def as_dict(self) -> dict[str, object]:
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "snippet"}
        return plain | {"snippet": [{"text": text, "match": match} for text, match in self.snippet]}
