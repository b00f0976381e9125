"""How a model is taught: hyperparameters in plain words; empty leaves a figure to the trainer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, cast

import streamlit as st

from app.ui.tuning_prefill import BATCH, BETA, EPOCHS, RATE, SEED
from finetune.providers.orders import Recipe

if TYPE_CHECKING:
    from finetune.jobs.record import Method
    from finetune.providers.places import Place

LARGEST_SEED = 2**31 - 1
RESPONDER = "responder"
HELP = {
    EPOCHS: "How often every example is gone through. More learns harder, and at some point by heart.",
    BATCH: "How many examples each step learns from. Larger is steadier, and needs more memory.",
    RATE: "How far each step moves the model: 1 is the trainer's own rate, 0.5 half of it. Too high, and it forgets.",
    BETA: "How closely the model stays to its base while it learns to prefer: 0.1 is usual, up to 2.",
    SEED: "The same seed, data and recipe give the same model.",
}
ABSOLUTE_RATE = "This place takes the rate itself, such as 0.00002."
QUANTIZED = {None: "No", "nf4": "4 bit (NF4)", "nf4-double": "4 bit, doubly quantized"}


def draw_parameters(place: Place, model: str | None, *, method: str, suffix: str | None) -> Recipe | None:
    """None where a value cannot be used, with the reason on the page."""
    with st.expander("How it is taught", icon=":material/tune:"):
        st.caption("Leave a field empty, and the trainer chooses by the data.")
        with st.container(horizontal=True, vertical_alignment="bottom"):
            epochs = _whole("Passes over the data", EPOCHS, most=50)
            batch = _whole("Examples per step", BATCH, most=256)
        with st.container(horizontal=True, vertical_alignment="bottom"):
            rate = _rate(place)
            beta = _real("Loyalty to the base (beta)", BETA, most=2.0) if method == "dpo" else None
            seed = _whole("Seed", SEED, least=0, most=LARGEST_SEED)
        own = _lora_options() if place.name == "local" and model not in (None, RESPONDER) else {}
    if any(value is not None and not 0 < value < math.inf for value in (rate, beta)):
        st.error("Rates must be above 0: correct them, or leave them empty.", icon=":material/error:")
        return None
    return Recipe(
        method=cast("Method", method),
        epochs=epochs or "auto",
        batch_size=batch or "auto",
        learning_rate_multiplier=rate or "auto",
        beta=beta or "auto",
        suffix=suffix,
        seed=seed,
        options=own,
    )


def _whole(label: str, key: str, *, least: int = 1, most: int) -> int | None:
    value = st.number_input(label, least, most, None, 1, key=key, help=HELP.get(key), placeholder="Automatic")
    return None if value is None else int(value)


def _rate(place: Place) -> float | None:
    if place.learning_rate == "absolute":
        return _real(
            "Learning rate", RATE, most=1.0, help_text=f"{HELP[RATE].split(':')[0]}. {ABSOLUTE_RATE}"
        )
    return _real("Learning rate multiplier", RATE, most=1000.0)


def _real(label: str, key: str, *, most: float, help_text: str | None = None) -> float | None:
    return st.number_input(
        label,
        0.0,
        most,
        None,
        0.1 if most > 1 else 0.00001,
        format="%.6g",
        key=key,
        help=help_text or HELP.get(key),
        placeholder="Automatic",
    )


def _lora_options() -> dict[str, Any]:
    """Of an open model that is trained here; those left as they are go to the trainer as its own defaults."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        rank = st.number_input(
            "LoRA rank",
            1,
            1024,
            None,
            key="start_rank",
            placeholder="Automatic",
            help="Size of what is learnt beside the base.",
        )
        longest = _whole("Longest row, tokens", "start_longest", most=1_000_000)
        patience = _whole("Stop after so many validations without progress", "start_patience", most=100)
        quantized = st.selectbox(
            "Base in 4 bits",
            list(QUANTIZED),
            key="start_quantized",
            format_func=QUANTIZED.__getitem__,
            help="QLoRA: a quarter of the memory for the base, a little slower.",
        )
    options: dict[str, Any] = {}
    if rank is not None:
        options["lora"] = {"rank": int(rank)}
    if longest is not None:
        options["max_length"] = longest
    if patience is not None:
        options["early_stopping"] = {"patience": patience}
    if quantized is not None:
        options["quantization"] = quantized
    return options
