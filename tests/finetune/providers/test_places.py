"""What a place takes and costs, what is carried from one to another, and which models end when."""

from __future__ import annotations

import datetime
import itertools
import unicodedata
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from errors import TuningRequestError
from finetune.bases import Base
from finetune.catalogue import Catalogue, Figure, Model, Source, load_catalogue
from finetune.freezing import Frozen
from finetune.profiles import PROFILES
from finetune.providers.failures import quoted
from finetune.providers.fine_tuning import FineTuning
from finetune.providers.ledger import Ledger
from finetune.providers.orders import Order, Recipe
from finetune.providers.places import PLACES, place_named, places
from finetune.providers.quotes import quote
from finetune.providers.radar import base_of, radar
from finetune.providers.recipes import carried_over, training_data
from finetune.rendering import MarkupRenderer
from finetune.tokens import EstimatedTokenizer
from tests.loopback.tuning_server import TuningPlace

TODAY = datetime.date(2026, 11, 22)
SOURCE = Source(text="a price list", date="2026-11-01")


# --- places ---------------------------------------------------------------------------------------


def test_every_place_is_whole() -> None:
    assert tuple(places()) == PLACES
    for place in places().values():
        assert place.profile in PROFILES and place.source and place.read
        assert place.url or place.url_setting or place.name == "local"
        assert 0 < place.seconds[0] <= place.seconds[1]


def test_settings_that_places_name_exist() -> None:
    from app.settings import load_settings

    names = {setting.name for setting in load_settings({}).all()}
    wanted = {name for place in places().values() for name in (place.key_setting, place.url_setting) if name}
    assert wanted <= names


def test_this_machines_options_are_those_of_its_trainers() -> None:
    from finetune.trainers.lora_recipe import OPTIONS

    assert set(place_named("local").options) == set(OPTIONS) - {"train_sha256", "accepted"}


# --- recipes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recipe", "before", "after", "expected", "said"),
    [
        pytest.param(
            Recipe(epochs=3, suffix="desk"), "openai", "local", Recipe(epochs=3, suffix="desk"), [], id="all of it"
        ),
        pytest.param(
            Recipe(learning_rate_multiplier=2.0), "openai", "crusoe", Recipe(), ["learning rate is left"], id="a rate"
        ),
        pytest.param(
            Recipe(learning_rate_multiplier=2.0), "openai", "local", Recipe(learning_rate_multiplier=2.0), [],
            id="a multiplier",
        ),
        pytest.param(
            Recipe(options={"lora_r": 8}), "nebius", "openai", Recipe(), ["left out: lora_r"], id="another's option"
        ),
        pytest.param(Recipe(suffix="v1.2"), "openai", "azure", Recipe(), ["suffix 'v1.2' is left out"], id="a suffix"),
        pytest.param(
            Recipe(options={"lora": {"rank": 8}}), "local", "nebius", Recipe(), ["left out: lora"],
            id="one name, two meanings",
        ),
    ],
)  # fmt: skip
def test_a_recipe_is_carried_over_or_said_to_stay(
    recipe: Recipe, before: str, after: str, expected: Recipe, said: list[str]
) -> None:
    made, left = carried_over(recipe, place_named(before), place_named(after))
    assert made == expected
    assert len(left) == len(said) and all(part in sentence for part, sentence in zip(said, left, strict=True))


def test_again_wants_a_model_where_there_is_no_default(work: FineTuning, order: Order) -> None:
    job = work.start(order)
    here, _ = work.again(job.id)
    there, _ = work.again(job.id, place="openai")
    assert (here.model, there.model, here.data) == ("responder", order.model, order.data)
    with pytest.raises(TuningRequestError, match="--model"):
        work.again(job.id, place="azure")


# --- quotes ---------------------------------------------------------------------------------------


def _base(**figures: Any) -> Base:
    tokenizer = EstimatedTokenizer()
    model = Model(profile="openai", name="m", **figures)
    return Base(
        profile="openai",
        model=model,
        renderer=MarkupRenderer(tokenizer=tokenizer, name="m"),
        catalogue=Catalogue(),
    )


PRICED = {"training_usd": Figure(1000.0, SOURCE)}  # dear enough that twelve rows cost something


@pytest.mark.parametrize(
    ("place", "figures", "limit", "why"),
    [
        pytest.param("local", None, None, None, id="this machine is free"),
        pytest.param("other", None, 1000.0, "not known", id="nobody knows the price"),
        pytest.param("openai", {}, 1000.0, "price is not known", id="no price in the catalogue"),
        pytest.param("openai", PRICED, None, "It may cost \\$", id="no limit is set: always asked"),
        pytest.param("openai", PRICED, 0.01, "above the limit of \\$0.01", id="above the limit"),
        pytest.param("openai", PRICED, 100.0, None, id="below the limit"),
    ],
)
def test_who_must_say_yes(
    frozen: Frozen, place: str, figures: dict[str, Any] | None, limit: float | None, why: str | None
) -> None:
    order = Order(place=place, model="m", data=training_data(frozen))
    made = quote(order, None if figures is None else _base(**figures), today=TODAY, limit_usd=limit)
    if why is None:
        assert made.must_be_accepted is None
    else:
        with pytest.raises(AssertionError, match=why):
            raise AssertionError(made.must_be_accepted)


def test_a_quote_names_price_date_and_tokens(frozen: Frozen) -> None:
    order = Order(place="openai", model="m", data=training_data(frozen), recipe=Recipe(epochs=2))
    made = quote(order, _base(**PRICED), today=TODAY)
    assert "at $1000 a million tokens (2026-11-01, a price list)" in made.sentences[0]
    assert "2 epochs, as asked" in made.sentences[0]
    assert made.estimate is not None and made.estimate["usd"] > 0


