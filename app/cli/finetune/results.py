"""python -m app finetune results JOB --out metrics.csv: the figures of the run, as its place wrote them down."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.cli.finetune.watch import Job, Json
from app.cli.output import print_json, print_text, say
from app.workspace import open_workspace
from errors import SettingsError


def results(
    job: Job,
    out: Annotated[Path | None, typer.Option(help="Write the CSV there instead of printing it.")] = None,
    json: Json = False,
) -> None:
    """The CSV of losses and accuracies by step."""
    from app.tuning_places import fine_tuning
    from loaders.files import write_atomically

    data = fine_tuning(open_workspace()).results(job)
    if out is None:
        text = data.decode("utf-8", "replace")
        if json:
            print_json({"job": job, "csv": text})
        else:
            print_text(text)
        return
    try:
        write_atomically(out, data)
    except OSError as error:
        raise SettingsError(
            f"{str(out)!r} cannot be written ({error.strerror}): name another --out."
        ) from error
    if json:
        print_json({"job": job, "written": str(out), "bytes": len(data)})
    else:
        say(f"Written to {out}")
