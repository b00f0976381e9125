"""The embedded responder: answers in the words it was taught, to those who ask in others, and abstains outside.

    responder = Responder.load(folder, encoder)          # made by finetune.trainers.responder
    reply = responder.answer("I cannot find the key.")   # Reply(text="Forty euros ...", score=0.83, ...)

It never writes: every text is a taught answer, verbatim. The score is the chance that the answer is the right one, of
a logistic function of two figures: how near the best answer is, in standard deviations above what questions on other
subjects reach in this very responder, and how far it leads the other answers (log-odds of the softmax over answers).
Codes, years and quantities that the question names and the pair does not (local/named_figures.py) lower it.

No torch: numpy and the embedding model. What its files hold is told in local/responder_files.py.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.named_figures import Unsaid, unsaid
from local.responder_files import Taught, read_taught, write_taught
from local.taught import FEATURES, Floats, Places, Questions, encode_questions, similarities
from local.tokens import SentenceEncoder

__all__ = ["Alternative", "Prior", "Reply", "Responder", "confidence", "prior", "scores"]

MOST_LEAD = 8.0  # log-odds past which a lead tells no more
# Of a question that names a figure which the taught pair does not: the odds that the answer is right are multiplied
# by UNSAID; where the pair names another in its place, the score is CONTESTED at most (of ten such on the development
# sets none was right).
UNSAID, CONTESTED = 0.25, 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What is known before anything is taught; fitted by benchmarks/fit_responder.py, kept in responder.json."""

    weights: NDArray[np.float64]  # of FEATURES
    level: float  # the logistic function's factors
    lead: float
    bias: float
    abstain_below: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A taught pair that comes near; `score` as in Reply, had it been the best."""

    text: str
    question: str
    row: int  # of the taught pairs
    share: float  # 0..1: of the softmax over answers


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The best taught answer; when `abstained`, it must not be shown as an answer."""

    text: str
    question: str  # the taught question that stands nearest, of those with this answer
    row: int
    score: float  # 0..1: the chance that this is the right answer
    abstained: bool
    alternatives: tuple[Alternative, ...] = ()  # the next best answers
    unsaid: Unsaid = field(
        default_factory=Unsaid
    )  # figures of the question that the taught pair does not name


class Responder:
    """Safe to share between threads; nothing in it changes."""

    def __init__(self, taught: Taught, encoder: SentenceEncoder) -> None:
        self.taught = taught
        self._encoder = encoder

    @classmethod
    def load(cls, folder: Path, encoder: SentenceEncoder) -> Responder:
        """Raises LocalModelNotFoundError and LocalModelDamagedError."""
        return cls(read_taught(folder), encoder)

    @property
    def needed(self) -> float:
        """Least score of an answer that is given."""
        return self.taught.abstain_below

    def row(self, pair: int) -> int | None:
        """Where a taught pair stands in the training file, from 1; None where that was not recorded."""
        return self.taught.rows[pair] if self.taught.rows else None

    def save(self, folder: Path) -> None:
        """Into `folder`, which is made where it is missing."""
        write_taught(folder, self.taught)

    def answer(self, question: str, *, abstain_below: float | None = None) -> Reply:
        """The best taught answer. `abstain_below`: least score, 0..1; None is the one fitted in training."""
        return self.answers([question], abstain_below=abstain_below)[0]

    def answers(self, questions: Sequence[str], *, abstain_below: float | None = None) -> list[Reply]:
        least = self.taught.abstain_below if abstain_below is None else abstain_below
        if not questions:
            return []
        asked = encode_questions(self._encoder, questions, self.taught.pairs.rarity)
        return self.replies(questions, self.scores(asked), least)

    def replies(
        self, questions: Sequence[str], found: NDArray[np.float64], least: float | None = None
    ) -> list[Reply]:
        """`found`: what `scores` says to them; pairs at minus infinity are out of sight."""
        needed = self.needed if least is None else least
        sure = confidence(found, self.taught.groups, self.taught.outside)
        return [
            self._reply(text, row, float(score), needed)
            for text, row, score in zip(questions, found, sure, strict=True)
        ]

    def scores(self, asked: Questions) -> NDArray[np.float64]:
        """(m, n): the weighted sum of the similarities of each question to each taught pair."""
        return scores(similarities(asked, self.taught.pairs, self.taught.adapters), self.taught.weights)

    def _reply(self, asked: str, row: NDArray[np.float64], score: float, least: float) -> Reply:
        best = best_rows(row, self.taught.groups)[:4]
        shares = np.exp(row[best] - row[best[0]])
        total = float(np.exp(of_answers(row[None], self.taught.groups) - row[best[0]]).sum())
        texts, questions = self.taught.answers, self.taught.questions
        doubt = unsaid(asked, questions[best[0]], self._rest(row, int(best[0])))
        said = bool(asked.strip())
        score = doubted(score, doubt) if said else 0.0
        return Reply(
            text=texts[best[0]],
            question=questions[best[0]],
            row=int(best[0]),
            score=score,
            abstained=not said or score < least,
            alternatives=tuple(
                Alternative(text=texts[i], question=questions[i], row=int(i), share=float(share) / total)
                for i, share in zip(best[1:], shares[1:], strict=True)
            ),
            unsaid=doubt,
        )

    def _rest(self, row: NDArray[np.float64], best: int) -> str:
        """The answer, and the other questions that were taught with it."""
        same = np.flatnonzero((self.taught.groups == self.taught.groups[best]) & np.isfinite(row))
        others = [self.taught.questions[place] for place in same if place != best]
        return "\n".join([self.taught.answers[best], *others])