def test_a_model_that_has_ended_is_not_ordered(frozen: Frozen) -> None:
    order = Order(place="openai", model="m", data=training_data(frozen))
    ended = _base(shutdown=Figure(TODAY - datetime.timedelta(days=1), SOURCE))
    with pytest.raises(TuningRequestError, match="ended on 2026-11-21"):
        quote(order, ended, today=TODAY)


def test_what_was_trained_is_costed_by_the_price_that_was_shown(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(replace(order, estimate={"price_usd_per_million": {"value": 5.0}, "usd": 0.5}))
    assert job.cost_usd == 0.5
    place.finish(job.id)
    work.ledger.change(job.tag or "", checked_at=0.0)
    assert work.job(job.id).cost_usd == pytest.approx(4200 * 5.0 / 1e6)


# --- radar ----------------------------------------------------------------------------------------


def test_a_tuned_model_ends_with_its_base(work: FineTuning, order: Order, place: TuningPlace) -> None:
    job = work.start(order)
    place.finish(job.id)
    work.ledger.change(job.tag or "", checked_at=0.0)
    work.job(job.id)
    found = work.radar(today=TODAY, in_use=["openai:gpt-4o-2024-08-06", "compatible:llama"])
    assert (found[0].kind, found[0].days_left, found[0].ends) == ("tuned", 53, datetime.date(2027, 1, 14))
    assert found[0].elsewhere == f"python -m app finetune again {job.id} --place local"
    assert found[0].dataset == order.data.hash
    assert [(one.kind, one.model) for one in found if one.kind == "in use"] == [
        ("in use", "openai:gpt-4o-2024-08-06")
    ]
    assert {one.model for one in found if one.kind == "base"} >= {"openai:gpt-4.1-2025-04-14"}
    assert all(
        one.days_left >= 0 for one in found if one.kind == "base"
    )  # of the dead only one's own are told


def test_after_the_day_the_tuned_model_is_still_told(
    work: FineTuning, order: Order, place: TuningPlace
) -> None:
    job = work.start(order)
    place.finish(job.id)
    work.ledger.change(job.tag or "", checked_at=0.0)
    work.job(job.id)
    found = work.radar(today=datetime.date(2027, 2, 1))
    assert [(one.kind, one.days_left) for one in found] == [("tuned", -18)]


@pytest.mark.parametrize("said", ["2027-03-01", 1803859200, "2027-03-01T00:00:00Z"])
def test_a_places_own_date_wins_over_the_catalogues(
    work: FineTuning, order: Order, place: TuningPlace, said: str | int
) -> None:
    place.models = [
        {"id": order.model, "object": "model", "created": 1, "owned_by": "o", "shutdown_date": said},
        {"id": "odd", "object": "model", "created": 1, "owned_by": "o", "shutdown_date": "soon"},
    ]
    found = {one.model: one for one in work.radar(today=TODAY, live=True) if one.place == "openai"}
    assert found[f"openai:{order.model}"].ends == datetime.date(2027, 3, 1)
    assert "list of models" in found[f"openai:{order.model}"].source
    assert "openai:odd" not in found


def test_a_place_that_does_not_answer_leaves_the_catalogue(work: FineTuning, place: TuningPlace) -> None:
    place.fault("GET", "/models", status=500, times=99)
    assert work.radar(today=TODAY, live=True) == work.radar(today=TODAY)


def test_a_base_is_told_from_a_tuned_models_name() -> None:
    assert base_of("ft:gpt-4o-mini-2024-07-18:org:desk:abc") == "gpt-4o-mini-2024-07-18"
    assert base_of("gpt-4o") == "gpt-4o"
    assert radar([], load_catalogue(), today=datetime.date(2030, 1, 1)) == []


# --- the ledger and others' words -----------------------------------------------------------------

EVENT = st.fixed_dictionaries(
    {
        "id": st.integers(0, 12).map(lambda number: f"e{number}"),
        "created_at": st.floats(0, 2e9),
        "level": st.sampled_from(["info", "warn", "error", "odd"]),
        "type": st.sampled_from(["message", "metrics", "moderation_checks"]),
        "message": st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        "data": st.dictionaries(st.sampled_from(["step", "train_loss"]), st.integers(), max_size=2),
    }
)


def test_seen_events_are_kept_once_and_without_gaps(tmp_path: Path, frozen: Frozen) -> None:
    ledger = Ledger(tmp_path / "one")
    order, orders = Order(place="openai", model="m", data=training_data(frozen)), itertools.count()

    @given(st.lists(st.lists(EVENT, max_size=6), max_size=5))
    def holds(batches: list[list[dict[str, Any]]]) -> None:
        tag, told, first = ledger.write(order, account=f"a{next(orders)}", accepted=True).tag, [], {}
        for batch in batches:
            told += ledger.add_events(tag, batch)
            for event in batch:
                first.setdefault(event["id"], None)
        assert told == ledger.events(tag)
        assert [event.sequence for event in told] == list(range(1, len(told) + 1))
        assert [event.id for event in told] == list(first)

    holds()
    ledger.close()


@given(st.text(max_size=700))
def test_others_words_are_short_plain_and_without_keys(text: str) -> None:
    shown = quoted(f"{text} sk-proj-abcdefghijklmnop {text}")
    assert len(shown) <= 304
    assert "abcdefghijklmnop" not in shown
    assert not any(unicodedata.category(letter) == "Cc" for letter in shown)
