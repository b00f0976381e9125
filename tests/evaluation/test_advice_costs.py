"""The money: what a mode costs by parts and dates, from which volume on it pays, and what accuracy it needs."""

from __future__ import annotations

import datetime
import math
from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from chains.answer import Mode
from chains.prices import Price, PriceList, load_prices
from errors import SettingsError
from evaluation.advice.break_even import (
    BreakEven,
    Pays,
    Running,
    band,
    break_even,
    break_even_accuracy,
    cost_per_correct,
    net_value,
    rounded,
)
from evaluation.advice.consultation import workload_of
from evaluation.advice.costs import ModeCost, Rates, Workload, mode_costs, workload_with
from evaluation.advice.rates import rates_of
from finetune.catalogue import Catalogue, load_catalogue

TODAY = datetime.date(2026, 11, 22)
MANY = settings(max_examples=80, deadline=None)
USD = st.floats(0, 1000, allow_nan=False).map(lambda value: round(value, 4))
RATIO = st.floats(0.2, 5).map(lambda value: round(value, 3))
ASKED = Price(input_usd=1.0, output_usd=10.0, date="2026-11-22", source="a price list")
TUNED = Price(input_usd=2.0, output_usd=20.0, date="2026-11-22", source="a price list")
LOAD = Workload(
    questions=1000, question_tokens=100, answer_tokens=100, instruction_tokens=900, tuned_instruction_tokens=0,
    passages=10, passage_tokens=200, trainings=2, training_rows=1000, row_tokens=500, epochs=4, labour_hours=5,
    labour_usd_per_hour=10, knowledge_tokens=1_000_000, changed_share=0.5, embedding_usd=0.1,
)  # fmt: skip
RATES = Rates(
    model="openai:a", asked=ASKED, tuned_model="openai:b", tuned=TUNED, on_machine=False, tuned_on_machine=False,
    training_usd=3.0, hosting_usd_per_hour=0.5,
)  # fmt: skip


@pytest.mark.parametrize(
    ("first", "second", "ratio", "pays", "volume"),
    [
        pytest.param((0.001, 250), (0.003, 50), 1.0, "from", 100_000, id="dear to keep, cheap to ask"),
        pytest.param((0.003, 50), (0.001, 250), 1.0, "up to", 100_000, id="the other way round"),
        pytest.param((0.001, 10), (0.003, 50), 1.0, "always", None, id="cheaper in both"),
        pytest.param((0.003, 50), (0.001, 10), 1.0, "never", None, id="dearer in both"),
        pytest.param((0.001, 10), (0.001, 10), 1.0, "never", None, id="the same"),
        pytest.param((0.002, 100), (0.002, 0), 2.0, "from", 50_000, id="as dear to ask, twice as often right"),
        pytest.param((0.002, 100), (0.003, 0), 0.5, "never", None, id="cheaper, but right half as often"),
    ],
)  # fmt: skip
def test_break_even(
    first: tuple[float, float], second: tuple[float, float], ratio: float, pays: Pays, volume: float | None
) -> None:
    found = break_even(_running(*first), _running(*second), ratio)
    assert found.pays == pays
    assert found.volume == (None if volume is None else pytest.approx(volume))


@MANY
@given(USD, USD, USD, USD, RATIO, st.floats(1, 1e7))
def test_it_pays_where_a_correct_answer_costs_less(
    one: float, month: float, other: float, other_month: float, ratio: float, volume: float
) -> None:
    first, second = _running(one, month), _running(other, other_month)
    mine, theirs = cost_per_correct(first, 0.1 * ratio, volume), cost_per_correct(second, 0.1, volume)
    assert mine is not None and theirs is not None
    assume(not math.isclose(mine, theirs, rel_tol=1e-6, abs_tol=1e-9))
    assert break_even(first, second, ratio).at(volume) == (mine < theirs)


@MANY
@given(USD, USD, USD, USD, RATIO, st.floats(0, 1), st.floats(0, 1), st.floats(1, 1e7))
def test_in_the_band_better_never_pays_less(
    one: float,
    month: float,
    other: float,
    other_month: float,
    ratio: float,
    less: float,
    more: float,
    volume: float,
) -> None:
    ends = (ratio * (1 - 0.9 * less), ratio, ratio * (1 + more))
    found = band(_running(one, month), _running(other, other_month), ends)
    assert found.worst_case.at(volume) <= found.expected.at(volume) <= found.best_case.at(volume)


def test_a_band_is_told_with_both_ends_and_as_one_where_they_agree() -> None:
    wide = band(_running(0.001, 250), _running(0.003, 50), (0.5, 1.0, 1.5))
    assert wide.said() == (
        "from 100,000 questions a month; "
        "at best from 50,000 questions a month, at worst from 450,000 questions a month"
    )
    assert band(_running(0.001, 10), _running(0.003, 50), (0.9, 1.0, 1.1)).said() == "always"


