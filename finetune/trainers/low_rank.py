"""Low-rank changes of frozen vectors, trained by InfoNCE: forward, backward and AdamW in numpy.

The change is `unit(x + (x @ down) @ up)` with `up` zero at the start, so training begins at the frozen model
(Hu et al. 2021, LoRA) and decay pulls back towards it. The loss is the cross-entropy of the right pair among the
pool's (van den Oord et al. 2018), over three of the responder's similarities with their weights as temperature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.taught import Adapter, Adapters, Floats, Places

__all__ = ["Batch", "LowRank", "Pool"]

_FIRST, _SECOND, _TINY = 0.9, 0.99, 1e-8  # Adam's
_STATE = ("down", "up", "down_first", "up_first", "down_second", "up_second")  # of one side
_BLOCK = 1024  # questions compared with all pairs at a time


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Vectors (p, d) of the pairs that a batch chooses from."""

    question: Floats
    answer: Floats
    pair: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """b questions as asked in training."""

    vectors: Floats  # (b, d)
    right: NDArray[np.bool_]  # (b, p) pairs that hold the right answer
    hidden: NDArray[np.bool_]  # (b, p) pairs that are out of the race
    weights: Floats  # (b, 3) of the similarities to question, answer and pair


@dataclass(slots=True)
class _Kept:
    inputs: Floats
    inner: Floats
    unit: Floats
    norms: Floats


class _Side:
    """One adapter in training."""

    def __init__(self, width: int, rank: int, random: np.random.Generator) -> None:
        self.down = (random.standard_normal((width, rank)) / np.sqrt(width)).astype(np.float32)
        self.up = np.zeros((rank, width), dtype=np.float32)
        self.gradients = [np.zeros_like(self.down), np.zeros_like(self.up)]
        self.first = [np.zeros_like(one) for one in self.gradients]
        self.second = [np.zeros_like(one) for one in self.gradients]

    def forward(self, inputs: Floats) -> _Kept:
        inner = inputs @ self.down
        changed = inputs + inner @ self.up
        norms = np.linalg.norm(changed, axis=1, keepdims=True)
        return _Kept(inputs=inputs, inner=inner, unit=changed / norms, norms=norms)

    def backward(self, gradient: Floats, kept: _Kept) -> None:
        along: Floats = (gradient * kept.unit).sum(axis=1, keepdims=True)
        changed = (gradient - along * kept.unit) / kept.norms
        self.gradients[0] += kept.inputs.T @ (changed @ self.up.T)
        self.gradients[1] += kept.inner.T @ changed

    def step(self, rate: float, decay: float, count: int) -> None:
        for position, value in enumerate((self.down, self.up)):
            gradient = self.gradients[position]
            self.first[position] += (1 - _FIRST) * (gradient - self.first[position])
            self.second[position] += (1 - _SECOND) * (gradient * gradient - self.second[position])
            mean = self.first[position] / (1 - _FIRST**count)
            spread = np.sqrt(self.second[position] / (1 - _SECOND**count)) + _TINY
            change = rate * (mean / spread + decay * position * value)
            np.subtract(value, change.astype(np.float32), out=value)
            gradient[:] = 0

    def adapter(self) -> Adapter:
        return Adapter(down=self.down.copy(), up=self.up.copy())

    def state(self) -> tuple[Floats, ...]:
        """The arrays that a later step depends on, themselves and not copies."""
        return (self.down, self.up, *self.first, *self.second)


class LowRank:
    """Both adapters in training."""

    def __init__(self, *, width: int, rank: int, random: np.random.Generator) -> None:
        self._question = _Side(width, rank, random)
        self._answer = _Side(width, rank, random)
        self._steps = 0

    def step(self, batch: Batch, pool: Pool, *, rate: float, decay: float) -> tuple[float, float]:
        """One step; returns the loss and the share of right answers before it."""
        asked = self._question.forward(batch.vectors)
        taught = self._question.forward(pool.question)
        answers, pairs = self._answer.forward(pool.answer), self._answer.forward(pool.pair)
        loss, accuracy, slope = _cross_entropy(batch, asked.unit, (taught.unit, answers.unit, pairs.unit))
        by_question, by_answer, by_pair = (
            (slope * batch.weights[:, [one]]).astype(np.float32) for one in range(3)
        )
        self._question.backward(
            by_question @ taught.unit + by_answer @ answers.unit + by_pair @ pairs.unit, asked
        )
        self._question.backward(by_question.T @ asked.unit, taught)
        self._answer.backward(by_answer.T @ asked.unit, answers)
        self._answer.backward(by_pair.T @ asked.unit, pairs)
        self._steps += 1
        for side in (self._question, self._answer):
            side.step(rate, decay, self._steps)
        return loss, accuracy

    def adapters(self) -> Adapters:
        return Adapters(question=self._question.adapter(), answer=self._answer.adapter())

    def arrays(self) -> dict[str, Floats]:
        """All that the next step depends on beside its batch, copied."""
        return {name: one.copy() for name, one in self._named()}

    def set_arrays(self, arrays: Mapping[str, Floats], *, steps: int) -> None:
        """Goes on from `arrays()` after `steps`. Raises KeyError or ValueError where they are another model's."""
        for name, one in self._named():
            one[...] = arrays[name].reshape(one.shape)
        self._steps = steps

    def _named(self) -> list[tuple[str, Floats]]:
        sides = {"question": self._question.state(), "answer": self._answer.state()}
        return [
            (f"{side}_{name}", one)
            for side, arrays in sides.items()
            for name, one in zip(_STATE, arrays, strict=True)
        ]


def _cross_entropy(
    batch: Batch, asked: Floats, sides: tuple[Floats, Floats, Floats]
) -> tuple[float, float, Floats]:
    """(mean loss, share whose best pair is right, the loss's slope by the scores): the log-share of all right pairs
    together.
    """
    scores = sum(batch.weights[:, [one]] * (asked @ side.T) for one, side in enumerate(sides))
    scores = np.where(batch.hidden, -np.inf, scores)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    every = powers.sum(axis=1, keepdims=True)
    rights = (powers * batch.right).sum(axis=1, keepdims=True)
    slope = powers / every - powers * batch.right / np.maximum(rights, 1e-30)
    loss = float(np.log(every / np.maximum(rights, 1e-30)).mean())
    best = batch.right[np.arange(len(asked)), scores.argmax(axis=1)]
    return loss, float(best.mean()), (slope / len(asked)).astype(np.float32)


def hardest(asked: Floats, pairs: Floats, count: int) -> Places:
    """(n, count) the pairs nearest to each question, itself left out; all of them where there are fewer."""
    count = min(count, len(pairs) - 1)
    found = np.empty((len(asked), count), dtype=np.int64)
    for start in range(0, len(asked), _BLOCK):  # n by n at once would be gigabytes
        rows = np.arange(start, min(start + _BLOCK, len(asked)))
        near = asked[rows] @ pairs.T
        near[rows - start, rows] = -np.inf
        found[rows] = np.argpartition(-near, count, axis=1)[:, :count]
    return found
