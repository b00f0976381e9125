"""Settings -> models: which key goes to which server, and what is spent by whom."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from langchain_core.messages import HumanMessage

from app.connections import EMBEDDED_READER, Connections
from app.model_settings import conversation_budget, evaluation_budget, model_config
from app.settings import load_settings
from chains.generation import CallLog, complete
from chains.models import connect
from errors import ProviderError
from tests.loopback.openai_server import Scripted, serve_openai

ASKED = [HumanMessage("hello")]


def settings(home: Path, **values: str):  # type: ignore[no-untyped-def]
    return load_settings({"GROUNDTUNE_HOME": str(home)} | values)


def test_the_fallbacks_server_gets_the_fallbacks_key_and_no_other(tmp_path: Path) -> None:
    with serve_openai(Scripted(status=503), key="first-key") as first, serve_openai("ok") as second:
        read = settings(
            tmp_path,
            OPENAI_API_KEY="first-key",
            OPENAI_BASE_URL=first.url,
            GROUNDTUNE_CHAT_MODEL="compatible:one",
            GROUNDTUNE_FALLBACK_MODEL="compatible:two",
            GROUNDTUNE_FALLBACK_BASE_URL=second.url,
            GROUNDTUNE_FALLBACK_API_KEY="second-key",
        )
        config = replace(model_config(read, read.chat_model), max_retries=0)
        log = CallLog()
        assert complete(connect(config), ASKED, log, purpose="answer") == "ok"
    assert [request.headers["authorization"] for request in first.requests] == ["Bearer first-key"]
    assert [request.headers["authorization"] for request in second.requests] == ["Bearer second-key"]
    assert "compatible:two stood in for compatible:one" in log.notices[0]


def test_a_fallback_server_without_a_key_of_its_own_gets_none(tmp_path: Path) -> None:
    with serve_openai() as second:
        read = settings(
            tmp_path,
            OPENAI_API_KEY="first-key",
            GROUNDTUNE_FALLBACK_MODEL="compatible:two",
            GROUNDTUNE_FALLBACK_BASE_URL=second.url,
        )
        fallback = model_config(read, read.chat_model).fallback
        assert fallback is not None
        second.then(Scripted(status=401))
        with pytest.raises(ProviderError, match="check GROUNDTUNE_FALLBACK_API_KEY"):
            complete(connect(fallback), ASKED, CallLog(), purpose="answer")
        assert "first-key" not in str(second.requests)


def test_a_fallback_may_be_another_model_of_the_same_server_or_azures(tmp_path: Path) -> None:
    with serve_openai() as server:
        read = settings(
            tmp_path,
            OPENAI_BASE_URL=server.url,
            GROUNDTUNE_CHAT_MODEL="compatible:one",
            AZURE_OPENAI_API_KEY="azure-key",
            AZURE_OPENAI_ENDPOINT=server.azure_endpoint,
            GROUNDTUNE_FALLBACK_MODEL="azure:backup",
        )
        connected = connect(model_config(read, read.chat_model))
        assert connected.fallback is not None
        assert connected.fallback.model_id == "azure:backup"
        same = connect(model_config(read.with_value("GROUNDTUNE_FALLBACK_MODEL", "two"), read.chat_model))
        assert same.fallback is not None
        assert same.fallback.model_id == "compatible:two"


@pytest.mark.parametrize("name", ["finetuned_model", "judge_model", "embedding_model"])
def test_a_sentence_names_the_setting_that_named_the_model(tmp_path: Path, name: str) -> None:
    with serve_openai(Scripted(status=404)) as server:
        read = settings(tmp_path, OPENAI_BASE_URL=server.url)
        setting = getattr(read, name)
        read = read.with_value(setting.name, "compatible:gone")
        model = connect(model_config(read, getattr(read, name)))
        with pytest.raises(ProviderError, match=f"check {setting.name}"):
            complete(model, ASKED, CallLog(), purpose="answer")


def test_the_judge_has_no_fallback_and_the_tuned_model_has(tmp_path: Path) -> None:
    read = settings(
        tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1", GROUNDTUNE_FALLBACK_MODEL="compatible:two"
    )
    assert model_config(read, read.judge_model).fallback is None
    assert model_config(read, read.finetuned_model).fallback is not None


def test_limits_and_prices_reach_the_model(tmp_path: Path) -> None:
    (tmp_path / "prices.toml").write_text(
        '["compatible:*"]\ninput = 1\noutput = 2\ndate = 2026-11-22\nsource = "ours"\n', "utf-8"
    )
    read = settings(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1", GROUNDTUNE_REQUESTS_PER_MINUTE="60")
    read = read.with_value("GROUNDTUNE_CHAT_MODEL", "compatible:m")
    model = connect(model_config(read, read.chat_model))
    assert model.price is not None
    assert model.price.source == "ours"
    assert model.limits is connect(model_config(read, read.chat_model)).limits


def test_a_price_that_is_written_down_counts_from_the_next_answer_on(tmp_path: Path) -> None:
    """Who is told to write it need not start the program again."""
    connections = Connections(
        settings(tmp_path, OPENAI_BASE_URL="http://127.0.0.1:9/v1", GROUNDTUNE_CHAT_MODEL="compatible:m")
    )
    before = connections.chat()
    assert before is not None
    assert (before.price, connections.chat()) == (None, before)
    (tmp_path / "prices.toml").write_text(
        '["compatible:m"]\ninput = 1\noutput = 2\ndate = 2026-11-22\nsource = "ours"\n', "utf-8"
    )
    after = connections.chat()
    assert after is not None
    assert after.price is not None


def test_who_chose_the_embedded_reader_is_not_asked_for_a_key_that_is_set(tmp_path: Path) -> None:
    read = settings(tmp_path, OPENAI_API_KEY="k", GROUNDTUNE_CHAT_MODEL=EMBEDDED_READER)
    assert "GROUNDTUNE_CHAT_MODEL" in (Connections(read).missing("base") or "")
    assert "OPENAI_API_KEY" in (Connections(settings(tmp_path)).missing("base") or "")


def test_budgets_are_those_of_the_settings(tmp_path: Path) -> None:
    read = settings(tmp_path, GROUNDTUNE_SPENDING_LIMIT="0.50")
    budget = conversation_budget(read, spent_usd=0.2)
    assert budget is not None
    assert (budget.limit_usd, budget.spent_usd) == (0.5, 0.2)
    assert evaluation_budget(read) is None
