"""Reads the small subset of Markdown in which the documents' texts are kept."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Literal

TEXTS = Path(__file__).resolve().parent / "text"

Kind = Literal["heading", "paragraph", "bullet", "number", "note", "table"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One block of a text: `level` counts the # of a heading, `rows` holds the cells of a table."""

    kind: Kind
    text: str = ""
    level: int = 0
    rows: tuple[tuple[str, ...], ...] = ()


def read_pieces(name: str) -> list[Piece]:
    """The blocks of `text/<name>.md` in order."""
    lines = (TEXTS / f"{name}.md").read_text("utf-8").splitlines()
    return [piece for table, group in groupby(lines, _is_row) for piece in _pieces(table, list(group))]


def _is_row(line: str) -> bool:
    return line.startswith("|")


def _pieces(table: bool, lines: list[str]) -> Iterator[Piece]:
    if table:
        yield Piece(kind="table", rows=tuple(_cells(line) for line in lines if not set(line) <= set("|- ")))
        return
    for line in filter(None, map(str.strip, lines)):
        yield _piece(line)


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().strip("|").split("|"))


def _piece(line: str) -> Piece:
    if match := re.match(r"(#+) (.*)", line):
        return Piece(kind="heading", level=len(match[1]), text=match[2])
    if match := re.match(r"- (.*)", line):
        return Piece(kind="bullet", text=match[1])
    if match := re.match(r"\d+\. (.*)", line):
        return Piece(kind="number", text=match[1])
    if match := re.match(r"> (.*)", line):
        return Piece(kind="note", text=match[1])
    return Piece(kind="paragraph", text=line)


def emphasis(text: str) -> list[tuple[str, Literal["", "b", "i"]]]:
    """The runs of a line: (words, "b" for **bold**, "i" for *italic*, else "")."""
    runs: list[tuple[str, Literal["", "b", "i"]]] = []
    for part in re.split(r"(\*\*.+?\*\*|\*.+?\*)", text):
        if part.startswith("**"):
            runs.append((part[2:-2], "b"))
        elif part.startswith("*"):
            runs.append((part[1:-1], "i"))
        elif part:
            runs.append((part, ""))
    return runs
