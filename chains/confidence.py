"""How sure we are that the documents answer the question, from what retrieval and reading saw of it.

    confidence = assess(question, passages, reading)
    confidence.value >= ABSTAIN_BELOW

A logistic regression over the signals of local.reader and the retriever's scores. Its weights stand in
confidence.json beside this file, with how they were made: benchmarks/fit_confidence.py writes it. Two doubts are
rules, not weights, because the questions it is fitted on hardly hold them: they halve what the regression says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from chains.answer import Confidence, Question
from chains.confidence_fit import Calibration, shipped
from loaders.passage import Passage
from local.lexical import AnswerType, answer_type
from local.reader import Reading

__all__ = [
    "ABSTAIN_BELOW",
    "SIGNALS",
    "Calibration",
    "assess",
    "calibration",
    "confidence",
    "doubt",
    "level",
    "signals",
]

HIGH, MEDIUM = 0.7, 0.4  # least values of the levels
KINDS: dict[AnswerType, str] = {
    "person": "name",
    "time": "date or time",
    "date": "day",
    "number": "number",
    "place": "place",
    "any": "answer",
}

# What the regression weighs, in the order of its weights.
SIGNALS = (
    "top_cosine",
    "passage_cosine",
    "best_coverage",
    "passage_coverage",
    "coverage",
    "names_missing",
    "margin",
    "type_missing",
    "names_missing_in_best",
)
# The documents speak of another code or year than the question; it asks for a date, or for a sum of money, a
# telephone number or an address for mail, and none is quoted.
DOUBTS = ("contested", "date_missing", "form_missing")
DOUBTED = 0.5


def calibration() -> Calibration:
    """The shipped fit."""
    return shipped()


ABSTAIN_BELOW: float = calibration().abstain_below


def assess(
    question: Question, passages: Sequence[Passage], reading: Reading, fit: Calibration | None = None
) -> Confidence:
    """Confidence in an answer made of `reading.sentences`, which were read from `passages`, best first.

    `fit`: the knowledge base's own (chains.confidence_fit.calibration_at); None: the shipped one. An answer is
    given from `fit.abstain_below` on.
    """
    known = signals(passages, reading)
    value = confidence(known, fit) if reading.sentences else 0.0
    reasons = _reasons(question.text, passages, reading)
    notice = (fit.notice,) if fit and fit.notice else ()
    return Confidence(value=value, level=level(value), reasons=(*reasons, *notice), signals=known)


def signals(passages: Sequence[Passage], reading: Reading) -> dict[str, float]:
    """The reader's signals, and the retriever's beside them."""
    cosines = [passage.scores.cosine for passage in passages if passage.scores.cosine is not None]
    first = passages[0].scores if passages else None
    return dict(reading.signals) | {
        "passage_cosine": max(cosines, default=reading.signals["top_cosine"]),
        "both_legs_first": float(bool(first and first.dense_rank == 1 and first.keyword_rank == 1)),
    }


def confidence(known: Mapping[str, float], fit: Calibration | None = None) -> float:
    """0..1: the share of such answers that were right when the weights were fitted."""
    return (fit or shipped()).value(known, factor=doubt(known))


def doubt(known: Mapping[str, float]) -> float:
    """What the rules leave of the regression's value: a factor."""
    return DOUBTED if any(known.get(name) for name in DOUBTS) else 1.0


def level(value: float) -> Literal["high", "medium", "low"]:
    if value >= HIGH:
        return "high"
    return "medium" if value >= MEDIUM else "low"


def _reasons(question: str, passages: Sequence[Passage], reading: Reading) -> tuple[str, ...]:
    """What speaks against the answer first, then what it rests on."""
    if not passages:
        return ("No passage was found.",)
    if not reading.sentences:
        return ("The passages found hold nothing that could be quoted.",)
    terms = int(reading.signals["terms"])
    reasons = [f"No passage mentions {_listed(reading.missing_names)}."] if reading.missing_names else []
    if reading.contested:
        reasons.append(
            f"What comes nearest speaks of others of their kind, not of {_listed(reading.contested)}."
        )
    if reading.signals["type_missing"]:
        reasons.append(
            f"The best sentence holds no {KINDS[answer_type(question)]}, which the question asks for."
        )
    if terms:
        reasons.append(f"The evidence covers {len(reading.covered)} of {terms} key words of the question.")
    rest = tuple(word for word in reading.missing if word not in reading.missing_names)
    if rest:
        reasons.append(f"No passage holds {_listed(rest)}.")
    reasons.append(_likeness(reading.signals["best_cosine"]))
    if passages[0].scores.dense_rank == 1 and passages[0].scores.keyword_rank == 1:
        reasons.append("The search by meaning and the search by words rank the same passage first.")
    return tuple(reasons)


def _likeness(cosine: float) -> str:
    degree = "close to" if cosine >= 0.6 else "near" if cosine >= 0.4 else "far from"
    return f"The best sentence is {degree} the question in meaning (cosine {cosine:.2f})."


def _listed(words: Sequence[str]) -> str:
    quoted = [f"'{word}'" for word in words]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
