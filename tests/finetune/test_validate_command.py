"""`dataset validate` and `dataset fix` as a script meets them: exit status, stdout, files."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.finetune.broken import GOOD, assistant, chat, good, system, user, written

ROOT = Path(__file__).parents[2]
SOUND = written(*(good(number) for number in range(60)))


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """With its own home and no network."""
    environment = {"GROUNDTUNE_HOME": str(folder / "home"), "GROUNDTUNE_OFFLINE": "1", "PATH": "/usr/bin:/bin",
                   "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}  # fmt: skip
    command = [sys.executable, "-m", "app", "dataset", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(
    ("data", "arguments", "status"),
    [
        pytest.param(SOUND, [], 0, id="sound"),
        pytest.param(GOOD, ["--strict"], 1, id="warnings and strict"),
        pytest.param(GOOD + b"{\n", [], 1, id="errors"),
        pytest.param(SOUND, ["--format", "yaml"], 2, id="no such form"),
        pytest.param(SOUND, ["--profile", "opena"], 1, id="no such profile"),
    ],
)
def test_exit_status(data: bytes, arguments: list[str], status: int, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(data)
    done = run(tmp_path, "validate", "train.jsonl", "--quick", *arguments)
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout or done.stderr.strip()


def test_every_rule_runs_and_every_report_is_written(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(
        SOUND + written(chat(system(), user("Mail ann@firma.example"), assistant()))
    )
    (tmp_path / "valid.jsonl").write_bytes(written(*(good(number) for number in (3, 5))))
    done = run(
        tmp_path,
        "validate",
        "train.jsonl",
        "--validation",
        "valid.jsonl",
        "--json",
        "--report",
        "report.html",
    )
    found = json.loads(done.stdout)
    assert (done.returncode, found["passed"]) == (1, False)
    assert {"L01", "S01"} <= found["by_rule"].keys()
    assert [file["split"] for file in found["files"]] == ["train", "validation"]
    assert set(found["skipped"]) == {"B01", "L04"}
    assert found["facts"]["tokens"]
    assert (tmp_path / "report.html").read_text().startswith("<!doctype html>")


def test_a_report_never_replaces_a_file_that_is_checked(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(SOUND)
    done = run(tmp_path, "validate", "train.jsonl", "--quick", "--report", "./train.jsonl")
    assert (done.returncode, (tmp_path / "train.jsonl").read_bytes()) == (1, SOUND)
    assert "name another --report" in done.stderr
    assert done.stdout == ""  # said before the check, which may take long


def test_a_report_of_no_form_is_refused_before_the_check(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(SOUND)
    done = run(tmp_path, "validate", "train.jsonl", "--quick", "--report", "report.pdf")
    assert (done.returncode, done.stdout) == (1, "")
    assert "end it in .html" in done.stderr


def test_nothing_to_check_is_wrong_usage(tmp_path: Path) -> None:
    done = run(tmp_path, "validate")
    assert done.returncode == 2
    assert "name a .jsonl file, or give --rules" in done.stderr


def test_rules_are_listed(tmp_path: Path) -> None:
    done = run(tmp_path, "validate", "--rules", "--json")
    assert {"F01", "M08", "L04", "X01", "B01"} <= {rule["id"] for rule in json.loads(done.stdout)}


def test_fix_writes_a_copy_and_its_diff(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(
        GOOD + b"\n" + written(chat(user(weight=1), assistant("Mail ann@acme.com")))
    )
    done = run(tmp_path, "fix", "train.jsonl", "--out", "fixed.jsonl", "--diff", "changes.diff", "--redact")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "fixed.jsonl").read_bytes() == GOOD + written(chat(user(), assistant("Mail [EMAIL]")))
    assert (
        (tmp_path / "changes.diff")
        .read_text()
        .startswith("--- train.jsonl\n+++ fixed.jsonl\n@@ -11 +10,0 @@\n-\n")
    )
    assert [line.split(":")[0] for line in done.stdout.splitlines()[:3]] == ["F02", "M06", "S01"]


def test_fix_never_overwrites_its_input(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(b"\n" + GOOD)
    for arguments in (["--out", "train.jsonl"], ["--out", "fixed.jsonl", "--diff", "train.jsonl"]):
        done = run(tmp_path, "fix", "train.jsonl", *arguments)
        assert (done.returncode, (tmp_path / "train.jsonl").read_bytes()) == (1, b"\n" + GOOD)
        assert "Traceback" not in done.stderr
