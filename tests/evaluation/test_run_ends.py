"""How a run ends that does not end well: a full disk, Ctrl+C before the first answer and later, a spent budget."""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.evaluating import Plan, QuestionFile, begin, evaluations, go_on
from app.evaluation_judging import judge_run
from app.workspace import Workspace, open_workspace
from chains.limits import EXPECTED_OUTPUT_TOKENS, Budget
from evaluation.outcomes import JUDGED
from evaluation.run_store import Run
from tests.evaluation import test_evaluate_command
from tests.evaluation.test_agreement import PRICED, SUPPORTED
from tests.evaluation.test_evaluate_command import ask, connected, document, invoke
from tests.loopback.openai_server import Scripted, serve_openai

questions = test_evaluate_command.questions  # a fixture
ROOT = Path(__file__).parents[2]


def rows(questions: Path, count: int) -> None:
    lines = "".join(f"q{at},How many days in case {at}?,six,,yes,x\n" for at in range(count))
    questions.write_text("id,question,answers,documents,answerable,tags\n" + lines, "utf-8")


# --- a full disk ----------------------------------------------------------------------------------


@contextlib.contextmanager
def full_from(home: Path, answer: int) -> Iterator[None]:
    """From this answer on the disk takes nothing at all."""
    (path,) = (home / "tenants").rglob("evaluations.db")
    refuse = "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
    full = f"(SELECT count(*) FROM outcomes) >= {answer}"
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE TRIGGER no_answer BEFORE INSERT ON outcomes WHEN {full} {refuse}")
        database.execute(f"CREATE TRIGGER no_state BEFORE UPDATE ON runs WHEN {full} {refuse}")
    yield
    with contextlib.closing(sqlite3.connect(path)) as database:
        database.execute("DROP TRIGGER no_answer")
        database.execute("DROP TRIGGER no_state")


@pytest.mark.parametrize("workers", ["1", "3"])
def test_a_full_disk_ends_the_run_in_a_sentence_and_it_goes_on(
    questions: Path, home: Path, workers: str
) -> None:
    rows(questions, 6)
    evaluations(open_workspace())
    with full_from(home, 3):
        error = str(ask(questions, "--modes", "rag", "--workers", workers, status=1).exception)
        (run,) = evaluations(open_workspace()).runs()
        assert "database or disk is full" in error
        assert "make room" in error
        assert (
            f"What was answered before is kept: python -m app evaluate answers --resume {run.id} goes on"
            in error
        )
        assert run.state == "stopped"
        assert len(evaluations(open_workspace()).outcomes(run.id)) == 2
    found = document(invoke("evaluate", "answers", "--resume", run.id, "--json"))
    assert (found["run"]["state"], len(found["outcomes"])) == ("done", 6)


# --- Ctrl+C ---------------------------------------------------------------------------------------


