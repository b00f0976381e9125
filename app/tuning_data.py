"""What a job is trained on, made ready: whatever was named becomes a frozen dataset that its place will take."""

from __future__ import annotations

import datetime
import json
import re
import shlex
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.base_models import base_model
from app.training import frozen_data, training_data
from app.tuning_bases import RESPONDER, base_folder
from app.workspace import Workspace
from errors import DatasetError, DatasetFormatError, DatasetNotFoundError, SettingsError

if TYPE_CHECKING:
    from finetune.bases import Base
    from finetune.freezing import Frozen
    from finetune.freezing_sources import Check
    from finetune.providers.orders import Order
    from finetune.providers.places import Place
    from finetune.providers.quotes import Quote
    from finetune.splits import Split
    from finetune.validate import Validation

SPLIT_SEED = 7


def frozen_source(
    workspace: Workspace, source: str, *, place: Place, model: str | None, validation: Path | None = None
) -> Frozen:
    """`source`: a JSONL file, a folder of `dataset split`, a dataset's name or a frozen dataset's hash.

    It is checked by the place's rules; rows with errors are not frozen. Raises DatasetError, SettingsError.
    """
    check = checking(workspace, place, model)
    store, path = frozen_data(workspace), Path(source)
    if path.is_file() or path.is_dir():
        return _from_files(workspace, path, validation, check)
    if validation is not None:
        raise SettingsError("--validation goes with a file to train on: a dataset has its own.")
    datasets = training_data(workspace)
    if datasets.has(source):
        from finetune.freezing_sources import freeze_dataset
        from finetune.splits import SplitRecipe

        return freeze_dataset(datasets.open(source), store, SplitRecipe(seed=SPLIT_SEED), check=check)
    if not re.fullmatch(r"[0-9a-fA-F]{6,64}", source):
        raise DatasetNotFoundError(
            f"{source!r} is no file, no folder, no dataset and no hash of a frozen one: `python -m app dataset list` "
            "names them."
        )
    frozen = store.verify(store.open(source).hash)
    check_frozen(frozen, check)
    return frozen


def _from_files(workspace: Workspace, path: Path, validation: Path | None, check: Check) -> Frozen:
    from finetune.freezing_sources import freeze_files, splits_in

    store = frozen_data(workspace)
    if path.is_dir():
        if validation is not None:
            raise SettingsError("--validation goes with a file to train on: a folder has its own.")
        files, split = splits_in(path)
        return freeze_files(files, store, name=path.resolve().name, split=split, check=check)
    _check_rows(path)
    named: dict[Split, Path] = {"train": path}
    with tempfile.TemporaryDirectory(prefix="validation-") as folder:
        if validation is not None:
            named["validation"] = _of_chat_rows(validation, path, Path(folder))
        return freeze_files(named, store, name=path.stem, check=check)


def _check_rows(path: Path) -> None:
    """Raises SettingsError for a table, or a file of questions that would be learnt as plain text."""
    from finetune.question_rows import TABLES, is_question_file

    build = f"python -m app dataset build {shlex.quote(str(path))} --out rows.jsonl"
    if path.suffix.lower() in TABLES:
        raise SettingsError(
            f"{str(path)!r} is a table, not JSONL of training rows: make them with `{build}`."
        )
    if is_question_file(path):
        raise SettingsError(
            f"{str(path)!r} holds questions for an evaluation, not training rows: make rows of them with `{build}`, "
            "and evaluate with other questions."
        )


def _of_chat_rows(validation: Path, train: Path, folder: Path) -> Path:
    """A file of questions with their answers as chat rows, in `folder`; any other file as it is."""
    from finetune.question_rows import validation_rows

    rows = validation_rows(validation, train)
    if rows is None:
        _check_rows(validation)
        return validation
    if not rows:
        raise SettingsError(
            f"No question of {str(validation)!r} has an answer: name a file whose rows have one."
        )
    made = folder / validation.name
    made.write_text("".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows), "utf-8")
    return made


def check_frozen(frozen: Frozen, check: Check) -> None:
    """Raises DatasetError where rows that are frozen already are not what the place takes."""
    found = check({split: path for split, path in frozen.files.items() if split != "test"})
    errors = [one for one in found.findings if one.severity == "error"]
    if errors:
        first, count = errors[0], found.count("error")
        place = f" in line {first.line} of {Path(first.file).name}" if first.line else ""
        raise DatasetError(
            f"{count} error{'s' if count > 1 else ''} by the rules of {found.profile}; the first is {first.rule}"
            f"{place}: {first.message} Mend the rows and freeze them anew."
        )


def checking(workspace: Workspace, place: Place, model: str | None) -> Check:
    """Every rule of the place; metadata is allowed, since freezing takes it out."""
    from finetune.profiles import profile_named
    from finetune.validate import validate
    from finetune.validation.composing import Inputs

    taker = replace(profile_named(place.profile), metadata=True)
    inputs = Inputs(base=base_of(workspace, place, model), questions=None)

    def check(files: Mapping[Split, Path]) -> Validation:
        return validate({str(split): path for split, path in files.items()}, profile=taker, inputs=inputs)

    return check


def base_of(workspace: Workspace, place: Place, model: str | None) -> Base | None:
    """None where no catalogue knows the place's models, or nothing is known of a local one's tokens."""
    if place.name == "other":
        return None
    if place.name != "local":
        return base_model(workspace.settings, place.profile, model)
    folder = base_folder(workspace, model or RESPONDER)
    if folder is None:
        return None
    try:
        return base_model(workspace.settings, place.profile, str(folder))
    except DatasetFormatError:  # no chat template, as T5 has none: its trainer says what it makes of it
        return None


def quoted(workspace: Workspace, order: Order, place: Place) -> Quote:
    from chains.prices import load_prices
    from finetune.providers.quotes import quote

    settings = workspace.settings
    return quote(
        order,
        None if place.free else base_of(workspace, place, order.model),
        today=datetime.datetime.now().astimezone().date(),
        prices=load_prices(settings.home.value),
        limit_usd=settings.training_limit_usd.value,
    )
