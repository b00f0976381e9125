"""The catalogue of tunable models: every figure dated, a user's own on top, and every fault one sentence."""

from __future__ import annotations

import datetime
import tomllib
from pathlib import Path

import pytest

from errors import SettingsError
from finetune import catalogue
from finetune.catalogue import Figure, Model, load_catalogue, model_named, parameters

SOURCE = '[sources.mine]\ntext = "a letter"\ndate = 2026-11-01\n'


def test_every_figure_has_a_source_and_a_date() -> None:
    for model in load_catalogue().models.values():
        sizes = [(size.training_usd, size.preference_usd) for size in model.sizes]
        figures = [getattr(model, name) for name in Model.__dataclass_fields__] + [
            f for pair in sizes for f in pair
        ]
        for figure in figures:
            if isinstance(figure, Figure):
                assert figure.source.text
                assert figure.source.date


@pytest.mark.parametrize(
    ("profile", "name", "method", "dollars"),
    [
        ("openai", "gpt-4.1-mini-2025-04-14", "supervised", 5.0),
        ("openai", "gpt-4.1-mini", "supervised", 5.0),  # an alias
        ("openai", "gpt-4.1-mini", "reinforcement", None),
        ("openai", "gpt-99", "supervised", None),
        ("azure", "gpt-4o-mini", "supervised", None),  # no price is published
        ("together", "Qwen/Qwen3-8B", "supervised", 0.48),  # by its size
        ("together", "some/Model-70B", "supervised", 2.90),
        ("together", "some/Model-400B", "supervised", None),
        ("together", "some/Model", "supervised", None),  # the name tells no size
        ("fireworks", "llama-v3p1-70b-instruct", "preference", 6.0),
        ("fireworks", "kimi-1000b", "supervised", 10.0),
        ("fireworks", "kimi-1000b", "preference", None),
        ("nebius", "meta-llama/Llama-3.3-70B-Instruct", "supervised", None),
    ],
)
def test_prices(profile: str, name: str, method: str, dollars: float | None) -> None:
    price = load_catalogue().of(profile, name).price(method)  # type: ignore[arg-type]
    assert (price and price.value) == dollars


@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("Llama-3.3-70B-Instruct", 70), ("Mixtral-8x7B", 56), ("llama-v3p1-8b-instruct", 8), ("Qwen2.5-0.5B", 0.5),
        ("Qwen3-235B-A22B", 235), ("gpt-oss-120b", 120), ("gpt-4.1-mini", None), ("v2b3", None), ("Kimi", None),
    ],
)  # fmt: skip
def test_a_name_tells_its_size(name: str, billions: float | None) -> None:
    assert parameters(name) == billions


@pytest.mark.parametrize(
    ("rows", "epochs"),
    # target 3; under 100 seen rows more, at most 25; over 25,000 fewer, at least 1
    [
        (1, 25),
        (3, 25),
        (4, 25),
        (5, 20),
        (10, 10),
        (33, 3),
        (34, 3),
        (120, 3),
        (8333, 3),
        (8334, 2),
        (30_000, 1),
    ],
)
def test_openais_automatic_epochs(rows: int, epochs: int) -> None:
    rule = load_catalogue().of("openai", "gpt-4o-mini").auto_epochs
    assert rule is not None
    assert rule.epochs(rows) == epochs


def test_a_model_gets_what_its_provider_has_for_all() -> None:
    model = load_catalogue().of("openai", "gpt-4o")
    assert model.id == "openai:gpt-4o-2024-08-06"
    assert model.vocabulary == "o200k_base"
    assert model.minimum_rows is not None
    assert model.minimum_rows.value == 10
    assert not load_catalogue().of("openai", "nothing").listed


def test_what_is_shut_down_is_not_offered() -> None:
    catalogue = load_catalogue()
    on = {model.id for model in catalogue.tunable("supervised", datetime.date(2026, 10, 22))}
    later = {model.id for model in catalogue.tunable("supervised", datetime.date(2026, 10, 23))}
    assert on - later == {"openai:gpt-4.1-nano-2025-04-14", "openai:gpt-3.5-turbo-0125"}
    assert "azure:gpt-4o-mini-2024-07-18" not in {
        model.id for model in catalogue.tunable("preference", datetime.date(2026, 11, 22))
    }


