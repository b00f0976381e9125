"""What the process that generates is told and tells, as JSON objects, one a line.

to it      {"ask": ID, "messages": [...], ...}    {"cancel": ID}
from it    {"ready": {...}}    {"id": ID, "text": "..."}    {"id": ID, "end": {...}}    {"id": ID, "refused": "..."}
           {"failed": "..."}     it cannot serve at all, and ends
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

FinishReason = Literal["stop", "length", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One reply that is asked for. Messages and tools are OpenAI's objects."""

    id: int
    messages: Sequence[Mapping[str, Any]]
    tools: Sequence[Mapping[str, Any]] | None = None
    adapter: str | None = None  # its folder; None: the base itself
    temperature: float = 0.0  # 0: always the likeliest token
    top_p: float = 1.0
    seed: int | None = None  # None: another answer each time, where temperature > 0
    stop: Sequence[str] = ()
    max_tokens: int | None = None  # None: as many as the model's context holds, at most LONGEST

    def line(self) -> str:
        return json.dumps(
            {"ask": self.id, **{name: value for name, value in asdict(self).items() if name != "id"}}
        )


def read_ask(found: Mapping[str, Any]) -> Ask:
    """Raises KeyError, TypeError or ValueError for anything but what Ask.line wrote."""
    return Ask(id=int(found["ask"]), **{name: value for name, value in found.items() if name != "ask"})


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How a reply ended, and what it took."""

    reason: FinishReason
    input_tokens: int
    output_tokens: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """What was loaded."""

    device: str  # "cpu", "cuda"
    precision: str  # "float32", "bfloat16"
    parameters: int
    context: int | None  # tokens; None where the model's files do not say


@dataclass(slots=True, kw_only=True)
class Heard:
    """One line from the process, read."""

    id: int | None = None
    text: str = ""
    end: End | None = None
    refused: str | None = None
    failed: str | None = None
    ready: Ready | None = None
    rest: Mapping[str, Any] = field(default_factory=dict)


def read_heard(line: str) -> Heard:
    """Raises ValueError, TypeError or KeyError for a line that no such process writes."""
    found = json.loads(line)
    return Heard(
        id=found.get("id"),
        text=found.get("text", ""),
        end=End(**found["end"]) if "end" in found else None,
        refused=found.get("refused"),
        failed=found.get("failed"),
        ready=Ready(**found["ready"]) if "ready" in found else None,
    )
