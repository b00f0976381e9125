"""Charts of a run: share right with its interval against cost or time, as inline SVG, nothing loaded.

Every chart has its numbers in words too (`desc`), and its points carry their names, so that colour says nothing alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from evaluation.reports.verdict import NAMES, money, percent
from evaluation.summary import ModeSummary, Summary
from finetune.reports.inert import text

__all__ = ["quality_against_cost", "quality_against_time", "quality_bars"]

WIDTH, HEIGHT = 560, 260  # units of the view box
LEFT, RIGHT, TOP, BOTTOM = 52, 96, 18, 40
ROW = 34


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    title: str
    value: Callable[[ModeSummary], float | None]
    shown: Callable[[float], str]


def quality_bars(summary: Summary) -> str:
    """One row a mode: the share right as a bar, its interval as a line."""
    height = TOP + ROW * len(summary.modes) + 8
    rows = "".join(line for number, mode in enumerate(summary.modes.values()) for line in _row(number, mode))
    told = "; ".join(
        f"{NAMES[mode.mode]} {percent(mode.right.value)}, {percent(mode.right.low)} to {percent(mode.right.high)}"
        for mode in summary.modes.values()
    )
    return _svg("Questions right, with 95 % intervals", told, height, rows)


def quality_against_cost(summary: Summary) -> str:
    """Empty where no mode has a price above zero: there is nothing to draw."""
    axis = _Axis(title="US dollars per 1,000 questions", value=lambda mode: mode.cost_per_1000, shown=money)
    return _scatter(summary, "Right against cost", axis)


def quality_against_time(summary: Summary) -> str:
    axis = _Axis(
        title="seconds, median",
        value=lambda mode: mode.seconds_p50,
        shown=lambda value: f"{value:.2g} s",
    )
    return _scatter(summary, "Right against time", axis)


def _row(number: int, mode: ModeSummary) -> Iterator[str]:
    y = TOP + ROW * number
    scale = WIDTH - 130 - RIGHT
    low, high, value = (130 + scale * one for one in (mode.right.low, mode.right.high, mode.right.value))
    yield f'<text class="name" x="122" y="{y + 15}">{text(NAMES[mode.mode])}</text>'
    yield f'<rect class="bar {mode.mode}" x="130" y="{y + 3}" width="{value - 130:.1f}" height="16" rx="3"/>'
    yield f'<line class="span" x1="{low:.1f}" x2="{high:.1f}" y1="{y + 11}" y2="{y + 11}"/>'
    yield f'<text x="{max(high, value) + 8:.1f}" y="{y + 15}">{percent(mode.right.value)}</text>'


def _scatter(summary: Summary, title: str, axis: _Axis) -> str:
    points = [(mode, value) for mode in summary.modes.values() if (value := axis.value(mode)) is not None]
    highest = max((value for _, value in points), default=0.0)
    if highest <= 0:
        return ""
    edge = _round_up(highest)
    drawn = "".join(part for mode, value in points for part in _point(mode, value / edge))
    told = "; ".join(
        f"{NAMES[mode.mode]}: {percent(mode.right.value)} right at {axis.shown(value)}"
        for mode, value in points
    )
    return _svg(title, told, HEIGHT, "".join(_frame(axis, edge)) + drawn)


def _frame(axis: _Axis, edge: float) -> Iterator[str]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    yield f'<line class="axis" x1="{LEFT}" x2="{right}" y1="{base}" y2="{base}"/>'
    yield f'<line class="axis" x1="{LEFT}" x2="{LEFT}" y1="{TOP}" y2="{base}"/>'
    for share in (0.0, 0.5, 1.0):
        y = base - share * (base - TOP)
        yield f'<text class="name" x="{LEFT - 6}" y="{y + 4:.1f}">{percent(share)}</text>'
    for share in (0.0, 1.0):
        x = LEFT + share * (right - LEFT)
        yield f'<text class="bin" x="{x:.1f}" y="{base + 16}">{text(axis.shown(edge * share) if share else "0")}</text>'
    yield f'<text class="bin" x="{(LEFT + right) / 2:.1f}" y="{HEIGHT - 6}">{text(axis.title)}</text>'


def _point(mode: ModeSummary, share: float) -> Iterator[str]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    x = LEFT + share * (right - LEFT)
    low, high, y = (base - one * (base - TOP) for one in (mode.right.low, mode.right.high, mode.right.value))
    yield f'<line class="span" x1="{x:.1f}" x2="{x:.1f}" y1="{low:.1f}" y2="{high:.1f}"/>'
    yield f'<circle class="bar {mode.mode}" cx="{x:.1f}" cy="{y:.1f}" r="6"/>'
    yield f'<text x="{x + 10:.1f}" y="{y + 4:.1f}">{text(NAMES[mode.mode])}</text>'


def _round_up(value: float) -> float:
    step: float = 10 ** math.floor(math.log10(value))
    return next(step * times for times in (1, 2, 5, 10) if step * times >= value * (1 - 1e-9))


def _svg(title: str, told: str, height: int, drawn: str) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img"><title>{text(title)}</title>'
        f"<desc>{text(told, longest=2000)}</desc>{drawn}</svg>"
    )
