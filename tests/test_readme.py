"""What README, docs and benchmarks/README say: the commands run, the tree is the code's, the links lead somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts.rules import with_rules
from scripts.tree import with_tree
from scripts.which_pays import BEGIN, END, figures, shares

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
BENCHMARKS = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OUTPUTS = {"answers.jsonl", "receipt.json", "run.trec"}
OUTPUTS |= {f"evaluation.{form}" for form in ("html", "md", "json", "csv")}
OUTPUTS |= {"questions.jsonl", "held.jsonl", "rest.jsonl"}
OUTPUTS |= {"report.html", "chat", "raft.jsonl", "raft.refused.jsonl", "generated.jsonl"}


def shell_lines(markdown: str) -> list[str]:
    blocks = re.findall(r"^```sh\n(.*?)^```", markdown, flags=re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.strip()]


def python(*arguments: str, cwd: Path, home: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "GROUNDTUNE_HOME": str(home),
        "PYTHONPATH": str(ROOT),
        "GROUNDTUNE_OFFLINE": "1",
    }
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=240)


@pytest.mark.timeout(900)
def test_every_command_of_the_readme_runs_in_the_order_given(tmp_path: Path, built_models: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "elsewhere"
    shutil.copytree(built_models, home / "models")
    shutil.copytree(ROOT / "examples", folder / "examples")
    lines = shell_lines(README)
    assert len(lines) >= 8
    for line in lines:
        program, *arguments = shlex.split(line, comments=True)
        assert program == "python", line
        ran = python(*arguments, cwd=folder, home=home)
        assert ran.returncode == 0, f"{line}\n{ran.stderr}"
        assert ran.stdout.strip(), line
    assert {path.name for path in folder.iterdir()} == {"examples"} | OUTPUTS
    assert all((folder / name).stat().st_size for name in OUTPUTS)
    check_which_pays(json.loads((folder / "evaluation.json").read_text("utf-8")))


def check_which_pays(evaluation: dict[str, Any]) -> None:
    """Each share stands within README's interval, and the modes to each other as README says; other processors round
    other embeddings, and another step of the training may be kept.
    """
    made, said = shares(figures(evaluation)), shares(README[README.index(BEGIN) : README.index(END)])
    assert made.keys() == said.keys()
    for questions, values in made.items():
        for (value, _, _), (_, low, high) in zip(values, said[questions], strict=True):
            assert low <= value <= high, f"{questions}: {value} is not from {low} to {high}"
    (whole, documents, taught) = ([value for value, _, _ in values] for values in made.values())
    assert whole[2] >= max(whole)
    assert min(documents[0], documents[2]) > documents[1]
    assert taught[1] > taught[0]


def test_the_table_of_rules_is_that_of_the_code() -> None:
    page = (ROOT / "docs" / "training-data.md").read_text("utf-8")
    assert with_rules(page) == page, "write it anew: python -m scripts.rules"


def test_the_tree_is_that_of_the_code() -> None:
    assert with_tree(README) == README, "write it anew: python -m scripts.tree"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8"))
    local = [target.partition("#")[0] for target in targets if "://" not in target]
    assert [target for target in local if target and not (page.parent / target).exists()] == []


def test_every_make_target_that_is_named_exists() -> None:
    makefile = (ROOT / "Makefile").read_text("utf-8")
    named = {name for page in PAGES for name in re.findall(r"`?make ([a-z-]+)\b`", page.read_text("utf-8"))}
    named |= set(re.findall(r"^make ([a-z-]+)", README, flags=re.MULTILINE))
    assert named >= {"run", "test"}
    assert named <= set(re.findall(r"^([a-z-]+):", makefile, flags=re.MULTILINE))


@pytest.mark.parametrize(
    "module", sorted(set(re.findall(r"python -m (benchmarks\.\w+)", README + BENCHMARKS)))
)
def test_every_benchmark_that_is_named_says_how_it_is_used(module: str, tmp_path: Path) -> None:
    ran = python("-m", module, "--help", cwd=ROOT, home=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "usage: " in ran.stdout


def test_every_benchmark_is_named() -> None:
    code = {path.stem for path in (ROOT / "benchmarks").glob("*.py")} - {
        "__init__",
        "machine",
        "question_sets",
    }
    assert {name for name in code if name not in BENCHMARKS} == set()
