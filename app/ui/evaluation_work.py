"""A run as work of this process: begun or gone on with from the page, told as it goes, stopped by a button."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.evaluating import Plan, begin, evaluations, go_on, questions_of, spending
from app.evaluation_judging import judge_run
from app.ui.evaluation_session import WORK
from app.ui.jobs import Job, jobs

if TYPE_CHECKING:
    from app.workspace import Workspace
    from chains.limits import Budget
    from evaluation.run_store import Run


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """On which a run is asked."""

    budget: float | None = None  # US dollars; None: as the settings say
    judge: str | None = None  # a chat model's id; None: nobody judges besides
    fresh: bool = False  # nothing is taken over from earlier runs


def start(workspace: Workspace, plan: Plan, terms: Terms) -> Run:
    """Raises GroundtuneError where the questions cannot be read, or the judge cannot judge."""
    if terms.judge is not None:
        workspace.judge(terms.judge)
    run = begin(workspace, plan)
    if terms.judge is not None:
        run = evaluations(workspace).describe(run, {**run.facts, "judge_asked": terms.judge})
    resume(workspace, run, terms)
    return run


def resume(workspace: Workspace, run: Run, terms: Terms | None = None) -> None:
    """With the judge that the run was begun with."""
    terms = terms or Terms()

    def work(job: Job) -> tuple[str, object]:
        stop = threading.Event()
        total = len(questions_of(workspace, run).questions) * len(run.facts["modes"])
        answered = [sum(one.verdict != "error" for one in evaluations(workspace).outcomes(run.id))]

        def told(_outcome: object) -> None:
            answered[0] += 1
            job.show("Asking", min(answered[0], total), total)
            if job.stopped():
                stop.set()

        job.tell("Getting ready")
        money = spending(workspace, terms.budget)
        found = go_on(workspace, run, budget=money, fresh=terms.fresh, stop=stop, on_outcome=told)
        if found.state == "out of budget":
            return "The budget is spent; what was answered is kept.", found.id
        judged = _judged(workspace, found, money, job) if found.state == "done" else ""
        return f"{answered[0]:,} answers{judged}", found.id

    jobs().start(WORK, Job(run.id, "Evaluation", quiet=True), work)


def _judged(workspace: Workspace, run: Run, money: Budget | None, job: Job) -> str:
    """What is told of it, after the number of answers; empty where no judge was asked."""
    judge = run.facts.get("judge_asked")
    return "" if judge is None else f", {_judging(workspace, run, judge, money, job)}"


def _judging(workspace: Workspace, run: Run, judge: str, money: Budget | None, job: Job) -> str:
    stop, counted = threading.Event(), [0]

    def told(_judgement: object) -> None:
        counted[0] += 1
        job.show("Judging the answers", counted[0])
        if job.stopped():
            stop.set()

    job.show("Judging the answers")
    found = judge_run(workspace, run, judge, budget=money, stop=stop, on_judged=told)
    left = found.facts["not_judged"]
    return f"judged by {judge}" + (f" but for {left:,}" if left else "")


def judge_later(workspace: Workspace, run: Run, judge: str, budget: float | None) -> None:
    """A run that has ended, judged as work of its own. Raises SettingsError for a model that cannot judge."""
    workspace.judge(judge)

    def work(job: Job) -> tuple[str, object]:
        told = _judging(workspace, run, judge, spending(workspace, budget), job)
        return told[:1].upper() + told[1:], run.id

    jobs().start(WORK, Job(run.id, "Judging", quiet=True), work)


def at_work(run_id: str) -> bool:
    """Whether this process is asking its questions, or is going to."""
    return any(job.running and job.kind == run_id for job in jobs().of(WORK))
