"""A connection as a person describes it on the settings page: which settings it means, and whether it works."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

from app.settings import Settings
from chains.model_ids import OPENAI_URL, PROVIDERS, shown_url

ConnectionKind = Literal["openai", "compatible", "azure"]
KINDS: Mapping[ConnectionKind, str] = {
    "openai": "OpenAI",
    "compatible": "Compatible server",
    "azure": "Azure OpenAI",
}
PATIENCE_S = 20.0  # for a test: a person is waiting


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What was typed; empty text means "none", an empty key "the one that is set", of the same server only."""

    kind: ConnectionKind
    url: str = ""
    key: str = field(default="", repr=False)
    api_version: str = ""
    chat_model: str = ""
    finetuned_model: str = ""
    fallback_model: str = ""
    fallback_url: str = ""
    fallback_key: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tested:
    models: tuple[str, ...]  # that the server lists; empty where it cannot be asked for a list
    ms: float


def changes(wanted: Wanted, settings: Settings) -> dict[str, str]:
    """Setting name -> text, empty to unset it.

    A key never goes along to another address: where the address changes and no key is typed, there is none.
    """
    if wanted.kind == "azure":
        own = {
            "AZURE_OPENAI_ENDPOINT": _address(wanted.url, settings.azure_openai_endpoint.value),
            "AZURE_OPENAI_API_KEY": _key(
                wanted.key,
                settings.azure_openai_api_key.value,
                wanted.url,
                settings.azure_openai_endpoint.value,
            ),
            "OPENAI_API_VERSION": wanted.api_version.strip(),
        }
    else:
        url = wanted.url if wanted.kind == "compatible" else ""
        own = {
            "OPENAI_BASE_URL": _address(url, settings.openai_base_url.value),
            "OPENAI_API_KEY": _key(
                wanted.key, settings.openai_api_key.value, url, settings.openai_base_url.value
            ),
        }
    return own | {
        "GROUNDTUNE_CHAT_MODEL": _model(wanted.chat_model, wanted.kind),
        "GROUNDTUNE_FINETUNED_MODEL": _model(wanted.finetuned_model, wanted.kind),
        "GROUNDTUNE_FALLBACK_MODEL": _model(wanted.fallback_model, _fallback_kind(wanted)),
        "GROUNDTUNE_FALLBACK_BASE_URL": _address(wanted.fallback_url, settings.fallback_base_url.value),
        "GROUNDTUNE_FALLBACK_API_KEY": _key(
            wanted.fallback_key,
            settings.fallback_api_key.value,
            wanted.fallback_url,
            settings.fallback_base_url.value,
        ),
    }


def kind_in_use(settings: Settings) -> ConnectionKind:
    """Of the chat model where one is named, else of the server that is set."""
    provider = (settings.chat_model.value or "").partition(":")[0]
    if provider in ("openai", "azure", "compatible"):
        return cast(ConnectionKind, provider)
    return "compatible" if settings.openai_base_url.value else "openai"


def disconnected() -> dict[str, str]:
    names = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_ENDPOINT")
    models = ("GROUNDTUNE_CHAT_MODEL", "GROUNDTUNE_FINETUNED_MODEL", "GROUNDTUNE_FALLBACK_MODEL")
    return dict.fromkeys((*names, *models), "")


def _address(typed: str, known: str | None) -> str:
    """What is shown of an address lacks its password; left as it was shown, it keeps it."""
    cleaned = typed.strip().rstrip("/")
    return known if known and cleaned == shown_url(known).rstrip("/") else cleaned


def _key(typed: str, known: str | None, url: str, known_url: str | None) -> str:
    if typed.strip():
        return typed.strip()
    same = url.strip().rstrip("/") == shown_url(known_url or "").rstrip("/")
    return known or "" if same else ""


def _model(name: str, kind: ConnectionKind) -> str:
    """With its provider in front, so that it never means another server's."""
    cleaned = name.strip()
    known = cleaned.partition(":")[0].lower() in PROVIDERS and ":" in cleaned
    return cleaned if known or not cleaned else f"{kind}:{cleaned}"


def _fallback_kind(wanted: Wanted) -> ConnectionKind:
    if wanted.fallback_url.strip():
        return "compatible"
    return "openai" if wanted.fallback_key.strip() else wanted.kind


def applied(settings: Settings, values: Mapping[str, str]) -> Settings:
    """Raises SettingsError for the first value that cannot be used."""
    for name, text in values.items():
        settings = settings.with_value(name, text)
    return settings


def overruled(settings: Settings, values: Mapping[str, str]) -> Iterator[str]:
    """Names that the environment sets, which wins over .env at the next start."""
    yield from (one.name for one in settings.all() if one.origin == "environment" and one.name in values)


def test_connection(settings: Settings, kind: ConnectionKind, *, patience_s: float = PATIENCE_S) -> Tested:
    """Asks the server for its models; Azure, which lists no deployments, for one word.

    patience_s: how long the server may take to list them.
    Raises SettingsError, NoModelConnectedError, ProviderError.
    """
    started = time.perf_counter()
    models = _azure_answers(settings) if kind == "azure" else _served(settings, patience_s)
    return Tested(models=models, ms=(time.perf_counter() - started) * 1000)


def _served(settings: Settings, patience_s: float) -> tuple[str, ...]:
    from chains.models import KEYLESS, ChatModelConfig, served_models
    from errors import NoModelConnectedError

    key, url = settings.openai_api_key.value, settings.openai_base_url.value
    if not key and not url:
        raise NoModelConnectedError("Give a key of OpenAI's, or the address of a compatible server.")
    config = ChatModelConfig(api_key=key, base_url=url, timeout_s=patience_s, max_retries=0)
    return tuple(served_models(config, url=url or OPENAI_URL, key=key or KEYLESS))


def _azure_answers(settings: Settings) -> tuple[str, ...]:
    from langchain_core.messages import HumanMessage

    from chains.generation import CallLog, complete
    from chains.models import ChatModelConfig, connect

    model = connect(
        ChatModelConfig(
            model_id=settings.chat_model.value,
            azure_api_key=settings.azure_openai_api_key.value,
            azure_endpoint=settings.azure_openai_endpoint.value,
            api_version=settings.openai_api_version.value,
            timeout_s=PATIENCE_S,
            max_retries=0,
        )
    )
    complete(model, [HumanMessage("Answer with the word yes.")], CallLog(), purpose="test")
    return ()
