"""A job followed on the terminal: what happens as it happens, and at the end what to do next."""

from __future__ import annotations

import shlex
import sys
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import typer

from app.cli.output import print_json, print_line, say

if TYPE_CHECKING:
    from finetune.providers.fine_tuning import FineTuning
    from finetune.providers.orders import JobView, SeenEvent

FIGURES = {
    "train_loss": "loss",
    "train_mean_token_accuracy": "token accuracy",
    "valid_loss": "validation loss",
    "full_valid_loss": "validation loss (all)",
    "full_valid_mean_token_accuracy": "validation token accuracy",
}


def follow(work: FineTuning, job: JobView, *, as_json: bool, after: int = 0) -> None:
    """Until it has ended or waits for somebody. Ctrl+C leaves it running. Exit status 1 where it did not succeed."""
    events: list[SeenEvent] = []
    try:
        job = _watched(work, job, events, after, quiet=as_json)
        while job.waits_for_approval and not as_json and sys.stdin.isatty():
            if not typer.confirm(f"{_reason(job)} Train?", err=True):
                break
            work.resume(job.id)
            job = _watched(work, job, events, events[-1].sequence if events else after, quiet=as_json)
    except KeyboardInterrupt:
        say(f"\n{job.id} goes on without you. Look again: python -m app finetune watch {job.id}")
        raise typer.Exit(0) from None
    if as_json:
        print_json({"job": job.as_dict(), "events": [event.as_dict() for event in events]})
    else:
        tell_end(job)
    if not job.succeeded and job.status != "paused":
        raise typer.Exit(1)


def _watched(work: FineTuning, job: JobView, events: list[SeenEvent], after: int, *, quiet: bool) -> JobView:
    """The job at the end of a watch; its events go into `events`."""
    for update in work.watch(job.id, place=job.place, after=after):
        job = update.job
        events += update.events
        if update.note is not None:
            say(f"{update.note} Looking again ...")
        if not quiet:
            tell(update.events)
    return job


def tell(events: Sequence[SeenEvent]) -> None:
    """Every message; of figures that came together only the last."""
    figures = [event for event in events if event.type == "metrics"]
    for event in events:
        if event.type != "metrics" or event is figures[-1]:
            print_line(told(event))


def told(event: SeenEvent) -> str:
    at = time.strftime("%H:%M:%S", time.localtime(event.created_at))
    mark = {"warn": "warning: ", "error": "error: "}.get(event.level, "")
    figures = _figures(event.data) if event.type == "metrics" else ""
    return f"{at}  {mark}{figures or event.message}"


def _figures(data: Any) -> str:
    found = [
        f"{said} {data[name]:.4g}"
        for name, said in FIGURES.items()
        if isinstance(data.get(name), (int, float))
    ]
    of = f" of {data['total_steps']}" if data.get("total_steps") else ""
    return f"step {data['step']}{of}: {', '.join(found)}" if found and data.get("step") is not None else ""


def tell_end(job: JobView) -> None:
    """What became of it, and the next step."""
    if job.succeeded:
        _tell_success(job)
    elif job.waits_for_approval:
        print_line(f"{job.id} waits for your yes: {_reason(job)}")
        print_line(
            f"Accept it: python -m app finetune resume {job.id}   or: python -m app finetune cancel {job.id}"
        )
    elif job.status == "paused":
        print_line(f"{job.id} is paused. Go on: python -m app finetune resume {job.id}")
    elif job.status == "cancelled":
        print_line(f"{job.id} was cancelled.{_trained(job)}")
    elif job.status == "failed":
        error = job.error or {}
        print_line(f"{job.id} failed: {error.get('message') or 'its place does not say why.'}")
    elif job.problem:
        print_line(job.problem)
    else:
        print_line(f"{job.id} is {job.status}.")


def _reason(job: JobView) -> str:
    return str(job.facts.get("reason") or "It is above the ceiling that is set.")


def _tell_success(job: JobView) -> None:
    from finetune.providers.places import place_named

    place, model = place_named(job.place), job.fine_tuned_model
    if not model:
        print_line(f"{job.id} succeeded, but {place.title} names no model: look there.")
        return
    named = f"{place.asked_as}:{model}"
    print_line(f"{model} is trained.{_trained(job)}")
    verdict = job.facts.get("verdict")
    if isinstance(verdict, dict) and verdict.get("verdict"):
        print_line(f"Verdict: {verdict['verdict']}. {' '.join(verdict.get('reasons') or ())}".rstrip())
    if place.deploy:
        print_line(place.deploy)
    if place.asked_as == "compatible":
        at = place.url or f"the address in {place.url_setting}"
        print_line(f"To ask it here set OPENAI_BASE_URL to {at}, and OPENAI_API_KEY to its key.")
    print_line(f"Ask it: python -m app ask 'Your question' --mode finetuned --model {shlex.quote(named)}")
    print_line(f"Use it from now on: python -m app finetune use {shlex.quote(named)}")


def _trained(job: JobView) -> str:
    if not job.trained_tokens:
        return ""
    from finetune.providers.places import place_named

    billed = "" if place_named(job.place).free else " are billed"
    cost = f", about ${job.cost_usd:,.2f}" if job.cost_usd else ""
    return f" {job.trained_tokens:,} trained tokens{billed}{cost}."
