"""python -m app advise: answers from options, a file or the keyboard, evidence from a run, one recommendation."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner, Result

from app.__main__ import app
from app.advising import levels_of, newest_evidence, read_answers, write_answers
from app.cli import advise_questions
from app.evaluating import Plan, QuestionFile, begin, evaluations
from app.workspace import open_workspace
from chains.answer import Mode
from errors import EvaluationNotFoundError, SettingsError
from evaluation.advice.factors import framework
from evaluation.outcomes import Outcome

QUESTIONS = 40
KNOWLEDGE = "asked"


def advise(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["advise", *map(str, arguments)], catch_exceptions=False)


def told(*arguments: object) -> dict[str, Any]:
    ran = advise(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    read: dict[str, Any] = json.loads(ran.stdout)
    return read


def measured_run(tmp_path: Path, right: dict[Mode, int]) -> str:
    """A run of so many questions as it would stand in the store; its id."""
    rows = [
        {"_id": f"q{number}", "text": f"Question {number}?", "answer": "yes"} for number in range(QUESTIONS)
    ]
    path = tmp_path / "asked.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    workspace = open_workspace()
    if not workspace.has_knowledge_base(KNOWLEDGE):
        workspace.create_knowledge_base(KNOWLEDGE)
    store = evaluations(workspace)
    run = begin(
        workspace, Plan(sets=(QuestionFile(path=path),), modes=tuple(right), knowledge_base=KNOWLEDGE)
    )
    for mode, rights in right.items():
        for number in range(QUESTIONS):
            store.put(run.id, _outcome(f"q{number}", mode, right=number < rights))
    store.finish(run, "done")
    return run.id


def _outcome(question: str, mode: Mode, *, right: bool) -> Outcome:
    return Outcome(
        question=question, mode=mode, verdict="right" if right else "wrong", key=f"{question} {mode}", text="yes",
        model="local:embedded", confidence=None, seconds=0.5, first_text_s=None, input_tokens=None,
        output_tokens=None, cost_usd=0.0,
    )  # fmt: skip


def test_answers_lead_to_one_sentence_with_reasons_sources_flips_and_money(home: Path) -> None:
    said = advise("--set", "volatility=4", "--set", "attribution=always, it is required").stdout
    assert said.startswith("Choose RAG (lean)")
    for part in ("For RAG: volatility", "Points by factor", "Sources", "arXiv", "Ruled out", "Only a mode that reads",
                 "What would change", "Costs at", "When it pays", "Fine-tuned against RAG"):  # fmt: skip
        assert part in said


def test_json_holds_the_whole_advice(home: Path) -> None:
    found = told("--set", "style=4", "--set", "data=4", "--cost", "questions=20000")
    assert (found["pick"], found["standing"]) == ("finetuned", "not measured")
    assert found["workload"]["questions"] == 20_000
    assert set(found["questionnaire"]["by_factor"]) == {factor.name for factor in framework().factors}
    assert {one["mode"] for one in found["costs"]} == {"base", "rag", "finetuned", "hybrid"}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "answers.toml",
            'volatility = 4\nprivate = "all of it"\nstyle = "unknown"\n[costs]\nquestions = 300\n',
        ),
        (
            "answers.json",
            '{"volatility": 4, "private": "all of it", "style": null, "costs": {"questions": 300}}',
        ),
    ],
)
def test_answers_come_from_a_file_and_an_option_wins(
    home: Path, tmp_path: Path, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text, "utf-8")
    found = told("--answers", path, "--set", "volatility=3")
    assert found["questionnaire"]["levels"] == {"volatility": 3, "private": 4}
    assert found["workload"]["questions"] == 300


@pytest.mark.parametrize(
    "text",
    ["volatility = ", "[1, 2]", "costs = 3", '{"a": ', "\x00"],
    ids=["half", "list", "costs", "json", "zero"],
)
@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_file_that_is_no_answers_is_refused_in_a_sentence(tmp_path: Path, text: str, suffix: str) -> None:
    path = tmp_path / f"answers{suffix}"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=path.name):
        read_answers(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"gone\.toml"):
        read_answers(tmp_path / "gone.toml")


def test_what_is_not_known_is_left_out() -> None:
    assert levels_of({"volatility": "?", "style": "Unknown", "size": None, "data": "3"}) == {"data": 3}


@pytest.mark.parametrize(
    ("arguments", "status"),
    [(("--set", "volatility"), 2), (("--out", "advice.pdf"), 2)],
    ids=["no value", "no such form"],
)
def test_wrong_usage_is_status_two(home: Path, arguments: tuple[str, ...], status: int) -> None:
    assert advise(*arguments).exit_code == status


@pytest.mark.parametrize(
    "arguments", [("--set", "weather=1"), ("--set", "volatility=9"), ("--cost", "questions=x")]
)
def test_what_cannot_be_used_is_a_sentence(home: Path, arguments: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError):
        advise(*arguments)


def test_the_newest_run_outweighs_the_answers_and_none_leaves_it_out(home: Path, tmp_path: Path) -> None:
    measured_run(tmp_path, {"rag": 38, "base": 2})
    newest = measured_run(tmp_path, {"rag": 10, "hybrid": 38})
    found = told("--set", "volatility=4")
    assert (found["pick"], found["standing"], found["run"]) == ("hybrid", "contradiction", newest)
    said = advise("--set", "volatility=4").stdout
    assert "contradicts" in said
    assert "For RAG: volatility" in said  # what the answers speak for, and not what was measured best
    alone = told("--set", "volatility=4", "--run", "none")
    assert (alone["pick"], alone["standing"], alone["run"]) == ("rag", "not measured", None)


def test_a_run_is_named_by_its_id(home: Path, tmp_path: Path) -> None:
    first = measured_run(tmp_path, {"rag": 38, "base": 2})
    measured_run(tmp_path, {"rag": 2, "base": 38})
    assert told("--run", first)["pick"] == "rag"
    with pytest.raises(EvaluationNotFoundError):
        advise("--run", "run-of-nobody")


def test_a_run_whose_questions_are_gone_is_said_and_an_older_one_counts(home: Path, tmp_path: Path) -> None:
    older = measured_run(tmp_path, {"rag": 38, "base": 2})
    workspace = open_workspace()
    broken = evaluations(workspace).begin(
        {"modes": ["rag", "base"], "question_files": [{"kept": "gone.jsonl", "name": "gone"}]}
    )
    found, problem = newest_evidence(workspace)
    assert found is not None and found.run == older
    assert problem is not None and broken.id in problem


@pytest.mark.parametrize(
    ("name", "begins"), [("advice.md", "# Which mode"), ("advice.html", "<!doctype html>")]
)
def test_the_advice_is_written(home: Path, tmp_path: Path, name: str, begins: str) -> None:
    ran = advise("--set", "volatility=4", "--out", tmp_path / name)
    assert f"written: {tmp_path / name}" in ran.stdout
    assert (tmp_path / name).read_text("utf-8").startswith(begins)


def test_on_a_terminal_it_asks_and_takes_only_what_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    typed = iter(["4", "", "nine", "2", "?", "q"])
    monkeypatch.setattr(typer, "prompt", lambda *_, **__: next(typed))
    first, _, third, *_ = (factor.name for factor in framework().factors)
    assert advise_questions.ask_levels() == {first: 4, third: 2}


def test_with_no_answer_and_no_terminal_it_says_what_to_do(home: Path) -> None:
    said = advise().stdout
    assert "no question is answered" in said
    assert "--set" in said


# --- on a terminal ----------------------------------------------------------------------------------


def on_a_terminal(home: Path, typed: bytes, *arguments: object) -> tuple[int, str]:
    """A real process on a pseudo-terminal: exit status and all that was shown."""
    import pty  # POSIX alone has it

    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "app", "advise", *map(str, arguments)]
    environment = {**os.environ, "GROUNDTUNE_HOME": str(home), "TERM": "dumb", "COLUMNS": "200"}
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, env=environment, start_new_session=True
    ) as process:
        os.close(follower)
        os.write(leader, typed)
        shown = b"".join(iter(lambda: _read(leader), b""))
        status = process.wait(timeout=60)
    os.close(leader)
    return status, shown.decode("utf-8", "replace")


def _read(leader: int) -> bytes:
    try:
        return os.read(leader, 65536)
    except OSError:  # the other end is closed: Linux says EIO
        return b""


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_a_terminal_is_asked_and_the_end_of_input_ends_the_questions(home: Path, tmp_path: Path) -> None:
    saved = tmp_path / "answers.toml"
    status, shown = on_a_terminal(home, b"4\n9\n3\n\x04", "--save", saved)
    assert status == 0, shown
    assert "15 questions" in shown
    assert "updates cannot be 9" in shown
    assert "Choose RAG" in shown
    assert levels_of(read_answers(saved)[0]) == {"volatility": 4, "updates": 3}


# --- a file of answers ------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(
    st.dictionaries(st.sampled_from([one.name for one in framework().factors]), st.integers(0, 4)),
    st.dictionaries(st.sampled_from(["questions", "saving"]), st.floats(0, 1e9)),
)
def test_answers_that_were_saved_are_read_as_they_were(
    tmp_path_factory: pytest.TempPathFactory, levels: dict[str, int], figures: dict[str, float]
) -> None:
    path = tmp_path_factory.mktemp("saved") / "answers.toml"
    write_answers(path, levels, figures)
    read, costs = read_answers(path)
    assert levels_of(read) == levels
    assert costs == figures


def test_a_file_to_fill_in_asks_every_question(home: Path, tmp_path: Path) -> None:
    blank = tmp_path / "blank.toml"
    assert advise("--save", blank).exit_code == 0
    text = blank.read_text("utf-8")
    assert all(factor.question in text and factor.levels[4] in text for factor in framework().factors)
    assert levels_of(read_answers(blank)[0]) == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(("--set", "volatility=1", "--set", "volatility=3"), "given twice", id="twice"),
        pytest.param(("--save", "answers.json"), "ends in .toml", id="no such form to save"),
    ],
)
def test_what_contradicts_itself_is_wrong_usage(home: Path, arguments: tuple[str, ...], told: str) -> None:
    ran = advise(*arguments)
    assert ran.exit_code == 2
    assert told in " ".join(ran.output.split())


@pytest.mark.parametrize(
    ("given", "told"),
    [
        pytest.param("volatilty=1", "Did you mean 'volatility'", id="a slip"),
        pytest.param("volatility=1.5", "give one of 0 almost nothing", id="between two levels"),
    ],
)
def test_a_slip_is_told_what_was_meant(home: Path, given: str, told: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(told)):
        advise("--set", given)


def test_figures_too_large_to_be_meant_are_refused(home: Path) -> None:
    with pytest.raises(SettingsError, match="from 0 to"):
        advise("--cost", "labour_hours=1e308")


def test_folders_that_are_not_there_are_said_before_anything_is_lost(home: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="folder does not exist"):
        advise("--set", "volatility=3", "--out", tmp_path / "gone" / "advice.md")


# --- this workspace ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "wanted"),
    [
        pytest.param((), "Base needs a chat model", id="base without a model"),
        pytest.param(("volatility=4", "attribution=4"), "Nothing is here to read yet", id="nothing to read"),
        pytest.param(("style=4", "data=4", "latency=4"), "No model is tuned here yet", id="nothing tuned"),
    ],
)
def test_what_the_advised_mode_wants_here_is_said(home: Path, answers: tuple[str, ...], wanted: str) -> None:
    options = [part for answer in answers for part in ("--set", answer)]
    assert any(wanted in one for one in told(*options)["wanted"])
    assert wanted in advise(*options).stdout


def test_a_providers_model_does_not_fit_an_air_gap(home: Path) -> None:
    answers = ("--set", "offline=4", "--set", "volatility=4", "--set", "private=4")
    assert any("a provider's" in one for one in told(*answers, "--model", "openai:gpt-6-luna")["wanted"])
    assert not any("a provider's" in one for one in told(*answers)["wanted"])


def test_documents_that_changed_since_the_run_are_said_and_nothing_is_clear_any_more(
    home: Path, tmp_path: Path
) -> None:
    measured_run(tmp_path, {"rag": 38, "base": 2})
    assert told("--set", "volatility=4")["strength"] == "clear"
    page = tmp_path / "new.txt"
    page.write_text("The office is closed on Mondays.", "utf-8")
    base = open_workspace().knowledge_base(KNOWLEDGE)
    base.ingest([page])
    found = told("--set", "volatility=4")
    assert found["strength"] == "lean"
    assert any("have changed since then" in one for one in found["sentences"])


def test_the_sample_company_is_said_not_to_be_ones_own(home: Path, tmp_path: Path) -> None:
    run = evaluations(open_workspace()).run(measured_run(tmp_path, {"rag": 38, "base": 2}))
    evaluations(open_workspace()).describe(run, {**run.facts, "knowledge_base": "sample"})
    found = told("--set", "volatility=4")
    assert found["strength"] == "lean"
    assert any("the sample company, not yours" in one for one in found["sentences"])


def test_another_tuned_model_than_then_is_said(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = evaluations(open_workspace()).run(measured_run(tmp_path, {"rag": 38, "hybrid": 2}))
    evaluations(open_workspace()).describe(run, {**run.facts, "tuned": "local:step-1"})
    assert any(
        "was local:step-1 then and is none now" in one for one in told("--set", "volatility=4")["sentences"]
    )


def test_a_questionnaire_alone_loads_nothing_heavy(home: Path) -> None:
    """numpy alone took as long as all the rest."""
    asked = "import sys; from typer.testing import CliRunner; from app.__main__ import app; "
    ran = "CliRunner().invoke(app, ['advise', '--set', 'volatility=3'], catch_exceptions=False); "
    heavy = "print([one for one in ('numpy', 'scipy', 'langchain_core', 'openai', 'torch') if one in sys.modules])"
    command = [sys.executable, "-c", asked + ran + heavy]
    environment = {**os.environ, "GROUNDTUNE_HOME": str(home)}
    found = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert found.stdout.strip() == "[]"
