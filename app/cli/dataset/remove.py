"""python -m app dataset remove NAME|HASH --yes: deletes a working or frozen dataset for good."""

from __future__ import annotations

from typing import Annotated

import typer

from app.cli.output import print_json, print_line
from app.training import frozen_data, training_data
from app.workspace import open_workspace
from errors import SettingsError


def remove(
    dataset: Annotated[str, typer.Argument(help="A working dataset's name, or a frozen one's hash.")],
    yes: Annotated[bool, typer.Option("--yes", help="Really delete it; it cannot be undone.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Delete a dataset with all its rows. Frozen datasets that were made from a working one stay."""
    store = training_data(open_workspace())
    if not yes:
        raise SettingsError(f"{dataset!r} would be deleted for good: add --yes to do it.")
    if store.has(dataset):
        store.remove(dataset)
    else:
        frozen_data(open_workspace()).remove(dataset)
    if json:
        print_json({"removed": dataset})
    else:
        print_line(f"{dataset} is deleted.")
