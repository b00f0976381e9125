"""A run as work of this process: begun or gone on with from the page, told as it goes, stopped by a button."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from app.evaluating import Plan, begin, evaluations, go_on, questions_of
from app.ui.evaluation_session import WORK
from app.ui.jobs import Job, jobs

if TYPE_CHECKING:
    from app.workspace import Workspace
    from evaluation.run_store import Run


def start(workspace: Workspace, plan: Plan, *, budget: float | None, fresh: bool) -> Run:
    """Raises GroundtuneError where the questions cannot be read."""
    run = begin(workspace, plan)
    resume(workspace, run, budget=budget, fresh=fresh)
    return run


def resume(workspace: Workspace, run: Run, *, budget: float | None = None, fresh: bool = False) -> None:
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
        found = go_on(workspace, run, budget=budget, fresh=fresh, stop=stop, on_outcome=told)
        if found.state == "out of budget":
            return "The budget is spent; what was answered is kept.", found.id
        return f"{answered[0]:,} answers", found.id

    jobs().start(WORK, Job(run.id, "Evaluation", quiet=True), work)


def at_work(run_id: str) -> bool:
    """Whether this process is asking its questions, or is going to."""
    return any(job.running and job.kind == run_id for job in jobs().of(WORK))
