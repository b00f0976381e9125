"""What rows hold, counted as they pass: kinds, origins, where they come from, and how RAFT rows wrap documents."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from finetune.examples import METADATA, Row, kind_of
from finetune.splits import Split

__all__ = ["Contents"]

_NAMED = 50  # sources and models that are named one by one
_WRAPPER = ("prompt", "prompt_sha256", "wrapper_sha256")


class Contents:
    """Counts, in bounded memory: of sources, the first 50 are told apart."""

    def __init__(self) -> None:
        self.rows: Counter[Split] = Counter()
        self._kinds: Counter[str] = Counter()
        self._origins: Counter[str] = Counter()
        self._files: Counter[str] = Counter()
        self._models: Counter[str] = Counter()
        self._wrappers: Counter[str] = Counter()
        self._tools = self._multi_turn = 0

    def take(self, split: Split, row: Row) -> None:
        metadata = row.get(METADATA)
        facts = metadata if isinstance(metadata, dict) else {}
        self.rows[split] += 1
        self._kinds[kind_of(row) or "unknown"] += 1
        self._origins[str(facts.get("origin") or "unknown")] += 1
        self._tools += bool(row.get("tools"))
        self._multi_turn += _turns(row) > 1
        _count(self._files, facts.get("file") or facts.get("document"))
        _count(self._models, facts.get("model"))
        raft = facts.get("raft")
        if isinstance(raft, dict):
            self._wrappers[json.dumps({name: raft.get(name) for name in _WRAPPER}, sort_keys=True)] += 1

    def as_dict(self) -> dict[str, Any]:
        return {
            "rows": sum(self.rows.values()),
            "kinds": dict(sorted(self._kinds.items())),
            "origins": dict(sorted(self._origins.items())),
            "files_of_origin": dict(self._files.most_common()),
            "models_of_origin": dict(self._models.most_common()),
            "rows_with_tools": self._tools,
            "rows_of_several_turns": self._multi_turn,
            "wrappers": [
                json.loads(text) | {"rows": count} for text, count in sorted(self._wrappers.items())
            ],
        }


def _turns(row: Row) -> int:
    messages = row.get("messages")
    found = messages if isinstance(messages, list) else []
    return sum(isinstance(message, dict) and message.get("role") == "assistant" for message in found)


def _count(counter: Counter[str], value: object) -> None:
    if isinstance(value, str) and value:
        counter[value if value in counter or len(counter) < _NAMED else "(others)"] += 1
