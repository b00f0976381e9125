"""python -m app evaluate answers: the four modes on your own questions, with intervals, cost and time.

    python -m app evaluate answers --questions questions.csv --kb NAME --out report.html
    python -m app evaluate answers --questions questions.csv --modes rag,hybrid --budget 2 --gate "rag.right>=0.7"
    python -m app evaluate answers --resume run-1a2b3c

The columns of a question file: evaluation/question_files.py.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_args

import typer

from app.cli.ingest import load_sample
from app.cli.output import print_json, print_line, say
from app.workspace import SAMPLE, Workspace, open_workspace
from chains.answer import MODES, Mode
from errors import EvaluationError, SettingsError

if TYPE_CHECKING:
    from evaluation.question_files import QuestionSet
    from evaluation.reports.content import Content
    from evaluation.run_store import Run

SAID_EVERY = 20  # answers
FORMS = (".html", ".htm", ".md", ".json", ".csv")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    questions: Path
    modes: tuple[Mode, ...]
    kb: str
    k: int
    budget: float | None
    workers: int | None
    fresh: bool
    training: Path | None


def answers(
    questions: Annotated[
        Path | None, typer.Option(help="CSV, XLSX or JSONL of questions with their answers.")
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
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Ask every question in every mode and say which way pays."""
    from evaluation.reports.exports import document

    workspace = open_workspace()
    if out is not None and out.suffix.lower() not in FORMS:
        raise typer.BadParameter(f"name a file that ends in one of {', '.join(FORMS)}", param_hint="--out")
    if resume is None and questions is None:
        raise typer.BadParameter("name a file of questions, or --resume RUN", param_hint="--questions")
    run, asked = _begun(workspace, resume, questions, _modes(modes), kb, k, budget, workers, fresh, training)
    found, content = _finished(workspace, run, asked)
    written = write_reports(content, out) if out is not None else []
    failed = _gates(workspace, content, gate or [], against)
    if json:
        print_json(document(content) | {"failed": failed, "written": [str(path) for path in written]})
    else:
        print_run(content, found, written)
    for sentence in failed:
        say(sentence)
    if failed:
        raise typer.Exit(1)


def _modes(given: str) -> tuple[Mode, ...]:
    names = [one.strip() for one in given.split(",") if one.strip()]
    wrong = [one for one in names if one not in get_args(Mode)]
    if wrong or not names:
        raise typer.BadParameter(f"{wrong or 'nothing'}: modes are {', '.join(MODES)}", param_hint="--modes")
    return tuple(mode for mode in MODES if mode in names)


def _begun(
    workspace: Workspace,
    resume: str | None,
    questions: Path | None,
    modes: tuple[Mode, ...],
    kb: str,
    k: int,
    budget: float | None,
    workers: int | None,
    fresh: bool,
    training: Path | None,
) -> tuple[Run, _Asked]:
    from app.evaluating import evaluations

    store = evaluations(workspace)
    if resume is not None:
        run = store.run(resume)
        kept = run.facts
        asked = _Asked(
            questions=Path(kept["questions_file"]), modes=tuple(kept["modes_asked"]), kb=kept["knowledge_base"],
            k=kept["k"], budget=budget, workers=workers, fresh=fresh, training=None,
        )  # fmt: skip
        return run, asked
    assert questions is not None
    asked = _Asked(
        questions=questions,
        modes=modes,
        kb=kb,
        k=k,
        budget=budget,
        workers=workers,
        fresh=fresh,
        training=training,
    )
    return store.begin(_facts(workspace, asked)), asked


def _facts(workspace: Workspace, asked: _Asked) -> dict[str, Any]:
    from app.evaluating import facts_of

    if asked.kb == SAMPLE:
        load_sample()
    read = _questions(asked)
    command = ["python", "-m", "app", "evaluate", "answers", "--questions", str(asked.questions)]
    command += ["--modes", ",".join(asked.modes), "--kb", asked.kb, "--k", str(asked.k)]
    return {
        "question_set": read.name,
        "questions_file": str(asked.questions.absolute()),
        "questions_sha256": read.sha256,
        "modes_asked": list(asked.modes),
        "modes": list(asked.modes),
        "k": asked.k,
        "command": shlex.join(command),
        **facts_of(workspace, asked.kb),
    }


