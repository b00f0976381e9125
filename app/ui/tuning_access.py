"""The page's way to fine-tuning jobs: this machine's are asked as they are drawn, other places' by a thread of its own.

A page never waits for the network: it reads the ledger, which the thread keeps up with.
"""

from __future__ import annotations

import datetime
import threading
import time
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from app.ui.tuning_source import run_key
from errors import GroundtuneError, StoppedError, TuningNotFoundError
from finetune.providers.wire import view

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.fine_tuning import FineTuning, PlaceStatus
    from finetune.providers.orders import JobView, SeenCheckpoint, SeenEvent
    from finetune.providers.radar import Expiry

LOCAL = "local"
AGAIN_S = 15.0  # before a job elsewhere that waits for a person, or whose place refused, is looked at again


class Access:
    """Thread-safe. Raises the errors of FineTuning."""

    def __init__(self, work: FineTuning) -> None:
        self.work = replace(work, sleep=self._pause)
        self._closed = threading.Event()
        self._threads: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._events: dict[str, tuple[SeenEvent, ...]] = {}  # by tag: what was read of the ledger
        self._watching: set[str] = set()  # keys of jobs elsewhere that a thread looks at
        self._looked: dict[str, float] = {}  # by key: when its thread last ended, by the monotonic clock
        self._notes: dict[str, str] = {}  # why a place could not be looked at, by key

    def close(self) -> None:
        """Looks at no job any more; waits until a look that has begun is over."""
        self._closed.set()
        for thread in self._threads:
            thread.join()

    def _pause(self, seconds: float) -> None:
        if self._closed.wait(seconds):
            raise StoppedError("Nobody looks at these jobs any more.")

    # --- looking ----------------------------------------------------------------------------------

    def jobs(self) -> list[JobView]:
        """The newest first; those elsewhere as they were last seen."""
        found = self.work.jobs()
        for job in found:
            self._follow(job)
        return found

    def job(self, key: str) -> JobView:
        """By `run_key`. Raises TuningNotFoundError."""
        place, _, name = key.partition(".")
        if place == LOCAL:
            return self.work.job(name, place=place)
        entry = self.work.ledger.named(name)
        if entry is None:
            raise TuningNotFoundError(f"There is no job {name!r} in the ledger.")
        job = view(entry, entry.job, place=entry.place)
        self._follow(job)
        return job

    def events(self, job: JobView) -> tuple[SeenEvent, ...]:
        """The oldest first, as far as the job was looked at."""
        if job.tag is None:
            job = self.job(run_key(job))
        tag = job.tag or job.id
        with self._lock:
            had = self._events.get(tag, ())
            new = self.work.ledger.events(tag, after=had[-1].sequence if had else 0)
            self._events[tag] = had + tuple(new)
            return self._events[tag]

    def checkpoints(self, job: JobView) -> list[SeenCheckpoint]:
        """The newest first."""
        return self.work.checkpoints(job.id)

    def note(self, job: JobView) -> str | None:
        """Why its place could not be looked at last."""
        return self._notes.get(run_key(job))

    # --- jobs elsewhere ---------------------------------------------------------------------------

    def _follow(self, job: JobView) -> None:
        key = run_key(job)
        with self._lock:
            young = time.monotonic() - self._looked.get(key, -AGAIN_S) < AGAIN_S
            if job.place == LOCAL or job.ended or job.status == "not sent" or key in self._watching or young:
                return
            self._watching.add(key)
            watching = threading.Thread(
                target=self._watch, args=(key, job.id), name=f"watch-{job.id}", daemon=True
            )
            self._threads = [*(one for one in self._threads if one.is_alive()), watching]
            watching.start()

    def _watch(self, key: str, name: str) -> None:
        """Until it has ended or waits for a person; where the place refuses, until somebody looks again."""
        try:
            for update in self.work.watch(name):
                self._told(key, update.note)
        except GroundtuneError as error:
            self._told(key, str(error))
        finally:
            with self._lock:
                self._watching.discard(key)
                self._looked[key] = time.monotonic()

    def _told(self, key: str, note: str | None) -> None:
        if note is None:
            self._notes.pop(key, None)
        else:
            self._notes[key] = note

    # --- asking -----------------------------------------------------------------------------------

    def pause(self, job: JobView) -> None:
        self.work.pause(job.id, place=job.place)

    def resume(self, job: JobView) -> None:
        self.work.resume(job.id, place=job.place)

    def cancel(self, job: JobView) -> None:
        self.work.cancel(job.id, place=job.place)

    # --- what there is ----------------------------------------------------------------------------

    def places(self) -> list[PlaceStatus]:
        return self.work.places()

    def bases(self) -> list[str]:
        """What this machine can train."""
        return [str(one["id"]) for one in self.work.models(LOCAL) if _kind(one) == "base"]

    def tuned(self) -> list[dict[str, object]]:
        """What was trained here, the newest first; checkpoints are left out."""
        found = [one for one in self.work.models(LOCAL) if _kind(one) == "tuned"]
        whole = [one for one in found if _own(one).get("step") is None]
        return sorted(whole, key=lambda one: -int(str(one.get("created") or 0)))

    def radar(self, in_use: list[str]) -> list[Expiry]:
        """By the catalogue: a page does not ask the places' own lists."""
        today = datetime.datetime.now(datetime.UTC).date()
        return self.work.radar(today=today, in_use=in_use)


def _own(model: dict[str, object]) -> dict[str, object]:
    found = model.get("x_groundtune")
    return found if isinstance(found, dict) else {}


def _kind(model: dict[str, object]) -> object:
    return _own(model).get("kind")


@lru_cache(4)
def access(workspace: Workspace) -> Access:
    """The process's, of this workspace."""
    from app.tuning_places import fine_tuning

    return Access(fine_tuning(workspace))
