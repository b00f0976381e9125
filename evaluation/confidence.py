"""Evaluates the confidence of a knowledge base on questions whose answers are known, and fits it to them.

    judged = judge(chain, questions)      the chain answers everything: no threshold holds it back
    report = evaluate(judged, ...)
    report.fit.save(path)

What is fitted and measured are answers that have a confidence; where a chat model abstains by itself, or nothing
could be quoted, there is none, and the row is counted apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from chains.answer import Answer, Confidence, Question
from chains.calibration import Calibrated, Figures, Seen, calibrate, recipes_for
from chains.chat_confidence import doubt_of_reply, reply_calibration, signals_of
from chains.confidence import doubt
from chains.confidence_fit import Calibration, Made, shipped
from chains.reliability import Threshold
from errors import CalibrationError
from evaluation.judging import KnownQuestion, is_right

__all__ = ["AtThreshold", "ConfidenceReport", "Judged", "evaluate", "judge"]

DIGITS = 4


class Answers(Protocol):
    def invoke(self, question: Question) -> Answer: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An answer to a known question, given without a threshold."""

    question: KnownQuestion
    answer: Answer
    right: bool

    @property
    def scored(self) -> bool:
        return self.answer.confidence is not None and not self.answer.abstained


@dataclass(frozen=True, slots=True, kw_only=True)
class AtThreshold:
    """What a threshold makes of all questions, those without a confidence included."""

    threshold: float
    right: int  # answered, and right
    wrong: int
    lost: int  # refused, though the answer would have been right
    spared: int  # refused, and the answer would have been wrong, or there was none to give

    def as_dict(self) -> dict[str, float]:
        return {name: getattr(self, name) for name in ("threshold", "right", "wrong", "lost", "spared")}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceReport:
    knowledge_base: str
    model: str
    written: bool  # by a chat model
    questions: int
    unscored: int  # the model abstained by itself, or there was nothing to quote
    by_documents: int  # judged by the cited document alone
    target_error: float
    calibrated: Calibrated
    fit: Calibration  # with how it was made
    before: AtThreshold  # at the shipped fit's threshold
    after: AtThreshold  # at the chosen one, values cross-validated

    def as_dict(self) -> dict[str, Any]:
        """The JSON document of `evaluate confidence --json`."""
        found = self.calibrated
        return {
            "knowledge_base": self.knowledge_base,
            "model": self.model,
            "questions": self.questions,
            "judged": found.after.answers,
            "without_confidence": self.unscored,
            "judged_by_document_alone": self.by_documents,
            "method": found.method,
            "note": found.refused,
            "target_error": self.target_error,
            "threshold": _threshold(found.threshold),
            "before": _figures(found.before) | {"at_threshold": self.before.as_dict()},
            "after": _figures(found.after) | {"at_threshold": self.after.as_dict()},
        }


def judge(
    chain: Answers,
    questions: Sequence[KnownQuestion],
    *,
    k: int = 5,
    told: Callable[[int], None] = lambda _: None,
) -> list[Judged]:
    """Puts every question; `told` is called with how many are done. Raises what the chain raises."""
    judged = []
    for number, question in enumerate(questions, start=1):
        answer = chain.invoke(Question(text=question.text, k=k))
        right = not answer.abstained and is_right(answer, question)
        judged.append(Judged(question=question, answer=answer, right=right))
        told(number)
    return judged


def evaluate(
    judged: Sequence[Judged],
    *,
    knowledge_base: str,
    target_error: float,
    questions_sha256: str,
    date: str,
) -> ConfidenceReport:
    """Fits the shipped confidence to what was judged. Raises CalibrationError: too few answers, or all of one kind."""
    scored = [one for one in judged if one.scored]
    recipes_for(len(scored))
    written = _written(scored)
    base = reply_calibration() if written else shipped()
    found = calibrate([_seen(one, written=written) for one in scored], base, target_error=target_error)
    model = scored[0].answer.model
    rest = len(judged) - len(scored)
    made = Made(
        method=found.method,
        questions=len(scored),
        questions_sha256=questions_sha256,
        date=date,
        model=model,
        metrics=_metrics(found, target_error),
    )
    right = [one.right for one in scored]
    return ConfidenceReport(
        knowledge_base=knowledge_base,
        model=model,
        written=written,
        questions=len(judged),
        unscored=rest,
        by_documents=sum(one.question.answerable and not one.question.answers for one in judged),
        target_error=target_error,
        calibrated=found,
        fit=replace(found.fit, made=made),
        before=_at(found.values_before, right, base.abstain_below, rest),
        after=_at(found.values_after, right, found.fit.abstain_below, rest),
    )


def _written(scored: Sequence[Judged]) -> bool:
    """Whether a chat model wrote the answers; then their confidence has other signals."""
    return bool(scored) and bool(signals_of(_confidence(scored[0])))


def _seen(one: Judged, *, written: bool) -> Seen:
    confidence = _confidence(one)
    signals = signals_of(confidence) if written else confidence.signals
    factor = doubt_of_reply(confidence) if written else doubt(confidence.signals)
    return Seen(signals=signals, right=one.right, group=one.question.group, factor=factor)


def _confidence(one: Judged) -> Confidence:
    if one.answer.confidence is None:
        raise CalibrationError(
            f"The answer to {one.question.id!r} has no confidence: fit answers of RAG mode."
        )
    return one.answer.confidence


def _at(values: Sequence[float], right: Sequence[bool], threshold: float, rest: int) -> AtThreshold:
    given = [good for value, good in zip(values, right, strict=True) if value >= threshold]
    kept = [good for value, good in zip(values, right, strict=True) if value < threshold]
    return AtThreshold(
        threshold=threshold,
        right=sum(given),
        wrong=len(given) - sum(given),
        lost=sum(kept),
        spared=len(kept) - sum(kept) + rest,
    )


def _metrics(found: Calibrated, target_error: float) -> Mapping[str, float]:
    measured = {
        "target_error": target_error,
        "ece_before": found.before.ece,
        "ece_after": found.after.ece,
        "brier_before": found.before.brier,
        "brier_after": found.after.brier,
        "aurc_after": found.after.curve.area,
    }
    if found.after.auroc:
        measured["auroc_after"] = found.after.auroc.value
    if found.threshold:
        measured |= {
            "error_at_threshold": found.threshold.error,
            "error_at_most": found.threshold.error_upper,
            "proven": float(found.threshold.proven),
        }
    return {name: round(value, DIGITS) for name, value in measured.items()}


def _figures(found: Figures) -> dict[str, Any]:
    area = found.auroc
    return {
        "right": found.right,
        "auroc": None
        if area is None
        else [round(value, DIGITS) for value in (area.value, area.low, area.high)],
        "ece": round(found.ece, DIGITS),
        "brier": round(found.brier, DIGITS),
        "aurc": round(found.curve.area, DIGITS),
        "reliability": [
            {
                "count": one.count,
                "confidence": round(one.confidence, DIGITS),
                "right": [round(value, DIGITS) for value in (one.right.value, one.right.low, one.right.high)],
            }
            for one in found.bins
        ],
    }


def _threshold(found: Threshold | None) -> dict[str, Any] | None:
    if found is None:
        return None
    return {
        "value": round(found.value, DIGITS),
        "answered": found.answered,
        "wrong": found.wrong,
        "error": round(found.error, DIGITS),
        "error_at_most": round(found.error_upper, DIGITS),
        "proven": found.proven,
    }
