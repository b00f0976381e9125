"""One frozen settings object, read from the environment and `.env`; every value knows its origin.

Read with `load_settings()`; nothing is read at import. The process environment wins over `.env`, which
wins over the default. `.env.example` lists the same names with their meaning; a test keeps the two in step.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Generic, Literal, TypeVar, cast
from urllib.parse import urlsplit

from chains.models import shown_url
from errors import SettingsError

T = TypeVar("T")
Origin = Literal["default", "environment", ".env", "command line"]
Precision = Literal["auto", "fp32", "int8"]
PROJECT_ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Setting(Generic[T]):
    """A value, the name it is set by, and where it came from."""

    name: str
    value: T
    origin: Origin
    secret: bool = False

    def shown(self) -> str:
        """For people; a secret shows only that it is set."""
        if self.value is None:
            return "not set"
        return "set (hidden)" if self.secret else _without_credentials(str(self.value))

    def __repr__(self) -> str:
        return f"Setting({self.name}={self.shown()}, from {self.origin})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    home: Setting[Path]  # knowledge bases, caches, models
    embedding_dir: Setting[
        Path | None
    ]  # a folder with all-MiniLM-L6-v2's model.safetensors and tokenizer.json
    precision: Setting[Precision]  # of the embedded model
    threads: Setting[int | None]  # None: every core this process may use
    chat_model: Setting[str | None]  # "openai:NAME" or "compatible:NAME"
    openai_api_key: Setting[str | None]
    openai_base_url: Setting[str | None]
    timeout_s: Setting[float]  # of one request to a chat model server

    def all(self) -> tuple[Setting[object], ...]:
        return tuple(getattr(self, field.name) for field in fields(self))


def load_settings(
    environment: Mapping[str, str] | None = None, *, dotenv_path: Path | None = None
) -> Settings:
    """Settings from `environment` (default: the process's) and `dotenv_path` (default: `.env` beside the code).

    Raises SettingsError, naming the setting and where it was set, when a value cannot be used.
    """
    read = _Reader(
        os.environ if environment is None else environment, _read_dotenv(dotenv_path or PROJECT_ROOT / ".env")
    )
    return Settings(
        home=read("GROUNDTUNE_HOME", _path, PROJECT_ROOT / ".groundtune"),
        embedding_dir=read("GROUNDTUNE_EMBEDDING_DIR", _path, None),
        precision=read("GROUNDTUNE_PRECISION", _precision, "auto"),
        threads=read("GROUNDTUNE_THREADS", _threads, None),
        chat_model=read("GROUNDTUNE_CHAT_MODEL", str, None),
        openai_api_key=read("OPENAI_API_KEY", _key, None, secret=True),
        openai_base_url=read("OPENAI_BASE_URL", _url, None),
        timeout_s=read("GROUNDTUNE_TIMEOUT", _seconds, 60.0),
    )


class _Reader:
    """Looks a name up in the environment, then in `.env`, then takes the default. Empty counts as not set."""

    def __init__(self, environment: Mapping[str, str], dotenv: Mapping[str, str]) -> None:
        self._sources: tuple[tuple[Origin, Mapping[str, str]], ...] = (
            ("environment", environment),
            (".env", dotenv),
        )

    def __call__(
        self, name: str, parse: Callable[[str], object], default: T, *, secret: bool = False
    ) -> Setting[T]:
        for origin, source in self._sources:
            text = source.get(name, "").strip()
            if text:
                return Setting(name, cast(T, _parsed(name, text, parse, origin, secret)), origin, secret)
        return Setting(name, default, "default", secret)


def _parsed(name: str, text: str, parse: Callable[[str], object], origin: Origin, secret: bool) -> object:
    try:
        return parse(text)
    except ValueError as error:
        shown = "" if secret else f" is {_without_credentials(text)!r}, which"
        raise SettingsError(f"{name} (from {origin}){shown} {error}.") from error


def _read_dotenv(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    from dotenv import dotenv_values

    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value}


def _path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def _precision(text: str) -> str:
    if text not in ("auto", "fp32", "int8"):
        raise ValueError("is none of auto, fp32, int8")
    return text


def _threads(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise ValueError("is not a whole number of threads from 1 to 1024")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 3600:
        raise ValueError("is not a number of seconds between 0 and 3600")
    return seconds


def _key(text: str) -> str:
    if not all("!" <= letter <= "~" for letter in text):
        raise ValueError("holds blanks or letters that no key has: copy it again")
    return text


def _url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("does not start with http:// or https://")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - looked at only when asked for
    except ValueError:
        raise ValueError("is not an address such as http://127.0.0.1:11434/v1") from None
    if not parts.hostname:
        raise ValueError("names no host")
    return text.rstrip("/")


def _without_credentials(text: str) -> str:
    """An address without what may be secret in it; other text as it is."""
    return shown_url(text) if "://" in text else text
