"""From questions to RAFT rows, in batches: find the oracle, draw the distractors, write the row."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from random import Random
from typing import Any

from chains.answer import Passage
from chains.support import SentenceEncoder
from errors import DatasetError
from finetune.examples import Example, Refused
from finetune.near_duplicates import NearSeen
from finetune.raft.asked import FORM, Asked
from finetune.raft.distractors import Drawn, draw
from finetune.raft.judging import Judge, amounts
from finetune.raft.oracles import Grounded, NoOracle, ground
from finetune.raft.passages import Library
from finetune.raft.recipe import Recipe, Shares
from finetune.raft.rows import Placed, Teaches, raft_row
from finetune.synthesis.sifting import NEAR
from loaders.fusion import codes_in

BATCH = 16  # questions whose searches are made together


@dataclass(slots=True)
class Built:
    """What became of the questions; counted while `build` runs."""

    read: int = 0
    rows: Counter[Teaches] = field(default_factory=Counter)
    unanswerable: int = 0  # of the rows that abstain
    refused: int = 0
    distractors: Counter[str] = field(default_factory=Counter)  # by role
    rejected: Counter[str] = field(default_factory=Counter)  # passages that were no distractors, by reason
    left_out: int = 0  # sentences of answers

    @property
    def written(self) -> int:
        return self.rows.total()

    def as_dict(self) -> dict[str, Any]:
        return {
            "questions": self.read,
            "rows": self.written,
            "teaches": {name: self.rows[name] for name in ("read", "abstain", "memorise")},
            "unanswerable": self.unanswerable,
            "refused": self.refused,
            "distractors": dict(self.distractors),
            "rejected_distractors": dict(self.rejected),
            "sentences_left_out": self.left_out,
        }


def build(
    asked: Iterable[Asked | Refused],
    library: Library,
    encoder: SentenceEncoder,
    recipe: Recipe,
    built: Built | None = None,
) -> Iterator[Example | Refused]:
    """A row or a refusal for each question, in order; the same ones for the same seed, knowledge base and questions.

    Raises DatasetError, before the first row, where the knowledge base has too few passages.
    """
    if len(library) <= recipe.distractors:
        raise DatasetError(
            f"The knowledge base {library.name!r} has {len(library)} passages: too few for an oracle and"
            f" {recipe.distractors} distractors. Add documents, or ask for fewer with --distractors."
        )
    builder = _Builder(library, Judge(encoder), recipe, Built() if built is None else built)
    questions = iter(asked)
    while batch := list(islice(questions, BATCH)):
        yield from builder.batch(batch)


class _Builder:
    def __init__(self, library: Library, judge: Judge, recipe: Recipe, built: Built) -> None:
        self._library, self._judge, self._recipe, self._built = library, judge, recipe, built
        self._without = Shares(1 - recipe.p, recipe.seed, "without the oracle")
        self._abstains = Shares(recipe.abstaining, recipe.seed, "abstain")
        self._known = NearSeen(threshold=NEAR)
        self._lines: list[int] = []  # where each question that is known was first asked

    def batch(self, batch: Sequence[Asked | Refused]) -> Iterator[Example | Refused]:
        questions = [one for one in batch if isinstance(one, Asked)]
        found = iter(self._library.found([one.question for one in questions]))
        wanted = [one for one in questions if one.answerable and not one.gold]
        answered = iter(self._library.found([f"{one.question} {one.answer}" for one in wanted]))
        figures = iter(self._library.near([_figures(one) for one in wanted]))
        for one in batch:
            self._built.read += 1
            if isinstance(one, Asked):
                hits = next(found)
                more = (next(answered), next(figures)) if one in wanted else ()
                made = self._made(one, hits, more)
            else:
                made = one
            self._built.refused += isinstance(made, Refused)
            yield made

    def _made(
        self, asked: Asked, found: Sequence[Passage], near: Sequence[Sequence[Passage]]
    ) -> Example | Refused:
        if (twin := self._twin(asked)) is not None:
            return asked.refused(f"The question stands in line {twin} already.", "Leave one of the two out.")
        if not asked.answerable:
            return self._row(asked, None, found, "abstain")
        candidates = list({one.chunk_id: one for one in _alternating(found, *near)}.values())
        try:
            grounded = ground(asked, candidates, self._library, self._judge, self._recipe.voice)
        except NoOracle as missing:
            return asked.refused(missing.reason, missing.fix)
        if (mark := _mark_in_a_quote(grounded)) is not None:
            return asked.refused(
                f"The words that the answer rests on hold {mark!r}, which is a mark of RAFT rows.",
                "Name other words of the document as its place, or leave the question out.",
            )
        if len(grounded.oracles) > self._recipe.passages:
            return asked.refused(
                f"The answer needs {len(grounded.oracles)} passages and a row has {self._recipe.passages}.",
                "Ask for more with --distractors.",
            )
        return self._row(asked, grounded, found, self._teaches())

    def _twin(self, asked: Asked) -> int | None:
        """The line that asks the same, perhaps in slightly other words; questions of other numbers are others."""
        match = self._known.add(asked.question)
        twin = None if match is None else self._lines[match.like]
        self._lines.append(asked.line if twin is None else twin)
        return twin

    def _teaches(self) -> Teaches:
        if not self._without.next():
            return "read"
        return "abstain" if self._abstains.next() else "memorise"

    def _row(
        self, asked: Asked, grounded: Grounded | None, found: Sequence[Passage], teaches: Teaches
    ) -> Example | Refused:
        random = Random(f"{self._recipe.seed}\x1f{asked.id}\x1f{asked.question}")  # noqa: S311 - no secret
        oracles = grounded.oracles if grounded and teaches == "read" else ()
        count = self._recipe.passages - len(oracles)
        drawn = draw(count, asked, grounded, found, self._library, self._judge, self._recipe, random)
        if len(drawn.distractors) < count:
            return asked.refused(
                f"Only {len(drawn.distractors)} of {count} distractors are free of the answer.",
                "Add documents to the knowledge base, or ask for fewer with --distractors.",
            )
        placed = [Placed(passage=one.passage, role="oracle") for one in oracles]
        placed += [Placed(passage=one.passage, role=one.role) for one in drawn.distractors]
        random.shuffle(placed)
        self._count(drawn, grounded, teaches)
        return raft_row(asked, grounded, placed, teaches, self._library, self._recipe)

    def _count(self, drawn: Drawn, grounded: Grounded | None, teaches: Teaches) -> None:
        self._built.rows[teaches] += 1
        self._built.unanswerable += grounded is None
        self._built.distractors.update(one.role for one in drawn.distractors)
        self._built.rejected.update(drawn.rejected)
        self._built.left_out += len(grounded.left_out) if grounded else 0


def _mark_in_a_quote(grounded: Grounded) -> str | None:
    """A mark that would end the quote, or the reasoning, where a document speaks of such rows."""
    quotes = (one.passage.text[slice(*span)] for one in grounded.oracles for span in one.quotes)
    found = next(filter(None, map(FORM.search, quotes)), None)
    return None if found is None else found[0]


def _figures(asked: Asked) -> str:
    """The codes and figures of a question and its answer alone, which find the row of a table."""
    figures = amounts(asked.answer)
    told = (*codes_in(asked.question), *codes_in(asked.answer), *figures, *figures.values())
    return " ".join(dict.fromkeys(told)) or asked.answer


def _alternating(*found: Sequence[Passage]) -> Iterator[Passage]:
    """The best of each, then the second of each, and so on."""
    for rank in zip_longest(*found):
        yield from (passage for passage in rank if passage is not None)
