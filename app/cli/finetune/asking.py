"""python -m app finetune pause|resume|cancel JOB"""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.cli.finetune.following import tell_end
from app.cli.finetune.watch import Job, Json, Place
from app.cli.output import print_json, print_line
from app.workspace import open_workspace

if TYPE_CHECKING:
    from finetune.providers.fine_tuning import FineTuning
    from finetune.providers.orders import JobView


def pause(job: Job, place: Place = None, json: Json = False) -> None:
    """Stop a job at the end of its step, with a checkpoint from which it goes on."""
    _told(_work().pause(job, place=place), "pauses at the end of its step", as_json=json)


def resume(job: Job, place: Place = None, json: Json = False) -> None:
    """Let a paused job go on, accept one that waits for a yes, or send one that broke off before it was sent."""
    _told(_work().resume(job, place=place), "goes on", as_json=json)


def cancel(job: Job, place: Place = None, json: Json = False) -> None:
    """End a job for good. In the cloud, what it has trained so far is billed."""
    _told(_work().cancel(job, place=place), "is being cancelled", as_json=json)


def _work() -> FineTuning:
    from app.tuning_places import fine_tuning

    return fine_tuning(open_workspace())


def _told(job: JobView, said: str, *, as_json: bool) -> None:
    if as_json:
        print_json(job.as_dict())
    elif job.ended or job.status == "paused":
        tell_end(job)
    else:
        print_line(f"{job.id} {said}; it is {job.state.replace('_', ' ')}.")
