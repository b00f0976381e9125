"""Why an answer is not right, as far as the run can tell, and what helps against it.

    kind = kind_of(question, outcome)       None for a right one
    HINTS[kind]

The causes are looked at in the order in which they come about: the search, the reading, what was taught. Figures are
looked at before words: a wrong amount is the error that costs most.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from chains.answer import Mode
from chains.quantities import quantities, same_figure
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome

__all__ = ["HINTS", "Failure", "Kind", "failures_of", "hint", "kind_of"]

Kind = Literal[
    "answered, though the documents do not answer it",
    "not found: refused",
    "not found: answered from elsewhere",
    "found, but refused",
    "refused, though there is an answer",
    "cut off before its end",
    "as taught, but another figure is right (stale or of something else)",
    "wrong figure",
    "found, but not said",
    "another answer that was taught",
    "other words or another answer",
    "error",
]
KINDS: tuple[Kind, ...] = get_args(Kind)
HINTS: Mapping[Kind, str] = {
    "answered, though the documents do not answer it": "Fit the confidence to your questions (python -m app evaluate "
    "confidence): a higher threshold refuses more of these.",
    "not found: refused": "The passage with the answer was not among those read: read more (--k), or look whether the "
    "document was ingested and is worded as people ask.",
    "not found: answered from elsewhere": "The passage with the answer was not among those read: read more (--k), or "
    "put what contradicts it out of the knowledge base.",
    "found, but refused": "The passage was read, and the confidence stayed below the threshold: fit it to your "
    "questions (python -m app evaluate confidence).",
    "refused, though there is an answer": "Name the documents in the question file: then the report tells whether the "
    "search or the reading failed.",
    "cut off before its end": "The reply ended before the answer was said: give the model server a larger "
    "limit of tokens for its replies.",
    "as taught, but another figure is right (stale or of something else)": "Bring the training rows up to date and "
    "train again, or let the documents answer what changes.",
    "wrong figure": "Look at the answer's sources: often an older document, or another row of the same table.",
    "found, but not said": "The passage was read and another sentence was taken: a chat model reads better than the "
    "embedded reader.",
    "another answer that was taught": "Teach this question too, in more than one wording.",
    "other words or another answer": "Read a few: where the answer is right in other words, add them to 'answers'.",
    "error": "No answer came: see the message, then go on with the run (--resume).",
}
UNREAD = "The base model has not read your documents: that is what the other modes are for."
BY_MODE: Mapping[tuple[Mode, Kind], str] = {
    ("base", "refused, though there is an answer"): UNREAD,
    ("base", "wrong figure"): UNREAD,
    ("base", "answered, though the documents do not answer it"): UNREAD,
    ("finetuned", "refused, though there is an answer"): "Teach rows like these, in more than one wording.",
    (
        "finetuned",
        "wrong figure",
    ): "Figures are badly remembered: let the documents answer them (RAG, hybrid).",
    (
        "finetuned",
        "answered, though the documents do not answer it",
    ): "Teach rows whose right answer is a refusal.",
}
LONGEST_REASON = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong in the same way, in one mode."""

    mode: Mode
    kind: str  # as in Kind; an error's with its sentence
    questions: tuple[str, ...]  # ids
    hint: str = ""


def failures_of(
    modes: Sequence[Mode], questions: Mapping[str, KnownQuestion], outcomes: Sequence[Outcome]
) -> tuple[Failure, ...]:
    """By mode and kind, the most frequent first."""
    grouped: dict[tuple[Mode, str], list[str]] = {}
    hints: dict[tuple[Mode, str], str] = {}
    for one in outcomes:
        kind = kind_of(questions[one.question], one) if one.question in questions else None
        if kind is not None and one.mode in modes:
            told = f"error: {(one.error or '')[:LONGEST_REASON]}" if kind == "error" else kind
            hints[one.mode, told] = hint(one.mode, kind)
            grouped.setdefault((one.mode, told), []).append(one.question)
    counts = Counter({key: len(found) for key, found in grouped.items()})
    order = sorted(grouped, key=lambda key: (modes.index(key[0]), -counts[key], key[1]))
    return tuple(
        Failure(mode=mode, kind=kind, questions=tuple(grouped[mode, kind]), hint=hints[mode, kind])
        for mode, kind in order
    )


def hint(mode: Mode, kind: Kind) -> str:
    """What helps in this mode."""
    return BY_MODE.get((mode, kind), HINTS[kind])


def kind_of(question: KnownQuestion, outcome: Outcome) -> Kind | None:
    """None for what is right."""
    if outcome.right:
        return None
    if outcome.verdict == "error":
        return "error"
    if not question.answerable:
        return "answered, though the documents do not answer it"
    return _refused(outcome) if outcome.verdict == "missed" else _wrong(question, outcome)


def _refused(outcome: Outcome) -> Kind:
    found = outcome.scores.get("passage_recall")
    if found is None:
        return "refused, though there is an answer"
    return "found, but refused" if found else "not found: refused"


def _wrong(question: KnownQuestion, outcome: Outcome) -> Kind:
    taught, figure = _taught(outcome), _other_figure(question, outcome)
    if taught:
        return (
            "as taught, but another figure is right (stale or of something else)"
            if figure
            else "another answer that was taught"
        )
    found = outcome.scores.get("passage_recall")
    if outcome.cut_off:
        return "cut off before its end"
    if found == 0:
        return "not found: answered from elsewhere"
    if figure:
        return "wrong figure"
    return "found, but not said" if found else "other words or another answer"


def _taught(outcome: Outcome) -> bool:
    """Whether the answer is what a responder was taught; one with citations was read, not remembered."""
    answer = outcome.answer or {}
    return bool(answer.get("taught")) and not answer.get("citations")


def _other_figure(question: KnownQuestion, outcome: Outcome) -> bool:
    """Whether the wanted answer has figures, and the given one has others in their place."""
    wanted = [one.value for one in quantities(question.reference or next(iter(question.answers), ""))]
    given = [one.value for text in _said(outcome) for one in quantities(text)]
    held = any(same_figure(one, other) for one in wanted for other in given)
    return bool(wanted and given) and not held


def _said(outcome: Outcome) -> Iterator[str]:
    yield outcome.text
    citations: Sequence[Mapping[str, Any]] = (outcome.answer or {}).get("citations", ())
    yield from (str(one.get("quote", "")) for one in citations)
