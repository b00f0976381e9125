"""Writes README's file tree, each file with its docstring's first clause: python -m scripts.tree"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("app", "evaluation", "finetune", "chains", "loaders", "local", "scripts", "benchmarks")
OTHERS = {
    "errors.py": "every failure as one tree of exceptions",
    "examples/": "the sample company: documents, questions, training examples, and what builds them",
    "tests/": "the specification: unit, property, real peers, poisoned documents, browser",
    "docs/": "how an answer is made, training data and its rules, installing, the bytes on disk",
    "Makefile": "make run, test, test-browser, test-train, lint, bench, lock",
    "requirements.txt, requirements.lock": "floors, and the complete set that make installs",
    ".env.example": "every setting with its meaning",
}
BEGIN, END = "<!-- tree: python -m scripts.tree -->\n```\n", "```\n<!-- /tree -->"
LONGEST = 100


def main() -> None:
    readme = ROOT / "README.md"
    readme.write_text(with_tree(readme.read_text("utf-8")), "utf-8")


def with_tree(readme: str) -> str:
    """The README's text with its tree made anew."""
    start, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return readme[:start] + tree() + readme[end:]


def tree() -> str:
    lines = [line for folder in FOLDERS for line in folder_lines(ROOT / folder)]
    lines += [f"{name:<36} {clause}" for name, clause in OTHERS.items()]
    return "\n".join(lines) + "\n"


def folder_lines(folder: Path, depth: int = 0) -> list[str]:
    indent = "  " * depth
    lines = [f"{indent}{folder.name}/"]
    for path in sorted(folder.glob("*.py")):
        if path.name != "__init__.py":
            lines.append(f"{indent}  {path.name:<{34 - len(indent)}} {clause(path)}")
    for inner in sorted(inner for inner in folder.iterdir() if inner.is_dir() and any(inner.glob("*.py"))):
        lines += folder_lines(inner, depth + 1)
    return lines


def clause(path: Path) -> str:
    """The first sentence of a module's docstring, shortened."""
    docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
    first = re.split(r"[.;](?:\s|$)|:?\n\n", docstring, maxsplit=1)[0].replace("\n", " ")
    return first if len(first) <= LONGEST else first[: LONGEST - 3].rsplit(" ", 1)[0] + " ..."


if __name__ == "__main__":
    main()
