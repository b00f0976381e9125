"""A job that could be started: its order made, its rows checked for the place, its cost or needs estimated."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from app.training import frozen_data
from app.tuning_data import checking, quoted
from app.ui.tuning_access import access
from finetune.providers.places import place_named

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.orders import Order, Recipe
    from finetune.providers.quotes import Quote
    from finetune.splits import Split
    from finetune.validate import Validation

ERRORS_KEPT = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the form says. A plan counts for exactly this."""

    dataset: str  # hash of a frozen one
    place: str
    model: str
    recipe: Recipe


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    wanted: Wanted
    order: Order
    errors: tuple[str, ...]  # findings that keep it from being started, a sentence each
    warnings: int
    quote: Quote
    alike: str | None = None  # a job of the same that runs already

    @property
    def startable(self) -> bool:
        return not self.errors


def make_plan(workspace: Workspace, wanted: Wanted) -> Plan:
    """Reads and checks every row; asks no place. Raises GroundtuneError where dataset, base or recipe are at fault."""
    work, place = access(workspace).work, place_named(wanted.place)
    frozen = frozen_data(workspace).verify(wanted.dataset)
    order = work.order(frozen, place=wanted.place, model=wanted.model, recipe=wanted.recipe)
    rows: dict[Split, Path] = {split: path for split, path in frozen.files.items() if split != "test"}
    found = checking(workspace, place, wanted.model)(rows)
    quote, alike = quoted(workspace, order, place), work.running_alike(order)
    return Plan(
        wanted=wanted,
        order=replace(order, estimate=quote.estimate),
        errors=tuple(_errors(found)),
        warnings=found.count("warning"),
        quote=quote,
        alike=alike.id if alike else None,
    )


def _errors(found: Validation) -> list[str]:
    kept = [
        f"{Path(one.file).name}{f', line {one.line}' if one.line else ''}: {one.message}"
        for one in found.findings
        if one.severity == "error"
    ][:ERRORS_KEPT]
    more = found.count("error") - len(kept)
    return [*kept, f"And {more:,} more."] if more > 0 and kept else kept
