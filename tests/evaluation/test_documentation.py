"""docs/evaluation.md says what is there: every measure, options that exist, question files that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app.__main__ import app
from evaluation.gate import parsed
from evaluation.measures import measures_of
from evaluation.question_files import read_question_set
from tests.evaluation.test_measures import GRADED, whole

PAGE = (Path(__file__).parents[2] / "docs" / "evaluation.md").read_text("utf-8")


def block(kind: str) -> str:
    found = re.search(rf"```{kind}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize(("kind", "suffix", "questions"), [("csv", ".csv", 2), ("json", ".jsonl", 1)])
def test_the_files_shown_can_be_read(tmp_path: Path, kind: str, suffix: str, questions: int) -> None:
    path = tmp_path / f"questions{suffix}"
    path.write_text(block(kind), "utf-8")
    found = read_question_set(path)
    assert (len(found.questions), found.refused) == (questions, ())
    assert found.questions[0].gold[0].quote == "six paid days a year"
    assert found.questions[0].answers == ("six", "6 days")
    assert found.questions[-1].answerable is (questions == 1)


def test_every_measure_is_told_and_no_other() -> None:
    table = PAGE.split("## Measures")[1].split("## What it is worth")[0]
    cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    told = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    there = {name for name in measures_of(whole().modes["rag"]) if not name.endswith(("_low", "_high"))}
    assert told == there
    assert set(GRADED) <= told


def test_every_option_named_exists() -> None:
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", PAGE))
    told = "".join(
        CliRunner().invoke(app, ["evaluate", command, "--help"]).stdout
        for command in ("answers", "show", "judge", "export", "agreement", "confidence", "questions")
    )
    assert len(named) >= 10
    assert named <= set(re.findall(r"--[a-z][a-z-]+", told))


def test_the_conditions_shown_can_be_read() -> None:
    shown = [*re.findall(r'--gate "([^"]+)"', PAGE), "rag.right_low>=0.6"]
    assert [parsed(one).mode for one in shown] == ["rag"] * len(shown)
