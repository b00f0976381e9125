"""The extractive reader: which one to three sentences of the retrieved passages answer the question.

    reading = ExtractiveReader(encoder).read("How many days may I carry over?", [("Leave policy", text), ...])
    reading.sentences[0].text

A sentence scores by its meaning (cosine to the question), by the question's words in it and around it, each
weighed by how rare it is, and by whether it holds the kind of thing that was asked for. A second and third
sentence come along only for words of the question that the first lacks, or where the first barely won.
"""

from __future__ import annotations

import math
import re
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from threading import Lock
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from local.figures import contested, figure_kind, row_key, superseded
from local.lexical import AnswerType, QueryTerm, answer_type, holds_type, query_terms, stems
from local.sentences import sentence_spans
from local.units import Unit, units

__all__ = ["EvidenceSentence", "ExtractiveReader", "Reading", "SentenceEncoder"]

# Beside the cosine of the sentence, which weighs 1: rounded from a list-wise softmax fit of sentences that hold
# the answer against the others, alike on two question sets.
OWN_WORDS, NEAR_WORDS, PASSAGE_COSINE, TYPE_PRESENT, TYPE_ABSENT = 1.1, 0.55, 0.8, 0.1, -0.12

FRAGMENT = -0.25  # a few words that end with no mark: a name in an address, a caption
ROW_KEY = 0.35  # a table row whose first cell the question names
CODE_HELD = 0.2  # the very code that is asked for
CONTESTED = -0.5  # another code or year of the kind that is asked for, and not that one
OLD_EDITION = -0.4  # the document has a later edition among the passages
SIDE_SENTENCE = 0.4  # weight of words in sentences around the one that asks: "I am ill. May I stay at home?"
UNTIL_NOW = re.compile(r"\b(?:until|till|up to) (?:now|today)\b|\b(?:previously|formerly)\b", re.IGNORECASE)
PROSE_ENDS = (".", "!", "?", "…", '"', "”", ")", "]")
ASKING_WORDS = 2  # "What do I do?" asks for nothing without what comes before it

MAX_ENCODED = 16  # sentences that are embedded; the others have too few of the words asked for to win
MAX_SENTENCES = 3
NEW_WORDS = 0.15  # share of the question's word weight that a further sentence must add
FAR_BEHIND = 0.5  # a further sentence scores no lower than this below the best
NEAR_TIE = 0.12  # within this of the best, a sentence comes along whether it adds words or not
NEXT_GAP = (
    8  # characters between a sentence and the next: a line break and the mark of a list or of quoted mail
)
CACHED_VECTORS = 4096  # sentence vectors kept for the next question, 6 MB


