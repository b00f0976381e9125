"""The factors that speak for one mode or another, with their effects and sources, read from factors.toml."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_args

from chains.answer import MODES, Mode
from errors import SettingsError

__all__ = ["LEVELS", "Factor", "Framework", "Gate", "framework", "read_levels"]

LEVELS = 5  # 0..4
NEUTRAL = 2
_FILE = Path(__file__).with_name("factors.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    name: str
    question: str
    levels: tuple[str, ...]  # in words, from low to high
    weight: float
    effect: Mapping[Mode, float]  # of a high level, -1..1
    source: str

    def points(self, mode: Mode, level: int | None) -> float:
        """What this level is worth to the mode; None, which is not known, moves nothing."""
        return 0.0 if level is None else self.weight * self.effect[mode] * (level - NEUTRAL) / NEUTRAL


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """Modes that are out while every named level is within its bounds."""

    when: Mapping[str, tuple[int, int]]
    out: tuple[Mode, ...]
    reason: str
    forecast: bool = False  # of quality, which a measurement may refute; others are requirements and stand

    def holds(self, levels: Mapping[str, int]) -> bool:
        return all(name in levels and low <= levels[name] <= high for name, (low, high) in self.when.items())

    def is_open(self, levels: Mapping[str, int]) -> bool:
        """Whether it does not hold, and may once more is answered."""
        known = [(levels[name], bounds) for name, bounds in self.when.items() if name in levels]
        return len(known) < len(self.when) and all(low <= level <= high for level, (low, high) in known)


@dataclass(frozen=True, slots=True, kw_only=True)
class Framework:
    factors: tuple[Factor, ...]
    gates: tuple[Gate, ...]
    head_start: float  # of base: the simplest thing comes first

    def factor(self, name: str) -> Factor:
        return next(one for one in self.factors if one.name == name)


@cache
def framework() -> Framework:
    return parse_framework(tomllib.loads(_FILE.read_text("utf-8")))


def parse_framework(table: Mapping[str, Any]) -> Framework:
    factors = tuple(_factor(one) for one in table["factor"])
    names = {factor.name for factor in factors}
    gates = tuple(_gate(one, names) for one in table["gate"])
    return Framework(factors=factors, gates=gates, head_start=float(table["base"]["head_start"]))


def read_levels(given: Mapping[str, object]) -> dict[str, int]:
    """Answers by factor: a level, its words, or None for "not known". Raises SettingsError naming the fault."""
    known = {factor.name: factor for factor in framework().factors}
    return {
        name: _level(known[_known(name, known)], value) for name, value in given.items() if value is not None
    }


def _known(name: str, known: Mapping[str, Factor]) -> str:
    if name not in known:
        close = get_close_matches(name.lower(), known, n=1)
        meant = f" Did you mean {close[0]!r}?" if close else ""
        raise SettingsError(f"There is no factor {name!r}: they are {', '.join(known)}.{meant}")
    return name


def _level(factor: Factor, value: object) -> int:
    if isinstance(value, str):
        said = " ".join(value.split()).casefold()
        in_words = [one.casefold() for one in factor.levels]
        if said in in_words:
            return in_words.index(said)
        value = int(said) if said.isdecimal() and len(said) == 1 else value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < LEVELS:
        words = "; ".join(f"{level} {said}" for level, said in enumerate(factor.levels))
        raise SettingsError(f"{factor.name} cannot be {value!r}: give one of {words}.")
    return value


def _factor(table: Mapping[str, Any]) -> Factor:
    effect = {mode: float(table["effect"][mode]) for mode in MODES}
    if len(table["levels"]) != LEVELS or any(abs(one) > 1 for one in effect.values()):
        raise ValueError(f"factor {table['name']!r} wants {LEVELS} levels and effects from -1 to 1")
    return Factor(
        name=table["name"],
        question=table["question"],
        levels=tuple(table["levels"]),
        weight=float(table["weight"]),
        effect=effect,
        source=table["source"],
    )


def _gate(table: Mapping[str, Any], names: set[str]) -> Gate:
    when = {name: (int(low), int(high)) for name, (low, high) in table["when"].items()}
    if not set(when) <= names or not set(table["out"]) <= set(get_args(Mode)):
        raise ValueError(f"gate {table['reason']!r} names a factor or a mode that does not exist")
    return Gate(
        when=when, out=tuple(table["out"]), reason=table["reason"], forecast=table.get("forecast", False)
    )
