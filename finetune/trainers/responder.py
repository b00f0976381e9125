"""Trains the embedded responder from chat rows: no torch, no key, under half a minute for 1,000 pairs on two cores.

    taught = train(question_answers(rows), encoder, recipe=Recipe(seed=7))
    Responder(taught, encoder).save(folder)

Three things are learnt, each only as far as questions that it did not see confirm it:

1. how much each similarity of local/taught.py counts (responder_weights.py); the prior stays where nothing tells;
2. two low-rank adapters over the frozen vectors (InfoNCE); what is asked in training is the question itself against
   answers only, the question with words left out, or, for answers with several questions, another one of them;
3. where to abstain: what foreign questions reach in this very responder.

The loss of the questions held out (responder_lesson.py) decides which step is kept, step 0 (the frozen vectors) among
them, so an adapter that only learns by heart is thrown away.

`Training` is the same step by step: it can be put down after any step and taken up again to the bit.

Not covered: conversations; of each row the first exchange is taught, since a follow-up means nothing alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from errors import DatasetFormatError
from finetune.trainers.low_rank import LowRank, hardest
from finetune.trainers.responder_lesson import LEAST_VALIDATION, Checks, Lesson, Measured, Recipe
from finetune.trainers.responder_rows import QuestionAnswer, question_answers
from finetune.trainers.responder_weights import fit_weights
from local.responder import evidence, prior, scores
from local.responder_files import Taught
from local.taught import (
    IDENTITY,
    Adapter,
    Adapters,
    Floats,
    Places,
    answer_groups,
    encode_questions,
    similarities,
)
from local.tokens import SentenceEncoder

__all__ = ["Progress", "QuestionAnswer", "Recipe", "Step", "Training", "question_answers", "train"]

OUTSIDE = Path(__file__).with_name("outside_questions.txt")
_KEPT = ("question_down", "question_up", "answer_down", "answer_up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One point of the learning curve."""

    step: int
    train_loss: float | None
    validation_loss: float | None  # None where it was not measured at this step
    train_accuracy: float | None = None  # 0..1: share of the batch's questions whose best answer is right
    validation_accuracy: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a training stands: with the same pairs, recipe and encoder it goes on from here to the bit."""

    table: dict[str, Any]  # JSON values
    arrays: dict[str, Floats]


OnStep = Callable[[Step], None]


class Training:
    """One training. `advance` until it returns None, then `taught`."""

    def __init__(
        self,
        taught: Sequence[QuestionAnswer],
        encoder: SentenceEncoder,
        *,
        recipe: Recipe | None = None,
        encoder_id: str = "local:all-MiniLM-L6-v2",
        validation: Sequence[QuestionAnswer] = (),
    ) -> None:
        """`validation`: questions of their own to confirm with; those whose answer is not taught are left out, and
        where too few remain a part of the taught questions is held out instead.

        Raises DatasetFormatError where there is nothing to teach.
        """
        self.recipe, self.encoder_id = recipe or Recipe(), encoder_id
        self.pairs = tuple(dict.fromkeys(taught))
        if not self.pairs:
            raise DatasetFormatError(
                "The rows teach nothing: each needs a user message and the assistant's answer."
            )
        self._random = np.random.default_rng(self.recipe.seed)
        self.lesson = Lesson.of(self.pairs, encoder, self.recipe, self._random)
        foreign = OUTSIDE.read_text("utf-8").splitlines()
        self._foreign = encode_questions(encoder, foreign, self.lesson.pairs.rarity)
        self.checks = self._held_out(validation, encoder)
        self.weights, self.weights_fitted_on = fit_weights(self.lesson, self.checks, self.recipe)
        self.step, self._waited, self.trained_tokens = 0, 0, 0
        self.curve: list[Step] = []
        self._kept, self._best = IDENTITY, math.inf
        self._asked_rows = np.setdiff1d(np.arange(len(self.lesson.pairs)), self.checks.rows)
        self._lengths = np.array([len(tokens) for tokens in self.lesson.asked.tokens])
        self._model = LowRank(width=self.lesson.views.shape[2], rank=self.recipe.rank, random=self._random)
        self._near = self._hardest()
        self._measure_frozen()

    @property
    def total_steps(self) -> int:
        """At most; 0 where no question could be held out, so that nothing is adapted."""
        return self.recipe.steps if len(self.checks.asked) else 0

    @property
    def best(self) -> Step | None:
        """The step that is kept; None where nothing was measured."""
        measured = [step for step in self.curve if step.validation_loss is not None]
        return min(measured, key=_loss, default=None)

    @property
    def epoch(self) -> float:
        return self.step * min(self.recipe.batch, len(self._asked_rows)) / max(len(self._asked_rows), 1)

    def advance(self) -> Step | None:
        """Takes one step; None: it is over, by its length or because nothing got better."""
        if self.step >= self.total_steps or self._waited >= self.recipe.patience:
            return None
        self.step += 1
        measured = self._one_step()
        checked = self._check() if self._is_check else None
        self.curve.append(_point(self.step, measured, checked))
        return self.curve[-1]

    def taught(self, *, as_it_stands: bool = False) -> Taught:
        """What the best step so far makes of the pairs; `as_it_stands`: the last step instead."""
        adapters = self._model.adapters() if as_it_stands and self.step else self._kept
        best = self.best
        return Taught(
            questions=tuple(one.question for one in self.pairs),
            answers=tuple(one.answer for one in self.pairs),
            rows=tuple(one.row for one in self.pairs),
            pairs=self.lesson.pairs,
            adapters=adapters,
            weights=self.weights,
            outside=self._outside(adapters),
            abstain_below=prior().abstain_below,
            encoder=self.encoder_id,
            recipe=asdict(self.recipe)
            | {
                "validation_questions": len(self.checks.asked),
                "weights_fitted_on": self.weights_fitted_on,
                "best_step": self.step if as_it_stands else best.step if best else 0,
                "curve": [asdict(step) for step in self.curve if step.validation_loss is not None],
            },
        )

    def progress(self) -> Progress:
        kept, best = self._kept, self._best
        arrays = (kept.question.down, kept.question.up, kept.answer.down, kept.answer.up)
        table = {
            "step": self.step,
            "best": best,
            "waited": self._waited,
            "trained_tokens": self.trained_tokens,
            "random": self._random.bit_generator.state,
            "curve": [asdict(step) for step in self.curve],
        }
        return Progress(
            table=table,
            arrays=self._model.arrays()
            | {f"kept_{name}": one for name, one in zip(_KEPT, arrays, strict=True)},
        )

    def go_on_from(self, progress: Progress) -> None:
        """Raises KeyError, TypeError or ValueError where `progress` is none of this training's."""
        table, arrays = progress.table, progress.arrays
        down, up, answer_down, answer_up = (arrays[f"kept_{name}"] for name in _KEPT)
        self._model.set_arrays(arrays, steps=int(table["step"]))
        self._kept = Adapters(
            question=Adapter(down=down, up=up), answer=Adapter(down=answer_down, up=answer_up)
        )
        self._random.bit_generator.state = table["random"]
        self.step, self._best, self._waited = int(table["step"]), float(table["best"]), int(table["waited"])
        self.trained_tokens = int(table["trained_tokens"])
        self.curve = [Step(**point) for point in table["curve"]]

    def _held_out(self, validation: Sequence[QuestionAnswer], encoder: SentenceEncoder) -> Checks:
        known = _answer_numbers([one.answer for one in self.pairs])
        asked = [one for one in dict.fromkeys(validation) if _plain(one.answer) in known]
        if len(asked) >= LEAST_VALIDATION:
            groups = np.array([known[_plain(one.answer)] for one in asked], dtype=np.int64)
            return self.lesson.checks_of(encoder, [one.question for one in asked], groups)
        return self.lesson.checks(self.lesson.held_out(self.recipe, self._random))

    def _hardest(self) -> Places | None:
        """The nearest other pairs of each question; None where a batch can look at all pairs."""
        if len(self.lesson.pairs) <= self.recipe.pool:
            return None
        return hardest(self.lesson.asked.vectors, self.lesson.pairs.pair, self.recipe.hard_negatives)

    def _measure_frozen(self) -> None:
        if self.total_steps:
            frozen = self.checks.measure(self.lesson.pairs, self.weights, IDENTITY)
            self._best = frozen.loss
            self.curve.append(_point(0, None, frozen))

    @property
    def _is_check(self) -> bool:
        return self.step % self.recipe.check_every == 0 or self.step == self.recipe.steps

    @property
    def taught_tokens(self) -> int:
        """Word pieces of all questions, once."""
        return int(self._lengths.sum())

    def _one_step(self) -> Measured:
        recipe, random, lesson = self.recipe, self._random, self.lesson
        rows = random.choice(self._asked_rows, min(recipe.batch, len(self._asked_rows)), replace=False)
        members = lesson.members(rows, self._near, recipe, random)
        rate = recipe.rate * min(1.0, self.step / 10) * (1 - (self.step - 1) / recipe.steps)
        batch = lesson.batch(rows, members, self.weights, random)
        self.trained_tokens += int(self._lengths[rows].sum())
        return Measured(*self._model.step(batch, lesson.pool(members), rate=rate, decay=recipe.decay))

    def _check(self) -> Measured:
        """Measures the step; keeps its adapters where none was better."""
        adapters = self._model.adapters()
        measured = self.checks.measure(self.lesson.pairs, self.weights, adapters)
        if measured.loss < self._best:
            self._best, self._kept, self._waited = measured.loss, adapters, 0
        else:
            self._waited += 1
        return measured

    def _outside(self, adapters: Adapters) -> tuple[float, float]:
        """Mean and deviation of the best score that questions on other subjects reach."""
        found = scores(similarities(self._foreign, self.lesson.pairs, adapters), self.weights)
        level, _ = evidence(found, self.lesson.groups)
        return float(level.mean()), max(float(level.std()), 1e-3)


