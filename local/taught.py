"""Taught questions and answers as vectors, and how near a question comes to each of them: six similarities.

    pairs, _ = encode_pairs(encoder, ["What does a lost key cost?"], ["Forty euros."])
    questions = encode_questions(encoder, ["I cannot find the key."], pairs.rarity)
    similarities(questions, pairs, adapters=IDENTITY)       # (1, 1, 6) float32

Three compare whole texts by cosine (with the taught question, with its answer, with both as one text) through the
trained adapters. Two compare word by word, as ColBERT does (Khattab and Zaharia 2020): the best match of each word
piece of the question in the whole pair and in its answer, weighted by how rare the word is among the pairs. One
looks at numbers alone, those inside codes too: "the 20 cubic metre room" and "IB-20" share one.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.lexical import STOP_WORDS, WORD, stem, words
from local.tokens import SentenceEncoder, TokenCache, TokenEmbeddings, WholeEncoder

__all__ = [
    "FEATURES", "IDENTITY", "Adapter", "Adapters", "Questions", "Rarity", "TaughtPairs", "answer_groups",
    "encode_pairs", "encode_questions", "similarities",
]  # fmt: skip

FEATURES = ("question", "answer", "pair", "words_in_pair", "words_in_answer", "numbers")
TOKEN_WIDTH = 128  # main directions of the word pieces that are kept: a third of the memory, the same ranking
PAIR_TOKENS = 160  # word pieces of a pair that are compared one by one
STOP_WORD_WEIGHT = 0.25
SIGN_WEIGHT = 0.02  # of a word piece that belongs to no word
RERANKED = 200  # pairs compared word by word where there are twice as many: the nearest by whole texts

NUMBER = re.compile(r"\d+(?:[.,]\d+)*")

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """A low-rank change of a vector: `unit(x + (x @ down) @ up)`; down (d, r), up (r, d) float32."""

    down: Floats
    up: Floats

    def __call__(self, vectors: Floats) -> Floats:
        if not self.up.any():
            return vectors
        return unit(vectors + ((vectors @ self.down) @ self.up).astype(np.float32))


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapters:
    """One for questions, asked and taught, and one for answers and whole pairs."""

    question: Adapter
    answer: Adapter


def _none(width: int = 384) -> Adapter:
    return Adapter(down=np.zeros((width, 1), np.float32), up=np.zeros((1, width), np.float32))


IDENTITY = Adapters(question=_none(), answer=_none())


@dataclass(frozen=True, slots=True, kw_only=True)
class Rarity:
    """How much a word tells: its inverse document frequency among the taught pairs, in BM25's form."""

    pairs: int
    pairs_with: Mapping[str, int]  # stem -> pairs that hold it

    def __call__(self, word: str) -> float:
        held = self.pairs_with.get(stem(word), 0)
        weight = math.log(1 + (self.pairs - held + 0.5) / (held + 0.5))
        return weight * (STOP_WORD_WEIGHT if word.lower() in STOP_WORDS else 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class TaughtPairs:
    """n pairs. Unit norm; the word pieces of pair i are `tokens[starts[i]:starts[i + 1]]`, its question's first."""

    question: Floats  # (n, d)
    answer: Floats  # (n, d)
    pair: Floats  # (n, d)
    tokens: Floats  # (t, TOKEN_WIDTH or d), in the main directions
    starts: Places  # (n + 1,)
    answers_from: Places  # (n,) where the answer's word pieces begin in `tokens`
    directions: Floats  # (d, TOKEN_WIDTH or d): the main directions of all word pieces
    rarity: Rarity
    numbers: tuple[frozenset[str], ...]  # of each pair's two texts

    def __len__(self) -> int:
        return len(self.question)


@dataclass(frozen=True, slots=True, kw_only=True)
class Questions:
    """m questions as they are asked: whole vectors (m, d), word pieces and the weight of each."""

    vectors: Floats
    tokens: tuple[Floats, ...]
    weights: tuple[Floats, ...]
    numbers: tuple[frozenset[str], ...]

    def __len__(self) -> int:
        return len(self.vectors)

    def take(self, rows: Sequence[int] | Places) -> Questions:
        return Questions(
            vectors=self.vectors[np.asarray(rows, dtype=np.int64)],
            tokens=tuple(self.tokens[row] for row in rows),
            weights=tuple(self.weights[row] for row in rows),
            numbers=tuple(self.numbers[row] for row in rows),
        )


def encode_pairs(
    encoder: SentenceEncoder, questions: Sequence[str], answers: Sequence[str]
) -> tuple[TaughtPairs, Questions]:
    """The pairs `zip(questions, answers)`, one at least, and their questions as if they were asked."""
    joint = [f"{question} {answer}" for question, answer in zip(questions, answers, strict=True)]
    held = Counter(word for text in joint for word in {stem(word) for word in words(text)})
    rarity = Rarity(pairs=len(joint), pairs_with=dict(held))
    asked = encode_questions(encoder, questions, rarity)
    vectors, tokens = _encode(encoder, joint)
    taken = [_first(one) for one in tokens]
    every = np.concatenate([one.vectors for one in taken])
    directions = main_directions(every)
    starts = np.concatenate([[0], np.cumsum([len(one.vectors) for one in taken])]).astype(np.int64)
    inside = [
        sum(start < len(question) for start, _ in one.spans)
        for one, question in zip(taken, questions, strict=True)
    ]
    pairs = TaughtPairs(
        question=asked.vectors,
        answer=encoder.encode(answers),
        pair=vectors,
        tokens=(every @ directions).astype(np.float32),
        starts=starts,
        answers_from=starts[:-1] + np.asarray(inside, dtype=np.int64),
        directions=directions,
        rarity=rarity,
        numbers=tuple(map(numbers_of, joint)),
    )
    return pairs, asked


def encode_questions(encoder: SentenceEncoder, texts: Sequence[str], rarity: Rarity) -> Questions:
    vectors, tokens = _encode(encoder, texts)
    return Questions(
        vectors=vectors,
        tokens=tuple(one.vectors for one in tokens),
        weights=tuple(_weights(text, one, rarity) for text, one in zip(texts, tokens, strict=True)),
        numbers=tuple(map(numbers_of, texts)),
    )


def similarities(asked: Questions, pairs: TaughtPairs, adapters: Adapters) -> Floats:
    """(m, n, 6) float32: each question against each pair, in the order of FEATURES.

    Where there are more than twice RERANKED pairs, those far from the question by whole texts are not compared word
    by word, and count as near as the farthest that was.
    """
    found = np.empty((len(asked), len(pairs), len(FEATURES)), dtype=np.float32)
    vectors = adapters.question(asked.vectors)
    found[:, :, 0] = vectors @ adapters.question(pairs.question).T
    found[:, :, 1] = vectors @ adapters.answer(pairs.answer).T
    found[:, :, 2] = vectors @ adapters.answer(pairs.pair).T
    for row in range(len(asked)):
        near = _nearest(found[row, :, :3].sum(axis=1))
        by_word = _word_by_word(asked.tokens[row], asked.weights[row], pairs, near)
        found[row, :, 3:5] = by_word.min(axis=0)
        found[row, near, 3:5] = by_word
        found[row, :, 5] = _shared(asked.numbers[row], pairs.numbers)
    return found


def answer_groups(answers: Sequence[str]) -> Places:
    """(n,) number of each pair's answer: pairs of one answer, white space apart, are one group."""
    numbers: dict[str, int] = {}
    return np.array(
        [numbers.setdefault(" ".join(answer.split()), len(numbers)) for answer in answers], dtype=np.int64
    )


def numbers_of(text: str) -> frozenset[str]:
    return frozenset(NUMBER.findall(text))


def _shared(asked: frozenset[str], taught: Sequence[frozenset[str]]) -> Floats:
    """(n,) share of the question's numbers that each pair holds; zeros where it has none."""
    if not asked:
        return np.zeros(len(taught), dtype=np.float32)
    return np.array([len(asked & numbers) / len(asked) for numbers in taught], dtype=np.float32)


def main_directions(vectors: Floats) -> Floats:
    """(d, TOKEN_WIDTH) orthonormal columns that keep most of `vectors`; the identity where they are too few."""
    width = vectors.shape[1]
    if len(vectors) <= TOKEN_WIDTH or width <= TOKEN_WIDTH:
        return np.eye(width, dtype=np.float32)
    _, axes = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return np.ascontiguousarray(axes[:, ::-1][:, :TOKEN_WIDTH], dtype=np.float32)


def unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=-1, keepdims=True)
    made: Floats = (vectors / np.maximum(norms, np.finfo(np.float32).tiny)).astype(np.float32)
    return made


