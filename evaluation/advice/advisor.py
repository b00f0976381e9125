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
from evaluation.advice.factors import LEVELS, NEUTRAL, Framework, framework

__all__ = ["Advice", "Flip", "Reason", "Strength", "advise"]

Strength = Literal["clear", "lean", "toss-up"]
CLEAR = 2.0  # points ahead of the next
LEAN = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """What one factor brings the advised mode over the next best one."""

    factor: str
    level: int
    said: str  # the level in words
    points: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One answer that, given otherwise, would change the advice."""

    factor: str
    level: int
    said: str
    pick: Mode


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
    unknown: tuple[str, ...]  # factors without an answer

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
            "flips": [
                {"factor": one.factor, "level": one.level, "said": one.said, "pick": one.pick}
                for one in self.flips
            ],
            "unknown": list(self.unknown),
            "levels": dict(self.levels),
        }


def advise(levels: Mapping[str, int], *, by: Framework | None = None) -> Advice:
    """`levels`: 0..4 by factor (evaluation.advice.factors.read_levels); what is left out moves nothing."""
    by = by or framework()
    points = _points(levels, by)
    out = _out(levels, by)
    order = _order(points, out)
    pick, runner_up = order[0], order[1] if len(order) > 1 else None
    margin = points[pick] - points[runner_up] if runner_up else float("inf")
    told = _reasons(levels, pick, runner_up or _best_of_the_rest(points, pick), by)
    return Advice(
        levels=dict(levels),
        pick=pick,
        runner_up=runner_up,
        margin=min(margin, 99.0),
        strength=_strength(margin) if levels else "toss-up",
        points=points,
        by_factor={
            factor.name: {mode: factor.points(mode, levels.get(factor.name)) for mode in MODES}
            for factor in by.factors
        },
        out=out,
        reasons=tuple(one for one in told if one.points > 0),
        against=tuple(reversed([one for one in told if one.points < 0])),
        flips=_flips(levels, pick, by),
        unknown=tuple(factor.name for factor in by.factors if factor.name not in levels),
    )


def _strength(margin: float) -> Strength:
    return "clear" if margin >= CLEAR else "lean" if margin >= LEAN else "toss-up"


def _points(levels: Mapping[str, int], by: Framework) -> dict[Mode, float]:
    return {
        mode: sum(factor.points(mode, levels.get(factor.name)) for factor in by.factors)
        + (by.head_start if mode == "base" else 0.0)
        for mode in MODES
    }


def _out(levels: Mapping[str, int], by: Framework) -> dict[Mode, tuple[str, ...]]:
    holding = [gate for gate in by.gates if gate.holds(levels)]
    found = {mode: tuple(gate.reason for gate in holding if mode in gate.out) for mode in MODES}
    return {mode: reasons for mode, reasons in found.items() if reasons}


def _order(points: Mapping[Mode, float], out: Mapping[Mode, tuple[str, ...]]) -> list[Mode]:
    """Those that no gate keeps out, most points first; of equals the simpler one (MODES goes from simple to both)."""
    return sorted((mode for mode in MODES if mode not in out), key=lambda mode: -round(points[mode], 9))


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


def _flips(levels: Mapping[str, int], pick: Mode, by: Framework) -> tuple[Flip, ...]:
    """For each factor the nearest other answer that changes the advice."""
    found = []
    points = _points(levels, by)
    for factor in by.factors:
        given = levels.get(factor.name)
        now = NEUTRAL if given is None else given
        without = {mode: points[mode] - factor.points(mode, given) for mode in MODES}
        for level in sorted(range(LEVELS), key=lambda one: (abs(one - now), one)):
            otherwise = {mode: without[mode] + factor.points(mode, level) for mode in MODES}
            other = _order(otherwise, _out({**levels, factor.name: level}, by))[0]
            if other != pick:
                found.append(Flip(factor=factor.name, level=level, said=factor.levels[level], pick=other))
                break
    return tuple(sorted(found, key=lambda one: abs(one.level - levels.get(one.factor, NEUTRAL))))


def _reason(one: Reason) -> dict[str, Any]:
    return {
        "factor": one.factor,
        "level": one.level,
        "said": one.said,
        "points": round(one.points, 3),
        "source": one.source,
    }
