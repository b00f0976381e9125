"""The extractive reader: which one to three sentences of the retrieved passages answer the question.

    reading = ExtractiveReader(encoder).read("How many days may I carry over?", [("Leave policy", text), ...])
    reading.sentences[0].text

Each passage is encoded once, as a whole, and its token vectors are kept for the next question. A sentence scores by
how near its tokens come to the question's, by the question's words in it and before it, each weighed by how rare it
is, and by whether it holds the kind of thing that was asked for (local/ranking.py). A second and third sentence come
along only for words of the question that the first lacks, or where the first barely won (local/choosing.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from local.choosing import MAX_SENTENCES, choose, distinct
from local.matching import passage_tokens, question_tokens
from local.query import Query
from local.ranking import Candidates, Scored, features, rank
from local.signals import contested_by, evidence, signals
from local.tokens import SentenceEncoder, TokenCache
from local.units import Unit, units

__all__ = ["MAX_SENTENCES", "EvidenceSentence", "ExtractiveReader", "Reading", "SentenceEncoder"]

COMPARED = 3  # sentences whose own vectors are compared with the question's, for the confidence


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceSentence:
    """`passages[passage_index][1][start:end] == text`."""

    passage_index: int
    start: int
    end: int
    text: str
    score: float
    header: tuple[int, int] | None = None  # table rows: the line of the same text that names the columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What was found, best passage first; no sentences when there was nothing to read."""

    sentences: tuple[EvidenceSentence, ...]
    signals: Mapping[str, float]
    covered: tuple[str, ...] = ()  # words of the question that the evidence or its headings hold
    missing: tuple[str, ...] = ()  # words of the question that no passage holds
    missing_names: tuple[str, ...] = ()  # those of them that are names or numbers
    contested: tuple[str, ...] = ()  # codes and years of the question in whose place others stand
    ranking: tuple[EvidenceSentence, ...] = ()  # the best three, best first, quoted or not


class ExtractiveReader:
    """Reads with any encoder of unit vectors; safe to share between threads."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._tokens = TokenCache(encoder)

    def read(self, question: str, passages: Sequence[tuple[str, str]]) -> Reading:
        """Chooses evidence for `question` among `passages`: (title, text) pairs, best first."""
        candidates = self._candidates(question, passages)
        scored = rank(candidates)
        near = self._cosines(candidates.query, scored[:COMPARED])
        return _reading(candidates.query, passages, scored, choose(candidates.query, scored), near)

    def _cosines(self, query: Query, scored: Sequence[Scored]) -> list[float]:
        """Of the sentences, each after its context, with the question or what it asks without the rest."""
        if not scored:
            return []
        asked = list(dict.fromkeys((query.text, query.asking)))
        vectors = self._encoder.encode([*asked, *(_in_context(query, one.unit) for one in scored)])
        similar = vectors[len(asked) :] @ vectors[: len(asked)].T
        return [float(value) for value in similar.max(axis=1)]

    def features(
        self, question: str, passages: Sequence[tuple[str, str]]
    ) -> tuple[list[Unit], NDArray[np.float32]]:
        """Everything that could be quoted, in reading order, and its (n, len(FEATURES)): what ranking learns from."""
        candidates = self._candidates(question, passages)
        return list(candidates.units), features(candidates)

    def _candidates(self, question: str, passages: Sequence[tuple[str, str]]) -> Candidates:
        found = [unit for index, (title, text) in enumerate(passages) for unit in units(index, title, text)]
        query = Query.of(question, [unit.text for unit in found])
        return Candidates(
            query=query,
            units=tuple(found),
            passages=tuple(passages),
            question=question_tokens(query, self._tokens.of([query.text])[0]),
            tokens=tuple(passage_tokens(self._tokens, passages)),
        )


def _in_context(query: Query, unit: Unit) -> str:
    """The unit after its context; of a row only the key and the cells that hold words of the question."""
    text = unit.text
    if unit.kind == "row" and unit.cells:
        held = [cell for cell in unit.cells[1:] if query.held(cell)]
        text = "; ".join([unit.cells[0], *held]) if held else text
        return f"{unit.above}: {text}" if unit.above else text
    return f"{unit.context}: {text}" if unit.context else text


def _reading(
    query: Query,
    passages: Sequence[tuple[str, str]],
    scored: Sequence[Scored],
    chosen: Sequence[Scored],
    near: Sequence[float],
) -> Reading:
    everywhere = query.held(" ".join(f"{title} {text}" for title, text in passages))
    held = evidence(query, chosen)
    missing = [term for term in query.terms if term.stem not in everywhere]
    order = list(dict.fromkeys(one.unit.passage for one in chosen))
    reading_order = sorted(chosen, key=lambda one: (order.index(one.unit.passage), one.unit.start))
    return Reading(
        sentences=tuple(_evidence(one) for one in reading_order),
        signals=signals(query, passages, scored, chosen, near),
        covered=tuple(term.word for term in query.terms if term.stem in held),
        missing=tuple(term.word for term in missing),
        missing_names=tuple(term.word for term in missing if term.kind != "word"),
        contested=tuple(sorted(contested_by(query, scored))),
        ranking=tuple(_evidence(one) for one in distinct(scored)[:MAX_SENTENCES]),
    )


def _evidence(one: Scored) -> EvidenceSentence:
    return EvidenceSentence(
        passage_index=one.unit.passage,
        start=one.unit.start,
        end=one.unit.end,
        text=one.unit.text,
        score=one.score,
        header=one.unit.header,
    )
