"""Settings -> what chains/models.py and chains/embeddings.py connect from."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from app.connections import EMBEDDED_READER
from app.settings import Setting, Settings
from chains.failures import SettingNames
from chains.models import ChatModelConfig
from chains.prices import load_prices

if TYPE_CHECKING:
    from chains.limits import Budget


def model_config(settings: Settings, setting: Setting[str | None]) -> ChatModelConfig:
    """The configuration of the model named by `setting` (chat_model, finetuned_model, judge_model, embedding_model).

    The fallback is the chat model's and the tuned model's. Raises SettingsError for a prices.toml that cannot be read.
    """
    fallback = _fallback(settings) if setting.name in _WITH_FALLBACK else None
    return replace(_connection(settings, setting), fallback=fallback)


def conversation_budget(settings: Settings, *, spent_usd: float = 0.0) -> Budget | None:
    """What a conversation may spend, of which `spent_usd` is gone; None: no limit is set."""
    return _budget(settings.spending_limit_usd, spent_usd, "conversation")


def evaluation_budget(settings: Settings) -> Budget | None:
    """What one evaluation may spend; None: no limit is set."""
    return _budget(settings.evaluation_limit_usd, 0.0, "evaluation")


_WITH_FALLBACK = ("GROUNDTUNE_CHAT_MODEL", "GROUNDTUNE_FINETUNED_MODEL")


def _budget(limit: Setting[float | None], spent_usd: float, what: str) -> Budget | None:
    from chains.limits import Budget

    if limit.value is None:
        return None
    return Budget(limit.value, spent_usd=spent_usd, setting=limit.name, what=what)


def _connection(settings: Settings, setting: Setting[str | None]) -> ChatModelConfig:
    return ChatModelConfig(
        model_id=setting.value,
        api_key=settings.openai_api_key.value,
        base_url=settings.openai_base_url.value,
        azure_api_key=settings.azure_openai_api_key.value,
        azure_endpoint=settings.azure_openai_endpoint.value,
        api_version=settings.openai_api_version.value,
        timeout_s=settings.timeout_s.value,
        requests_per_minute=settings.requests_per_minute.value,
        concurrent_requests=settings.concurrent_requests.value,
        prices=load_prices(settings.home.value),
        names=SettingNames(model=setting.name),
    )


def _fallback(settings: Settings) -> ChatModelConfig | None:
    """On the chat model's own server, or on another where one of its two settings names it: never with both's keys."""
    if settings.fallback_model.value in (None, EMBEDDED_READER):
        return None
    same = _connection(settings, settings.fallback_model)
    if settings.fallback_base_url.value is None and settings.fallback_api_key.value is None:
        return same
    return replace(
        same,
        api_key=settings.fallback_api_key.value,
        base_url=settings.fallback_base_url.value,
        names=SettingNames(
            model=settings.fallback_model.name,
            key=settings.fallback_api_key.name,
            url=settings.fallback_base_url.name,
        ),
    )
