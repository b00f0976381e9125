"""What the costs are made of: the same table in an evaluation's report and in the advice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evaluation.reports.verdict import NAMES, money

if TYPE_CHECKING:
    from evaluation.advice.consultation import Consultation

__all__ = ["NOT_KNOWN", "part_rows"]

NOT_KNOWN = "not known"


def part_rows(told: Consultation) -> Iterator[tuple[str, ...]]:
    """What the costs are made of, each figure with its source and date."""
    yield ("Mode", "Part", "US dollars", "Source")
    for mode, cost in told.costs.items():
        for part in cost.parts:
            times, each = (1000, "1,000 questions") if part.each == "question" else (1, "month")
            usd = NOT_KNOWN if part.usd is None else f"{money(part.usd * times)} a {each}"
            yield (NAMES[mode], part.name, usd.replace("a 1,000", "per 1,000"), part.source)