class SentenceEncoder(Protocol):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32, unit norm."""
        ...


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
    contested: tuple[
        str, ...
    ] = ()  # codes and years of the question in whose place the documents name others


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scored:
    unit: Unit
    score: float
    cosine: float
    own: frozenset[str]  # stems of the question that the unit holds
    near: frozenset[str]  # and those in its title, heading and neighbours
    has_type: bool
    contested: frozenset[str]  # codes and years of the question in whose place others stand here


class ExtractiveReader:
    """Reads with any encoder of unit vectors; safe to share between threads."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._vectors: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = Lock()

    def read(
        self,
        question: str,
        passages: Sequence[tuple[str, str]],
        *,
        cosines: Sequence[float | None] | None = None,
    ) -> Reading:
        """Chooses evidence for `question` among `passages`: (title, text) pairs, best first.

        `cosines` are the retriever's, passage by passage, where it has them.
        """
        found = [unit for index, (title, text) in enumerate(passages) for unit in units(index, title, text)]
        query = _Query.of(question, [unit.text for unit in found])
        old = superseded(question, [title for title, _ in passages])
        scored = self._score(query, found, [text for _, text in passages], cosines, old)
        chosen = _choose(query, scored)
        return _reading(query, passages, scored, chosen)

    def _score(
        self,
        query: _Query,
        found: Sequence[Unit],
        texts: Sequence[str],
        cosines: Sequence[float | None] | None,
        old: Set[int],
    ) -> list[_Scored]:
        """Units of `texts` with their scores, best first; `old` are passages of editions that no longer hold."""
        words = [query.held(f"{unit.text} {unit.columns}") for unit in found]
        near = [_near(query, found, words, position) for position in range(len(found))]
        cheap = [
            query.weight(own) + 0.5 * query.weight(close) + _key(query, unit)
            for own, close, unit in zip(words, near, found, strict=True)
        ]
        quotable = [position for position, unit in enumerate(found) if unit.kind != "header_row"]
        kept = sorted(sorted(quotable, key=lambda i: (-cheap[i], i))[:MAX_ENCODED])
        similar = self._cosines(query, [_embedded(query, found[position]) for position in kept])
        passage = _passage_cosines([found[position] for position in kept], similar, cosines)
        scored = []
        for position, cosine in zip(kept, similar, strict=True):
            unit = found[position]
            has_type = holds_type(query.kind, unit.text, query.stems)
            other = frozenset(contested(query.figures, unit.text, unit.context, _around(unit, texts)))
            score = (
                cosine + OWN_WORDS * query.weight(words[position]) + NEAR_WORDS * query.weight(near[position])
            )
            score += PASSAGE_COSINE * passage[unit.passage]
            if query.kind != "any":
                score += TYPE_PRESENT if has_type else TYPE_ABSENT
            score += _form(unit) + _key(query, unit) + _codes(query, unit)
            score += CONTESTED * bool(other) + OLD_EDITION * (unit.passage in old)
            scored.append(
                _Scored(
                    unit=unit,
                    score=score,
                    cosine=cosine,
                    own=words[position],
                    near=near[position],
                    has_type=has_type,
                    contested=other,
                )
            )
        return sorted(scored, key=lambda one: -one.score)

    def _cosines(self, query: _Query, texts: Sequence[str]) -> list[float]:
        """Cosine of each text with the question, or with what it asks without the rest, whichever is nearer."""
        if not texts:
            return []
        asked = list(dict.fromkeys((query.text, query.asking)))
        with self._lock:
            known = {text: self._vectors[text] for text in (*asked, *texts) if text in self._vectors}
        unknown = list(dict.fromkeys(text for text in (*asked, *texts) if text not in known))
        if unknown:
            known |= dict(zip(unknown, self._encoder.encode(unknown), strict=True))
            self._remember(known)
        similar = np.stack([known[text] for text in texts]) @ np.stack([known[text] for text in asked]).T
        return [float(value) for value in similar.max(axis=1)]

    def _remember(self, vectors: Mapping[str, NDArray[np.float32]]) -> None:
        with self._lock:
            for text, vector in vectors.items():
                self._vectors[text] = vector
                self._vectors.move_to_end(text)
            while len(self._vectors) > CACHED_VECTORS:
                self._vectors.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Query:
    """The question, taken apart once."""

    text: str
    asking: str  # its sentences that ask
    terms: tuple[QueryTerm, ...]
    weights: Mapping[str, float]  # by stem; they sum to 1
    kind: AnswerType
    stems: set[str]
    figures: tuple[str, ...]  # its codes and years

    @classmethod
    def of(cls, question: str, texts: Sequence[str]) -> _Query:
        """A word weighs more the fewer of `texts` hold it: what tells the candidates apart, not the base."""
        terms = tuple(query_terms(question))
        frequency = Counter(key for text in texts for key in stems(text))
        raw = {term.stem: math.log(1 + (len(texts) + 1) / (frequency[term.stem] + 0.5)) for term in terms}
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
        return frozenset(stems(text) & self.stems)

    def weight(self, held: Set[str]) -> float:
        return sum(self.weights[key] for key in held)


def _near(
    query: _Query, found: Sequence[Unit], words: Sequence[frozenset[str]], position: int
) -> frozenset[str]:
    """Stems in the unit's context and in the sentence on either side, without its own."""
    unit = found[position]
    close = query.held(unit.context)
    for beside in (position - 1, position + 1):
        if 0 <= beside < len(found) and found[beside].passage == unit.passage:
            close |= words[beside]
    return close - words[position]


