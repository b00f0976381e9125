"""A tuned model against its base on held-out examples, what it forgot, and the verdict.

    evaluate(rows, ask_tuned, ask_base, encoder, seed=7)

`rows` are training rows that were not trained on; each is asked with all before its last answer, which is what is
wanted. `ask_...` takes the messages and returns the reply, None for an abstention, and may be anything: a chat model
here, a provider's API. The general questions beside this file have nothing to do with any training: who answers them
worse than the base has forgotten.

Shipped is only what is better than its base by more than chance. Losses and rewards are not asked: a model can have
the best of them and write rubbish.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from finetune.after.comparing import compared, exact_match, plain, token_f1
from finetune.after.verdict import Decision, Measure, Verdict

__all__ = ["MOST_ROWS", "Encoder", "Example", "Reply", "evaluate", "examples", "general_questions"]

Message = Mapping[str, Any]
Reply = Callable[[Sequence[Message]], str | None]

MOST_ROWS = 100  # held-out examples that are asked, drawn by the seed
LEAST_ROWS = 8  # below which nothing is proven
FORGOTTEN = 0.34  # of the general questions that the base answers; more is forgetting
LEAST_KNOWN = 5  # general questions the base must answer before forgetting can be told
RUBBISH = 0.2  # of the replies; more is a collapse
GENERAL = Path(__file__).with_name("general_questions.jsonl")


class Encoder(Protocol):
    def encode(self, texts: Sequence[str]) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    messages: tuple[Message, ...]
    wanted: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """The replies of both models to the same questions."""

    wanted: tuple[str, ...]
    tuned: tuple[str, ...]
    base: tuple[str, ...]


def evaluate(
    rows: Iterable[Mapping[str, Any]],
    ask_tuned: Reply,
    ask_base: Reply,
    encoder: Encoder,
    *,
    seed: int,
    most: int = MOST_ROWS,
) -> Verdict:
    """Asks both models everything, so it may take long; what an `ask` raises goes through."""
    chosen = examples(rows)
    if len(chosen) > most:
        chosen = random.Random(seed).sample(chosen, most)  # noqa: S311 - a draw, no secret
    asked = _asked(chosen, ask_tuned, ask_base)
    measures = _measures(asked, encoder, seed) if chosen else ()
    forgetting = _forgetting(ask_tuned, ask_base, encoder)
    rubbish = _rubbish(asked.tuned)
    verdict, reasons = _decided(measures, forgetting, rubbish)
    return Verdict(verdict=verdict, reasons=reasons, measures=measures, forgetting=forgetting)


def examples(rows: Iterable[Mapping[str, Any]]) -> list[Example]:
    """What can be asked: rows that end with an assistant's text."""
    found = (_example(row) for row in rows)
    return [one for one in found if one is not None]


def general_questions() -> list[tuple[str, tuple[str, ...]]]:
    """(question, accepted words of its answer)."""
    rows = map(json.loads, GENERAL.read_text("utf-8").splitlines())
    return [(row["question"], tuple(row["answers"])) for row in rows]


def _example(row: Mapping[str, Any]) -> Example | None:
    if isinstance(row.get("prompt"), str) and isinstance(row.get("completion"), str):
        return Example(messages=({"role": "user", "content": row["prompt"]},), wanted=row["completion"])
    asked = row.get("input")
    turns = asked.get("messages") if isinstance(asked, Mapping) else row.get("messages")
    preferred = row.get("preferred_output")
    whole = [
        turn
        for part in (turns, preferred)
        if isinstance(part, list)
        for turn in part
        if isinstance(turn, Mapping)
    ]
    if len(whole) < 2 or whole[-1].get("role") != "assistant":
        return None
    wanted = whole[-1].get("content")
    before = tuple({"role": turn.get("role"), "content": turn.get("content")} for turn in whole[:-1])
    if not isinstance(wanted, str) or not wanted.strip():
        return None
    if not all(isinstance(turn["content"], str) for turn in before):
        return None  # tool calls and pictures are not asked
    return Example(messages=before, wanted=wanted)


def _asked(chosen: Sequence[Example], ask_tuned: Reply, ask_base: Reply) -> _Asked:
    """All of one model before the other: a server then switches adapters once."""
    return _Asked(
        wanted=tuple(one.wanted for one in chosen),
        tuned=tuple(ask_tuned(one.messages) or "" for one in chosen),
        base=tuple(ask_base(one.messages) or "" for one in chosen),
    )


