"""Jobs through real processes: a runner, its workers, and what is left when they are killed."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path

import pytest

from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.record import JobRequest
from tests.finetune.jobs.desk import SOON_S, Desk, is_alive, kill, wait_for


def test_from_a_file_to_a_model(desk: Desk) -> None:
    job = desk.until(desk.job(), "succeeded")
    assert job.fine_tuned_model == f"ft:responder:groundtune:test:{job.id[-8:]}"
    assert job.trained_tokens == 60
    assert desk.steps_done(job) == [1, 2, 3, 4, 5, 6]
    model = desk.store.models.get(job.fine_tuned_model)
    assert (Path(model.folder) / "weights").is_file()
    assert "# " in (Path(model.folder) / "card.md").read_text("utf-8")
    asked = [one.id for one in desk.store.models.list()]
    assert asked == [
        job.fine_tuned_model,
        *(f"{job.fine_tuned_model}:ckpt-step-{step}" for step in (6, 4, 2)),
    ]
    results = desk.store.files.content(job.result_files[0]).decode().splitlines()
    assert results[0] == "step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"
    assert [line.split(",")[0] for line in results[1:]] == ["1", "2", "3", "4", "5", "6"]
    desk.until_quiet()  # with nothing left to do the runner ends


def test_one_after_another(desk: Desk) -> None:
    first, second = desk.job(seconds=0.05), desk.job(seconds=0.05)
    desk.until(first, "succeeded")
    assert not desk.steps_done(second)
    assert desk.until(second, "succeeded").finished_at is not None


@pytest.mark.parametrize("moment", ["preparing", "step 3"])
def test_a_worker_that_is_killed_loses_nothing(desk: Desk, moment: str) -> None:
    job = desk.job(seconds=0.1)
    pid = desk.worker(job)
    if moment.startswith("step"):
        desk.until_step(job, int(moment[-1]))
    kill(pid)
    ended = desk.until(job, "succeeded")
    assert ended.attempts == 1
    steps = desk.steps_done(job)
    assert sorted(set(steps)) == [1, 2, 3, 4, 5, 6]
    assert steps[-1] == 6
    again = [step for step in set(steps) if steps.count(step) > 1]
    assert len(again) <= 2  # since the last checkpoint, of every second step
    events = desk.store.jobs.events_since(job.id, 0)
    assert [one.sequence for one in events] == list(range(1, len(events) + 1))
    assert any("Interrupted" in one.message for one in events)


def test_a_worker_that_is_lost_again_and_again_fails_with_a_code(desk: Desk) -> None:
    job = desk.job(crash_at=1, always=True)
    end = time.monotonic() + SOON_S
    while desk.store.jobs.get(job.id).state != "failed":
        assert time.monotonic() < end, desk.logs(job)
        time.sleep(0.05)
    failed = desk.store.jobs.get(job.id)
    assert failed.error is not None
    assert (failed.error.code, failed.attempts) == ("worker_lost", 3)


def test_a_runner_that_is_killed_leaves_its_worker_to_the_next(desk: Desk) -> None:
    job = desk.job(steps=12, seconds=0.15)
    desk.until_step(job, 1)
    worker = desk.worker(job)
    kill(desk.runner())
    assert is_alive(worker)
    second = desk.job()
    desk.until(job, "succeeded")
    assert desk.steps_done(job) == list(range(1, 13))  # by one worker, once
    assert desk.store.jobs.get(job.id).attempts == 0
    desk.until(second, "succeeded")


def test_a_worker_whose_runner_was_killed_starts_another_for_those_that_wait(desk: Desk) -> None:
    job = desk.job(steps=8, seconds=0.15)
    second = desk.job()
    desk.until(second, "queued")
    desk.until_step(job, 1)
    kill(desk.runner())
    desk.until(job, "succeeded")  # nobody gives another command
    desk.until(second, "succeeded")


def test_everything_killed_at_once_goes_on_with_the_next_command(desk: Desk) -> None:
    job = desk.job(steps=8, seconds=0.1)
    desk.until_step(job, 3)
    worker = desk.worker(job)
    kill(desk.runner())
    kill(worker)
    assert desk.store.jobs.get(job.id).state == "running"  # nobody is there to say otherwise
    desk.run()
    desk.until(job, "succeeded")
    assert sorted(set(desk.steps_done(job))) == list(range(1, 9))


def test_paused_and_resumed_trains_every_step_once(desk: Desk) -> None:
    job = desk.job(steps=8, seconds=0.1)
    desk.until_step(job, 2)
    assert desk.store.jobs.ask(job.id, "pause").status == "running"
    desk.until(job, "paused")
    pid = desk.store.leases.holder(job.id)
    assert pid is None
    desk.until_quiet()
    done = desk.steps_done(job)
    assert desk.store.jobs.ask(job.id, "resume").status == "queued"
    desk.run()
    desk.until(job, "succeeded")
    assert desk.steps_done(job) == list(range(1, 9))
    assert 2 <= len(done) < 8


@pytest.mark.parametrize(
    ("data", "code", "said"),
    [
        pytest.param(b'{"messages": [\nnot json\n', "invalid_training_file", "line 1", id="broken JSON"),
        pytest.param(b"", "invalid_n_examples", "0 example", id="nothing in it"),
    ],
)
def test_files_are_checked_before_anything_is_trained(desk: Desk, data: bytes, code: str, said: str) -> None:
    file = desk.store.files.add(io.BytesIO(data), "train.jsonl", "fine-tune")
    job, _ = desk.store.jobs.create(JobRequest(model="responder", training_file=file.id))
    desk.run()
    assert wait_for(lambda: desk.store.jobs.get(job.id).state == "failed"), desk.logs(job)
    error = desk.store.jobs.get(job.id).error
    assert error is not None
    assert error.code == code
    assert said in error.message


def test_five_rows_are_too_few(desk: Desk) -> None:
    job = desk.job(rows=5)
    assert wait_for(lambda: desk.store.jobs.get(job.id).state == "failed"), desk.logs(job)
    error = desk.store.jobs.get(job.id).error
    assert error is not None
    assert error.code == "invalid_n_examples"
    assert "5 example" in error.message


def test_what_takes_more_than_the_ceiling_waits_to_be_accepted(desk: Desk) -> None:
    desk.config = RunnerConfig(home=str(desk.root), minutes=0.01)
    job = desk.until(desk.job(), "awaiting_approval")
    assert job.status == "validating_files"
    assert "GROUNDTUNE_TRAINING_MINUTES" in job.facts["reason"]
    assert not desk.steps_done(job)
    assert desk.store.jobs.ask(job.id, "resume").facts["accepted"] is True
    desk.run()
    desk.until(job, "succeeded")
    accepted = desk.job(accepted=True)
    desk.until(accepted, "succeeded")


def test_training_processes_are_given_no_secrets(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    monkeypatch.setenv("GROUNDTUNE_API_KEY", "gt-secret")
    job = desk.job(steps=30, seconds=0.05)
    desk.until_step(job, 1)
    for pid in (desk.worker(job), desk.runner()):
        told = Path(f"/proc/{pid}/environ").read_bytes()
        assert b"secret" not in told
        assert b"GROUNDTUNE_RUNNER" in told
    assert os.getpgid(desk.worker(job)) == desk.worker(job) != os.getpgid(0)


def test_two_runners_are_one(desk: Desk) -> None:
    for _ in range(3):
        desk.run()
    jobs = [desk.job(seconds=0.02) for _ in range(2)]
    for job in jobs:
        desk.until(job, "succeeded")
        assert desk.steps_done(job) == [1, 2, 3, 4, 5, 6]
