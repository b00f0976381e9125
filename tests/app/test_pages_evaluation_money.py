"""Evaluation, on the page, where models cost and fail: a judge, a spent budget, a failing server, what was taught."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app import workspace as workspace_module
from app.evaluating import evaluations
from app.evaluation_leaks import taught_here
from app.settings import load_settings
from app.ui.evaluation_session import WORK
from app.ui.jobs import jobs
from app.workspace import Workspace
from evaluation.judging import KnownQuestion
from tests.app.test_pages import encoder, words, workspace
from tests.app.test_pages_evaluation import SOON_S, done, evaluated, opened, run_one, sound
from tests.evaluation.made import question
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

__all__ = ["encoder", "evaluated", "workspace"]  # fixtures
Served = Callable[[dict[str, Any]], Scripted | str]


def said(body: dict[str, Any]) -> str:
    """A judge's verdict where one is asked for, else an answer."""
    judging = "claim" in str(body["messages"])
    return '[{"claim": 1, "verdict": "supported", "score": 0.9}]' if judging else "27 days [1]."


@pytest.fixture
def connected(
    evaluated: Workspace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[LoopbackServer], Workspace]]:
    """The same home, with a chat model on this machine that has a price."""
    made: list[Workspace] = []

    def connect(server: LoopbackServer) -> Workspace:
        given = {
            "GROUNDTUNE_HOME": str(evaluated.settings.home.value),
            "OPENAI_BASE_URL": server.url,
            "OPENAI_API_KEY": "sk-test-1234567890abcdef",
            "GROUNDTUNE_CHAT_MODEL": "openai:gpt-4o-mini",
        }
        workspace = Workspace(load_settings(given, dotenv_path=None))
        workspace.__dict__["_built_encoder"] = evaluated.encoder
        monkeypatch.setattr(workspace_module, "_process_workspace", workspace)
        made.append(workspace)
        return workspace

    yield connect
    for one in made:
        one.close()


def only(app: AppTest, *modes: str) -> AppTest:
    for box in app.checkbox:
        if (box.key or "").startswith("evaluation_") and box.key != "evaluation_fresh" and not box.disabled:
            box.set_value((box.key or "").split("_")[1] in modes)
    return sound(app.run())


def test_without_a_model_that_costs_no_money_is_asked_for(evaluated: Workspace) -> None:
    app = opened("Start")
    assert "evaluation_budget" not in {one.key for one in app.number_input}
    assert "evaluation_judge" not in {one.key for one in app.text_input}


def test_a_judge_judges_after_the_run_and_is_named(
    connected: Callable[[LoopbackServer], Workspace],
) -> None:
    with serve_openai(answer=said) as server:
        workspace = connected(server)
        app = only(opened("Start"), "base")
        app.text_input(key="evaluation_judge").set_value("openai:gpt-4.1-mini").run()
        done(app.button(key="evaluation_go").click().run())
        (run,) = evaluations(workspace).runs()
    assert (run.state, run.facts["judge"]) == ("done", "openai:gpt-4.1-mini")
    assert {one.body["model"] for one in server.chat_requests} == {"gpt-4o-mini", "gpt-4.1-mini"}
    assert run.facts["not_judged"] == 0
    assert "openai:gpt-4.1-mini" in words(app)


def test_a_run_that_has_ended_is_judged_where_a_chat_model_is_connected(
    evaluated: Workspace, connected: Callable[[LoopbackServer], Workspace]
) -> None:
    name = run_one(evaluated)
    app = sound(opened().button(key=f"open_{name}").click().run())
    assert "evaluation_judge_go" not in {one.key for one in app.button}
    with serve_openai(answer=said) as server:
        workspace = connected(server)
        app = sound(opened().button(key=f"open_{name}").click().run())
        app.text_input(key="evaluation_judge_named").set_value("nonsense:<b>").run()
        sound(app.button(key="evaluation_judge_go").click().run())
        assert [one.value for one in app.toast]
        assert server.chat_requests == []
        app.text_input(key="evaluation_judge_named").set_value("").run()
        done(app.button(key="evaluation_judge_go").click().run())
        assert "Judge: openai:gpt-4o-mini" in words(app)
        asked = len(server.chat_requests)
        done(app.button(key="evaluation_judge_go").click().run())
        assert len(server.chat_requests) == asked > 0  # nothing is judged twice
    facts = evaluations(workspace).run(name).facts
    assert (facts["judge"], facts["not_judged"]) == ("openai:gpt-4o-mini", 0)


