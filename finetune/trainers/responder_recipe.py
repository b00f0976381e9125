"""OpenAI's hyperparameters, and the responder's own options, as its recipe.

    recipe_of(task.hyperparameters, task.options, seed=task.seed, questions=120)

`n_epochs` is how often each question is asked, "auto" at most 120 steps; `batch_size` is questions a step;
`learning_rate_multiplier` is a factor of 0.001. Whatever is asked for, the step that the held-out questions confirm is
the one that is kept.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from errors import TuningRequestError
from finetune.trainers.option_names import check_names
from finetune.trainers.responder_lesson import Recipe

__all__ = ["OPTIONS", "recipe_of"]

HYPERPARAMETERS = ("n_epochs", "batch_size", "learning_rate_multiplier")
OPTIONS = ("learning_rate", "early_stopping", "eval_every", "lora", "train_sha256", "accepted")
MOST_STEPS = 100_000


def recipe_of(
    hyperparameters: Mapping[str, Any], options: Mapping[str, Any], *, seed: int, questions: int
) -> Recipe:
    """`questions`: how many there are to ask.

    Raises TuningRequestError for a name that is not known, and for a value that cannot be used.
    """
    _check(hyperparameters, options)
    plain = Recipe()
    stopping = options.get("early_stopping")
    batch = int(_number(hyperparameters, "batch_size", plain.batch, least=1, most=4096, whole=True))
    steps = _steps(hyperparameters, plain.steps, questions=questions, batch=batch)
    lora = options.get("lora") or {}
    return Recipe(
        seed=seed,
        rank=int(_number(lora, "rank", plain.rank, least=1, most=384, whole=True)),
        steps=steps,
        batch=batch,
        rate=_rate(hyperparameters, options, plain.rate),
        check_every=_check_every(options, plain.check_every, questions=questions, batch=batch),
        patience=steps if stopping is False else _patience(stopping, plain.patience),
    )


def _check(hyperparameters: Mapping[str, Any], options: Mapping[str, Any]) -> None:
    """What only open models know, such as max_length, would be no option of a responder's."""
    check_names(hyperparameters, HYPERPARAMETERS, "hyperparameter")
    check_names(options, OPTIONS, "option of the responder", "x_groundtune.")
    for name, inner in (("lora", ("rank",)), ("early_stopping", ("patience",))):
        if isinstance(found := options.get(name), Mapping):
            check_names(found, inner, "option of the responder", f"x_groundtune.{name}.")


def _steps(hyperparameters: Mapping[str, Any], auto: int, *, questions: int, batch: int) -> int:
    epochs = _number(hyperparameters, "n_epochs", 0, least=1, most=1000)
    return min(MOST_STEPS, max(1, math.ceil(epochs * questions / batch))) if epochs else auto


def _rate(hyperparameters: Mapping[str, Any], options: Mapping[str, Any], plain: float) -> float:
    absolute = _number(options, "learning_rate", 0.0, least=1e-9, most=1.0)
    return absolute or plain * _number(hyperparameters, "learning_rate_multiplier", 1.0, least=1e-6, most=100)


def _check_every(options: Mapping[str, Any], plain: int, *, questions: int, batch: int) -> int:
    if options.get("eval_every") == "epoch":
        return max(1, math.ceil(questions / batch))
    return int(_number(options, "eval_every", plain, least=1, most=MOST_STEPS, whole=True))


def _patience(stopping: object, plain: int) -> int:
    found = stopping if isinstance(stopping, Mapping) else {}
    return int(_number(found, "patience", plain, least=1, most=1000, whole=True))


def _number(
    values: Mapping[str, Any], name: str, auto: float, *, least: float, most: float, whole: bool = False
) -> float:
    value = values.get(name, "auto")
    if value in ("auto", None):
        return auto
    right = isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)
    if not right or not least <= value <= most:
        kind = "a whole number" if whole else "a number"
        raise TuningRequestError(
            f"{name} is {value!r}: give {kind} from {least:g} to {most:g}, or 'auto'.",
            code="invalid_value",
            param=name,
        )
    return float(value)
