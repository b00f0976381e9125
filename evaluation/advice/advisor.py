"""Advice from a questionnaire: points by factor, gates, what would change it.

    advice = advise({"volatility": 4, "attribution": 3})
    advice.pick, advice.strength, advice.reasons, advice.flips

The points are judgement made visible, not knowledge: they order the options and say why. As soon as an evaluation
exists, evaluation/advice/evidence.py lets the measured result outweigh them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from chains.answer import MODES, Mode
from evaluation.advice.factors import Framework, framework
from evaluation.advice.scoring import order_of, out_of, points_of
from evaluation.advice.sensitivity import Flip, flips_of, pairs_of, share_kept

__all__ = ["Advice", "Flip", "Reason", "Strength", "advise"]

Strength = Literal["clear", "lean", "toss-up"]
CLEAR = 2.0  # points ahead of the next
LEAN = 0.75
CLEAR_SHARE = 0.8  # of the ways to answer what is open


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one factor brings the advised mode over the next best one."""

    factor: str
    level: int
    said: str  # the level in words
    points: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    levels: Mapping[str, int]
    pick: Mode
    runner_up: Mode | None  # None: every other mode is out
    margin: float
    strength: Strength
    points: Mapping[Mode, float]
    by_factor: Mapping[str, Mapping[Mode, float]]
    out: Mapping[Mode, tuple[str, ...]]  # the reasons of the gates
    reasons: tuple[Reason, ...]  # what speaks for the pick over the runner-up, strongest first
    against: tuple[Reason, ...]  # and what against it
    flips: tuple[Flip, ...]
    pair_flips: tuple[tuple[Flip, Flip], ...]  # two answers together, where no single one changes it
    unknown: tuple[str, ...]  # factors without an answer
    kept: float  # of all ways to answer what is open: the share that is advised the same
    may_rule_out: tuple[str, ...]  # open factors that, answered otherwise, rule the pick out
    ask_first: str | None  # the open factor on which most hangs

    def as_dict(self) -> dict[str, Any]:
        return {
            "pick": self.pick,
            "runner_up": self.runner_up,
            "margin": round(self.margin, 3),
            "strength": self.strength,
            "points": {mode: round(one, 3) for mode, one in self.points.items()},
            "by_factor": {
                name: {mode: round(one, 3) for mode, one in points.items()}
                for name, points in self.by_factor.items()
            },
            "out": {mode: list(reasons) for mode, reasons in self.out.items()},
            "reasons": [_reason(one) for one in self.reasons],
            "against": [_reason(one) for one in self.against],
            "flips": [_flip(one) for one in self.flips],
            "pair_flips": [[_flip(one), _flip(other)] for one, other in self.pair_flips],
            "unknown": list(self.unknown),
            "kept": round(self.kept, 3),
            "may_rule_out": list(self.may_rule_out),
            "ask_first": self.ask_first,
            "levels": dict(self.levels),
        }


def advise(levels: Mapping[str, int], *, by: Framework | None = None) -> Advice:
    """`levels`: 0..4 by factor (evaluation.advice.factors.read_levels); what is left out moves nothing."""
    by = by or framework()
    points = points_of(levels, by)
    out = out_of(levels, by)
    order = order_of(points, out)
    pick, runner_up = order[0], order[1] if len(order) > 1 else None
    margin = points[pick] - points[runner_up] if runner_up else float("inf")
    other = runner_up or _best_of_the_rest(points, pick)
    told = _reasons(levels, pick, other, by)
    flips, kept = flips_of(levels, pick, by), share_kept(levels, pick, by)
    return Advice(
        levels=dict(levels),
        pick=pick,
        runner_up=runner_up,
        margin=min(margin, 99.0),
        strength=_strength(margin, kept) if levels else "toss-up",
        points=points,
        by_factor={
            factor.name: {mode: factor.points(mode, levels.get(factor.name)) for mode in MODES}
            for factor in by.factors
        },
        out=out,
        reasons=tuple(one for one in told if one.points > 0),
        against=tuple(reversed([one for one in told if one.points < 0])),
        flips=flips,
        pair_flips=() if flips else pairs_of(levels, pick, by),
        unknown=tuple(factor.name for factor in by.factors if factor.name not in levels),
        kept=kept,
        may_rule_out=_may_rule_out(levels, pick, by),
        ask_first=_ask_first(levels, pick, other, by),
    )


def _strength(margin: float, kept: float) -> Strength:
    """What is open widens it: few answers are never clear, however far they point."""
    if margin >= CLEAR and kept >= CLEAR_SHARE:
        return "clear"
    return "lean" if margin >= LEAN else "toss-up"


def _ask_first(levels: Mapping[str, int], pick: Mode, other: Mode, by: Framework) -> str | None:
    """What may rule the pick out comes before what may move points."""
    still_open = [factor for factor in by.factors if factor.name not in levels]
    ruling = _may_rule_out(levels, pick, by)
    found = max(
        still_open,
        key=lambda one: (one.name in ruling, one.weight * abs(one.effect[pick] - one.effect[other])),
        default=None,
    )
    return found.name if found else None


def _may_rule_out(levels: Mapping[str, int], pick: Mode, by: Framework) -> tuple[str, ...]:
    """Open factors of the gates that no answer has settled yet."""
    found = [
        name
        for gate in by.gates
        if pick in gate.out and gate.is_open(levels)
        for name in gate.when
        if name not in levels
    ]
    return tuple(dict.fromkeys(found))


def _best_of_the_rest(points: Mapping[Mode, float], pick: Mode) -> Mode:
    return max((mode for mode in MODES if mode != pick), key=lambda mode: points[mode])


def _reasons(levels: Mapping[str, int], pick: Mode, other: Mode, by: Framework) -> list[Reason]:
    """What each answer brings the pick over the other mode, most first; what brings nothing is left out."""
    told = [
        Reason(
            factor=factor.name,
            level=levels[factor.name],
            said=factor.levels[levels[factor.name]],
            points=factor.points(pick, levels[factor.name]) - factor.points(other, levels[factor.name]),
            source=factor.source,
        )
        for factor in by.factors
        if factor.name in levels
    ]
    return sorted((one for one in told if one.points), key=lambda one: -one.points)


def _flip(one: Flip) -> dict[str, Any]:
    return {"factor": one.factor, "level": one.level, "said": one.said, "pick": one.pick}


def _reason(one: Reason) -> dict[str, Any]:
    return {
        "factor": one.factor,
        "level": one.level,
        "said": one.said,
        "points": round(one.points, 3),
        "source": one.source,
    }
