"""Each question held against the knowledge base: is it clear what is asked, and do other places answer it?

    checked = Checker(base).checked(candidate)      # MadeQuestion, or the reason why it is none

What another document says in the same words counts as a right source too; where it says another figure, the question
is given its document's name, since nobody could know which one is meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from chains.quantities import quantities
from chains.retrieval import SearchableKnowledge
from evaluation.question_making.candidates import Candidate
from evaluation.question_making.rows import MadeQuestion, made_from
from evaluation.wordings import says_wording
from finetune.near_duplicates import NearSeen, folded
from finetune.synthesis.wording import is_question
from loaders.passage import Passage
from local.lexical import stems
from local.sentences import sentence_spans

__all__ = ["REASONS", "Checker", "Reason"]

Reason = Literal[
    "no_question", "unclear", "several_answers", "asked_already", "answer_not_in_quote", "found_after_all"
]
REASONS: dict[Reason, str] = {
    "no_question": "no whole question",
    "unclear": "not clear without its document",
    "several_answers": "its document answers it twice, differently",
    "asked_already": "nearly the same was asked already",
    "answer_not_in_quote": "the answer does not stand in the quote",
    "found_after_all": "the documents may answer it after all",
}
LOOKED_AT = 8  # passages that the question finds
SAME = 0.8  # share of a question's telling words, in a sentence that is about the same thing
NEAR = 0.8  # Jaccard similarity from which two questions are one


@dataclass(frozen=True, slots=True, kw_only=True)
class _Other:
    """A sentence elsewhere that is about the same thing."""

    document: str
    quote: str
    agrees: bool


class Checker:
    """Remembers what was asked. Not shared between threads."""

    def __init__(self, base: SearchableKnowledge) -> None:
        self._base = base
        self._asked = NearSeen(threshold=NEAR)
        self._equal: set[str] = set()

    def checked(self, candidate: Candidate, *, contested: bool = False) -> MadeQuestion | Reason:
        """`contested`: another candidate asks the same and has another answer."""
        if not is_question(candidate.question):
            return "no_question"
        if not _holds(candidate):
            return "answer_not_in_quote"
        others = list(self._others(candidate)) if candidate.kind != "table" else []
        against = [one for one in others if not one.agrees]
        if any(one.document == candidate.document_id for one in against):
            return "several_answers"
        text = candidate.question
        if contested or against or not candidate.stands_alone:
            text = candidate.placed()
        if not self.is_new(text):
            return "asked_already"
        agreeing = {one.document: one.quote for one in others if one.agrees}
        agreeing.pop(candidate.document_id, None)
        return made_from(candidate, text, () if text != candidate.question else agreeing.items())

    def is_new(self, question: str) -> bool:
        """Remembers it. Short questions are compared whole."""
        plain = folded(question)
        if plain in self._equal:
            return False
        self._equal.add(plain)
        return self._asked.add(question) is None

    def _others(self, candidate: Candidate) -> Iterator[_Other]:
        telling = candidate.telling
        if not telling:
            return
        for passage in self._base.search(candidate.question, k=LOOKED_AT):
            for sentence in _sentences(passage, candidate):
                if len(telling & stems(sentence)) < SAME * len(telling):
                    continue
                agrees = _says(sentence, candidate)
                if agrees or _of_its_kind(sentence, candidate):
                    yield _Other(document=passage.document_id, quote=sentence, agrees=agrees)


def _sentences(passage: Passage, candidate: Candidate) -> Iterator[str]:
    """Those of a passage that are not the candidate's own."""
    end = candidate.start + len(candidate.quote)
    for start, stop in sentence_spans(passage.text):
        own = passage.document_id == candidate.document_id
        if not (own and passage.start + start < end and candidate.start < passage.start + stop):
            yield passage.text[start:stop]


def _holds(candidate: Candidate) -> bool:
    return not candidate.wordings or _says(candidate.quote, candidate)


def _says(text: str, candidate: Candidate) -> bool:
    wordings = candidate.wordings or (candidate.answer,)
    return any(says_wording(text, wording) for wording in wordings)


def _of_its_kind(sentence: str, candidate: Candidate) -> bool:
    """Whether it says a figure of the answer's unit: then it gives another answer."""
    units = {figure.unit for figure in quantities(candidate.answer)}
    return bool(units & {figure.unit for figure in quantities(sentence)})
