"""Provider profiles: what each taker of training files asks of them, from profiles.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_args

from errors import DatasetError
from finetune.examples import Kind

ProfileName = Literal["openai", "azure", "nebius", "crusoe", "together", "fireworks", "local"]
PROFILES: tuple[ProfileName, ...] = get_args(ProfileName)
Policy = Literal["error", "warning", "allowed"]
_FILE = Path(__file__).with_name("profiles.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """One provider's demands on a training file."""

    name: ProfileName
    title: str  # "Azure OpenAI (Foundry)"
    source: str  # the page that the figures were read from
    read: str  # ISO date of that
    bom: Literal["forbidden", "required", "allowed"]
    min_rows: int  # of a training file
    kinds: frozenset[Kind]
    roles: frozenset[str]
    parts: frozenset[str]  # types of content parts
    alternation: Policy  # user and assistant do not take turns
    system_first: Policy  # a system message that is not the first, or a second one
    extension: Policy  # the file's name does not end in .jsonl
    metadata: bool  # whether rows may carry Groundtune's "metadata"
    max_bytes: int | None = None  # of one file
    one_request_bytes: int | None = None  # past it the file is uploaded by parts
    max_rows: int | None = None
    assumed: frozenset[str] = frozenset()  # fields without a published figure


def profile_named(name: str) -> Profile:
    """Raises DatasetError where there is no such profile."""
    profiles = _profiles()
    if name not in profiles:
        close = get_close_matches(name.lower(), profiles, n=1)
        meant = f" Did you mean {close[0]!r}?" if close else ""
        raise DatasetError(f"There is no profile {name!r}; there are {', '.join(profiles)}.{meant}")
    return profiles[name]


@cache
def _profiles() -> Mapping[str, Profile]:
    tables = tomllib.loads(_FILE.read_text(encoding="utf-8"))
    return {name: Profile(**_fields(name, table)) for name, table in tables.items()}


def _fields(name: str, table: Mapping[str, Any]) -> dict[str, Any]:
    lists = {key: frozenset(value) for key, value in table.items() if isinstance(value, list)}
    return {"name": name, **table, **lists}
