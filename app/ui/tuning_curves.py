"""The curves of one run, or of two over each other: losses and accuracies, each told in words too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import streamlit as st

from app.ui.charts import charts
from app.ui.tuning_source import series
from finetune.providers.orders import SeenEvent
from finetune.reports.charts import Picture
from finetune.reports.curves import Curve, Tone, curves

Lines = Sequence[
    tuple[str, tuple[str, ...], bool]
]  # (name, metrics of which the first that is there, dashed)
LOSS: Lines = (
    ("Training", ("train_loss",), False),
    ("Validation", ("full_valid_loss", "valid_loss"), True),
)
ACCURACY: Lines = (
    ("Training", ("train_mean_token_accuracy",), False),
    ("Validation", ("full_valid_mean_token_accuracy", "valid_mean_token_accuracy"), True),
)
NOTES = (
    "Lower is better. Validation rows are not trained on: when their curve rises while training falls, the model is "
    "learning by heart.",
    "The share of right tokens or answers, by what the trainer counts.",
)


def draw_curves(named: Sequence[tuple[str, Sequence[SeenEvent]]], *, key: str) -> None:
    """`named`: (name, events) of up to two runs; the name is left out where there is one."""
    pictures = [
        (picture, note)
        for (picture, drawn), note in zip((_losses(named), _accuracies(named)), NOTES, strict=True)
        if drawn
    ]
    if pictures:
        charts(pictures, key=key)
    else:
        st.caption(":material/show_chart: Curves appear with the first step.")


def _losses(named: Sequence[tuple[str, Sequence[SeenEvent]]]) -> tuple[Picture, bool]:
    drawn = _drawn(named, LOSS, highest_is_best=False)
    return curves("Loss", drawn), bool(drawn)


def _accuracies(named: Sequence[tuple[str, Sequence[SeenEvent]]]) -> tuple[Picture, bool]:
    drawn = _drawn(named, ACCURACY, highest_is_best=True)
    return curves("Accuracy", drawn, within=(0.0, 1.0)), bool(drawn)


def _drawn(
    named: Sequence[tuple[str, Sequence[SeenEvent]]], lines: Lines, *, highest_is_best: bool
) -> list[Curve]:
    tones: tuple[Tone, Tone] = (0, 1)
    found = []
    for number, (name, events) in enumerate(named[:2]):
        for line, metrics, dashed in lines:
            points = next((points for metric in metrics if (points := series(events, metric))), [])
            if points:
                whose = f"{name}: {line.lower()}" if len(named) > 1 else line
                tone = tones[number] if len(named) > 1 else tones[int(dashed)]
                best: Literal["lowest", "highest"] = "highest" if highest_is_best else "lowest"
                found.append(Curve(name=whose, points=points, tone=tone, dashed=dashed, best=best))
    return found
