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
from local.responder import Responder, confidence, prior
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


def judge_responder(
    taught: Taught, encoder: SentenceEncoder, *, validation: Sequence[Mapping[str, Any]] = (), seed: int
) -> Verdict:
    responder = Responder(taught, encoder)
    recall, foreign = _recall(responder, seed), _refused(responder)
    held_out = _held_out(taught, validation, seed)
    measures: tuple[Measure, ...] = ()
    wrong = 0.0
    if held_out is not None:
        frozen = Responder(replace(taught, adapters=IDENTITY, weights=prior().weights), encoder)
        tuned, wrong = _hits(responder, encoder, held_out)
        before, _ = _hits(frozen, encoder, held_out)
        measures = (compared(f"right answer first, {held_out.kind}", tuned, before, seed=seed),)
    verdict, reasons = _decided(recall, foreign, measures, wrong)
    facts = {"taught_given_back": recall, "foreign_refused": foreign, "answered_wrong": wrong}
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


def _held_out(taught: Taught, validation: Sequence[Mapping[str, Any]], seed: int) -> _HeldOut | None:
    numbers = {
        " ".join(answer.split()): int(group)
        for answer, group in zip(taught.answers, taught.groups, strict=True)
    }
    known = set(taught.questions)
    given = [
        (one.question, numbers[" ".join(one.answer.split())])
        for one in question_answers(validation)[0]
        if " ".join(one.answer.split()) in numbers and one.question not in known
    ]
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


def _hits(responder: Responder, encoder: SentenceEncoder, held_out: _HeldOut) -> tuple[list[float], float]:
    """(1 or 0 for each question: the best answer is right; share of all that is answered, and wrong)."""
    taught = responder.taught
    found = responder.scores(encode_questions(encoder, held_out.questions, taught.pairs.rarity))
    for place, row in enumerate(held_out.hidden):
        if row >= 0:
            found[place, row] = -np.inf
    right = taught.groups[found.argmax(axis=1)] == held_out.groups
    sure = confidence(found, taught.groups, taught.outside) >= taught.abstain_below
    return right.astype(float).tolist(), float((sure & ~right).mean())


def _some(values: list[Any], seed: int) -> list[Any]:
    if len(values) <= MOST:
        return values
    return random.Random(seed).sample(values, MOST)  # noqa: S311 - a draw, no secret


def _decided(
    recall: float, foreign: float, measures: Sequence[Measure], wrong: float
) -> tuple[Decision, tuple[str, ...]]:
    said = (
        f"It gives back {recall:.0%} of what it was taught, and refuses {foreign:.0%} of general questions.",
        *(one.sentence() for one in measures),
        *(
            [f"{wrong:.0%} of the held-out questions get a wrong answer. {ALSO_CHOSEN_ON}"]
            if measures
            else []
        ),
    )
    if recall < RECALL:
        told = "Too much of what was taught is not given back: look for questions that are taught with two answers."
        return "do not ship", (told, *said)
    if foreign < REFUSED:
        return "do not ship", ("It answers questions that have nothing to do with what it was taught.", *said)
    if not measures:
        told = (
            "Every answer was taught with one question, so nothing shows how it does with other words: "
            "give a validation file of the same answers, asked otherwise."
        )
        return "not proven", (told, *said)
    if measures[0].high < 0:
        return "do not ship", ("It finds fewer right answers than before training.", *said)
    if wrong > measures[0].tuned:
        return "do not ship", ("More held-out questions get a wrong answer than a right one.", *said)
    return "ship", ("It gives what it was taught to who asks in other words, and refuses the rest.", *said)
