"""Distractors: passages that look like the answer and do not hold it, without replacement, by the row's own seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

from chains.answer import Passage
from chains.conflicts import Rival, rivals
from finetune.near_duplicates import similarity
from finetune.raft.asked import Asked
from finetune.raft.judging import Judge, folded
from finetune.raft.oracles import Grounded
from finetune.raft.passages import Library
from finetune.raft.recipe import Recipe
from finetune.raft.wording import says_nothing

ALIKE = 0.6  # Jaccard similarity of two passages that say the same
DRAWS = 12  # of chunks at random, until there are enough

Role = Literal["hard", "random"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Distractor:
    passage: Passage
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    distractors: tuple[Distractor, ...]
    rejected: Counter[str]  # by reason


def draw(
    count: int,
    asked: Asked,
    grounded: Grounded | None,
    found: Sequence[Passage],
    library: Library,
    judge: Judge,
    recipe: Recipe,
    random: Random,
) -> Drawn:
    """`count` distractors, or fewer where the knowledge base has no more that are free of the answer.

    found: what the retriever gives for the question. What lacks of the hard ones is drawn at random.
    """
    sieve = _Sieve(asked, grounded, judge)
    hard = _taken(found, round(count * recipe.hard_share), "hard", sieve)
    other = _taken(_at_random(library, random), count - len(hard), "random", sieve)
    more = _taken(found, count - len(hard) - len(other), "hard", sieve)
    return Drawn(distractors=(*hard, *other, *more), rejected=sieve.rejected)


def _at_random(library: Library, random: Random) -> Iterator[Passage]:
    for _ in range(DRAWS):
        yield from library.drawn(random)


def _taken(
    passages: Iterator[Passage] | Sequence[Passage], count: int, role: Role, sieve: _Sieve
) -> list[Distractor]:
    taken: list[Distractor] = []
    for passage in passages if count > 0 else ():
        if sieve.passes(passage):
            taken.append(Distractor(passage=passage, role=role))
            if len(taken) == count:
                break
    return taken


class _Sieve:
    """Lets each passage through once, and none that answers."""

    def __init__(self, asked: Asked, grounded: Grounded | None, judge: Judge) -> None:
        self._asked, self._grounded, self._judge = asked, grounded, judge
        self._kept: list[Passage] = [one.passage for one in grounded.oracles] if grounded else []
        self._seen: set[str] = set()
        self._words = _words_of_the_answer(asked, grounded)
        self.rejected: Counter[str] = Counter()

    def passes(self, passage: Passage) -> bool:
        if passage.chunk_id in self._seen:
            return False
        self._seen.add(passage.chunk_id)
        reason = self._fault(passage)
        if reason is not None:
            self.rejected[reason] += 1
            return False
        self._kept.append(passage)
        return True

    def _fault(self, passage: Passage) -> str | None:
        if any(_overlap(passage, one) for one in self._kept):
            return "overlaps"
        if any(
            similarity(passage.text, one.text) >= ALIKE or folded(passage.text) == folded(one.text)
            for one in self._kept
        ):
            return "says the same"
        text = folded(passage.text)
        if any(words in text for words in self._words):
            return "holds the answer"
        return None if self._grounded is None else self._answers(self._grounded, passage)

    def _answers(self, grounded: Grounded, passage: Passage) -> str | None:
        question = self._asked.question
        if _under_the_question(question, passage):
            return "stands under the question"
        if _contradicts(question, grounded, passage):
            return "contradicts the answer"
        if any(self._judge.weigh(question, one, [passage])[0].leaks for one in grounded.statements):
            return "supports the answer"
        return None


def _under_the_question(question: str, passage: Passage) -> bool:
    """Whether its title is the question, as on a page of frequent questions: then what follows answers it."""
    titles = (*passage.location.headings[-1:], passage.text.split("\n", maxsplit=1)[0])
    return folded(question) in map(folded, titles)


def _contradicts(question: str, grounded: Grounded, passage: Passage) -> bool:
    """Whether another document answers otherwise: then the answer would have to name both sides."""
    passages = [*(one.passage for one in grounded.oracles), passage]
    quoted = [
        Rival(passage_index=place, start=start, end=end, score=1.0)
        for place, one in enumerate(grounded.oracles)
        for start, end in one.quotes
    ]
    return any(one.passage_index == len(passages) - 1 for one in rivals(question, quoted, passages))


def _overlap(one: Passage, other: Passage) -> bool:
    return one.document_id == other.document_id and one.start < other.end and other.start < one.end


def _words_of_the_answer(asked: Asked, grounded: Grounded | None) -> list[str]:
    """The answer in every wording, the oracle's quotes, and the words of places that were overruled."""
    quotes = [
        one.passage.text[slice(*span)]
        for one in (grounded.oracles if grounded else ())
        for span in one.quotes
    ]
    stale = [place.quote for place in asked.stale]
    return [folded(one) for one in (*asked.accepted, *quotes, *stale) if not says_nothing(one)]
