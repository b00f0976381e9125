"""python -m app dataset generate: what it writes and says, with and without a chat model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app.__main__ import app
from errors import (
    DatasetError,
    DocumentNotFoundError,
    GroundtuneError,
    KnowledgeBaseNotFoundError,
    SettingsError,
)
from tests.finetune.test_extraction import LEAVE
from tests.finetune.test_synthesis import scribe
from tests.loopback.openai_server import serve_openai


def run(*arguments: object, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, ["dataset", "generate", *map(str, arguments)])
    if isinstance(result.exception, GroundtuneError):
        raise result.exception
    assert result.exit_code == expect, result.output + repr(result.exception)
    return result


def rows_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture
def documents(tmp_path: Path) -> Path:
    folder = tmp_path / "documents"
    folder.mkdir()
    (folder / "leave.md").write_text(LEAVE, "utf-8")
    (folder / "again.md").write_text(LEAVE, "utf-8")
    return folder


def test_without_a_model_rows_are_taken_out_word_for_word(
    home: Path, documents: Path, tmp_path: Path
) -> None:
    out = tmp_path / "rows.jsonl"
    (documents / "broken.pdf").write_bytes(b"%PDF-1.7 nothing follows")
    ran = run(documents, "--out", out)
    assert "No chat model is connected" in ran.stderr
    assert "broken.pdf" in ran.stderr
    assert "6 rows" in ran.stdout and "wait for review" in ran.stdout
    rows = rows_in(out)
    assert len(rows) == 6
    assert {row["metadata"]["origin"] for row in rows} == {"extracted"}
    dropped = rows_in(out.with_name("rows.jsonl.dropped.jsonl"))
    assert {row["reason"] for row in dropped} == {"asked_already"}


def test_a_knowledge_base_its_documents_and_the_rows_that_are_wanted(
    home: Path, documents: Path, tmp_path: Path
) -> None:
    ingested = CliRunner().invoke(app, ["ingest", str(documents / "leave.md"), "--kb", "team"])
    assert ingested.exit_code == 0
    out = tmp_path / "rows.jsonl"
    told = json.loads(
        run(
            "--kb",
            "team",
            "--document",
            "leave.md",
            "--out",
            out,
            "--method",
            "table",
            "--limit",
            2,
            "--json",
        ).stdout
    )
    assert (told["rows"], told["by_method"], told["out"]) == (2, {"table": 2}, str(out))
    assert [row["metadata"]["knowledge_base"] for row in rows_in(out)] == ["team", "team"]
    assert all(row["metadata"]["chunks"] for row in rows_in(out))


def test_with_a_model_the_price_is_said_before_anything_is_asked(
    home: Path, documents: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai(answer=scribe) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setenv("GROUNDTUNE_CHAT_MODEL", "compatible:scribe")
        looked = run(documents / "leave.md", "--dry-run")
        assert "passages, at most about" in looked.stderr
        assert not server.chat_requests
        out = tmp_path / "rows.jsonl"
        ran = run(documents / "leave.md", "--out", out, "--per-passage", 1)
        assert "no price of compatible:scribe is known" in ran.stderr
        assert server.chat_requests
        (home / "prices.toml").write_text(
            '["compatible:scribe"]\ninput = 10.0\noutput = 10.0\ndate = "2026-11-22"\nsource = "test"\n'
        )
        before = len(server.chat_requests)
        ran = run(documents / "leave.md", "--out", tmp_path / "little.jsonl", "--budget", "0.0001")
        assert "--budget" in ran.stderr and "--resume" in ran.stderr
        assert len(server.chat_requests) == before
        assert (tmp_path / "little.jsonl.journal").exists()
        assert run(documents / "leave.md", "--out", out, "--extract").stdout
        assert len(server.chat_requests) == before
    assert {row["metadata"]["origin"] for row in rows_in(out)} == {"extracted"}


def test_a_dry_run_of_extraction_writes_nothing(home: Path, documents: Path, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    assert "6 rows" in run(documents, "--dry-run", "--extract").stdout
    assert {path for path in tmp_path.rglob("*") if home not in path.parents} <= before | {home}


@pytest.mark.parametrize(
    ("arguments", "error", "sentence"),
    [
        pytest.param(["no-such-folder"], SettingsError, "no-such-folder", id="no such folder"),
        pytest.param(["--kb", "nobody"], KnowledgeBaseNotFoundError, "nobody", id="no such knowledge base"),
        pytest.param(
            ["DOCUMENTS/leave.md", "--model", "openai:gpt-4.1"], SettingsError, "gpt-4.1", id="no key"
        ),
    ],
)
def test_a_mistake_is_one_sentence(
    home: Path, documents: Path, tmp_path: Path, arguments: list[str], error: type[Exception], sentence: str
) -> None:
    given = [one.replace("DOCUMENTS", str(documents)) for one in arguments]
    with pytest.raises(error, match=sentence):
        run(*given, "--out", tmp_path / "rows.jsonl")


def test_an_unknown_document_is_named(home: Path, documents: Path, tmp_path: Path) -> None:
    CliRunner().invoke(app, ["ingest", str(documents / "leave.md"), "--kb", "team"])
    with pytest.raises(DocumentNotFoundError, match=r"leave\.txt"):
        run("--kb", "team", "--document", "leave.txt", "--out", tmp_path / "rows.jsonl")


def test_no_document_is_written_over(home: Path, documents: Path) -> None:
    with pytest.raises(DatasetError, match="another --out"):
        run(documents, "--out", documents / "leave.md")
    assert (documents / "leave.md").read_text("utf-8") == LEAVE


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param([], id="nothing"),
        pytest.param(["a.md", "--kb", "team"], id="both"),
        pytest.param(["a.md"], id="no out"),
        pytest.param(["a.md", "--out", "x.jsonl", "--method", "magic"], id="unknown method"),
        pytest.param(["a.md", "--out", "x.jsonl", "--limit", "0"], id="no rows"),
        pytest.param(["a.md", "--out", "x.jsonl", "--budget", "1"], id="a budget for nobody"),
    ],
)
def test_wrong_usage_ends_with_2(home: Path, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a.md").write_text(LEAVE)
    run(*(str(tmp_path / one) if one.endswith((".md", ".jsonl")) else one for one in arguments), expect=2)
