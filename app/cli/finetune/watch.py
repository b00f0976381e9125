"""python -m app finetune watch JOB: every event as it happens; closing it changes nothing for the job."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.finetune.following import follow
from app.workspace import open_workspace

Job = Annotated[str, typer.Argument(help="The job's id, or the beginning of it.")]
Place = Annotated[str | None, typer.Option(help="Where it is, for a job that was started by other means.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def watch(job: Job, place: Place = None, json: Json = False) -> None:
    """Follow a job to its end, from its first event on. Exit status 1 where it does not succeed."""
    from app.tuning_places import fine_tuning

    work = fine_tuning(open_workspace())
    follow(work, work.job(job, place=place), as_json=json)
