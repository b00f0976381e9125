"""How sure we are of an answer that a chat model wrote: calibrated from what can be checked of it.

    agreed = agreement(text, question, [sentence.text for sentence in reading.sentences])
    confidence = assess_reply(embedded, claims, agreement=agreed)

A logistic regression over the embedded reader's confidence in the passages, the support of the answer's claims, and
whether what the answer says beyond the question is what the reader would have quoted. The weights stand in
chat_confidence.json, with their figures. They were fitted on a SIMULATION (benchmarks/fit_chat_confidence.py): no
chat model wrote those answers; they are made of gold sentences, cut, reworded and shortened, against sentences from
elsewhere, changed figures and names, invented facts, wrong and missing markers. The order that it gives is to be
trusted more than its number, until `python -m app evaluate confidence` has fitted it to the model in use.

Two rules stand beside the weights and only ever lower the value: self-consistency, which the simulation has none of,
and a ceiling where a statement is unsupported or cites nothing, since one such statement makes the whole answer wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from chains.answer import CheckedClaim, Confidence
from chains.confidence import HIGH, MEDIUM, level
from chains.confidence_fit import Calibration, log_odds, read_shipped
from chains.support import numbers
from local.lexical import STOP_WORDS, stem, stems, words

__all__ = [
    "REPLY_SIGNALS",
    "agreement",
    "assess_reply",
    "doubt_of_reply",
    "reply_calibration",
    "reply_signals",
    "signals_of",
]

SHIPPED = Path(__file__).with_suffix(".json")
NEUTRAL = 0.5  # agreement where nobody compared
LEAST_LEFT = 0.4  # of the value, where resampled answers all say something else
MOST_WHERE_UNSUPPORTED = MEDIUM - 0.01  # of the value: such an answer is never more than doubtful
MOST_WHERE_UNCITED = HIGH - 0.01
FIGURE_WEIGHT = 2.0  # of a figure, beside a word
MARKER = re.compile(r"\[[\d\s,;?-]*\]")

REPLY_SIGNALS = (
    "reading",  # log-odds of the embedded reader's confidence
    "support_mean",  # of the claims' scores
    "support_least",
    "unsupported",  # share of the claims
    "uncited",
    "unknown_source",  # 1: a marker named no passage that was given
    "agreement",  # with what the reader would have quoted, -0.5 .. 0.5
)


@lru_cache(maxsize=1)
def reply_calibration() -> Calibration:
    """The shipped fit for written answers."""
    return read_shipped(SHIPPED)


def assess_reply(
    embedded: Confidence,
    claims: Sequence[CheckedClaim],
    *,
    agreement: float | None = None,
    consistency: float | None = None,
    unknown_source: bool = False,
    fit: Calibration | None = None,
) -> Confidence:
    """Confidence that a written answer is right and supported.

    embedded: `chains.confidence.assess` of the same passages. claims: of the answer, checked. agreement: 0..1, see
    `agreement`; None: not compared. consistency: 0..1, share of resampled answers that say the same; None: not
    asked. unknown_source: the text holds a marker that no passage has. fit: None: the shipped one.
    """
    used = fit or reply_calibration()
    known = reply_signals(embedded, claims, agreement=agreement, unknown_source=unknown_source)
    value = used.value(known, factor=1.0 if consistency is None else _inconsistency(consistency))
    value = min(value, _at_most(claims, unknown_source))
    told = _reasons(claims, agreement, consistency, unknown_source)
    notice = (used.notice,) if used.notice else ()
    signals = dict(embedded.signals) | {f"reply_{name}": known[name] for name in known}
    return Confidence(
        value=value,
        level=level(value),
        reasons=(*told, *embedded.reasons, *notice),
        signals=signals | ({} if consistency is None else {"reply_consistency": consistency}),
    )


def _at_most(claims: Sequence[CheckedClaim], unknown_source: bool) -> float:
    """An answer is right and supported only as a whole: one statement without support keeps it from being sure."""
    verdicts = {claim.verdict for claim in claims}
    if "unsupported" in verdicts or unknown_source:
        return MOST_WHERE_UNSUPPORTED
    return MOST_WHERE_UNCITED if "uncited" in verdicts else 1.0


def reply_signals(
    embedded: Confidence,
    claims: Sequence[CheckedClaim],
    *,
    agreement: float | None = None,
    unknown_source: bool = False,
) -> dict[str, float]:
    """What the regression weighs, by REPLY_SIGNALS. An answer without claims counts as one that is not cited."""
    scores = [claim.score for claim in claims]
    return {
        "reading": log_odds(embedded.value),
        "support_mean": sum(scores) / len(scores) if scores else 0.0,
        "support_least": min(scores, default=0.0),
        "unsupported": _share(claims, "unsupported"),
        "uncited": _share(claims, "uncited") if claims else 1.0,
        "unknown_source": float(unknown_source),
        "agreement": (NEUTRAL if agreement is None else agreement) - NEUTRAL,
    }


def signals_of(confidence: Confidence) -> Mapping[str, float]:
    """The signals of `assess_reply`, back from its Confidence; empty where it is another's."""
    known = confidence.signals
    return {name: known[f"reply_{name}"] for name in REPLY_SIGNALS if f"reply_{name}" in known}


