"""Recipes against what a place takes, and carried from one place to another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from errors import TuningRequestError
from finetune.freezing import Frozen
from finetune.jobs.record import Method
from finetune.providers.orders import Recipe, TrainingData
from finetune.providers.places import Place


def training_data(frozen: Frozen) -> TrainingData:
    files, facts = frozen.files, frozen.manifest["files"]
    validation = files.get("validation")
    return TrainingData(
        hash=frozen.hash,
        name=frozen.name,
        data_sha256=str(frozen.manifest["data_sha256"]),
        train=files["train"],
        train_sha256=str(facts[files["train"].name]["sha256"]),
        rows=frozen.rows["train"],
        validation=validation,
        validation_sha256=str(facts[validation.name]["sha256"]) if validation else None,
    )


_KINDS: Mapping[Method, frozenset[str]] = {
    "supervised": frozenset({"chat", "completion"}),
    "dpo": frozenset({"preference"}),
    "reinforcement": frozenset({"reinforcement", "chat"}),
}


def check_rows(frozen: Frozen, method: Method) -> None:
    """Raises TuningRequestError where the rows are for another method: a place finds that out when it is paid."""
    odd = sorted(set(frozen.manifest["kinds"]) - _KINDS[method])
    if odd:
        raise TuningRequestError(
            f"{frozen.name!r} holds rows of the kind {odd[0]!r}, which {method} does not train on: name another "
            "--method, or other rows.",
            code="invalid_training_file",
            param="method",
        )


def check_recipe(recipe: Recipe, place: Place) -> None:
    """Raises TuningRequestError, naming the field."""
    if recipe.method not in place.methods:
        raise TuningRequestError(
            f"{place.title} does not train by {recipe.method}; it does by {', '.join(place.methods)}.",
            code="invalid_value",
            param="method",
        )
    place.check_suffix(recipe.suffix)
    for option in recipe.options:
        place.where(option)
    rate = recipe.learning_rate_multiplier
    if rate != "auto" and place.learning_rate == "absolute" and rate > 0.1:
        raise TuningRequestError(
            f"{place.title} takes the learning rate itself, such as 2e-5, not a multiplier: {rate:g} is none.",
            code="invalid_value",
            param="learning_rate_multiplier",
        )
    if recipe.method == "reinforcement" and recipe.grader is None:
        raise TuningRequestError(
            "Reinforcement needs a grader: name its JSON file with --grader.", param="grader"
        )


def carried_over(recipe: Recipe, before: Place, after: Place) -> tuple[Recipe, tuple[str, ...]]:
    """(the recipe as another place takes it, a sentence for each thing that stays behind)."""
    left: list[str] = []
    changes: dict[str, Any] = {}
    if recipe.learning_rate_multiplier != "auto" and before.learning_rate != after.learning_rate:
        changes["learning_rate_multiplier"] = "auto"
        left.append(f"The learning rate is left to {after.title}: the figure means another thing there.")
    kept = {
        name: value for name, value in recipe.options.items() if after.any_option or name in after.options
    }
    if before.name != after.name and recipe.options:
        kept = {} if before.options != after.options else kept
    if dropped := sorted(recipe.options.keys() - kept.keys()):
        left.append(f"Options that {after.title} does not take are left out: {', '.join(dropped)}.")
    try:
        after.check_suffix(recipe.suffix)
    except TuningRequestError:
        changes["suffix"] = None
        left.append(f"The suffix {recipe.suffix!r} is left out: {after.title} takes none like it.")
    return replace(recipe, options=kept, **changes), tuple(left)