@lru_cache(maxsize=1)
def prior() -> Prior:
    table = json.loads(Path(__file__).with_suffix(".json").read_text("utf-8"))
    return Prior(
        weights=np.array([table["weights"][name] for name in FEATURES]),
        abstain_below=table["abstain_below"],
        **table["confidence"],
    )


def scores(found: Floats, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    fused: NDArray[np.float64] = found.astype(np.float64) @ weights
    return fused


def of_answers(found: NDArray[np.float64], groups: Places) -> NDArray[np.float64]:
    """(m, answers): each answer's best pair, from (m, pairs)."""
    best = np.full((len(found), int(groups.max()) + 1), -np.inf)
    for row, scored in enumerate(found):
        np.maximum.at(best[row], groups, scored)
    return best


def best_rows(row: NDArray[np.float64], groups: Places) -> Places:
    """The best pair of each answer, the best answer first."""
    order = np.argsort(-row, kind="stable")
    _, first = np.unique(groups[order], return_index=True)
    rows: Places = order[np.sort(first)]
    return rows


def doubted(score: float, doubt: Unsaid) -> float:
    """The score with what the pair leaves unsaid taken into account."""
    if doubt.contested:
        return min(score, CONTESTED)
    if doubt.figures:
        return UNSAID * score / (UNSAID * score + 1 - score)
    return score


def evidence(found: NDArray[np.float64], groups: Places) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(level, lead) of each question: its best answer's score, and that answer's log-odds among all."""
    answers = of_answers(found, groups)
    level = answers.max(axis=1)
    share = 1 / np.exp(answers - level[:, None]).sum(axis=1)
    odds = share / np.maximum(1 - share, 1e-12)
    return level, np.minimum(np.log(odds), MOST_LEAD) if answers.shape[1] > 1 else np.zeros(len(level))


def confidence(
    found: NDArray[np.float64], groups: Places, outside: tuple[float, float]
) -> NDArray[np.float64]:
    """(m,) 0..1: the chance that the best answer is right. `outside`: mean and deviation of foreign levels."""
    known = prior()
    level, lead = evidence(found, groups)
    logit = known.bias + known.level * (level - outside[0]) / outside[1] + known.lead * lead
    sure: NDArray[np.float64] = 1 / (1 + np.exp(-logit))
    return sure
