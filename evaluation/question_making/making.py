"""Questions with known answers made out of a knowledge base's documents, where nobody has written any.

    made = make_questions(base, MakeOptions(limit=50))
    made.questions, made.dropped

Each is grounded (its quote stands in the document, its answer in the quote), names what it asks about, is unlike the
others, and waits for review. Documents take turns, and so do the kinds of questions of each. A fifth of them, where
that many can be made, the documents do not answer. The same documents and seed give the same questions.

Without a chat model the questions keep much of the documents' wording, which makes them easier to find than people's
own: `shared` says how much of it, question by question.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice, zip_longest
from typing import TYPE_CHECKING

from evaluation.question_making.candidates import KINDS, Candidate, candidates, common_words
from evaluation.question_making.checking import Checker, Reason
from evaluation.question_making.missing import Missing, is_told, missing
from evaluation.question_making.rows import UNANSWERABLE, MadeQuestion
from finetune.near_duplicates import folded
from finetune.synthesis.outline import outlined
from finetune.synthesis.surveying import prose_language, surveyed
from loaders.whole_documents import stored_documents

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase
    from loaders.whole_documents import WholeDocument

__all__ = ["Made", "MakeOptions", "make_questions"]

MOST_DOCUMENTS = 400  # that are read: of a large knowledge base a sample
_CODE = re.compile(r"\b[A-Z]\w*[- ]?\d[\w-]*")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
Progress = Callable[[int, int], None]  # questions made, questions wanted
Stop = Callable[[], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeOptions:
    limit: int = 50
    seed: int = 7
    unanswerable: float = 0.2  # share of them, below 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    questions: tuple[MadeQuestion, ...]
    documents: int  # that were read
    candidates: int
    dropped: Mapping[Reason, int]
    languages: Mapping[str, int] = field(
        default_factory=dict
    )  # documents; "other": no statements are turned there

    @property
    def unanswerable(self) -> int:
        return sum(not one.answerable for one in self.questions)

    @property
    def shared(self) -> float:
        """Of the answerable ones: how much of a question's wording its quote has, on average."""
        shares = [one.shared for one in self.questions if one.answerable]
        return sum(shares) / len(shares) if shares else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    candidates: tuple[Candidate, ...]  # in turns
    codes: frozenset[str]
    years: frozenset[str]
    documents: int
    languages: Mapping[str, int]


def make_questions(
    base: KnowledgeBase,
    options: MakeOptions,
    *,
    written: Iterable[Candidate] | None = None,
    by: str = "rules",
    on_progress: Progress = lambda _made, _wanted: None,
    stop: Stop = lambda: False,
) -> Made:
    """`written`: what a chat model (`by`) wrote, in place of the rules; unanswerable ones come from the rules."""
    read = _read(base, options.seed)
    checker, dropped = Checker(base), Counter[Reason]()
    wanted = options.limit - round(options.limit * options.unanswerable)
    source = read.candidates if written is None else written
    made: list[MadeQuestion] = []
    for one in _checked(source, checker, dropped, contested=_contested(read.candidates), by=by):
        made.append(one)
        on_progress(len(made), options.limit)
        if len(made) >= wanted or stop():
            break
    most = len(made) + round(len(made) * options.unanswerable / (1 - options.unanswerable))
    for one in islice(_without_answer(read, base, options.seed, checker, dropped), most - len(made)):
        if stop():
            break
        made.append(one)
        on_progress(len(made), options.limit)
    return Made(
        questions=tuple(made),
        documents=read.documents,
        candidates=len(read.candidates),
        dropped=dropped,
        languages=read.languages,
    )


def _checked(
    source: Iterable[Candidate],
    checker: Checker,
    dropped: Counter[Reason],
    contested: frozenset[str],
    by: str,
) -> Iterator[MadeQuestion]:
    from dataclasses import replace

    for candidate in source:
        found = checker.checked(candidate, contested=folded(candidate.question) in contested)
        if isinstance(found, MadeQuestion):
            yield found if by == "rules" else replace(found, by=by)
        else:
            dropped[found] += 1


def _without_answer(
    read: _Read, base: KnowledgeBase, seed: int, checker: Checker, dropped: Counter[Reason]
) -> Iterator[MadeQuestion]:
    """One of each candidate at most."""
    used: set[tuple[str, str]] = set()
    names: Counter[str] = Counter()
    for one in missing(read.candidates, read.codes, read.years, seed):
        key = (one.candidate.document_id, one.candidate.question)
        if key in used or names[one.name] > 1 or not one.candidate.stands_alone:
            continue
        if is_told(one, base):
            dropped["found_after_all"] += 1
        elif checker.is_new(one.question):
            used.add(key)
            names[one.name] += 1
            yield _unanswerable(one)


def _unanswerable(one: Missing) -> MadeQuestion:
    details = {"from": one.candidate.question, "put_in": one.name, "language": one.candidate.language}
    return MadeQuestion(text=one.question, answerable=False, kind=UNANSWERABLE, details=details)


# --- reading ------------------------------------------------------------------------------------------


def _read(base: KnowledgeBase, seed: int) -> _Read:
    documents = list(_documents(base, seed))
    survey, common = surveyed(documents), common_words(documents)
    piles: list[list[Candidate]] = []
    languages: Counter[str] = Counter()
    for document in documents:
        outline = outlined(document, survey.repeated)
        language = prose_language(outline) or survey.usual
        languages[language or "other"] += 1
        piles.append(_kinds_in_turn(candidates(outline, language, common), seed))
    texts = [document.text for document in documents]
    return _Read(
        candidates=tuple(_in_turn(piles)),
        codes=frozenset(code for text in texts for code in _CODE.findall(text)),
        years=frozenset(year for text in texts for year in _YEAR.findall(text)),
        documents=len(documents),
        languages=languages,
    )


def _documents(base: KnowledgeBase, seed: int) -> Iterator[WholeDocument]:
    known = [one.document_id for one in base.documents()]
    chosen = sorted(known, key=lambda name: _drawn(name, seed))[:MOST_DOCUMENTS]
    return stored_documents(base, chosen if len(known) > MOST_DOCUMENTS else ())


def _kinds_in_turn(found: Iterable[Candidate], seed: int) -> list[Candidate]:
    """Of one document, each kind's in an order that only the seed decides; whoever shares less wording comes first."""
    drawn = sorted(found, key=lambda one: _drawn(one.question, seed))
    return list(_in_turn([[one for one in drawn if one.kind == kind] for kind in KINDS]))


def _in_turn(piles: Sequence[Sequence[Candidate]]) -> Iterator[Candidate]:
    return (one for turn in zip_longest(*piles) for one in turn if one is not None)


def _contested(found: Sequence[Candidate]) -> frozenset[str]:
    """Questions, folded, that documents answer differently."""
    answers: dict[str, set[str]] = {}
    for one in found:
        answers.setdefault(folded(one.question), set()).add(folded(one.answer))
    return frozenset(question for question, said in answers.items() if len(said) > 1)


def _drawn(text: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\x1f{text}".encode()).digest()
