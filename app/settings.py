"""One frozen settings object, read from the environment and `.env`; every value knows its origin.

Read with `load_settings()`; nothing is read at import. The process environment wins over `.env`, which
wins over the default. `.env.example` lists the same names with their meaning; a test keeps the two in step.
"""

# ruff: noqa: RUF009 - `_set` describes a field, it makes no default
from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from app import setting_values as values
from app.dotenv_file import read_dotenv, save_to_dotenv
from chains.models import shown_url
from errors import SettingsError

__all__ = ["PROJECT_ROOT", "Origin", "Setting", "Settings", "load_settings", "save_to_dotenv"]

T = TypeVar("T")
Origin = Literal["default", "environment", ".env", "command line", "settings page"]
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
class _Kind:
    """What is known of a setting before it is read."""

    name: str
    parse: Callable[[str], object]
    default: object
    secret: bool

    def read(self, text: str, origin: Origin) -> Setting[Any]:
        """Empty counts as not set. Raises SettingsError, which repeats no secret."""
        if not text.strip():
            default = self.default() if callable(self.default) else self.default
            return Setting(self.name, default, "default", self.secret)
        try:
            return Setting(self.name, self.parse(text.strip()), origin, self.secret)
        except ValueError as error:
            shown = "" if self.secret else f" is {_without_credentials(text.strip())!r}, which"
            raise SettingsError(f"{self.name} (from {origin}){shown} {error}.") from error


def _set(name: str, parse: Callable[[str], object], default: object = None, *, secret: bool = False) -> Any:
    return field(metadata={"kind": _Kind(name=name, parse=parse, default=default, secret=secret)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Model ids are written as chains/models.py reads them: "openai:NAME", "azure:DEPLOYMENT", ..."""

    home: Setting[Path] = _set("GROUNDTUNE_HOME", values.path, lambda: PROJECT_ROOT / ".groundtune")
    embedding_dir: Setting[Path | None] = _set("GROUNDTUNE_EMBEDDING_DIR", values.path)
    precision: Setting[Precision] = _set("GROUNDTUNE_PRECISION", values.precision, "auto")
    threads: Setting[int | None] = _set("GROUNDTUNE_THREADS", values.threads)  # None: every core
    embedding_model: Setting[str | None] = _set("GROUNDTUNE_EMBEDDING_MODEL", str)  # of new knowledge bases

    chat_model: Setting[str | None] = _set("GROUNDTUNE_CHAT_MODEL", str)
    finetuned_model: Setting[str | None] = _set("GROUNDTUNE_FINETUNED_MODEL", str)
    finetuned_system: Setting[str | None] = _set(
        "GROUNDTUNE_FINETUNED_SYSTEM", str
    )  # its training rows' system message
    judge_model: Setting[str | None] = _set("GROUNDTUNE_JUDGE_MODEL", str)  # None: the embedded scorer alone
    consistency_samples: Setting[int | None] = _set(
        "GROUNDTUNE_CONSISTENCY_SAMPLES", values.samples
    )  # None: none
    openai_api_key: Setting[str | None] = _set("OPENAI_API_KEY", values.key, secret=True)
    openai_base_url: Setting[str | None] = _set("OPENAI_BASE_URL", values.url)
    azure_openai_api_key: Setting[str | None] = _set("AZURE_OPENAI_API_KEY", values.key, secret=True)
    azure_openai_endpoint: Setting[str | None] = _set("AZURE_OPENAI_ENDPOINT", values.url)
    openai_api_version: Setting[str | None] = _set("OPENAI_API_VERSION", values.api_version)  # Azure's

    fallback_model: Setting[str | None] = _set("GROUNDTUNE_FALLBACK_MODEL", str)
    fallback_api_key: Setting[str | None] = _set("GROUNDTUNE_FALLBACK_API_KEY", values.key, secret=True)
    fallback_base_url: Setting[str | None] = _set("GROUNDTUNE_FALLBACK_BASE_URL", values.url)

    offline: Setting[bool] = _set("GROUNDTUNE_OFFLINE", values.switch, False)  # only named models are asked
    timeout_s: Setting[float] = _set("GROUNDTUNE_TIMEOUT", values.seconds, 60.0)  # of a server's silence
    requests_per_minute: Setting[int | None] = _set("GROUNDTUNE_REQUESTS_PER_MINUTE", values.requests)
    concurrent_requests: Setting[int | None] = _set("GROUNDTUNE_CONCURRENT_REQUESTS", values.requests)
    spending_limit_usd: Setting[float | None] = _set("GROUNDTUNE_SPENDING_LIMIT", values.dollars)
    evaluation_limit_usd: Setting[float | None] = _set("GROUNDTUNE_EVALUATION_LIMIT", values.dollars)

    api_key: Setting[str | None] = _set("GROUNDTUNE_API_KEY", values.key, secret=True)  # that /v1 asks for
    base_models: Setting[Path | None] = _set("GROUNDTUNE_BASE_MODELS", values.path)
    training_python: Setting[Path | None] = _set("GROUNDTUNE_TRAINING_PYTHON", values.path)
    training_limit_usd: Setting[float | None] = _set("GROUNDTUNE_TRAINING_LIMIT", values.dollars)
    training_minutes: Setting[float] = _set("GROUNDTUNE_TRAINING_MINUTES", values.minutes, 60.0)
    training_memory_gb: Setting[float | None] = _set("GROUNDTUNE_TRAINING_MEMORY", values.gigabytes)
    tuning_url: Setting[str | None] = _set("GROUNDTUNE_TUNING_URL", values.url)
    tuning_api_key: Setting[str | None] = _set("GROUNDTUNE_TUNING_API_KEY", values.key, secret=True)
    nebius_api_key: Setting[str | None] = _set("NEBIUS_API_KEY", values.key, secret=True)
    crusoe_api_key: Setting[str | None] = _set("CRUSOE_API_KEY", values.key, secret=True)

    def all(self) -> tuple[Setting[object], ...]:
        return tuple(getattr(self, field.name) for field in fields(self))

    def with_value(self, name: str, text: str, *, origin: Origin = "settings page") -> Settings:
        """These settings with one of them set by a person, for this process only; empty text unsets it.

        Raises SettingsError for a name that does not exist or a value that cannot be used.
        """
        known = {_kind(field).name: field for field in fields(self)}
        if name not in known:
            raise SettingsError(f"There is no setting {name!r}: .env.example lists them all.")
        made = _kind(known[name]).read(text, origin)
        return replace(self, **{known[name].name: replace(made, origin=origin)})


def _kind(of: Any) -> _Kind:
    kind: _Kind = of.metadata["kind"]
    return kind


def load_settings(
    environment: Mapping[str, str] | None = None, *, dotenv_path: Path | None = None
) -> Settings:
    """Settings from `environment` (default: the process's) and `dotenv_path` (default: `.env` beside the code).

    The environment wins, then the file, then the default; empty counts as not set.
    Raises SettingsError, naming the setting and where it was set, when a value cannot be used.
    """
    process = os.environ if environment is None else environment
    dotenv = read_dotenv(dotenv_path or PROJECT_ROOT / ".env")

    def read(kind: _Kind) -> Setting[Any]:
        if text := process.get(kind.name, "").strip():
            return kind.read(text, "environment")
        return kind.read(dotenv.get(kind.name, ""), ".env")

    return Settings(**{field.name: read(_kind(field)) for field in fields(Settings)})


def _without_credentials(text: str) -> str:
    """An address without what may be secret in it; other text as it is."""
    return shown_url(text) if "://" in text else text