def train(
    taught: Sequence[QuestionAnswer],
    encoder: SentenceEncoder,
    *,
    recipe: Recipe | None = None,
    encoder_id: str = "local:all-MiniLM-L6-v2",
    on_step: OnStep | None = None,
) -> Taught:
    """The best responder that the recipe finds; the same to the bit for the same pairs, seed and encoder.

    `on_step` may raise to stop. Raises DatasetFormatError where there is nothing to teach.
    """
    training = Training(taught, encoder, recipe=recipe, encoder_id=encoder_id)
    while (step := training.advance()) is not None:
        if on_step is not None:
            on_step(step)
    return training.taught()


def _point(step: int, trained: Measured | None, checked: Measured | None) -> Step:
    return Step(
        step=step,
        train_loss=trained.loss if trained else None,
        train_accuracy=trained.accuracy if trained else None,
        validation_loss=checked.loss if checked else None,
        validation_accuracy=checked.accuracy if checked else None,
    )


def _answer_numbers(answers: Sequence[str]) -> dict[str, int]:
    """answer -> its number among the taught ones, as local.taught.answer_groups counts them."""
    groups = answer_groups(answers)
    return {_plain(answer): int(group) for answer, group in zip(answers, groups, strict=True)}


def _plain(text: str) -> str:
    return " ".join(text.split())


def _loss(step: Step) -> float:
    return math.inf if step.validation_loss is None else step.validation_loss
