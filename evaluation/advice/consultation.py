"""All that the advisor has to say: the decision, what each mode costs, where it pays, and what would change it.

told = consult(levels, rates=rates_of(...), evidence=evidence)
told.decision, told.costs, told.breaks
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chains.answer import Mode
from evaluation.advice.advisor import advise
from evaluation.advice.break_even import (
    Band,
    band,
    break_even_accuracy,
    cost_per_correct,
    net_value,
)
from evaluation.advice.costs import (
    QUESTIONS_A_MONTH,
    TRAININGS_A_MONTH,
    TUNED,
    ModeCost,
    Rates,
    Workload,
    mode_costs,
    workload_with,
)
from evaluation.advice.evidence import Decision, Evidence, ratios, weigh

__all__ = ["Break", "Consultation", "Value", "consult", "workload_of"]

COMPARED: tuple[tuple[Mode, Mode], ...] = (("finetuned", "base"), ("finetuned", "rag"), ("hybrid", "rag"))
COSTS_ALONE = (1.0, 1.0, 1.0)
LOCAL = "local:"


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """From how many questions a month on the first mode is the cheaper for each correct answer."""

    first: Mode
    second: Mode
    band: Band | None  # None: a price is not known
    measured: bool  # else both are taken to be right as often: costs alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One mode at the expected volume, US dollars; None: not known."""

    mode: Mode
    per_month: float | None  # all it costs
    per_1000: float | None
    accuracy: float | None
    per_1000_correct: float | None
    net_per_1000: float | None
    accuracy_needed: float | None  # share right from which on it pays at all


@dataclass(frozen=True, slots=True, kw_only=True)
class Consultation:
    decision: Decision
    load: Workload
    rates: Rates
    costs: Mapping[Mode, ModeCost]
    breaks: tuple[Break, ...]
    values: Mapping[Mode, Value]
    wanted: tuple[str, ...] = ()  # what the pick cannot do without and is not here, in sentences

    def as_dict(self) -> dict[str, Any]:
        return {
            **self.decision.as_dict(),
            "wanted": list(self.wanted),
            "workload": self.load.as_dict(),
            "model": self.rates.model,
            "tuned_model": self.rates.tuned_model,
            "model_notes": list(self.rates.notes),
            "costs": [cost.as_dict() for cost in self.costs.values()],
            "break_even": [_break(one) for one in self.breaks],
            "value": [
                {name: getattr(one, name) for name in Value.__dataclass_fields__}
                for one in self.values.values()
            ],
        }


def consult(
    levels: Mapping[str, int],
    *,
    rates: Rates,
    evidence: Evidence | None = None,
    costs: Mapping[str, object] | None = None,
    as_measured: bool = True,
) -> Consultation:
    """`costs`: Workload's fields. `as_measured`: what the run paid stands in for what is reckoned.

    Raises SettingsError for a figure that cannot be used.
    """
    load = workload_of(levels, costs or {})
    paid = _paid(evidence, load, rates) if evidence and as_measured else {}
    found = mode_costs(load, rates, measured=paid)
    return Consultation(
        decision=weigh(advise(levels), evidence),
        load=load,
        rates=rates,
        costs=found,
        breaks=tuple(_compared(first, second, found, evidence) for first, second in COMPARED),
        values={mode: _value(cost, load, evidence) for mode, cost in found.items()},
    )


def workload_of(levels: Mapping[str, int], given: Mapping[str, object]) -> Workload:
    """What the answers tell of it (how many questions, how soon stale), and `given` on top."""
    told: dict[str, object] = {}
    if "users" in levels:
        told["questions"] = QUESTIONS_A_MONTH[levels["users"]]
    if "volatility" in levels:
        told["trainings"] = TRAININGS_A_MONTH[levels["volatility"]]
    return workload_with({**told, **given})


def _paid(evidence: Evidence, load: Workload, rates: Rates) -> dict[Mode, float]:
    """US dollars a question as the run paid them; a model of this machine is paid by its measured time."""
    paid: dict[Mode, float] = {}
    for mode, one in evidence.summary.modes.items():
        here = rates.tuned_on_machine if mode in TUNED else rates.on_machine
        if one.model and one.model.startswith(LOCAL) != here:
            continue  # another model than the one that would be asked now
        if here and one.seconds_p50 is not None:
            paid[mode] = one.seconds_p50 * load.machine_usd_per_hour / 3600
        elif not here and one.cost_per_1000:
            paid[mode] = one.cost_per_1000 / 1000
    return paid


def _compared(first: Mode, second: Mode, costs: Mapping[Mode, ModeCost], evidence: Evidence | None) -> Break:
    one, other = costs[first].running, costs[second].running
    found = ratios(evidence.summary, first, second) if evidence else None
    between = band(one, other, found or COSTS_ALONE) if one is not None and other is not None else None
    return Break(first=first, second=second, band=between, measured=found is not None)


def _value(cost: ModeCost, load: Workload, evidence: Evidence | None) -> Value:
    running, asked = cost.running, load.questions
    measured = evidence.summary.modes.get(cost.mode) if evidence else None
    accuracy = measured.right.value if measured else None
    a_question = running.a_question(asked) if running and asked else None
    correct = cost_per_correct(running, accuracy, asked) if running and accuracy is not None else None
    net = (
        net_value(
            running,
            measured.refusals.answered_right / measured.right.n,
            asked,
            saving=load.saving,
            cost_wrong=load.cost_wrong,
            wrong=measured.verdicts["wrong"] / measured.right.n,
        )
        if running and measured
        else None
    )
    return Value(
        mode=cost.mode,
        per_month=None if a_question is None else a_question * asked,
        per_1000=_thousand(a_question),
        accuracy=accuracy,
        per_1000_correct=_thousand(correct),
        net_per_1000=_thousand(net),
        accuracy_needed=break_even_accuracy(load.cost_wrong, load.saving, a_question or 0.0),
    )


def _thousand(usd: float | None) -> float | None:
    return None if usd is None else 1000 * usd


def _break(one: Break) -> dict[str, Any]:
    ends = one.band and {
        name: {"pays": end.pays, "volume": end.volume}
        for name, end in (
            ("expected", one.band.expected),
            ("best_case", one.band.best_case),
            ("worst_case", one.band.worst_case),
        )
    }
    return {"first": one.first, "second": one.second, "measured": one.measured, "band": ends}
