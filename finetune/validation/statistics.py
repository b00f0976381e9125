"""What a training set looks like in numbers, counted row by row: kinds, roles, turns, lengths, trained answers."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from finetune.examples import Kind, Row

LENGTH_EDGES = (0, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072)  # characters
TURN_EDGES = (1, 2, 3, 4, 5, 6, 8, 12, 16, 32, 64)  # messages
OTHER = "other"  # roles beyond the first few: none has so many, and a report names each
_ROLES = 24
_SYSTEM = frozenset({"system", "developer"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram:
    """Counts between edges: counts[i] of values from edges[i] up to, not with, edges[i + 1]; the last is open."""

    unit: str
    edges: tuple[int, ...]
    counts: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        return {"unit": self.unit, "edges": list(self.edges), "counts": list(self.counts)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The numbers of one check, over all its files."""

    rows: dict[str, int]  # by split
    kinds: dict[str, int]
    roles: dict[str, int]  # messages by role
    trained_answers: int  # assistant messages whose weight is not 0, and both answers of a pair
    rows_with_tools: int
    rows_without_system: int
    characters: int  # of all messages
    prompt_lengths: Histogram  # characters of what stands before the last answer
    answer_lengths: Histogram  # characters of the last answer
    messages: Histogram  # of a row

    def as_dict(self) -> dict[str, Any]:
        return {
            name: value.as_dict() if isinstance(value := getattr(self, name), Histogram) else value
            for name in self.__slots__
        }


@dataclass(slots=True)
class _Bins:
    edges: tuple[int, ...]
    counts: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.counts = [0] * len(self.edges)

    def add(self, value: int, times: int = 1) -> None:
        self.counts[bisect_right(self.edges, value) - 1] += times

    def closed(self, unit: str) -> Histogram:
        return Histogram(unit=unit, edges=self.edges, counts=tuple(self.counts))


class Counting:
    """Sees every row once."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._roles: Counter[str] = Counter()
        self._trained = self._tools = self._no_system = self._characters = 0
        self._prompts, self._answers = _Bins(LENGTH_EDGES), _Bins(LENGTH_EDGES)
        self._messages = _Bins(TURN_EDGES)
        self._plain: Counter[tuple[str, bool, int]] = Counter()  # split, with system message, messages

    def add_plain(self, split: str, messages: list[dict[str, str]]) -> None:
        """A chat of texts in turns, as most rows are, in a fraction of the time."""
        self._plain[split, messages[0]["role"] == "system", len(messages)] += 1
        total = 0
        for message in messages:
            last = len(message["content"])
            total += last
        self._characters += total
        self._answers.add(last)
        self._prompts.add(total - last)

    def _unfold(self) -> None:
        """Counts what `add_plain` put aside."""
        for (split, system, length), rows in self._plain.items():
            turns = (length - system) // 2
            self._rows[split] += rows
            self._kinds["chat"] += rows
            self._roles.update({"user": rows * turns, "assistant": rows * turns})
            if system:
                self._roles["system"] += rows
            else:
                self._no_system += rows
            self._trained += rows * turns
            self._messages.add(length, rows)
        self._plain.clear()

    def add(self, split: str, row: Row, kind: Kind | None) -> None:
        self._rows[split] += 1
        self._kinds[kind or "unknown"] += 1
        messages = row.get("messages") if kind != "preference" else list(_of_preference(row))
        if kind == "completion":
            self._completion(row)
        elif isinstance(messages, list):
            self._chat(messages)
        self._tools += "tools" in row

    def _chat(self, messages: list[Any]) -> None:
        lengths, roles = [], self._roles
        system = False
        for message in messages:
            if message.__class__ is not dict:
                continue
            role, content = message.get("role"), message.get("content")
            lengths.append(len(content) if content.__class__ is str else _length(content))
            if role.__class__ is str:
                roles[role if role in roles or len(roles) < _ROLES else OTHER] += 1
                system = system or role in _SYSTEM
                self._trained += role == "assistant" and message.get("weight", 1) != 0
        self._no_system += not system
        self._count(lengths)

    def _completion(self, row: Row) -> None:
        self._trained += 1
        texts = [row.get("prompt"), row.get("completion", row.get("text"))]
        self._count([len(text) if isinstance(text, str) else 0 for text in texts])

    def _count(self, lengths: list[int]) -> None:
        total = sum(lengths)
        self._characters += total
        if lengths:
            self._answers.add(lengths[-1])
            self._prompts.add(total - lengths[-1])
            self._messages.add(len(lengths))

    def statistics(self) -> Statistics:
        """The numbers of the rows so far."""
        self._unfold()
        return Statistics(
            rows=dict(self._rows),
            kinds=dict(self._kinds),
            roles=dict(self._roles),
            trained_answers=self._trained,
            rows_with_tools=self._tools,
            rows_without_system=self._no_system,
            characters=self._characters,
            prompt_lengths=self._prompts.closed("characters"),
            answer_lengths=self._answers.closed("characters"),
            messages=self._messages.closed("messages"),
        )


def _length(content: Any) -> int:
    """Characters of the text parts of a content."""
    parts = content if isinstance(content, list) else []
    return sum(
        len(text) for part in parts if isinstance(part, dict) and isinstance(text := part.get("text"), str)
    )


def _of_preference(row: Row) -> Iterator[Any]:
    """Prompt, other answer, preferred answer, in that order: the last is the answer that is wanted."""
    prompt = row.get("input")
    for messages in (
        prompt.get("messages") if isinstance(prompt, dict) else None,
        row.get("non_preferred_output"),
        row.get("preferred_output"),
    ):
        yield from messages if isinstance(messages, list) else ()
