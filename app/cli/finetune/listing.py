"""python -m app finetune list | show JOB | places: what is trained where, and where it can be."""

from __future__ import annotations

import datetime
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.finetune.following import tell, tell_end
from app.cli.finetune.watch import Job, Json, Place
from app.cli.output import print_json, print_line, say
from app.workspace import open_workspace

if TYPE_CHECKING:
    from finetune.providers.orders import JobView

LAST_EVENTS = 20


def list_jobs(
    refresh: Annotated[bool, typer.Option("--refresh", help="Ask the cloud places too.")] = False,
    json: Json = False,
) -> None:
    """All jobs, here and elsewhere, the newest first."""
    from app.tuning_places import fine_tuning

    jobs = fine_tuning(open_workspace()).jobs(refresh=refresh)
    if json:
        print_json([job.as_dict() for job in jobs])
        return
    if not jobs:
        say("No job yet. Start one: python -m app finetune start examples/training.jsonl")
        return
    print_line(
        f"{'job':32} {'place':7} {'status':17} {'base':24} {'started':16} {'took':>8} {'cost':>8}  model"
    )
    for job in jobs:
        print_line(_line(job))


def _line(job: JobView) -> str:
    started = _minute(job.created_at)
    cost = "free" if job.place == "local" else f"${job.cost_usd:,.2f}" if job.cost_usd is not None else "-"
    model = job.fine_tuned_model or job.problem or ""
    return (
        f"{job.id[:32]:32} {job.place:7} {job.state.replace('_', ' ')[:17]:17} {job.model[:24]:24} {started:16} "
        f"{duration(job):>8} {cost:>8}  {model}".rstrip()
    )


def show(job: Job, place: Place = None, json: Json = False) -> None:
    """One job: its recipe, what it was trained on, its last events, its checkpoints, its result."""
    from app.tuning_places import fine_tuning
    from errors import GroundtuneError

    work = fine_tuning(open_workspace())
    found = work.job(job, place=place)
    events = work.events(found.tag or found.id)
    try:
        checkpoints = work.checkpoints(found.id)
    except GroundtuneError:  # it was not sent, or its place does not answer: what is known stands
        checkpoints = []
    if json:
        more = {
            "events": [event.as_dict() for event in events],
            "checkpoints": [one.as_dict() for one in checkpoints],
        }
        print_json(found.as_dict() | more)
        return
    for name, value in _facts(found):
        print_line(f"{name:14} {value}")
    for one in checkpoints:
        figures = ", ".join(f"{name} {value:.4g}" for name, value in one.metrics.items())
        print_line(f"{'checkpoint':14} {one.model}  {figures}")
    last = [event for event in events if event.type == "metrics"][-1:]
    tell([event for event in events if event.type != "metrics" or event in last][-LAST_EVENTS:])
    tell_end(found)


def _facts(job: JobView) -> list[tuple[str, Any]]:
    recipe = job.recipe
    named = [
        ("job", job.id),
        ("place", job.place),
        ("status", job.state.replace("_", " ")),
        ("base", job.model),
        ("model", job.fine_tuned_model),
        ("method", job.method),
        ("recipe", ", ".join(f"{key} {value}" for key, value in job.hyperparameters.items()) or None),
        ("options", recipe.options if recipe and recipe.options else None),
        ("seed", job.seed),
        ("dataset", f"{job.dataset[:12]} {job.dataset_name or ''}".rstrip() if job.dataset else None),
        ("started", _minute(job.created_at)),
        ("took", duration(job)),
        ("tokens", f"{job.trained_tokens:,}" if job.trained_tokens else None),
        ("cost", f"about ${job.cost_usd:,.2f}" if job.cost_usd is not None else None),
        ("position", job.facts.get("position")),
        ("note", job.problem),
    ]
    return [(name, value) for name, value in named if value is not None and value != "-"]


def _minute(at: float | None) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(at)) if at else "-"


def duration(job: JobView) -> str:
    if not job.created_at or not job.finished_at:
        return "-"
    return str(datetime.timedelta(seconds=max(0, round(job.finished_at - job.created_at))))


def places(json: Json = False) -> None:
    """Where can be trained: what is connected, what to set for the others, what differs."""
    from app.tuning_places import fine_tuning

    found = fine_tuning(open_workspace()).places()
    if json:
        print_json(
            [
                {
                    "place": one.place.name,
                    "title": one.place.title,
                    "connected": one.connected,
                    "reason": one.reason,
                    "methods": list(one.place.methods),
                    "learning_rate": one.place.learning_rate,
                    "options": sorted(one.place.options),
                    "deploy": one.place.deploy,
                    "ends": one.place.ends,
                    "source": one.place.source,
                    "read": one.place.read,
                }
                for one in found
            ]
        )
        return
    for one in found:
        print_line(f"{one.place.name:8} {one.place.title}: {one.reason or 'connected.'}")
        for more in (one.place.ends, one.place.deploy):
            if more:
                print_line(f"{'':8} {more}")
