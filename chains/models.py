"""The chat models: provider-prefixed ids -> LangChain chat models, built when first asked for.

    openai:NAME       OpenAI's own API (or whatever gateway OPENAI_BASE_URL names), with a key
    compatible:NAME   any server that speaks OpenAI's wire: vLLM, Ollama, llama.cpp, LM Studio, a gateway

Everything comes in as `ChatModelConfig`; nothing is read from the environment here. Importing this module
loads neither langchain nor openai; `connect` does.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol
from urllib.parse import urlsplit

from chains.failures import provider_error
from errors import NoModelConnectedError, ProviderError, SettingsError

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

Provider = Literal["openai", "compatible"]
PROVIDERS: tuple[Provider, ...] = ("openai", "compatible")

OPENAI_URL = "https://api.openai.com/v1"
DEFAULT_OPENAI_MODEL = "gpt-6-luna"  # OpenAI's small chat model at the time of writing
CONNECT_TIMEOUT_S = 10.0
KEYLESS = "no-key-needed"  # what a local server without keys is sent, since the client insists on one

HOW_TO_CONNECT = (
    "Set OPENAI_API_KEY for OpenAI, or OPENAI_BASE_URL of a compatible server "
    "such as http://localhost:11434/v1, in .env or the environment."
)

# Servers list these beside their chat models, LM Studio ahead of them.
_NO_CHAT = re.compile(r"embed|rerank|whisper|tts|bge-|e5-|minilm", re.IGNORECASE)


class SecretLike(Protocol):
    """pydantic's SecretStr and its like."""

    def get_secret_value(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelId:
    provider: Provider
    name: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatModelConfig:
    """What a chat model is built from. Neither key nor address, which may hold a password, is in its repr."""

    model_id: str | None = None  # "openai:NAME" or "compatible:NAME"; None: the provider's default
    api_key: SecretLike | str | None = field(default=None, repr=False)
    base_url: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0  # of silence: until the first byte and between two of them
    max_retries: int = 2  # of one request, on 408, 409, 429, 5xx and lost connections, before text arrives
    temperature: float | None = None  # None: the model's own (reasoning models refuse any other)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectedModel:
    """A chat model with the name it goes by in answers. Any LangChain chat model can stand in `chat`."""

    model_id: str
    chat: BaseChatModel = field(repr=False)  # its own shows the address with its password
    endpoint: str = ""  # without credentials, for error sentences
    parameters: Mapping[str, Any] = field(default_factory=dict)  # what receipts record


def parse_model_id(text: str, *, base_url: str | None = None) -> ModelId:
    """Reads `provider:name`; a bare name means the connected server.

    Raises SettingsError with a suggestion where the provider is not known. Names may hold colons
    (`openai:ft:gpt-...`, `compatible:llama3.2:3b`).
    """
    cleaned = text.strip()
    prefix, colon, name = cleaned.partition(":")
    if not cleaned or (colon and not name.strip()):
        raise SettingsError(f"{text!r} names no model: write openai:NAME or compatible:NAME.")
    if not colon:
        return ModelId(provider="compatible" if _is_compatible(base_url) else "openai", name=cleaned)
    for provider in PROVIDERS:
        if prefix.lower() == provider:
            return ModelId(provider=provider, name=name.strip())
    raise SettingsError(f"No provider is called {prefix!r} in {cleaned!r}; {_suggestion(prefix, cleaned)}")


def _suggestion(prefix: str, model_id: str) -> str:
    close = difflib.get_close_matches(prefix.lower(), PROVIDERS, n=1)
    if close:
        return f"did you mean {close[0] + model_id[len(prefix) :]!r}?"
    return f"write {'openai:' + model_id!r} or {'compatible:' + model_id!r}."


def _is_compatible(base_url: str | None) -> bool:
    return bool(base_url) and urlsplit(str(base_url)).hostname != urlsplit(OPENAI_URL).hostname


def connect(config: ChatModelConfig) -> ConnectedModel:
    """Builds the chat model; asks the server for its model's name only where none is given.

    Raises NoModelConnectedError (neither key nor server), SettingsError (unusable id or URL), ProviderError.
    """
    key = _revealed(config.api_key)
    if not key and not config.base_url:
        raise NoModelConnectedError(f"No chat model is connected. {HOW_TO_CONNECT}")
    url = _checked_url(config.base_url or OPENAI_URL)
    if not key and not _is_compatible(url):
        raise NoModelConnectedError("OpenAI needs a key: set OPENAI_API_KEY in .env or the environment.")
    model = _chosen_model(config, url, key or KEYLESS)
    if model.provider == "compatible" and not config.base_url:
        raise SettingsError(f"'{model}' needs the address of its server: set OPENAI_BASE_URL.")
    return ConnectedModel(
        model_id=str(model),
        chat=_chat_openai(model, config, url, key or KEYLESS),
        endpoint=shown_url(url),
        parameters={} if config.temperature is None else {"temperature": config.temperature},
    )


def _revealed(key: SecretLike | str | None) -> str:
    return (key if isinstance(key, str) else key.get_secret_value() if key else "").strip()


def _checked_url(url: str) -> str:
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"OPENAI_BASE_URL {shown_url(url)!r} is not an http or https address.")
    return url.strip().rstrip("/")


def shown_url(url: str) -> str:
    """The address without user, password, query and fragment, fit for messages."""
    scheme, colon, rest = url.rpartition("://")
    bare = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = bare.partition("/")
    return scheme + colon + authority.rpartition("@")[2] + slash + path


def _chosen_model(config: ChatModelConfig, url: str, key: str) -> ModelId:
    if config.model_id:
        return parse_model_id(config.model_id, base_url=url)
    if not _is_compatible(url):
        return ModelId(provider="openai", name=DEFAULT_OPENAI_MODEL)
    names = served_models(config, url=url, key=key)
    if not names:
        raise ProviderError(
            f"The server at {shown_url(url)} lists no models: load one there, or name it in GROUNDTUNE_CHAT_MODEL."
        )
    chats = [name for name in names if not _NO_CHAT.search(name)]
    return ModelId(provider="compatible", name=(chats or names)[0])


def served_models(config: ChatModelConfig, *, url: str, key: str) -> list[str]:
    """The ids that GET /models lists, in the server's order. Raises ProviderError."""
    import httpx2
    import openai

    timeout = httpx2.Timeout(config.timeout_s, connect=CONNECT_TIMEOUT_S)
    try:
        with openai.OpenAI(
            base_url=url, api_key=key, timeout=timeout, max_retries=config.max_retries
        ) as client:
            return [model.id for model in client.models.list()]
    except (openai.OpenAIError, httpx2.HTTPError) as error:
        raise provider_error(error, model_id="its list of models", endpoint=shown_url(url)) from None


def _chat_openai(model: ModelId, config: ChatModelConfig, url: str, key: str) -> BaseChatModel:
    import httpx2
    from langchain_openai import ChatOpenAI
    from pydantic import SecretStr

    return ChatOpenAI(
        model=model.name,
        api_key=SecretStr(key),
        base_url=url,
        timeout=httpx2.Timeout(config.timeout_s, connect=CONNECT_TIMEOUT_S),
        max_retries=config.max_retries,
        temperature=config.temperature,
        stream_usage=True,  # left to itself, a custom base_url loses the token counts
        use_responses_api=False if model.provider == "compatible" else None,
    )
