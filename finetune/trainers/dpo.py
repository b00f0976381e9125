"""Preferences: direct preference optimisation (arXiv 2305.18290) of a LoRA adapter, on the loop that all LoRA
trainings share.

The reference is the base itself: the same model with its adapter switched off. `accuracy` in the metrics is the share
of pairs whose preferred answer gained more than the other one. Rewards alone prove nothing: a model can prefer every
pair rightly and have lost its speech. finetune.trainers.speech asks it at every evaluation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import TrainingFailedError
from finetune.trainers.contract import Control, Trained, TrainingTask
from finetune.trainers.lora import Lesson, Setup, fit, set_up
from finetune.trainers.lora_data import Found, Pair, read_pairs
from finetune.trainers.lora_model import forward_takes
from finetune.trainers.lora_objective import Measured, learnt_after_first, learnt_logits
from finetune.trainers.lora_recipe import LoraRecipe
from finetune.trainers.speech import SpeechGate


def train(task: TrainingTask, control: Control, recipe: LoraRecipe) -> Trained | None:
    """None where it was paused or cancelled. Raises TrainingFailedError."""
    setup = set_up(task, recipe)
    if setup.kind == "seq2seq":
        raise TrainingFailedError(
            f"{task.base!r} is an encoder-decoder: it can be trained by supervised rows, not by preferences.",
            code="model_not_available",
            param="method",
        )
    lesson = preference_lesson(setup)
    for sentence in lesson.found.sentences():
        control.message(sentence)
    control.message(
        f"Learning from {len(lesson.train):,} preferences with beta {recipe.beta:g}; accuracies are shares of pairs "
        "whose preferred answer gained more than the other."
    )
    return fit(setup, lesson, control)


def preference_lesson(setup: Setup) -> Lesson[Pair]:
    """Raises TrainingFailedError where the rows are no preferences that can be learnt from."""
    recipe, task = setup.recipe, setup.task

    def read(path: Path, file: str) -> tuple[tuple[Pair, ...], Found]:
        return read_pairs(path, setup.form, max_length=recipe.max_length, too_long=recipe.too_long, file=file)

    pairs, found = read(task.train, "training_file")
    validation = read(task.validation, "validation_file")[0] if task.validation else ()
    if not pairs:
        raise TrainingFailedError(
            "No row of training_file has both a preferred and a non-preferred answer to learn from.",
            code="zero_trained_tokens",
            param="training_file",
        )
    return Lesson(
        train=pairs,
        validation=validation,
        found=found,
        longest=max(pair.length for pair in (*pairs, *validation)),
        objective=lambda model: PreferenceObjective(
            beta=recipe.beta, pad=setup.form.pad, takes=forward_takes(model)
        ),
        gate=SpeechGate(pairs=validation or pairs, form=setup.form, seed=task.seed),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class PreferenceObjective:
    """-log sigmoid(beta x (what the preferred answer gained over the base - what the other gained))."""

    beta: float
    pad: int
    takes: frozenset[str]

    def weight(self, _item: Pair, /) -> int:
        return 1

    def tokens(self, item: Pair, /) -> int:
        return learnt_after_first(item.preferred) + learnt_after_first(item.other)

    def length(self, item: Pair, /) -> int:
        return item.length

    def measure(self, model: Any, batch: Sequence[Pair], /) -> Measured:
        import torch
        from torch.nn.functional import logsigmoid

        with torch.no_grad(), model.disable_adapter():
            reference = self._log_likelihoods(model, batch)
        gained = self._log_likelihoods(model, batch) - reference
        margins = self.beta * (gained[: len(batch)] - gained[len(batch) :])
        return Measured(loss=-logsigmoid(margins).sum(), weight=len(batch), correct=int((margins > 0).sum()))

    def _log_likelihoods(self, model: Any, batch: Sequence[Pair]) -> Any:
        """(2 x pairs,) float32: of the preferred answers, then of the others; sums over their tokens."""
        import torch
        from torch.nn.functional import cross_entropy

        sides = [*(pair.preferred for pair in batch), *(pair.other for pair in batch)]
        found = learnt_logits(model, sides, seq2seq=False, pad=self.pad, takes=self.takes)
        each = -cross_entropy(found.logits, found.targets, reduction="none")
        return torch.zeros(len(sides), device=each.device).index_add(0, found.rows, each)
