"""Checkpoints count only whole: written, listed, thinned, damaged, and their writer killed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from errors import LeaseLostError, TuningNotFoundError
from finetune.jobs.checkpoints import MANIFEST
from finetune.jobs.record import Checkpoint, JobRequest
from finetune.jobs.store import Lease, TuningStore

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TuningStore]:
    made = TuningStore(tmp_path / "tuning")
    yield made
    made.close()


@pytest.fixture
def lease(store: TuningStore) -> Lease:
    job, _ = store.jobs.create(JobRequest(model="responder", training_file="file-1", suffix="s"))
    store.jobs.move(job.id, "queued")
    taken = store.leases.take("worker", seconds=600)
    assert taken is not None
    return taken


def add(
    store: TuningStore, lease: Lease, step: int, loss: float | None = None, text: str = "x"
) -> Checkpoint:
    return store.checkpoints.add(
        lease,
        step=step,
        epoch=step / 2,
        metrics={} if loss is None else {"full_valid_loss": loss},
        write=writer(text),
    )


def writer(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "state").mkdir()
        (folder / "weights").write_text(text)
        (folder / "state" / "optimizer").write_text(text * 2)

    return write


def test_newest_first_with_cursor(store: TuningStore, lease: Lease) -> None:
    made = [add(store, lease, step) for step in (2, 4, 6)]
    assert made[0].model == f"ft:responder:groundtune:s:{lease.job_id[-8:]}:ckpt-step-2"
    page = store.checkpoints.list(lease.job_id, limit=2)
    assert (page.data, page.has_more) == ((made[2], made[1]), True)
    rest = store.checkpoints.list(lease.job_id, after=made[1].id)
    assert (rest.data, rest.has_more) == ((made[0],), False)
    with pytest.raises(TuningNotFoundError):
        store.checkpoints.list(lease.job_id, after="ftckpt_none")
    with pytest.raises(TuningNotFoundError):
        store.checkpoints.list("ftjob-none")


def test_the_best_and_the_last_three_are_kept(store: TuningStore, lease: Lease) -> None:
    for step, loss in enumerate([0.9, 0.2, 0.5, 0.2, 0.6, 0.7], start=1):
        add(store, lease, step, loss)
    kept = [one.step for one in store.checkpoints.list(lease.job_id).data]
    assert kept == [6, 5, 4, 2]  # of two as good the earlier
    there = {path.name for path in store.checkpoints.folder(lease.job_id).iterdir()}
    assert there == {f"step-{step}" for step in kept}


@pytest.mark.parametrize(
    "damage", ["a byte", "one file less", "one file more", "no manifest", "another manifest"]
)
def test_what_is_not_whole_is_passed_over(store: TuningStore, lease: Lease, damage: str) -> None:
    whole, broken = add(store, lease, 1), add(store, lease, 2)
    folder = store.checkpoints.path(broken)
    match damage:
        case "a byte":
            (folder / "weights").write_text("y")
        case "one file less":
            (folder / "state" / "optimizer").unlink()
        case "one file more":
            (folder / "extra").write_text("")
        case "no manifest":
            (folder / MANIFEST).unlink()
        case _:
            (folder / MANIFEST).write_text('{"files": {}}')
    assert store.checkpoints.valid(lease.job_id) == (whole,)


def test_the_same_step_again_replaces_it(store: TuningStore, lease: Lease) -> None:
    add(store, lease, 3, text="before")
    again = add(store, lease, 3, text="after")
    assert store.checkpoints.valid(lease.job_id) == (again,)
    assert (store.checkpoints.path(again) / "weights").read_text() == "after"


def test_no_moment_is_without_the_step_that_is_written_again(store: TuningStore, lease: Lease) -> None:
    """A process killed while it writes step 3 again leaves the first one, which is whole."""
    before = add(store, lease, 3, text="before")

    def killed(folder: Path) -> None:
        writer("after")(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.checkpoints.add(lease, step=3, epoch=1, metrics={}, write=killed)
    assert store.checkpoints.valid(lease.job_id) == (before,)


def test_an_earlier_attempts_later_steps_go(store: TuningStore, lease: Lease) -> None:
    """Steps 4 and 6 were damaged: training went on from 2, and comes to its own step 3."""
    for step in (2, 4, 6):
        add(store, lease, step)
    again = add(store, lease, 3)
    assert [one.step for one in store.checkpoints.valid(lease.job_id)] == [3, 2]
    there = {path.name for path in store.checkpoints.folder(lease.job_id).iterdir()}
    assert there == {"step-2", store.checkpoints.path(again).name}


def test_what_killed_processes_left_is_swept_but_not_what_a_next_holder_writes(
    store: TuningStore, lease: Lease
) -> None:
    folder = store.checkpoints.folder(lease.job_id)
    for name in ("step-1", ".1-step-1-abcd", ".2-step-1-abcd", "notes"):
        (folder / name).mkdir(parents=True)
    add(store, lease, 2)
    assert {path.name for path in folder.iterdir()} == {"step-2", ".2-step-1-abcd", "notes"}


def test_a_writer_that_fails_leaves_nothing(store: TuningStore, lease: Lease) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("x")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        store.checkpoints.add(lease, step=1, epoch=1, metrics={}, write=fails)
    assert list(store.checkpoints.folder(lease.job_id).iterdir()) == []
    assert store.checkpoints.list(lease.job_id).data == ()


def test_a_worker_without_its_lease_records_nothing(store: TuningStore, lease: Lease) -> None:
    store.leases.interrupt(lease, "it was slow")
    following = store.leases.take("next", seconds=600)
    assert following is not None
    kept = add(store, following, 1, text="the next holder's")
    with pytest.raises(LeaseLostError):
        add(store, lease, 1)
    assert store.checkpoints.valid(lease.job_id) == (kept,)
    assert [path.name for path in store.checkpoints.folder(lease.job_id).iterdir()] == ["step-1"]


@pytest.mark.parametrize("after", [1, 4, 9])
def test_whatever_was_acknowledged_is_there_after_a_kill(tmp_path: Path, after: int) -> None:
    """The writer is killed at some point of its work, which differs with every run."""
    command = [sys.executable, "-m", "tests.finetune.jobs.killed_writer", str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as writer:
        assert writer.stdout is not None
        job = writer.stdout.readline().strip()
        told = [writer.stdout.readline().split() for _ in range(2 * after - after % 2)]
        writer.kill()
    store = TuningStore(tmp_path)
    events = store.jobs.events_since(job, 0)
    assert [one.sequence for one in events] == list(range(1, len(events) + 1))
    steps = [one.message for one in events if one.message.startswith("Step")]
    for kind, number in told:
        if kind == "event":
            assert f"Step {number}" in steps
    recorded = store.checkpoints.list(job, limit=100).data
    assert store.checkpoints.valid(job) == recorded  # none is half
    saved = [int(number) for kind, number in told if kind == "checkpoint"]
    assert not saved or recorded[0].step >= saved[-1]
    store.close()


@pytest.mark.skipif(sys.platform == "win32", reason="there the system itself refuses it")
def test_files_are_synced_as_windows_wants_it(
    store: TuningStore, lease: Lease, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through a descriptor that can write; a folder's cannot."""
    import fcntl

    sync, files = os.fsync, []

    def synced(descriptor: int) -> None:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            files.append(fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE)
        sync(descriptor)

    monkeypatch.setattr(os, "fsync", synced)
    add(store, lease, 1)
    assert files == [os.O_RDWR] * 3
