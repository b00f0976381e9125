"""Charts of a run: share right with its interval, by itself and against cost or time, as shapes to draw.

Every chart has its numbers in words too, and its points carry their names, so that colour says nothing alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chains.answer import Mode
from evaluation.calibration import ConfidenceFacts, RiskPoint
from evaluation.reports.verdict import NAMES, money, percent
from evaluation.summary import ModeSummary, Summary
from finetune.reports.charts import Picture, Shape

__all__ = [
    "errors_against_coverage",
    "pictures",
    "quality_against_cost",
    "quality_against_time",
    "quality_bars",
]

WIDTH, HEIGHT = 560, 260  # units of the view box
LEFT, RIGHT, TOP, BOTTOM = 52, 96, 18, 40
LABELS = 130  # the bars begin here
ROW = 34
FEWEST = 5  # answers from which on a curve is drawn
NEAR = 13  # names of points closer than this stand on lines of their own


@dataclass(frozen=True, slots=True, kw_only=True)
class _Axis:
    title: str
    value: Callable[[ModeSummary], float | None]
    shown: Callable[[float], str]


def pictures(summary: Summary) -> list[Picture]:
    """Those that have something to show."""
    drawn = (
        quality_bars(summary),
        quality_against_cost(summary),
        quality_against_time(summary),
        errors_against_coverage(summary),
    )
    return [picture for picture in drawn if picture is not None]


def quality_bars(summary: Summary) -> Picture | None:
    """One row a mode: the share right as a bar, its interval as a line; None where nothing was asked."""
    if not summary.modes:
        return None
    told = "; ".join(
        f"{NAMES[mode.mode]} {percent(mode.right.value)}, {percent(mode.right.low)} to {percent(mode.right.high)}"
        for mode in summary.modes.values()
    )
    rows = [shape for number, mode in enumerate(summary.modes.values()) for shape in _row(number, mode)]
    for number, mode in enumerate(summary.not_run, start=len(summary.modes)):
        told += f"; {NAMES[mode]} not run"
        rows += _unasked(number, mode)
    height = TOP + ROW * (len(summary.modes) + len(summary.not_run)) + 8
    return _picture("Questions right, with 95 % intervals", told, height, rows)


def quality_against_cost(summary: Summary) -> Picture | None:
    """None where no mode has a price above zero: there is nothing to draw."""
    axis = _Axis(title="US dollars per 1,000 questions", value=lambda mode: mode.cost_per_1000, shown=money)
    return _scatter(summary, "Right against cost", axis)


def quality_against_time(summary: Summary) -> Picture | None:
    axis = _Axis(
        title="seconds, median", value=lambda mode: mode.seconds_p50, shown=lambda one: f"{one:.2g} s"
    )
    return _scatter(summary, "Right against time", axis)


def _row(number: int, mode: ModeSummary) -> Iterator[Shape]:
    y = TOP + ROW * number
    scale = WIDTH - LABELS - RIGHT
    low, high, value = (LABELS + scale * one for one in (mode.right.low, mode.right.high, mode.right.value))
    yield _text("name", LABELS - 8, y + 15, NAMES[mode.mode])
    yield _bar(mode.mode, x=LABELS, y=y + 3, width=value - LABELS, height=16, rx=3)
    yield _line("span", low, high, y + 11, y + 11)
    yield _text("value", max(high, value) + 8, y + 15, percent(mode.right.value))


def _unasked(number: int, mode: Mode) -> Iterator[Shape]:
    y = TOP + ROW * number + 15
    yield _text("name", LABELS - 8, y, NAMES[mode])
    yield _text("value", LABELS + 4, y, "not run")


def errors_against_coverage(summary: Summary) -> Picture | None:
    """One line a mode: as more questions are answered, the surest first, the share of wrong answers among them.

    None where no mode's confidence tells its answers apart.
    """
    curves = {
        mode.mode: points
        for mode in summary.modes.values()
        if mode.confidence is not None and len(points := _drawn(mode.confidence)) > 1
    }
    if not curves:
        return None
    highest = max(point.error for curve in curves.values() for point in curve)
    edge = next(one for one in (0.1, 0.2, 0.5, 1.0) if one >= highest)
    told = "; ".join(_told(mode, summary) for mode in curves)
    shapes = [*_risk_frame(edge), *_curves(curves, edge)]
    return _picture("Wrong answers as more are given, the surest first", told, HEIGHT, shapes)


def _drawn(found: ConfidenceFacts) -> list[RiskPoint]:
    """From a few answers on: of one or two the share of wrong ones says nothing."""
    return [point for point in found.curve if point.coverage * found.questions >= FEWEST - 1e-9]


def _told(mode: Mode, summary: Summary) -> str:
    found = summary.modes[mode].confidence
    assert found is not None
    last = found.curve[-1]
    at = ", ".join(f"{percent(share)} at {error} % errors" for error, share in found.coverage_at.items())
    return f"{NAMES[mode]} answers {percent(last.coverage)} with {percent(last.error)} wrong; {at}"


def _risk_frame(edge: float) -> Iterator[Shape]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    yield _line("axis", LEFT, right, base, base)
    yield _line("axis", LEFT, LEFT, TOP, base)
    for share in (0.0, 0.5, 1.0):
        yield _text("name", LEFT - 6, base - share * (base - TOP) + 4, percent(share * edge))
        yield _text("bin", LEFT + share * (right - LEFT), base + 16, percent(share))
    yield _text("bin", (LEFT + right) / 2, HEIGHT - 6, "questions answered")
    yield _text("value", LEFT + 6, TOP - 6, "of the answers wrong")


def _curves(curves: Mapping[Mode, Sequence[RiskPoint]], edge: float) -> Iterator[Shape]:
    """Each with its name at its end; names that would meet are moved apart."""
    base, wide = HEIGHT - BOTTOM, WIDTH - RIGHT - LEFT
    lowest = math.inf
    for mode, curve in sorted(curves.items(), key=lambda item: item[1][-1].error):
        places = [(LEFT + point.coverage * wide, base - point.error / edge * (base - TOP)) for point in curve]
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield Shape(tag="polyline", attributes={"class": f"curve {mode}", "points": points})
        x, y = places[-1]
        lowest = min(y, lowest - NEAR)
        yield _text("value", x + 6, lowest + 4, NAMES[mode])


def _scatter(summary: Summary, title: str, axis: _Axis) -> Picture | None:
    points = [(mode, value) for mode in summary.modes.values() if (value := axis.value(mode)) is not None]
    highest = max((value for _, value in points), default=0.0)
    if highest <= 0:
        return None
    edge = _round_up(highest)
    told = "; ".join(
        f"{NAMES[mode.mode]}: {percent(mode.right.value)} right at {axis.shown(value)}"
        for mode, value in points
    )
    return _picture(title, told, HEIGHT, [*_frame(axis, edge), *_points(points, edge)])


def _frame(axis: _Axis, edge: float) -> Iterator[Shape]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    yield _line("axis", LEFT, right, base, base)
    yield _line("axis", LEFT, LEFT, TOP, base)
    for share in (0.0, 0.5, 1.0):
        yield _text("name", LEFT - 6, base - share * (base - TOP) + 4, percent(share))
    for share in (0.0, 1.0):
        words = axis.shown(edge * share) if share else "0"
        yield _text("bin", LEFT + share * (right - LEFT), base + 16, words)
    yield _text("bin", (LEFT + right) / 2, HEIGHT - 6, axis.title)


def _points(points: Sequence[tuple[ModeSummary, float]], edge: float) -> Iterator[Shape]:
    base, right = HEIGHT - BOTTOM, WIDTH - RIGHT
    lowest = math.inf  # names are written from the top down, each below the one before
    for mode, value in sorted(points, key=lambda point: point[0].right.value):
        x = LEFT + value / edge * (right - LEFT)
        low, high, y = (
            base - one * (base - TOP) for one in (mode.right.low, mode.right.high, mode.right.value)
        )
        lowest = min(y, lowest - NEAR)
        yield _line("span", x, x, low, high)
        yield _bar(mode.mode, x=x - 6, y=y - 6, width=12, height=12, rx=6)
        yield _text("value", x + 10, lowest + 4, NAMES[mode.mode])


def _round_up(value: float) -> float:
    step: float = 10 ** math.floor(math.log10(value))
    return next(step * times for times in (1, 2, 5, 10) if step * times >= value * (1 - 1e-9))


def _bar(mode: Mode, **places: float) -> Shape:
    return Shape(tag="rect", attributes={"class": f"bar {mode}"} | _numbers(places))


def _line(name: str, x1: float, x2: float, y1: float, y2: float) -> Shape:
    return Shape(tag="line", attributes={"class": name} | _numbers({"x1": x1, "x2": x2, "y1": y1, "y2": y2}))


def _text(name: str, x: float, y: float, words: str) -> Shape:
    return Shape(tag="text", attributes={"class": name} | _numbers({"x": x, "y": y}), text=words)


def _numbers(places: dict[str, float]) -> dict[str, str]:
    return {name: f"{value:.1f}" for name, value in places.items()}


def _picture(title: str, told: str, height: int, shapes: Iterator[Shape] | Sequence[Shape]) -> Picture:
    return Picture(title=title, description=told, height=height, shapes=tuple(shapes), width=WIDTH)
