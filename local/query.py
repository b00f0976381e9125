"""A question taken apart: its words, each weighed by how rare it is among the candidates, and what it asks for."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from types import MappingProxyType

from local.figures import figure_kind, is_code
from local.lexical import AnswerType, QueryTerm, answer_type, query_terms, stems
from local.sentences import sentence_spans

__all__ = ["SIDE_SENTENCE", "Query"]

SIDE_SENTENCE = 0.4  # weight of words in sentences around the one that asks: "I am ill. May I stay at home?"
CODE = 1.5  # times the weight of a word as rare: "IB-20" says which one is meant
ASKING_WORDS = 2  # "What do I do?" asks for nothing without what comes before it


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The question, taken apart once."""

    text: str
    asking: str  # its sentences that ask
    terms: tuple[QueryTerm, ...]
    weights: Mapping[str, float]  # by stem; they sum to 1
    kind: AnswerType
    stems: set[str]
    figures: tuple[str, ...]  # its codes and years

    @classmethod
    def of(cls, question: str, texts: Sequence[str]) -> Query:
        """A word weighs more the fewer of `texts` hold it: what tells the candidates apart, not the base."""
        terms = tuple(query_terms(question))
        frequency = Counter(key for text in texts for key in stems(text))
        raw = {term.stem: math.log(1 + (len(texts) + 1) / (frequency[term.stem] + 0.5)) for term in terms}
        raw |= {term.stem: CODE * raw[term.stem] for term in terms if is_code(term.word)}
        asking = _asking(question)
        asked = stems(asking)
        raw = {key: value if key in asked else SIDE_SENTENCE * value for key, value in raw.items()}
        total = sum(raw.values()) or 1.0
        return cls(
            text=question,
            asking=asking,
            terms=terms,
            weights=MappingProxyType({key: value / total for key, value in raw.items()}),
            kind=answer_type(asking),
            stems={term.stem for term in terms},
            figures=tuple(term.word for term in terms if figure_kind(term.word)),
        )

    def held(self, text: str) -> frozenset[str]:
        """Stems of the question that `text` holds."""
        return frozenset(stems(text) & self.stems)

    def weight(self, held: Set[str]) -> float:
        """0..1, the same whatever order the set is gone through in."""
        return min(1.0, math.fsum(self.weights[key] for key in held))


def _asking(question: str) -> str:
    """The sentences that ask, where a question comes with others around it and does not lean on them; else all."""
    found = [question[start:end] for start, end in sentence_spans(question)]
    asking = " ".join(one for one in found if one.endswith("?"))
    return asking if len(query_terms(asking)) >= ASKING_WORDS else question
