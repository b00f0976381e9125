"""A run's verdict in sentences that a manager can act on, and no stronger than the numbers are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from chains.answer import Mode
from evaluation.statistics import Interval
from evaluation.summary import ModeSummary, Pair, Summary

__all__ = ["NAMES", "Verdict", "money", "percent", "span", "verdict_of"]

Strength = Literal["clear", "lean", "cannot tell yet"]
NAMES: dict[Mode, str] = {"base": "Base", "rag": "RAG", "finetuned": "Fine-tuned", "hybrid": "Hybrid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    strength: Strength
    sentences: tuple[str, ...]  # what to choose, what it costs and takes, what these questions cannot show


def verdict_of(summary: Summary) -> Verdict:
    """ "Clear" where the best mode is shown to beat every other; "lean" where it beats one of them at least.

    One mode alone tells nothing.
    """
    if summary.best is None:
        told = "No question was answered in every mode: there is nothing to compare yet."
        return Verdict(strength="cannot tell yet", sentences=(told,))
    others = len(summary.modes) - 1
    strength: Strength = (
        "cannot tell yet" if len(summary.ties) == others else "clear" if not summary.ties else "lean"
    )
    return Verdict(
        strength=strength,
        sentences=(_choice(summary, strength), _price(summary), _limits(summary)),
    )


def _choice(summary: Summary, strength: Strength) -> str:
    assert summary.best is not None
    best, name = summary.modes[summary.best], NAMES[summary.best]
    right = f"{_rights(best)} of {summary.questions} questions right ({span(best.right)})"
    if len(summary.modes) == 1:
        return f"{name} answered {right}; no other mode was asked, so there is nothing to choose from."
    if strength == "clear":
        return f"Choose {name}: it answered {right}, more than {_list(_others(summary))}, and not by chance."
    tied = _list([NAMES[mode] for mode in summary.ties])
    beaten = [NAMES[mode] for mode in summary.modes if mode != summary.best and mode not in summary.ties]
    if strength == "lean":
        return (
            f"Lean to {name}: it answered {right}, shown to be more than {_list(beaten)}; "
            f"no difference from {tied} is shown."
        )
    return f"Cannot tell yet: {name} answered most, {right}, but no difference from {tied} is shown."


def _price(summary: Summary) -> str:
    assert summary.best is not None
    told = [_one_price(mode) for mode in summary.modes.values()]
    return "Half of the answers came within " + "; ".join(told) + "."


def _one_price(mode: ModeSummary) -> str:
    seconds = "no time (nothing answered)" if mode.seconds_p50 is None else f"{mode.seconds_p50:.2g} s"
    cost = (
        "price not known"
        if mode.cost_per_1000 is None
        else f"{money(mode.cost_per_1000)} per 1,000 questions"
    )
    return f"{seconds} with {NAMES[mode.mode]} ({cost})"


def _limits(summary: Summary) -> str:
    grouped = f" on {summary.groups} documents or topics" if summary.groups < summary.questions else ""
    asked = f"With {summary.questions} questions{grouped}"
    if len(summary.modes) == 1:
        return f"{asked}, the true share may lie anywhere in the interval; ask another mode to compare."
    if summary.detectable is None:
        return f"{asked}, hardly any difference can be shown: ask more."
    points = round(100 * summary.detectable)
    more = (
        ""
        if summary.incomplete == 0
        else f" {summary.incomplete} were not asked in every mode and are left out."
    )
    return f"{asked}, a difference of less than about {points} points cannot be shown.{more}"


def _rights(mode: ModeSummary) -> int:
    return mode.verdicts["right"] + mode.verdicts["rightly refused"]


def _others(summary: Summary) -> list[str]:
    return [NAMES[mode] for mode in summary.modes if mode != summary.best]


def _list(names: list[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def percent(value: float) -> str:
    return f"{100 * value:.0f} %"


def span(interval: Interval) -> str:
    """`62 %, 49 to 73 %`."""
    return f"{percent(interval.value)}, {100 * interval.low:.0f} to {percent(interval.high)}"


def money(dollars: float) -> str:
    return "no charge" if dollars == 0 else f"${dollars:,.2f}" if dollars >= 0.01 else f"${dollars:.2g}"


def against(summary: Summary, mode: Mode) -> Pair | None:
    """Its comparison with the best mode; None for the best itself."""
    return next(
        (
            pair
            for pair in summary.pairs
            if {pair.first, pair.second} == {mode, summary.best} and mode != summary.best
        ),
        None,
    )
