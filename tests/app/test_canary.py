"""A key goes to its server and nowhere else: not to the terminal, not to a page, not to a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import workspace
from app.settings import load_settings
from app.ui import session
from app.ui.conversations import conversations
from app.ui.live import live_answers
from app.workspace import Workspace
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

ROOT = Path(__file__).resolve().parents[2]
SHELL = ROOT / "app" / "ui" / "shell.py"
KEY = "sk-canary-5f1e"
PASSWORD = "pw-canary-77"
QUESTION = "How many days of annual leave are there?"


def echo_key(status: int) -> Scripted:
    """A server that repeats the key in its error, as some do."""
    return Scripted(status=status, error_message=f"Incorrect API key provided: {KEY}.")


def command_line(
    server: LoopbackServer, *arguments: str, debug: str = "", **settings: str
) -> subprocess.CompletedProcess[bytes]:
    """With GROUNDTUNE_DEBUG=1 the traceback is looked at too."""
    environment = (
        os.environ
        | {
            "OPENAI_API_KEY": KEY,
            "OPENAI_BASE_URL": server.url,
            "GROUNDTUNE_CHAT_MODEL": "compatible:loopback-model",
            "GROUNDTUNE_DEBUG": debug,
        }
        | settings
    )
    command = [sys.executable, "-m", "app", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=120)


def assert_silent(home: Path, *outputs: bytes) -> None:
    files = [path for path in home.rglob("*") if path.is_file() and "models" not in path.parts]
    assert files
    for content in (*outputs, *(path.read_bytes() for path in files)):
        assert b"canary" not in content


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "leave.md").write_text("Every employee has 27 days of annual leave a year.\n", "utf-8")
    return folder


@pytest.fixture
def filled(home: Path, documents: Path) -> Path:
    workspace.open_workspace().create_knowledge_base("team").ingest([documents])
    return home


@pytest.mark.parametrize(("status", "debug"), [(401, ""), (500, "1")])
def test_the_command_line_never_repeats_the_key(
    filled: Path, tmp_path: Path, status: int, debug: str
) -> None:
    questions = tmp_path / "questions.jsonl"
    questions.write_text(f'{{"_id": 1, "text": "{QUESTION}"}}\n', "utf-8")
    out = tmp_path / "answers.jsonl"
    with serve_openai(answer=lambda _: echo_key(status)) as server:
        runs = [
            command_line(server, *arguments, debug=debug)
            for arguments in (
                ("ask", QUESTION, "--kb", "team"),
                ("ask", QUESTION, "--kb", "team", "--json"),
                ("ask", "--questions", str(questions), "--kb", "team", "--out", str(out)),
                ("kb", "show", "team", "--json"),
            )
        ]
    assert [ran.returncode for ran in runs] == [1, 1, 1, 0]
    assert server.chat_requests[0].headers["authorization"] == f"Bearer {KEY}", "it did go to its server"
    assert_silent(filled, out.read_bytes(), *(ran.stdout + ran.stderr for ran in runs))


def test_an_answer_and_its_receipt_hold_no_key_and_command_no_terminal(filled: Path) -> None:
    with serve_openai(answer=lambda _: "There are \x1b[31m27 days\x1b]0;title\x07 of leave [1].") as server:
        told = command_line(server, "ask", QUESTION, "--kb", "team")
        shown = command_line(server, "ask", QUESTION, "--kb", "team", "--json")
    assert told.returncode == shown.returncode == 0, told.stderr + shown.stderr
    assert b"27 days" in told.stdout
    assert b"\x1b" not in told.stdout + shown.stdout
    assert_silent(filled, told.stdout, told.stderr, shown.stdout, shown.stderr)


AZURE_KEY = "azure-canary-88b0"
FALLBACK_KEY = "fallback-canary-03"


@pytest.mark.parametrize("fallback", ["azure:backup", "compatible:backup"])
def test_each_key_goes_to_its_own_server_and_into_no_record_receipt_or_notice(
    filled: Path, tmp_path: Path, fallback: str
) -> None:
    """The first server refuses and repeats its key; the second one answers, and what it did is told and kept."""
    receipt = tmp_path / "receipt.json"
    own = FALLBACK_KEY if fallback.startswith("compatible") else AZURE_KEY
    with (
        serve_openai(answer=lambda _: echo_key(401)) as first,
        serve_openai(answer=lambda _: "There are 27 days of leave [1].", key=own) as second,
    ):
        settings = {
            "AZURE_OPENAI_API_KEY": AZURE_KEY,
            "AZURE_OPENAI_ENDPOINT": second.azure_endpoint,
            "GROUNDTUNE_FALLBACK_MODEL": fallback,
        }
        if own == FALLBACK_KEY:
            settings |= {
                "GROUNDTUNE_FALLBACK_API_KEY": FALLBACK_KEY,
                "GROUNDTUNE_FALLBACK_BASE_URL": second.url,
            }
        asked = ("ask", QUESTION, "--kb", "team", "--conversation", "new", "--json")
        told = command_line(first, *asked, "--receipt", str(receipt), **settings)
        shown = command_line(first, "ask", QUESTION, "--kb", "team", "--replay", str(receipt), **settings)
    assert told.returncode == 0, told.stderr
    assert f"{fallback} stood in for compatible:loopback-model" in json.loads(told.stdout)["notices"][0]
    assert first.chat_requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert second.chat_requests, "the key that it wants reached it"
    assert KEY not in str(second.requests)
    assert own not in str(first.requests)
    assert (filled / "groundtune.db").is_file(), "the conversation is kept"
    assert_silent(filled, receipt.read_bytes(), told.stdout, told.stderr, shown.stdout, shown.stderr)


def test_an_embedding_models_key_stays_out_of_its_knowledge_base(filled: Path, documents: Path) -> None:
    with serve_openai(key=KEY) as server:
        chosen = {"GROUNDTUNE_EMBEDDING_MODEL": "compatible:embedder"}
        made = command_line(server, "ingest", str(documents), "--kb", "served", "--json", **chosen)
        found = command_line(server, "search", QUESTION, "--kb", "served", "--json", **chosen)
    with serve_openai(key="another") as server:
        refused = command_line(server, "search", QUESTION, "--kb", "served", debug="1", **chosen)
    assert (made.returncode, found.returncode, refused.returncode) == (0, 0, 1), made.stderr + found.stderr
    assert len(json.loads(found.stdout)) == 1
    runs = (made, found, refused)
    assert_silent(filled, *(ran.stdout for ran in runs), *(ran.stderr for ran in runs))


@pytest.mark.parametrize(
    ("reply", "by"),
    [
        (Scripted(text="27 days [1]."), "environment"),
        (Scripted(text="27 days [1]."), "settings page"),
        (echo_key(401), "environment"),
        (echo_key(500), "settings page"),
    ],
)
def test_no_page_shows_the_key_or_the_password_in_the_address(
    filled: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, reply: Scripted, by: str
) -> None:
    monkeypatch.setattr(session, "owner", lambda: "the tester")
    with serve_openai(answer=lambda _: reply) as server:
        address = server.url.replace("://", f"://me:{PASSWORD}@")
        secrets = {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": address, "AZURE_OPENAI_API_KEY": AZURE_KEY}
        home = {"GROUNDTUNE_HOME": str(filled)}
        made = Workspace(load_settings(home | secrets if by == "environment" else home))
        if by == "settings page":
            changed = made.settings
            for name, value in secrets.items():
                changed = changed.with_value(name, value)
            made.reconfigure(changed)
        monkeypatch.setattr(workspace, "_process_workspace", made)
        page = AppTest.from_file(str(SHELL), default_timeout=60).run()
        page.chat_input(key="question").set_value(QUESTION).run()
        live = live_answers().get(conversations().of("the tester")[0].exchanges[-1].key)
        assert live is not None
        assert live.wait(60)
        seen = str(page.run()._tree)
        for name in ("settings", "knowledge", "training"):
            seen += str(page.switch_page(f"../pages/{name}.py").run()._tree)
        assert not page.exception
        assert server.chat_requests, "it was asked"
    seen += (
        repr(live.snapshot()) + repr(page.session_state._state.filtered_state) + repr(made.connections.chat())
    )
    assert server.url.removeprefix("http://") in seen, "the address itself is shown"
    assert "canary" not in seen
    assert_silent(filled, caplog.text.encode())