def test_a_prefix_names_the_provider() -> None:
    catalogue = load_catalogue()
    named = model_named(catalogue, "openai", "together:Qwen/Qwen3-8B")
    assert named is not None
    assert named.id == "together:Qwen/Qwen3-8B"
    assert model_named(catalogue, "openai", None) is None


def test_the_users_own_wins_figure_by_figure(tmp_path: Path) -> None:
    (tmp_path / "catalogue.toml").write_text(
        SOURCE + '["openai:gpt-4o-mini-2024-07-18"]\ntraining_usd = [4.5, "mine"]\n'
        '["nebius:acme-7B"]\ntraining_usd = [1, "mine"]\nmethods = ["supervised"]\n'
    )
    catalogue = load_catalogue(tmp_path)
    mini = catalogue.of("openai", "gpt-4o-mini")
    assert mini.training_usd is not None
    assert str(mini.training_usd.source) == "2026-11-01, a letter"
    assert mini.training_usd.value == 4.5
    assert mini.shutdown is not None
    assert mini.shutdown.value == datetime.date(2027, 1, 14)
    assert "nebius:acme-7B" in {m.id for m in catalogue.tunable("supervised", datetime.date(2026, 11, 22))}
    assert load_catalogue(tmp_path / "none").of("openai", "gpt-4o-mini").training_usd is not None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("[", "cannot be read as a catalogue", id="no TOML"),
        pytest.param("\xff", "cannot be read", id="no UTF-8"),
        pytest.param("x = 1", "every entry is a table", id="a value alone"),
        pytest.param('[sources.a]\ntext = "x"', "needs text and date", id="a source without its date"),
        pytest.param('["gpt-4o"]\nmethods = []', "is no .PROFILE:MODEL.", id="no profile"),
        pytest.param('["openai:x"]\nprice = 1', "may not hold price", id="an unknown field"),
        pytest.param('["openai:x"]\ntraining_usd = 5', "needs training_usd = ", id="a price without a source"),
        pytest.param('["openai:x"]\ntraining_usd = [5, "gone"]', "names the source 'gone'", id="an unknown source"),
        pytest.param(SOURCE + '["openai:x"]\ntraining_usd = [-1, "mine"]', "0 or more", id="a negative price"),
        pytest.param(SOURCE + '["openai:x"]\ntraining_usd = [nan, "mine"]', "0 or more", id="no number"),
        pytest.param(SOURCE + '["openai:x"]\ntraining_usd = [true, "mine"]', "US dollars", id="true is no price"),
        pytest.param(SOURCE + '["openai:x"]\nexample_tokens = [0, "mine"]', "above 0", id="no tokens"),
        pytest.param(SOURCE + '["openai:x"]\nshutdown = ["soon", "mine"]', "YYYY-MM-DD", id="no day"),
        pytest.param('["openai:x"]\nmethods = ["magic"]', "methods out of", id="an unknown method"),
        pytest.param('["openai:x"]\naliases = "y"', "a list of texts", id="a text for a list"),
        pytest.param('["openai:x"]\nvocabulary = "p50k"', "one of o200k_base", id="an unknown vocabulary"),
        pytest.param('["openai:x"]\nauto_epochs = {target = 3}', "needs auto_epochs", id="half a rule"),
        pytest.param('["openai:x"]\nsizes = [{training_usd = 1}]', "needs sizes", id="a size without its bound"),
    ],
)  # fmt: skip
def test_a_fault_is_one_sentence_that_names_it(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "catalogue.toml").write_bytes(text.encode("latin-1"))
    with pytest.raises(SettingsError, match=says):
        load_catalogue(tmp_path)


def test_no_figure_of_openai_passes_another_provider_s_for_its_own() -> None:
    table = tomllib.loads((Path(catalogue.__file__).with_name("catalogue.toml")).read_text("utf-8"))
    entries = [entry for name, entry in table.items() if name.startswith("openai:")]
    sources = {entry["example_tokens"][1] for entry in entries if "example_tokens" in entry}
    assert sources == {"openai-guide", "azure-for-openai"}
    assert "OpenAI's own figure is not known" in table["sources"]["azure-for-openai"]["text"]
