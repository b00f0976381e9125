"""How well a passage's sentence supports a claim: meaning, words and numbers together.

No entailment model: a paraphrase that turns the meaning ("may" for "must not") with the same words and numbers
passes. It catches claims about something else, and claims whose figures the passage does not hold.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from local.sentences import sentence_spans

HOLDS_FROM = 0.55  # of score
MISSING_NUMBER_COST = 0.5  # factor on the score where a figure of the claim is not in the evidence

_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
_NUMBER = re.compile(r"\d[\d.,]*")
_COUNTING = "zero one two three four five six seven eight nine ten eleven twelve"
_NUMBER_WORDS = {word: str(n) for n, word in enumerate(_COUNTING.split(" "))}
_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been but by can could did do does for from had has have he her his if in into is "
        "it its may more most no not of on or our she should so some than that the their them then there these "
        "they this to was we were what when where which who will with would you your",
    )
)


class SentenceEncoder(Protocol):
    """Anything that gives unit vectors: `(n, dimension)` float32."""

    def encode(self, texts: Sequence[str]) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """`passage[start:end]` supports the claim as `score` (0..1) says; `holds` from HOLDS_FROM."""

    start: int
    end: int
    score: float

    @property
    def holds(self) -> bool:
        return self.score >= HOLDS_FROM


def best_support(pairs: Sequence[tuple[str, str]], encoder: SentenceEncoder) -> list[Support]:
    """For each (claim, passage text) the sentence, or two neighbours, that carries the claim best."""
    windows = {text: _windows(text) for _, text in pairs}
    texts = list(
        dict.fromkeys(
            [claim for claim, _ in pairs]
            + [text[start:end] for text, spans in windows.items() for start, end in spans]
        )
    )
    vectors = dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}
    return [_best(claim, text, windows[text], vectors) for claim, text in pairs]


def _windows(text: str) -> list[tuple[int, int]]:
    spans = sentence_spans(text) or [(0, len(text))]
    return spans + [(spans[i][0], spans[i + 1][1]) for i in range(len(spans) - 1)]


def _best(claim: str, text: str, spans: Sequence[tuple[int, int]], vectors: Any) -> Support:
    scored = [
        Support(start=s, end=e, score=_score(claim, text[s:e], float(vectors[claim] @ vectors[text[s:e]])))
        for s, e in spans
    ]
    # One sentence is preferred to two that say little more.
    return max(scored, key=lambda found: found.score - 0.0002 * (found.end - found.start))


def _score(claim: str, evidence: str, cosine: float) -> float:
    score = 0.5 * max(0.0, cosine) + 0.5 * word_recall(claim, evidence)
    return score * (1.0 if numbers(claim) <= numbers(evidence) else MISSING_NUMBER_COST)


def word_recall(claim: str, evidence: str) -> float:
    """Share of the claim's content words, cut to their first five letters, that the evidence holds."""
    wanted, held = _stems(claim), _stems(evidence)
    return len(wanted & held) / len(wanted) if wanted else 0.0


def _stems(text: str) -> set[str]:
    return {word[:5] for word in map(str.lower, _WORD.findall(text)) if word not in _FUNCTION_WORDS}


def numbers(text: str) -> set[str]:
    """The figures of a text, "25,000.00" and "25000" alike; number words up to twelve count."""
    found = {_plain(number) for number in _NUMBER.findall(text)}
    return found | {
        _NUMBER_WORDS[word] for word in map(str.lower, _WORD.findall(text)) if word in _NUMBER_WORDS
    }


def _plain(number: str) -> str:
    digits = re.sub(r",(?=\d{3}\b)", "", number.rstrip(".,"))
    return digits.rstrip("0").rstrip(".") if "." in digits else digits
