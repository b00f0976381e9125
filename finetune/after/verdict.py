"""What comes of comparing a tuned model with its base: figures with intervals, and whether to ship it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Decision", "Measure", "Verdict"]

Decision = Literal["ship", "do not ship", "not proven"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """Means of both models over the same n questions; the interval is of tuned minus base, 95%, paired bootstrap."""

    name: str
    tuned: float
    base: float
    low: float
    high: float
    n: int

    @property
    def difference(self) -> float:
        return self.tuned - self.base

    def as_dict(self) -> dict[str, Any]:
        names = ("name", "tuned", "base", "difference", "low", "high", "n")
        return {name: getattr(self, name) for name in names}

    def sentence(self) -> str:
        return (
            f"{self.name}: {self.tuned:.2f} tuned, {self.base:.2f} base, difference {self.difference:+.2f} "
            f"[{self.low:+.2f}, {self.high:+.2f}] on {self.n} questions."
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    verdict: Decision
    reasons: tuple[str, ...]  # sentences, the deciding one first
    measures: tuple[Measure, ...] = ()
    forgetting: Mapping[str, float] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For `facts["verdict"]` of a job and its model."""
        return {
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "measures": [one.as_dict() for one in self.measures],
            "forgetting": dict(self.forgetting),
        }
