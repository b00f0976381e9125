"""The metrics of a job as OpenAI's results file: CSV, one line a step, from the events that were stored."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from finetune.jobs.record import Event

__all__ = ["COLUMNS", "PURPOSE", "results_csv"]

PURPOSE = "fine-tune-results"
COLUMNS = ("step", "train_loss", "train_accuracy", "valid_loss", "valid_mean_token_accuracy")
_NAMES = {"train_accuracy": "train_mean_token_accuracy"}


def results_csv(events: Iterable[Event]) -> bytes:
    """Of metrics events, the oldest first. A step that was trained again counts as it was the last time."""
    steps: dict[int, dict[str, object]] = {}
    for event in events:
        if event.type == "metrics" and isinstance(event.data.get("step"), int):
            steps.setdefault(event.data["step"], {}).update(event.data)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for step in sorted(steps):
        found = steps[step]
        writer.writerow([_cell(found.get(_NAMES.get(name, name), "")) for name in COLUMNS])
    return out.getvalue().encode()


def _cell(value: object) -> object:
    return "" if value is None else round(value, 6) if isinstance(value, float) else value
