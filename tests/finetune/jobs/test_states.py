"""The table of states: every move that is allowed, every other refused, and what each state is called on the wire."""

from __future__ import annotations

from contextlib import closing
from itertools import product
from pathlib import Path
from typing import get_args

import pytest

from errors import TuningStateError
from finetune.jobs.record import JobRequest
from finetune.jobs.states import LEASED, STATES, TERMINAL, State, check_move
from finetune.jobs.store import TuningStore

DOCUMENT = Path(__file__).resolve().parents[3] / "docs" / "jobs.md"
ALL: tuple[State, ...] = get_args(State)


def test_every_state_is_in_the_table_and_can_be_left_or_is_the_end() -> None:
    assert set(STATES) == set(ALL)
    assert {"succeeded", "failed", "cancelled"} == TERMINAL
    assert all(facts.next <= set(ALL) for facts in STATES.values())


@pytest.mark.parametrize(("before", "after"), list(product(ALL, ALL)))
def test_the_table_decides(before: State, after: State) -> None:
    if after in STATES[before].next:
        check_move(before, after)
        return
    with pytest.raises(TuningStateError, match="cannot become"):
        check_move(before, after)


def test_every_state_leads_to_an_end() -> None:
    reached: set[State] = set(TERMINAL)
    while more := {one for one in ALL if STATES[one].next & reached} - reached:
        reached |= more
    assert reached == set(ALL)


def test_whoever_is_held_by_a_worker_can_lose_it() -> None:
    assert all("interrupted" in STATES[state].next for state in LEASED)
    assert all("cancelling" in STATES[state].next for state in LEASED)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("validating", "validating_files"),
        ("awaiting_approval", "validating_files"),
        ("queued", "queued"),
        ("preparing", "running"),
        ("running", "running"),
        ("pausing", "running"),
        ("paused", "paused"),
        ("interrupted", "running"),
        ("evaluating", "running"),
        ("finalizing", "running"),
        ("cancelling", "cancelled"),
        ("succeeded", "succeeded"),
        ("failed", "failed"),
        ("cancelled", "cancelled"),
    ],
)
def test_what_a_client_is_told(state: State, status: str) -> None:
    assert STATES[state].status == status


def test_the_document_shows_the_table() -> None:
    """docs/jobs.md has one line a state: | state | status | next, next |."""
    lines = DOCUMENT.read_text("utf-8").splitlines()
    told = {
        cells[0].strip("` "): (
            cells[1].strip("` "),
            {one.strip("` ") for one in cells[2].split(",")} - {"–", ""},
        )
        for line in lines
        if line.startswith("| `") and len(cells := line.strip("|").split("|")) == 3
    }
    assert told == {state: (facts.status, set(facts.next)) for state, facts in STATES.items()}


def test_a_wish_that_comes_too_early_is_told_when(tmp_path: Path) -> None:
    with closing(TuningStore(tmp_path)) as store:
        job, _ = store.jobs.create(JobRequest(model="responder", training_file="file-1"))
        with pytest.raises(TuningStateError, match="validating: pause it in a moment"):
            store.jobs.ask(job.id, "pause")
        store.jobs.move(job.id, "awaiting_approval")
        with pytest.raises(TuningStateError, match="resume accepts it"):
            store.jobs.ask(job.id, "pause")
        store.jobs.ask(job.id, "cancel")
        with pytest.raises(TuningStateError, match="cannot pause any more"):
            store.jobs.ask(job.id, "pause")
