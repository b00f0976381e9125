"""The modes' points as bars to both sides of nothing, with each mode's sum beside its bar."""

from __future__ import annotations

from collections.abc import Iterator

from chains.answer import MODES, Mode
from evaluation.advice.advisor import Advice
from evaluation.reports.verdict import NAMES
from finetune.reports.charts import Picture, Shape

__all__ = ["points_picture"]

WIDTH, ROW = 560, 30  # units of the view box
MIDDLE, HALF = 325, 170  # where nothing is, and the room to each side


def points_picture(advice: Advice) -> Picture:
    """Modes that a gate rules out stand out, and are said to be out."""
    highest = max(1.0, *(abs(points) for points in advice.points.values()))
    height = ROW * len(MODES) + 10
    axis = {"class": "axis", "x1": str(MIDDLE), "x2": str(MIDDLE), "y1": "2", "y2": str(height - 2)}
    drawn = [Shape(tag="line", attributes=axis)]
    for number, mode in enumerate(MODES):
        drawn += _row(advice, mode, number, highest)
    told = "; ".join(f"{NAMES[mode]} {_said(advice, mode)}" for mode in MODES)
    return Picture(title="Points by mode", description=told, width=WIDTH, height=height, shapes=tuple(drawn))


def _row(advice: Advice, mode: Mode, number: int, highest: float) -> Iterator[Shape]:
    points, top = advice.points[mode], 4 + ROW * number
    wide = max(HALF * abs(points) / highest, 1.5)
    left = MIDDLE if points >= 0 else MIDDLE - wide
    bar = {"x": f"{left:.1f}", "y": str(top + 3), "width": f"{wide:.1f}", "height": "18", "rx": "2"}
    yield Shape(tag="text", attributes={"class": "name", "x": "86", "y": str(top + 17)}, text=NAMES[mode])
    yield Shape(tag="rect", attributes={"class": "bar loud" if mode in advice.out else "bar"} | bar)
    beside = {"class": "value", "x": str(MIDDLE + HALF + 6 if points < 0 else round(MIDDLE + wide + 6))}
    if points < 0:
        beside["x"] = str(MIDDLE + 6)
    yield Shape(tag="text", attributes=beside | {"y": str(top + 17)}, text=_said(advice, mode))


def _said(advice: Advice, mode: Mode) -> str:
    points = advice.points[mode]
    sign = "−" if points < 0 else "+" if points > 0 else ""
    return f"{sign}{abs(points):.2f}" + (" (ruled out)" if mode in advice.out else "")
