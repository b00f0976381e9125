"""Curves over training steps as shapes to draw: losses, accuracies, or those of two runs over each other.

    curves("Loss", [Curve(name="Training", points=[(1, 2.3), (2, 1.9)]), Curve(name="Validation", ..., dashed=True)])

The description tells each curve's first, best and last value in words. Long curves are thinned to their means.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from finetune.reports.charts import Picture, Shape

WIDTH, HEIGHT = 560, 190  # of the plot, in units of the view box
LEFT, TOP, RIGHT, BOTTOM = 46, 30, 10, 22
MOST_POINTS = 300  # of a drawn curve: more than its pixels tell apart
FEW = 40  # points that get a dot each: a validation once an epoch is no line of its own
LINES = 4  # of the grid
Tone = Literal[0, 1]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    name: str
    points: Sequence[Point]  # (step, value), steps growing
    tone: Tone = 0
    dashed: bool = False
    best: Literal["lowest", "highest"] = "lowest"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """From numbers to places."""

    steps: tuple[float, float]
    values: tuple[float, float]

    def at(self, point: Point) -> Point:
        (first, last), (low, high) = self.steps, self.values
        across = (point[0] - first) / (last - first or 1)
        up = (point[1] - low) / (high - low or 1)
        return LEFT + across * (WIDTH - LEFT - RIGHT), TOP + (1 - up) * HEIGHT


def curves(title: str, drawn: Sequence[Curve], *, within: tuple[float, float] | None = None) -> Picture:
    """`within`: lowest and highest value that can be; None: from 0 to a round number above all of them."""
    kept = [(curve, _thinned(_finite(curve.points))) for curve in drawn]
    kept = [(curve, points) for curve, points in kept if points]
    every = [point for _, points in kept for point in points]
    frame = _Frame(steps=_steps(every), values=within or (0.0, _ceiling(every)))
    shapes = [*_grid(frame), *_legend([curve for curve, _ in kept])]
    for curve, points in kept:
        shapes += _line(curve, points, frame)
    return Picture(
        title=title,
        description=" ".join(_told(curve, _finite(curve.points)) for curve, _ in kept) or "Nothing yet.",
        height=TOP + HEIGHT + BOTTOM,
        shapes=tuple(shapes),
    )


def _finite(points: Sequence[Point]) -> list[Point]:
    return [point for point in points if math.isfinite(point[0]) and math.isfinite(point[1])]


def _thinned(points: list[Point]) -> list[Point]:
    """Means of stretches of equal length; the first and the last point stay what they are."""
    if len(points) <= MOST_POINTS:
        return points
    inner, size = points[1:-1], math.ceil((len(points) - 2) / (MOST_POINTS - 2))
    stretches = (inner[start : start + size] for start in range(0, len(inner), size))
    return [points[0], *(_mean(stretch) for stretch in stretches), points[-1]]


def _mean(points: Sequence[Point]) -> Point:
    return sum(step for step, _ in points) / len(points), sum(value for _, value in points) / len(points)


# --- the frame ----------------------------------------------------------------------------------------


def _steps(points: Sequence[Point]) -> tuple[float, float]:
    steps = [step for step, _ in points]
    return (min(steps), max(steps)) if steps else (0.0, 1.0)


def _ceiling(points: Sequence[Point]) -> float:
    """The next of 1, 2, 2.5, 5 times a power of ten."""
    highest = max((value for _, value in points), default=0.0)
    if highest <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(highest))
    return next(power * step for step in (1, 2, 2.5, 5, 10) if power * step >= highest * (1 - 1e-9))


def _grid(frame: _Frame) -> Iterator[Shape]:
    low, high = frame.values
    for number in range(LINES + 1):
        value = low + (high - low) * number / LINES
        _, y = frame.at((0, value))
        yield _rule("axis" if number == 0 else "grid", y)
        yield _text("name", LEFT - 6, y + 4, f"{value:.3g}")
    yield from _step_labels(frame)


def _step_labels(frame: _Frame) -> Iterator[Shape]:
    first, last = frame.steps
    places = {first: "value", (first + last) / 2: "bin", last: "name"} if last > first else {first: "value"}
    for step, anchored in places.items():
        x, _ = frame.at((step, frame.values[0]))
        yield _text(anchored, x, TOP + HEIGHT + 16, f"{step:,.0f}")


def _rule(name: str, y: float) -> Shape:
    ends = {"x1": str(LEFT), "x2": str(WIDTH - RIGHT), "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
    return Shape(tag="line", attributes={"class": name} | ends)


def _text(name: str, x: float, y: float, words: str) -> Shape:
    return Shape(tag="text", attributes={"class": name, "x": f"{x:.1f}", "y": f"{y:.1f}"}, text=words)


def _legend(drawn: Sequence[Curve]) -> Iterator[Shape]:
    room = (WIDTH - LEFT) / max(1, len(drawn))
    for number, curve in enumerate(drawn):
        x = LEFT + number * room
        ends = {"x1": f"{x:.1f}", "x2": f"{x + 22:.1f}", "y1": "11", "y2": "11"}
        yield Shape(tag="line", attributes={"class": _style(curve)} | ends)
        yield _text("value", x + 27, 15, _cut(curve.name, room))


def _cut(name: str, room: float) -> str:
    longest = max(6, int((room - 30) / 6.2))
    return name if len(name) <= longest else name[: longest - 1] + "…"


# --- one curve ------------------------------------------------------------------------------------------


def _line(curve: Curve, points: Sequence[Point], frame: _Frame) -> Iterator[Shape]:
    places = [frame.at(point) for point in points]
    if len(places) > 1:
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        yield Shape(tag="polyline", attributes={"class": _style(curve), "points": path})
    if len(places) <= FEW:
        yield from (_dot(curve, x, y) for x, y in places)


def _dot(curve: Curve, x: float, y: float) -> Shape:
    places = {"x": f"{x - 2.5:.1f}", "y": f"{y - 2.5:.1f}", "width": "5", "height": "5", "rx": "2.5"}
    return Shape(tag="rect", attributes={"class": f"dot tone{curve.tone}"} | places)


def _style(curve: Curve) -> str:
    return f"curve tone{curve.tone}{' dashed' if curve.dashed else ''}"


def _told(curve: Curve, points: Sequence[Point]) -> str:
    choose = min if curve.best == "lowest" else max
    best = choose(points, key=lambda point: point[1])
    first, last = points[0], points[-1]
    return (
        f"{curve.name}: {first[1]:.4g} at step {first[0]:,.0f}, {curve.best} {best[1]:.4g} at step {best[0]:,.0f}, "
        f"{last[1]:.4g} at step {last[0]:,.0f}."
    )
