"""The embedded responder as a trainer of jobs: base `responder`, no torch, no key, no network.

    train(task, control)      -> Trained, or None where it was paused or cancelled

Wire names of the metrics: `train_loss` is the mean cross-entropy of a batch's questions over the taught answers,
`..._mean_token_accuracy` the share whose best answer is right: a responder has no tokens to be right about.
`trained_tokens` counts the word pieces of the questions that gradients were taken of; with too few questions to adapt
anything, of those that were taught as they are.

A pause between two steps saves all the next step depends on, and resuming goes on from there to the bit. While texts
are encoded there is nothing to save yet: a pause then leaves no checkpoint, and resuming begins anew from the seed,
which is equal to the bit too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from errors import DatasetFormatError, EmbeddingModelMissingError, TrainingFailedError, TuningRequestError
from finetune.trainers.contract import Control, Trained, TrainingTask
from finetune.trainers.responder_checkpoints import go_on, save, sha256_of, write_model
from finetune.trainers.responder_messages import best_sentence, held_out_sentence, metrics, read_sentence
from finetune.trainers.responder_rows import rows_of, system_message
from finetune.trainers.worker_encoder import StoppedError, TextEncoder, WatchedEncoder, embedded_encoder

if TYPE_CHECKING:
    from finetune.trainers.responder import Training

__all__ = ["train"]

CHECKPOINTS = 4  # of a whole training, spread evenly


def train(task: TrainingTask, control: Control, *, encoder: TextEncoder | None = None) -> Trained | None:
    """Raises TrainingFailedError. `encoder` None: the embedded one, as the worker's environment describes it."""
    if task.method != "supervised":
        raise TrainingFailedError(
            f"The responder learns by supervised training only, not by {task.method}: choose method supervised.",
            code="training_not_available",
            param="method",
        )
    rows = list(rows_of(task.train))
    try:
        known = encoder or embedded_encoder(os.environ)
        training = _training(task, control, rows, WatchedEncoder(known, control))
        if task.resume_from is not None:
            go_on(training, task, control)
        return _trained(task, control, training, rows)
    except StoppedError:
        return None
    except EmbeddingModelMissingError as error:
        raise TrainingFailedError(str(error), code="model_not_available") from error


def _training(
    task: TrainingTask, control: Control, rows: Sequence[Mapping[str, Any]], encoder: WatchedEncoder
) -> Training:
    from finetune.trainers.responder import Training, question_answers
    from finetune.trainers.responder_recipe import recipe_of

    pairs, left_out = question_answers(rows)
    validation = question_answers(rows_of(task.validation))[0] if task.validation else []
    control.message(read_sentence(pairs, left_out))
    try:
        recipe = recipe_of(task.hyperparameters, task.options, seed=task.seed, questions=len(set(pairs)))
        training = Training(pairs, encoder, recipe=recipe, validation=validation)
    except DatasetFormatError as error:
        raise TrainingFailedError(str(error), code="invalid_training_file", param="training_file") from error
    except TuningRequestError as error:
        raise TrainingFailedError(str(error), code="internal_error", param=error.param) from error
    control.message(held_out_sentence(training, own=len(validation) if task.validation else None))
    return training


def _trained(
    task: TrainingTask, control: Control, training: Training, rows: Sequence[Mapping[str, Any]]
) -> Trained | None:
    total = max(training.total_steps, 1)
    control.started(total_steps=total)
    if not training.total_steps:
        _measure_untrained(control, training)
    every = max(1, total // CHECKPOINTS)
    while (step := training.advance()) is not None:
        control.metrics(step=step.step, total_steps=total, values=metrics(step))
        wanted = control.wanted()
        if wanted == "cancel":
            return None
        if wanted == "pause" or step.step % every == 0:
            save(task, control, training)
        if wanted == "pause":
            return None
    if training.total_steps and training.step < total:
        control.message(
            f"Stopped early after step {training.step}: the held-out questions get no better any more."
        )
    return _finished(task, control, training, rows)


def _measure_untrained(control: Control, training: Training) -> None:
    """With too few questions to hold any out nothing is adapted; what was taught can be asked all the same."""
    measured = training.lesson.shortened(training.weights)
    values = {"train_loss": measured.loss, "train_mean_token_accuracy": measured.accuracy}
    control.metrics(step=1, total_steps=1, values=values)
    control.checkpoint(step=1, epoch=1.0, metrics=values, write=lambda folder: write_model(folder, training))


def _finished(
    task: TrainingTask, control: Control, training: Training, rows: Sequence[Mapping[str, Any]]
) -> Trained:
    from local.responder_files import write_taught

    folder, best = task.folder / "model", training.best
    write_taught(folder, training.taught())
    if training.total_steps:
        control.message(best_sentence(training))
    return Trained(
        folder=folder,
        best_step=best.step if best else 0,
        trained_tokens=training.trained_tokens or training.taught_tokens,
        metrics=metrics(best) if best else {},
        facts={
            "trainer": "responder",
            "system": system_message(rows),
            "pairs": len(training.pairs),
            "validation_questions": len(training.checks.asked),
            "recipe": asdict(training.recipe),
            "data_sha256": sha256_of(task.train),
        },
    )
