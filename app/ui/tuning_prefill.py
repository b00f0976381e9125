"""What the start form is filled with: by a job that is trained again, by the sample company, by the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui.tuning_session import go_to

if TYPE_CHECKING:
    from finetune.providers.orders import JobView, Recipe

DATASET, PLACE, METHOD, SUFFIX, SEED = (
    f"start_{name}" for name in ("dataset", "place", "method", "suffix", "seed")
)
EPOCHS, BATCH, RATE, BETA = (f"start_{name}" for name in ("epochs", "batch", "rate", "beta"))


def model_key(place: str) -> str:
    """Each place has its own models."""
    return f"start_model_{place}"


def train_again(job: JobView, place: str | None = None) -> None:
    """In a callback: the job's dataset and recipe, at its own place or another."""
    wanted = place or job.place
    fill({DATASET: job.dataset, PLACE: wanted, METHOD: job.method, SUFFIX: job.suffix or ""})
    if wanted == job.place:
        fill({model_key(wanted): job.model})
    if job.recipe is not None:
        _fill_recipe(job.recipe, same_place=wanted == job.place)
    go_to("Start")


def _fill_recipe(recipe: Recipe, *, same_place: bool) -> None:
    """A learning rate means another thing elsewhere."""
    fill({EPOCHS: _number(recipe.epochs), BATCH: _number(recipe.batch_size), SEED: recipe.seed})
    fill({RATE: _number(recipe.learning_rate_multiplier) if same_place else None, BETA: _number(recipe.beta)})


def _number(value: Any) -> Any:
    return None if value == "auto" else value


def fill(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        st.session_state[name] = value
