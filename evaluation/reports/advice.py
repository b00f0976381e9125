"""The advice in words and tables, for the terminal, the page, Markdown and HTML alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chains.answer import MODES
from evaluation.advice.advisor import Advice, Strength
from evaluation.advice.consultation import Break, Consultation
from evaluation.advice.evidence import Decision
from evaluation.advice.factors import Framework, framework
from evaluation.reports.cost_parts import NOT_KNOWN, part_rows
from evaluation.reports.verdict import NAMES, money, percent
from finetune.reports.html import POLICY, STYLE_SHEET
from finetune.reports.inert import text
from finetune.reports.markdown import plain

__all__ = [
    "as_html",
    "as_markdown",
    "break_said",
    "cost_rows",
    "flip_rows",
    "gate_rows",
    "part_rows",
    "points_rows",
    "recommendation",
]

NOTHING = "–"
VERBS: dict[Strength, str] = {"clear": "Choose", "lean": "Choose", "toss-up": "Begin with"}
Rows = Iterable[tuple[str, ...]]


def recommendation(decision: Decision) -> str:
    """One sentence: what, how strongly, and by what."""
    named = f"{VERBS[decision.strength]} {NAMES[decision.pick]} ({decision.strength})"
    if decision.basis == "questionnaire" and not decision.advice.levels:
        return f"{named}: no question is answered yet, and the simplest comes first."
    if decision.basis == "questionnaire":
        return f"{named}: {_margin(decision.advice)}, by the questionnaire alone."
    by = {
        "measurement": "by what was measured",
        "questionnaire among the tied": "no other is shown to be better, and the questionnaire prefers it",
        "cost": "no other is shown to be better, and it is the cheaper",
        "simplicity": "no other is shown to be better, and it is the simplest",
    }[decision.basis]
    return f"{named}: {by}."


def _margin(advice: Advice) -> str:
    if advice.runner_up is None:
        return "every other mode is ruled out"
    return f"{_signed(advice.margin)[1:] or 'no'} points ahead of {NAMES[advice.runner_up]}"


def points_rows(advice: Advice, by: Framework | None = None) -> Iterator[tuple[str, ...]]:
    """Points by factor, and their sum with the head start of the simplest."""
    by = by or framework()
    yield ("Factor", "Answer", *(NAMES[mode] for mode in MODES), "Source")
    for factor in by.factors:
        level = advice.levels.get(factor.name)
        said = NOT_KNOWN if level is None else factor.levels[level]
        points = (_signed(advice.by_factor[factor.name][mode]) for mode in MODES)
        yield (factor.name, said, *points, factor.source)
    yield ("head start", "the simplest first", _signed(by.head_start), "0", "0", "0", "Judgement")
    yield ("sum", "", *(_sum(advice, place) for place in range(len(MODES))), "")


def _sum(advice: Advice, place: int) -> str:
    mode = MODES[place]
    return _signed(advice.points[mode]) + (" (out)" if mode in advice.out else "")


def gate_rows(decision: Decision) -> Iterator[tuple[str, ...]]:
    yield ("Ruled out", "Because")
    for mode, reasons in decision.advice.out.items():
        for reason in reasons:
            kept = mode in decision.barred or decision.pick != mode
            yield (NAMES[mode], reason if kept else f"{reason} {_refuted(decision)}")


def _refuted(decision: Decision) -> str:
    if decision.basis == "measurement":
        return "The measurement refutes it."
    return "The measurement does not bear it out: no other mode is shown to be better."


def flip_rows(advice: Advice) -> Iterator[tuple[str, ...]]:
    """The answers of which one alone, given otherwise, changes the questionnaire's advice; else the nearest two."""
    yield ("Question", "Now", "If it were", "the advice would be")
    by = framework()
    for one in advice.flips:
        factor, level = by.factor(one.factor), advice.levels.get(one.factor)
        now = NOT_KNOWN if level is None else factor.levels[level]
        yield (factor.question, now, one.said, NAMES[one.pick])
    for pair in advice.pair_flips:
        factors = [by.factor(one.factor) for one in pair]
        levels = [advice.levels.get(factor.name) for factor in factors]
        now = " / ".join(
            NOT_KNOWN if level is None else factor.levels[level]
            for factor, level in zip(factors, levels, strict=True)
        )
        question = " and ".join(factor.question for factor in factors)
        yield (question, now, " / ".join(one.said for one in pair), NAMES[pair[0].pick])


