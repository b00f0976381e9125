"""Trains the embedded responder from chat rows: no torch, no key, under half a minute for 1,000 pairs on two cores.

    taught = train(question_answers(rows), encoder, recipe=Recipe(seed=7))
    Responder(taught, encoder).save(folder)

Three things are learnt, each only as far as questions that it did not see confirm it:

1. how much each similarity of local/taught.py counts, from answers that were taught with several questions (each is
   asked with its own pair hidden), held near the prior by a ridge; with no such answers the prior stays;
2. two low-rank adapters over the frozen vectors (InfoNCE); what is asked in training is the question itself against
   answers only, the question with words left out, or, for answers with several questions, another one of them;
3. where to abstain: what foreign questions reach in this very responder.

Validation: a part of the questions is never asked in training. Their loss decides which step is kept, step 0 (the
frozen vectors) among them, so an adapter that only learns by heart is thrown away.

Not covered: conversations; of each row the first exchange is taught, since a follow-up means nothing alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import DatasetFormatError
from finetune.trainers.low_rank import Batch, LowRank, Pool, hardest
from local.responder import evidence, prior, scores
from local.responder_files import Taught
from local.taught import (
    FEATURES,
    IDENTITY,
    Adapters,
    Floats,
    Places,
    Questions,
    TaughtPairs,
    answer_groups,
    encode_pairs,
    encode_questions,
    similarities,
)  # fmt: skip
from local.tokens import SentenceEncoder

__all__ = ["QuestionAnswer", "Recipe", "Step", "question_answers", "train"]

OUTSIDE = Path(__file__).with_name("outside_questions.txt")
LEAST_VALIDATION = 8  # questions; with fewer to hold out nothing can be confirmed, and nothing is adapted
Weights = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionAnswer:
    """One thing to teach."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Chosen on the development sets of benchmarks/responder_sets.py and on every other article of squad2_dev16.

    `benchmarks.responder --unseen` reports the other articles. They were not looked at in squad2_dev16, but the first
    choice of similarities was made on all of xquad_en, which shares these articles; no weight was fitted on them.
    """

    seed: int = 7
    rank: int = 32
    steps: int = 120  # at most
    batch: int = 96  # questions
    rate: float = 1e-3
    decay: float = 1.0  # of `up`, towards the frozen vectors
    views: int = 1  # of each question, with words left out
    left_out: float = 0.3  # share of a view's words
    validation: float = 0.15  # share of the questions
    most_validation: int = 120
    check_every: int = 10  # steps
    patience: int = 4  # checks without a better loss
    pool: int = 1024  # pairs that a batch chooses from
    hard_negatives: int = 8  # for each question of a batch, where not all pairs fit in the pool
    ridge: float = 10.0  # how many answers the prior of the weights is worth


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One point of the learning curve."""

    step: int
    train_loss: float | None
    validation_loss: float | None  # None where it was not measured at this step


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checks:
    """Questions held out: `known` is what the frozen word-by-word similarities say."""

    asked: Questions
    rows: Places
    words: Floats  # (v, n, 3): word by word, and numbers


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lesson:
    """What training works on."""

    pairs: TaughtPairs
    groups: Places  # (n,)
    asked: Questions  # the taught questions themselves
    views: Floats  # (n, views, d)
    several: NDArray[np.bool_] = field(repr=False)  # (n,) the answer has other questions


OnStep = Callable[[Step], None]


