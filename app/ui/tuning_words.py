"""Fine-tuning in the words of the page: states, times, numbers of a recipe."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Literal

from app.ui.amounts import took
from app.ui.escape import escape, one_line
from finetune.providers.orders import JobView

Colour = Literal["gray", "blue", "orange", "green", "red"]

# Groundtune's states and the wire's statuses; a provider's unknown one is shown as it is.
STATE_WORDS: Mapping[str, tuple[str, Colour]] = {
    "not sent": ("Not sent yet", "gray"),
    "validating": ("Checking the data", "blue"),
    "validating_files": ("Checking the data", "blue"),
    "awaiting_approval": ("Waits for your approval", "orange"),
    "queued": ("Queued", "gray"),
    "submitting": ("Being sent", "blue"),
    "preparing": ("Getting ready", "blue"),
    "running": ("Training", "blue"),
    "pausing": ("Pausing", "orange"),
    "paused": ("Paused", "orange"),
    "interrupted": ("Interrupted, will go on", "orange"),
    "evaluating": ("Being evaluated", "blue"),
    "finalizing": ("Being written", "blue"),
    "cancelling": ("Being cancelled", "orange"),
    "succeeded": ("Succeeded", "green"),
    "failed": ("Failed", "red"),
    "cancelled": ("Cancelled", "gray"),
    "refused": ("Refused by the place", "red"),
    "lost": ("Lost by the provider", "red"),
}
METHOD_WORDS = {
    "supervised": "Supervised: learns to give the answers of the examples",
    "dpo": "Preference (DPO): learns to prefer one answer over another",
    "reinforcement": "Reinforcement: learns from a grader's marks",
}
PARAMETER_WORDS = {
    "n_epochs": "Passes over the data",
    "batch_size": "Examples per step",
    "learning_rate_multiplier": "Learning rate multiplier",
    "beta": "Loyalty to the base (beta)",
    "learning_rate": "Learning rate",
    "max_length": "Longest row, tokens",
    "micro_batch": "Examples at once",
    "warmup_share": "Warm-up share",
    "quantization": "Quantization",
    "lora": "LoRA",
    "early_stopping": "Early stopping",
    "eval_every": "Validated every",
}
METRIC_WORDS = {
    "train_loss": "Training loss",
    "valid_loss": "Validation loss of a batch",
    "full_valid_loss": "Validation loss",
    "train_mean_token_accuracy": "Training accuracy",
    "valid_mean_token_accuracy": "Validation accuracy of a batch",
    "full_valid_mean_token_accuracy": "Validation accuracy",
}
VERDICT_WORDS: Mapping[str, tuple[str, Colour]] = {
    "ship": ("Fit to use", "green"),
    "do not ship": ("Do not use it", "red"),
    "not proven": ("Not proven", "orange"),
}


def state_words(state: str) -> tuple[str, Colour]:
    """Escaped."""
    known = STATE_WORDS.get(state)
    return known or (escape(state.replace("_", " ").capitalize(), longest=60), "gray")


def moment(at: float | None) -> str:
    """`3 March 2026, 14:05 UTC`; of a job that says nothing of it: a dash."""
    if not at:
        return "–"
    day = datetime.fromtimestamp(at, UTC)
    return f"{day.day} {day:%B %Y, %H:%M} UTC"


def duration(job: JobView, *, now: float | None = None) -> str:
    """From its creation to its end, or to now."""
    end = job.finished_at or (time.time() if now is None else now)
    return span(end - job.created_at) if job.created_at else "–"


def span(seconds: float) -> str:
    """`42.0 s`, `3 min 5 s`, `2 h 4 min`."""
    whole = max(0.0, seconds)
    return took(whole * 1000) if whole < 3600 else f"{whole // 3600:.0f} h {whole % 3600 // 60:.0f} min"


def parameter(name: str) -> str:
    """Plain text."""
    return PARAMETER_WORDS.get(name) or one_line(name.replace("_", " ").capitalize(), longest=60)


def value_words(value: Any) -> str:
    """Of a recipe's value, as plain text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {value_words(inner)}" for name, inner in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(map(value_words, value))
    return str(value)


def number(value: float) -> str:
    return f"{value:.4g}"


def percent(value: float) -> str:
    return f"{value:.1%}"