@pytest.mark.parametrize("ratio", [0.0, -1.0, math.inf, math.nan])
def test_a_ratio_that_is_none_is_refused(ratio: float) -> None:
    with pytest.raises(SettingsError):
        break_even(_running(1, 1), _running(1, 1), ratio)


@pytest.mark.parametrize(
    ("cost_wrong", "saving", "asking", "needed"),
    [
        pytest.param(300, 50, 0, 300 / 350, id="OpenAI's guide to choosing a model"),
        pytest.param(10, 10, 0, 0.5, id="as much to lose as to win"),
        pytest.param(10, 10, 4, 0.7, id="asking costs too"),
        pytest.param(0, 1, 2, 2.0, id="never: above 1"),
        pytest.param(0, 0, 1, None, id="nothing at stake"),
    ],
)
def test_break_even_accuracy(cost_wrong: float, saving: float, asking: float, needed: float | None) -> None:
    assert break_even_accuracy(cost_wrong, saving, asking) == (
        None if needed is None else pytest.approx(needed)
    )


@MANY
@given(USD, USD, st.floats(0.01, 100), st.floats(0.01, 100), st.floats(1, 1e6))
def test_net_value_is_nothing_at_the_accuracy_needed(
    one: float, month: float, saving: float, cost_wrong: float, volume: float
) -> None:
    running = _running(one, month)
    needed = break_even_accuracy(cost_wrong, saving, running.a_question(volume))
    assert needed is not None
    worth = net_value(running, needed, volume, saving=saving, cost_wrong=cost_wrong)
    assert worth == pytest.approx(0, abs=1e-6 * (1 + running.a_question(volume)))


def test_nothing_asked_or_nothing_right_has_no_cost_per_correct_answer() -> None:
    assert cost_per_correct(_running(1, 1), 0.5, 0) is None
    assert cost_per_correct(_running(1, 1), 0.0, 10) is None
    assert net_value(_running(1, 1), 0.5, 0, saving=1, cost_wrong=1) is None


@pytest.mark.parametrize(
    ("mode", "per_question", "per_month"),
    [
        # (instructions + question) x $1 + answer x $10, a million tokens each
        pytest.param("base", (1000 * 1 + 100 * 10) / 1e6, 0, id="base"),
        # + 10 passages of 200 tokens; half of a million tokens embedded anew at $0.10
        pytest.param("rag", (3000 * 1 + 100 * 10) / 1e6, 0.05, id="rag"),
        # the question alone, at the tuned price; 2 trainings of 1000 x 500 x 4 tokens at $3, 10 hours, hosting
        pytest.param("finetuned", (100 * 2 + 100 * 20) / 1e6, 12 + 100 + 360, id="finetuned"),
        pytest.param("hybrid", (2100 * 2 + 100 * 20) / 1e6, 12 + 100 + 360 + 0.05, id="hybrid"),
    ],
)
def test_what_a_mode_costs(mode: Mode, per_question: float, per_month: float) -> None:
    running = mode_costs(LOAD, RATES)[mode].running
    assert running is not None
    assert running.per_question == pytest.approx(per_question)
    assert running.per_month == pytest.approx(per_month)


def test_a_price_that_is_not_known_stays_unknown_and_says_what_to_do() -> None:
    costs = mode_costs(LOAD, _rates(tuned=None))
    assert costs["finetuned"].running is None
    assert "prices.toml" in costs["finetuned"].unknown[0].source
    assert costs["rag"].running is not None


def test_a_model_of_this_machine_costs_its_time_not_nothing() -> None:
    costs = mode_costs(
        Workload(seconds=36, machine_usd_per_hour=1.0), rates_of(None, None, *_lists(), today=TODAY)
    )
    for mode in ("base", "rag", "finetuned", "hybrid"):
        running = costs[mode].running
        assert running is not None
        assert running.per_question == pytest.approx(0.01)


def test_what_was_paid_stands_in_for_what_is_reckoned() -> None:
    found = mode_costs(LOAD, RATES, measured={"rag": 0.5})["rag"]
    assert found.running is not None
    assert found.running.per_question == 0.5
    assert found.running.per_month == pytest.approx(0.05)


def test_figures_carry_their_day_and_their_source() -> None:
    rates = rates_of("openai:gpt-6-luna", "openai:gpt-4.1-mini", *_lists(), today=TODAY)
    sources = [part.source for cost in mode_costs(LOAD, rates).values() for part in cost.parts]
    assert all(sources)
    assert any("2026-09-22" in one for one in sources)
    assert any("autumn 2025" in one for one in sources)
    assert any("2027-01-14" in note for note in rates.notes)


