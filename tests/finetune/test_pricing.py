"""What training costs: tokens x epochs x a dated price, by hand; what is billed where, and what is not known."""

from __future__ import annotations

import datetime
import json
from array import array
from pathlib import Path
from typing import Any

import pytest

from chains.prices import load_prices
from errors import DatasetError, DatasetFormatError
from finetune.catalogue import load_catalogue
from finetune.pricing import Measured, compare, estimate, measure
from finetune.rendering import MarkupRenderer, folder_renderer
from finetune.tokens import EstimatedTokenizer
from tests.finetune.model_folders import model_folder

TODAY = datetime.date(2026, 11, 22)
CATALOGUE = load_catalogue()
CHAT = {"messages": [{"role": "user", "content": "Fee?"}, {"role": "assistant", "content": "4 euros."}]}
PAIR = {
    "input": {"messages": CHAT["messages"][:1]},
    "preferred_output": [{"role": "assistant", "content": "4 euros."}],
    "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
}


def counted(
    *tokens: int, method: Any = "supervised", error: float = 0.0, needed: tuple[int, ...] = ()
) -> Measured:
    """Rows of so many tokens, counted exactly by o200k_base."""
    return Measured(
        file="train.jsonl", counter="o200k_base" if error == 0 else "estimate", error=error, note=None,
        tokens=array("I", tokens), longest=array("I", tokens), needed=array("I", needed or tokens), method=method,
    )  # fmt: skip


def written(path: Path, *rows: Any) -> Path:
    path.write_text(
        "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8"
    )
    return path


@pytest.mark.parametrize(
    ("profile", "name", "tokens", "validation", "epochs", "dollars"),
    [
        # 100 rows of 1,000 tokens x 3 epochs x $5 a million; validation is not billed
        ("openai", "gpt-4.1-mini", (1000,) * 100, (1000,) * 10, None, 100_000 * 3 * 5 / 1e6),
        # 10 rows: 10 epochs by the automatic rule
        ("openai", "gpt-4.1-mini", (1000,) * 10, None, None, 10_000 * 10 * 5 / 1e6),
        ("openai", "gpt-4.1-mini", (1000,) * 100, None, 1, 100_000 * 5 / 1e6),
        # Together bills validation, once an epoch
        ("together", "Qwen/Qwen3-8B", (1000,) * 100, (1000,) * 10, 2, (100_000 + 10_000) * 2 * 0.48 / 1e6),
        ("fireworks", "llama-8b", (1000,) * 100, (1000,) * 10, 2, 100_000 * 2 * 0.5 / 1e6),
        # rows are billed as far as they are read: 65,536 tokens
        ("openai", "gpt-4o-mini", (70_000,) * 100, None, 1, 65_536 * 100 * 3 / 1e6),
        ("azure", "gpt-4o-mini", (1000,) * 100, None, None, None),
    ],
)
def test_costs_by_hand(
    profile: Any,
    name: str,
    tokens: tuple[int, ...],
    validation: tuple[int, ...] | None,
    epochs: int | None,
    dollars: float | None,
) -> None:
    made = estimate(
        counted(*tokens),
        CATALOGUE.of(profile, name),
        today=TODAY,
        epochs=epochs,
        validation=counted(*validation) if validation else None,
    )
    assert made.usd == (None if dollars is None else pytest.approx(dollars))


def test_a_price_never_goes_without_its_date() -> None:
    for one in compare(counted(*(500,) * 50), CATALOGUE, today=TODAY, prices=load_prices()):
        said = one.as_dict()
        assert (said["usd"] is None) == (said["price_usd_per_million"] is None)
        if said["usd"] is not None:
            assert said["price_usd_per_million"]["date"]
            assert said["price_usd_per_million"]["source"]


def test_the_comparison_is_cheapest_first_and_the_unknown_last() -> None:
    made = compare(counted(*(500,) * 50), CATALOGUE, today=TODAY)
    known = [one.usd for one in made if one.usd is not None]
    assert known == sorted(known)
    assert [one.usd is None for one in made] == sorted(one.usd is None for one in made)
    assert {one.model.profile for one in made} == {
        "openai",
        "azure",
        "nebius",
        "crusoe",
        "together",
        "fireworks",
    }


def test_an_estimated_count_makes_a_range() -> None:
    mini = CATALOGUE.of("openai", "gpt-4o-mini")
    rough = estimate(counted(*(1000,) * 100, error=0.2), mini, today=TODAY, epochs=1)
    assert rough.range_usd == (pytest.approx(0.24), pytest.approx(0.36))
    exact = estimate(counted(*(1000,) * 100), mini, today=TODAY, epochs=1)
    assert exact.range_usd == (pytest.approx(0.3), pytest.approx(0.3))
    # counted with OpenAI's vocabulary, a count is a guess for a model that has another
    other = estimate(
        counted(*(1000,) * 100), CATALOGUE.of("together", "Qwen/Qwen3-8B"), today=TODAY, epochs=1
    )
    assert other.error == 0.35


@pytest.mark.parametrize(
    ("profile", "name", "measured", "today", "says"),
    [
        pytest.param("openai", "gpt-4o-mini", counted(*(9,) * 50), "2027-01-14", "ended on 2027-01-14", id="shut down"),
        pytest.param("openai", "gpt-4o-mini", counted(*(9,) * 50), "2026-12-20", "25 days from now", id="too short"),
        pytest.param("openai", "gpt-9", counted(*(9,) * 50), "2027-01-06", "no new training jobs since", id="closed"),
        pytest.param("openai", "gpt-4o-mini", counted(*(9,) * 9), "2026-11-22", "at least 10 rows", id="few rows"),
        pytest.param("nebius", "x", counted(*(9,) * 50, method="preference"), "2026-11-22", "takes no rows for pref",
                     id="another method"),
        pytest.param("openai", "gpt-4o-mini", counted(*(9,) * 50), "2026-11-22", None, id="nothing in the way"),
    ],
)  # fmt: skip
def test_what_stands_in_the_way(
    profile: Any, name: str, measured: Measured, today: str, says: str | None
) -> None:
    made = estimate(measured, CATALOGUE.of(profile, name), today=datetime.date.fromisoformat(today))
    assert (made.blocked is None) if says is None else (says in str(made.blocked))


