"""Jobs under random commands, lost workers, reopened stores and clocks that jump: what always holds, holds."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from errors import (
    LeaseLostError,
    TuningBusyError,
    TuningConflictError,
    TuningError,
    TuningNotFoundError,
    TuningStateError,
)
from finetune.jobs.record import Job, JobRequest, TunedModel
from finetune.jobs.states import LEASED, STATES, TERMINAL, State
from finetune.jobs.store import Lease, TuningStore

ROOT = Path(__file__).resolve().parents[3]
LEASE_S = 30.0
KEYS = st.sampled_from(["a", "b", None])
MODELS = st.sampled_from(["responder", "tiny"])


class Jobs(RuleBasedStateMachine):
    """Beside the store a model of it: the last job seen by id, the terminal ones for good, the leases handed out."""

    jobs = Bundle("jobs")
    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now = 1_000_000.0
        self.store = self.opened()
        self.seen: dict[str, Job] = {}
        self.ended: dict[str, Job] = {}
        self.fences: dict[str, int] = {}
        self.keys: dict[str, tuple[JobRequest, str]] = {}
        self.events: dict[str, list[str]] = {}

    def opened(self) -> TuningStore:
        return TuningStore(Path(self.folder.name), clock=lambda: self.now)

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()

    # --- commands ---------------------------------------------------------------------------------

    @rule(target=jobs, key=KEYS, model=MODELS, retry=st.booleans(), checked=st.booleans())
    def create(self, key: str | None, model: str, *, retry: bool, checked: bool) -> str:
        request = JobRequest(model=model, training_file="file-1")
        known = self.keys.get(key) if key else None
        if known and known[0] != request:
            with pytest.raises(TuningConflictError):
                self.store.jobs.create(request, key=key, retry=retry)
            return known[1]
        job, new = self.store.jobs.create(request, key=key, retry=retry)
        if known:
            assert not new
            assert job.id == known[1]
        if new:
            assert job.id not in self.seen
            assert job.state == "validating"
            if key:
                self.keys[key] = (request, job.id)
            if checked:  # so that many get as far as a worker
                self.store.jobs.move(job.id, "queued", event="Queued.")
        return job.id

    @rule(job=jobs, to=st.sampled_from(sorted(STATES)))
    def move(self, job: str, to: State) -> None:
        """By nobody in particular, as the runner does with what no worker holds."""
        before = self.store.jobs.get(job)
        if before.state in LEASED or before.state == "cancelling" or to in LEASED:
            return
        self.moved(
            before, to, lambda: self.store.jobs.move(job, to, version=before.version, event=f"To {to}.")
        )

    @rule(job=jobs, wish=st.sampled_from(["pause", "cancel", "resume"]))
    def ask(self, job: str, wish: Any) -> None:
        before = self.store.jobs.get(job)
        try:
            after = self.store.jobs.ask(job, wish)
        except TuningStateError:
            assert self.store.jobs.get(job) == before
            return
        assert after.state == before.state or after.state in STATES[before.state].next
        assert (
            self.store.jobs.ask(job, wish).state in (after.state, *TERMINAL)
            if after.state not in TERMINAL
            else True
        )

    @rule(target=leases, owner=st.sampled_from(["first", "second"]))
    def take(self, owner: str) -> Lease | None:
        waiting = [job.id for job in self.store.jobs.in_states("queued")]
        lease = self.store.leases.take(owner, seconds=LEASE_S)
        assert (lease is None) == (not waiting)
        if lease is not None:
            assert lease.job_id == waiting[0]
            assert lease.fence > self.fences.get(lease.job_id, 0)
            self.fences[lease.job_id] = lease.fence
        return lease

    @rule(
        lease=leases,
        to=st.sampled_from(
            ["running", "evaluating", "finalizing", "paused", "succeeded", "failed", "cancelled"]
        ),
    )
    def work(self, lease: Lease | None, to: State) -> None:
        if lease is None:
            return
        before = self.store.jobs.get(lease.job_id)
        if not self.holds(lease):
            with pytest.raises(LeaseLostError):
                self.store.jobs.move(lease.job_id, to, lease=lease, event="A worker's.")
            assert self.store.jobs.get(lease.job_id) == before
            return
        self.moved(
            before, to, lambda: self.store.jobs.move(lease.job_id, to, lease=lease, event="A worker's.")
        )

    @rule(lease=leases)
    def note(self, lease: Lease | None) -> None:
        if lease is None:
            return
        if self.holds(lease):
            self.store.jobs.note(lease.job_id, "A step.", lease=lease, type="metrics", data={"step": 1})
            return
        with pytest.raises(LeaseLostError):
            self.store.jobs.note(lease.job_id, "Too late.", lease=lease)

    @rule(lease=leases)
    def renew(self, lease: Lease | None) -> None:
        if lease is not None and self.holds(lease):
            assert self.store.leases.renew(lease, seconds=LEASE_S).until == self.now + LEASE_S

    @rule(lease=leases)
    def worker_is_given_up(self, lease: Lease | None) -> None:
        """It was only slow: whatever it still says counts nothing, whoever has the job now."""
        if lease is None:
            return
        if self.holds(lease):
            self.store.leases.interrupt(lease, "it was killed")
        before = self.store.jobs.get(lease.job_id)
        for act in (
            lambda: self.store.jobs.note(lease.job_id, "Too late.", lease=lease),
            lambda: self.store.jobs.change(lease.job_id, lease=lease, trained_tokens=1),
            lambda: self.store.jobs.move(lease.job_id, "running", lease=lease),
            lambda: self.store.leases.renew(lease, seconds=LEASE_S),
            lambda: self.store.leases.interrupt(lease, "again"),
        ):
            with pytest.raises(LeaseLostError):
                act()
        assert self.store.jobs.get(lease.job_id) == before

    @rule()
    def expire(self) -> None:
        for job in self.store.leases.expire():
            assert job.state in ("queued", "failed", "cancelled")
            assert job.state != "queued" or job.attempts < 3
        for job in self.store.jobs.in_states(
            *LEASED, "cancelling"
        ):  # nobody is left waiting for a lost worker
            holder = self.store.leases.holder(job.id)
            assert holder is not None
            assert holder[0].until >= self.now

    @rule(seconds=st.sampled_from([-3600.0, -1.0, 1.0, 29.0, 31.0, 3600.0]))
    def clock_jumps(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def process_ends(self) -> None:
        self.store.close()
        self.store = self.opened()

    @rule(job=jobs, version=st.integers(0, 3))
    def stale_version(self, job: str, version: int) -> None:
        before = self.store.jobs.get(job)
        if version == before.version:
            return
        with pytest.raises((TuningBusyError, TuningStateError)):
            self.store.jobs.move(job, "queued", version=version)
        assert self.store.jobs.get(job) == before

    # --- what always holds ------------------------------------------------------------------------

    @invariant()
    def events_have_no_gaps_and_are_never_rewritten(self) -> None:
        for job in self.store.jobs.list(limit=1000).data:
            told = self.store.jobs.events_since(job.id, 0, 10_000)
            assert [one.sequence for one in told] == list(range(1, len(told) + 1))
            assert [one.created_at for one in told] == sorted(one.created_at for one in told)
            ids = [one.id for one in told]
            assert ids[: len(self.events.get(job.id, []))] == self.events.get(job.id, [])
            self.events[job.id] = ids
            newest_first = [one.id for one in self.store.jobs.events(job.id, limit=10_000).data]
            assert newest_first == ids[::-1]

    @invariant()
    def the_ended_stay_as_they_ended(self) -> None:
        for job in self.store.jobs.list(limit=1000).data:
            if job.id in self.ended:
                assert job == self.ended[job.id]
            elif job.state in TERMINAL:
                assert job.finished_at is not None
                self.ended[job.id] = job
                with pytest.raises(TuningStateError):
                    self.store.jobs.note(job.id, "After the end.")
            before = self.seen.get(job.id)
            assert before is None or job.version >= before.version
            self.seen[job.id] = job

    @invariant()
    def only_the_working_are_held(self) -> None:
        for job in self.store.jobs.list(limit=1000).data:
            holder = self.store.leases.holder(job.id)
            if job.state != "cancelling":  # may have been with another place, where nobody here holds it
                assert (holder is not None) == (job.state in LEASED)

    # --- the model --------------------------------------------------------------------------------

    def holds(self, lease: Lease) -> bool:
        holder = self.store.leases.holder(lease.job_id)
        return holder is not None and (holder[0].fence, holder[0].owner) == (lease.fence, lease.owner)

    def moved(self, before: Job, to: State, act: Any) -> None:
        if to not in STATES[before.state].next:
            with pytest.raises(TuningStateError):
                act()
            assert self.store.jobs.get(before.id) == before
            return
        after = act()
        assert after.state == to
        assert after.version == before.version + 1


def test_jobs_keep_their_promises() -> None:
    run_state_machine_as_test(
        Jobs,
        settings=settings(
            max_examples=50, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_a_clock_that_is_set_back_turns_no_order_round(tmp_path: Path) -> None:
    now = 1_000_000.0
    store = TuningStore(tmp_path, clock=lambda: now)
    job, _ = store.jobs.create(JobRequest(model="responder", training_file="file-1"))
    now -= 3600
    store.jobs.note(job.id, "An hour earlier.")
    moved = store.jobs.move(job.id, "queued", event="Queued.")
    assert [one.created_at for one in store.jobs.events_since(job.id, 0)] == [1_000_000.0] * 3
    assert moved.changed_at == 1_000_000.0
    store.close()


def test_a_key_decides_alone(tmp_path: Path) -> None:
    """A retry under a key of its own is another job than an equal one of a minute ago."""
    store = TuningStore(tmp_path)
    request = JobRequest(model="responder", training_file="file-1")
    first, _ = store.jobs.create(request)
    other, new = store.jobs.create(request, key="k", retry=True)
    assert new
    assert other.id != first.id
    again, new = store.jobs.create(request, key="k", retry=True)
    assert (again.id, new) == (other.id, False)
    store.close()


@pytest.mark.parametrize(("later_s", "new"), [(0, False), (599, False), (601, True)])
def test_a_retry_is_the_same_job_for_ten_minutes(tmp_path: Path, later_s: float, *, new: bool) -> None:
    now = 1_000_000.0
    store = TuningStore(tmp_path, clock=lambda: now)
    request = JobRequest(model="responder", training_file="file-1")
    first, _ = store.jobs.create(request)
    now += later_s
    second, made = store.jobs.create(request, retry=True)
    assert (made, second.id != first.id) == (new, new)
    assert store.jobs.create(request)[1]  # no retry: wanted twice
    store.close()


def test_a_deleted_job_takes_its_log_and_checkpoints_but_not_its_model(tmp_path: Path) -> None:
    store = TuningStore(tmp_path)
    job, _ = store.jobs.create(JobRequest(model="responder", training_file="file-1"))
    store.jobs.move(job.id, "queued")
    lease = store.leases.take("worker", seconds=60)
    assert lease is not None
    with pytest.raises(TuningStateError, match="cancel it"):
        store.jobs.delete(job.id)
    saved = store.checkpoints.add(
        lease, step=1, epoch=1, metrics={}, write=lambda folder: (folder / "w").touch()
    )
    result = TunedModel(
        id="ft:r", job_id=job.id, base="responder", trainer="responder", folder=str(tmp_path), created_at=1.0
    )
    store.models.add(result)
    store.models.add(replace(result, id=saved.model, step=1, folder=str(store.checkpoints.path(saved))))
    with pytest.raises(TuningStateError, match="may go on from"):
        store.models.delete(saved.model)
    store.jobs.move(job.id, "failed", lease=lease)
    store.jobs.delete(job.id)
    assert store.models.list() == (result,)
    assert not store.job_folder(job.id).exists()
    with pytest.raises(TuningNotFoundError):
        store.jobs.events_since(job.id, 0)
    store.close()


def test_processes_that_want_the_same_job_get_one_each(tmp_path: Path) -> None:
    """Four processes make the same jobs by the same keys and take what waits: each is made once and taken once."""
    command = [sys.executable, "-m", "tests.finetune.jobs.rivals", str(tmp_path), "12"]
    rivals = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) for _ in range(4)]
    said = [rival.communicate(timeout=60)[0].split() for rival in rivals]
    assert [rival.returncode for rival in rivals] == [0] * 4
    store = TuningStore(tmp_path)
    jobs = store.jobs.list(limit=100).data
    assert len(jobs) == 12
    assert sorted(job for one in said for job in one) == sorted(job.id for job in jobs)
    for job in jobs:
        told = [event.sequence for event in store.jobs.events_since(job.id, 0)]
        assert told == list(range(1, len(told) + 1))
    store.close()


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: path.write_bytes(b"no database" * 500), "restore it"),
        (lambda path: path.mkdir(), "cannot be used"),
    ],
    ids=["other bytes", "a folder"],
)
def test_a_store_that_cannot_be_used_is_a_sentence(
    tmp_path: Path, damage: Callable[[Path], Any], said: str
) -> None:
    damage(tmp_path / "tuning.db")
    with pytest.raises(TuningError, match=said):
        TuningStore(tmp_path).jobs.list()


def test_a_job_that_is_not_there_is_said_to_be_so(tmp_path: Path) -> None:
    store = TuningStore(tmp_path)
    with pytest.raises(TuningNotFoundError, match="ftjob-none"):
        store.jobs.get("ftjob-none")
    store.close()
