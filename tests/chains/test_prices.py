"""Prices: found by model, never without a date, and the user's own on top."""

from __future__ import annotations

from pathlib import Path

import pytest

from chains.prices import Price, load_prices
from errors import SettingsError


@pytest.mark.parametrize(
    ("model_id", "amounts"),
    [
        ("openai:gpt-6-luna", (0.10, 0.50)),
        ("openai:ft:gpt-4.1-mini-2025-04-14:acme:isa:AbC1", (0.80, 3.20)),
        ("openai:ft:gpt-4.1-mini-2025-04-14:acme::AbC1:ckpt-step-90", (0.80, 3.20)),
        ("local:ft:isa", (0.0, 0.0)),
        ("openai:gpt-4.1-mini", None),  # only its tuned form has a price
        ("openai:ft:gpt-unheard-of:acme::x", None),
        ("compatible:gpt-6-luna", None),
        ("azure:gpt-6-luna", None),
    ],
)
def test_a_model_has_the_price_that_is_known_or_none(
    model_id: str, amounts: tuple[float, float] | None
) -> None:
    price = load_prices().of(model_id)
    assert (price and (price.input_usd, price.output_usd)) == amounts
    assert price is None or (price.date and price.source)


def test_every_shipped_price_shows_its_date_and_source() -> None:
    prices = load_prices()
    for price in [*prices.models.values(), *prices.tuned.values()]:
        assert price.date in price.shown()
        assert price.source in price.shown()


def test_a_cost_is_per_million() -> None:
    price = Price(input_usd=2.0, output_usd=10.0, date="2026-11-22", source="a test")
    assert price.cost(500_000, 100_000) == pytest.approx(2.0)


def test_the_users_own_prices_win(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(
        '["openai:gpt-6-luna"]\ninput = 1\noutput = 2\ndate = 2026-11-22\nsource = "our contract"\n'
        '["compatible:*"]\ninput = 0\noutput = 0\ndate = 2026-11-22\nsource = "our own server"\n',
        "utf-8",
    )
    prices = load_prices(tmp_path)
    own = prices.of("openai:gpt-6-luna")
    assert own == Price(input_usd=1.0, output_usd=2.0, date="2026-11-22", source="our contract")
    assert prices.of("compatible:qwen3") is not None
    assert prices.of("openai:gpt-6-sol") == load_prices().of("openai:gpt-6-sol")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('["a:b"]\ninput = 1\noutput = 2\nsource = "x"', "needs the date"),
        ('["a:b"]\ninput = 1\noutput = 2\ndate = 2026-01-01', "and its source"),
        ('["a:b"]\ninput = 1\ndate = 2026-01-01\nsource = "x"', "needs input and output"),
        ('["a:b"]\ninput = -1\noutput = 2\ndate = 2026-01-01\nsource = "x"', "needs input and output"),
        ('["a:b"]\ninput = true\noutput = 2\ndate = 2026-01-01\nsource = "x"', "needs input and output"),
        ('["a:b"]\ninput = nan\noutput = 2\ndate = 2026-01-01\nsource = "x"', "needs input and output"),
        ('["a:b"]\nprice = 1', "and nothing else"),
        ("a = 1", "and nothing else"),
        ("[", "cannot be read"),
    ],
)
def test_a_list_that_cannot_be_used_says_what_is_wrong_and_where(
    tmp_path: Path, text: str, says: str
) -> None:
    (tmp_path / "prices.toml").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=says) as raised:
        load_prices(tmp_path)
    assert str(tmp_path / "prices.toml") in str(raised.value)
