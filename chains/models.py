"""The chat models: provider-prefixed ids -> LangChain chat models, built when first asked for.

    openai:NAME       OpenAI's own API (or whatever gateway OPENAI_BASE_URL names), with a key
    azure:DEPLOYMENT  Azure OpenAI: the resource's address, its key, an API version or an address in /openai/v1
    compatible:NAME   any server that speaks OpenAI's wire: vLLM, Ollama, llama.cpp, LM Studio, a gateway
    local:NAME        a model trained on this machine, by the makers given in `local_models`

Tuned models are named in the same way: openai:ft:..., compatible:ft:..., azure:DEPLOYMENT, local:ft:...
Everything comes in as `ChatModelConfig`; nothing is read from the environment here. Importing this module
loads neither langchain nor openai; `connect` does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

from chains.connection import azure_resource, azure_v1_url, http_client, only_what_is_set, timeouts
from chains.failures import NOT_OPENAI_SHAPED, SettingNames, provider_error
from chains.limits import Budget, Limits, shared_limits
from chains.model_ids import (
    OPENAI_URL,
    ModelId,
    Provider,
    checked_url,
    is_compatible,
    parse_model_id,
    shown_url,
)
from chains.prices import Price, PriceList
from errors import LocalModelNotFoundError, NoModelConnectedError, ProviderError, SettingsError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

__all__ = [
    "ChatModelConfig",
    "ConnectedModel",
    "connect",
    "parse_model_id",
    "served_models",
    "shown_url",
]

DEFAULT_OPENAI_MODEL = "gpt-6-luna"  # OpenAI's small chat model at the time of writing
DEFAULT_AZURE_API_VERSION = (
    "2024-10-21"  # generally available, and the first such that counts streamed tokens
)
KEYLESS = "no-key-needed"  # what a local server without keys is sent, since the client insists on one

HOW_TO_CONNECT = (
    "Set OPENAI_API_KEY for OpenAI, AZURE_OPENAI_ENDPOINT and AZURE_OPENAI_API_KEY for Azure, or OPENAI_BASE_URL "
    "of a compatible server such as http://localhost:11434/v1, in .env or the environment."
)

STOOD_IN = "{fallback} stood in for the chat model, which is not known: {why}"

# Servers list these beside their chat models, LM Studio ahead of them.
_NO_CHAT = re.compile(r"embed|rerank|whisper|tts|bge-|e5-|minilm", re.IGNORECASE)


class SecretLike(Protocol):
    """pydantic's SecretStr and its like."""

    def get_secret_value(self) -> str: ...


Secret = SecretLike | str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatModelConfig:
    """What a chat model is built from. Neither keys nor addresses, which may hold passwords, are in its repr."""

    model_id: str | None = (
        None  # "openai:NAME", "azure:DEPLOYMENT", ...; None: the connected server's default
    )
    api_key: Secret = field(default=None, repr=False)
    base_url: str | None = field(default=None, repr=False)
    azure_api_key: Secret = field(default=None, repr=False)
    azure_endpoint: str | None = field(default=None, repr=False)
    api_version: str | None = None  # Azure's; None: DEFAULT_AZURE_API_VERSION
    local_models: Mapping[str, Callable[[], BaseChatModel]] = field(default_factory=dict)  # by their name
    timeout_s: float = 60.0  # of silence: until the first byte and between two of them
    max_retries: int = 2  # of one request, on 408, 409, 429, 5xx and lost connections, before text arrives
    temperature: float | None = None  # None: the model's own (reasoning models refuse any other)
    requests_per_minute: int | None = None
    concurrent_requests: int | None = None
    prices: PriceList = field(default_factory=PriceList, repr=False)
    names: SettingNames = SettingNames()  # noqa: RUF009 - frozen; what sentences call these settings
    fallback: ChatModelConfig | None = None

    @property
    def connected(self) -> Provider | None:
        """The provider that a bare name means."""
        if self.base_url:
            return "compatible" if is_compatible(self.base_url) else "openai"
        return "openai" if revealed(self.api_key) else "azure" if self.azure_endpoint else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedModel:
    """A chat model with the name it goes by in answers. Any LangChain chat model can stand in `chat`."""

    model_id: str
    chat: BaseChatModel = field(repr=False)  # its own shows the address with its password
    endpoint: str = ""  # without credentials, for error sentences
    parameters: Mapping[str, Any] = field(default_factory=dict)  # what receipts record
    max_retries: int = 0
    limits: Limits = field(default_factory=Limits, repr=False)
    price: Price | None = None
    budget: Budget | None = field(default=None, repr=False)
    names: SettingNames = field(default_factory=SettingNames, repr=False)
    fallback: ConnectedModel | None = None
    notice: str | None = None  # what its answers must say: for which server it stands in

    def with_budget(self, budget: Budget | None) -> ConnectedModel:
        """The same model for one conversation or evaluation; its fallback spends from the same budget."""
        fallback = self.fallback.with_budget(budget) if self.fallback else None
        return replace(self, budget=budget, fallback=fallback)


def connect(config: ChatModelConfig) -> ConnectedModel:
    """Builds the chat model; asks the server for its model's name only where none is given.

    A server that cannot say it leaves the fallback, with a notice. Raises NoModelConnectedError (neither key nor
    server), LocalModelNotFoundError, SettingsError (unusable id or URL), ProviderError.
    """
    named = (
        parse_model_id(config.model_id, base_url=config.base_url, connected=config.connected)
        if config.model_id
        else None
    )
    provider = named.provider if named else config.connected
    if provider is None:
        raise NoModelConnectedError(f"No chat model is connected. {HOW_TO_CONNECT}")
    if provider == "local":
        assert named is not None
        connected = _local(named, config)
    elif provider == "azure":
        connected = _azure(named, config)
    else:
        try:
            connected = _openai(named, config)
        except ProviderError as error:
            if config.fallback is None:
                raise
            fallback = connect(config.fallback)
            return replace(fallback, notice=STOOD_IN.format(fallback=fallback.model_id, why=error))
    return replace(
        connected,
        parameters={} if config.temperature is None else {"temperature": config.temperature},
        max_retries=config.max_retries,
        limits=shared_limits(connected.endpoint, config.requests_per_minute, config.concurrent_requests),
        price=config.prices.of(connected.model_id),
        fallback=connect(config.fallback) if config.fallback else None,
    )