def doubt_of_reply(confidence: Confidence) -> float:
    """What self-consistency left of the regression's value: a factor."""
    consistency = confidence.signals.get("reply_consistency")
    return 1.0 if consistency is None else _inconsistency(consistency)


def _inconsistency(consistency: float) -> float:
    return LEAST_LEFT + (1.0 - LEAST_LEFT) * consistency


def agreement(text: str, question: str, sentences: Sequence[str]) -> float | None:
    """Share of what the answer says beyond the question, in words and figures, that the reader's sentences hold.

    0..1; None where the reader chose no sentence, or the answer says nothing beyond the question.
    """
    bare = MARKER.sub(" ", text)
    evidence = " ".join(sentences)
    if not evidence.strip():
        return None
    said = _content(bare) - stems(question)
    figures = numbers(bare) - numbers(question)
    held = len(said & stems(evidence)) + FIGURE_WEIGHT * len(figures & numbers(evidence))
    whole = len(said) + FIGURE_WEIGHT * len(figures)
    return held / whole if whole else None


def _content(text: str) -> set[str]:
    return {
        stem(word) for word in words(text) if word.lower() not in STOP_WORDS and not word[0].isdigit()
    } - {""}


def _share(claims: Sequence[CheckedClaim], verdict: str) -> float:
    return sum(claim.verdict == verdict for claim in claims) / len(claims) if claims else 0.0


def _reasons(
    claims: Sequence[CheckedClaim], agreement: float | None, consistency: float | None, unknown_source: bool
) -> tuple[str, ...]:
    """What the written answer itself gives, in plain sentences: the doubts and what speaks for it."""
    told = [_support(claims)]
    if unknown_source:
        told.append("The model cited a source that it was not given; it is shown as [?].")
    if agreement is not None:
        told.append(_agreed(agreement))
    if consistency is not None:
        told.append(f"Asked again, the model said the same in {consistency:.0%} of its answers.")
    return tuple(told)


def _support(claims: Sequence[CheckedClaim]) -> str:
    if not claims:
        return "The answer makes no claim that could be checked."
    supported = sum(claim.verdict == "supported" for claim in claims)
    uncited = sum(claim.verdict == "uncited" for claim in claims)
    rest = f"; {uncited} cite nothing" if uncited > 1 else "; one cites nothing" if uncited else ""
    return f"{supported} of {len(claims)} statements are supported by the passages they cite{rest}."


def _agreed(share: float) -> str:
    if share >= 0.7:
        return "It says what the best matching sentences say."
    if share >= 0.3:
        return "It says in part what the best matching sentences say."
    return "It says something else than the best matching sentences."