def _questions(asked: _Asked) -> QuestionSet:
    from evaluation.question_files import read_question_set

    read = read_question_set(asked.questions)
    for sentence in read.refused[:5]:
        say(f"  left out: {sentence}")
    if len(read.refused) > 5:
        say(f"  ... and {len(read.refused) - 5} more rows.")
    if asked.training is not None:
        _refuse_leaks(read, asked.training)
    return read


def _refuse_leaks(read: QuestionSet, training: Path) -> None:
    from evaluation.leaks import taught_questions

    taught = taught_questions(read.questions, training)
    if taught:
        shown = ", ".join(taught[:5]) + (" ..." if len(taught) > 5 else "")
        raise SettingsError(
            f"{len(taught)} of the questions were taught ({shown}): a model that learnt the answer proves nothing. "
            "Take them out of the questions, or of the training rows."
        )


def _finished(workspace: Workspace, run: Run, asked: _Asked) -> tuple[Run, Content]:
    from app.evaluating import arms, evaluations
    from chains.limits import Budget
    from evaluation.reports.content import content_of
    from evaluation.running import run_all

    store, read = evaluations(workspace), _questions(asked)
    if run.facts.get("questions_sha256") != read.sha256:
        raise EvaluationError(f"{asked.questions} has changed since {run.id} began: begin a new run.")
    from app.model_settings import evaluation_budget

    spending = (
        Budget(asked.budget, what="evaluation")
        if asked.budget is not None
        else evaluation_budget(workspace.settings)
    )
    ready, missing = arms(workspace, asked.modes, asked.kb, k=asked.k, budget=spending)
    for reason in missing.values():
        say(f"  left out: {reason}")
    if not ready:
        raise EvaluationError("None of these modes can run: " + " ".join(missing.values()))
    counted = _Counted(total=len(read.questions) * len(ready))
    workers = asked.workers or (4 if workspace.chat_connected else 1)
    finished = run_all(
        read.questions, ready, store=store, run=run, encoder=workspace.encoder, workers=workers,
        fresh=asked.fresh, on_outcome=counted,
    )  # fmt: skip
    facts = dict(run.facts) | {"modes": [arm.mode for arm in ready], "not_run": missing, "workers": workers}
    finished = store.describe(finished, facts)
    return finished, content_of(finished, read.questions, store.outcomes(run.id))


class _Counted:
    """Says now and then how far it is, on stderr."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0

    def __call__(self, _outcome: object) -> None:
        self._done += 1
        if self._done % SAID_EVERY == 0 or self._done == self._total:
            say(f"  {self._done} of {self._total} answers")


def write_reports(content: Content, out: Path) -> list[Path]:
    """`out` .html: all four forms beside each other; otherwise that form alone."""
    from evaluation.reports.exports import as_csv, as_json
    from evaluation.reports.html import as_html
    from evaluation.reports.markdown import as_markdown
    from loaders.jsonl import write_whole

    forms = {".html": as_html, ".htm": as_html, ".md": as_markdown, ".json": as_json, ".csv": as_csv}
    wanted = (
        (out.suffix, ".md", ".json", ".csv") if out.suffix.lower() in (".html", ".htm") else (out.suffix,)
    )
    written = [out.with_suffix(suffix) for suffix in wanted]
    for path in written:
        with write_whole(path) as file:
            file.write(forms[path.suffix.lower()](content))
    return written


def _gates(workspace: Workspace, content: Content, conditions: list[str], against: str | None) -> list[str]:
    from app.evaluating import evaluations
    from evaluation.gate import check, regressions

    failed = check(content.summary, conditions)
    if against is not None:
        store = evaluations(workspace)
        failed += regressions(store.outcomes(store.run(against).id), content.outcomes)
    return failed


def print_run(content: Content, run: Run, written: list[Path]) -> None:
    from evaluation.reports.markdown import markdown_table
    from evaluation.reports.tables import brief_rows

    for sentence in content.verdict.sentences:
        print_line(sentence)
    print_line("")
    for line in markdown_table(brief_rows(content.summary)):
        print_line(line)
    state = "" if run.state == "done" else f" ({run.state}: --resume {run.id} goes on)"
    print_line(f"\nRun {run.id}{state}")
    for path in written:
        print_line(f"written: {path}")