def cost_rows(told: Consultation) -> Iterator[tuple[str, ...]]:
    """At the expected number of questions a month."""
    yield (
        "Mode",
        "A month",
        "Per 1,000",
        "Right",
        "Per 1,000 right",
        "Net value of 1,000",
        "Pays from right",
    )
    for mode in MODES:
        one = told.values[mode]
        right = NOTHING if one.accuracy is None else percent(one.accuracy)
        needed = _needed(one.accuracy_needed)
        usd = (one.per_month, one.per_1000, one.per_1000_correct, one.net_per_1000)
        month, thousand, correct, net = map(_money, usd)
        yield (NAMES[mode], month, thousand, right, correct, net, needed)


def _needed(share: float | None) -> str:
    if share is None:
        return NOTHING
    return percent(share) if share <= 1 else "never: asking costs more"


def break_said(one: Break) -> str:
    pair = f"{NAMES[one.first]} against {NAMES[one.second]}"
    if one.band is None:
        return f"{pair}: not known, for a price is lacking."
    how = (
        "for each correct answer, as often right as measured"
        if one.measured
        else "if both are right as often"
    )
    said = one.band.said()
    cheaper = (
        "never cheaper" if said == "never" else "always cheaper" if said == "always" else f"cheaper {said}"
    )
    return f"{pair}, {how}: {cheaper}."


def _money(usd: float | None) -> str:
    if usd is None:
        return NOTHING
    return f"−{money(-usd)}" if usd < 0 else money(usd)


def _signed(points: float) -> str:
    shown = f"{abs(points):.2f}".rstrip("0").rstrip(".")
    return shown if shown == "0" else f"{'−' if points < 0 else '+'}{shown}"


def _tables(told: Consultation) -> Iterator[tuple[str, list[tuple[str, ...]], int]]:
    """(title, rows, from which column on they are numbers); the empty ones are left out."""
    decision = told.decision
    tables: tuple[tuple[str, Rows, int], ...] = (
        ("Points by factor", points_rows(decision.advice), 99),
        ("Ruled out", gate_rows(decision), 99),
        ("What would change the questionnaire's advice", flip_rows(decision.advice), 99),
        (f"Costs at {told.load.questions:,.0f} questions a month", cost_rows(told), 1),
        ("What the costs are made of", part_rows(told), 99),
    )
    for title, rows, numbers in tables:
        found = list(rows)
        if len(found) > 1:
            yield title, found, numbers


def _notes(told: Consultation) -> Iterator[str]:
    yield from map(break_said, told.breaks)
    yield from told.rates.notes


def as_markdown(told: Consultation) -> str:
    return "\n".join(_markdown(told)) + "\n"


def _markdown(told: Consultation) -> Iterator[str]:
    from evaluation.reports.markdown import markdown_table

    yield from ("# Which mode to choose", "", f"**{plain(recommendation(told.decision))}**")
    for sentence in told.decision.sentences:
        yield from ("", plain(sentence))
    for title, rows, _ in _tables(told):
        yield from ("", f"## {plain(title)}", "", *markdown_table(rows))
    yield from ("", "## When it pays", "", *(f"- {plain(one)}" for one in _notes(told)))


def as_html(told: Consultation) -> str:
    return "".join(_html(told))


def _html(told: Consultation) -> Iterator[str]:
    from evaluation.reports.html import OWN_STYLE

    style = STYLE_SHEET.read_text("utf-8") + OWN_STYLE.read_text("utf-8")
    level = "fine" if told.decision.strength == "clear" else "warning"
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Which mode to choose</title><style>{style}</style></head><body><main>"
    sentences = "".join(
        f"<p>{text(one)}</p>"
        for one in (recommendation(told.decision), *told.decision.sentences, *told.wanted)
    )
    yield f'<h1>Which mode to choose</h1><div class="verdict {level}">{sentences}</div>'
    for title, rows, numbers in _tables(told):
        yield f"<h2>{text(title)}</h2>{_table(rows, numbers)}"
    listed = "".join(f"<li>{text(one)}</li>" for one in _notes(told))
    yield f"<h2>When it pays</h2><ul>{listed}</ul></main></body></html>\n"


def _table(rows: list[tuple[str, ...]], numbers: int) -> str:
    head, *body = rows
    cells = "".join(f"<th>{text(cell)}</th>" for cell in head)
    lines = "".join("<tr>" + "".join(_cells(row, numbers)) + "</tr>" for row in body)
    return f'<div class="wide"><table><tr>{cells}</tr>{lines}</table></div>'


def _cells(row: tuple[str, ...], numbers: int) -> Iterator[str]:
    for place, cell in enumerate(row):
        side = ' class="number"' if place >= numbers else ""
        yield f"<td{side}>{text(cell)}</td>"
