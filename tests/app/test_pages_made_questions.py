"""Questions made from documents, on the page: made as a job, reviewed, asked, and said in the report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.evaluating import content_of_run, evaluations
from app.ui.evaluation_start import MADE
from app.ui.jobs import jobs
from app.workspace import Workspace
from tests.app.test_pages import encoder, words, workspace
from tests.app.test_pages_evaluation import SOON_S, done, evaluated, opened, sound

__all__ = ["encoder", "evaluated", "workspace"]  # fixtures


@pytest.fixture
def made(evaluated: Workspace) -> AppTest:
    """The page with questions made from two documents."""
    app = opened("Start")
    sound(app.radio(key="evaluation_set_True").set_value(MADE).run())
    assert app.button(key="evaluation_go").disabled, "there are none yet"
    sound(app.number_input(key="made_limit").set_value(6).run())
    sound(app.button(key="made_go").click().run())
    for job in jobs().of(f"questions {evaluated.default_knowledge_base}"):
        assert job.wait(SOON_S)
        assert not job.snapshot().error
    return sound(app.run())


def rows_of(workspace: Workspace) -> list[dict[str, Any]]:
    folder = (
        workspace.settings.home.value / "uploads" / "questions" / "made" / workspace.default_knowledge_base
    )
    return [json.loads(line) for line in (folder / "questions.jsonl").read_text("utf-8").splitlines()]


def press(app: AppTest, key: str) -> AppTest:
    return sound(app.button(key=key).click().run())


def test_made_reviewed_asked_and_the_rest_said_in_the_report(made: AppTest, evaluated: Workspace) -> None:
    rows = rows_of(evaluated)
    assert len(rows) >= 2
    assert not any(row["reviewed"] for row in rows)
    assert f"{len(rows)} not read yet" in words(made)
    press(made, "made_kept_0")
    press(made, "made_dropped_1")
    assert [row["reviewed"] for row in rows_of(evaluated)] == [True] + [False] * (len(rows) - 2)
    press(made, "made_undo_step")
    assert len(rows_of(evaluated)) == len(rows), "what was dropped is back"

    press(made, "made_change_1")
    made.text_input(key="made_question_1").set_value("How long may I be away, all in all?")
    made.text_input(key="made_answer_1").set_value("27 days")
    press(made, "made_save_1")
    changed = rows_of(evaluated)[1]
    assert (changed["text"], changed["answer"], changed["reviewed"]) == (
        "How long may I be away, all in all?", "27 days", True,
    )  # fmt: skip
    press(made, "made_undo_step")

    done(press(made, "evaluation_go"))
    (run,) = evaluations(evaluated).runs()
    notes = " ".join(content_of_run(evaluated, run.id).notes)
    assert f"{len(rows) - 1} of {len(rows)} questions were made by a program and not reviewed" in notes


def test_dropping_all_and_an_empty_question_are_said(made: AppTest, evaluated: Workspace) -> None:
    count = len(rows_of(evaluated))
    press(made, "made_change_0")
    made.text_input(key="made_question_0").set_value("  ")
    sound(made.button(key="made_save_0").click().run())
    assert "needs words" in " ".join(str(one.value) for one in made.toast)
    press(made, "made_cancel_0")
    for number in range(count):
        press(made, f"made_dropped_{number}")
    assert "Every question is dropped" in words(made)
    assert made.button(key="evaluation_go").disabled
