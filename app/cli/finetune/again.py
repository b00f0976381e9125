"""python -m app finetune again JOB --place local: the same data and recipe, trained anew here or elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.finetune.start import Json, Watch, Yes, send
from app.cli.finetune.watch import Job
from app.cli.output import say
from app.workspace import open_workspace


def again(
    job: Job,
    place: Annotated[
        str, typer.Option(help="Where: local, openai, azure, nebius, crusoe or other.")
    ] = "local",
    model: Annotated[
        str | None, typer.Option(help="The base there; at the same place the job's own.")
    ] = None,
    yes: Yes = False,
    watch: Watch = None,
    json: Json = False,
) -> None:
    """Train a job's frozen dataset by its recipe at another place, or once more at the same."""
    from app.tuning_data import check_frozen, checking
    from app.tuning_places import fine_tuning
    from finetune.providers.places import place_named

    workspace, where = open_workspace(), place_named(place)
    work = fine_tuning(workspace)
    work.connect(where.name)
    order, left = work.again(job, place=where.name, model=model)
    for sentence in left:
        say(sentence)
    check_frozen(work.frozen.open(order.data.hash), checking(workspace, where, order.model))
    send(workspace, work, order, where, yes=yes, watch=watch, as_json=json)
