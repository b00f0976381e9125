"""Cost figures of one's own: from the command line into the run, its report, and its command again."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.evaluating import evaluations
from app.workspace import open_workspace
from tests.evaluation.test_evaluate_command import ask, document, invoke, questions

__all__ = ["questions"]  # a fixture


def test_figures_stand_in_the_report_and_in_the_command(questions: Path) -> None:
    found = document(
        ask(questions, "--modes", "rag", "--cost", "cost_wrong=40", "--cost", "saving=2", "--json")
    )
    assert found["worth"]["workload"]["cost_wrong"] == 40.0
    assert found["facts"]["costs"] == {"cost_wrong": 40.0, "saving": 2.0}
    assert found["facts"]["command"].endswith("--kb kb --cost cost_wrong=40 --cost saving=2")
    again = document(invoke("evaluate", "show", found["run"]["id"], "--cost", "cost_wrong=5", "--json"))
    assert (again["worth"]["workload"]["cost_wrong"], again["worth"]["workload"]["saving"]) == (5.0, 2.0)
    assert again["measures"]["rag"]["right"] == found["measures"]["rag"]["right"]


@pytest.mark.parametrize(
    ("figure", "status", "said"),
    [
        pytest.param("beauty=1", 1, "no cost figure 'beauty'", id="a figure that there is not"),
        pytest.param("saving=much", 1, "saving cannot be 'much'", id="no number"),
        pytest.param("saving", 2, "write NAME=VALUE", id="no value"),
    ],
)
def test_a_figure_that_is_none_is_found_before_anything_is_asked(
    questions: Path, figure: str, status: int, said: str
) -> None:
    result = ask(questions, "--modes", "rag", "--cost", figure, status=status)
    assert said in f"{result.exception} {result.stderr}"
    assert evaluations(open_workspace()).runs() == []


@pytest.mark.parametrize(
    ("gate", "status"), [("rag.net_per_1000>=-100000", 0), ("rag.accuracy_needed<=0.1", 1)]
)
def test_money_is_gated_by_the_figures_given(questions: Path, gate: str, status: int) -> None:
    result = ask(questions, "--modes", "rag", "--cost", "cost_wrong=10", "--gate", gate, status=status)
    assert ("does not hold" in result.stderr) is bool(status)
