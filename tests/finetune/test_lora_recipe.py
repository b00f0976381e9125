"""What a LoRA training may be asked for, and the steps that follow: no torch is needed to refuse or to plan."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import TuningRequestError
from finetune.trainers.lora_recipe import Adapter, LoraRecipe, Plan, auto_batch_size, auto_epochs, read_recipe


@pytest.mark.parametrize(
    ("hyperparameters", "options", "expected"),
    [
        pytest.param({}, {}, {"epochs": None, "patience": 3, "quantization": None}, id="nothing asked"),
        pytest.param({"n_epochs": "auto", "batch_size": "auto"}, {}, {"epochs": None, "batch_size": None}, id="auto"),
        pytest.param({"n_epochs": 4, "batch_size": 16}, {}, {"epochs": 4, "batch_size": 16}, id="numbers"),
        pytest.param({"n_epochs": 4.0}, {}, {"epochs": 4}, id="a whole number written with a point"),
        pytest.param({}, {"lora": {"rank": 4}}, {"adapter": Adapter(rank=4, alpha=8.0)}, id="alpha is twice the rank"),
        pytest.param(
            {}, {"lora": {"targets": ["q_proj"]}}, {"adapter": Adapter(targets=("q_proj",))}, id="named layers"
        ),
        pytest.param({}, {"quantization": "nf4"}, {"quantization": "nf4"}, id="QLoRA"),
        pytest.param({}, {"early_stopping": False}, {"patience": None}, id="no early stopping"),
        pytest.param({}, {"early_stopping": {"patience": 9}}, {"patience": 9}, id="patience"),
        pytest.param({}, {"eval_every": "epoch"}, {"eval_every": None}, id="every epoch"),
        pytest.param({}, {"eval_every": 5}, {"eval_every": 5}, id="every five steps"),
        pytest.param({}, {"accepted": True, "merge": True}, {"epochs": None}, id="others' options"),
    ],
)  # fmt: skip
def test_what_is_asked_for(
    hyperparameters: dict[str, Any], options: dict[str, Any], expected: dict[str, Any]
) -> None:
    asked = read_recipe("supervised", hyperparameters, options)
    assert {name: getattr(asked, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("hyperparameters", "options", "param", "said"),
    [
        pytest.param({"n_epochs": 51}, {}, "n_epochs", "from 1 to 50", id="too many epochs"),
        pytest.param({"n_epochs": 1.5}, {}, "n_epochs", "whole number", id="half an epoch"),
        pytest.param({"n_epochs": True}, {}, "n_epochs", "whole number", id="true is no number"),
        pytest.param({"batch_size": math.nan}, {}, "batch_size", "whole number", id="no number"),
        pytest.param({"learning_rate_multiplier": 0}, {}, "learning_rate_multiplier", "above 0", id="rate of zero"),
        pytest.param({"epochs": 3}, {}, "epochs", "did you mean 'n_epochs'", id="a name that is near"),
        pytest.param({"beta": 0.1}, {}, "beta", "known are", id="beta without preferences"),
        pytest.param({}, {"lora": {"rang": 4}}, "x_groundtune.lora.rang", "did you mean 'rank'", id="a word mistyped"),
        pytest.param({}, {"lora": 8}, "lora", "an object", id="a number for an object"),
        pytest.param({}, {"lora": {"rank": 0}}, "rank", "from 1", id="rank of nothing"),
        pytest.param({}, {"lora": {"dropout": 1}}, "dropout", "below 1", id="all dropped out"),
        pytest.param({}, {"lora": {"targets": "q_proj"}}, "lora.targets", "a list", id="a text for a list"),
        pytest.param({}, {"lora": {"targets": []}}, "lora.targets", "a list", id="no target"),
        pytest.param({}, {"quantization": "int8"}, "quantization", "'nf4'", id="an unknown quantization"),
        pytest.param({}, {"early_stopping": 3}, "early_stopping", "false or an object", id="patience bare"),
        pytest.param({}, {"quantisation": "nf4"}, "x_groundtune.quantisation", "did you mean", id="another spelling"),
    ],
)  # fmt: skip
def test_what_is_refused(
    hyperparameters: dict[str, Any], options: dict[str, Any], param: str, said: str
) -> None:
    with pytest.raises(TuningRequestError, match=said) as refused:
        read_recipe("supervised", hyperparameters, options)
    assert refused.value.param == param


def test_reinforcement_is_not_for_open_models_and_dpo_not_for_t5() -> None:
    with pytest.raises(TuningRequestError, match="reinforcement"):
        read_recipe("reinforcement", {}, {})
    with pytest.raises(TuningRequestError, match="supervised rows"):
        read_recipe("dpo", {"beta": 0.5}, {}).rate("seq2seq")


@pytest.mark.parametrize(
    ("rows", "epochs"), [(10, 10), (4, 25), (34, 3), (120, 3), (10_000, 2), (100_000, 1)], ids=str
)
def test_epochs_where_none_are_asked_for(rows: int, epochs: int) -> None:
    assert auto_epochs(rows) == epochs


@pytest.mark.parametrize(("rows", "batch"), [(1, 1), (10, 1), (40, 5), (64, 8), (10_000, 8)], ids=str)
def test_batch_where_none_is_asked_for(rows: int, batch: int) -> None:
    assert auto_batch_size(rows) == batch


def plan(**changes: Any) -> Plan:
    recipe = LoraRecipe(epochs=3, batch_size=4, learning_rate=1.0)
    made = recipe.plan(rows=10, longest=50, kind="causal", seed=1)
    return Plan(**{name: getattr(made, name) for name in Plan.__dataclass_fields__} | changes)


@given(rows=st.integers(1, 60), batch=st.integers(1, 70), epochs=st.integers(1, 4), seed=st.integers(0, 99))
def test_every_epoch_reads_every_row_once(rows: int, batch: int, epochs: int, seed: int) -> None:
    recipe = LoraRecipe(epochs=epochs, batch_size=batch)
    made = recipe.plan(rows=rows, longest=10, kind="causal", seed=seed)
    steps = [made.batch(step) for step in range(1, made.total_steps + 1)]
    for epoch in range(epochs):
        of_epoch = steps[epoch * made.steps_an_epoch : (epoch + 1) * made.steps_an_epoch]
        assert sorted(row for step in of_epoch for row in step) == list(range(rows))
    assert [made.batch(step) for step in range(1, made.total_steps + 1)] == steps, "without any state"
    assert made.evaluates_at(made.total_steps)


def test_epochs_have_orders_of_their_own_and_seeds_too() -> None:
    first, second = ([plan().batch(step) for step in steps] for steps in ((1, 2, 3), (4, 5, 6)))
    assert first != second
    assert plan(seed=2).batch(1) + plan(seed=2).batch(2) != plan().batch(1) + plan().batch(2)


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    made = plan(rows=100, batch_size=1, epochs=1, micro_batch=1, warmup_share=0.1)
    rates = [made.rate_at(step) for step in range(1, 101)]
    assert rates[:11] == sorted(rates[:11])
    assert rates[10] == max(rates) == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert 0 < rates[-1] < 0.001


def test_long_rows_go_through_memory_in_smaller_parts() -> None:
    recipe = LoraRecipe(batch_size=32)
    assert recipe.plan(rows=100, longest=100, kind="causal", seed=1).micro_batch == 32
    assert recipe.plan(rows=100, longest=2_000, kind="causal", seed=1).micro_batch == 4
    assert recipe.plan(rows=100, longest=100_000, kind="causal", seed=1).micro_batch == 1
