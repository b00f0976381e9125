"""What a responder's training tells: metrics by their wire names, and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from finetune.trainers.responder import QuestionAnswer, Step, Training

__all__ = ["best_sentence", "held_out_sentence", "metrics", "read_sentence"]


def metrics(step: Step) -> dict[str, float]:
    values = {
        "train_loss": step.train_loss,
        "train_mean_token_accuracy": step.train_accuracy,
        "full_valid_loss": step.validation_loss,
        "full_valid_mean_token_accuracy": step.validation_accuracy,
    }
    return {name: float(value) for name, value in values.items() if value is not None}


def read_sentence(pairs: Sequence[QuestionAnswer], left_out: int) -> str:
    distinct = len(set(pairs))
    told = f"{distinct} questions with their answers are taught"
    if len(pairs) > distinct:
        told += f"; {len(pairs) - distinct} rows say the same as another"
    return told + (f"; {left_out} rows hold nothing that can be asked." if left_out else ".")


def held_out_sentence(training: Training, *, own: int | None) -> str:
    """`own`: questions of a validation file; None: there is no such file."""
    held_out = len(training.checks.asked)
    if not held_out:
        return (
            f"{len(training.pairs)} questions are too few to hold any out: they are taught as they are, "
            "and the embedding model stays unadapted."
        )
    if own and not len(training.checks.rows):
        return f"{held_out} of {own} validation questions have a taught answer and decide which step is kept."
    told = f"{held_out} questions are held out and decide which step is kept"
    return f"{told}." if own is None else f"{told}; the validation file has too few with a taught answer."


def best_sentence(training: Training) -> str:
    best = training.best
    assert best is not None
    if best.step == 0:
        return (
            "No step was better than the frozen vectors, so these are kept: "
            "what was taught is answered all the same."
        )
    return f"Step {best.step} is the best and is kept: held-out loss {best.validation_loss:.3f}."