def _word_by_word(tokens: Floats, weights: Floats, pairs: TaughtPairs, near: Places) -> Floats:
    """(len(near), 2): the weighted mean of the best matches in the pair and in its answer."""
    if not len(tokens):
        return np.zeros((len(near), 2), dtype=np.float32)
    pieces, starts, answers_from = _pieces_of(pairs, near)
    products = (tokens @ pairs.directions) @ pieces.T
    products = np.concatenate([products, np.zeros((len(products), 1), np.float32)], axis=1)
    bounds = np.stack([starts[:-1], answers_from], axis=1).ravel()
    best = np.maximum.reduceat(products, bounds, axis=1)
    in_question, in_answer = best[:, ::2].copy(), best[:, 1::2].copy()
    in_question[:, starts[:-1] == answers_from] = 0.0  # reduceat gives the next element for an empty part
    in_answer[:, answers_from == starts[1:]] = 0.0
    share = weights / max(float(weights.sum()), 1e-9)
    parts = [share @ np.maximum(in_question, in_answer), share @ in_answer]
    return np.stack(parts, axis=1)


def _pieces_of(pairs: TaughtPairs, near: Places) -> tuple[Floats, Places, Places]:
    """The word pieces of the pairs `near`, with their bounds."""
    if len(near) == len(pairs):
        return pairs.tokens, pairs.starts, pairs.answers_from
    counts = pairs.starts[near + 1] - pairs.starts[near]
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    moved = np.repeat(pairs.starts[near] - starts[:-1], counts)
    return (
        pairs.tokens[np.arange(starts[-1]) + moved],
        starts,
        starts[:-1] + pairs.answers_from[near] - pairs.starts[near],
    )


def _nearest(scores: Floats) -> Places:
    if len(scores) <= 2 * RERANKED:
        return np.arange(len(scores))
    return np.sort(np.argpartition(-scores, RERANKED)[:RERANKED])


def _encode(encoder: SentenceEncoder, texts: Sequence[str]) -> tuple[Floats, list[TokenEmbeddings]]:
    if isinstance(encoder, WholeEncoder):
        return encoder.encode_with_tokens(texts)
    return encoder.encode(texts), TokenCache(encoder).of(texts)


def _first(tokens: TokenEmbeddings) -> TokenEmbeddings:
    return TokenEmbeddings(vectors=tokens.vectors[:PAIR_TOKENS], spans=tokens.spans[:PAIR_TOKENS])


def _weights(text: str, tokens: TokenEmbeddings, rarity: Rarity) -> Floats:
    """(t,) the rarity of the word that each word piece belongs to."""
    weights = np.full(len(tokens.vectors), SIGN_WEIGHT, dtype=np.float32)
    starts = np.array([start for start, _ in tokens.spans[: len(weights)]], dtype=np.int64)
    for match in WORD.finditer(text):
        weights[(starts >= match.start()) & (starts < match.end())] = rarity(match.group())
    return weights
