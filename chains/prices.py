"""What a model's tokens cost, always with the date and the source of the figure.

Shipped in chains/prices.toml; a `prices.toml` of the same form in GROUNDTUNE_HOME adds to it and wins.
"""

from __future__ import annotations

import datetime
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from errors import SettingsError

SHIPPED = Path(__file__).with_name("prices.toml")
OVERLAY = "prices.toml"
MILLION = 1_000_000
_FIELDS = frozenset({"input", "output", "tuned_input", "tuned_output", "date", "source"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens, as they stood on a day."""

    input_usd: float
    output_usd: float
    date: str  # when the source said so, as exactly as is known: "2026-11-22", "autumn 2025"
    source: str

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """US dollars."""
        return (input_tokens * self.input_usd + output_tokens * self.output_usd) / MILLION

    def shown(self) -> str:
        return (
            f"${self.input_usd:g} in, ${self.output_usd:g} out per million tokens "
            f"({self.date}, {self.source})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceList:
    """Prices by model id ("openai:NAME", "compatible:*"); those of tuned models apart, by their base."""

    models: Mapping[str, Price] = field(default_factory=dict)
    tuned: Mapping[str, Price] = field(default_factory=dict)

    def of(self, model_id: str) -> Price | None:
        """The price of a model: its own entry, its base model's price for tuned ones, its provider's "*"; or None.

        The dated name of a model ("gpt-4o-2024-08-06") is never taken for another date's.
        """
        if model_id in self.models:
            return self.models[model_id]
        provider, _, name = model_id.partition(":")
        if name.startswith("ft:"):
            base = name.split(":")[1]  # ft:BASE:ORGANISATION:SUFFIX:ID
            return self.tuned.get(f"{provider}:{base}") or self.models.get(f"{provider}:*")
        return self.models.get(f"{provider}:*")

    def with_overlay(self, other: PriceList) -> PriceList:
        return PriceList(models={**self.models, **other.models}, tuned={**self.tuned, **other.tuned})


def load_prices(home: Path | None = None) -> PriceList:
    """The shipped list, with the user's own from `home` on top. Raises SettingsError saying what is wrong in it."""
    shipped = _read(SHIPPED)
    own = home / OVERLAY if home is not None else None
    return shipped.with_overlay(_read(own)) if own is not None and own.is_file() else shipped


def _read(path: Path) -> PriceList:
    try:
        entries = tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path} cannot be read as prices ({error}): correct or remove it.") from error
    models: dict[str, Price] = {}
    tuned: dict[str, Price] = {}
    for model_id, entry in entries.items():
        if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
            raise SettingsError(
                f"{path}: [{model_id!r}] may hold {', '.join(sorted(_FIELDS))} and nothing else."
            )
        for prefix, into in (("", models), ("tuned_", tuned)):
            if f"{prefix}input" in entry or f"{prefix}output" in entry:
                into[model_id] = _price(path, model_id, entry, prefix)
    return PriceList(models=models, tuned=tuned)


def _price(path: Path, model_id: str, entry: Mapping[str, Any], prefix: str) -> Price:
    amounts: list[Any] = [entry.get(f"{prefix}input"), entry.get(f"{prefix}output")]
    if not all(type(amount) in (int, float) and 0 <= amount < math.inf for amount in amounts):
        raise SettingsError(
            f"{path}: [{model_id!r}] needs {prefix}input and {prefix}output in US dollars per million tokens."
        )
    date, source = entry.get("date"), entry.get("source")
    dated, named = str(date or "").strip(), source.strip() if isinstance(source, str) else ""
    if not isinstance(date, datetime.date | str) or not dated or not named:
        raise SettingsError(f"{path}: [{model_id!r}] needs the date of its price, and its source.")
    return Price(input_usd=float(amounts[0]), output_usd=float(amounts[1]), date=dated, source=named)
