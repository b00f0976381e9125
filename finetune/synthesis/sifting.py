"""Which of a model's pairs are kept: each is held against its passage before it may become a row.

    sieve = Sieve(encoder)
    for judged in sieve.sift(read_pairs(reply), passage): ...      # Kept or Dropped, in the reply's order

What can only be guessed is left to the review queue: every row that is made here waits there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chains.instructions import instructions_in
from chains.support import SentenceEncoder, SupportScorer
from finetune.near_duplicates import NearSeen
from finetune.synthesis.asking import Pair
from finetune.synthesis.locating import Located, locate
from finetune.synthesis.wording import is_question
from loaders.passage import Passage
from local.lexical import STOP_WORDS

__all__ = ["LONGEST_ANSWER", "REASONS", "Dropped", "Kept", "Reason", "Sieve"]

Reason = Literal[
    "unreadable",
    "addresses_model",
    "no_question",
    "points_at_passage",
    "needs_no_document",
    "quote_not_found",
    "answer_not_supported",
    "asked_already",
    "too_long",
]
REASONS: dict[Reason, str] = {
    "unreadable": "The reply was not the JSON that was asked for.",
    "addresses_model": "The text gives orders to a language model; training on it would teach it to obey them.",
    "no_question": "It is no question of three words or more, or longer than 300 characters.",
    "points_at_passage": "The question speaks of a passage that who asks does not see.",
    "needs_no_document": "No word of the question but common ones stands in the passage or its title.",
    "quote_not_found": "The quote does not stand in the passage, typography aside.",
    "answer_not_supported": "The passage does not carry the answer: words, figures or names of it are missing.",
    "asked_already": "Nearly the same question was asked before.",
    "too_long": "The answer is longer than 2,400 characters: a chapter, no answer.",
}
NEAR = 0.8  # Jaccard similarity from which two questions are one
LONGEST_ANSWER = 2400  # characters

_POINTING = {
    "en": r"(?:the|this|these|that|above|given|following|provided) (?:passage|text|excerpt|document|paragraph|section"
    r"|snippet|context|article|author)s?|mentioned (?:above|here)",
    "de": r"(?:im|dem|den|der|laut|des|diese[mrs]?|obige[mnrs]?) (?:text(?:es|s)?|dokuments?|abschnitts?|auszugs?"
    r"|absatz(?:es)?|textstelle|passage)|oben genannt\w*",
    "fr": r"(?:le|la|ce|cette|du|au) (?:texte|document|passage|extrait|paragraphe|section)|ci-dessus",
    "es": r"(?:el|este|del|al|la|esta) (?:texto|documento|pasaje|fragmento|párrafo|sección)|mencionad[oa] arriba",
    "nl": r"(?:de|deze|dit|het) (?:tekst|passage|document|fragment|alinea|paragraaf)|hierboven",
}
_POINTS = re.compile(rf"\b(?:{'|'.join(_POINTING.values())})\b", re.IGNORECASE)
_WORD = re.compile(r"\w+(?:[.,:'’/-]\w+)*")
_STEM = 5  # letters that two forms of a word share


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    pair: Pair
    quote: Located  # in the passage's text
    support: float  # 0..1, chains/support.py


@dataclass(frozen=True, slots=True, kw_only=True)
class Dropped:
    reason: Reason
    chunk_id: str
    document_id: str
    question: str = ""
    answer: str = ""
    quote: str = ""

    def as_dict(self) -> dict[str, str]:
        told = {name: getattr(self, name) for name in self.__slots__}
        return {name: value for name, value in told.items() if value} | {"why": REASONS[self.reason]}


class Sieve:
    """Remembers the questions of the whole run (about 5 kB each), nothing else. Not shared between threads."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._asked = NearSeen(threshold=NEAR)

    def sift(self, pairs: Sequence[Pair] | None, passage: Passage) -> Iterator[Kept | Dropped]:
        """`pairs` None: the reply could not be read."""
        if pairs is None:
            yield Dropped(reason="unreadable", chunk_id=passage.chunk_id, document_id=passage.document_id)
            return
        scorer = SupportScorer(self._encoder)  # for this passage: it keeps what it has embedded
        for pair in pairs:
            judged = self._judged(pair, passage, scorer)
            yield judged if isinstance(judged, Kept) else _dropped(judged, pair, passage)

    def _judged(self, pair: Pair, passage: Passage, scorer: SupportScorer) -> Kept | Reason:
        reason = _fault(pair, passage)
        if reason is not None:
            return reason
        place = locate(pair.quote, passage.text)
        if place is None:
            return "quote_not_found"
        support = _support(pair.answer, passage.text, scorer)
        if support is None:
            return "answer_not_supported"
        if self._asked.add(pair.question) is not None:
            return "asked_already"
        return Kept(pair=pair, quote=place, support=round(support, 3))


def _support(answer: str, text: str, scorer: SupportScorer) -> float | None:
    """How well the passage carries the answer; what stands there word for word it carries. None: it does not."""
    if locate(answer, text) is not None:
        return 1.0
    (support,) = scorer.score([(answer, [text])])
    return support.score if support.holds else None


def _dropped(reason: Reason, pair: Pair, passage: Passage) -> Dropped:
    return Dropped(
        reason=reason,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        question=pair.question,
        answer=pair.answer,
        quote=pair.quote,
    )


def _fault(pair: Pair, passage: Passage) -> Reason | None:
    """What is wrong with the words themselves."""
    if not is_question(pair.question):
        return "no_question"
    if len(pair.answer) > LONGEST_ANSWER:
        return "too_long"
    if _POINTS.search(pair.question) or _POINTS.search(pair.answer):
        return "points_at_passage"
    if instructions_in(pair.question) or instructions_in(pair.answer):
        return "addresses_model"
    told = f"{passage.document_name} {' '.join(passage.location.headings)} {passage.text}"
    return None if _stems(pair.question) & _stems(told) else "needs_no_document"


def _stems(text: str) -> frozenset[str]:
    """First letters of the words that say something: of five letters or more, or with a digit or capitals."""
    words = [word for word in _WORD.findall(text) if word.casefold() not in STOP_WORDS]
    telling = [word for word in words if len(word) >= _STEM or any(map(str.isdigit, word)) or word.isupper()]
    return frozenset(word.casefold()[:_STEM] for word in telling)
