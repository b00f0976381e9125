"""python -m app dataset freeze split/: rows that never change again, named by a hash that a training job records."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from app.cli.output import print_json, print_line, say
from app.training import frozen_data, training_data
from app.workspace import open_workspace
from errors import DatasetNotFoundError, SettingsError

if TYPE_CHECKING:
    from finetune.freezing import Frozen
    from finetune.freezing_sources import Check
    from finetune.splits import Split
    from finetune.validate import Validation
    from finetune.working_set import Dataset


def freeze(
    source: Annotated[
        str,
        typer.Argument(help="A folder that `split` wrote, a JSONL file to train on, or a dataset's name."),
    ],
    validation: Annotated[Path | None, typer.Option(help="JSONL for validation, beside a file.")] = None,
    test: Annotated[Path | None, typer.Option(help="JSONL held out for the test, beside a file.")] = None,
    name: Annotated[str | None, typer.Option(help="What the card calls it.")] = None,
    profile: Annotated[str, typer.Option(help="Whose rules it is checked by.")] = "openai",
    model: Annotated[str | None, typer.Option(help="The base: an id, or a local model's folder.")] = None,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Freeze without checking; the card says so.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the split of a dataset; recorded.")] = 7,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Freeze rows: checked, without Groundtune's metadata, under a hash of every byte.

    A dataset's accepted rows are split first. Rows with errors are not frozen. The same rows give the same hash.
    """
    check = None if unchecked else _check(profile, model)
    frozen = _frozen(source, {"validation": validation, "test": test}, name, seed, check)
    if json:
        print_json(frozen.as_dict())
        return
    rows = ", ".join(f"{count} {split}" for split, count in frozen.rows.items())
    print_line(f"{frozen.hash}\n{frozen.name}: {rows} rows, frozen in {frozen.folder}")
    print_line(f"Its card: python -m app dataset card {frozen.hash[:12]}")


def _frozen(
    source: str, others: Mapping[Split, Path | None], name: str | None, seed: int, check: Check | None
) -> Frozen:
    from finetune.freezing_sources import freeze_dataset, freeze_files, splits_in
    from finetune.splits import SplitRecipe

    store = frozen_data(open_workspace())
    path, beside = Path(source), {split: path for split, path in others.items() if path is not None}
    if path.is_file():
        return freeze_files({"train": path, **beside}, store, name=name or path.stem, check=check)
    if beside:
        raise SettingsError(
            "--validation and --test go with a file to train on: a folder or dataset has its own."
        )
    if path.is_dir():
        files, split = splits_in(path)
        return freeze_files(files, store, name=name or path.resolve().name, split=split, check=check)
    return freeze_dataset(_dataset(source, name), store, SplitRecipe(seed=seed), check=check)


def _dataset(source: str, name: str | None) -> Dataset:
    store = training_data(open_workspace())
    if not store.has(source):
        raise DatasetNotFoundError(
            f"{source!r} is no file, no folder and no dataset: make files with `python -m app dataset split`."
        )
    if name is not None:
        raise SettingsError("A dataset is frozen under its own name: leave --name out.")
    return store.open(source)


def _check(profile: str, model: str | None) -> Check:
    """Metadata is allowed: freezing takes it out."""
    from dataclasses import replace

    from app.base_models import base_model
    from app.settings import load_settings
    from finetune.profiles import profile_named
    from finetune.validate import validate
    from finetune.validation.composing import Inputs

    taker = replace(profile_named(profile), metadata=True)
    inputs = Inputs(base=base_model(load_settings(), taker.name, model), questions=None)

    def check(files: Mapping[Split, Path]) -> Validation:
        say(f"Checking for {profile} ...")
        return validate({split: path for split, path in files.items()}, profile=taker, inputs=inputs)  # noqa: C416

    return check
