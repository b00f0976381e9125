"""A run that has ended, judged by a chat model: within its money, judgement by judgement, killed and gone on with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.evaluating import evaluations
from app.workspace import open_workspace
from evaluation.judged_answers import judgeable
from evaluation.outcomes import JUDGED
from tests.evaluation import test_evaluate_command
from tests.evaluation.made import outcome, question
from tests.evaluation.test_agreement import PRICED, SUPPORTED
from tests.evaluation.test_evaluate_command import ask, connected, document, invoke
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

questions = test_evaluate_command.questions  # a fixture
MINI, OTHER = "openai:gpt-4o-mini", "openai:gpt-4.1-mini"
CALL_USD = (11 * 0.15 + 7 * 0.60) / 1e6  # of one verdict, as the server counts it and PRICED prices it


def served(body: dict[str, Any]) -> str:
    return SUPPORTED if "claim" in str(body["messages"]) else "six"


def judgements(server: LoopbackServer) -> list[str]:
    """The models that were asked for a verdict, in order."""
    return [one.body["model"] for one in server.chat_requests if "claim" in str(one.body["messages"])]


def asked(questions: Path, *words: str) -> str:
    """A run of base mode: a and c can be judged, b has no wanted answer."""
    name: str = document(ask(questions, "--modes", "base", "--workers", "1", "--json", *words))["run"]["id"]
    return name


def judged(name: str) -> dict[str, float | None]:
    return {one.question: one.scores.get(JUDGED) for one in evaluations(open_workspace()).outcomes(name)}


def test_a_run_that_has_ended_is_judged_once(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai(answer=served) as server:
        connected(monkeypatch, server.url, home)
        (home / "prices.toml").write_text(PRICED, "utf-8")
        name = asked(questions)
        told = invoke("evaluate", "judge", name, "--judge", MINI).stdout
        assert f"Judge: {MINI}, 2 answers judged for $0.0000" in told
        found = document(invoke("evaluate", "judge", name, "--json"))  # by the same one, which is known now
        assert judgements(server) == ["gpt-4o-mini"] * 2
    assert judged(name) == {"a": 1.0, "b": None, "c": 1.0}
    assert found["facts"]["judge_cost_usd"] == pytest.approx(2 * CALL_USD)
    assert (found["facts"]["not_judged"], found["run"]["state"]) == (0, "done")


def test_where_no_judge_is_named_the_connected_chat_model_judges(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai(answer=served) as server:
        connected(monkeypatch, server.url, home)
        name = asked(questions)
        found = document(invoke("evaluate", "judge", name, "--json"))
    assert found["facts"]["judge"] == MINI


def test_another_judge_begins_anew_and_nothing_is_mixed(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai(answer=served) as server:
        connected(monkeypatch, server.url, home)
        name = asked(questions, "--judge", MINI)
        server.then(SUPPORTED.replace("supported", "unsupported"), Scripted(status=400))
        invoke("evaluate", "judge", name, "--judge", OTHER, "--workers", "1")
        assert judgements(server) == ["gpt-4o-mini"] * 2 + ["gpt-4.1-mini"] * 2
    assert judged(name) == {"a": 0.0, "b": None, "c": None}  # not the first one's word on c
    assert evaluations(open_workspace()).run(name).facts["judge"] == OTHER


def test_a_judge_that_fails_at_everything_has_failed(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai(answer=served) as server:
        connected(monkeypatch, server.url, home)
        name = asked(questions)
        server.then(Scripted(status=401), Scripted(status=401))
        result = invoke("evaluate", "judge", name, "--workers", "1", status=1)
    assert "2 answers could not be judged: " in result.stderr
    assert "OPENAI_API_KEY" in result.stderr
    assert "Traceback" not in result.stderr


def test_without_a_chat_model_it_is_said_what_to_set(questions: Path) -> None:
    name = document(ask(questions, "--modes", "rag", "--json"))["run"]["id"]
    assert "No chat model is connected" in str(invoke("evaluate", "judge", name, status=1).exception)


def test_the_money_of_the_judge_is_held_and_the_rest_goes_on(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.0006 dollars for a long first verdict leave too little for the second."""
    with serve_openai(answer=served) as server:
        connected(monkeypatch, server.url, home)
        (home / "prices.toml").write_text(PRICED, "utf-8")
        name = asked(questions)
        server.then(Scripted(text=SUPPORTED, output_tokens=1000))
        result = invoke("evaluate", "judge", name, "--budget", "0.0007", "--workers", "1")
        assert len(judgements(server)) == 1
        assert "1 answers are not judged; the run is kept. This evaluation has spent" in result.stderr
        invoke("evaluate", "judge", name, "--budget", "0.0007", "--workers", "1")
        assert len(judgements(server)) == 2
    facts = evaluations(open_workspace()).run(name).facts
    assert facts["judge_cost_usd"] == pytest.approx((11 * 0.15 + 1000 * 0.60) / 1e6 + CALL_USD)
    assert judged(name)["c"] == 1.0


def test_only_given_answers_with_a_wanted_one_are_judged() -> None:
    outcomes = [
        outcome("a"),
        outcome("b", verdict="missed"),
        outcome("c", scores={JUDGED: 0.0}),
        outcome("d"),
    ]
    known = {one: question(one, answers=() if one == "d" else ("six",)) for one in "abcd"}
    assert [one.question for one in judgeable(known, outcomes)] == ["a"]


WORKERS = 3
MANY = 40


def test_a_killed_judge_goes_on_and_pays_twice_for_no_more_than_was_under_way(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = "".join(f"q{at},How many days in case {at}?,six,,yes,x\n" for at in range(MANY))
    questions.write_text("id,question,answers,documents,answerable,tags\n" + rows, "utf-8")
    slow = Scripted(text=SUPPORTED, delay_s=0.05)
    with serve_openai(answer=lambda body: slow if "claim" in str(body["messages"]) else "six") as server:
        connected(monkeypatch, server.url, home)
        (home / "prices.toml").write_text(PRICED, "utf-8")
        name = asked(questions)
        command = ["-m", "app", "evaluate", "judge", name, "--judge", MINI, "--workers", str(WORKERS)]
        child = subprocess.Popen(
            [sys.executable, *command],
            cwd=Path(__file__).parents[2],
            env=os.environ | {"GROUNDTUNE_HOME": str(home)},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert child.stderr is not None
        assert "20 answers judged" in child.stderr.readline()
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=60)
        kept = sum(one is not None for one in judged(name).values())
        before = evaluations(open_workspace()).run(name).facts
        assert 20 <= kept < MANY
        assert before["not_judged"] in (MANY - kept, MANY - kept + 1)  # killed between the two lines of one
        assert before["judge_cost_usd"] == pytest.approx(CALL_USD * (MANY - before["not_judged"]))
        asked_before = len(judgements(server))
        assert asked_before - kept <= WORKERS
        invoke(*command[2:])
        assert len(judgements(server)) - asked_before == MANY - kept
    assert json.dumps(judged(name)).count("1.0") == MANY
