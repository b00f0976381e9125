"""The states of a fine-tuning job as one table: what each is called on OpenAI's wire and which may follow it.

    check_move("running", "paused")     raises TuningStateError: a job is pausing first

`paused` stands in no published list of statuses, though OpenAI's own examples show it: clients must take unknown ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from errors import TuningStateError

State = Literal[
    "validating",
    "awaiting_approval",
    "queued",
    "submitting",
    "preparing",
    "running",
    "pausing",
    "paused",
    "interrupted",
    "evaluating",
    "finalizing",
    "cancelling",
    "succeeded",
    "failed",
    "cancelled",
]
WireStatus = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class StateFacts:
    status: WireStatus
    next: frozenset[State]
    leased: bool = False  # a worker holds the job


def _facts(status: WireStatus, *following: State, leased: bool = False) -> StateFacts:
    return StateFacts(status=status, next=frozenset(following), leased=leased)


# A job that is cancelling can only end as cancelled, so that is what clients are told at once.
STATES: Mapping[State, StateFacts] = {
    "validating": _facts("validating_files", "awaiting_approval", "queued", "failed", "cancelled"),
    "awaiting_approval": _facts("validating_files", "queued", "cancelled", "failed"),
    "queued": _facts("queued", "submitting", "preparing", "paused", "cancelled", "failed"),
    "submitting": _facts("queued", "running", "queued", "failed", "cancelling"),
    "preparing": _facts("running", "running", "pausing", "failed", "interrupted", "cancelling", leased=True),
    "running": _facts("running", "pausing", "evaluating", "cancelling", "failed", "interrupted", leased=True),
    "pausing": _facts("running", "paused", "evaluating", "cancelling", "failed", "interrupted", leased=True),
    "paused": _facts("paused", "queued", "cancelled", "failed"),
    "interrupted": _facts("running", "queued", "failed", "cancelled"),
    "evaluating": _facts("running", "finalizing", "cancelling", "failed", "interrupted", leased=True),
    "finalizing": _facts("running", "succeeded", "cancelling", "failed", "interrupted", leased=True),
    "cancelling": _facts("cancelled", "cancelled"),
    "succeeded": _facts("succeeded"),
    "failed": _facts("failed"),
    "cancelled": _facts("cancelled"),
}
TERMINAL: frozenset[State] = frozenset(state for state, facts in STATES.items() if not facts.next)
LEASED: frozenset[State] = frozenset(state for state, facts in STATES.items() if facts.leased)


def check_move(before: State, after: State) -> None:
    """Raises TuningStateError where the table does not allow it."""
    if after not in STATES[before].next:
        raise TuningStateError(f"A job that is {_said(before)} cannot become {_said(after)}.")


def _said(state: State) -> str:
    return state.replace("_", " ")
