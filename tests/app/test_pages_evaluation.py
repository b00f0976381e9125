"""Evaluation, on the page: starting, progress that survives a reload, results to one answer, history, comparing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import evaluating
from app.evaluating import Plan, QuestionFile, begin, evaluations, go_on
from app.ui import evaluation_start
from app.ui.evaluation_session import WORK
from app.ui.jobs import jobs
from app.workspace import Workspace
from chains.rag import RagChain
from tests.app.test_pages import SHELL, assert_sound, drawn_text, encoder, words, workspace

__all__ = ["encoder", "workspace"]  # fixtures
PAGE = "../pages/evaluation.py"
SOON_S = 120.0
QUESTIONS = (
    "id,question,answers,answerable,tags\n"
    "a,How many days of paid annual leave are there a year?,27,yes,leave\n"
    "b,What is the orbital period of Jupiter?,,no,space\n"
    "c,<b>How much</b> is paid for a hotel in Lisbon?,150,yes,[x](y)\n"
)


@pytest.fixture
def evaluated(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    (tmp_path / "sample.csv").write_text(QUESTIONS, "utf-8")
    sets = (QuestionFile(path=tmp_path / "sample.csv", name="made"),)
    monkeypatch.setattr(evaluating, "SAMPLE_SETS", sets)
    monkeypatch.setattr(evaluation_start, "SAMPLE_SETS", sets)
    jobs.cache_clear()
    yield workspace


def opened(part: str | None = None) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=60).run()
    app.switch_page(PAGE).run()
    return show(app, part) if part else sound(app)


def show(app: AppTest, part: str) -> AppTest:
    app.session_state["evaluation_view"] = part
    return sound(app.run())


def sound(app: AppTest) -> AppTest:
    assert_sound(app)
    return app


def done(app: AppTest) -> AppTest:
    for job in jobs().of(WORK):
        assert job.wait(SOON_S)
    return sound(app.run())


def run_one(workspace: Workspace) -> str:
    plan = Plan(sets=evaluating.SAMPLE_SETS, modes=("rag",), knowledge_base=workspace.default_knowledge_base)
    return go_on(workspace, begin(workspace, plan)).id


def test_from_nothing_to_a_verdict_in_two_clicks(evaluated: Workspace) -> None:
    app = opened()
    assert "3 questions, 1 of them without an answer" in words(app)
    assert app.checkbox(key="evaluation_base_False").disabled
    done(app.button(key="evaluation_go").click().run())
    text = "\n".join(str(one.value) for one in (*app.success, *app.warning)).replace("\\", "")
    assert "RAG answered 2 of 3 questions right" in text
    assert [one.label for one in app.download_button] == ["HTML", "Markdown", "JSON", "CSV"]
    (run,) = evaluations(evaluated).runs()
    assert run.id in app.query_params["e"]


def test_an_answer_is_opened_down_to_why(evaluated: Workspace) -> None:
    name = run_one(evaluated)
    app = opened()
    sound(app.button(key=f"open_{name}").click().run())
    sound(app.selectbox(key="evaluation_question").set_value("a").run())
    assert "27 days" in drawn_text(app)
    assert "Wanted: 27" in words(app)
    sound(app.button(key=f"why_{name}_rag_a").click().run())
    assert "Answered by" in words(app)


@pytest.mark.parametrize(
    ("which", "tag", "left"),
    [
        ("All questions", "any", ["a", "b", "c"]),
        ("All questions", "not in the documents", ["b"]),
        ("All questions", "leave", ["a"]),
        ("Where the modes differ", "any", []),
    ],
)
def test_answers_are_filtered(evaluated: Workspace, which: str, tag: str, left: list[str]) -> None:
    name = run_one(evaluated)
    app = opened()
    app.button(key=f"open_{name}").click().run()
    app.selectbox(key="evaluation_which").set_value(which)
    app.selectbox(key="evaluation_tag").set_value(tag)
    sound(app.run())
    names = {one.key: one.options for one in app.selectbox}.get("evaluation_question", [])
    assert [str(one).partition(" · ")[0] for one in names] == left


def test_a_run_goes_on_without_its_page_and_is_stopped_by_its_button(
    evaluated: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    stream = RagChain.stream

    def held(self: RagChain, question: object) -> object:
        assert gate.wait(SOON_S)
        return stream(self, question)  # type: ignore[arg-type]

    monkeypatch.setattr(RagChain, "stream", held)
    app = opened("Start")
    sound(app.button(key="evaluation_go").click().run())
    (run,) = evaluations(evaluated).runs()
    again = opened()  # another window, or the same after a reload
    sound(again.button(key=f"open_{run.id}").click().run())
    assert "the run goes on" in words(again)
    (job,) = jobs().of(WORK)
    sound(again.button(key=f"stop_{job.key}").click().run())
    gate.set()
    done(again)
    assert evaluations(evaluated).run(run.id).state == "stopped"
    again.button(key="evaluation_resume").click().run()
    done(again)
    assert evaluations(evaluated).run(run.id).state == "done"


def test_a_file_of_ones_own_is_read_before_it_is_asked(evaluated: Workspace) -> None:
    app = opened("Start")
    sound(app.radio(key="evaluation_set_True").set_value("A file of mine").run())
    assert app.button(key="evaluation_go").disabled
    rows = f"{QUESTIONS}d,,six,yes,\n"
    sound(app.file_uploader(key="evaluation_upload").upload("mine.csv", rows.encode(), "text/csv").run())
    assert "3 questions" in words(app)
    assert "Left out" in words(app)
    done(app.button(key="evaluation_go").click().run())
    assert evaluations(evaluated).runs()[0].facts["question_set"] == "mine"


def test_a_file_without_questions_is_told(evaluated: Workspace) -> None:
    app = opened("Start")
    app.radio(key="evaluation_set_True").set_value("A file of mine").run()
    app.file_uploader(key="evaluation_upload").upload("x.csv", b"animal,sound\ncat,meow\n", "text/csv").run()
    assert not app.exception
    assert "no column of questions" in str(app.error[0].value).replace("\\", "")
    assert app.button(key="evaluation_go").disabled


def test_the_samples_documents_are_loaded_where_nobody_asked_them_yet(evaluated: Workspace) -> None:
    evaluated.remove_knowledge_base(evaluated.default_knowledge_base)
    app = opened("Start")
    done(app.button(key="evaluation_go").click().run())
    assert [run.state for run in evaluations(evaluated).runs()] == ["done"]


def test_two_runs_are_compared(evaluated: Workspace) -> None:
    assert "Two runs are needed" in words(opened("Compare"))
    run_one(evaluated)
    run_one(evaluated)
    assert "no difference shown" in drawn_text(opened("Compare"))


def test_a_removed_run_is_gone_from_the_list(evaluated: Workspace) -> None:
    name = run_one(evaluated)
    app = opened()
    app.button(key=f"open_{name}").click().run()
    sound(app.button(key="evaluation_remove").click().run())
    assert evaluations(evaluated).runs() == []
    assert "Nothing was evaluated yet" in words(app)


def test_a_run_that_is_no_longer_kept_is_said(evaluated: Workspace) -> None:
    app = opened("Runs")
    app.session_state["evaluation_run"] = "run-nothing"
    sound(app.run())
    assert "no longer kept" in words(app)


def test_a_run_broken_off_with_its_process_can_go_on(evaluated: Workspace) -> None:
    plan = Plan(sets=evaluating.SAMPLE_SETS, modes=("rag",), knowledge_base=evaluated.default_knowledge_base)
    name = begin(evaluated, plan).id
    app = opened("Runs")
    sound(app.button(key=f"open_{name}").click().run())
    assert "This run is stopped" in words(app)
    app.button(key="evaluation_resume").click().run()
    done(app)
    assert evaluations(evaluated).run(name).state == "done"
