"""What a command may spend: one question as one conversation, a file of them as one evaluation."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.__main__ import app as command_line
from app.settings import load_settings
from app.workspace import Workspace, open_workspace
from chains.answer import Question
from errors import SettingsError, SpendingLimitError
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

ANSWER = Scripted(text="Thirty days [1].", input_tokens=1, output_tokens=500)
COST, LIMIT = 0.5, "0.60"  # US dollars of one answer; room for one
PRICES = '["compatible:*"]\ninput = 0\noutput = 1000\ndate = 2026-11-22\nsource = "ours"\n'
QUESTION = "How many days of leave do staff have?"


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai(answer=lambda _: ANSWER) as running:
        yield running


@pytest.fixture
def workspace(home: Path, tmp_path: Path, server: LoopbackServer) -> Workspace:
    (home / "prices.toml").write_text(PRICES, "utf-8")
    leave = tmp_path / "leave.md"
    leave.write_text("Staff have 30 days of leave.\n", "utf-8")
    made = open_workspace()
    made.create_knowledge_base("team").ingest([leave])
    return limited(made, OPENAI_BASE_URL=server.url, GROUNDTUNE_CHAT_MODEL="compatible:m")


def limited(workspace: Workspace, **values: str) -> Workspace:
    settings = workspace.settings
    for name, text in values.items():
        settings = settings.with_value(name, text)
    workspace.reconfigure(settings)
    return workspace


def ask(*arguments: str) -> None:
    command_line(["ask", *arguments], standalone_mode=False)


def test_a_file_of_questions_spends_within_the_limit_of_an_evaluation(
    workspace: Workspace, server: LoopbackServer, tmp_path: Path
) -> None:
    limited(workspace, GROUNDTUNE_EVALUATION_LIMIT=LIMIT)
    questions, out = tmp_path / "questions.jsonl", tmp_path / "answers.jsonl"
    questions.write_text("".join(json.dumps({"_id": n, "text": "Leave?"}) + "\n" for n in range(3)), "utf-8")
    ask("--questions", str(questions), "--out", str(out), "--mode", "base")
    first, *others = [json.loads(line) for line in out.read_text("utf-8").splitlines()]
    assert first["cost_usd"] == COST
    assert len(others) == 2
    assert all("GROUNDTUNE_EVALUATION_LIMIT" in row["error"] for row in others)
    assert len(server.chat_requests) == 1


def test_one_question_is_a_conversation_that_may_spend_no_more_than_one(
    workspace: Workspace, server: LoopbackServer, tmp_path: Path
) -> None:
    receipt = tmp_path / "receipt.json"
    ask(QUESTION, "--kb", "team", "--receipt", str(receipt))
    asked = len(server.chat_requests)
    limited(workspace, GROUNDTUNE_SPENDING_LIMIT="0.10")
    for arguments in ([QUESTION, "--kb", "team"], ["--replay", str(receipt)]):
        with pytest.raises(SpendingLimitError, match="GROUNDTUNE_SPENDING_LIMIT"):
            ask(*arguments)
    assert len(server.chat_requests) == asked


def test_an_evaluation_of_the_confidence_asks_what_an_answer_to_a_user_asks_within_its_limit(
    workspace: Workspace, server: LoopbackServer
) -> None:
    limited(workspace, GROUNDTUNE_JUDGE_MODEL="compatible:j", GROUNDTUNE_EVALUATION_LIMIT="1.20")
    chain = workspace.unheld_chain("team")
    answer = chain.invoke(Question(text=QUESTION))
    assert [call.purpose for call in answer.calls] == ["answer", "judge"]
    with pytest.raises(SpendingLimitError, match="GROUNDTUNE_EVALUATION_LIMIT"):
        chain.invoke(Question(text=QUESTION))
    assert len(server.chat_requests) == 2


def test_a_tuned_model_needs_no_chat_model_beside_it(workspace: Workspace, server: LoopbackServer) -> None:
    """Azure has no default chat model: follow-ups are then completed by rules."""
    azure = {"AZURE_OPENAI_ENDPOINT": server.azure_endpoint, "AZURE_OPENAI_API_KEY": "k"}
    limited(workspace, OPENAI_BASE_URL="", GROUNDTUNE_CHAT_MODEL="", **azure)
    limited(workspace, GROUNDTUNE_FINETUNED_MODEL="azure:tuned")
    answer = workspace.chain("hybrid", "team").invoke(Question(text=QUESTION))
    assert (answer.model, answer.text) == ("azure:tuned", "Thirty days [1].")
    with pytest.raises(SettingsError, match="'nobody:x'"):
        limited(workspace, GROUNDTUNE_CHAT_MODEL="nobody:x").chain("hybrid", "team")


def test_another_model_does_not_make_a_conversation_forget_what_it_holds(tmp_path: Path) -> None:
    """What an answer in the making, or a stopped one, took is in no record."""
    made = Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path), "GROUNDTUNE_SPENDING_LIMIT": LIMIT}))
    before = made.connections.budget("c", spent_usd=0.0)
    assert before is not None
    limited(made, GROUNDTUNE_CHAT_MODEL="compatible:other")
    assert made.connections.budget("c", spent_usd=0.0) is before
    limited(made, GROUNDTUNE_SPENDING_LIMIT="2")
    after = made.connections.budget("c", spent_usd=0.0)
    assert after is not None
    assert after.limit_usd == 2
