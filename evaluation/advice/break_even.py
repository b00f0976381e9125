"""When does a mode pay: break-even volume with its band, break-even accuracy, cost per correct answer, net value.

A mode costs v US dollars a question and F a month. At q questions a month and a share of a answers right,
    cost per correct answer = (F / q + v) / a
    net value of a question = a x saving - (1 - a) x cost of a wrong one - v - F / q
and the first of two modes is the cheaper per correct answer where F1 / q + v1 < r x (F2 / q + v2), r = a1 / a2. More
volume moves that one way only, so the answer is always, never, from a volume on, or up to one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from errors import SettingsError

__all__ = [
    "Band",
    "BreakEven",
    "Pays",
    "Running",
    "band",
    "break_even",
    "break_even_accuracy",
    "cost_per_correct",
    "net_value",
]

Pays = Literal["always", "never", "from", "up to"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What it takes to keep a mode running."""

    per_question: float  # US dollars
    per_month: float

    def a_question(self, per_month: float) -> float:
        """US dollars of one question, its part of the month's costs with it; `per_month`: questions, above 0."""
        return self.per_month / per_month + self.per_question


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Where the first of two modes costs less than the second, by questions a month."""

    pays: Pays
    volume: float | None = None  # questions a month; None for always and never

    def at(self, per_month: float) -> bool:
        if self.volume is None:
            return self.pays == "always"
        return per_month > self.volume if self.pays == "from" else per_month < self.volume

    def said(self) -> str:
        if self.volume is None:
            return f"{self.pays}"
        return f"{self.pays} {rounded(self.volume):,} questions a month"


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """The break-even as it is measured, and at both ends of what the measurement leaves open."""

    expected: BreakEven
    best_case: BreakEven
    worst_case: BreakEven

    @property
    def certain(self) -> bool:
        """Whether both ends say the same at every volume."""
        return self.best_case == self.worst_case

    def said(self) -> str:
        if self.certain:
            return self.expected.said()
        return f"{self.expected.said()}; at best {self.best_case.said()}, at worst {self.worst_case.said()}"


def break_even(first: Running, second: Running, ratio: float = 1.0) -> BreakEven:
    """`ratio`: right answers of the first for each of the second; 1 compares costs alone.

    Raises SettingsError for a ratio that is no number above 0.
    """
    if not (ratio > 0 and math.isfinite(ratio)):
        raise SettingsError(f"{ratio} right answers for one of the other mode cannot be reckoned with.")
    more_a_month = first.per_month - ratio * second.per_month
    less_a_question = ratio * second.per_question - first.per_question
    if more_a_month <= 0 and less_a_question >= 0:
        equal = more_a_month == 0 and less_a_question == 0
        return BreakEven(pays="never" if equal else "always")
    if more_a_month >= 0 and less_a_question <= 0:
        return BreakEven(pays="never")
    return BreakEven(pays="from" if more_a_month > 0 else "up to", volume=more_a_month / less_a_question)


def band(first: Running, second: Running, ratios: tuple[float, float, float]) -> Band:
    """`ratios`: lowest, expected and highest of `break_even`'s. More right answers never make the first dearer."""
    low, expected, high = ratios
    return Band(
        expected=break_even(first, second, expected),
        best_case=break_even(first, second, high),
        worst_case=break_even(first, second, low),
    )


def cost_per_correct(running: Running, accuracy: float, per_month: float) -> float | None:
    """US dollars (Cost-of-Pass, arXiv 2605.09533); None where nothing is right or nothing is asked."""
    if accuracy <= 0 or per_month <= 0:
        return None
    return running.a_question(per_month) / accuracy


def net_value(
    running: Running,
    accuracy: float,
    per_month: float,
    *,
    saving: float,
    cost_wrong: float,
    wrong: float | None = None,
) -> float | None:
    """US dollars a question brings; `saving`: by a right answer, `cost_wrong`: of a wrong one. None: nothing asked.

    `wrong`: share answered wrong; a refusal brings and costs nothing. None: whatever is not right is wrong.
    """
    if per_month <= 0:
        return None
    lost = 1 - accuracy if wrong is None else wrong
    return accuracy * saving - lost * cost_wrong - running.a_question(per_month)


def break_even_accuracy(cost_wrong: float, saving: float, a_question: float = 0.0) -> float | None:
    """The share of right answers from which on asking pays (OpenAI's guide to choosing a model: 300 / (300 + 50)).

    `a_question`: what asking costs. Above 1: not even if all are right. None where nothing is at stake.
    """
    at_stake = cost_wrong + saving
    return None if at_stake <= 0 else (cost_wrong + a_question) / at_stake


def rounded(volume: float) -> int:
    """Two digits that mean something: `8,400`."""
    if volume < 1:
        return 1
    step = int(10 ** max(0, math.floor(math.log10(volume)) - 1))
    return round(volume / step) * step
