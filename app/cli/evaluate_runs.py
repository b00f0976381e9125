"""python -m app evaluate runs|show|export|remove: what earlier evaluations found, down to a single answer's receipt."""

from __future__ import annotations

import datetime
import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line
from app.workspace import open_workspace
from errors import EvaluationNotFoundError

if TYPE_CHECKING:
    from evaluation.judging import KnownQuestion
    from evaluation.outcomes import Outcome
    from evaluation.run_store import Run

Name = Annotated[str, typer.Argument(help="A run's id, or the beginning of it.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def runs(json: Json = False) -> None:
    """List evaluation runs, the newest first."""
    from app.evaluating import evaluations

    found = evaluations(open_workspace()).runs()
    if json:
        print_json([_as_dict(run) for run in found])
        return
    if not found:
        print_line("No evaluation was run yet: python -m app evaluate answers")
    for run in found:
        begun = datetime.datetime.fromtimestamp(run.created_at).astimezone().strftime("%Y-%m-%d %H:%M")
        modes = ", ".join(run.facts.get("modes", []))
        print_line(f"{run.id}  {begun}  {run.state:13}  {run.facts.get('question_set', '')}  {modes}")


def show(
    name: Name,
    question: Annotated[str | None, typer.Option(help="One question, by its id.")] = None,
    mode: Annotated[str | None, typer.Option(help="With --question: one mode.")] = None,
    out: Annotated[Path | None, typer.Option(help="A report to write: .html, .md, .json or .csv.")] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(help="A cost figure of yours: questions=20000, saving=3, cost_wrong=40 ..."),
    ] = None,
    json: Json = False,
) -> None:
    """Show a run again: its verdict and table, its report, or one answer with its receipt."""
    from app.cli.evaluate_answers import cost_figures, print_run, write_reports
    from evaluation.reports.exports import document

    workspace = open_workspace()
    if question is not None:
        _one_question(name, question, mode, json=json)
        return
    from app.evaluating import content_of_run

    content = content_of_run(workspace, name, cost_figures(cost))
    written = write_reports(content, out) if out is not None else []
    if json:
        print_json(document(content))
    else:
        print_run(content, content.run, written)


def export(
    name: Name,
    to: Annotated[str, typer.Option(help="mlflow, inspect or langfuse.")],
    out: Annotated[Path, typer.Option(help="The JSONL file to write.")],
) -> None:
    """Write a run's rows in the form of another tool."""
    from app.evaluating import content_of_run
    from evaluation.reports.exports import rows_for
    from loaders.jsonl import write_whole

    rows = list(rows_for(content_of_run(open_workspace(), name), to))
    with write_whole(out) as file:
        for row in rows:
            file.write(json_module.dumps(row, ensure_ascii=False) + "\n")
    print_line(f"{len(rows)} rows written to {out}")


def remove(name: Name) -> None:
    """Remove a run and its answers for good."""
    from app.evaluating import remove_run

    print_line(f"{remove_run(open_workspace(), name)} is removed.")


def _one_question(name: str, question: str, mode: str | None, *, json: bool) -> None:
    from app.evaluating import evaluations, questions_of

    workspace = open_workspace()
    store = evaluations(workspace)
    run = store.run(name)
    found = [one for one in store.outcomes(run.id) if one.question == question and mode in (None, one.mode)]
    if not found:
        raise EvaluationNotFoundError(f"The run holds no answer to question {question!r} in this mode.")
    if json:
        from chains.restoring import record

        print_json([record(one) for one in found])
        return
    asked = next(one for one in questions_of(workspace, run).questions if one.id == question)
    _print_question(asked)
    for outcome in found:
        _print_outcome(asked, outcome)


def _print_question(asked: KnownQuestion) -> None:
    print_line(f"{asked.id}: {asked.text}")
    if not asked.answerable:
        print_line("Right is to refuse: the documents do not answer it.")
    elif right := " | ".join(asked.answers) or asked.reference:
        print_line(f"Right is: {right}")
    if asked.documents:
        print_line(f"Stands in: {', '.join(asked.documents)}")


def _print_outcome(asked: KnownQuestion, outcome: Outcome) -> None:
    from app.cli.answer_text import print_answer
    from chains.restoring import answer_from_dict
    from evaluation.failures import kind_of
    from evaluation.reports.verdict import NAMES

    why = kind_of(asked, outcome)
    cut = ", cut off" if outcome.cut_off else ""
    print_line(f"\n--- {NAMES[outcome.mode]}: {outcome.verdict}{cut}{f' ({why})' if why else ''}")
    print_line(outcome.error or outcome.text)
    if outcome.answer is not None:
        print_answer(answer_from_dict(outcome.answer))


def _as_dict(run: Run) -> dict[str, object]:
    return {"id": run.id, "state": run.state, "created_at": run.created_at, **run.facts}
