"""python -m app evaluate answers: the four modes on your own questions, with intervals, cost and time.

    python -m app evaluate answers                                the sample company's two sets of questions
    python -m app evaluate answers --questions questions.csv --kb NAME --out report.html
    python -m app evaluate answers --questions questions.csv --modes rag,hybrid --budget 2 --gate "rag.right>=0.7"
    python -m app evaluate answers --resume run-1a2b3c

The columns of a question file: evaluation/question_files.py. --questions may be given several times.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from app.cli.evaluate_runs import SAID_EVERY, judged
from app.cli.ingest import load_sample
from app.cli.output import INTERRUPTED, print_json, print_line, say
from app.workspace import SAMPLE, Workspace, open_workspace
from chains.answer import MODES, Mode
from errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from app.evaluating import Plan
    from chains.limits import Budget
    from evaluation.gate import Condition
    from evaluation.reports.content import Content
    from evaluation.run_store import Run

FORMS = (".html", ".htm", ".md", ".json", ".csv")


def answers(
    ctx: typer.Context,
    questions: Annotated[
        list[Path] | None,
        typer.Option(
            help="CSV, XLSX or JSONL of questions with their answers; the sample company's if none."
        ),
    ] = None,
    modes: Annotated[str, typer.Option(help="Which modes, with commas.")] = ",".join(MODES),
    kb: Annotated[str, typer.Option(help="The knowledge base of RAG and hybrid.")] = SAMPLE,
    k: Annotated[int, typer.Option(min=1, max=50, help="Passages to read.")] = 5,
    budget: Annotated[float | None, typer.Option(min=0.0, help="US dollars that may be spent.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Questions asked at a time.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Do not take over answers of earlier runs.")] = False,
    resume: Annotated[str | None, typer.Option(help="Go on with this run.")] = None,
    training: Annotated[
        Path | None,
        typer.Option(help="The rows a model was tuned on: a question that was taught is refused."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="A report to write: .html (with .md, .json and .csv beside it) or one form."),
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(help='A condition such as "rag.right>=0.7"; exit status 1 where it fails.'),
    ] = None,
    against: Annotated[
        str | None, typer.Option(help="A stored run: exit status 1 where a mode got worse.")
    ] = None,
    judge: Annotated[
        str | None,
        typer.Option(help="A chat model that judges the answers too, by its id; named in the report."),
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(help="A cost figure of yours: questions=20000, saving=3, cost_wrong=40 ..."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask every question in every mode and say which way pays."""
    from evaluation.gate import parsed
    from evaluation.reports.exports import document

    conditions = [parsed(one) for one in gate or []]
    if out is not None and out.suffix.lower() not in FORMS:
        raise typer.BadParameter(f"name a file that ends in one of {', '.join(FORMS)}", param_hint="--out")
    if resume is not None:
        _check_nothing_else_is_asked(ctx)
    plan = _plan(questions, _modes(modes), kb, k, cost_figures(cost))
    _check_gates(conditions, plan if resume is None else None)
    if judge is not None:
        open_workspace().judge(judge)
    run = _begun(plan, resume, against, training)
    money = _spending(budget)
    found = _asked(run, budget=money, workers=workers, fresh=fresh)
    if judge is not None:
        found = judged(found, judge, money)
    content = _content(found, plan.costs)
    written = write_reports(content, out) if out is not None else []
    failed = [*_errors(content), *_gates(open_workspace(), content, conditions, against)]
    if json:
        print_json(document(content) | {"failed": failed, "written": [str(path) for path in written]})
    else:
        print_run(content, found, written)
    for sentence in failed:
        say(sentence)
    if failed:
        raise typer.Exit(1)


def _check_nothing_else_is_asked(ctx: typer.Context) -> None:
    """A run goes on with what it was begun with: what is said otherwise would be passed over in silence."""
    for name in ("questions", "modes", "kb", "k", "training"):
        if (source := ctx.get_parameter_source(name)) is not None and source.name != "DEFAULT":
            raise typer.BadParameter(
                "a run goes on with the questions, modes and documents that it was begun with: leave this out, or "
                "begin another run (its answers are taken over)",
                param_hint=f"--{name}",
            )


