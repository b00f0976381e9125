"""How many sentences to quote, and which beside the best: what answers is told whole, and no more than that."""

from __future__ import annotations

import re
from collections.abc import Sequence

from local.query import Query
from local.ranking import Scored
from local.units import Unit

__all__ = ["MAX_SENTENCES", "NEW_WORDS", "choose", "distinct"]

MAX_SENTENCES = 3
NEW_WORDS = 0.2  # share of the question's word weight that a further sentence must add
FAR_BEHIND = 6.0  # a further sentence scores no lower than this below the best
NEAR_TIE = 2.0  # within this of the best, a sentence comes along whether it adds words or not
NEXT_GAP = 8  # characters to the next sentence: a line break and the mark of a list or of quoted mail
UNTIL_NOW = re.compile(r"\b(?:until|till|up to) (?:now|today)\b|\b(?:previously|formerly)\b", re.IGNORECASE)


def choose(query: Query, scored: Sequence[Scored]) -> list[Scored]:
    """The best sentence, and those that must come along."""
    chosen = list(scored[:1])
    for one in scored[1:]:
        if len(chosen) == MAX_SENTENCES or one.score < chosen[0].score - FAR_BEHIND:
            break
        if any(_overlap(one.unit, other.unit) for other in chosen):
            continue
        held = frozenset().union(*(other.own | query.held(other.unit.context) for other in chosen))
        adds = query.weight(one.own - held) >= NEW_WORDS
        if adds or one.score >= chosen[0].score - NEAR_TIE:
            chosen.append(one)
    return _with_next(query, chosen, scored)


def distinct(scored: Sequence[Scored]) -> list[Scored]:
    """Without those that a better one overlaps or says."""
    kept: list[Scored] = []
    for one in scored[: 4 * MAX_SENTENCES]:
        if not any(_overlap(one.unit, other.unit) for other in kept):
            kept.append(one)
    return kept


def _with_next(query: Query, chosen: list[Scored], scored: Sequence[Scored]) -> list[Scored]:
    """Adds the sentence after the best where that one holds what is asked for and none of the chosen does; and
    the one after a sentence that tells what was so until now.
    """
    untyped = query.kind != "any" and not any(one.has_type for one in chosen)
    added = []
    for position, one in enumerate(chosen):
        following = _following(one.unit, scored)
        if following is None or following in chosen:
            continue
        if UNTIL_NOW.search(one.unit.text) or (untyped and position == 0 and following.has_type):
            added.append(following)
    return [*chosen[: MAX_SENTENCES - 1], *added[:1]] if added else chosen


def _following(unit: Unit, scored: Sequence[Scored]) -> Scored | None:
    """The unit that stands right after this one, in the same paragraph or list."""
    after = [one for one in scored if one.unit.passage == unit.passage and one.unit.start >= unit.end]
    following = min(after, key=lambda one: one.unit.start, default=None)
    near = following is not None and following.unit.start - unit.end <= NEXT_GAP
    return following if near else None


def _overlap(one: Unit, other: Unit) -> bool:
    """Whether they share characters of a passage, or say the same in two."""
    if one.text == other.text:
        return True
    return one.passage == other.passage and one.start < other.end and other.start < one.end
