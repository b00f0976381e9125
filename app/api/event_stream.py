"""/v1/fine_tuning/jobs/ID/events/stream: a job's events as they happen; no part of OpenAI's API.

Server-sent events, oldest first, each with its sequence as `id`: whoever comes back with Last-Event-ID misses none.
The last one is `event: end` with the job, after which the server closes.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.api.json_answer import as_json
from app.api.wire import event_object, job_object
from finetune.jobs.states import TERMINAL

if TYPE_CHECKING:
    from chains.cancelling import Cancellation
    from finetune.jobs.record import Event
    from finetune.jobs.store import TuningStore

LOOK_EVERY_S = 0.5
KEEP_ALIVE_S = 15.0  # a comment, so that no proxy takes the silence for an end
AT_ONCE = 100


def watch(store: TuningStore, job_id: str, sequence: int, stop: Cancellation) -> Iterator[str]:
    """Everything after `sequence`. Raises TuningNotFoundError, StoppedError."""
    store.jobs.get(job_id)
    yield ": watching\n\n"
    said = time.monotonic()
    while True:
        job = store.jobs.get(job_id)  # before its events: those of its end are then among them
        for event in _all_since(store, job_id, sequence):
            yield _block(event)
            sequence, said = event.sequence, time.monotonic()
        if job.state in TERMINAL:
            yield f"event: end\ndata: {as_json(job_object(job))}\n\n"
            return
        if time.monotonic() - said > KEEP_ALIVE_S:
            yield ": still here\n\n"
            said = time.monotonic()
        stop.wait(LOOK_EVERY_S)


def _all_since(store: TuningStore, job_id: str, sequence: int) -> Iterator[Event]:
    while found := store.jobs.events_since(job_id, sequence, AT_ONCE):
        yield from found
        sequence = found[-1].sequence


def _block(event: Event) -> str:
    return f"id: {event.sequence}\nevent: {event.type}\ndata: {as_json(event_object(event))}\n\n"
