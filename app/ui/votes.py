"""Votes on comparisons, in the records: one a comparison, with the answers it was on."""

from __future__ import annotations

from collections.abc import Mapping

from app.records.entries import Scope
from app.records.votes import Votes
from app.ui.comparisons import Comparison
from app.workspace import TENANT


def keep_vote(votes: Votes, comparison: Comparison, winner: str) -> None:
    """A second vote on the same comparison replaces the first."""
    moments = [side.snapshot() for side in comparison.sides]
    votes.vote(
        Scope(tenant=TENANT, owner=comparison.owner),
        question=comparison.question,
        modes=[side.mode for side in comparison.sides],
        answers=[now.answer if now else None for now in moments],
        winner=winner,
        vote_id=comparison.comparison_id,
    )


def tally(votes: Votes, owner: str) -> Mapping[str, int]:
    """How often each mode, a tie and none of them won this owner's votes."""
    return votes.tally(Scope(tenant=TENANT, owner=owner))
