"""Charts as inline SVG, from numbers alone: no script, nothing loaded, the colours of the page they stand in.

Every chart says in words what it shows (title and description), for who does not see it. The classes are styled by
html.py; the numbers also stand beside their bars, so that a print without colours says the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from finetune.reports.inert import text

WIDTH, PLOT_HEIGHT = 560, 150  # units of the view box; the picture itself grows with the page
TOP, BOTTOM, ROW = 26, 34, 26
LONGEST_LABEL = 34
LABEL_WIDTH = 190


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bar: a label, a count, and whether it stands out (a limit passed, a fault)."""

    label: str
    count: int
    loud: bool = False


def columns(title: str, bars: Sequence[Bar], *, unit: str) -> str:
    """A histogram: one column a bin, counts above, bounds below. `unit`: what is counted ("rows")."""
    if not bars:
        return ""
    step = WIDTH / len(bars)
    highest = max(bar.count for bar in bars) or 1
    drawn = [_column(bar, index, step, highest) for index, bar in enumerate(bars)]
    height = TOP + PLOT_HEIGHT + BOTTOM
    base = f'<line class="axis" x1="0" x2="{WIDTH}" y1="{TOP + PLOT_HEIGHT}" y2="{TOP + PLOT_HEIGHT}"/>'
    return _picture(title, _described(bars, unit), height, "".join(drawn) + base)


def _column(bar: Bar, index: int, step: float, highest: int) -> str:
    tall = max(PLOT_HEIGHT * bar.count / highest, 1.5 if bar.count else 0)
    left, top, middle = index * step, TOP + PLOT_HEIGHT - tall, (index + 0.5) * step
    shape = (
        f'<rect class="{_class(bar)}" x="{left + step * 0.08:.1f}" y="{top:.1f}" '
        f'width="{step * 0.84:.1f}" height="{tall:.1f}" rx="2"/>'
    )
    count = (
        f'<text class="count" x="{middle:.1f}" y="{top - 5:.1f}">{bar.count:,}</text>' if bar.count else ""
    )
    under = TOP + PLOT_HEIGHT + 15 + 13 * (index % 2) * (step < 56)  # narrow bins: labels on two lines
    return f'{shape}{count}<text class="bin" x="{middle:.1f}" y="{under}">{text(bar.label)}</text>'


def rows(title: str, bars: Sequence[Bar], *, unit: str) -> str:
    """Horizontal bars, one a name, with count and share of the sum."""
    if not bars:
        return ""
    total, highest = sum(bar.count for bar in bars), max(bar.count for bar in bars) or 1
    drawn = [_row(bar, index, highest, total) for index, bar in enumerate(bars)]
    return _picture(title, _described(bars, unit), ROW * len(bars) + 8, "".join(drawn))


def _row(bar: Bar, index: int, highest: int, total: int) -> str:
    room = WIDTH - LABEL_WIDTH - 110
    wide, top = max(room * bar.count / highest, 1.5 if bar.count else 0), 4 + ROW * index
    share = f" ({100 * bar.count / total:.0f} %)" if total else ""
    return (
        f'<text class="name" x="{LABEL_WIDTH - 8}" y="{top + 15}">{text(_short(bar.label))}</text>'
        f'<rect class="{_class(bar)}" x="{LABEL_WIDTH}" y="{top + 3}" width="{wide:.1f}" height="17" rx="2"/>'
        f'<text class="value" x="{LABEL_WIDTH + wide + 6:.1f}" y="{top + 16}">{bar.count:,}{share}</text>'
    )


def _class(bar: Bar) -> str:
    return "bar loud" if bar.loud else "bar"


def _short(label: str) -> str:
    return label if len(label) <= LONGEST_LABEL else label[: LONGEST_LABEL - 1] + "…"


def _described(bars: Sequence[Bar], unit: str) -> str:
    return "; ".join(f"{bar.label}: {bar.count:,} {unit}" for bar in bars)


def _picture(title: str, description: str, height: int, inner: str) -> str:
    return (
        f'<figure class="chart"><figcaption>{text(title)}</figcaption>'
        f'<svg viewBox="0 0 {WIDTH} {height}" role="img"><title>{text(title)}</title>'
        f"<desc>{text(description, longest=4000)}</desc>{inner}</svg></figure>"
    )


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
