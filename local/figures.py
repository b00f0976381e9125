"""Codes and years: IB-20 is not IB-12, and what held in 2025 need not hold in 2026.

contested(["IB-20"], "The IB-12 costs 5 EUR.")              -> {"IB-20"}: another of its kind stands there
superseded("What is the limit?", ["Policy 2025", "Policy 2026"])  -> {0}
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence

from local.lexical import words

__all__ = ["contested", "figure_kind", "is_code", "row_key", "superseded"]

CODE = re.compile(r"(?=[\w-]*[A-Z])([A-Za-z]{1,5})(-?)\d[\w-]*")  # IB-20, E12, R-26-1187
YEAR = re.compile(r"(?:19|20)\d\d")
YEARS = re.compile(r"\b(?:19|20)\d\d\b")
COMPARES = re.compile(r"\b(?:chang|differ|compar|since|than|both|before|previous|former|last year)", re.I)
CELL_BORDER = re.compile(r"\||\t")


def figure_kind(word: str) -> str | None:
    """The kind of thing that a code or a year names, alike for those that could be mixed up; None for words."""
    if YEAR.fullmatch(word):
        return "year"
    code = CODE.fullmatch(word)
    return f"code {len(code[1])}{code[2]}" if code else None


def is_code(word: str) -> bool:
    return CODE.fullmatch(word) is not None


def contested(asked: Iterable[str], text: str, context: str = "", around: str = "") -> set[str]:
    """The asked codes and years that neither text nor context holds, while they hold others of that kind.

    Years between two that are named count as held ("from 2025 to 2027"), and so do years that stand in the text
    `around`: prose names the year once and goes on.
    """
    wanted = [word for word in asked if not (YEAR.fullmatch(word) and word in around)]
    if not wanted:
        return set()
    found: dict[str, set[str]] = defaultdict(set)
    for word in words(f"{context} {text}"):
        kind = figure_kind(word)
        if kind:
            found[kind].add(word)
    return {word for word in wanted if _replaced(word, found[figure_kind(word) or ""])}


def _replaced(word: str, others: set[str]) -> bool:
    if not others or word in others:
        return False
    return not (YEAR.fullmatch(word) and min(others) < word < max(others))


def superseded(question: str, titles: Sequence[str]) -> set[int]:
    """Positions of the titles that stand beside another edition of the same title ("Policy 2025", "Policy 2026").

    The edition of a year that the question names stays, else the latest; all stay where the question compares.
    """
    if COMPARES.search(question):
        return set()
    asked = set(YEARS.findall(question))
    editions: dict[str, dict[int, str]] = defaultdict(dict)
    for position, title in enumerate(titles):
        years = YEARS.findall(title)
        if len(years) == 1:
            editions[YEARS.sub("", title)][position] = years[0]
    return {
        position
        for edition in editions.values()
        for position, year in edition.items()
        if year not in (asked & set(edition.values()) or {max(edition.values())})
    }


def row_key(row: str) -> str:
    """What a table row is about: its first cell without the column's name, or the first word where none is parted."""
    cells = [cell.strip() for cell in CELL_BORDER.split(row.strip().strip("|"))]
    if len(cells) == 1:
        return row.split(None, 1)[0]
    return cells[0].split(": ", 1)[-1]
