"""What a training set is made of: rows as they stand on the wire, and where each one came from.

A row is the JSON object of one line, in OpenAI's form, whatever it was imported from:

    chat            {"messages": [...], "tools"?: [...], "parallel_tool_calls"?: bool}
    preference      {"input": {"messages": [...], "tools"?}, "preferred_output": [...], "non_preferred_output": [...]}
    reinforcement   {"messages": [...], ...fields that the grader reads}
    completion      {"prompt": "...", "completion": "..."}

Beside these a row may carry "metadata", an object of Groundtune's own (provenance, RAFT facts). It is never sent to
a provider: frozen training files are written without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

Row = dict[str, Any]
Kind = Literal["chat", "preference", "reinforcement", "completion"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Origin = Literal["imported", "feedback", "conversation", "generated", "extracted", "raft", "edited"]
METADATA = "metadata"
CHAT_KEYS = frozenset({"messages", "tools", "parallel_tool_calls", "functions", METADATA})


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Where an example came from; what is not known is None."""

    origin: Origin
    file: str | None = None  # as the user named it
    line: int | None = None  # 1-based line, or record, of that file
    document: str | None = None  # id of the source document in its knowledge base
    group: str | None = None  # rows of one group never stand in two splits: a document, user or ticket
    details: Mapping[str, Any] = field(default_factory=dict)  # sheet, chunks, model, prompt hash, answer id

    def as_dict(self) -> dict[str, Any]:
        known = {name: getattr(self, name) for name in ("origin", "file", "line", "document", "group")}
        return {name: value for name, value in known.items() if value is not None} | dict(self.details)


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One row with its provenance."""

    row: Row
    provenance: Provenance


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """A record that could not become a row: never dropped without being named."""

    file: str
    line: int  # 1-based line, or record
    field: str  # the field at fault as a JSON path or column name; "" for the whole record
    reason: str  # one sentence
    fix: str  # one sentence: what to change

    def as_dict(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.__slots__}


def kind_of(row: Mapping[str, Any]) -> Kind | None:
    """The kind that the row's keys say; None where they say none, or two at once."""
    preference = "preferred_output" in row or "non_preferred_output" in row
    chat, completion = "messages" in row, "completion" in row or "text" in row
    if preference + chat + completion != 1:
        return None
    if preference:
        return "preference"
    if completion:
        return "completion"
    return "chat" if row.keys() <= CHAT_KEYS else "reinforcement"


def with_metadata(example: Example) -> Row:
    """The row with its provenance under "metadata", as working files keep it."""
    return {
        **example.row,
        METADATA: {**(example.row.get(METADATA) or {}), **example.provenance.as_dict()},
    }
