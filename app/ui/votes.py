"""Votes on comparisons: kept, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from app.ui.comparisons import Comparison

_votes: dict[str, str] = {}


def keep_vote(comparison: Comparison, winner: str) -> None:
    _votes[comparison.comparison_id] = winner


def tally() -> Mapping[str, int]:
    return Counter(_votes.values())
