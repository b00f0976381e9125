"""`evaluate answers` and what reads its runs again, on a real workspace and, for chat models, a loopback server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app import evaluating
from app import workspace as workspace_module
from app.__main__ import app
from app.evaluating import Plan, QuestionFile, begin, evaluations, go_on, read_sets
from app.workspace import open_workspace
from errors import GroundtuneError
from evaluation.outcomes import Outcome
from tests.loopback.openai_server import Scripted, serve_openai

LEAVE = "# Leave\n\nEvery employee has six paid days a year to look after a sick child.\n"
QUESTIONS = """id,question,answers,documents,answerable,tags
a,How many paid days are there to look after a sick child?,six|6,leave.md,yes,leave
b,What is the orbital period of Jupiter?,,,no,
c,"=HYPERLINK(""x"") How many paid days?",nothing like this,,yes,odd
"""


@pytest.fixture
def questions(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A knowledge base "kb" of one document, and three questions."""
    (tmp_path / "leave.md").write_text(LEAVE, "utf-8")
    (tmp_path / "q.csv").write_text(QUESTIONS, "utf-8")
    invoke("ingest", str(tmp_path / "leave.md"), "--kb", "kb")
    return tmp_path / "q.csv"


def invoke(*words: str, status: int = 0) -> Result:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, GroundtuneError):  # as app/cli/output.py ends it
        assert status == 1, result.exception
        return result
    assert result.exit_code == status, (result.output, result.exception)
    return result


