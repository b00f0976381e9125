"""How far verdicts agree with people's marks: Cohen's kappa, which takes out what chance alone would agree on.

    agreement([True, False], [True, True])   -> Agreement(kappa, share, ...)

Cohen 1960; the interval by resampling the marked answers, in groups where questions share a document.
"""

from __future__ import annotations

import csv
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from errors import SettingsError

__all__ = ["Agreement", "agreement", "read_marks"]

RESAMPLES = 2_000
_RIGHT = {
    "yes": True,
    "right": True,
    "true": True,
    "1": True,
    "no": False,
    "wrong": False,
    "false": False,
    "0": False,
}
COLUMNS = ("question", "mode", "right")


@dataclass(frozen=True, slots=True, kw_only=True)
class Agreement:
    kappa: float | None  # -1..1; None where both gave everything the same mark
    low: float | None  # of its 95 % interval
    high: float | None
    share: float  # of the answers on which both agree
    n: int


def agreement(
    first: Sequence[bool],
    second: Sequence[bool],
    groups: Sequence[Hashable] | None = None,
    *,
    seed: int = 7,
) -> Agreement:
    """Raises ValueError where they are not as many, or none."""
    if len(first) != len(second) or not first:
        raise ValueError(f"{len(first)} and {len(second)} marks cannot be compared")
    pairs = np.array([first, second], dtype=bool)
    drawn = sorted(_resampled(pairs, groups or range(len(first)), seed))
    enough = len(drawn) > RESAMPLES / 2
    return Agreement(
        kappa=_kappa(pairs),
        low=float(np.quantile(drawn, 0.025)) if enough else None,
        high=float(np.quantile(drawn, 0.975)) if enough else None,
        share=float((pairs[0] == pairs[1]).mean()),
        n=len(first),
    )


def _kappa(pairs: np.ndarray) -> float | None:  # (2, n) bool
    agreed = float((pairs[0] == pairs[1]).mean())
    yes = pairs.mean(axis=1)
    chance = float(yes[0] * yes[1] + (1 - yes[0]) * (1 - yes[1]))
    return None if chance >= 1 - 1e-12 else (agreed - chance) / (1 - chance)


def _resampled(pairs: np.ndarray, groups: Sequence[Hashable], seed: int) -> list[float]:
    places: dict[Hashable, list[int]] = {}
    for place, group in enumerate(groups):
        places.setdefault(group, []).append(place)
    held = [np.array(one) for one in places.values()]
    random = np.random.default_rng(seed)
    found = (
        _kappa(pairs[:, np.concatenate([held[one] for one in random.integers(0, len(held), len(held))])])
        for _ in range(RESAMPLES)
    )
    return [one for one in found if one is not None]


def read_marks(path: Path) -> dict[tuple[str, str], bool]:
    """(question id, mode) -> whether a person found it right. Raises SettingsError naming the line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return _marks(path, csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SettingsError(f"{path} cannot be read as CSV in UTF-8: {error}") from error


def _marks(path: Path, rows: csv.DictReader[str]) -> dict[tuple[str, str], bool]:
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise SettingsError(f"{path} has no column {missing[0]!r}: it needs {', '.join(COLUMNS)}.")
    found: dict[tuple[str, str], bool] = {}
    for row in rows:
        mark = (row["right"] or "").strip().casefold()
        if not mark:
            continue  # not marked yet
        if mark not in _RIGHT:
            raise SettingsError(f"{path}, line {rows.line_num}: 'right' must be yes or no, not {mark!r}.")
        found[(row["question"] or "").strip(), (row["mode"] or "").strip()] = _RIGHT[mark]
    return found
