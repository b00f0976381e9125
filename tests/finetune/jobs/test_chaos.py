"""Runner and workers killed at moments nobody chose: every job ends as if nothing had happened, and trains once."""

from __future__ import annotations

import random
import time
from collections import Counter
from pathlib import Path

import pytest

from finetune.jobs.record import Job
from finetune.jobs.states import TERMINAL
from tests.finetune.jobs.desk import SOON_S, Desk, kill
from tests.finetune.jobs.fake_worker import chain

STEPS, EVERY = 16, 2
MOST_LOSSES = 2  # of one job's worker; after the third it fails, as it should


@pytest.mark.parametrize("seed", [1])  # others by hand: each takes seconds
def test_whatever_is_killed_every_job_learns_what_it_should(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    jobs = [desk.job(steps=STEPS, seconds=0.04, checkpoint_every=EVERY) for _ in range(2)]
    losses: Counter[str] = Counter()
    end = time.monotonic() + SOON_S
    while any(desk.store.jobs.get(job.id).state not in TERMINAL for job in jobs):
        assert time.monotonic() < end, [desk.logs(job) for job in jobs]
        time.sleep(chance.uniform(0.05, 0.6))
        if chance.random() < 0.5:
            kill_runner(desk)
        if chance.random() < 0.5:
            kill_worker(desk, jobs, losses)
        desk.run()  # the next command, or the page
    for job in jobs:
        check(desk, job)


def check(desk: Desk, job: Job) -> None:
    ended = desk.store.jobs.get(job.id)
    assert ended.state == "succeeded", (ended.error, desk.logs(job))
    assert ended.fine_tuned_model is not None
    folder = Path(desk.store.models.get(ended.fine_tuned_model).folder)
    assert (folder / "weights").read_text("ascii") == chain(job.seed, STEPS)
    events = desk.store.jobs.events_since(job.id, 0)
    assert [one.sequence for one in events] == list(range(1, len(events) + 1))
    assert sum("successfully completed" in one.message for one in events) == 1
    again = len(desk.steps_done(job)) - STEPS
    assert 0 <= again <= EVERY * ended.attempts  # no more than since the last checkpoint, each time
    rows = desk.store.files.content(ended.result_files[0]).decode().splitlines()
    assert [int(row.split(",")[0]) for row in rows[1:]] == list(range(1, STEPS + 1))
    assert len(desk.store.files.list(purpose="fine-tune-results").data) == 2  # of two jobs


def kill_runner(desk: Desk) -> None:
    try:
        kill(desk.runner())
    except AssertionError:
        return  # none is there


def kill_worker(desk: Desk, jobs: list[Job], losses: Counter[str]) -> None:
    for job in jobs:
        holder = desk.store.leases.holder(job.id)
        if holder is not None and holder[1] is not None and losses[job.id] < MOST_LOSSES:
            losses[job.id] += 1
            kill(holder[1])