def question_answers(rows: Iterable[Mapping[str, Any]]) -> tuple[list[QuestionAnswer], int]:
    """(what the rows teach, rows that teach nothing that can be asked), from chat, preference or completion rows."""
    taught: list[QuestionAnswer] = []
    left_out = 0
    for row in rows:
        exchange = _exchange(row)
        if exchange is None:
            left_out += 1
        else:
            taught.append(exchange)
    return taught, left_out


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
    recipe = recipe or Recipe()
    taught = list(dict.fromkeys(taught))
    if not taught:
        raise DatasetFormatError(
            "The rows teach nothing: each needs a user message and the assistant's answer."
        )
    random = np.random.default_rng(recipe.seed)
    lesson = _lesson(taught, encoder, recipe, random)
    held_out = _held_out(lesson, recipe, random)
    checks = _checks(lesson, held_out)
    weights, fitted_on = _fit_weights(lesson, checks, recipe)
    adapters, curve = _adapt(lesson, checks, weights, recipe, random, on_step or _silent)
    outside = _outside(encoder, lesson.pairs, adapters, weights, lesson.groups)
    best = min((step for step in curve if step.validation_loss is not None), key=_loss, default=None)
    return Taught(
        questions=tuple(one.question for one in taught),
        answers=tuple(one.answer for one in taught),
        pairs=lesson.pairs,
        adapters=adapters,
        weights=weights,
        outside=outside,
        abstain_below=prior().abstain_below,
        encoder=encoder_id,
        recipe=asdict(recipe)
        | {
            "validation_questions": len(held_out),
            "weights_fitted_on": fitted_on,
            "best_step": best.step if best else 0,
            "curve": [asdict(step) for step in curve if step.validation_loss is not None],
        },
    )


def _exchange(row: Mapping[str, Any]) -> QuestionAnswer | None:
    """The first exchange of user and assistant; None where there is none that can be taught."""
    if isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str):
        return _pair(row["prompt"], row["completion"])
    asked = row.get("input")
    messages = asked.get("messages") if isinstance(asked, dict) else row.get("messages")
    if not isinstance(messages, list):
        return None
    preferred = row.get("preferred_output")
    turns = [
        turn
        for turn in messages + (preferred if isinstance(preferred, list) else [])
        if isinstance(turn, dict)
    ]
    for turn, following in pairwise(turns):
        if (
            turn.get("role") == "user"
            and following.get("role") == "assistant"
            and following.get("weight") != 0
        ):
            return _pair(_text(turn.get("content")), _text(following.get("content")))
    return None


def _pair(question: str, answer: str) -> QuestionAnswer | None:
    if not question.strip() or not answer.strip():
        return None
    clean = (text.encode("utf-8", "replace").decode("utf-8").strip() for text in (question, answer))
    return QuestionAnswer(question=next(clean), answer=next(clean))


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return "\n".join(text for text in texts if isinstance(text, str))


def _lesson(
    taught: Sequence[QuestionAnswer], encoder: SentenceEncoder, recipe: Recipe, random: np.random.Generator
) -> _Lesson:
    questions = [one.question for one in taught]
    answers = [one.answer for one in taught]
    pairs, asked = encode_pairs(encoder, questions, answers)
    groups = answer_groups(answers)
    shortened = [_shortened(text, recipe.left_out, random) for text in questions for _ in range(recipe.views)]
    return _Lesson(
        pairs=pairs,
        groups=groups,
        asked=asked,
        views=encoder.encode(shortened).reshape(len(questions), recipe.views, -1),
        several=np.bincount(groups)[groups] > 1,
    )


def _shortened(text: str, share: float, random: np.random.Generator) -> str:
    """The text without about `share` of its words: one at least where it has two."""
    words = text.split()
    if len(words) < 2:
        return text
    kept = random.random(len(words)) >= share
    if kept.all():
        kept[random.integers(len(words))] = False
    if not kept.any():
        kept[random.integers(len(words))] = True
    return " ".join(word for word, stays in zip(words, kept, strict=True) if stays)


def _held_out(lesson: _Lesson, recipe: Recipe, random: np.random.Generator) -> Places:
    """Pairs, drawn by chance, whose questions are never asked in training; none where they would be too few."""
    count = min(recipe.most_validation, round(len(lesson.pairs) * recipe.validation))
    if count < LEAST_VALIDATION:
        return np.array([], dtype=np.int64)
    order = random.permutation(len(lesson.pairs))
    return np.sort(order[:count]).astype(np.int64)


def _checks(lesson: _Lesson, rows: Places) -> _Checks:
    asked = lesson.asked.take(rows)
    found = (
        similarities(asked, lesson.pairs, IDENTITY)
        if len(rows)
        else np.zeros((0, len(lesson.pairs), len(FEATURES)))
    )
    return _Checks(asked=asked, rows=rows, words=found[:, :, 3:].astype(np.float32))