def revealed(key: Secret) -> str:
    return (key if isinstance(key, str) else key.get_secret_value() if key else "").strip()


def _local(model: ModelId, config: ChatModelConfig) -> ConnectedModel:
    maker = config.local_models.get(model.name)
    if maker is None:
        there = ", ".join(f"local:{name}" for name in sorted(config.local_models))
        exist = f"there are: {there}" if there else "no model was trained here yet"
        raise LocalModelNotFoundError(f"No local model is called {model.name!r}: {exist}.")
    return ConnectedModel(model_id=str(model), chat=maker(), endpoint="this machine", names=config.names)


def _openai(named: ModelId | None, config: ChatModelConfig) -> ConnectedModel:
    key = revealed(config.api_key)
    url = checked_url(config.base_url or OPENAI_URL, setting=config.names.url)
    if named and named.provider == "compatible" and not config.base_url:
        raise SettingsError(f"'{named}' needs the address of its server: set {config.names.url}.")
    if not key and not is_compatible(url):
        raise NoModelConnectedError(f"OpenAI needs a key: set {config.names.key} in .env or the environment.")
    model = named or _default_model(config, url, key or KEYLESS)
    return ConnectedModel(
        model_id=str(model),
        chat=_chat_openai(model, config, url, key or KEYLESS),
        endpoint=shown_url(url),
        names=config.names,
    )


def _azure(model: ModelId | None, config: ChatModelConfig) -> ConnectedModel:
    names, key = config.names.for_azure(), revealed(config.azure_api_key)
    if not config.azure_endpoint or not key:
        missing = names.key if config.azure_endpoint else names.url
        raise NoModelConnectedError(
            f"Azure OpenAI needs its address and a key: set {missing} in .env or the environment."
        )
    if model is None:
        raise SettingsError(f"Azure has no default model: set {names.model}=azure:DEPLOYMENT.")
    endpoint = checked_url(config.azure_endpoint, setting=names.url)
    url = azure_v1_url(endpoint)
    if url is not None:
        chat, endpoint = _chat_openai(model, config, url, key), url
    else:
        endpoint = azure_resource(endpoint)
        chat = _chat_azure(model, config, endpoint, key)
    return ConnectedModel(model_id=str(model), chat=chat, endpoint=shown_url(endpoint), names=names)


def _default_model(config: ChatModelConfig, url: str, key: str) -> ModelId:
    if not is_compatible(url):
        return ModelId(provider="openai", name=DEFAULT_OPENAI_MODEL)
    names = served_models(config, url=url, key=key)
    if not names:
        raise ProviderError(
            f"The server at {shown_url(url)} lists no models: load one there, or name it in {config.names.model}."
        )
    chats = [name for name in names if not _NO_CHAT.search(name)]
    return ModelId(provider="compatible", name=(chats or names)[0])


def served_models(config: ChatModelConfig, *, url: str, key: str) -> list[str]:
    """The ids that GET /models lists, in the server's order. Raises ProviderError."""
    import httpx2
    import openai

    client = openai.OpenAI(
        base_url=url,
        api_key=key,
        timeout=timeouts(config.timeout_s),
        max_retries=config.max_retries,
        http_client=http_client(url),
    )
    only_what_is_set(client, url)
    try:
        listed: list[object] = [model.id for model in client.models.list()]
    except (openai.OpenAIError, httpx2.HTTPError, *NOT_OPENAI_SHAPED) as error:
        raise provider_error(
            error, model_id="its list of models", endpoint=shown_url(url), names=config.names
        ) from None
    return [name for name in listed if isinstance(name, str) and name]


def _chat_openai(model: ModelId, config: ChatModelConfig, url: str, key: str) -> BaseChatModel:
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    chat = ChatOpenAI(
        model=model.name,
        api_key=SecretStr(key),
        base_url=url,
        timeout=timeouts(config.timeout_s),
        max_retries=0,  # chains/generation.py tries again: its waits can be stopped, and each try is on record
        temperature=config.temperature,
        stream_usage=True,  # left to itself, a custom base_url loses the token counts
        use_responses_api=None if model.provider == "openai" else False,
        http_client=http_client(url),
        openai_proxy=None,  # else OPENAI_PROXY, which it refuses beside a client
        http_socket_options=(),  # of the asynchronous client, which nothing here uses
    )
    only_what_is_set(chat.root_client, url)
    return chat


def _chat_azure(model: ModelId, config: ChatModelConfig, endpoint: str, key: str) -> BaseChatModel:
    from langchain_openai import AzureChatOpenAI
    from pydantic import SecretStr

    chat = AzureChatOpenAI(
        azure_endpoint=endpoint,
        azure_deployment=model.name,
        api_version=config.api_version or DEFAULT_AZURE_API_VERSION,
        api_key=SecretStr(key),
        azure_ad_token=None,  # else taken from the environment, and preferred to the key
        base_url=None,
        timeout=timeouts(config.timeout_s),
        max_retries=0,
        temperature=config.temperature,
        stream_usage=True,
        http_client=http_client(endpoint),
        openai_proxy=None,
        http_socket_options=(),
    )
    only_what_is_set(chat.root_client, endpoint)
    return chat
