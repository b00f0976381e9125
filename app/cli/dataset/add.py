"""python -m app dataset add "Rental desk" train.jsonl: rows into a working dataset, to be reviewed and edited."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line, say
from app.training import training_data
from app.workspace import open_workspace

if TYPE_CHECKING:
    from finetune.examples import Example, Refused

SAID_EVERY = 10_000  # rows


def add(
    name: Annotated[str, typer.Argument(help="The dataset; it is made where there is none.")],
    files: Annotated[
        list[Path], typer.Argument(help="JSONL files of rows: what build, generate or raft wrote.")
    ],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Add rows to a dataset that the page Training data shows. All or none; lines that are no rows are named.

    Rows that were generated or extracted wait there for review.
    """
    store = training_data(open_workspace())
    dataset = store.open(name) if store.has(name) else store.create(name)
    report = dataset.add(_read(files), on_progress=_said)
    if json:
        print_json({"dataset": dataset.name, **report.as_dict()})
        return
    pending = f", {report.pending} of them to be reviewed" if report.pending else ""
    print_line(
        f"{report.added} rows added to {dataset.name}{pending}; {report.duplicates} were there already."
    )
    if report.refused:
        total = dataset.counts().refused
        for refused in dataset.refused(offset=total - report.refused, limit=20):
            print_line(f"  {refused.file}, line {refused.line}: {refused.reason} {refused.fix}")
        print_line(f"{report.refused} lines are no rows.")


def _said(read: int) -> None:
    if read % SAID_EVERY == 0 and read:
        say(f"  {read:,} rows")


def _read(files: list[Path]) -> Iterator[Example | Refused]:
    from finetune.dataset_adding import examples_in

    for path in files:
        yield from examples_in(path)
