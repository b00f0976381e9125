"""What a runner does about a worker that stops, dies, falls silent or takes too much; its jobs end as they should."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from errors import LeaseLostError, TuningError
from finetune.jobs import control, limits, runner, watch
from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.limits import Memory
from finetune.jobs.lock_file import LockFile
from finetune.jobs.processes import exists, is_ours
from finetune.jobs.record import Job
from finetune.jobs.runner import LOCK, Runner
from finetune.jobs.states import TERMINAL, State
from finetune.jobs.watch import Watch
from finetune.jobs.worker import _told
from tests.finetune.jobs.desk import WORKER, Desk, is_alive, wait_for
from tests.finetune.jobs.fake_options import known
from tests.finetune.jobs.fake_worker import LAST_WORDS, RAISED, chain

LONG: dict[str, Any] = {"steps": 400, "seconds": 0.05}


@pytest.fixture(autouse=True)
def _ends_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "IDLE_S", 0.3)


def learnt(desk: Desk, job: Job) -> str:
    name = desk.store.jobs.get(job.id).fine_tuned_model
    assert name is not None
    return (Path(desk.store.models.get(name).folder) / "weights").read_text("ascii")


def ended(desk: Desk, job: Job) -> Job:
    found = desk.store.jobs.get(job.id)
    assert found.state in TERMINAL, desk.logs(job)
    return found


def failure(desk: Desk, job: Job) -> tuple[str, str]:
    found = ended(desk, job)
    assert found.error is not None, found
    return found.error.code, found.error.message


# --- the worker says how it ended --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        pytest.param({"fail_at": 2}, "nan_loss", "lower the rate", id="the trainer says why"),
        pytest.param({"nan_at": 2}, "nan_loss", "since step 2", id="a loss that is no number, unnoticed"),
        pytest.param({"raise_at": 2}, "internal_error", "ZeroDivisionError", id="a defect"),
        pytest.param({"raise_at": 2, "raises": "no memory"}, "out_of_memory", "smaller", id="no memory"),
    ],
)
def test_what_fails_says_why(desk: Desk, options: dict[str, Any], code: str, said: str) -> None:
    job = desk.job(start=False, **options)
    desk.work()
    told = failure(desk, job)
    assert told[0] == code
    assert said in told[1]
    assert desk.told(job)[-1] == told[1]
    assert "\n" not in told[1]
    assert not [one for one in desk.store.models.list() if one.step is None]


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [
        pytest.param("disk full", "disk_full", "make room", id="disk full"),
        pytest.param("store full", "disk_full", "make room", id="the store's disk full"),
        pytest.param("a disk", "internal_error", "Input/output error", id="a disk that fails"),
        pytest.param("a defect", "internal_error", "ZeroDivisionError", id="a defect"),
    ],
)
def test_what_no_trainer_raises_on_purpose_is_told_in_a_sentence(raised: str, code: str, said: str) -> None:
    found, sentence = _told(RAISED[raised]())
    assert found == code
    assert said in sentence


def test_a_model_that_cannot_be_judged_is_kept_and_says_so(desk: Desk) -> None:
    job = desk.job(start=False, judge_fails=True)
    desk.work()
    assert ended(desk, job).state == "succeeded"
    assert learnt(desk, job) == chain(ended(desk, job).seed, 6)
    warned = [one for one in desk.store.jobs.events_since(job.id, 0) if one.level == "warn"]
    assert ["The encoder is not there." in one.message for one in warned] == [True]
    assert ended(desk, job).facts["verdict"]["verdict"] == "not proven"


def test_checkpoints_can_be_asked_while_it_trains(desk: Desk) -> None:
    job = desk.job(start=False, **LONG)
    with desk.working():
        assert wait_for(lambda: bool(desk.store.models.list(job_id=job.id)))
        desk.store.jobs.ask(job.id, "cancel")
    models = desk.store.models.list(job_id=job.id)
    assert {one.id for one in models} == {one.model for one in desk.store.checkpoints.valid(job.id)}
    assert all(one.step is not None and Path(one.folder).is_dir() for one in models)
    assert all(one.facts["data_sha256"] for one in models)


# --- the worker is lost ------------------------------------------------------------------------------


def test_a_lost_worker_s_last_words_are_told(desk: Desk) -> None:
    job = desk.job(start=False, crash_at=3)
    desk.work()
    assert ended(desk, job).state == "succeeded"
    (told,) = [one for one in desk.told(job) if one.startswith("Interrupted")]
    assert "by signal 9" in told
    assert LAST_WORDS.strip() in told
    assert learnt(desk, job) == chain(job.seed, 6)  # as if nothing had happened


def test_whoever_asked_for_a_pause_is_not_trained_on_after_a_crash(desk: Desk) -> None:
    job = desk.job(start=False, deaf=True, **LONG)
    with desk.working():
        desk.until_step(job, 1)
        desk.store.jobs.ask(job.id, "pause")
        os.kill(desk.worker(job), signal.SIGKILL)
        desk.until(job, "paused")


def test_a_worker_that_falls_silent_is_ended_and_its_job_goes_on(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "LEASE_S", 6.0)  # a heart beats every 5 seconds
    job = desk.job(start=False, steps=40, seconds=0.02)
    with desk.working():
        desk.until_step(job, 3)
        silent = desk.worker(job)
        os.kill(silent, signal.SIGSTOP)
        desk.until(job, "succeeded")
    assert not is_alive(silent)
    assert any("not heard of" in one for one in desk.told(job))
    assert learnt(desk, job) == chain(job.seed, 40)


def test_children_do_not_outlive_their_worker(desk: Desk) -> None:
    job = desk.job(start=False, child=True, crash_at=2, always=True)
    desk.work()
    assert failure(desk, job)[0] == "worker_lost"
    child = int((desk.store.job_folder(job.id) / "child").read_text())
    assert wait_for(lambda: not is_alive(child))


def test_a_stranger_with_the_worker_s_number_is_left_alone(desk: Desk) -> None:
    """As after a restart of the machine: the number in the store is another process's now."""
    job = desk.job(start=False)
    desk.store.jobs.move(job.id, "queued")
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True)
    try:
        assert desk.store.leases.take("runner-of-yesterday", seconds=30, pid=stranger.pid) is not None
        Watch(desk.store, desk.config, job.id).until_over()
        found = desk.store.jobs.get(job.id)
        assert (found.state, found.attempts) == ("queued", 1)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_worker_whose_lease_was_lost_ends_itself(desk: Desk) -> None:
    job = desk.job(**LONG)
    desk.until_step(job, 1)
    worker = desk.worker(job)
    holder = desk.store.leases.holder(job.id)
    assert holder is not None
    desk.store.leases.interrupt(holder[0], "taken over")  # its next report is refused
    assert wait_for(lambda: not is_alive(worker))
    with pytest.raises(LeaseLostError):
        desk.store.leases.renew(holder[0], seconds=30)
    desk.store.jobs.ask(job.id, "cancel")


