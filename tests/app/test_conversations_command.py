"""python -m app conversations ...: nouns and verbs over the records, one sentence for what is not there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.__main__ import app
from app.cli.remembering import OWNER
from app.records.entries import Scope
from app.workspace import TENANT, open_workspace
from errors import RecordNotFoundError
from tests.records.conftest import answer

MINE = Scope(tenant=TENANT, owner=OWNER)
pytestmark = pytest.mark.usefixtures("home")


def run(*arguments: str, stdin: str | None = None) -> Result:
    return CliRunner().invoke(app, ["conversations", *arguments], input=stdin)


def told(*arguments: str) -> Any:
    ran = run(*arguments, "--json")
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


@pytest.fixture
def talk() -> str:
    kept = open_workspace().records.conversations
    begun = kept.begin(MINE)
    for question in ("How many days?", "And hours?"):
        made = kept.ask(MINE, begun.conversation_id, question=question, mode="rag", knowledge_base="hr")
        kept.finish(MINE, made.latest.answer_id, answer())
    return begun.conversation_id


def test_nothing_yet_says_how_to_begin() -> None:
    assert run("list").output.strip() == (
        'No conversation yet. Begin one: python -m app ask "question" --conversation new'
    )
    assert told("list") == []


def test_list_and_search(talk: str) -> None:
    [listed] = told("list")
    assert (listed["conversation_id"], listed["title"], listed["exchanges"]) == (talk, "How many days?", 2)
    assert run("list").stdout.startswith(f"{talk}  20")
    [found] = told("search", "hour")
    assert found["conversation_id"] == talk
    assert {"text": "hours", "match": True} in found["snippet"]
    assert "And *hours*?" in run("search", "HOUR").stdout
    assert found["matches"] == 1
    assert "holds all these words" in run("search", "nowhere").output


def test_a_search_names_a_conversation_once_with_its_latest_match(talk: str) -> None:
    kept = open_workspace().records.conversations
    other = kept.begin(MINE).conversation_id
    for conversation, question in ((other, "Days off?"), (talk, "Which days?")):
        kept.ask(MINE, conversation, question=question, mode="rag", knowledge_base="hr")
    found = [(one["conversation_id"], one["title"], one["matches"]) for one in told("search", "days")]
    assert found == [(talk, "How many days?", 3), (other, "Days off?", 1)]
    shown = run("search", "days").stdout
    assert shown.splitlines() == [
        f"{talk}  How many days?  (3 matches)",
        "    Which *days*?",
        f"{other}  Days off?",
        "    *Days* off?",
    ]
    assert [one["conversation_id"] for one in told("search", "days", "--limit", "1")] == [talk]


def test_show_tells_questions_answers_and_sources(talk: str) -> None:
    shown = run("show", talk).stdout
    for part in (
        "2. And hours?",
        "Every employee has 27 days [1].",
        "[1] Leave policy · page 2 · Leave  (quote verified)",
        "confidence high (90%)",
    ):
        assert part in shown
    assert (
        told("show", talk)["exchanges"][0]["answers"][0]["answer"]["text"]
        == "Every employee has 27 days [1]."
    )


def test_rename(talk: str) -> None:
    assert told("rename", talk, "Leave") == {"conversation_id": talk, "title": "Leave"}
    assert told("list")[0]["title"] == "Leave"
    assert run("rename", talk, " ").stdout == "Renamed to: How many days?\n"


@pytest.mark.parametrize(
    ("form", "begins"),
    [("markdown", b"# How many"), ("json", b"{"), ("docx", b"PK"), ("Word", b"PK"), ("md", b"# How many")],
)
def test_export_writes_the_file(talk: str, tmp_path: Path, form: str, begins: bytes) -> None:
    out = tmp_path / "out"
    assert told("export", talk, "--format", form, "--out", str(out))["out"] == str(out)
    assert out.read_bytes().startswith(begins)
    if begins != b"PK":
        assert run("export", talk, "--format", form).stdout.encode() == out.read_bytes()


@pytest.mark.parametrize(
    "arguments",
    [
        ("export", "{talk}", "--format", "pdf"),
        ("export", "{talk}", "--format", "docx"),
        ("export", "{talk}", "--format", "word"),
        ("delete",),
        ("delete", "{talk}", "--all"),
        ("delete", "--all", "--question", "1"),
    ],
)
def test_wrong_usage_is_2(talk: str, arguments: tuple[str, ...]) -> None:
    assert run(*(one.replace("{talk}", talk) for one in arguments)).exit_code == 2
    assert len(told("list")) == 1


def test_deletion_asks_first(talk: str) -> None:
    refused = run("delete", talk, stdin="n\n")
    assert refused.exit_code == 1
    assert "Delete 'How many days?' with 2 questions for good?" in refused.output
    assert told("delete", talk, "--question", "1", "--yes") == {"deleted": talk, "question": 1}
    assert [one["title"] for one in told("list")] == ["And hours?"]
    assert run("delete", talk, stdin="y\n").exit_code == 0
    assert told("list") == []


def test_all_of_an_owner_and_of_no_other(talk: str) -> None:
    kept = open_workspace().records.conversations
    browser = Scope(tenant=TENANT, owner="browser")
    kept.ask(browser, kept.begin(browser).conversation_id, question="Q", mode="rag", knowledge_base="hr")
    assert told("delete", "--all", "--yes") == {"deleted": "all", "question": None}
    assert told("list") == []
    assert len(told("list", "--owner", "browser")) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nosuch"),
        ("rename", "nosuch", "x"),
        ("export", "nosuch"),
        ("delete", "nosuch", "--yes"),
        ("show", "{talk}", "--owner", "another"),
        ("delete", "{talk}", "--question", "3", "--yes"),
    ],
)
def test_what_is_not_there_is_one_sentence(talk: str, arguments: tuple[str, ...]) -> None:
    ran = run(*(one.replace("{talk}", talk) for one in arguments))
    assert isinstance(ran.exception, RecordNotFoundError)
    assert str(ran.exception).startswith("There is no ")


def test_a_file_that_cannot_be_written_is_one_sentence(talk: str, tmp_path: Path) -> None:
    ran = run("export", talk, "--out", str(tmp_path / "no" / "such" / "folder.md"))
    assert "cannot be written" in str(ran.exception)
