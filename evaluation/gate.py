"""A quality gate for continuous integration: thresholds, or no worse than a stored run.

check(summary, [parsed("rag.right>=0.7")])             -> sentences of what failed; empty: all is well
regressions(before, after)                            -> the modes that got worse, beyond chance
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches

from chains.answer import MODES, Mode
from errors import SettingsError
from evaluation.changes import changes
from evaluation.measures import NAMES, measures_of
from evaluation.reports.content import Content
from evaluation.summary import Summary
from evaluation.worth import Worth

__all__ = ["Condition", "check", "parsed", "regressions"]

_CONDITION = re.compile(
    r"\s*(?P<mode>\w+)\.(?P<name>\w+)\s*(?P<how><=|>=|<|>)\s*(?P<bound>-?\d+(?:\.\d+)?)\s*"
)
_HOW: Mapping[str, Callable[[float, float], bool]] = {
    ">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt,
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    text: str
    mode: Mode
    measure: str
    how: str
    bound: float


def parsed(text: str) -> Condition:
    """`MODE.MEASURE>=NUMBER`, a measure by its name in evaluation/measures.py.

    Raises SettingsError for a text that cannot be read, and for a measure that there is not.
    """
    match = _CONDITION.fullmatch(text)
    mode = next((one for one in MODES if match is not None and one == match["mode"]), None)
    if match is None or mode is None:
        raise SettingsError(f"The condition {text!r} is none: write it as rag.right>=0.7.")
    if match["name"] not in NAMES:
        close = get_close_matches(match["name"], NAMES, n=1)
        meant = f" Did you mean {close[0]!r}?" if close else ""
        known = ", ".join(name for name in NAMES if not name.endswith(("_low", "_high")))
        raise SettingsError(f"There is no measure {match['name']!r}: there are {known}.{meant}")
    return Condition(
        text=text, mode=mode, measure=match["name"], how=match["how"], bound=float(match["bound"])
    )


def check(summary: Summary, conditions: Iterable[Condition], *, worth: Worth | None = None) -> list[str]:
    """`worth`: for conditions on money. Raises SettingsError for a measure that the run has no value of."""
    found = (_failed(summary, condition, worth) for condition in conditions)
    return [sentence for sentence in found if sentence]


def regressions(before: Content, after: Content) -> list[str]:
    """Modes that answer fewer of the same questions right than in the stored run, at 5 %, one sentence each.

    Raises SettingsError where the two runs share no question in any mode: nothing would ever fail.
    """
    found = changes(before, after)
    if not found:
        raise SettingsError(
            f"{before.run.id} asked none of these questions in these modes: compare with another run."
        )
    return [
        f"{one.mode} got worse: {len(one.lost)} questions it had right are wrong now, {len(one.won)} the other way "
        f"round, of {one.comparison.difference.n} (p {one.comparison.p:.3f})."
        for one in found
        if one.worse
    ]


def _failed(summary: Summary, condition: Condition, worth: Worth | None) -> str | None:
    value = _measured(summary, condition.mode, condition.measure, worth)
    if _HOW[condition.how](value, condition.bound):
        return None
    return f"{condition.text} does not hold: {condition.mode}.{condition.measure} is {value:.4g}."


def _measured(summary: Summary, mode: Mode, name: str, worth: Worth | None) -> float:
    found = summary.modes.get(mode)
    if found is None:
        there = ", ".join(summary.modes) or "none"
        why = f" ({summary.not_run[mode]})" if mode in summary.not_run else ""
        raise SettingsError(f"The mode {mode!r} was not evaluated: there are {there}.{why}")
    measures = measures_of(found, worth)
    value = measures.get(name)
    if value is None:
        known = ", ".join(key for key, one in measures.items() if one is not None)
        raise SettingsError(f"{mode} has no measure {name!r}: there are {known}.")
    return float(value)
