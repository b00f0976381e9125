"""A job that could be started: its order made, its rows checked for the place, its cost or needs estimated."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.training import fetched_base, frozen_data, taker
from app.ui.tuning_access import LOCAL, access

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.freezing import Frozen
    from finetune.pricing import Estimate
    from finetune.providers.orders import Order, Recipe
    from finetune.providers.places import Place
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
    sentences: tuple[str, ...]  # what it takes
    usd: float | None = None  # None: free, or no price is known
    blocked: str | None = None  # why the base cannot be trained at all
    alike: str | None = None  # a job of the same that runs already

    @property
    def startable(self) -> bool:
        return not self.errors and self.blocked is None


def make_plan(workspace: Workspace, wanted: Wanted) -> Plan:
    """Reads and checks every row; asks no place. Raises GroundtuneError where dataset or recipe are at fault."""
    work = access(workspace).work
    frozen = frozen_data(workspace).verify(wanted.dataset)
    order = work.order(frozen, place=wanted.place, model=wanted.model, recipe=wanted.recipe)
    place = next(one.place for one in work.places() if one.place.name == wanted.place)
    found = _checked(workspace, frozen, place, wanted.model)
    alike = work.running_alike(order)
    plan = Plan(
        wanted=wanted,
        order=order,
        errors=tuple(_errors(found)),
        warnings=found.count("warning"),
        sentences=(),
        alike=alike.id if alike else None,
    )
    return _here(plan) if place.name == LOCAL else _elsewhere(workspace, plan, place)


def _checked(workspace: Workspace, frozen: Frozen, place: Place, model: str) -> Validation:
    from finetune.validate import validate
    from finetune.validation.composing import Inputs

    files: Mapping[Split, Path] = frozen.files
    base = None if place.name == LOCAL else fetched_base(workspace, place.profile, model)
    return validate(dict(files.items()), profile=taker(place.profile), inputs=Inputs(base=base))


def _errors(found: Validation) -> list[str]:
    kept = [
        f"{Path(one.file).name}{f', line {one.line}' if one.line else ''}: {one.message}"
        for one in found.findings
        if one.severity == "error"
    ][:ERRORS_KEPT]
    more = found.count("error") - len(kept)
    return [*kept, f"And {more:,} more."] if more > 0 and kept else kept


def _here(plan: Plan) -> Plan:
    rows = plan.order.data.rows
    validation = (
        ""
        if plan.order.data.validation
        else " There is no validation split, so nothing tells when to stop early."
    )
    return replace(
        plan,
        sentences=(
            f"{rows:,} rows, on this machine: no fee, no key, and nothing leaves it.{validation}",
            "The time and memory it needs are estimated as it begins; above your ceiling it waits for your approval.",
        ),
    )


def _elsewhere(workspace: Workspace, plan: Plan, place: Place) -> Plan:
    made = _priced(workspace, plan, place)
    told = [
        f"{made.epochs} passes ({made.epochs_because}) over {made.tokens_an_epoch:,} tokens: {made.billed_tokens:,} "
        f"billed tokens{f', give or take {made.error:.0%}' if made.error else ''}.",
        _price(made),
        f"The rows leave this machine: {place.title} gets them.",
        *made.hints,
    ]
    order = replace(plan.order, estimate=made.as_dict())
    return replace(plan, order=order, sentences=tuple(told), usd=made.usd, blocked=made.blocked)


def _price(made: Estimate) -> str:
    if made.price is None or made.usd is None:
        return "No price is known for this model: ask the provider before you start."
    return f"About ${made.usd:,.2f} at ${made.price.value:g} a million tokens ({made.price.source})."


def _priced(workspace: Workspace, plan: Plan, place: Place) -> Estimate:
    from chains.prices import load_prices
    from finetune.pricing import estimate, measure

    base = fetched_base(workspace, place.profile, plan.order.model)
    validation = plan.order.data.validation
    epochs: Any = plan.order.recipe.epochs
    if base.model is None:
        base = replace(base, model=base.catalogue.of(place.profile, plan.order.model))
    assert base.model is not None
    return estimate(
        measure(plan.order.data.train, base.renderer),
        base.model,
        today=datetime.datetime.now(datetime.UTC).date(),
        epochs=None if epochs == "auto" else epochs,
        validation=measure(validation, base.renderer) if validation else None,
        prices=load_prices(workspace.settings.home.value),
        limit=base.limit,
    )
