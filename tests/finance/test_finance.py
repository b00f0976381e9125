"""Questions as analysts ask them of an annual report: a refusal is right more often than wrong.

The report and its questions are made up. Those that it does not answer ask for another year, another company, a
figure that is not reported, or one that would have to be computed; several are worded as long as in FinanceBench.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from chains.answer import Question
from chains.confidence import calibration
from chains.rag import RagChain
from evaluation.judging import KnownQuestion, is_right
from evaluation.question_files import read_question_set
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder

HERE = Path(__file__).parent
QUESTIONS = read_question_set(HERE / "questions.jsonl").questions


@dataclass(frozen=True, kw_only=True)
class Outcome:
    question: KnownQuestion
    right: bool  # the answer, had it been given
    refused: bool


@pytest.fixture(scope="module")
def outcomes(built_models: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    """By the shipped fit and threshold; answers are looked at whether they would be given or not."""
    encoder = MiniLMEncoder(cache_dir=built_models)
    base = KnowledgeBase.create(tmp_path_factory.mktemp("finance") / "kb", name="Reports", encoder=encoder)
    base.ingest([HERE / "annual_report_2025.md"])
    shipped = calibration()
    chain = RagChain(base, chat_model=None, encoder=encoder, fit=replace(shipped, abstain_below=0.0))
    found = []
    for question in QUESTIONS:
        answer = chain.invoke(Question(text=question.text))
        assert answer.confidence is not None
        refused = answer.abstained or answer.confidence.value < shipped.abstain_below
        found.append(Outcome(question=question, right=is_right(answer, question), refused=refused))
    base.close()
    return found


def test_the_set_is_large_enough_and_of_every_kind() -> None:
    assert sum(question.answerable for question in QUESTIONS) >= 12
    kinds = Counter(question.id[0] for question in QUESTIONS if not question.answerable)
    assert sum(kinds.values()) >= 12
    assert all(kinds[kind] >= 4 for kind in "ycmk")  # year, company, metric, computation


def test_every_accepted_answer_stands_in_the_report() -> None:
    report = (HERE / "annual_report_2025.md").read_text("utf-8")
    for question in QUESTIONS:
        assert not question.answerable or any(one in report for one in question.answers), question.id


def test_refusals_are_right_more_often_than_wrong(outcomes: list[Outcome]) -> None:
    refused = [one for one in outcomes if one.refused]
    wrongly = [one.question.id for one in refused if one.right]
    assert len(refused) >= 10
    assert len(wrongly) < len(refused) / 4, wrongly


def test_most_of_what_the_report_does_not_say_is_refused(outcomes: list[Outcome]) -> None:
    unanswerable = [one for one in outcomes if not one.question.answerable]
    answered = [one.question.id for one in unanswerable if not one.refused]
    assert len(answered) < len(unanswerable) / 2, answered


def test_most_of_what_it_says_is_answered_right(outcomes: list[Outcome]) -> None:
    answerable = [one for one in outcomes if one.question.answerable]
    missed = [one.question.id for one in answerable if one.refused or not one.right]
    assert len(missed) < len(answerable) / 4, missed


@pytest.mark.parametrize("wanted", ["y01", "w01"])
def test_another_year_is_refused_however_it_is_written(outcomes: list[Outcome], wanted: str) -> None:
    assert next(one.refused for one in outcomes if one.question.id == wanted)
