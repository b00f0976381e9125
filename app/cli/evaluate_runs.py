"""python -m app evaluate runs|show|judge|export|remove: earlier evaluations, down to one answer's receipt."""

from __future__ import annotations

import datetime
import json as json_module
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import INTERRUPTED, print_json, print_line, say
from app.workspace import open_workspace
from errors import EvaluationNotFoundError

if TYPE_CHECKING:
    from chains.limits import Budget as SpendingBudget
    from evaluation.judging import KnownQuestion
    from evaluation.outcomes import Outcome
    from evaluation.run_store import Run

SAID_EVERY = 20  # answers
Name = Annotated[str, typer.Argument(help="A run's id, or the beginning of it.")]
Budget = Annotated[float | None, typer.Option(min=0.0, help="US dollars that may be spent.")]
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


def judge(
    name: Name,
    judge: Annotated[
        str | None,
        typer.Option(help="A chat model, by its id; else the run's judge, or the connected chat model."),
    ] = None,
    budget: Budget = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Answers judged at a time.")] = None,
    json: Json = False,
) -> None:
    """Have a chat model judge a run's answers, those that it has not judged yet."""
    from app.evaluating import content_of_run, evaluations, spending
    from app.evaluation_judging import judge_of
    from evaluation.judged_answers import judge_notes
    from evaluation.reports.exports import document

    workspace = open_workspace()
    run = evaluations(workspace).run(name)
    found = judged(run, judge or judge_of(workspace, run), spending(workspace, budget), workers)
    content = content_of_run(workspace, found.id)
    if json:
        print_json(document(content))
    else:
        for note in judge_notes(found.facts, content.outcomes, content.questions):
            print_line(note)
    if found.facts["not_judged"] and not any("judged" in one.scores for one in content.outcomes):
        raise typer.Exit(1)  # the reason was said


def judged(run: Run, model: str, budget: SpendingBudget | None, workers: int | None = None) -> Run:
    """With its judge's word; what is left is told."""
    from app.evaluation_judging import judge_run

    try:
        found = judge_run(open_workspace(), run, model, budget=budget, workers=workers, on_judged=_Counted())
    except KeyboardInterrupt:
        say(
            f"Stopped; what was judged is kept: python -m app evaluate judge {run.id} --judge {model} goes on."
        )
        raise typer.Exit(INTERRUPTED) from None
    left, failed, stopped = (found.facts[name] for name in ("not_judged", "judge_failed", "judge_stopped"))
    if stopped:
        say(f"  The judge stopped, {left} answers are not judged; the run is kept. {stopped}")
    elif left:
        say(f"  {left} answers could not be judged: {failed}")
    return found


class _Counted:
    """Says now and then how far the judge is, on stderr."""

    def __init__(self) -> None:
        self._done = 0

    def __call__(self, _judgement: object) -> None:
        self._done += 1
        if self._done % SAID_EVERY == 0:
            say(f"  {self._done} answers judged")


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
