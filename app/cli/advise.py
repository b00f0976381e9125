"""python -m app advise: which of the four modes to choose, by your answers, and by evidence as soon as there is some.

python -m app advise                                          asks, factor by factor; Enter: not known
python -m app advise --set volatility=4 --set attribution=3   the answers that are known
python -m app advise --save answers.toml                      asks, and writes the answers down, to be changed and used
python -m app advise --answers answers.toml --out advice.html
python -m app advise --answers answers.toml --cost questions=20000 --model openai:gpt-6-luna
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line, say
from app.workspace import Workspace, open_workspace

if TYPE_CHECKING:
    from evaluation.advice.consultation import Consultation
    from evaluation.advice.evidence import Evidence

FORMS = (".html", ".htm", ".md")
NO_RUN = "none"
REASONS = 4  # named before the table


def advise(
    answers: Annotated[
        Path | None, typer.Option(help="Answers in a .toml or .json file: volatility = 4, or the words.")
    ] = None,
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--set", help="One answer: volatility=4. A level from 0 to 4, its words, or ? for not known."
        ),
    ] = None,
    run: Annotated[
        str | None, typer.Option(help='An evaluation run; default the newest; "none" for no evidence.')
    ] = None,
    cost: Annotated[
        list[str] | None, typer.Option(help="A cost figure: questions=20000, labour_hours=6, saving=50 ...")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model whose price counts: openai:NAME.")] = None,
    tuned_model: Annotated[str | None, typer.Option(help="The tuned one, or the base to tune.")] = None,
    save: Annotated[
        Path | None, typer.Option(help="Write the answers to this .toml file; with none, one to fill in.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="A file to write: .md or .html.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Say which mode to choose, why, what would change it, and when it pays."""
    from app.advising import advised, levels_of, read_answers, write_answers

    if out is not None and out.suffix.lower() not in FORMS:
        raise typer.BadParameter(f"name a file that ends in one of {', '.join(FORMS)}", param_hint="--out")
    if save is not None and save.suffix.lower() != ".toml":
        raise typer.BadParameter("name a file that ends in .toml", param_hint="--save")
    asked, figures = read_answers(answers) if answers is not None else ({}, {})
    asked |= _pairs(given or [], "--set")
    figures |= _pairs(cost or [], "--cost")
    levels = levels_of(asked)
    if answers is None and not given and not json and sys.stdin.isatty():
        from app.cli.advise_questions import ask_levels

        levels = ask_levels()
    if save is not None:
        write_answers(save, levels, figures)
    workspace = open_workspace()
    told = advised(
        workspace,
        levels,
        evidence=_evidence(workspace, run),
        costs=figures,
        model=model,
        tuned_model=tuned_model,
    )
    if out is not None:
        _write(told, out)
    if json:
        print_json(told.as_dict() | {"written": [str(one) for one in (save, out) if one is not None]})
        return
    print_advice(told)
    for one in (save, out):
        if one is not None:
            print_line(f"\nwritten: {one}")


def _pairs(given: list[str], option: str) -> dict[str, object]:
    found: dict[str, object] = {}
    for one in given:
        name, equals, value = one.partition("=")
        if not equals or not name.strip():
            raise typer.BadParameter(f"{one!r}: write NAME=VALUE", param_hint=option)
        if found.setdefault(name.strip(), value.strip()) != value.strip():
            raise typer.BadParameter(
                f"{name.strip()} is given twice, {found[name.strip()]!r} and {value.strip()!r}",
                param_hint=option,
            )
    return found


def _evidence(workspace: Workspace, run: str | None) -> Evidence | None:
    from app.advising import evidence_of, newest_evidence

    if run == NO_RUN:
        return None
    if run is not None:
        return evidence_of(workspace, run)
    found, problem = newest_evidence(workspace)
    if problem:
        say(problem)
    return found


def _write(told: Consultation, out: Path) -> None:
    from evaluation.reports.advice import as_html, as_markdown
    from loaders.jsonl import write_whole

    written = as_markdown(told) if out.suffix.lower() == ".md" else as_html(told)
    with write_whole(out) as file:
        file.write(written)


def print_advice(told: Consultation) -> None:
    from evaluation.reports.advice import (
        break_said,
        cost_rows,
        flip_rows,
        gate_rows,
        points_rows,
        recommendation,
    )
    from evaluation.reports.verdict import NAMES

    decision, advice = told.decision, told.decision.advice
    print_line(recommendation(decision))
    for sentence in (*decision.sentences, *told.wanted):
        print_line(sentence)
    if not advice.levels:
        print_line("No question is answered: --set volatility=4 --set style=3 ..., or run it on a terminal.")
    named = NAMES[advice.pick]  # which a measurement may have outweighed
    for title, reasons in ((f"For {named}", advice.reasons), (f"Against {named}", advice.against)):
        for one in reasons[:REASONS]:
            print_line(f"  {title}: {one.factor}, {one.said} ({one.points:+.2f})")
    _table("Points by factor", [row[:-1] for row in points_rows(advice)])
    _sources(told)
    _table("Ruled out", list(gate_rows(decision)))
    _table("What would change the questionnaire's advice", list(flip_rows(advice)))
    _table(f"Costs at {told.load.questions:,.0f} questions a month", list(cost_rows(told)))
    print_line("\nWhen it pays")
    for sentence in (*map(break_said, told.breaks), *told.rates.notes):
        print_line(f"  {sentence}")


def _sources(told: Consultation) -> None:
    """Of the factors that are answered."""
    from evaluation.advice.factors import framework

    answered = [factor for factor in framework().factors if factor.name in told.decision.advice.levels]
    if answered:
        print_line("\nSources")
    for factor in answered:
        print_line(f"  {factor.name}: {factor.source}")


def _table(title: str, rows: list[tuple[str, ...]]) -> None:
    """Columns of even width; nothing where there is only the head."""
    if len(rows) < 2:
        return
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    print_line(f"\n{title}")
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print_line("  " + "  ".join(cells).rstrip())