def _modes(given: str) -> tuple[Mode, ...]:
    names = [one.strip() for one in given.split(",") if one.strip()]
    wrong = [one for one in names if one not in get_args(Mode)]
    if wrong or not names:
        said = ", ".join(map(repr, wrong)) or "nothing"
        raise typer.BadParameter(f"{said}: modes are {', '.join(MODES)}", param_hint="--modes")
    return tuple(mode for mode in MODES if mode in names)


def _check_gates(conditions: list[Condition], plan: Plan | None) -> None:
    """A gate on a mode that is not asked could only fail, after all the asking."""
    wrong = [one for one in conditions if plan is not None and one.mode not in plan.modes]
    if wrong and plan is not None:
        raise typer.BadParameter(
            f"{wrong[0].text!r} is of a mode that is not asked; asked are {', '.join(plan.modes)}",
            param_hint="--gate",
        )


def cost_figures(given: list[str] | None) -> dict[str, float]:
    """Of `NAME=VALUE`. Raises SettingsError for a figure that there is not, or that cannot be used."""
    from evaluation.advice.costs import workload_with

    pairs = [one.partition("=") for one in given or []]
    wrong = next((name for name, equals, _ in pairs if not equals), None)
    if wrong is not None:
        raise typer.BadParameter(f"{wrong!r}: write NAME=VALUE", param_hint="--cost")
    figures = {name.strip(): value.strip() for name, _, value in pairs}
    held = workload_with(figures).as_dict()
    return {name: held[name] for name in figures}


def _plan(
    questions: list[Path] | None, modes: tuple[Mode, ...], kb: str, k: int, costs: dict[str, float]
) -> Plan:
    from app.evaluating import SAMPLE_SETS, Plan, QuestionFile

    if not questions and kb != SAMPLE:
        raise typer.BadParameter(
            f"name a file of questions on {kb!r}: those that come along are the sample company's",
            param_hint="--questions",
        )
    sets = tuple(QuestionFile(path=path) for path in questions or ())
    return Plan(sets=sets or SAMPLE_SETS, modes=modes, knowledge_base=kb, k=k, costs=costs)


def _begun(plan: Plan, resume: str | None, against: str | None, training: Path | None) -> Run:
    """What is wrong with the call is found before anything is asked."""
    from app.evaluating import begin, evaluations

    workspace = open_workspace()
    store = evaluations(workspace)
    if against is not None:
        store.run(against)
    run = store.run(resume) if resume is not None else None
    if (run.facts["knowledge_base"] if run else plan.knowledge_base) == SAMPLE:
        load_sample()
    if run is not None:
        return run
    _checked(workspace, plan, training)
    run = begin(workspace, plan)
    if taught := run.facts["taught"]:
        say(f"  {taught}")
    return run


def _checked(workspace: Workspace, plan: Plan, training: Path | None) -> None:
    """Rows that are no questions are told, and documents that are not there; what was taught is refused."""
    from app.evaluating import read_sets, strangers
    from evaluation.leaks import taught_questions

    read = read_sets(plan.sets)
    for sentence in read.columns:
        say(f"  {sentence}")
    for sentence in read.refused[:5]:
        say(f"  left out: {sentence}")
    if len(read.refused) > 5:
        say(f"  ... and {len(read.refused) - 5} more rows.")
    if told := strangers(workspace, plan, read):
        say(f"  {told}")
    if training is not None and (taught := taught_questions(read.questions, training)):
        shown = ", ".join(taught[:5]) + (" ..." if len(taught) > 5 else "")
        raise SettingsError(
            f"{len(taught)} of the questions were taught ({shown}): a model that learnt the answer proves nothing. "
            "Take them out of the questions, or of the training rows."
        )


def _spending(budget: float | None) -> Budget | None:
    from app.evaluating import spending

    return spending(open_workspace(), budget)


