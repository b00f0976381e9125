"""A store with jobs to do, and a runner wherever one is wanted: real processes, a trainer that only counts."""

from __future__ import annotations

import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.lock_file import LockFile
from finetune.jobs.record import Job, JobRequest
from finetune.jobs.runner import LOCK, Runner, ensure_runner
from finetune.jobs.states import TERMINAL, State
from finetune.jobs.store import TuningStore
from tests.finetune.jobs.fake_options import known

SOON_S = 60.0
MODULE = "tests.finetune.jobs.fake_runner"
WORKER = "tests.finetune.jobs.fake_worker"


class Desk:
    """A store, and a runner wherever one is wanted."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.store = TuningStore(root)
        self.config = RunnerConfig(home=str(root))

    def job(self, *, rows: int = 12, start: bool = True, **options: Any) -> Job:
        told = [
            {
                "messages": [
                    {"role": "user", "content": f"Question {n}?"},
                    {"role": "assistant", "content": f"Answer {n}."},
                ]
            }
            for n in range(rows)
        ]
        data = "".join(json.dumps(row) + "\n" for row in told).encode()
        file = self.store.files.add(io.BytesIO(data), "train.jsonl", "fine-tune")
        job, _ = self.store.jobs.create(
            JobRequest(model="responder", training_file=file.id, suffix="test", options=options)
        )
        if start:
            self.run()
        return job

    def run(self) -> None:
        ensure_runner(self.root, config=self.config, module=MODULE)

    def work(self) -> None:
        """A runner in this process, to its end: what a test sets in it holds."""
        lock = LockFile(self.root / LOCK)
        assert lock.take()
        with known():
            Runner(self.store, self.config, worker=WORKER).work()
        lock.release()

    @contextmanager
    def working(self) -> Iterator[None]:
        thread = threading.Thread(target=self.work)
        thread.start()
        yield
        thread.join(SOON_S)
        assert not thread.is_alive()

    def until(self, job: Job, *states: State, seconds: float = SOON_S) -> Job:
        end = time.monotonic() + seconds
        while (found := self.store.jobs.get(job.id)).state not in states:
            assert time.monotonic() < end, f"{found.state}: {self.told(job)}\n{self.logs(job)}"
            assert found.state not in TERMINAL, f"{found.state} {found.error}\n{self.logs(job)}"
            time.sleep(0.05)
        return found

    def steps_done(self, job: Job) -> list[int]:
        log = self.store.job_folder(job.id) / "steps.log"
        return [int(line.split()[0]) for line in log.read_text().splitlines()] if log.exists() else []

    def until_step(self, job: Job, step: int) -> None:
        end = time.monotonic() + SOON_S
        while step not in self.steps_done(job):
            assert time.monotonic() < end, self.logs(job)
            time.sleep(0.02)

    def told(self, job: Job) -> list[str]:
        return [event.message for event in self.store.jobs.events_since(job.id, 0)]

    def worker(self, job: Job) -> int:
        end = time.monotonic() + SOON_S
        while (holder := self.store.leases.holder(job.id)) is None or holder[1] is None:
            assert time.monotonic() < end, self.logs(job)
            time.sleep(0.02)
        return holder[1]

    def runner(self) -> int:
        """The process that holds the lock, found by its command."""
        for path in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                command = path.read_bytes().split(b"\0")
            except OSError:
                continue
            if MODULE.encode() in command and str(self.root).encode() in command:
                return int(path.parent.name)
        raise AssertionError("no runner is there")

    def logs(self, job: Job) -> str:
        found = [self.root / "runner.log", self.store.job_folder(job.id) / "worker.log"]
        return "\n".join(path.read_text("utf-8") for path in found if path.exists())

    def until_quiet(self) -> None:
        end = time.monotonic() + SOON_S
        while LockFile(self.root / LOCK).is_held():
            assert time.monotonic() < end
            time.sleep(0.05)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):  # also while it is being read
        return False


def kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    while is_alive(pid):
        time.sleep(0.01)


def wait_for(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + SOON_S
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
