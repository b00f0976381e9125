"""A passage as evidence: its sentences, and which words of a claim they hold.

evidence = as_evidence("Full-time staff have 27 days of leave.")
coverage("Staff have 28 days.", [evidence]).missing      -> the figure "28 days"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from chains.clauses import WordKind, Words, content_words, held_stems
from chains.quantities import Quantity, in_date, quantities, same_figure
from local.lexical import PART, STOP_WORDS, WORD, stem
from local.sentences import sentence_spans

__all__ = ["Coverage", "Evidence", "Sentence", "as_evidence", "coverage"]

Span = tuple[int, int]
SAME_START = 5  # letters that two forms of a word share, at least
WEIGHTS: dict[WordKind, float] = {"word": 1.0, "name": 1.5, "figure": 1.5}
JOINED = 3  # sentences that carry a claim together, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """`passage_text[start:end] == text`."""

    start: int
    end: int
    text: str
    stems: frozenset[str]
    starts: frozenset[str]  # the first letters of its longer words
    figures: tuple[Quantity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    text: str
    sentences: tuple[Sentence, ...]
    about: Sentence | None = None  # what the text stands under: the document's name and date, its headings


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which of a claim's words (figures among them) the evidence holds, and where.

    `held` and `joined` are parallel to `words`: held anywhere; held by the sentences in `best`, best first, as
    (passage, sentence) places: the few that hold most of the words together.
    """

    words: tuple[Words, ...]
    held: tuple[bool, ...]
    joined: tuple[bool, ...]
    best: tuple[tuple[int, int], ...]
    first_share: float  # of the words' weight, held by the best sentence alone
    by_text: tuple[float, ...]  # of the words' weight, held by each text

    @property
    def missing(self) -> tuple[Words, ...]:
        return tuple(word for word, held in zip(self.words, self.held, strict=True) if not held)

    @property
    def share(self) -> float:
        return _share(self.words, self.held)

    @property
    def plain_share(self) -> float:
        """Of the words that are neither names nor figures, those that the best sentences hold; 0 for none."""
        plain = [held for word, held in zip(self.words, self.joined, strict=True) if word.kind == "word"]
        return sum(plain) / len(plain) if plain else 0.0

    @property
    def joined_share(self) -> float:
        return _share(self.words, self.joined)


def _share(words: Sequence[Words], held: Sequence[bool]) -> float:
    """Of the words' weight; 0 where there are no words to hold."""
    total = sum(WEIGHTS[word.kind] for word in words)
    return sum(WEIGHTS[word.kind] for word, one in zip(words, held, strict=True) if one) / max(total, 1.0)


@lru_cache(maxsize=1024)
def as_evidence(text: str, about: str = "") -> Evidence:
    """Kept for passages that are asked about again; `about` is held wherever the text is cited."""
    spans = sentence_spans(text) or [(0, len(text))]
    return Evidence(
        text=text,
        sentences=tuple(_sentence(text, *span) for span in spans),
        about=_sentence(about, 0, len(about)) if about else None,
    )


def _sentence(text: str, start: int, end: int) -> Sentence:
    own = text[start:end]
    return Sentence(
        start=start,
        end=end,
        text=own,
        stems=held_stems(own),
        starts=frozenset(word[:SAME_START].lower() for word in WORD.findall(own) if len(word) >= SAME_START),
        figures=quantities(own),
    )


@lru_cache(maxsize=4096)
def claim_words(claim: str) -> tuple[Words, ...]:
    """The content words of a claim with its figures among them."""
    figures = [
        Words(
            text=claim[each.start : each.end], stem=each.value, kind="figure", start=each.start, end=each.end
        )
        for each in quantities(claim)
    ]
    return tuple(sorted((*content_words(claim), *figures), key=lambda word: word.start))


def coverage(claim: str, evidence: Sequence[Evidence]) -> Coverage:
    """Holds the claim's words against every sentence; a word may stand in any form."""
    words = claim_words(claim)
    places = [(p, s) for p, one in enumerate(evidence) for s in range(len(one.sentences))]
    dates = frozenset(each.start for each in quantities(claim) if in_date(each, quantities(claim)))
    above = [tuple(_named_above(one.about, word, dates) for word in words) for one in evidence]
    by_place = {
        (p, s): tuple(
            _holds(evidence[p].sentences[s], word) or known
            for word, known in zip(words, above[p], strict=True)
        )
        for p, s in places
    }
    held = tuple(any(one[i] for one in by_place.values()) for i in range(len(words)))
    best = _joined(words, by_place)
    joined = tuple(any(by_place[place][i] for place in best) for i in range(len(words)))
    first = _share(words, by_place[best[0]]) if best else 0.0
    by_text = tuple(
        _share(
            words, [any(by_place[place][i] for place in places if place[0] == p) for i in range(len(words))]
        )
        for p in range(len(evidence))
    )
    return Coverage(words=words, held=held, joined=joined, best=best, first_share=first, by_text=by_text)


def _joined(
    words: Sequence[Words], by_place: dict[tuple[int, int], tuple[bool, ...]]
) -> tuple[tuple[int, int], ...]:
    """Greedily the sentence that adds most, up to JOINED; the first in the order of the text where they tie."""
    chosen: list[tuple[int, int]] = []
    left = [WEIGHTS[word.kind] for word in words]
    while len(chosen) < JOINED:
        gains = {
            place: sum(weight for weight, one in zip(left, held, strict=True) if one)
            for place, held in by_place.items()
            if place not in chosen
        }
        place = max(gains, key=lambda each: gains[each], default=None)
        if place is None or (chosen and gains[place] <= 0):
            break
        chosen.append(place)
        left = [0.0 if one else weight for weight, one in zip(left, by_place[place], strict=True)]
    return tuple(chosen)


def _named_above(about: Sentence | None, word: Words, dates: frozenset[int]) -> bool:
    """Whether a word, or a date's figure, stands in what the text stands under; amounts must stand in the text.

    `dates` are the places in the claim where a date's figures begin.
    """
    return about is not None and (word.kind != "figure" or word.start in dates) and _holds(about, word)


def _holds(sentence: Sentence, word: Words) -> bool:
    if word.kind == "figure":
        if word.text.lower().startswith("one") and stem(word.text.split()[-1]) in sentence.stems:
            return True  # "one month", "a month"
        return any(same_figure(word.stem, figure.value) for figure in sentence.figures)
    if word.stem in sentence.stems:
        return True
    if len(word.text) >= SAME_START and word.text[:SAME_START].lower() in sentence.starts:
        return True
    parts = [stem(part) for part in PART.split(word.text) if part.lower() not in STOP_WORDS]
    return len(parts) > 1 and all(part in sentence.stems for part in parts)
