"""What a run is worth in money: each mode's value at the expected volume, and from which volume one beats another.

    told = worth_of("run-1a2b", questions, outcomes, summary, rates=rates)
    told.reckoned.values["rag"].net_per_1000, told.gains

A right answer saves something, a wrong one costs something, a refusal brings and costs nothing. The gain of one mode
over another is taken question by question, with its interval by document; divided into what the first costs more a
month it gives the volume from which it is worth more (evaluation/advice/break_even.py has the other break-even, by
the cost of a right answer).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chains.answer import Mode
from evaluation.advice.break_even import Band, BreakEven, Running
from evaluation.advice.consultation import COMPARED, Consultation, consult
from evaluation.advice.costs import Rates, Workload
from evaluation.advice.evidence import Evidence
from evaluation.grouping import in_groups
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome, Verdict
from evaluation.statistics import Interval, mean
from evaluation.summary import Summary

__all__ = ["Gain", "Worth", "worth_more", "worth_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """What the first mode's answers bring more than the second's."""

    first: Mode
    second: Mode
    per_question: Interval  # US dollars, before what the modes themselves cost
    band: Band | None  # from which volume the first is worth more; None: a price is not known


@dataclass(frozen=True, slots=True, kw_only=True)
class Worth:
    reckoned: Consultation  # costs, values, break-even by the cost of a right answer
    gains: tuple[Gain, ...]


def worth_of(
    run: str,
    questions: Sequence[KnownQuestion],
    outcomes: Iterable[Outcome],
    summary: Summary,
    *,
    rates: Rates,
    costs: Mapping[str, object] | None = None,
) -> Worth | None:
    """None where nothing was asked. Raises SettingsError for a cost figure that cannot be used."""
    if not summary.modes:
        return None
    told = consult({}, rates=rates, evidence=Evidence(run=run, named=run, summary=summary), costs=costs or {})
    by = {(one.question, one.mode): one.verdict for one in outcomes}
    pairs = [pair for pair in COMPARED if all(mode in summary.modes for mode in pair)]
    gains = (_gain(first, second, questions, by, told) for first, second in pairs)
    return Worth(reckoned=told, gains=tuple(gains))


def _gain(
    first: Mode,
    second: Mode,
    questions: Sequence[KnownQuestion],
    by: Mapping[tuple[str, Mode], Verdict],
    told: Consultation,
) -> Gain:
    both = [one for one in questions if (one.id, first) in by and (one.id, second) in by]
    brought = [
        _brought(by[one.id, first], told.load) - _brought(by[one.id, second], told.load) for one in both
    ]
    gain = mean(brought, [one.group for one in in_groups(both)])
    return Gain(first=first, second=second, per_question=gain, band=_band(gain, first, second, told))


def _brought(verdict: Verdict, load: Workload) -> float:
    return load.saving if verdict == "right" else -load.cost_wrong if verdict == "wrong" else 0.0


def _band(gain: Interval, first: Mode, second: Mode, told: Consultation) -> Band | None:
    one, other = told.costs[first].running, told.costs[second].running
    if one is None or other is None:
        return None
    return Band(
        expected=worth_more(one, other, gain.value),
        best_case=worth_more(one, other, gain.high),
        worst_case=worth_more(one, other, gain.low),
    )


def worth_more(first: Running, second: Running, gain: float) -> BreakEven:
    """Where the first brings more a month, its answers bringing `gain` US dollars a question more."""
    more_a_month = first.per_month - second.per_month
    more_a_question = gain - (first.per_question - second.per_question)
    if more_a_month <= 0 and more_a_question >= 0:
        equal = more_a_month == 0 and more_a_question == 0
        return BreakEven(pays="never" if equal else "always")
    if more_a_month >= 0 and more_a_question <= 0:
        return BreakEven(pays="never")
    return BreakEven(pays="from" if more_a_month > 0 else "up to", volume=more_a_month / more_a_question)
