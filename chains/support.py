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

# Weights and threshold: benchmarks/citation_support.py prints what they do.
WHOLE_WORDS, WHOLE_FIGURES = 0.3, 0.3  # of the whole passage, relative to its best sentence
HOLDS_FROM = 0.6  # of score
MAX_ENCODED = 3  # sentences of a passage that are embedded for a claim, besides two pairs

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
    """`passage[start:end]` carries the claim; the passage supports it as `score` (0..1) says."""

    start: int
    end: int
    score: float
    figures_found: bool  # every figure of the claim stands in the passage

    @property
    def holds(self) -> bool:
        return self.figures_found and self.score >= HOLDS_FROM


def score_claim(claim: str, evidence: Sequence[str], encoder: SentenceEncoder) -> float:
    """0..1: how well the texts together support the claim."""
    text = "\n".join(" ".join(part.split()) for part in evidence)
    return best_support([(claim, text)], encoder)[0].score


def best_support(pairs: Sequence[tuple[str, str]], encoder: SentenceEncoder) -> list[Support]:
    """For each (claim, passage text) the sentence, or two neighbours, that carries the claim best."""
    windows = [_likeliest(claim, text) for claim, text in pairs]
    quotes = [
        text[start:end] for (_, text), spans in zip(pairs, windows, strict=True) for start, end in spans
    ]
    texts = list(dict.fromkeys([*(claim for claim, _ in pairs), *quotes]))
    vectors = dict(zip(texts, encoder.encode(texts), strict=True)) if texts else {}
    return [_best(claim, text, spans, vectors) for (claim, text), spans in zip(pairs, windows, strict=True)]


def _likeliest(claim: str, text: str) -> list[tuple[int, int]]:
    """The sentences with most of the claim's words, and the first of them with either neighbour."""
    spans = sentence_spans(text) or [(0, len(text))]
    recall = [word_recall(claim, text[start:end]) for start, end in spans]
    order = sorted(range(len(spans)), key=lambda i: -recall[i])[:MAX_ENCODED]
    best = order[0]
    pairs = [(i, i + 1) for i in (best - 1, best) if 0 <= i < len(spans) - 1]
    return [spans[i] for i in order] + [(spans[i][0], spans[j][1]) for i, j in pairs]


def _best(claim: str, text: str, spans: Sequence[tuple[int, int]], vectors: Any) -> Support:
    def likeness(span: tuple[int, int]) -> float:
        quote = text[slice(*span)]
        cosine = max(0.0, float(vectors[claim] @ vectors[quote]))
        return 0.5 * cosine + 0.5 * word_recall(claim, quote)

    # One sentence is preferred to two that say little more.
    start, end = max(spans, key=lambda span: likeness(span) - 0.0002 * (span[1] - span[0]))
    figures = _figure_recall(claim, text)
    score = likeness((start, end)) + WHOLE_WORDS * word_recall(claim, text) + WHOLE_FIGURES * figures
    return Support(
        start=start,
        end=end,
        score=score / (1.0 + WHOLE_WORDS + WHOLE_FIGURES),
        figures_found=figures == 1.0,
    )


def _figure_recall(claim: str, text: str) -> float:
    wanted = numbers(claim)
    return len(wanted & numbers(text)) / len(wanted) if wanted else 1.0


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
