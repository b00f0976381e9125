"""The report as Markdown, for a merge request, a ticket or a README."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evaluation.reports.content import Content, Sample, SideBySide
from evaluation.reports.sections import sections
from evaluation.reports.verdict import NAMES, wanting
from finetune.reports.markdown import plain

__all__ = ["as_markdown", "markdown_table"]

DIFFERING = 10
LONGEST = 300


def as_markdown(content: Content) -> str:
    return "\n".join(_lines(content)) + "\n"


def markdown_table(rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """The first row is the head, in our own words."""
    for number, row in enumerate(rows):
        yield "| " + " | ".join(cell if number == 0 else _cell(cell) for cell in row) + " |"
        if number == 0:
            yield "|" + " --- |" * len(row)


def _lines(content: Content) -> Iterator[str]:
    facts = content.facts
    yield "# Which way pays"
    yield ""
    yield f"{plain(str(facts.get('question_set', 'questions')))}, run `{content.run.id}`, {content.made_at}"
    yield ""
    for sentence in content.verdict.sentences:
        yield f"**{plain(sentence)}**  "
    for mode, why in content.not_run.items():
        yield f"{NAMES[mode]} was not asked: {plain(wanting(why))}  "
    yield from (f"{plain(one)}  " for one in content.notes)
    for one in sections(content):
        yield from ("", f"## {one.title}", "", *markdown_table(one.rows))
        if one.note:
            yield from ("", plain(one.note))
    yield from _differing(content)
    for sample in content.samples:
        yield from _sample(sample)
    if command := facts.get("command"):
        yield from ("", "## To run it again", "", f"    {command}")


def _differing(content: Content) -> Iterator[str]:
    if not content.differing:
        return
    yield from ("", "## Where the modes differ", "")
    for one in content.differing[:DIFFERING]:
        yield from _side_by_side(one)
    left = len(content.summary.disagreements) - min(DIFFERING, len(content.differing))
    if left:
        yield f"- … and {left} more."


def _sample(sample: Sample) -> Iterator[str]:
    yield from ("", f"## {sample.title}", "")
    for one in sample.shown[:DIFFERING]:
        yield from _side_by_side(one)
    left = sample.of - min(DIFFERING, len(sample.shown))
    if left:
        yield f"- … and {left} more."


def _side_by_side(one: SideBySide) -> Iterator[str]:
    yield f"- **{_cell(one.question.text)}** ({plain(one.question.id)})"
    for mode, outcome in one.outcomes.items():
        said = outcome.error or outcome.text
        cut = " (cut off)" if outcome.cut_off else ""
        yield f"  - {NAMES[mode]}, {outcome.verdict}{cut}: {_cell(said)}"


def _cell(words: str) -> str:
    line = " ".join(words.split())
    short = line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"
    return plain(short).replace("|", "\\|")
