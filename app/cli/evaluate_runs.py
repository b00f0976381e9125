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
        _one_answer(name, question, mode)
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


def _one_answer(name: str, question: str, mode: str | None) -> None:
    from app.evaluating import evaluations

    store = evaluations(open_workspace())
    found = [
        one
        for one in store.outcomes(store.run(name).id)
        if one.question == question and mode in (None, one.mode)
    ]
    if not found:
        raise EvaluationNotFoundError(f"The run holds no answer to question {question!r} in this mode.")
    from chains.restoring import record

    print_json([record(one) for one in found])


def _as_dict(run: Run) -> dict[str, object]:
    return {"id": run.id, "state": run.state, "created_at": run.created_at, **run.facts}
