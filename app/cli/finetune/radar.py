"""python -m app finetune radar: which models end when, and how to train what is lost with them elsewhere."""

from __future__ import annotations

import datetime
from typing import Annotated

import typer

from app.cli.finetune.watch import Json
from app.cli.output import print_json, print_line
from app.workspace import open_workspace


def radar(
    live: Annotated[
        bool | None,
        typer.Option(
            "--live/--no-live", help="Ask connected places for their dates (default: unless offline)."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Tuned models end with their bases: days left, where that stands, and the command that trains the data again."""
    from app.tuning_places import fine_tuning

    workspace = open_workspace()
    settings = workspace.settings
    named = (settings.chat_model.value, settings.finetuned_model.value, settings.judge_model.value)
    found = fine_tuning(workspace).radar(
        today=datetime.datetime.now().astimezone().date(),
        live=not settings.offline.value if live is None else live,
        in_use=[name for name in named if name],
    )
    if json:
        print_json([one.as_dict() for one in found])
        return
    for one in found:
        print_line(f"{said(one.days_left):>14}  {one.kind:6}  {one.model}  ends {one.ends} ({one.source})")
        if one.no_new_jobs_from and one.kind == "base":
            print_line(f"{'':14}  no new jobs from {one.no_new_jobs_from} on")
        if one.elsewhere:
            print_line(f"{'':14}  train it elsewhere: {one.elsewhere}")
    if not found:
        print_line("Nothing that you use, trained or could train has a last day that is known.")


def said(days: int) -> str:
    if days < 0:
        return f"ended {-days} d ago"
    return f"{days} day{'' if days == 1 else 's'} left"
