"""python -m app dataset list: the datasets that are being worked on, and those that are frozen."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line
from app.training import frozen_data, training_data
from app.workspace import open_workspace

if TYPE_CHECKING:
    from finetune.dataset import DatasetInfo
    from finetune.freezing import Frozen


def list_datasets(
    verify: Annotated[
        bool, typer.Option("--verify", help="Read every frozen file and compare it with its hash.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """List working and frozen datasets. Exit status 1 where --verify finds one that was changed."""
    working, store = training_data(open_workspace()).list(), frozen_data(open_workspace())
    frozen, damaged = store.all(), store.damaged() if verify else {}
    if json:
        print_json(
            {
                "datasets": [info.as_dict() for info in working],
                "frozen": [_described(one) for one in frozen],
                **({"damaged": damaged} if verify else {}),
            }
        )
    else:
        _print(working, frozen)
        for sentence in damaged.values():
            print_line(sentence)
        if verify and not damaged:
            print_line("Every frozen file is what its hash says.")
    if damaged:
        raise typer.Exit(1)


def _described(frozen: Frozen) -> dict[str, object]:
    return {
        "hash": frozen.hash,
        "name": frozen.name,
        "rows": dict(frozen.rows),
        "data_sha256": frozen.manifest["data_sha256"],
        "frozen_at": datetime.fromtimestamp(frozen.frozen_at, UTC).isoformat(timespec="seconds"),
        "folder": str(frozen.folder),
    }


def _print(working: list[DatasetInfo], frozen: list[Frozen]) -> None:
    for info in working:
        waiting = f", {info.pending} to review" if info.pending else ""
        print_line(info.problem or f"{info.name}: {info.rows} rows, {info.accepted} accepted{waiting}")
    for one in frozen:
        day = datetime.fromtimestamp(one.frozen_at, UTC).date().isoformat()
        rows = ", ".join(f"{count} {split}" for split, count in one.rows.items())
        print_line(f"{one.hash[:12]} {one.name}: {rows} rows, frozen on {day}")
    if not working and not frozen:
        print_line(
            "There is no dataset yet: make one on the page Training data, or freeze files with `dataset freeze`."
        )