def _fit_weights(lesson: _Lesson, checks: _Checks, recipe: Recipe) -> tuple[Weights, int]:
    """(weights, answers they were fitted on): the prior, or better ones that the held-out questions confirm."""
    known = prior().weights
    rows = np.setdiff1d(np.flatnonzero(lesson.several), checks.rows)[:400]
    if len(rows) < LEAST_VALIDATION or not lesson.several[checks.rows].any():
        return known, 0
    found = similarities(lesson.asked.take(rows), lesson.pairs, IDENTITY)
    fitted = _descend(found, *_race(lesson, rows), recipe.ridge)
    before = _validation(lesson, checks, known, IDENTITY)
    return (fitted, len(rows)) if _validation(lesson, checks, fitted, IDENTITY) < before else (known, 0)


def _race(lesson: _Lesson, rows: Places) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """(right, hidden), (len(rows), n) each: other pairs of the answer, and the question's own pair."""
    hidden = rows[:, None] == np.arange(len(lesson.pairs))[None]
    right = (lesson.groups[rows][:, None] == lesson.groups[None]) & ~hidden
    return right, hidden


def _descend(
    found: Floats, right: NDArray[np.bool_], hidden: NDArray[np.bool_], ridge: float, steps: int = 80
) -> Weights:
    """Weights, not negative, of least cross-entropy plus ridge towards the prior (in units of 5), by Adam."""
    known = prior().weights
    weights, first, second = known.copy(), np.zeros_like(known), np.zeros_like(known)
    for step in range(1, steps + 1):
        slope = _slope(found, weights, right, hidden) + ridge / len(found) * (weights - known) / 25
        first += 0.1 * (slope - first)
        second += 0.01 * (slope * slope - second)
        move = first / (1 - 0.9**step) / (np.sqrt(second / (1 - 0.99**step)) + 1e-8)
        weights = np.maximum(0.0, weights - 0.3 * (1 - step / (steps + 1)) * move)
    return weights


def _slope(found: Floats, weights: Weights, right: NDArray[np.bool_], hidden: NDArray[np.bool_]) -> Weights:
    scored = np.where(hidden, -np.inf, found @ weights.astype(np.float32))
    powers = np.exp(scored - scored.max(axis=1, keepdims=True))
    rights = powers * right
    share = powers / powers.sum(axis=1, keepdims=True)
    share -= rights / np.maximum(rights.sum(axis=1, keepdims=True), 1e-30)
    slope: Weights = np.tensordot(share, found, axes=2).astype(np.float64) / len(found)
    return slope


def _validation(lesson: _Lesson, checks: _Checks, weights: Weights, adapters: Adapters) -> float:
    """Mean loss of the held-out questions by the whole score, each with its own taught question out of sight.

    Of an answer with several questions the own pair is hidden; of the others all questions are, and the answers
    alone must tell.
    """
    vectors = adapters.question(checks.asked.vectors)
    by_question = vectors @ adapters.question(lesson.pairs.question).T
    by_answer = vectors @ adapters.answer(lesson.pairs.answer).T
    by_pair = vectors @ adapters.answer(lesson.pairs.pair).T
    whole = np.concatenate([np.stack([by_question, by_answer, by_pair], axis=2), checks.words], axis=2)
    right, hidden = _race(lesson, checks.rows)
    several = lesson.several[checks.rows]
    alone = weights[:3].sum() * by_answer + weights[3:5].sum() * checks.words[:, :, 1]
    scored = np.where(several[:, None], scores(whole, weights), alone)
    hidden &= several[:, None]
    right |= (checks.rows[:, None] == np.arange(len(lesson.pairs))[None]) & ~several[:, None]
    scored = np.where(hidden, -np.inf, scored)
    scored -= scored.max(axis=1, keepdims=True)
    powers = np.exp(scored)
    return float(-np.log(np.maximum((powers * right).sum(axis=1) / powers.sum(axis=1), 1e-30)).mean())