def started(home: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "app", *words],
        cwd=ROOT,
        env=os.environ | {"GROUNDTUNE_HOME": str(home)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("answered", [0, 20])
def test_ctrl_c_ends_a_run_quietly_before_its_first_answer_and_later(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch, answered: int
) -> None:
    rows(questions, 30)
    held, interrupted = threading.Event(), threading.Event()

    def reply(_body: dict[str, Any]) -> Scripted:
        waits = len(server.chat_requests) > answered and not interrupted.is_set()
        if waits:
            held.set()
        return Scripted(text="six", delay_s=1.0 if waits else 0.0)

    with serve_openai(answer=reply) as server:
        connected(monkeypatch, server.url, home)
        words = ("evaluate", "answers", "--questions", str(questions), "--kb", "kb", "--modes", "base")
        child = started(home, *words, "--workers", "1")
        assert held.wait(120)
        child.send_signal(signal.SIGINT)
        out, said = child.communicate(timeout=120)
        interrupted.set()
        (run,) = evaluations(open_workspace()).runs()
        assert (child.returncode, out) == (130, "")
        assert "Traceback" not in said
        assert f"--resume {run.id} goes on" in said
        assert (run.state, len(evaluations(open_workspace()).outcomes(run.id))) == ("stopped", answered)
        before = len(server.chat_requests)
        found = document(invoke("evaluate", "answers", "--resume", run.id, "--json"))
        assert (found["run"]["state"], len(server.chat_requests) - before) == ("done", 30 - answered)


LATE = """
import os, runpy, signal, sys
name = sys.argv.pop(1)
class Interrupts:
    def find_spec(self, found, *_):
        if found == name:
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
sys.argv[1:] = ["evaluate", "runs"]
runpy.run_module("app", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    "module", ["typer", "app.cli.kb", "app.cli.ui", "app.evaluating", "evaluation.run_store"]
)
def test_ctrl_c_while_the_command_line_starts_shows_no_traceback(home: Path, module: str) -> None:
    """Sent while this module is being imported."""
    ended = subprocess.run(
        [sys.executable, "-c", LATE, module], cwd=ROOT, env=os.environ | {"GROUNDTUNE_HOME": str(home)},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "")


# --- money ----------------------------------------------------------------------------------------

IN_USD, OUT_USD = 0.15 / 1e6, 0.60 / 1e6  # a token, as PRICED has it
LONGEST = 1500  # tokens of a reply: three times what is set aside for one


def base_run(questions: Path, workspace: Workspace) -> Run:
    return begin(workspace, Plan(sets=(QuestionFile(path=questions),), modes=("base",), knowledge_base="kb"))


@settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture],
)  # fmt: skip
@example(workers=8, calls=3, lengths=[EXPECTED_OUTPUT_TOKENS] * 24)
@given(
    workers=st.integers(1, 8),
    calls=st.integers(0, 12),
    lengths=st.lists(st.integers(1, LONGEST), min_size=24, max_size=24),
)
def test_no_more_is_overspent_than_the_calls_under_way_can_run_over(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch, workers: int, calls: int, lengths: list[int]
) -> None:
    """`calls`: of how many the money is set aside at most. Answers first, then the judge with what is left."""
    rows(questions, 12)
    limit = calls * (400 * IN_USD + EXPECTED_OUTPUT_TOKENS * OUT_USD)
    left = list(lengths)
    sent_tokens: list[int] = []

    def reply(body: dict[str, Any]) -> Scripted:
        tokens = left.pop()
        sent_tokens.append(tokens)
        judging = "claim" in str(body["messages"])
        return Scripted(text=SUPPORTED if judging else "six", output_tokens=tokens, delay_s=0.01)

    with monkeypatch.context() as here, serve_openai(answer=reply) as server:
        connected(here, server.url, home)
        (home / "prices.toml").write_text(PRICED, "utf-8")
        workspace, budget = open_workspace(), Budget(limit)
        run = base_run(questions, workspace)
        run = go_on(workspace, run, budget=budget, workers=workers, fresh=True)
        judged = judge_run(workspace, run, "openai:gpt-4o-mini", budget=budget, workers=workers)
        outcomes = evaluations(workspace).outcomes(run.id)
        workspace.close()
    sent = [11 * IN_USD + tokens * OUT_USD for tokens in sent_tokens]
    longest = sorted(sent_tokens, reverse=True)[:workers]  # perhaps the last ones under way
    over = sum(max(0, tokens - EXPECTED_OUTPUT_TOKENS) for tokens in longest) * OUT_USD
    assert sum(sent) <= limit + over + 1e-12
    assert budget.spent_usd == pytest.approx(sum(sent))
    told = sum(one.cost_usd or 0.0 for one in outcomes) + judged.facts["judge_cost_usd"]
    assert told == pytest.approx(sum(sent))  # all that was paid is told, nothing twice
    assert len(sent) == len(outcomes) + sum(JUDGED in one.scores for one in outcomes)
    assert (run.state == "out of budget") is (len(outcomes) < 12)