def ask(questions: Path, *words: str, status: int = 0) -> Result:
    return invoke("evaluate", "answers", "--questions", str(questions), "--kb", "kb", *words, status=status)


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_from_a_file_of_questions_to_four_reports(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "made" / "report.html"
    found = document(ask(questions, "--out", str(out), "--json"))
    assert sorted(path.name for path in out.parent.iterdir()) == [
        f"report.{one}" for one in ("csv", "html", "json", "md")
    ]
    assert found["summary"]["questions"] == 3
    verdicts = {(one["question"], one["mode"]): one["verdict"] for one in found["outcomes"]}
    assert verdicts[("a", "rag")] == "right"
    assert verdicts[("b", "rag")] == "rightly refused"
    assert verdicts[("c", "rag")] in ("wrong", "missed")
    assert set(found["facts"]["not_run"]) == {"base", "finetuned", "hybrid"}
    assert "'=HYPERLINK" in out.with_suffix(".csv").read_text("utf-8")


def test_a_second_run_takes_over_and_a_changed_document_is_asked_again(
    questions: Path, tmp_path: Path
) -> None:
    keys = []
    for text in (LEAVE, LEAVE, LEAVE.replace("six", "nine")):
        (tmp_path / "leave.md").write_text(text, "utf-8")
        invoke("ingest", str(tmp_path / "leave.md"), "--kb", "kb")
        found = document(ask(questions, "--json"))
        keys.append({one["question"]: one for one in found["outcomes"]})
    assert keys[0]["a"]["seconds"] == keys[1]["a"]["seconds"]  # the very answer of the first run
    assert keys[0]["a"]["key"] == keys[1]["a"]["key"] != keys[2]["a"]["key"]
    assert (keys[0]["a"]["verdict"], keys[2]["a"]["verdict"]) == ("right", "wrong")


def test_a_run_is_shown_exported_and_removed_though_its_file_is_gone(questions: Path, tmp_path: Path) -> None:
    name = document(ask(questions, "--json"))["run"]["id"]
    questions.unlink()
    assert name in invoke("evaluate", "runs").stdout
    shown = invoke("evaluate", "show", name, "--out", str(tmp_path / "again.html")).stdout
    assert "RAG answered 2 of 3 questions right" in shown
    assert (tmp_path / "again.md").is_file()
    chosen = ("evaluate", "show", name, "--question", "a", "--mode", "rag")
    (one,) = json.loads(invoke(*chosen, "--json").stdout)
    assert one["answer"]["passages"]
    told = invoke(*chosen).stdout
    for words in (
        "a: How many paid days",
        "Right is: six | 6",
        "Stands in: leave.md",
        "--- RAG: right",
        "Confidence",
    ):
        assert words in told
    out = tmp_path / "rows.jsonl"
    assert "3 rows" in invoke("evaluate", "export", name, "--to", "inspect", "--out", str(out)).stdout
    assert len(out.read_text("utf-8").splitlines()) == 3
    invoke("evaluate", "remove", name)
    assert "No evaluation was run yet" in invoke("evaluate", "runs").stdout
    assert not list((open_workspace().settings.home.value / "tenants").rglob("questions/*.csv"))


@pytest.mark.parametrize(
    ("gate", "status"), [("rag.right>=0.5", 0), ("rag.right>=0.9", 1), ("rag.errors<=0", 0)]
)
def test_a_gate_sets_the_exit_status(questions: Path, gate: str, status: int) -> None:
    result = ask(questions, "--modes", "rag", "--gate", gate, status=status)
    assert ("does not hold" in result.stderr) is bool(status)


def test_a_gate_against_a_stored_run_holds_where_nothing_got_worse(questions: Path) -> None:
    name = document(ask(questions, "--json"))["run"]["id"]
    ask(questions, "--against", name)


@pytest.mark.parametrize(
    ("words", "status"),
    [
        pytest.param(("--modes", "oracle"), 2, id="a mode that is none"),
        pytest.param(("--out", "report.docx"), 2, id="a form that is none"),
        pytest.param(("--gate", "rag is good"), 1, id="a condition that is none"),
        pytest.param(("--gate", "rag.rigt>=0.5"), 1, id="a measure that there is not"),
        pytest.param(
            ("--modes", "rag", "--gate", "hybrid.right>=0.5"), 2, id="a condition on a mode that is not asked"
        ),
        pytest.param(("--against", "run-nothing"), 1, id="a run that there is not"),
        pytest.param(("--modes", "base"), 1, id="no mode that can run"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    questions: Path, words: tuple[str, ...], status: int
) -> None:
    ask(questions, *words, status=status)
    assert not [
        one
        for run in evaluations(open_workspace()).runs()
        for one in evaluations(open_workspace()).outcomes(run.id)
    ]


@pytest.mark.parametrize(
    ("kb", "said"),
    [pytest.param("kc", "There is no knowledge base 'kc'", id="a name misspelt"),
     pytest.param("other", r"do(es)? not hold .*'leave.md'.*choose another knowledge base .*kb", id="another one's")],
)  # fmt: skip
def test_a_wrong_knowledge_base_is_told_and_leaves_no_run(
    questions: Path, tmp_path: Path, kb: str, said: str
) -> None:
    (tmp_path / "tea.md").write_text("Tea is served at four.\n", "utf-8")
    invoke("ingest", str(tmp_path / "tea.md"), "--kb", "other")
    words = ("--questions", str(questions), "--kb", kb, "--modes", "rag")
    assert re.search(said, str(invoke("evaluate", "answers", *words, status=1).exception))
    assert evaluations(open_workspace()).runs() == []


def test_documents_of_some_questions_that_are_not_there_are_told(questions: Path, tmp_path: Path) -> None:
    more = tmp_path / "more.csv"
    more.write_text(questions.read_text("utf-8") + "d,How much?,five,gone.md,yes,odd\n", "utf-8")
    said = ask(more, "--modes", "rag").stderr
    assert (
        "1 questions name documents that the knowledge base 'kb' does not hold (the first: 'gone.md')" in said
    )


def test_another_knowledge_base_needs_questions_of_its_own(questions: Path) -> None:
    assert "sample company" in invoke("evaluate", "answers", "--kb", "kb", status=2).stderr


def test_taught_questions_are_refused(questions: Path, tmp_path: Path) -> None:
    row = {
        "messages": [
            {"role": "user", "content": "How many paid days are there to look after a sick child?"},
            {"role": "assistant", "content": "six"},
        ]
    }
    (tmp_path / "train.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    result = ask(questions, "--training", str(tmp_path / "train.jsonl"), status=1)
    assert "1 of the questions were taught (a)" in str(result.exception)


def test_an_interrupted_run_says_how_to_go_on_and_does(
    questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app.cli import evaluate_answers

    def interrupted(self: object, _outcome: Outcome) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as here:
        here.setattr(evaluate_answers._Counted, "__call__", interrupted)
        said = ask(questions, "--modes", "rag", status=130).stderr
    (run,) = evaluations(open_workspace()).runs()
    assert f"--resume {run.id} goes on" in said
    assert run.state == "stopped"
    found = document(invoke("evaluate", "answers", "--resume", run.id, "--json"))
    assert (found["run"]["state"], found["summary"]["questions"]) == ("done", 3)


@pytest.mark.parametrize(
    "words", [("--modes", "rag"), ("--kb", "kb"), ("--k", "3")], ids=["modes", "knowledge base", "passages"]
)
def test_a_run_goes_on_with_what_it_was_begun_with(questions: Path, words: tuple[str, ...]) -> None:
    run = document(ask(questions, "--modes", "rag", "--json"))["run"]["id"]
    told = invoke("evaluate", "answers", "--resume", run, *words, status=2).stderr
    assert words[0] in told
    assert "begun with" in told


def test_why_the_money_does_not_reach_is_said(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai("six") as server:
        connected(monkeypatch, server.url, home)
        monkeypatch.setenv("GROUNDTUNE_CHAT_MODEL", "compatible:of-no-known-price")
        result = ask(questions, "--modes", "base", "--budget", "1", "--json")
    found = document(result)
    assert found["run"]["state"] == "out of budget"
    assert "no price of" in found["facts"]["spent"]
    assert found["facts"]["spent"] in result.stderr


def test_what_was_taken_over_is_said(questions: Path) -> None:
    ask(questions, "--modes", "rag")
    found = document(ask(questions, "--modes", "rag", "--json"))
    assert [one["taken_over"] for one in found["outcomes"]] == [True] * 3
    assert "3 of 3 answers were taken over from earlier runs" in found["notes"][0]


def test_the_sample_is_what_is_asked_where_nothing_is_said(
    questions: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sets = (QuestionFile(path=questions, name="docs"), QuestionFile(path=questions, name="taught"))
    monkeypatch.setattr(evaluating, "SAMPLE_SETS", sets)
    monkeypatch.setattr(workspace_module, "SAMPLE_DOCUMENTS", questions.parent)
    monkeypatch.setattr(workspace_module.Workspace, "ensure_sample", lambda self, *_: None)
    invoke("ingest", str(questions.parent / "leave.md"), "--kb", "sample")
    result = invoke("evaluate", "answers", "--modes", "rag")
    assert "docs (3)" in result.stdout
    assert "taught (3)" in result.stdout
    assert "6 questions" in result.stderr


# --- with a chat model ----------------------------------------------------------------------------


def connected(monkeypatch: pytest.MonkeyPatch, url: str, home: Path) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", url)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-1234567890abcdef")
    monkeypatch.setenv("GROUNDTUNE_CHAT_MODEL", "openai:gpt-4o-mini")
    if workspace_module._process_workspace is not None:
        workspace_module._process_workspace.close()
    monkeypatch.setattr(workspace_module, "_process_workspace", None)


def test_base_answers_are_counted_with_their_tokens_and_errors_stay(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai("You have six days.", "It takes 12 years.", Scripted(status=400)) as server:
        server.then(Scripted(status=400))
        connected(monkeypatch, server.url, home)
        found = document(ask(questions, "--modes", "base", "--workers", "1", "--json"))
    base = found["summary"]["modes"]["base"]
    assert base["verdicts"] == {"right": 1, "wrong": 1, "rightly refused": 0, "missed": 0, "error": 1}
    assert base["input_tokens"] == 11
    assert [one["tries"] for one in found["outcomes"]] == [1, 1, 2]


def test_a_budget_is_not_passed(questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_openai("six", "six", "six") as server:
        connected(monkeypatch, server.url, home)
        workspace = open_workspace()
        plan = Plan(sets=(QuestionFile(path=questions),), modes=("base",), knowledge_base="kb")
        run = go_on(workspace, begin(workspace, plan), budget=0.0000001, workers=1)
        assert run.state == "out of budget"
        assert len(server.chat_requests) <= 1
        found = go_on(workspace, run, workers=1)
    assert found.state == "done"
    assert len(evaluations(workspace).outcomes(run.id)) == len(read_sets(plan.sets).questions)


@pytest.mark.parametrize(
    ("replies", "status", "said"),
    [
        pytest.param([None] * 3, 1, "All 3 answers are errors: ", id="every one"),
        pytest.param([None, "six", None], 0, "2 of 3 answers are errors: ", id="some"),
        pytest.param(["six"] * 3, 0, "", id="none"),
    ],
)
def test_a_run_without_an_answer_has_failed_and_errors_are_told(
    questions: Path,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    replies: list[str | None],
    status: int,
    said: str,
) -> None:
    refused = Scripted(status=401, error_message="Incorrect API key")
    script = [one for reply in replies for one in ([refused] * 2 if reply is None else [reply])]
    with serve_openai(*script) as server:
        connected(monkeypatch, server.url, home)
        result = ask(questions, "--modes", "base", "--workers", "1", "--json", status=status)
    found = document(result)
    assert (said in result.stderr) if said else ("errors" not in result.stderr)
    assert ("OPENAI_API_KEY" in result.stderr) is bool(said)
    assert (f"--resume {found['run']['id']} asks them again" in result.stderr) is bool(said)
    assert bool(found["failed"]) is bool(status)
