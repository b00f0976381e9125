"""python -m app evaluate support: rows in, scores out in the same order; a bad row is named by file, line and field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.__main__ import app
from errors import GroundtuneError, ProviderError, SettingsError
from tests.loopback.openai_server import Scripted, serve_openai

EVIDENCE = "Every employee has 27 days of annual leave. Unused days lapse on 31 March."
ROWS: list[dict[str, Any]] = [
    {"id": "b", "claim": "Employees have 27 days of annual leave.", "evidence": EVIDENCE},
    {"id": 7, "claim": "Employees have 29 days of annual leave.", "evidence": EVIDENCE.split(". ")},
    {"id": "a", "claim": "The canteen is closed on Mondays.", "evidence": [EVIDENCE]},
    {"id": "", "claim": "Anything.", "evidence": []},
]


def write(path: Path, *rows: object) -> Path:
    path.write_text("\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows), "utf-8")
    return path


def evaluate(*arguments: object) -> Any:
    ran = CliRunner().invoke(
        app, ["evaluate", "support", *map(str, arguments), "--json"], catch_exceptions=False
    )
    assert ran.exit_code == 0, ran.output
    return json.loads(ran.stdout)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_scores_come_in_the_order_of_the_rows(home: Path, tmp_path: Path) -> None:
    out = tmp_path / "scores.jsonl"
    told = evaluate(write(tmp_path / "claims.jsonl", *ROWS), "--out", out)
    assert told == {"claims": 4, "judges": {"embedded": 4}, "out": str(out)}
    scores = read(out)
    assert [row["id"] for row in scores] == ["b", 7, "a", ""]
    assert all(set(row) == {"id", "score"} for row in scores)
    right, wrong, other, nothing = (row["score"] for row in scores)
    assert right > 0.8 > 0.5 > wrong > other, scores
    assert nothing < 0.2


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("{", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ({"claim": "x", "evidence": "y"}, '"id"'),
        ({"id": None, "claim": "x", "evidence": "y"}, '"id"'),
        ({"id": True, "claim": "x", "evidence": "y"}, '"id"'),
        ({"id": 1.5, "claim": "x", "evidence": "y"}, '"id"'),
        ({"id": 1, "evidence": "y"}, '"claim"'),
        ({"id": 1, "claim": " ", "evidence": "y"}, '"claim"'),
        ({"id": 1, "claim": "x"}, '"evidence"'),
        ({"id": 1, "claim": "x", "evidence": ["y", 2]}, '"evidence"'),
        ({"id": 1, "claim": "x", "evidence": {"y": 1}}, '"evidence"'),
    ],
)
def test_a_bad_row_is_refused_by_name_and_nothing_is_written(
    home: Path, tmp_path: Path, row: object, fault: str
) -> None:
    path, out = write(tmp_path / "claims.jsonl", ROWS[0], "", row), tmp_path / "scores.jsonl"
    ran = CliRunner().invoke(app, ["evaluate", "support", str(path), "--out", str(out)])
    assert isinstance(ran.exception, SettingsError)
    assert f"{path}, line 3" in str(ran.exception)
    assert fault in str(ran.exception)
    assert not out.exists()


def test_a_chat_model_judges_and_is_named(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = '[{"claim": 1, "verdict": "supported", "score": 0.75}]'
    with serve_openai(verdict, "I cannot say.") as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        out = tmp_path / "scores.jsonl"
        told = evaluate(write(tmp_path / "c.jsonl", *ROWS[:2]), "--out", out, "--judge", "compatible:m")
    first, second = read(out)
    assert first == {"id": "b", "score": 0.75, "judge": "compatible:m"}
    assert (second["id"], second["judge"]) == (7, "embedded")
    assert told["judges"] == {"compatible:m": 1, "embedded": 1}
    sent = server.chat_requests[1].body["messages"][-1]["content"]
    assert '<passage number="2">' in sent


def test_a_judge_that_fails_ends_the_run_in_a_sentence(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai(Scripted(status=401)) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        path, out = write(tmp_path / "c.jsonl", *ROWS), tmp_path / "s.jsonl"
        command = ["evaluate", "support", str(path), "--out", str(out), "--judge", "compatible:m"]
        ran = CliRunner().invoke(app, command)
    assert isinstance(ran.exception, ProviderError)
    assert not out.exists()


def test_a_judge_that_nothing_is_connected_for_is_refused(home: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "c.jsonl", *ROWS)
    command = [
        "evaluate",
        "support",
        str(path),
        "--out",
        str(tmp_path / "s.jsonl"),
        "--judge",
        "openai:gpt-x",
    ]
    assert isinstance(CliRunner().invoke(app, command).exception, GroundtuneError)
