"""What a run says about money: what a right answer costs, when asking pays at all, and from which volume tuning does.

The run gives shares and times, chains/prices.toml and finetune/catalogue.toml the dated prices, and the rest is
assumed (evaluation/advice/costs.py): every table says so, and --cost puts one's own figures in place.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from chains.restoring import record
from evaluation.advice.break_even import Band
from evaluation.reports.tables import NOTHING
from evaluation.reports.verdict import NAMES, money, not_run, percent, span
from evaluation.statistics import Interval
from evaluation.summary import Summary
from evaluation.worth import Worth

__all__ = ["assumed", "break_rows", "document", "verdict_on", "worth_rows"]


def worth_rows(summary: Summary, told: Worth | None) -> Iterator[tuple[str, ...]]:
    """At the expected volume; the head alone where nothing is reckoned."""
    yield ("Mode", "Right of its answers", "Needed to pay", "Pays", "A month", "Per 1,000 right",
           "Net value of 1,000")  # fmt: skip
    if told is None:
        return
    for mode, one in summary.modes.items():
        value, right = told.reckoned.values[mode], one.right_of_answers
        yield (
            NAMES[mode],
            NOTHING if right is None else span(right),
            NOTHING if value.accuracy_needed is None else percent(value.accuracy_needed),
            verdict_on(right, value.accuracy_needed),
            *map(_usd, (value.per_month, value.per_1000_correct, value.net_per_1000)),
        )
    for mode, why in summary.not_run.items():
        yield (NAMES[mode], not_run(why), *[""] * 5)


def verdict_on(right: Interval | None, needed: float | None) -> str:
    """Whether the share right of the answers is shown to be on one side of the break-even accuracy."""
    if right is None or needed is None:
        return NOTHING
    return "yes" if right.low > needed else "no" if right.high < needed else "cannot tell"


def break_rows(summary: Summary, told: Worth | None) -> Iterator[tuple[str, ...]]:
    """From which volume the first mode is the better choice: as measured, and at both ends of the interval."""
    yield ("First", "Second", "The first", "As measured", "At best", "At worst")
    for one in told.reckoned.breaks if told else ():
        names = (NAMES[one.first], NAMES[one.second])
        unasked = next((mode for mode in (one.first, one.second) if mode in summary.not_run), None)
        if unasked is not None:
            yield (*names, f"{NAMES[unasked]} was {not_run(summary.not_run[unasked])}", "", "", "")
        elif one.measured:
            yield (*names, "costs less for a right answer", *_band(one.band))
    for gain in told.gains if told else ():
        yield (NAMES[gain.first], NAMES[gain.second], "is worth more", *_band(gain.band))


def _band(found: Band | None) -> tuple[str, str, str]:
    if found is None:
        return "not known: a price is lacking", "", ""
    return found.expected.said(), found.best_case.said(), found.worst_case.said()


def assumed(told: Worth) -> str:
    """The figures that a reader must agree with before the money is believed."""
    load = told.reckoned.load
    return (
        f"Assumed: {load.questions:,.0f} questions a month, a right answer saves {money(load.saving)}, a wrong one "
        f"costs {money(load.cost_wrong)}, a refusal neither; {load.trainings:.2g} trainings a month with "
        f"{load.labour_hours:g} hours of work each; a machine costs {money(load.machine_usd_per_hour)} an hour. "
        "Your own: --cost questions=20000 --cost cost_wrong=40 (python -m app advise --help)."
    )


def document(told: Worth | None) -> dict[str, Any] | None:
    """For the JSON report: the assumptions, each mode's value, the break-even volumes by cost and by value."""
    if told is None:
        return None
    found = told.reckoned.as_dict()
    kept = ("workload", "model", "tuned_model", "costs", "break_even", "value")
    return {name: found[name] for name in kept} | {"gains": record(told.gains)}


def _usd(value: float | None) -> str:
    if value is None:
        return NOTHING
    return f"−{money(-value)}" if value < 0 else money(value)
