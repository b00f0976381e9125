"""The report as one HTML file to open, mail or archive: no script, nothing loaded, light or dark as the reader has it.

Questions and answers are strangers' text: everything goes through `text`, and the file's own policy
(default-src 'none') forbids whatever would slip past it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from chains.answer import Mode
from evaluation.failures import kind_of
from evaluation.judging import KnownQuestion
from evaluation.outcomes import Outcome
from evaluation.reports.charts import pictures
from evaluation.reports.content import Content, Sample, SideBySide
from evaluation.reports.sections import Section, fact_rows, sections
from evaluation.reports.verdict import NAMES, money, percent, wanting
from finetune.reports.html import POLICY, STYLE_SHEET
from finetune.reports.inert import text

__all__ = ["as_html"]

OPENED = 5  # questions of a sample that stand open
OWN_STYLE = Path(__file__).with_name("report.css")


def as_html(content: Content) -> str:
    return "".join(_parts(content))


def _parts(content: Content) -> Iterator[str]:
    style = STYLE_SHEET.read_text("utf-8") + OWN_STYLE.read_text("utf-8")
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Which way pays</title><style>{style}</style></head><body><main>"
    yield f'<h1>Which way pays</h1><p class="quiet">{_circumstances(content)}</p>'
    yield _verdict(content)
    for mode, why in content.not_run.items():
        yield f'<p class="quiet">{text(NAMES[mode])} was not asked: {text(wanting(why))}</p>'
    yield from (f'<p class="quiet">{text(one)}</p>' for one in content.notes)
    told = sections(content)
    yield from (_section(one) for one in told if one.first)
    yield '<div class="charts">' + "".join(_charts(content)) + "</div>"
    yield from (_section(one) for one in told if not one.first)
    yield from _differing(content)
    for sample in content.samples:
        yield from _sample(sample)
    yield from _again(content)
    yield "</main></body></html>\n"


def _circumstances(content: Content) -> str:
    facts, summary = content.facts, content.summary
    named = f"{facts.get('question_set', 'questions')}: {summary.questions} questions, {summary.answerable} answerable"
    where = f" · knowledge base {facts['knowledge_base']}" if facts.get("knowledge_base") else ""
    return text(f"{named}{where} · run {content.run.id} · {content.made_at}")


def _verdict(content: Content) -> str:
    level = {"clear": "fine", "lean": "warning", "cannot tell yet": "warning"}[content.verdict.strength]
    sentences = "".join(f"<p>{text(one)}</p>" for one in content.verdict.sentences)
    return f'<div class="verdict {level}">{sentences}</div>'


def _charts(content: Content) -> Iterator[str]:
    for picture in pictures(content.summary):
        yield f'<figure class="chart"><figcaption>{text(picture.title)}</figcaption>{picture.markup()}</figure>'


def _section(one: Section) -> str:
    note = f'<p class="quiet note">{text(one.note)}</p>' if one.note else ""
    return f"<h2>{text(one.title)}</h2>{_table(one.rows, numbers=one.numbers)}{note}"


def _table(rows: Iterable[tuple[str, ...]], *, numbers: int) -> str:
    """The first row is the head; `numbers`: from which column on cells stand to the right.

    It can be reached with the keyboard, since it scrolls where the page is narrow.
    """
    head, *body = rows
    cells = "".join(
        f'<th scope="col"{_side(place, numbers)}>{text(cell)}</th>' for place, cell in enumerate(head)
    )
    lines = "".join(f"<tr>{''.join(_row(row, numbers))}</tr>" for row in body)
    return (
        '<div class="wide" tabindex="0" role="region" aria-label="Table"><table>'
        f"<thead><tr>{cells}</tr></thead><tbody>{lines}</tbody></table></div>"
    )


def _row(row: tuple[str, ...], numbers: int) -> Iterator[str]:
    """Empty cells at the end belong to the words before them."""
    held = len(row)
    while held > 1 and not row[held - 1]:
        held -= 1
    for place, cell in enumerate(row[:held]):
        wide = held < len(row) and place == held - 1
        told = _named(cell) or _side(place, numbers)
        told = f' class="spread" colspan="{len(row) - place}"' if wide else told
        yield f"<td{told}>{text(cell)}</td>"


def _side(place: int, numbers: int) -> str:
    return ' class="number"' if place >= numbers else ""


def _named(cell: str) -> str:
    """Modes' names are not broken at their hyphen."""
    return ' class="mode"' if cell in NAMES.values() else ""


def _differing(content: Content) -> Iterator[str]:
    if not content.differing:
        return
    yield "<h2>Where the modes differ</h2>"
    if content.differing_left_out:
        more = f"The first {len(content.differing)}; {content.differing_left_out} more are in the JSON."
        yield f'<p class="quiet">{more}</p>'
    for one in content.differing:
        yield _side_by_side(one)


def _sample(sample: Sample) -> Iterator[str]:
    yield f"<h2>{text(sample.title)}</h2>"
    if sample.note:
        yield f'<p class="quiet">{text(sample.note)}</p>'
    for number, one in enumerate(sample.shown):
        yield _side_by_side(one, opened=number < OPENED)


def _side_by_side(one: SideBySide, *, opened: bool = False) -> str:
    wanted = one.question.reference or " / ".join(one.question.answers)
    if not one.question.answerable:
        wanted = "nothing: the documents do not answer it"
    answers = "".join(_answer(one.question, mode, outcome) for mode, outcome in one.outcomes.items())
    return (
        f"<details{' open' if opened else ''}><summary>{text(one.question.text, longest=300)}</summary>"
        f'<p class="quiet">{text(one.question.id)} · wanted: {text(wanted, longest=400)}</p>'
        f'<div class="answers">{answers}</div></details>'
    )


def _answer(question: KnownQuestion, mode: Mode, outcome: Outcome) -> str:
    level = "info" if outcome.right else "error"
    said = outcome.error or outcome.text or "no text"
    head = f'<b>{text(NAMES[mode])}</b> <span class="level {level}">{text(outcome.verdict)}</span>'
    under = " · ".join(_under(question, outcome))
    quiet = f'<p class="quiet">{text(under, longest=500)}</p>' if under else ""
    return f'<div class="answer"><p>{head}</p><p>{text(said, longest=1200)}</p>{quiet}</div>'


def _under(question: KnownQuestion, outcome: Outcome) -> Iterator[str]:
    """Why it is not right, how sure it was, how long it took, and what it cites."""
    kind = kind_of(question, outcome)
    if kind is not None and kind not in (outcome.verdict, "error"):
        yield kind
    if outcome.cut_off:
        yield f"cut off: {outcome.cut_off}"
    if outcome.confidence is not None:
        yield f"confidence {percent(outcome.confidence)}"
    yield f"{outcome.seconds:.2g} s"
    if outcome.cost_usd:
        yield money(outcome.cost_usd)
    cited = [str(one.get("document_name", "")) for one in (outcome.answer or {}).get("citations", ())]
    if cited:
        yield "cites " + ", ".join(dict.fromkeys(cited))


def _again(content: Content) -> Iterator[str]:
    facts = content.facts
    yield "<h2>To run it again</h2>"
    if command := facts.get("command"):
        yield f"<p><code>{text(str(command), longest=2000)}</code></p>"
    yield _table(fact_rows(content), numbers=9)
    yield (
        '<p class="quiet">Every answer was kept with its receipt: <code>python -m app evaluate show '
        f"{text(content.run.id)} --question ID --mode MODE</code> prints it.</p>"
    )