def _asked(run: Run, *, budget: Budget | None, workers: int | None, fresh: bool) -> Run:
    from app.evaluating import go_on, questions_of

    workspace = open_workspace()
    total = len(questions_of(workspace, run).questions)
    try:
        found = go_on(
            workspace, run, budget=budget, workers=workers, fresh=fresh, on_outcome=_Counted(total, run)
        )
    except KeyboardInterrupt:
        say(f"Stopped; what was answered is kept: python -m app evaluate answers --resume {run.id} goes on.")
        raise typer.Exit(INTERRUPTED) from None
    for reason in found.facts["not_run"].values():
        say(f"  left out: {reason}")
    if spent := found.facts.get("spent"):
        say(f"  {spent}")
    return found


def _content(run: Run, costs: Mapping[str, float]) -> Content:
    from app.evaluating import content_of_run

    return content_of_run(open_workspace(), run.id, costs)


class _Counted:
    """Says now and then how far it is, on stderr; the first time with the run's name."""

    def __init__(self, questions: int, run: Run) -> None:
        self._questions = questions
        self._done = 0
        say(f"{run.id}: {questions} questions")

    def __call__(self, _outcome: object) -> None:
        self._done += 1
        if self._done % SAID_EVERY == 0:
            say(f"  {self._done} answers")


def write_reports(content: Content, out: Path) -> list[Path]:
    """`out` .html: all four forms beside each other; otherwise that form alone. Makes its folder."""
    from evaluation.reports.exports import as_csv, as_json
    from evaluation.reports.html import as_html
    from evaluation.reports.markdown import as_markdown
    from loaders.jsonl import write_whole

    forms = {".html": as_html, ".htm": as_html, ".md": as_markdown, ".json": as_json, ".csv": as_csv}
    suffix = out.suffix.lower()
    if suffix not in forms:
        raise SettingsError(f"{str(out)!r} names no form: end it in one of {', '.join(FORMS)}.")
    wanted = (out.suffix, ".md", ".json", ".csv") if suffix in (".html", ".htm") else (out.suffix,)
    written = [out.with_suffix(one) for one in wanted]
    out.parent.mkdir(parents=True, exist_ok=True)
    for path in written:
        with write_whole(path) as file:
            file.write(forms[path.suffix.lower()](content))
    return written


def _errors(content: Content) -> list[str]:
    """A run without one answer has failed, gate or no gate; one with some answers tells of the others."""
    from evaluation.outcomes import errors_told

    told = errors_told(content.outcomes)
    if not told:
        return []
    further = f"python -m app evaluate answers --resume {content.run.id} asks them again."
    if all(one.verdict == "error" for one in content.outcomes):
        return [f"{told} {further}"]
    say(f"  {told} {further}")
    return []


def _gates(
    workspace: Workspace, content: Content, conditions: list[Condition], against: str | None
) -> list[str]:
    from app.evaluating import content_of_run
    from evaluation.gate import check, regressions

    failed = check(content.summary, conditions, worth=content.worth)
    if content.run.state != "done":
        failed += [f"The run is not whole ({content.run.state}): --resume {content.run.id} goes on."] * bool(
            conditions or against
        )
    if against is not None:
        failed += regressions(content_of_run(workspace, against), content)
    return failed


def print_run(content: Content, run: Run, written: list[Path]) -> None:
    from evaluation.outcomes import cut_off_notes
    from evaluation.reports.tables import brief_rows, in_columns, set_rows
    from evaluation.reports.verdict import NAMES

    for sentence in content.verdict.sentences:
        print_line(sentence)
    for rows in (brief_rows(content.summary), set_rows(content.summary, content.sets)):
        told = list(rows)
        for line in ["", *in_columns(told)] if len(told) > 1 else []:
            print_line(line)
    for note in cut_off_notes(content.outcomes):
        print_line(f"\n{note}")
    models = [f"{NAMES[one.mode]} {one.model}" for one in content.summary.modes.values() if one.model]
    print_line(f"\nAnswered by: {', '.join(models)}" if models else "")
    state = "" if run.state == "done" else f" ({run.state}: --resume {run.id} goes on)"
    print_line(f"Run {run.id}{state}")
    for path in written:
        print_line(f"written: {path}")
