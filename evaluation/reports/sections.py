"""The report's tables in their order: HTML, Markdown and the page show the same ones."""

from __future__ import annotations

import datetime
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from evaluation.reports.content import Content
from evaluation.reports.cost_parts import part_rows
from evaluation.reports.tables import (
    FEWEST,
    confidence_rows,
    cost_rows,
    failure_rows,
    mode_rows,
    pair_rows,
    refusal_rows,
    score_rows,
    set_rows,
    tag_rows,
    tags_shown,
)
from evaluation.reports.worth import assumed, break_rows, worth_rows
from evaluation.summary import Summary

__all__ = ["Section", "Table", "fact_rows", "sections"]

Table = tuple[tuple[str, ...], ...]
WORDS = 99  # no column of numbers
TOLD_ELSEWHERE = frozenset({"command", "not_run", "question_set", "judge_stopped"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    title: str
    rows: Table  # the head first, and one row at least
    numbers: int  # the column from which on cells stand to the right
    note: str = ""  # what must be known to read it
    first: bool = False  # what a manager reads; the rest is for who looks closer


def sections(content: Content) -> list[Section]:
    """Those that have something to show."""
    return [one for one in _all(content) if len(one.rows) > 1]


def _all(content: Content) -> Iterator[Section]:
    summary, worth = content.summary, content.worth
    yield _section("The modes", mode_rows(summary), 1, first=True)
    yield _section("Set by set", set_rows(summary, content.sets), 2, first=True)
    yield _section("Time and cost", cost_rows(summary), 1, first=True)
    money = assumed(worth) if worth else ""
    yield _section("What it is worth", worth_rows(summary, worth), 1, note=money)
    yield _section("From which volume tuning pays", break_rows(summary, worth), WORDS, note=BREAKS)
    yield _section("What refusing brought", refusal_rows(summary), 1, note=REFUSALS)
    yield _section("What went wrong", failure_rows(content.failures), WORDS)
    yield _section("By tag", tag_rows(summary), 1, note=_tags_note(summary))
    yield _section("How far the confidence can be relied on", confidence_rows(summary), 1, note=CONFIDENCE)
    yield _section("How near the answers come", score_rows(summary), 1, note=SCORES)
    yield _section("Pair by pair", pair_rows(summary), 2, note=PAIRS)
    yield _section("What the costs are made of", part_rows(worth.reckoned) if worth else iter(()), WORDS)


def fact_rows(content: Content) -> Iterator[tuple[str, ...]]:
    """What it takes to run it again, but for the command: files, models, settings."""
    begun = datetime.datetime.fromtimestamp(content.run.created_at, datetime.UTC)
    yield ("Fact", "Value")
    yield ("begun", begun.isoformat(timespec="seconds"))
    yield ("state", content.run.state)
    for name, value in content.facts.items():
        if name not in TOLD_ELSEWHERE and value not in ({}, [], ""):
            yield (name.replace("_", " "), _plain(value))


def _plain(value: object) -> str:
    """Nested facts in words: `name: document questions, questions: 80`."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')}: {_plain(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return ("; " if any(isinstance(one, Mapping) for one in value) else ", ").join(map(_plain, value))
    return "none" if value is None else str(value)


def _section(
    title: str, rows: Iterator[tuple[str, ...]], numbers: int, *, note: str = "", first: bool = False
) -> Section:
    return Section(title=title, rows=tuple(rows), numbers=numbers, note=note, first=first)


def _tags_note(summary: Summary) -> str:
    left = len(summary.tags) - len(tags_shown(summary))
    return f"{TAGS} {left} tags of fewer than {FEWEST} questions are in the JSON." if left else TAGS


REFUSALS = (
    "Missed: refused, though there is an answer. Wrongly answered: answered, though the documents hold no answer. The "
    "last two columns are the precision and the recall of refusing."
)
CONFIDENCE = (
    "Calibration error: how far confidence and share right lie apart. Errors over coverage: mean share of wrong "
    "answers as more are given, the surest first (AURC; smaller is better). Answers at 10 % errors: the most of all "
    "questions that can be answered with no more than 10 % of the answers wrong, read off this run."
)
SCORES = (
    "0 to 1, over the questions that have what it takes. Figures kept: share of the wanted figures in the answer or "
    "its quotes. Supported: share of the answer's claims that its sources bear out, by the embedded scorer."
)
PAIRS = (
    "Exact McNemar test where each question stands alone, else signs flipped by document; p (Holm) is adjusted for all "
    "pairs. No difference shown does not mean that there is none."
)
TAGS = (
    "Shown: the mode with most right is tested against every other; p adjusted over all tags and modes (Holm). Few "
    "questions show little."
)
BREAKS = (
    "Worth: what right answers save less what wrong ones cost, less all costs. At best and at worst: at both ends of "
    "the interval of the difference between the two modes."
)
