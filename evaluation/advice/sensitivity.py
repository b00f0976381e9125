"""What would change the advice: one answer, or two together, and how much hangs on the questions that are open.

flips_of({"volatility": 3}, "rag", framework())      each single answer that, given otherwise, changes the advice
pairs_of(levels, "rag", framework())                 where no single one does: the nearest two
share_kept({"volatility": 3}, "rag", framework())    of all ways to answer what is open: the share that keeps the advice
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product
from operator import add

from chains.answer import Mode
from evaluation.advice.factors import LEVELS, NEUTRAL, Factor, Framework
from evaluation.advice.scoring import points_of, table_of, top_of

__all__ = ["DRAWS", "Flip", "flips_of", "pairs_of", "share_kept"]

DRAWS = 256  # the share is known to about 3 points
SEED = 7
PAIRS = 5  # named at most


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One answer that, given otherwise, would change the advice."""

    factor: str
    level: int
    said: str
    pick: Mode


def flips_of(levels: Mapping[str, int], pick: Mode, by: Framework) -> tuple[Flip, ...]:
    """For each factor, and each mode that it alone can bring about, the nearest answer that does; nearest first."""
    asked = _Asked(levels, by)
    found = [flip for factor in by.factors for flip in _of_one(factor, asked, pick)]
    return tuple(sorted(found, key=lambda one: _distance(one.factor, one.level, levels)))


def pairs_of(levels: Mapping[str, int], pick: Mode, by: Framework) -> tuple[tuple[Flip, Flip], ...]:
    """The nearest two answers that change the advice together, for at most five pairs of questions, nearest first."""
    asked = _Asked(levels, by)
    found: dict[tuple[str, str], tuple[Flip, Flip]] = {}
    for one, other, first, second in _two_otherwise(levels, by):
        if (one.name, other.name) in found:
            continue
        top = asked.with_answers({one.name: first, other.name: second})
        if top != pick:
            found[one.name, other.name] = (_flip(one, first, top), _flip(other, second, top))
            if len(found) == PAIRS:
                break
    return tuple(found.values())


def share_kept(levels: Mapping[str, int], pick: Mode, by: Framework) -> float:
    """Of 256 ways to answer the open questions, each level as likely as another: the share that is advised the same."""
    names = [factor.name for factor in by.factors if factor.name not in levels]
    if not names:
        return 1.0
    asked = _Asked(levels, by)
    chance = random.Random(SEED)  # noqa: S311 - a sample, no secret
    drawn = chance.choices(range(LEVELS), k=DRAWS * len(names))
    ways = (drawn[place : place + len(names)] for place in range(0, len(drawn), len(names)))
    return sum(asked.with_answers(dict(zip(names, way, strict=True))) == pick for way in ways) / DRAWS


class _Asked:
    """What was answered, and what would be advised with some of it answered otherwise."""

    def __init__(self, levels: Mapping[str, int], by: Framework) -> None:
        self.levels, self._by, self._table = levels, by, table_of(by)
        self._points = list(points_of(levels, by).values())

    def with_answers(self, others: Mapping[str, int]) -> Mode:
        points = self._points
        for name, level in others.items():
            worth = self._table[name][level]
            if name in self.levels:
                now = self._table[name][self.levels[name]]
                worth = tuple(new - old for new, old in zip(worth, now, strict=True))
            points = list(map(add, points, worth))
        return top_of({**self.levels, **others}, points, self._by)


def _of_one(factor: Factor, asked: _Asked, pick: Mode) -> Iterator[Flip]:
    seen: set[Mode] = {pick}
    for level in _by_distance(asked.levels.get(factor.name)):
        other = asked.with_answers({factor.name: level})
        if other not in seen:
            seen.add(other)
            yield _flip(factor, level, other)


def _two_otherwise(levels: Mapping[str, int], by: Framework) -> list[tuple[Factor, Factor, int, int]]:
    """All ways to answer two questions otherwise, the nearest to what is answered first."""
    ways = [
        (one, other, first, second)
        for one, other in combinations(by.factors, 2)
        for first, second in product(_by_distance(levels.get(one.name)), _by_distance(levels.get(other.name)))
    ]
    return sorted(
        ways, key=lambda way: _distance(way[0].name, way[2], levels) + _distance(way[1].name, way[3], levels)
    )


def _by_distance(given: int | None) -> list[int]:
    """All levels but the given one, the nearest first; of what is not known, from the neutral one on."""
    now = NEUTRAL if given is None else given
    return sorted((level for level in range(LEVELS) if level != given), key=lambda one: (abs(one - now), one))


def _distance(name: str, level: int, levels: Mapping[str, int]) -> int:
    return abs(level - levels.get(name, NEUTRAL))


def _flip(factor: Factor, level: int, pick: Mode) -> Flip:
    return Flip(factor=factor.name, level=level, said=factor.levels[level], pick=pick)
