"""How models are named: `provider:name`, and addresses fit to be shown."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

from errors import SettingsError

Provider = Literal["openai", "azure", "compatible", "local"]
PROVIDERS: tuple[Provider, ...] = ("openai", "azure", "compatible", "local")
TUNED = "ft:"  # how the names of tuned models begin, at OpenAI and here

OPENAI_URL = "https://api.openai.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelId:
    provider: Provider
    name: str

    def __str__(self) -> str:
        return f"{self.provider}:{self.name}"


def parse_model_id(text: str, *, base_url: str | None = None, connected: Provider | None = None) -> ModelId:
    """Reads `provider:name`; a bare name, or a bare `ft:...`, means the connected server.

    Raises SettingsError with a suggestion where the provider is not known. Names may hold colons
    (`openai:ft:gpt-...`, `compatible:llama3.2:3b`).
    """
    cleaned = text.strip()
    prefix, colon, name = cleaned.partition(":")
    if not cleaned or (colon and not name.strip()):
        raise SettingsError(
            f"{text!r} names no model: write openai:NAME, azure:DEPLOYMENT or compatible:NAME."
        )
    if not colon or cleaned.startswith(TUNED):
        bare: Provider = connected or ("compatible" if is_compatible(base_url) else "openai")
        return ModelId(provider=bare, name=cleaned)
    for provider in PROVIDERS:
        if prefix.lower() == provider:
            return ModelId(provider=provider, name=name.strip())
    raise SettingsError(f"No provider is called {prefix!r} in {cleaned!r}; {_suggestion(prefix, cleaned)}")


def _suggestion(prefix: str, model_id: str) -> str:
    close = difflib.get_close_matches(prefix.lower(), PROVIDERS, n=1)
    if close:
        return f"did you mean {close[0] + model_id[len(prefix) :]!r}?"
    return f"write {'openai:' + model_id!r} or {'compatible:' + model_id!r}."


def is_compatible(base_url: str | None) -> bool:
    """Whether the address is another's than OpenAI's own."""
    return bool(base_url) and urlsplit(str(base_url)).hostname != urlsplit(OPENAI_URL).hostname


def checked_url(url: str, *, setting: str) -> str:
    """Without the slash at its end. Raises SettingsError."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingsError(f"{setting} {shown_url(url)!r} is not an http or https address.")
    return url.strip().rstrip("/")


def shown_url(url: str) -> str:
    """The address without user, password, query and fragment, fit for messages."""
    scheme, colon, rest = url.rpartition("://")
    bare = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = bare.partition("/")
    return scheme + colon + authority.rpartition("@")[2] + slash + path
