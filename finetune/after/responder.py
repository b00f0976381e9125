"""A responder against the frozen vectors it began with: does it give back what it was taught, to whom, and to whom not.

Held-out questions are, as far as there are any: those of a validation file whose answer is taught; else those of
answers with several questions, each with its own pair hidden. Failing both there is nothing it could be proven on.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.after.comparing import compared
from finetune.after.evaluation import general_questions
from finetune.after.verdict import Decision, Measure, Verdict
from finetune.trainers.responder_rows import question_answers
from local.responder import Responder, prior
from local.responder_files import Taught
from local.taught import IDENTITY, encode_questions
from local.tokens import SentenceEncoder

__all__ = ["judge_responder"]

MOST = 200  # taught questions asked again, and held-out ones
LEAST = 8  # held-out questions below which nothing is proven
RECALL, REFUSED = 0.9, 0.9  # least shares: of what was taught given back, of foreign questions refused
ALSO_CHOSEN_ON = "Such questions also chose the step that is kept, so these figures flatter it a little."
Rows = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class _HeldOut:
    questions: tuple[str, ...]
    groups: Rows  # the number of each one's answer
    hidden: Rows  # the taught pair out of sight, or -1
    kind: str  # for people


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcomes:
    """Of held-out questions. The shares are of all of them; it abstains from the rest."""

    first: tuple[float, ...]  # 1 or 0 for each: the best answer is right
    answered_right: float
    answered_wrong: float


def judge_responder(
    taught: Taught, encoder: SentenceEncoder, *, validation: Sequence[Mapping[str, Any]] = (), seed: int
) -> Verdict:
    responder = Responder(taught, encoder)
    recall, foreign = _recall(responder, seed), _refused(responder)
    held_out = _held_out(taught, validation, seed)
    measures: tuple[Measure, ...] = ()
    outcomes = _Outcomes(first=(), answered_right=0.0, answered_wrong=0.0)
    if held_out is not None:
        frozen = Responder(replace(taught, adapters=IDENTITY, weights=prior().weights), encoder)
        outcomes = _outcomes(responder, encoder, held_out)
        before = _outcomes(frozen, encoder, held_out)
        name = f"right answer first, {held_out.kind}"
        measures = (compared(name, outcomes.first, before.first, seed=seed),)
    usable = len(_validated(taught, validation))
    verdict, reasons = _decided(recall, foreign, measures, outcomes, _unproven(len(validation), usable))
    facts = {
        "taught_given_back": recall,
        "foreign_refused": foreign,
        "answered_right": outcomes.answered_right,
        "answered_wrong": outcomes.answered_wrong,
    }
    return Verdict(verdict=verdict, reasons=reasons, measures=measures, forgetting=facts)


def _recall(responder: Responder, seed: int) -> float:
    """Share of what was taught that is given back; of questions taught twice with two answers one is enough."""
    known: dict[str, set[str]] = {}
    for question, answer in zip(responder.taught.questions, responder.taught.answers, strict=True):
        known.setdefault(question, set()).add(answer)
    asked = _some(list(known), seed)
    replies = responder.answers(asked)
    right = [
        reply.text in known[question] and not reply.abstained
        for question, reply in zip(asked, replies, strict=True)
    ]
    return float(np.mean(right))


def _refused(responder: Responder) -> float:
    """Share of general questions that it does not answer, those aside that it was taught."""
    asked = [question for question, _ in general_questions() if question not in responder.taught.questions]
    return float(np.mean([reply.abstained for reply in responder.answers(asked)]))


def _validated(taught: Taught, validation: Sequence[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """(question, number of its answer) of the rows whose answer is taught, with a question that is not."""
    numbers = {
        " ".join(answer.split()): int(group)
        for answer, group in zip(taught.answers, taught.groups, strict=True)
    }
    known = set(taught.questions)
    return [
        (one.question, numbers[" ".join(one.answer.split())])
        for one in question_answers(validation)[0]
        if " ".join(one.answer.split()) in numbers and one.question not in known
    ]


def _held_out(taught: Taught, validation: Sequence[Mapping[str, Any]], seed: int) -> _HeldOut | None:
    given = _validated(taught, validation)
    if len(given) >= LEAST:
        given = _some(given, seed)
        hidden = np.full(len(given), -1, dtype=np.int64)
        groups = np.array([group for _, group in given], dtype=np.int64)
        return _HeldOut(
            questions=tuple(question for question, _ in given),
            groups=groups,
            hidden=hidden,
            kind="validation questions",
        )
    several = np.flatnonzero(np.bincount(taught.groups)[taught.groups] > 1)
    if len(several) < LEAST:
        return None
    rows = np.array(sorted(_some(several.tolist(), seed)), dtype=np.int64)
    return _HeldOut(
        questions=tuple(taught.questions[row] for row in rows),
        groups=taught.groups[rows],
        hidden=rows,
        kind="taught questions with their own row hidden",
    )


def _outcomes(responder: Responder, encoder: SentenceEncoder, held_out: _HeldOut) -> _Outcomes:
    taught = responder.taught
    found = responder.scores(encode_questions(encoder, held_out.questions, taught.pairs.rarity))
    for place, row in enumerate(held_out.hidden):
        if row >= 0:
            found[place, row] = -np.inf
    right = taught.groups[found.argmax(axis=1)] == held_out.groups
    answered = np.array([not reply.abstained for reply in responder.replies(held_out.questions, found)])
    return _Outcomes(
        first=tuple(right.astype(float).tolist()),
        answered_right=float((answered & right).mean()),
        answered_wrong=float((answered & ~right).mean()),
    )


def _some(values: list[Any], seed: int) -> list[Any]:
    if len(values) <= MOST:
        return values
    return random.Random(seed).sample(values, MOST)  # noqa: S311 - a draw, no secret


def _unproven(given: int, usable: int) -> str:
    """Why nothing could be held out, and what to do."""
    if given:
        return (
            f"Not tested in other words: of {given} validation rows {usable} ask for a taught answer in other words, "
            f"and {LEAST} are needed. Their answers must be those of the training file, word for word."
        )
    return (
        "Not tested in other words: each answer was taught with one question, so none could be held out. Train with a "
        "validation file of other questions to the same answers (--validation FILE)."
    )


def _decided(
    recall: float, foreign: float, measures: Sequence[Measure], outcomes: _Outcomes, unproven: str
) -> tuple[Decision, tuple[str, ...]]:
    right, wrong = outcomes.answered_right, outcomes.answered_wrong
    said = [
        f"It gives back {recall:.0%} of what it was taught, and refuses {foreign:.0%} of general questions.",
        *(one.sentence() for one in measures),
    ]
    if measures:
        said.append(
            f"It answers {right:.0%} of the held-out questions right and {wrong:.0%} wrong, and abstains from the "
            f"rest. {ALSO_CHOSEN_ON}"
        )
    if recall < RECALL:
        told = "Too much of what was taught is not given back: look for questions that are taught with two answers."
        return "do not ship", (told, *said)
    if foreign < REFUSED:
        return "do not ship", ("It answers questions that have nothing to do with what it was taught.", *said)
    if not measures:
        return "not proven", (unproven, *said)
    if measures[0].high < 0:
        return "do not ship", ("It finds fewer right answers than before training.", *said)
    if wrong > right:
        return "do not ship", ("More held-out questions get a wrong answer than a right one.", *said)
    return "ship", (
        "Asked in other words it answers right more often than wrong; the rest it refuses.",
        *said,
    )
