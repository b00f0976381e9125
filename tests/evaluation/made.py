"""Questions, answers and outcomes made by hand, and a chain that answers by a table."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from chains.answer import (
    Answer,
    AnswerEvent,
    Citation,
    Confidence,
    Mode,
    Passage,
    Question,
    Scores,
    TextDelta,
)
from evaluation.judging import GoldPlace, KnownQuestion
from evaluation.outcomes import Outcome, Verdict
from evaluation.run_store import Run
from loaders.location import Location

Said = str | Answer | Exception


def question(name: str = "q1", **change: Any) -> KnownQuestion:
    base = KnownQuestion(
        id=name, text=f"What about {name}?", answerable=True, answers=("six",), documents=(), group=name
    )
    return replace(base, **change)


def citation(document: str, quote: str, marker: int = 1) -> Citation:
    return Citation(
        marker=marker, chunk_id="c", document_id=document, document_name=document.rpartition("/")[2],
        location=Location(), start=0, end=len(quote), quote=quote, verified=True,
    )  # fmt: skip


def passage(document: str, text: str, number: int = 1) -> Passage:
    return Passage(
        chunk_id=f"c{number}", document_id=document, document_name=document, text=text, start=0, end=len(text),
        location=Location(), score=1.0, scores=Scores(fused=1.0),
    )  # fmt: skip


def answer(text: str, mode: Mode = "rag", **change: Any) -> Answer:
    sure = Confidence(value=0.8, level="high", reasons=(), signals={})
    return replace(Answer(text=text, mode=mode, model="local:made", confidence=sure), **change)


def gold(document: str, quote: str = "") -> GoldPlace:
    return GoldPlace(document=document, quote=quote)


def outcome(name: str, mode: Mode = "rag", verdict: Verdict = "right", **change: Any) -> Outcome:
    base = Outcome(
        question=name, mode=mode, verdict=verdict, key=f"{mode}-{name}", text="six", model="local:made",
        confidence=0.8, seconds=0.5, first_text_s=0.1, input_tokens=None, output_tokens=None, cost_usd=0.0,
    )  # fmt: skip
    return replace(base, **change)


def run(modes: Sequence[Mode] = ("rag", "hybrid"), **facts: Any) -> Run:
    told = {
        "modes": list(modes),
        "question_set": "made",
        "command": "python -m app evaluate answers",
        **facts,
    }
    return Run(
        id="run-made", created_at=1_780_000_000.0, changed_at=1_780_000_000.0, state="done", facts=told
    )


class Told:
    """A chain that says what the table has for the question: a text, an answer, or a failure. Counts its calls."""

    def __init__(
        self,
        said: Mapping[str, Said] | Callable[[str], Said],
        mode: Mode = "rag",
        *,
        wait: threading.Event | None = None,
    ) -> None:
        self._said = said if callable(said) else said.__getitem__
        self._mode = mode
        self._wait = wait
        self._lock = threading.Lock()
        self.asked: list[str] = []

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        with self._lock:
            self.asked.append(question.text)
        if self._wait is not None:
            assert self._wait.wait(30)
        found = self._said(question.text)
        if isinstance(found, Exception):
            raise found
        given = answer(found, self._mode) if isinstance(found, str) else found
        yield TextDelta(text=given.text)
        yield given

    def invoke(self, question: Question) -> Answer:
        return [one for one in self.stream(question) if isinstance(one, Answer)][-1]

    def batch(self, questions: Sequence[Question], *, max_concurrency: int = 4) -> list[Answer]:
        return [self.invoke(one) for one in questions]
