"""Comparisons of this process, each seen only by the browser that asked; the last ones are kept."""

from __future__ import annotations

import secrets
import threading
from dataclasses import dataclass, replace
from functools import cache

from app.ui.live import LiveSnapshot, live_answers
from chains.answer import Mode

KEPT = 300
TIE, NONE = "tie", "none"  # votes besides the modes


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One mode's answer, under `key` in the live answers."""

    mode: Mode
    key: str

    def snapshot(self) -> LiveSnapshot | None:
        """None when the process has forgotten the answer."""
        live = live_answers().get(self.key)
        return live.snapshot() if live else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """One question, asked in several modes at the same time."""

    comparison_id: str
    owner: str
    question: str
    knowledge_base: str
    sides: tuple[Side, ...]
    vote: str | None = None  # a mode of the sides, "tie" or "none"

    @property
    def running(self) -> bool:
        moments = [side.snapshot() for side in self.sides]
        return any(now is not None and now.state == "running" for now in moments)


class Comparisons:
    """Thread-safe; the oldest is forgotten first."""

    def __init__(self, *, kept: int = KEPT) -> None:
        self._kept = kept
        self._lock = threading.Lock()
        self._all: dict[str, Comparison] = {}

    def begin(self, owner: str, question: str, *, knowledge_base: str, modes: tuple[Mode, ...]) -> Comparison:
        identity = secrets.token_hex(12)
        made = Comparison(
            comparison_id=identity,
            owner=owner,
            question=question,
            knowledge_base=knowledge_base,
            sides=tuple(Side(mode=mode, key=f"{identity}-{mode}") for mode in modes),
        )
        with self._lock:
            self._all[identity] = made
            while len(self._all) > self._kept:
                del self._all[next(iter(self._all))]
        return made

    def find(self, comparison_id: str, owner: str) -> Comparison | None:
        """None where it is unknown, and where it is another's: the two look the same."""
        with self._lock:
            found = self._all.get(comparison_id)
        return found if found is not None and found.owner == owner else None

    def forget(self, owner: str) -> None:
        """An owner's comparisons are gone, with their answers; those still running are stopped."""
        with self._lock:
            gone = [identity for identity, one in self._all.items() if one.owner == owner]
            for identity in gone:
                del self._all[identity]
        for identity in gone:
            live_answers().forget(identity)

    def vote(self, comparison: Comparison, winner: str) -> None:
        """Replaces an earlier vote on the same comparison."""
        with self._lock:
            if comparison.comparison_id in self._all:
                self._all[comparison.comparison_id] = replace(comparison, vote=winner)


@cache
def comparisons() -> Comparisons:
    """The process's comparisons."""
    return Comparisons()