def test_a_judge_that_cannot_judge_is_told_before_anything_is_asked(
    connected: Callable[[LoopbackServer], Workspace],
) -> None:
    with serve_openai(answer=said) as server:
        workspace = connected(server)
        app = only(opened("Start"), "base")
        app.text_input(key="evaluation_judge").set_value("nonsense:<b>").run()
        sound(app.button(key="evaluation_go").click().run())
        assert [one.value for one in app.toast]
        assert evaluations(workspace).runs() == []
        assert server.chat_requests == []


def test_a_spent_budget_keeps_what_was_answered_and_more_money_goes_on(
    connected: Callable[[LoopbackServer], Workspace],
) -> None:
    with serve_openai(answer=said) as server:
        workspace = connected(server)
        app = only(opened("Start"), "base")
        app.number_input(key="evaluation_budget").set_value(0.0).run()
        done(app.button(key="evaluation_go").click().run())
        (run,) = evaluations(workspace).runs()
        assert run.state == "out of budget"
        assert "This run is out of budget: what was answered is kept" in words(app)
        assert app.number_input(key="evaluation_more").value is None  # as the settings say: without a limit
        done(app.button(key="evaluation_resume").click().run())
        assert evaluations(workspace).run(run.id).state == "done"


def test_a_failing_server_is_an_outcome_not_the_end(
    connected: Callable[[LoopbackServer], Workspace],
) -> None:
    with serve_openai(answer=lambda _: Scripted(status=400, error_message="no <b>such</b> thing")) as server:
        workspace = connected(server)
        app = only(opened("Start"), "base")
        app.button(key="evaluation_go").click().run()
        for job in jobs().of(WORK):
            assert job.wait(SOON_S)
        app.run()
        assert not app.exception
        assert "<b>" not in "".join(str(one.value) for one in app.error)
        (run,) = evaluations(workspace).runs()
    assert run.state == "done"
    verdicts = {one.mode: one.verdict for one in evaluations(workspace).outcomes(run.id)}
    assert verdicts["base"] == "error"


# --- what was taught -----------------------------------------------------------------------------------

TAUGHT = '{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "27"}]}\n'


@pytest.fixture
def trained(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """With a tuned model whose rows are known to hold the set's first question."""
    rows = tmp_path / "train.jsonl"
    rows.write_text(TAUGHT % "How many days of paid annual leave are there a year?", "utf-8")
    settings = load_settings({"GROUNDTUNE_HOME": str(workspace.settings.home.value)}, dotenv_path=None)
    named = replace(settings.finetuned_model, value="local:ft:one", origin="command line")
    workspace.connections.settings = replace(settings, finetuned_model=named)
    monkeypatch.setattr(type(workspace.local_models), "training_file", lambda _self, _name: rows)
    return workspace


@pytest.mark.parametrize(
    ("modes", "text", "taught"),
    [
        pytest.param(
            ("finetuned",), "How many days of paid annual leave are there a year?", True, id="the same"
        ),
        pytest.param(
            ("rag", "hybrid"),
            "how many days of paid annual leave are there a year",
            True,
            id="hybrid learns too",
        ),
        pytest.param(
            ("rag", "base"),
            "How many days of paid annual leave are there a year?",
            False,
            id="no mode learns",
        ),
        pytest.param(("finetuned",), "What is paid for a hotel in Lisbon?", False, id="another question"),
    ],
)
def test_a_taught_question_is_found_in_the_models_own_rows(
    trained: Workspace, modes: Any, text: str, taught: bool
) -> None:
    asked: list[KnownQuestion] = [question("a", text=text)]
    found = taught_here(trained, modes, asked)
    assert (found is not None) is taught
    if found is not None:
        assert "1 of 1 questions was taught to 'local:ft:one'" in found.sentence
