"""The dated prices of a model and of the one tuned on it, out of chains/prices.toml and finetune/catalogue.toml."""

from __future__ import annotations

import datetime

from chains.prices import Price, PriceList
from evaluation.advice.costs import Rates
from finetune.catalogue import Catalogue, Model, model_named
from finetune.profiles import PROFILES
from finetune.validation.base_rules import life

__all__ = ["EMBEDDED", "rates_of"]

EMBEDDED = "local:embedded"  # the engine of this program
LOCAL = "local:"
TUNED = "ft:"


def rates_of(
    model: str | None,
    tuned_model: str | None,
    prices: PriceList,
    catalogue: Catalogue,
    *,
    today: datetime.date,
) -> Rates:
    """`model`: "openai:NAME"; None: the embedded engine. `tuned_model`: tuned, or a base to tune; None: `model`."""
    asked = model or EMBEDDED
    tuned = tuned_model or asked
    entry = _entry(tuned, catalogue)
    training = entry.price("supervised") if entry else None
    hosting = entry.hosting_usd_per_hour if entry else None
    return Rates(
        model=asked,
        asked=prices.of(asked),
        tuned_model=tuned,
        tuned=_tuned_price(tuned, prices),
        on_machine=asked.startswith(LOCAL),
        tuned_on_machine=tuned.startswith(LOCAL),
        training_usd=training.value if training else None,
        training_source=str(training.source) if training else "",
        hosting_usd_per_hour=hosting.value if hosting else None,
        hosting_source=f"${hosting.value:g} an hour ({hosting.source})" if hosting else "",
        notes=tuple(sentence for _, sentence in life(entry, today)) if entry else (),
    )


def _base(tuned: str) -> str:
    """`openai:gpt-x` of `openai:ft:gpt-x:organisation::id`; another id as it is."""
    provider, _, name = tuned.partition(":")
    return f"{provider}:{name.split(':')[1]}" if name.startswith(TUNED) and ":" in name else tuned


def _entry(tuned: str, catalogue: Catalogue) -> Model | None:
    base = _base(tuned)
    profile = next((one for one in PROFILES if base.startswith(f"{one}:")), None)
    if profile is None or base.startswith(LOCAL):
        return None
    return model_named(catalogue, profile, base)


def _tuned_price(tuned: str, prices: PriceList) -> Price | None:
    provider, _, name = _base(tuned).partition(":")
    return prices.of(f"{provider}:{TUNED}{name}:organisation::id")
