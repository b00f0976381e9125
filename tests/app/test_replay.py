"""ask --conversation, --receipt and --replay as a person types them."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from app.__main__ import app as command_line
from app.cli.remembering import OWNER
from app.records.entries import Scope
from app.workspace import TENANT, open_workspace
from errors import ProviderError, ReceiptError, RecordNotFoundError, RecordsDamagedError
from tests.loopback.openai_server import Scripted, serve_openai

QUESTION = "How many days of leave does an employee have?"


@pytest.fixture
def documents(home: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "leave.md").write_text("Every employee has 27 days of leave a year.\n", "utf-8")
    (folder / "contractors.md").write_text("Contractors have 10 days of leave a year.\n", "utf-8")
    open_workspace().create_knowledge_base("team").ingest([folder])
    return folder


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    """The JSON document that the command prints."""
    capsys.readouterr()
    command_line(["ask", *arguments, "--json"], standalone_mode=False)
    return json.loads(capsys.readouterr().out)


def test_a_receipt_is_replayed_and_a_change_is_told(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    receipt = tmp_path / "receipt.json"
    run(capsys, QUESTION, "--kb", "team", "--receipt", str(receipt))
    same = run(capsys, "--replay", str(receipt))
    assert (same["same"], same["differences"]) == (True, [])
    (documents / "leave.md").write_text("Every employee has 29 days of leave a year.\n", "utf-8")
    open_workspace().knowledge_base("team").ingest([documents])
    other = run(capsys, "--replay", str(receipt))
    assert other["same"] is False
    assert {one["of"] for one in other["differences"]} >= {"passages", "text"}
    assert "27" in other["before"]["answer"]
    assert "29" in other["after"]["answer"]


def test_a_replay_is_answered_by_the_model_of_the_receipt(
    documents: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = tmp_path / "receipt.json"
    run(capsys, QUESTION, "--kb", "team", "--receipt", str(receipt))
    with serve_openai(answer=lambda _: "27 days [1].") as server:
        workspace = open_workspace()
        workspace.reconfigure(workspace.settings.with_value("OPENAI_BASE_URL", server.url))
        assert run(capsys, "--replay", str(receipt))["same"] is True
        assert server.chat_requests == []
        written = run(capsys, QUESTION, "--kb", "team", "--receipt", str(receipt))
        assert written["model"] == "compatible:loopback-model"
        assert run(capsys, "--replay", str(receipt))["same"] is True


def test_a_conversation_goes_on_with_what_was_said(
    documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(capsys, QUESTION, "--kb", "team", "--conversation", "new")
    second = run(capsys, "And contractors?", "--kb", "team", "--conversation", first["conversation"])
    assert second["conversation"] == first["conversation"]
    assert "contractors" in second["searched_for"].lower()
    assert "leave" in second["searched_for"].lower()
    assert "10 days" in second["answer"]


def test_a_conversation_that_is_not_there_is_one_sentence(documents: Path) -> None:
    with pytest.raises(RecordNotFoundError, match="conversations list"):
        command_line(["ask", "Hm?", "--kb", "team", "--conversation", "nope"], standalone_mode=False)


def test_a_failed_answer_is_kept_as_failed(documents: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = run(capsys, QUESTION, "--kb", "team", "--conversation", "new")["conversation"]
    with serve_openai(answer=lambda _: Scripted(status=401)) as server:
        workspace = open_workspace()
        workspace.reconfigure(workspace.settings.with_value("OPENAI_BASE_URL", server.url))
        with pytest.raises(ProviderError, match="refused the key"):
            command_line(["ask", "Hm?", "--mode", "base", "--conversation", first], standalone_mode=False)
    kept = workspace.records.conversations.find(Scope(tenant=TENANT, owner=OWNER), first)
    assert kept is not None
    assert [exchange.latest.state for exchange in kept.exchanges] == ["done", "failed"]
    assert "refused the key" in (kept.exchanges[1].latest.error or "")


def test_an_answer_that_cannot_be_kept_is_printed_all_the_same(
    documents: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(capsys, QUESTION, "--kb", "team", "--conversation", "new")["conversation"]
    with contextlib.closing(sqlite3.connect(open_workspace().records.database.path)) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    with pytest.raises(RecordsDamagedError, match="disk is full"):
        run(capsys, QUESTION, "--kb", "team", "--conversation", first)
    assert "27 days" in json.loads(capsys.readouterr().out)["answer"]


@pytest.mark.parametrize("content", ["", "{}", "[1]", "\x00", "[" * 100_000])
def test_a_file_that_is_no_receipt_is_one_sentence(home: Path, tmp_path: Path, content: str) -> None:
    path = tmp_path / "receipt.json"
    path.write_text(content, "utf-8")
    with pytest.raises(ReceiptError):
        command_line(["ask", "--replay", str(path)], standalone_mode=False)