def _form(unit: Unit) -> float:
    """What the unit's form takes from its score."""
    bare = unit.kind == "sentence" and unit.text[-1].isalnum() and not any(map(str.isdigit, unit.text))
    return FRAGMENT if bare and len(unit.text.split()) < 6 else 0.0


def _key(query: _Query, unit: Unit) -> float:
    """What a table row gains when the question names what the row is about."""
    if unit.kind != "row":
        return 0.0
    key = stems(row_key(unit.text))
    share = len(key & query.stems) / len(key) if key else 0.0
    return ROW_KEY * share if share >= 0.5 else 0.0


def _around(unit: Unit, texts: Sequence[str]) -> str:
    """What a sentence of prose leans on: its whole passage; nothing for rows and loose lines."""
    return texts[unit.passage] if unit.kind == "sentence" and unit.text.endswith(PROSE_ENDS) else ""


def _codes(query: _Query, unit: Unit) -> float:
    codes = [word for word in query.figures if figure_kind(word) != "year"]
    return CODE_HELD * sum(word in unit.text for word in codes) / len(codes) if codes else 0.0


def _asking(question: str) -> str:
    """The sentences that ask, where a question comes with others around it and does not lean on them; else all."""
    found = [question[start:end] for start, end in sentence_spans(question)]
    asking = " ".join(one for one in found if one.endswith("?"))
    return asking if len(query_terms(asking)) >= ASKING_WORDS else question


def _embedded(query: _Query, unit: Unit) -> str:
    """The unit after its context; of a row only the key and the cells that hold words of the question."""
    text = unit.text
    if unit.kind == "row" and unit.cells:
        held = [cell for cell in unit.cells[1:] if query.held(cell)]
        text = "; ".join([unit.cells[0], *held]) if held else text
        return f"{unit.above}: {text}" if unit.above else text
    return f"{unit.context}: {text}" if unit.context else text


def _passage_cosines(
    found: Sequence[Unit], similar: Sequence[float], given: Sequence[float | None] | None
) -> dict[int, float]:
    """By passage: the retriever's cosine, else that of the passage's best sentence."""
    best: dict[int, float] = {}
    for unit, cosine in zip(found, similar, strict=True):
        best[unit.passage] = max(cosine, best.get(unit.passage, -1.0))
    for index, value in enumerate(given or ()):
        if value is not None:
            best[index] = value
    return best


def _choose(query: _Query, scored: Sequence[_Scored]) -> list[_Scored]:
    """The best sentence, and those that must come along."""
    chosen = list(scored[:1])
    for one in scored[1:]:
        if len(chosen) == MAX_SENTENCES or one.score < chosen[0].score - FAR_BEHIND:
            break
        if any(_overlap(one.unit, other.unit) for other in chosen):
            continue
        held = frozenset().union(*(other.own | query.held(other.unit.context) for other in chosen))
        adds = query.weight(one.own - held) >= NEW_WORDS
        if adds or one.score >= chosen[0].score - NEAR_TIE:
            chosen.append(one)
    return _with_next(query, chosen, scored)


def _with_next(query: _Query, chosen: list[_Scored], scored: Sequence[_Scored]) -> list[_Scored]:
    """Adds the sentence after the best where that one holds what is asked for and none of the chosen does; and
    the one after a sentence that tells what was so until now.
    """
    untyped = query.kind != "any" and not any(one.has_type for one in chosen)
    added = []
    for position, one in enumerate(chosen):
        following = _following(one.unit, scored)
        if following is None or following in chosen:
            continue
        if UNTIL_NOW.search(one.unit.text) or (untyped and position == 0 and following.has_type):
            added.append(following)
    return [*chosen[: MAX_SENTENCES - 1], *added[:1]] if added else chosen


def _following(unit: Unit, scored: Sequence[_Scored]) -> _Scored | None:
    """The unit that stands right after this one, in the same paragraph or list."""
    after = [one for one in scored if one.unit.passage == unit.passage and one.unit.start >= unit.end]
    following = min(after, key=lambda one: one.unit.start, default=None)
    near = following is not None and following.unit.start - unit.end <= NEXT_GAP
    return following if near else None


