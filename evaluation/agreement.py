"""How far verdicts agree with people's marks: Cohen's kappa, which takes out what chance alone would agree on.

    agreement([True, False], [True, True])   -> Agreement(kappa, share, ...)

Cohen 1960; the interval by resampling the marked answers, in groups where questions share a document.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from errors import SettingsError
from evaluation.question_fields import yes_or_no
from evaluation.row_files import columns_of, open_rows, rows_of
from finetune.importing.column_names import plain
from loaders.readers.numbers import shown_value

__all__ = ["Agreement", "agreement", "read_marks"]

RESAMPLES = 2_000
COLUMNS = ("question", "mode", "right")
_NAMES = {
    "question": ("question", "questionid", "id", "frage", "fragenid", "nr"),
    "mode": ("mode", "modus", "modo", "variant"),
    "right": (
        "right",
        "correct",
        "isright",
        "iscorrect",
        "mark",
        "human",
        "richtig",
        "korrekt",
        "correcto",
        "juist",
    ),
}
_KNOWN = frozenset(name for names in _NAMES.values() for name in names)
_RIGHT = {
    "right": True,
    "correct": True,
    "richtig": True,
    "wrong": False,
    "incorrect": False,
}  # beside yes and no


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
    """(question id, mode) -> whether a person found it right, from any file that questions may stand in.

    Raises SettingsError naming the row.
    """
    tables = open_rows(path, lambda cell: plain(cell) in _KNOWN)
    with_all = [table for table in tables if not _missing(columns_of(table))]
    if not with_all and all(table.columns for table in tables):
        missing = _missing(columns_of(tables[0])) if tables else COLUMNS
        raise SettingsError(f"{path} has no column {missing[0]!r}: it needs {', '.join(COLUMNS)}.")
    found: dict[tuple[str, str], bool] = {}
    for table in with_all or tables:
        for _, place, value in rows_of(table, path):
            found |= _mark(value, place)
    return found


def _mark(value: Mapping[str, Any] | str, place: str) -> dict[tuple[str, str], bool]:
    """Nothing where a row is not marked yet. Raises SettingsError."""
    if isinstance(value, str):
        raise SettingsError(value)
    missing = _missing(value)
    if missing:
        raise SettingsError(f"{place} has no {missing[0]!r}: it needs {', '.join(COLUMNS)}.")
    names = _named(value)
    question, mode, mark = (shown_value(value[names[field]]) for field in COLUMNS)
    if not mark:
        return {}
    right = _RIGHT.get(plain(mark), yes_or_no(mark))
    if right is None:
        raise SettingsError(f"{place}: {names['right']!r} must be yes or no, not {mark!r}.")
    return {(question, plain(mode)): right}


def _named(columns: Iterable[str]) -> dict[str, str]:
    """field -> the column that goes by the plainest of its names."""
    by_name = {plain(column): column for column in columns}
    known = {field: next(filter(by_name.__contains__, names), None) for field, names in _NAMES.items()}
    return {field: by_name[name] for field, name in known.items() if name is not None}


def _missing(columns: Iterable[str]) -> list[str]:
    named = _named(columns)
    return [field for field in COLUMNS if field not in named]
