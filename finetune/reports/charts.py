"""Charts as shapes to draw, and as inline SVG: no script, nothing loaded, the colours of the page they stand in.

Every chart says in words what it shows (title and description), for who does not see it. The classes are styled by
the page; the numbers also stand beside their bars, so that a print without colours says the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from finetune.reports.inert import text

WIDTH, PLOT_HEIGHT = 560, 150  # units of the view box; the picture itself grows with the page
TOP, BOTTOM, ROW = 26, 34, 26
LONGEST_LABEL = 34
LONGEST_DESCRIPTION = 4000
LABEL_WIDTH = 190
WIDEST = 90  # of a column


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: a label, a count, and whether it stands out (a limit passed, a fault)."""

    label: str
    count: int
    loud: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One SVG element; `attributes` are numbers and class names, `text` is anybody's."""

    tag: Literal["rect", "text", "line", "polyline"]
    attributes: Mapping[str, str]
    text: str = ""

    def as_dict(self) -> dict[str, Any]:
        return {"tag": self.tag, "attributes": dict(self.attributes), "text": self.text}


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    title: str
    description: str
    height: int
    shapes: tuple[Shape, ...] = field(default=())
    width: int = WIDTH

    def as_dict(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("title", "description", "width", "height")}
        return told | {"shapes": [shape.as_dict() for shape in self.shapes]}

    def markup(self) -> str:
        """As an SVG element; the text of labels is escaped."""
        drawn = "".join(map(_element, self.shapes))
        return (
            f'<svg viewBox="0 0 {self.width} {self.height}" role="img"><title>{text(self.title)}</title>'
            f"<desc>{text(self.description, longest=LONGEST_DESCRIPTION)}</desc>{drawn}</svg>"
        )


def _element(shape: Shape) -> str:
    attributes = "".join(
        f' {name}="{text(value, longest=LONGEST_DESCRIPTION)}"' for name, value in shape.attributes.items()
    )
    return f"<{shape.tag}{attributes}>{text(shape.text)}</{shape.tag}>"


def columns(title: str, bars: Sequence[Bar], *, unit: str) -> Picture:
    """A histogram: one column a bin, counts above, bounds below. `unit`: what is counted ("rows")."""
    step = WIDTH / max(1, len(bars))
    highest = max((bar.count for bar in bars), default=0) or 1
    drawn = [shape for index, bar in enumerate(bars) for shape in _column(bar, index, step, highest)]
    base = str(TOP + PLOT_HEIGHT)
    drawn.append(
        Shape(tag="line", attributes={"class": "axis", "x1": "0", "x2": str(WIDTH), "y1": base, "y2": base})
    )
    return Picture(
        title=title,
        description=_described(bars, unit),
        height=TOP + PLOT_HEIGHT + BOTTOM,
        shapes=tuple(drawn),
    )


def _column(bar: Bar, index: int, step: float, highest: int) -> Iterator[Shape]:
    tall = max(PLOT_HEIGHT * bar.count / highest, 1.5 if bar.count else 0)
    top, middle = TOP + PLOT_HEIGHT - tall, (index + 0.5) * step
    width = min(step * 0.84, WIDEST)
    yield _rect(bar, x=middle - width / 2, y=top, width=width, height=tall)
    if bar.count:
        yield _label("count", middle, top - 5, f"{bar.count:,}")
    under = TOP + PLOT_HEIGHT + 15 + 13 * (index % 2) * (step < 80)  # narrow bins: labels on two lines
    yield _label("bin", middle, under, bar.label)


def rows(title: str, bars: Sequence[Bar], *, unit: str) -> Picture:
    """Horizontal bars, one a name, with count and share of the sum."""
    total, highest = sum(bar.count for bar in bars), max((bar.count for bar in bars), default=0) or 1
    drawn = (shape for index, bar in enumerate(bars) for shape in _row(bar, index, highest, total))
    return Picture(
        title=title, description=_described(bars, unit), height=ROW * len(bars) + 8, shapes=tuple(drawn)
    )


def _row(bar: Bar, index: int, highest: int, total: int) -> Iterator[Shape]:
    room = WIDTH - LABEL_WIDTH - 110
    wide, top = max(room * bar.count / highest, 1.5 if bar.count else 0), 4 + ROW * index
    share = f" ({100 * bar.count / total:.0f} %)" if total else ""
    yield _label("name", LABEL_WIDTH - 8, top + 15, _short(bar.label))
    yield _rect(bar, x=LABEL_WIDTH, y=top + 3, width=wide, height=17)
    yield _label("value", LABEL_WIDTH + wide + 6, top + 16, f"{bar.count:,}{share}")


def _rect(bar: Bar, **places: float) -> Shape:
    numbers = {name: f"{value:.1f}" for name, value in places.items()}
    return Shape(tag="rect", attributes={"class": "bar loud" if bar.loud else "bar", "rx": "2"} | numbers)


def _label(name: str, x: float, y: float, words: str) -> Shape:
    return Shape(tag="text", attributes={"class": name, "x": f"{x:.1f}", "y": f"{y:.1f}"}, text=words)


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def _described(bars: Sequence[Bar], unit: str) -> str:
    return "; ".join(f"{bar.label}: {bar.count:,} {unit}" for bar in bars)


def bins(values: Sequence[int], *, at_most: int = 12, limit: int | None = None) -> list[Bar]:
    """Values in equal bins of a round width (1, 2, 5, 10 ...); bins that begin past `limit` are loud."""
    return weighted_bins([(value, 1) for value in values], at_most=at_most, limit=limit)


def weighted_bins(
    values: Sequence[tuple[int, int]], *, at_most: int = 12, limit: int | None = None
) -> list[Bar]:
    """The same of (value, how many) pairs, such as the columns of a finer histogram."""
    filled = [(value, times) for value, times in values if times]
    if not filled:
        return []
    highest = max(value for value, _ in filled)
    width = _round_width(highest + 1, at_most)
    counts = [0] * (highest // width + 1)
    for value, times in filled:
        counts[value // width] += times
    return [
        Bar(label=_range(index * width, width), count=count, loud=limit is not None and index * width > limit)
        for index, count in enumerate(counts)
    ]


def _round_width(span: int, at_most: int) -> int:
    """The smallest of 1, 2, 5, 10, 20, 50 ... by which `span` makes at most so many bins."""
    least = max(1.0, span / at_most)
    power = 10 ** math.floor(math.log10(least))
    return int(next(power * step for step in (1, 2, 5, 10) if power * step >= least))


def _range(start: int, width: int) -> str:
    return f"{start:,}" if width == 1 else f"{start:,}–{start + width - 1:,}"
