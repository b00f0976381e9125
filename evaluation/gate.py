"""A quality gate for continuous integration: thresholds, or no worse than a stored run.

check(summary, ["rag.right>=0.7", "rag.wrong<=5"])     -> sentences of what failed; empty: all is well
regressions(before, after, questions)                 -> the modes that got worse, beyond chance
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from chains.answer import MODES, Mode
from errors import SettingsError
from evaluation.outcomes import Outcome
from evaluation.statistics import compare
from evaluation.summary import Summary

__all__ = ["check", "regressions"]

_CONDITION = re.compile(
    r"\s*(?P<mode>\w+)\.(?P<name>\w+)\s*(?P<how><=|>=|<|>)\s*(?P<bound>-?\d+(?:\.\d+)?)\s*"
)
_HOW: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip
ALPHA = 0.05


def check(summary: Summary, conditions: Iterable[str]) -> list[str]:
    """`MODE.MEASURE>=NUMBER`: right (a share), wrong, missed, errors (counts), seconds_p95, cost_per_1000, or a score.

    Raises SettingsError for a condition that cannot be read or measured.
    """
    return [sentence for condition in conditions if (sentence := _failed(summary, condition))]


def regressions(before: Sequence[Outcome], after: Sequence[Outcome]) -> list[str]:
    """Modes that answer fewer of the same questions right than in the stored run, at 5 %, one sentence each."""
    told = []
    for mode in MODES:
        old = {one.question: one.right for one in before if one.mode == mode}
        new = {one.question: one.right for one in after if one.mode == mode}
        shared = sorted(old.keys() & new.keys())
        if not shared:
            continue
        found = compare([new[one] for one in shared], [old[one] for one in shared])
        if found.difference.value < 0 and found.p < ALPHA:
            told.append(
                f"{mode} got worse: {found.second_only} questions it had right are wrong now, {found.first_only} the "
                f"other way round, of {len(shared)} (p {found.p:.3f})."
            )
    return told


def _failed(summary: Summary, condition: str) -> str | None:
    match = _CONDITION.fullmatch(condition)
    if match is None:
        raise SettingsError(f"The condition {condition!r} is none: write it as rag.right>=0.7.")
    value = _measured(summary, match["mode"], match["name"])
    if _HOW[match["how"]](value, float(match["bound"])):
        return None
    return f"{condition} does not hold: {match['mode']}.{match['name']} is {value:.4g}."


def _measured(summary: Summary, mode: str, name: str) -> float:
    found = {str(key): value for key, value in summary.modes.items()}.get(mode)
    if found is None:
        there = ", ".join(summary.modes) or "none"
        raise SettingsError(f"The mode {mode!r} was not evaluated: there are {there}.")
    measures: dict[str, float | None] = {
        "right": found.right.value,
        "right_low": found.right.low,
        "wrong": found.verdicts["wrong"],
        "missed": found.verdicts["missed"],
        "errors": found.verdicts["error"],
        "seconds_p50": found.seconds_p50,
        "seconds_p95": found.seconds_p95,
        "cost_per_1000": found.cost_per_1000,
        "calibration_error": found.calibration_error,
        **{score: interval.value for score, interval in found.scores.items()},
    }
    value = measures.get(name)
    if value is None:
        known = ", ".join(key for key, one in measures.items() if one is not None)
        raise SettingsError(f"{mode} has no measure {name!r}: there are {known}.")
    return float(value)


def modes_of(outcomes: Iterable[Outcome]) -> tuple[Mode, ...]:
    """Those that occur, in the order in which modes are shown."""
    there = {one.mode for one in outcomes}
    return tuple(mode for mode in MODES if mode in there)
