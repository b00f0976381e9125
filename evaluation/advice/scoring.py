"""Points and gates: what the answers are worth to each mode, which modes they rule out, and which is left on top."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from chains.answer import MODES, Mode
from evaluation.advice.factors import LEVELS, Framework

__all__ = ["Table", "order_of", "out_of", "pick_of", "points_of", "table_of", "top_of"]

Table = Mapping[str, Sequence[tuple[float, ...]]]  # by factor and level: points of the modes, in MODES' order
HARDLY = 1e-9  # points; sums of the same numbers in another order differ by less


def points_of(levels: Mapping[str, int], by: Framework) -> dict[Mode, float]:
    return {
        mode: sum(factor.points(mode, levels.get(factor.name)) for factor in by.factors)
        + (by.head_start if mode == "base" else 0.0)
        for mode in MODES
    }


def out_of(levels: Mapping[str, int], by: Framework) -> dict[Mode, tuple[str, ...]]:
    """The reasons of the gates that hold, by mode."""
    holding = [gate for gate in by.gates if gate.holds(levels)]
    found = {mode: tuple(gate.reason for gate in holding if mode in gate.out) for mode in MODES}
    return {mode: reasons for mode, reasons in found.items() if reasons}


def order_of(points: Mapping[Mode, float], out: Mapping[Mode, tuple[str, ...]]) -> list[Mode]:
    """Those that no gate keeps out, most points first; of equals the simpler one (MODES goes from simple to both)."""
    return sorted((mode for mode in MODES if mode not in out), key=lambda mode: -round(points[mode], 9))


def pick_of(levels: Mapping[str, int], by: Framework) -> Mode:
    return order_of(points_of(levels, by), out_of(levels, by))[0]


def table_of(by: Framework) -> Table:
    """For those who ask often: `top_of` with sums out of this table is `pick_of`, and far quicker."""
    return {
        factor.name: [tuple(factor.points(mode, level) for mode in MODES) for level in range(LEVELS)]
        for factor in by.factors
    }


def top_of(levels: Mapping[str, int], points: Sequence[float], by: Framework) -> Mode:
    """`points`: in MODES' order."""
    out = {mode for gate in by.gates if gate.holds(levels) for mode in gate.out}
    best, most = MODES[0], float("-inf")
    for mode, points_of_mode in zip(MODES, points, strict=True):
        if points_of_mode > most + HARDLY and mode not in out:
            best, most = mode, points_of_mode
    return best