def test_a_tuned_model_is_priced_by_its_base() -> None:
    tuned = rates_of("openai:x", "openai:ft:gpt-4.1-mini-2025-04-14:me:desk:abc", *_lists(), today=TODAY)
    base = rates_of("openai:x", "openai:gpt-4.1-mini", *_lists(), today=TODAY)
    assert tuned.tuned == base.tuned is not None
    assert tuned.training_usd == base.training_usd == 5.0


def test_hosting_is_paid_by_the_hour_where_that_is_known() -> None:
    rates = rates_of(
        None, "fireworks:accounts/fireworks/models/llama-v3p1-8b-instruct", *_lists(), today=TODAY
    )
    hosting = [part for part in mode_costs(LOAD, rates)["finetuned"].parts if part.name == "hosting"]
    assert [part.usd for part in hosting] == [pytest.approx(8.0 * 720)]
    assert "2026-10-07" in hosting[0].source


def test_the_answers_tell_volume_and_trainings_and_a_figure_wins() -> None:
    assert workload_of({"users": 4, "volatility": 4}, {}).questions == 5_000_000
    assert workload_of({"volatility": 4}, {}).trainings > workload_of({"volatility": 0}, {}).trainings
    assert workload_of({"users": 4}, {"questions": "70"}).questions == 70


@pytest.mark.parametrize(
    "given", [{"weather": 1}, {"questions": -1}, {"questions": "many"}, {"cache_discount": 2}, {"saving": math.nan},
              {"saving": None}, {"saving": True}]
)  # fmt: skip
def test_a_figure_that_cannot_be_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(SettingsError):
        workload_with(given)


@pytest.mark.parametrize(("volume", "shown"), [(0.2, 1), (84, 84), (8437, 8400), (123_456, 120_000)])
def test_a_volume_is_rounded_to_two_digits(volume: float, shown: int) -> None:
    assert rounded(volume) == shown


def test_where_it_never_pays_no_volume_is_named() -> None:
    assert BreakEven(pays="never").said() == "never"
    assert not BreakEven(pays="never").at(1e9)


def _running(per_question: float, per_month: float) -> Running:
    return Running(per_question=per_question, per_month=per_month)


def _rates(*, tuned: Price | None) -> Rates:
    return replace(RATES, tuned=tuned)


def _lists() -> tuple[PriceList, Catalogue]:
    return load_prices(), load_catalogue()


def test_the_sum_is_that_of_the_parts() -> None:
    cost: ModeCost = mode_costs(LOAD, RATES)["hybrid"]
    told = cost.as_dict()
    assert sum(part["usd"] for part in told["parts"] if part["each"] == "month") == pytest.approx(
        told["per_month"]
    )


LONG_PROMPT = Workload(
    question_tokens=100, answer_tokens=100, instruction_tokens=4000, tuned_instruction_tokens=0, trainings=1,
    training_rows=1000, row_tokens=500, epochs=4, labour_hours=0, changed_share=0,
)  # fmt: skip


@pytest.mark.parametrize(
    ("discount", "volume"),
    [
        # a month: 1000 x 500 x 4 tokens at $3 = $6; a question: (4100 + 100 x 10) - (100 x 2 + 100 x 20) = $2,900 per
        # million, with the instructions at the full price ...
        pytest.param(0.0, 6 / 2900e-6, id="no cache"),
        # ... at half: (2000 + 100 + 1000) - 2200 = $900; at a quarter: (1000 + 100 + 1000) - 2200 < 0
        pytest.param(0.5, 6 / 900e-6, id="half price where the prompt's beginning is kept"),
        pytest.param(0.75, None, id="a quarter: the long prompt stays the cheaper"),
    ],
)
def test_tuning_in_place_of_a_long_prompt_pays_from_a_volume_on_that_caching_moves_away(
    discount: float, volume: float | None
) -> None:
    rates = replace(RATES, hosting_usd_per_hour=None)
    costs = mode_costs(replace(LONG_PROMPT, cache_discount=discount), rates)
    first, second = costs["finetuned"].running, costs["base"].running
    assert first is not None and second is not None
    found = break_even(first, second)
    assert found.pays == ("never" if volume is None else "from")
    assert found.volume == (None if volume is None else pytest.approx(volume))


@MANY
@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 5000), st.floats(0, 20), st.floats(0, 20))
def test_more_caching_and_more_trainings_never_make_tuning_pay_sooner(
    less: float, more: float, volume: float, seldom: float, often: float
) -> None:
    less, more, seldom, often = min(less, more), max(less, more), min(seldom, often), max(seldom, often)

    def pays(discount: float, trainings: float) -> bool:
        load = replace(LONG_PROMPT, cache_discount=discount, trainings=trainings)
        costs = mode_costs(load, RATES)
        first, second = costs["finetuned"].running, costs["base"].running
        assert first is not None and second is not None
        return break_even(first, second).at(1 + volume * 1000)

    assert pays(more, seldom) <= pays(less, seldom)
    assert pays(less, often) <= pays(less, seldom)