def test_a_heart_that_lost_its_lease_ends_the_process(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the trainer reports nothing for long."""
    job = desk.job(start=False)
    desk.store.jobs.move(job.id, "queued")
    lease = desk.store.leases.take("somebody", seconds=30)
    assert lease is not None
    ends: list[int] = []
    monkeypatch.setattr(control, "BEAT_S", 0.02)
    monkeypatch.setattr("os._exit", ends.append)
    with control.Heartbeat(desk.store, lease):
        assert desk.store.leases.holder(job.id) is not None
        assert not ends
        desk.store.leases.interrupt(lease, "taken over")
        assert wait_for(lambda: bool(ends))
    assert set(ends) == {control.LOST}


@pytest.mark.parametrize("failures", [2, None], ids=["for two beats", "for good"])
def test_a_store_that_cannot_be_written_is_tried_again_until_the_lease_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], failures: int | None
) -> None:
    """A full disk is no TuningBusyError, and must not silence the heart for good."""
    desk.store.jobs.move(desk.job(start=False).id, "queued")
    lease = desk.store.leases.take("somebody", seconds=30)
    assert lease is not None
    ends, beats, renew = list[int](), list[int](), desk.store.leases.renew

    def full(*given: Any, **named: Any) -> Any:
        beats.append(1)
        if len(beats) == 1 or (failures is not None and len(beats) > 1 + failures):
            return renew(*given, **named)
        raise TuningError("The database or disk is full.")

    ticks = iter(range(0, 10_000, 10))  # each look at the clock is ten seconds later
    monkeypatch.setattr(desk.store.leases, "renew", full)
    monkeypatch.setattr(control, "BEAT_S", 0.01)
    monkeypatch.setattr("os._exit", ends.append)
    with control.Heartbeat(desk.store, lease, clock=lambda: float(next(ticks))):
        assert wait_for(lambda: len(beats) > 6)
    if failures is None:
        assert set(ends) == {control.UNHEARD}
        assert "could not be kept for 30 seconds: The database or disk is full." in capsys.readouterr().err
    else:
        assert not ends


# --- pause and cancel --------------------------------------------------------------------------------


@pytest.mark.parametrize("deaf", [False, True], ids=["obeys", "does not hear"])
def test_a_cancelled_worker_is_gone(desk: Desk, monkeypatch: pytest.MonkeyPatch, *, deaf: bool) -> None:
    monkeypatch.setattr(watch, "CANCEL_GRACE_S", 0.3)
    job = desk.job(start=False, deaf=deaf, child=True, **LONG)
    with desk.working():
        desk.until_step(job, 2)
        worker = desk.worker(job)
        assert desk.store.jobs.ask(job.id, "cancel").status == "cancelled"
    assert ended(desk, job).state == "cancelled"
    child = int((desk.store.job_folder(job.id) / "child").read_text())
    assert not is_alive(worker)
    assert wait_for(lambda: not is_alive(child))
    assert ended(desk, job).fine_tuned_model is None
    assert ended(desk, job).result_files == ()


def test_paused_and_resumed_learns_the_same(desk: Desk) -> None:
    job = desk.job(start=False, steps=30, seconds=0.03)
    with desk.working():
        desk.until_step(job, 3)
        desk.store.jobs.ask(job.id, "pause")
    assert desk.store.jobs.get(job.id).state == "paused"
    desk.store.jobs.ask(job.id, "resume")
    desk.work()
    assert learnt(desk, job) == chain(job.seed, 30)
    assert desk.steps_done(job) == list(range(1, 31))
    assert len(desk.store.files.list(purpose="fine-tune-results").data) == 1


@pytest.mark.parametrize("state", ["evaluating", "finalizing"])
def test_cancelled_after_the_last_step_nothing_is_kept(desk: Desk, state: State) -> None:
    job = desk.job(start=False, judge_seconds=60)
    with desk.working():
        desk.until(job, "evaluating")
        lease, _ = desk.store.leases.holder(job.id) or pytest.fail("nobody holds it")
        if state == "finalizing":  # as where it is killed between the model's row and its success
            desk.store.jobs.move(job.id, "finalizing", lease=lease)
            _kept_half(desk, job)
        desk.store.jobs.ask(job.id, "cancel")
    assert ended(desk, job).state == "cancelled"
    assert {one.step for one in desk.store.models.list(job_id=job.id)} == {2, 4, 6}
    assert desk.store.files.list(purpose="fine-tune-results").data == ()


def _kept_half(desk: Desk, job: Job) -> None:
    from io import BytesIO

    from finetune.jobs.record import TunedModel, tuned_name

    folder = desk.store.models.folder / job.id
    folder.mkdir(parents=True)
    desk.store.models.add(
        TunedModel(
            id=tuned_name(job),
            job_id=job.id,
            base="responder",
            trainer="responder",
            folder=str(folder),
            created_at=1.0,
        )
    )
    desk.store.files.add(BytesIO(b"step\n"), f"{job.id}-results.csv", "fine-tune-results")


# --- memory and time ---------------------------------------------------------------------------------


def test_a_process_that_takes_too_much_memory_is_stopped(desk: Desk) -> None:
    desk.config = RunnerConfig(home=str(desk.root), memory_gb=0.7)
    job = desk.job(start=False, memory_mb=1200, **LONG)
    desk.work()
    code, said = failure(desk, job)
    assert code == "out_of_memory"
    assert "GROUNDTUNE_TRAINING_MEMORY" in said


def test_a_process_that_fills_the_machine_is_stopped_before_the_kernel_chooses(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "memory_of", lambda _pid: Memory(used=15.0, free=0.1, total=16.0))
    job = desk.job(start=False, **LONG)
    desk.work()
    code, said = failure(desk, job)
    assert code == "out_of_memory"
    assert "15.0 GB" in said


@pytest.mark.parametrize(
    ("memory", "runs_out"),
    [
        pytest.param(Memory(used=15.0, free=0.1, total=16.0), True, id="it has taken nearly all"),
        pytest.param(Memory(used=0.5, free=0.1, total=16.0), False, id="somebody else has"),
        pytest.param(Memory(used=15.0, free=1.0, total=16.0), False, id="some is left"),
        pytest.param(Memory(used=None, free=None, total=None), False, id="the system does not say"),
    ],
)
def test_whose_fault_it_is_that_memory_runs_out(memory: Memory, *, runs_out: bool) -> None:
    assert memory.runs_out is runs_out


def test_memory_counts_with_the_children_s() -> None:
    hoard = "import time; x = bytearray(60 << 20); print('there', flush=True); time.sleep(60)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hoard!r}])"
    process = subprocess.Popen([sys.executable, "-c", parent], start_new_session=True, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == b"there\n"
        used = limits.group_memory_gb(process.pid)
        assert used is not None
        assert 0.06 < used < 0.2
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    assert limits.group_memory_gb(process.pid) == 0.0


def test_over_its_time_it_pauses_and_resumed_it_goes_on_to_its_end(desk: Desk) -> None:
    desk.config = RunnerConfig(
        home=str(desk.root), minutes=0.15
    )  # 9 seconds: just above the estimate of 12 rows
    job = desk.job(start=False, steps=30, seconds=0.05)
    hasty = Runner(desk.store, desk.config, worker=WORKER, clock=lambda: time.monotonic() * 20)
    lock = LockFile(desk.root / LOCK)
    assert lock.take()
    with known():
        hasty.work()
    paused = desk.store.jobs.get(job.id)
    assert paused.state == "paused", desk.told(job)
    assert any("GROUNDTUNE_TRAINING_MINUTES" in one for one in desk.told(job))
    desk.store.jobs.ask(job.id, "resume")
    hasty.work()
    lock.release()
    assert learnt(desk, job) == chain(job.seed, 30)


def test_over_its_time_and_deaf_it_is_ended(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "PAUSE_GRACE_S", 0.3)
    monkeypatch.setattr(watch, "time_limit_s", lambda *_: 0.3)
    job = desk.job(start=False, deaf=True, **LONG)
    desk.work()
    assert failure(desk, job)[0] == "over_budget"


# --- processes ---------------------------------------------------------------------------------------


def test_a_process_is_ours_by_a_word_in_its_command() -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "word-of-ours"])
    try:
        assert exists(process.pid)
        assert wait_for(lambda: is_ours(process.pid, "word-of-ours"))
        assert not is_ours(process.pid, "word-of-another")
    finally:
        process.kill()
    assert wait_for(lambda: not exists(process.pid))  # also before it was waited for
    process.wait()


def test_a_log_that_grows_without_end_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "LONGEST_LOG", 1000)
    monkeypatch.setattr(watch, "KEPT_LOG", 100)
    log = tmp_path / "worker.log"
    with log.open("ab", buffering=0) as worker:
        worker.write(b"x" * 900)
        watch._shorten(log)
        assert log.stat().st_size == 900
        worker.write(b"y" * 200)
        watch._shorten(log)
        worker.write(b"what came after")
    assert log.read_bytes() == b"what came after"
    assert (tmp_path / "worker.log.1").read_bytes() == b"y" * 100
