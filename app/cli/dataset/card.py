"""python -m app dataset card HASH|NAME: what a frozen dataset holds, where it comes from and how it was checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line
from app.training import frozen_data
from app.workspace import open_workspace
from errors import DatasetNotFoundError
from loaders.jsonl import write_whole

if TYPE_CHECKING:
    from finetune.freezing import Frozen, FrozenStore


def card(
    dataset: Annotated[
        str, typer.Argument(help="A frozen dataset: its hash, the beginning of it, or its name.")
    ],
    out: Annotated[Path | None, typer.Option(help="Write the card to this file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the manifest as one JSON document.")] = False,
) -> None:
    """Show the card of a frozen dataset, after checking that its files are what its hash says."""
    store = frozen_data(open_workspace())
    found = store.verify(_named(store, dataset).hash)
    if out is not None:
        with write_whole(out) as file:
            file.write(found.card)
    if json:
        print_json(found.as_dict())
    elif out is not None:
        print_line(f"Card of {found.hash[:12]} written to {out}")
    else:
        print_line(found.card.rstrip())


def _named(store: FrozenStore, dataset: str) -> Frozen:
    """By hash first; a name means the newest that has it."""
    try:
        return store.open(dataset)
    except DatasetNotFoundError:
        named = [one for one in store.all() if one.name.casefold() == dataset.casefold()]
        if not named:
            raise
        return named[0]
