"""The places that take fine-tuning jobs over OpenAI's wire: what differs from one to the next, from places.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from errors import TuningRequestError
from finetune.jobs.record import Method
from finetune.profiles import ProfileName

PlaceName = Literal["local", "openai", "azure", "nebius", "crusoe", "other"]
PLACES: tuple[PlaceName, ...] = get_args(PlaceName)
Where = Literal["body", "hyperparameters", "x_groundtune"]
_FILE = Path(__file__).with_name("places.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    name: PlaceName
    title: str  # "Azure OpenAI (Foundry)"
    source: str  # where the facts were read
    read: str  # ISO date of that
    profile: ProfileName  # whose demands its training files must meet
    methods: tuple[Method, ...]
    learning_rate: Literal["multiplier", "absolute"]
    hyperparameters: Literal["method", "top"]
    asked_as: str  # "openai" makes openai:ft:...
    seconds: tuple[float, float]  # between two looks at a job: the first, the longest
    suffix: str  # a regular expression of what it takes
    options: Mapping[str, Where] = field(default_factory=dict)
    learning_rate_field: str = "learning_rate_multiplier"
    url: str | None = None
    url_setting: str | None = None  # where the address is each user's own
    key_setting: str | None = None
    keyless: bool = False  # a key is not demanded
    free: bool = False
    any_option: bool = False
    deploy: str | None = None  # what is to be done before the tuned model answers
    ends: str | None = None  # what is known of its last days

    def where(self, option: str) -> Where:
        """Raises TuningRequestError, naming the options there are, for one that it does not take."""
        found = self.options.get(option)
        if found is not None:
            return found
        if self.any_option:
            return "body"
        known = ", ".join(sorted(self.options)) or "none"
        raise TuningRequestError(
            f"{self.title} takes no option {option!r}; it takes: {known}.",
            code="unknown_parameter",
            param=option,
        )

    def check_suffix(self, suffix: str | None) -> None:
        """Raises TuningRequestError."""
        if suffix is not None and not re.fullmatch(self.suffix, suffix):
            raise TuningRequestError(
                f"{self.title} takes no suffix {suffix!r}: give one of the form {self.suffix}.",
                code="invalid_value",
                param="suffix",
            )


def place_named(name: str) -> Place:
    """Raises TuningRequestError where there is no such place."""
    known = places()
    if name not in known:
        close = get_close_matches(name.lower(), known, n=1)
        meant = f" Did you mean {close[0]!r}?" if close else ""
        raise TuningRequestError(
            f"There is no place {name!r} to train; there are {', '.join(known)}.{meant}", param="place"
        )
    return known[name]


@cache
def places() -> Mapping[str, Place]:
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Place(**_fields(name, table)) for name, table in tables.items()}


def _fields(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    lists = {key: tuple(value) for key, value in table.items() if isinstance(value, list)}
    return {"name": name, **table, **lists}
