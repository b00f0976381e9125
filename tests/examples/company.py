"""The sample company as the tests see it: its files, the texts the readers give, its question sets."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from loaders.readers import read_file

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMPANY = EXAMPLES / "company"


def normalised(text: str) -> str:
    """Runs of white space as one space, so that line breaks of a format do not count."""
    return " ".join(text.split())


@cache
def rows(name: str) -> tuple[dict[str, Any], ...]:
    """The objects of a JSONL file under examples/."""
    lines = (EXAMPLES / name).read_text("utf-8").splitlines()
    return tuple(json.loads(line) for line in lines)


@cache
def parts(document: str) -> tuple[tuple[dict[str, Any], str], ...]:
    """(metadata, normalised text) of each part of a document, by its path under examples/company."""
    return tuple((part.metadata, normalised(part.page_content)) for part in read_file(COMPANY / document))


def text_of(document: str) -> str:
    """The whole normalised text of a document."""
    return " ".join(text for _, text in parts(document))


def documents() -> list[str]:
    """Every document's path under examples/company."""
    return sorted(path.relative_to(COMPANY).as_posix() for path in COMPANY.rglob("*") if path.is_file())


def quotes(question: dict[str, Any]) -> list[dict[str, Any]]:
    """The gold places of a question and the superseded ones."""
    return [*question["gold"], *question.get("superseded", [])]
