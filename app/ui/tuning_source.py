"""What the page draws of a fine-tuning job's events: curves by step, how far it is, the last value of a metric."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from finetune.providers.orders import JobView, SeenEvent


def run_key(job: JobView) -> str:
    """Names a job among those of all places, in the page's address too."""
    return f"{job.place}.{job.id}"


def run_name(job: JobView) -> str:
    """What people know it by, as plain text."""
    return job.suffix or job.dataset_name or job.id


def series(events: Sequence[SeenEvent], metric: str) -> list[tuple[float, float]]:
    """(step, value), by step; a step that was trained again after an interruption counts as it was last told."""
    told = {}
    for event in events:
        step, value = _number(event.data.get("step")), _number(event.data.get(metric))
        if event.type == "metrics" and step is not None and value is not None:
            told[step] = value
    return sorted(told.items())


def progress(events: Sequence[SeenEvent]) -> tuple[int, int] | None:
    """(step, steps in all) as last told; None before the first."""
    for event in reversed(events):
        step, total = _number(event.data.get("step")), _number(event.data.get("total_steps"))
        if step is not None and total:
            return min(int(step), int(total)), int(total)
    return None


def latest(events: Sequence[SeenEvent], metric: str) -> float | None:
    found = series(events, metric)
    return found[-1][1] if found else None


def _number(value: Any) -> float | None:
    known = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if known else None