def _measures(asked: _Asked, encoder: Encoder, seed: int) -> tuple[Measure, ...]:
    def both(of: Callable[[str, str], float]) -> tuple[list[float], list[float]]:
        tuned = [of(reply, wanted) for reply, wanted in zip(asked.tuned, asked.wanted, strict=True)]
        return tuned, [of(reply, wanted) for reply, wanted in zip(asked.base, asked.wanted, strict=True)]

    wanted, tuned, base = (encoder.encode(list(texts)) for texts in (asked.wanted, asked.tuned, asked.base))
    likeness = [(tuned * wanted).sum(axis=1).tolist(), (base * wanted).sum(axis=1).tolist()]
    for replies, column in ((asked.tuned, likeness[0]), (asked.base, likeness[1])):
        column[:] = [value if reply.strip() else 0.0 for reply, value in zip(replies, column, strict=True)]
    return (
        compared("token F1", *both(token_f1), seed=seed),
        compared("exact match", *both(exact_match), seed=seed),
        compared("likeness in meaning", *likeness, seed=seed),
    )


def _forgetting(ask_tuned: Reply, ask_base: Reply, encoder: Encoder) -> dict[str, float]:
    """Of the general questions: how many each model answers, which of the base's the tuned one lost, and the drift
    of its words (1 - cosine, mean).
    """
    questions = general_questions()
    asked = [({"role": "user", "content": question},) for question, _ in questions]
    tuned = [ask_tuned(messages) or "" for messages in asked]
    base = [ask_base(messages) or "" for messages in asked]
    accepted = [answers for _, answers in questions]
    known = [_answers(reply, answers) for reply, answers in zip(base, accepted, strict=True)]
    kept = [_answers(reply, answers) for reply, answers in zip(tuned, accepted, strict=True)]
    lost = sum(before and not after for before, after in zip(known, kept, strict=True))
    drift = 1.0 - float((encoder.encode(tuned) * encoder.encode(base)).sum(axis=1).mean())
    return {
        "questions": float(len(questions)),
        "base_right": float(sum(known)),
        "tuned_right": float(sum(kept)),
        "lost": float(lost),
        "drift": drift,
    }


def _answers(reply: str, accepted: Sequence[str]) -> bool:
    said = f" {plain(reply)} "
    return any(f" {plain(answer)} " in said for answer in accepted)


def _rubbish(replies: Sequence[str]) -> float:
    """Share of replies that are empty or say the same few words over and over."""
    return sum(_is_rubbish(reply) for reply in replies) / len(replies) if replies else 0.0


def _is_rubbish(reply: str) -> bool:
    words = plain(reply).split()
    return not reply.strip() or (len(words) >= 12 and len(set(words)) / len(words) < 0.25)


def _decided(
    measures: Sequence[Measure], forgetting: Mapping[str, float], rubbish: float
) -> tuple[Decision, tuple[str, ...]]:
    said = (*(one.sentence() for one in measures), _forgetting_sentence(forgetting))
    if not measures or measures[0].n < LEAST_ROWS:
        count = measures[0].n if measures else 0
        told = f"Only {count} examples were held out, and {LEAST_ROWS} are needed: give a validation file."
        return "not proven", (told, *said)
    first = measures[0]
    if rubbish > RUBBISH:
        told = (
            f"{rubbish:.0%} of its replies are empty or repeat themselves: train with a lower learning rate."
        )
        return "do not ship", (told, *said)
    if first.high < 0:
        return "do not ship", ("It answers the held-out questions worse than its base.", *said)
    if _forgot(forgetting):
        told = "It lost much of what its base could answer: train for fewer epochs, or with a lower learning rate."
        return "do not ship", (told, *said)
    if first.low <= 0:
        told = "It may be no better than its base: the interval of the difference holds nought."
        return "not proven", (told, *said)
    return "ship", ("It answers the held-out questions better than its base, beyond chance.", *said)


def _forgot(forgetting: Mapping[str, float]) -> bool:
    known = forgetting["base_right"]
    return known >= LEAST_KNOWN and forgetting["lost"] / known > FORGOTTEN


def _forgetting_sentence(forgetting: Mapping[str, float]) -> str:
    return (
        f"General questions: the base answers {forgetting['base_right']:.0f} of {forgetting['questions']:.0f}, the "
        f"tuned model {forgetting['tuned_right']:.0f}; {forgetting['lost']:.0f} were lost."
    )
