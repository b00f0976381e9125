"""Which questions count as one draw: documents, until there are too few of them to speak for others."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evaluation.grouping import FEWEST, documents_given, in_groups
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome
from evaluation.reports.verdict import verdict_of
from evaluation.statistics import compare, holm
from evaluation.summary import summarise
from tests.evaluation.made import outcome, question


def on_documents(questions: int, documents: int) -> list[KnownQuestion]:
    return [replace(question(f"q{at}"), group=f"d{at % documents}") for at in range(questions)]


def answers(questions: int) -> list[Outcome]:
    """RAG right on nine of ten, the fine-tuned model on one of ten."""
    return [
        outcome(f"q{at}", mode, "right" if (at % 10 > 0) == (mode == "rag") else "wrong")
        for at in range(questions)
        for mode in ("rag", "finetuned")
    ]


@pytest.mark.parametrize(
    ("questions", "documents", "given"),
    [
        pytest.param(30, 3, True, id="a company with three documents"),
        pytest.param(30, FEWEST - 1, True, id="one too few"),
        pytest.param(30, FEWEST, False, id="enough"),
        pytest.param(5, 5, False, id="few questions, each on its own document"),
        pytest.param(0, 1, False, id="none"),
    ],
)
def test_few_documents_are_taken_as_they_are(questions: int, documents: int, given: bool) -> None:
    asked = on_documents(questions, documents)
    assert documents_given(asked) is given
    alone = len({one.group for one in in_groups(asked)})
    assert alone == (questions if given else min(questions, documents))


def test_a_mode_that_is_far_better_on_three_documents_is_told_so_and_for_these_alone() -> None:
    found = summarise(on_documents(30, 3), answers(30), ["rag", "finetuned"])
    assert (found.groups, found.documents_given, found.ties) == (3, True, ())
    assert found.modes["finetuned"].right.high < 0.35
    verdict = verdict_of(found)
    assert verdict.strength == "clear"
    assert "on 3 documents or topics (too few to speak for others)" in verdict.sentences[2]


def test_with_fewer_documents_a_test_of_documents_shows_nothing_whatever_comes() -> None:
    """Why the bound stands where it does: six pairs of modes, the best right on all, the other on none."""
    for documents, can_be_shown in ((FEWEST - 1, False), (FEWEST, True)):
        groups = list(range(documents)) * 5
        p = compare([True] * len(groups), [False] * len(groups), groups).p
        assert (holm(dict.fromkeys(range(6), p))[0] < 0.05) is can_be_shown