def _overlap(one: Unit, other: Unit) -> bool:
    """Whether they share characters of a passage, or say the same in two."""
    if one.text == other.text:
        return True
    return one.passage == other.passage and one.start < other.end and other.start < one.end


def _reading(
    query: _Query, passages: Sequence[tuple[str, str]], scored: Sequence[_Scored], chosen: Sequence[_Scored]
) -> Reading:
    everywhere = query.held(" ".join(f"{title} {text}" for title, text in passages))
    evidence = frozenset().union(*(one.own | query.held(one.unit.context) for one in chosen))
    missing = [term for term in query.terms if term.stem not in everywhere]
    order = list(dict.fromkeys(one.unit.passage for one in chosen))
    reading_order = sorted(chosen, key=lambda one: (order.index(one.unit.passage), one.unit.start))
    return Reading(
        sentences=tuple(
            EvidenceSentence(
                passage_index=one.unit.passage,
                start=one.unit.start,
                end=one.unit.end,
                text=one.unit.text,
                score=one.score,
                header=one.unit.header,
            )
            for one in reading_order
        ),
        signals=_signals(query, passages, scored, evidence, everywhere),
        covered=tuple(term.word for term in query.terms if term.stem in evidence),
        missing=tuple(term.word for term in missing),
        missing_names=tuple(term.word for term in missing if term.kind != "word"),
        contested=tuple(sorted(_contested(query, scored))),
    )


def _told(query: _Query, one: _Scored) -> frozenset[str]:
    """Stems of the question that a unit holds; a table row tells what its heading and title name, too."""
    return one.own | query.held(one.unit.context) if one.unit.kind == "row" else one.own


def _contested(query: _Query, scored: Sequence[_Scored]) -> frozenset[str]:
    """The codes and years in whose place the best unit names others; or the years in whose place a unit nearer in
    meaning does that holds words which the best lacks: the documents tell the turnover, but of another year.
    """
    if not scored or scored[0].contested:
        return scored[0].contested if scored else frozenset()
    best = scored[0]
    nearer = [one for one in scored if one.contested and one.cosine > best.cosine]
    telling = [one for one in nearer if query.weight(one.own - _told(query, best)) >= NEW_WORDS]
    years = [word for one in telling for word in one.contested if figure_kind(word) == "year"]
    return frozenset(years)


def _signals(
    query: _Query,
    passages: Sequence[tuple[str, str]],
    scored: Sequence[_Scored],
    evidence: frozenset[str],
    everywhere: frozenset[str],
) -> dict[str, float]:
    """What chains.confidence weighs; every value is 0..1 but the cosines and the score."""
    best = scored[0] if scored else None
    texts = [query.held(f"{title} {text}") for title, text in passages]
    rival = next((one.score for one in scored if best and one.unit.passage != best.unit.passage), None)
    named = frozenset(term.stem for term in query.terms if term.kind != "word")
    told = _told(query, best) if best else frozenset()
    return {
        "best_score": best.score if best else 0.0,
        "best_cosine": best.cosine if best else 0.0,
        "top_cosine": max((one.cosine for one in scored), default=0.0),
        "best_coverage": query.weight(told),
        "evidence_coverage": query.weight(evidence),
        "passage_coverage": max((query.weight(held) for held in texts), default=0.0),
        "coverage": query.weight(everywhere),
        "margin": best.score - rival if best and rival is not None else 0.0,
        "names_missing": query.weight(named - everywhere),
        "names_missing_in_best": query.weight(named - texts[best.unit.passage])
        if best
        else query.weight(named),
        "contested": float(bool(_contested(query, scored))),
        "date_missing": float(query.kind == "date" and not (best and best.has_type)),
        "type_asked": float(query.kind != "any"),
        "type_missing": float(query.kind != "any" and not (best and best.has_type)),
        "terms": float(len(query.terms)),
    }