@pytest.mark.parametrize(
    ("name", "profile", "says"),
    [
        ("gpt-4o-mini", "openai", "2027-01-14"), ("gpt-4o-mini", "openai", "no new training jobs from 2027-01-06"),
        ("gpt-4o-mini", "azure", "$1.70 an hour even while nobody asks it, about $1,224 a month"),
        ("gpt-4o-mini", "openai", "Rows longer than 65,536 tokens, which would be cut: 3, 2 of them within an answer"),
        ("x-8B", "nebius", "Whether validation tokens are billed is not known"),
    ],
)  # fmt: skip
def test_hints(name: str, profile: Any, says: str) -> None:
    measured = counted(70_000, 70_000, 70_000, *(100,) * 20, needed=(70_000, 66_000, 60_000, *(100,) * 20))
    made = estimate(measured, CATALOGUE.of(profile, name), today=TODAY, validation=counted(10))
    assert any(says in hint for hint in made.hints), made.hints


@pytest.mark.parametrize("epochs", [0, 51, -1])
def test_epochs_out_of_range(epochs: int) -> None:
    with pytest.raises(DatasetError, match="1 to 50"):
        estimate(counted(*(9,) * 50), CATALOGUE.of("openai", "gpt-4o"), today=TODAY, epochs=epochs)


def test_the_use_of_a_tuned_model_is_priced_from_the_price_list() -> None:
    made = estimate(
        counted(*(9,) * 50), CATALOGUE.of("openai", "gpt-4o-mini"), today=TODAY, prices=load_prices()
    )
    assert str(made.use).startswith("$0.3 in, $1.2 out per million tokens")


def test_a_file_is_measured_as_its_model_reads_it(tmp_path: Path) -> None:
    renderer = folder_renderer(model_folder(tmp_path / "model"))
    file = written(tmp_path / "train.jsonl", CHAT, CHAT | {"metadata": {"origin": "imported"}})
    measured = measure(file, renderer)
    whole = renderer.tokenizer.count(renderer.render(CHAT["messages"], None, reply=False))
    assert list(measured.tokens) == [whole, whole]
    assert measured.learnt == 2 * renderer.tokenizer.count("4 euros.<|im_end|>")
    assert measured.total(None) == 2 * whole
    assert measured.total(5) == 10
    assert measured.cut(whole - 1) == (2, 0)  # only the line break after the end would go
    assert measured.cut(whole - 2) == (2, 2)


def test_openais_recipe(tmp_path: Path) -> None:
    """3 tokens a message, its role and content, and 3 for the conversation (the cookbook's recipe)."""
    renderer = MarkupRenderer(tokenizer=EstimatedTokenizer(), name="openai")
    measured = measure(written(tmp_path / "t.jsonl", CHAT), renderer)
    (exact,) = measured.tokens
    words = sum(renderer.tokenizer.count(text) for text in ("user", "Fee?", "assistant", "4 euros."))
    assert abs(exact - (2 * 3 + words + 3)) <= 1  # the estimate rounds each stretch for itself


def test_a_preference_row_counts_its_input_twice(tmp_path: Path) -> None:
    measured = measure(written(tmp_path / "p.jsonl", PAIR), folder_renderer(model_folder(tmp_path / "model")))
    assert measured.method == "preference"
    assert measured.tokens[0] > measured.longest[0] > measured.tokens[0] / 3


def test_images_are_told_not_counted(tmp_path: Path) -> None:
    seen = [
        {"type": "text", "text": "Fee?"},
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
    ]
    row = {"messages": [{"role": "user", "content": seen}, CHAT["messages"][1]]}
    renderer = MarkupRenderer(tokenizer=EstimatedTokenizer(), name="openai")
    measured = measure(written(tmp_path / "t.jsonl", row, CHAT), renderer)
    assert measured.with_images == 1
    assert measured.tokens[0] == measured.tokens[1]
    made = estimate(measured, CATALOGUE.of("openai", "gpt-4o"), today=TODAY)
    assert any("Rows with images: 1;" in hint for hint in made.hints)


def test_lines_that_cannot_be_counted_are_named(tmp_path: Path) -> None:
    renderer = folder_renderer(model_folder(tmp_path / "model", "brackets"))
    refused = {"messages": [CHAT["messages"][0], *CHAT["messages"]]}
    measured = measure(written(tmp_path / "t.jsonl", CHAT, "{", {"x": 1}, refused), renderer)
    assert (measured.rows, measured.unread) == (1, 3)
    assert str(measured.first_unread).startswith("line 2: ")


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        pytest.param((CHAT, PAIR), "mixes rows for preference and supervised tuning", id="two methods"),
        pytest.param(("{",), "no row that can be counted: line 1", id="no row"),
        pytest.param((), "it is empty", id="nothing"),
    ],
)
def test_files_that_cannot_be_priced(tmp_path: Path, rows: tuple[Any, ...], says: str) -> None:
    renderer = MarkupRenderer(tokenizer=EstimatedTokenizer(), name="openai")
    with pytest.raises((DatasetError, DatasetFormatError), match=says):
        measure(written(tmp_path / "t.jsonl", *rows), renderer)
