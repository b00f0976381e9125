"""How far the words of a question find their like in a sentence, in meaning and in place.

Each token of the question is compared with each token of a passage that was encoded as a whole, so that "he" or
"the company" stands near what it means there; a token counts with its nearest of the sentence (late interaction, the
MaxSim of Khattab and Zaharia, ColBERT, 2020).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.lexical import WORD, stem
from local.query import SIDE_SENTENCE, Query
from local.tokens import TokenCache, TokenEmbeddings
from local.units import Unit

__all__ = ["MATCHES", "PassageTokens", "QuestionTokens", "matches", "passage_tokens", "question_tokens"]

MATCHES = ("weighted", "every", "asking_word", "asked_thing", "around", "passage", "pooled")
AROUND = 40  # tokens before and after a sentence that still speak of the same thing
ASKING = frozenset(("who", "whom", "whose", "when", "where", "what", "which", "how", "why"))
ASKED_THING = re.compile(r"\b(?:what|which|how|whose)\s+([\w-]+)", re.IGNORECASE)

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionTokens:
    """`vectors` (t, d) and `pooled` (n, d), of the question and of what it asks without the rest, unit norm."""

    vectors: Floats
    pooled: Floats
    weights: Floats  # (t,): of the words that carry meaning, summing to 1, or all zero
    every: Floats  # (t,): alike, summing to 1; those of sentences around the one that asks count less
    asking: Floats  # (t,): who, when, which, summing to 1, or all zero
    thing: Floats  # (t,): "which YEAR", "how MANY", likewise


@dataclass(frozen=True, slots=True, kw_only=True)
class PassageTokens:
    """`vectors` (t, d), unit norm; `starts` (t,) rising: where each token stands in the passage's text."""

    vectors: Floats
    starts: NDArray[np.int64]


def question_tokens(query: Query, tokens: TokenEmbeddings) -> QuestionTokens:
    words = [(match.start(), match.end(), match.group()) for match in WORD.finditer(query.text)]
    of_word = [
        next((n for n, (first, last, _) in enumerate(words) if first <= start < last), -1)
        for start, _ in tokens.spans
    ]
    thing = ASKED_THING.search(query.text)
    begin = max(query.text.find(query.asking), 0)
    inside = [begin <= start < begin + len(query.asking) for start, _ in tokens.spans]
    weights = [query.weights.get(stem(words[n][2]), 0.0) / of_word.count(n) if n >= 0 else 0 for n in of_word]
    asked = tokens.vectors[inside]
    return QuestionTokens(
        vectors=tokens.vectors,
        pooled=np.stack([_unit(part.mean(axis=0)) for part in (tokens.vectors, asked) if len(part)])
        if len(tokens.vectors)
        else tokens.vectors,
        weights=_shares(weights),
        every=_shares([1.0 if one else SIDE_SENTENCE for one in inside]),
        asking=_shares([n >= 0 and words[n][2].lower() in ASKING for n in of_word]),
        thing=_shares([bool(thing and thing.start(1) <= start < thing.end(1)) for start, _ in tokens.spans]),
    )


def _shares(values: Sequence[float]) -> Floats:
    shares = np.array(values, dtype=np.float32)
    return shares / max(float(shares.sum()), 1e-6)


def passage_tokens(cache: TokenCache, passages: Sequence[tuple[str, str]]) -> list[PassageTokens]:
    """Of (title, text) pairs; a text longer than the encoder reads is read piece by piece, each with the title."""
    parts: list[list[PassageTokens]] = [[] for _ in passages]
    waiting = [(index, 0) for index, (_, text) in enumerate(passages) if text]
    while waiting:
        texts = [f"{passages[index][0]}: {passages[index][1][begin:]}" for index, begin in waiting]
        following = []
        for (index, begin), tokens in zip(waiting, cache.of(texts), strict=True):
            part = _without_title(tokens, begin - len(passages[index][0]) - 2, begin)
            reached = tokens.spans[-1][1] - len(passages[index][0]) - 2 + begin if tokens.spans else 0
            if len(part.starts):
                parts[index].append(part)
                following += [(index, reached)] if WORD.search(passages[index][1], reached) else []
        waiting = following
    return [_joined(some) for some in parts]


def matches(question: QuestionTokens, passage: PassageTokens, found: Sequence[Unit]) -> Floats:
    """(n_units, len(MATCHES)) for units of one passage; a row of zeros for a unit without tokens."""
    values = np.zeros((len(found), len(MATCHES)), dtype=np.float32)
    if not len(passage.starts) or not len(question.vectors):
        return values
    similar = question.vectors @ passage.vectors.T
    anywhere = float(question.weights @ similar.max(axis=1))
    for row, unit in zip(values, found, strict=True):
        first, last = np.searchsorted(passage.starts, (unit.start, unit.end))
        if first == last:
            continue
        inside = _inside(passage, unit)
        nearest = similar[:, inside].max(axis=1)
        around = similar[:, max(0, first - AROUND) : last + AROUND].max(axis=1)
        row[:] = (
            question.weights @ nearest,
            question.every @ nearest,
            question.asking @ nearest,
            question.thing @ nearest,
            question.weights @ around,
            anywhere,
            _pooled(question, passage.vectors[inside]),
        )
    return values


def _inside(passage: PassageTokens, unit: Unit) -> NDArray[np.int64]:
    """Positions of the unit's tokens; a table row is read with the line that names its columns."""
    spans = [(unit.start, unit.end), *([unit.header] if unit.header else [])]
    edges = [np.searchsorted(passage.starts, span) for span in spans]
    return np.concatenate([np.arange(first, last) for first, last in edges])


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / max(float(np.linalg.norm(vector)), 1e-6)
    return unit


def _pooled(question: QuestionTokens, vectors: Floats) -> float:
    """Cosine of the sentence's mean token with the question, or with what it asks without the rest."""
    return float((question.pooled @ _unit(vectors.mean(axis=0))).max())


def _without_title(tokens: TokenEmbeddings, shift: int, begin: int) -> PassageTokens:
    starts = np.array([start + shift for start, _ in tokens.spans], dtype=np.int64)
    inside = starts >= begin
    return PassageTokens(vectors=tokens.vectors[inside], starts=starts[inside])


def _joined(parts: Sequence[PassageTokens]) -> PassageTokens:
    if not parts:
        return PassageTokens(vectors=np.empty((0, 0), np.float32), starts=np.empty(0, np.int64))
    if len(parts) == 1:
        return parts[0]
    return PassageTokens(
        vectors=np.concatenate([part.vectors for part in parts]),
        starts=np.concatenate([part.starts for part in parts]),
    )