def _adapt(
    lesson: _Lesson,
    checks: _Checks,
    weights: Weights,
    recipe: Recipe,
    random: np.random.Generator,
    on_step: OnStep,
) -> tuple[Adapters, list[Step]]:
    """The adapters of the step with the least validation loss, and the curve."""
    if not len(checks.rows):
        return IDENTITY, []
    asked_rows = np.setdiff1d(np.arange(len(lesson.pairs)), checks.rows)
    model = LowRank(width=lesson.views.shape[2], rank=recipe.rank, random=random)
    near = hardest(lesson.asked.vectors, lesson.pairs.pair, recipe.hard_negatives)
    best, kept, waited = _validation(lesson, checks, weights, IDENTITY), IDENTITY, 0
    curve = [Step(step=0, train_loss=None, validation_loss=best)]
    for step in range(1, recipe.steps + 1):
        rows = random.choice(asked_rows, min(recipe.batch, len(asked_rows)), replace=False)
        members = _members(rows, near, len(lesson.pairs), recipe, random)
        rate = recipe.rate * min(1.0, step / 10) * (1 - (step - 1) / recipe.steps)
        loss = model.step(
            _batch(lesson, rows, members, weights, random),
            _pool(lesson, members),
            rate=rate,
            decay=recipe.decay,
        )
        checked = None
        if step % recipe.check_every == 0 or step == recipe.steps:
            adapters = model.adapters()
            checked = _validation(lesson, checks, weights, adapters)
            best, kept, waited = (checked, adapters, 0) if checked < best else (best, kept, waited + 1)
        curve.append(Step(step=step, train_loss=loss, validation_loss=checked))
        on_step(curve[-1])
        if waited >= recipe.patience:
            break
    return kept, curve


def _members(rows: Places, near: Places, count: int, recipe: Recipe, random: np.random.Generator) -> Places:
    """The pairs to choose from: all, or the batch's own, their hardest negatives and others by chance."""
    if count <= recipe.pool:
        return np.arange(count)
    chosen = np.union1d(rows, near[rows].ravel())
    others = np.setdiff1d(np.arange(count), chosen)
    missing = max(0, min(recipe.pool - len(chosen), len(others)))
    return np.sort(np.concatenate([chosen, random.choice(others, missing, replace=False)]))


def _pool(lesson: _Lesson, members: Places) -> Pool:
    pairs = lesson.pairs
    return Pool(question=pairs.question[members], answer=pairs.answer[members], pair=pairs.pair[members])


def _batch(
    lesson: _Lesson, rows: Places, members: Places, weights: Weights, random: np.random.Generator
) -> Batch:
    """Half ask with words left out, against everything; half ask as taught, against answers only.

    Where another question of the same answer is in the pool, that one is to be found, the own pair hidden.
    """
    own = rows[:, None] == members[None]
    same = lesson.groups[rows][:, None] == lesson.groups[members][None]
    others = (same & ~own).any(axis=1)
    plain = others | (random.random(len(rows)) < 0.5)
    view = lesson.views[rows, random.integers(lesson.views.shape[1], size=len(rows))]
    whole = np.tile(weights[:3], (len(rows), 1))
    alone = np.tile([0.0, weights[:3].sum(), 0.0], (len(rows), 1))
    hidden = own & others[:, None]
    return Batch(
        vectors=np.where(plain[:, None], lesson.asked.vectors[rows], view),
        right=same & ~hidden,
        hidden=hidden,
        weights=np.where((plain & ~others)[:, None], alone, whole).astype(np.float32),
    )


def _outside(
    encoder: SentenceEncoder, pairs: TaughtPairs, adapters: Adapters, weights: Weights, groups: Places
) -> tuple[float, float]:
    """Mean and deviation of the best score that questions on other subjects reach."""
    questions = OUTSIDE.read_text("utf-8").splitlines()
    asked = encode_questions(encoder, questions, pairs.rarity)
    level, _ = evidence(scores(similarities(asked, pairs, adapters), weights), groups)
    return float(level.mean()), max(float(level.std()), 1e-3)


def _loss(step: Step) -> float:
    return math.inf if step.validation_loss is None else step.validation_loss


def _silent(_: Step) -> None:
    return None
