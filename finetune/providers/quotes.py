"""What an order will cost, said before it is sent; whether somebody must say yes to it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from errors import DatasetError, TuningRequestError
from finetune.providers.orders import Order
from finetune.providers.places import place_named

if TYPE_CHECKING:
    from chains.prices import PriceList
    from finetune.bases import Base
    from finetune.pricing import Estimate


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    estimate: (
        Mapping[str, Any] | None
    )  # finetune.pricing.Estimate.as_dict; None: nothing is known, or it is free
    sentences: tuple[str, ...]
    must_be_accepted: str | None  # why

    def as_dict(self) -> dict[str, Any]:
        return {
            "estimate": dict(self.estimate) if self.estimate is not None else None,
            "sentences": list(self.sentences),
            "must_be_accepted": self.must_be_accepted,
        }


def quote(
    order: Order,
    base: Base | None,
    *,
    today: datetime.date,
    prices: PriceList | None = None,
    limit_usd: float | None = None,
) -> Quote:
    """`base` None: no catalogue knows the place's models. `limit_usd`: what may be spent unasked; None: nothing.

    Raises TuningRequestError where the place will not train it: its model has ended, the rows are too few.
    """
    place = place_named(order.place)
    if place.free:
        return Quote(estimate=None, sentences=(), must_be_accepted=None)
    if base is None or base.model is None:
        why = f"What it costs there is not known here ({place.title})"
        return Quote(estimate=None, sentences=(), must_be_accepted=why)
    made = _estimate(order, base, today=today, prices=prices)
    if made.blocked:
        raise TuningRequestError(made.blocked, code="model_not_available", param="model")
    return Quote(
        estimate=made.as_dict(),
        sentences=(
            *_sentences(made),
            *((place.ends,) if place.ends else ()),
            *((place.deploy,) if place.deploy else ()),
        ),
        must_be_accepted=_why(made, limit_usd),
    )


def _estimate(order: Order, base: Base, *, today: datetime.date, prices: PriceList | None) -> Estimate:
    from finetune.pricing import estimate, measure

    assert base.model is not None
    data, epochs = order.data, order.recipe.epochs
    try:
        return estimate(
            measure(data.train, base.renderer),
            base.model,
            today=today,
            epochs=None if epochs == "auto" else epochs,
            validation=measure(data.validation, base.renderer) if data.validation else None,
            prices=prices,
            limit=base.limit,
        )
    except DatasetError as error:
        raise TuningRequestError(str(error), param="hyperparameters") from error


def _sentences(made: Estimate) -> list[str]:
    billed = f"{made.billed_tokens:,} tokens are billed ({made.epochs} epochs, {made.epochs_because})"
    if made.usd is None or made.range_usd is None or made.price is None:
        return [f"{billed}; no price of {made.model.id} is known.", *made.hints]
    low, high = made.range_usd
    cost = f"${low:,.2f} to ${high:,.2f}" if made.error else f"${made.usd:,.2f}"
    dated = f"at ${made.price.value:g} a million tokens ({made.price.source})"
    return [f"Training costs {cost}: {billed}, {dated}.", *made.hints]


def _why(made: Estimate, limit_usd: float | None) -> str | None:
    if made.range_usd is None:
        return "Its price is not known"
    high = made.range_usd[1]
    if limit_usd is None:
        return f"It may cost ${high:,.2f}"
    if high > limit_usd:
        return f"It may cost ${high:,.2f}, above the limit of ${limit_usd:,.2f} (GROUNDTUNE_TRAINING_LIMIT)"
    return None
