"""Which sentence, item or row answers: each gets a score, the log-odds of a list-wise softmax over all candidates.

    scored = rank(candidates)      # best first

What a unit shares with the question in words and in meaning (FEATURES) is weighed by numbers that were learnt
(ranking.json; benchmarks/fit_ranking.py makes it). What tables, codes, years and editions do to an answer stands here
as rules: the questions it learnt from hardly hold any.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from local.figures import contested, is_code, row_key, superseded
from local.lexical import holds_type, stems
from local.matching import MATCHES, PassageTokens, QuestionTokens, matches
from local.query import Query
from local.units import Unit

__all__ = ["FEATURES", "Candidates", "Scored", "features", "rank", "weights"]

FEATURES = ("own_words", "words_before", "context_words", "type_present", "type_absent", "length", *MATCHES)

FRAGMENT = -1.5  # a few words that end with no mark: a name in an address, a caption
ROW_KEY = 3.0  # a table row whose first cell the question names
CODE_HELD = 1.2  # the very code that is asked for
CONTESTED = -6.0  # another code or year of the kind that is asked for, and not that one
OLD_EDITION = -2.4  # the document has a later edition among the passages
PROSE_ENDS = (".", "!", "?", "…", '"', "”", ")", "]")

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored:
    """A unit with what speaks for it."""

    unit: Unit
    score: float
    cosine: float  # of its tokens, read in their passage, with the question
    own: frozenset[str]  # stems of the question that the unit holds
    has_type: bool
    contested: frozenset[str]  # codes and years of the question in whose place others stand here


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """A question, what could answer it, and the tokens of both."""

    query: Query
    units: tuple[Unit, ...]
    passages: tuple[tuple[str, str], ...]  # (title, text), best first
    question: QuestionTokens
    tokens: tuple[PassageTokens, ...]  # by passage


@lru_cache(maxsize=1)
def weights() -> Floats:
    """(len(FEATURES),), as learnt."""
    known = json.loads(Path(__file__).with_suffix(".json").read_text(encoding="utf-8"))["weights"]
    return np.array([known[name] for name in FEATURES], dtype=np.float32)


def rank(candidates: Candidates) -> list[Scored]:
    """The units that may be quoted, best first."""
    query, found, passages = candidates.query, candidates.units, candidates.passages
    known = features(candidates)
    others = [
        frozenset(contested(query.figures, unit.text, unit.context, _around(unit, passages)))
        for unit in found
    ]
    old = superseded(query.text, [title for title, _ in passages])
    rules = [_rules(query, unit, other, old) for unit, other in zip(found, others, strict=True)]
    scores = known @ weights() + np.array(rules, dtype=np.float32)
    quotable = [position for position, unit in enumerate(found) if unit.kind != "header_row"]
    untyped, cosine = FEATURES.index("type_absent"), FEATURES.index("pooled")
    scored = [
        Scored(
            unit=found[position],
            score=float(scores[position]),
            cosine=float(known[position, cosine]),
            own=query.held(f"{found[position].text} {found[position].columns}"),
            has_type=not known[position, untyped],
            contested=others[position],
        )
        for position in quotable
    ]
    return sorted(scored, key=lambda one: -one.score)


def features(candidates: Candidates) -> Floats:
    """(n_units, len(FEATURES))."""
    found = candidates.units
    known = np.zeros((len(found), len(FEATURES)), dtype=np.float32)
    held = [candidates.query.held(f"{unit.text} {unit.columns}") for unit in found]
    for position in range(len(found)):
        known[position, : -len(MATCHES)] = _words(candidates.query, found, held, position)
    for index, passage in enumerate(candidates.tokens):
        inside = [position for position, unit in enumerate(found) if unit.passage == index]
        matched = matches(candidates.question, passage, [found[position] for position in inside])
        known[inside, -len(MATCHES) :] = matched
    return known


def _words(
    query: Query, found: Sequence[Unit], held: Sequence[frozenset[str]], position: int
) -> tuple[float, ...]:
    """The question's words in the unit; those that only the sentence before it, or only its headings hold."""
    unit, own = found[position], held[position]
    before = held[position - 1] if position and found[position - 1].passage == unit.passage else frozenset()
    after = (
        held[position + 1]
        if position + 1 < len(found) and found[position + 1].passage == unit.passage
        else frozenset()
    )
    asked = query.kind != "any"
    has_type = asked and holds_type(query.kind, unit.text, query.stems)
    return (
        query.weight(own),
        query.weight(before - own),
        query.weight(query.held(unit.context) - own - before - after),
        float(has_type),
        float(asked and not has_type),
        math.log(1 + len(unit.text.split())),
    )


def _rules(query: Query, unit: Unit, other: Set[str], old: Set[int]) -> float:
    rules = CONTESTED * bool(other) + OLD_EDITION * (unit.passage in old)
    return rules + _form(unit) + _key(query, unit) + _codes(query, unit)


def _form(unit: Unit) -> float:
    """What the unit's form takes from its score."""
    bare = unit.kind == "sentence" and unit.text[-1].isalnum() and not any(map(str.isdigit, unit.text))
    return FRAGMENT if bare and len(unit.text.split()) < 6 else 0.0


def _key(query: Query, unit: Unit) -> float:
    """What a table row gains when the question names what the row is about."""
    if unit.kind != "row":
        return 0.0
    key = stems(row_key(unit.text))
    share = len(key & query.stems) / len(key) if key else 0.0
    return ROW_KEY * share if share >= 0.5 else 0.0


def _codes(query: Query, unit: Unit) -> float:
    codes = [word for word in query.figures if is_code(word)]
    return CODE_HELD * sum(word in unit.text for word in codes) / len(codes) if codes else 0.0


def _around(unit: Unit, passages: Sequence[tuple[str, str]]) -> str:
    """What a sentence of prose leans on: its whole passage; nothing for rows and loose lines."""
    return passages[unit.passage][1] if unit.kind == "sentence" and unit.text.endswith(PROSE_ENDS) else ""
